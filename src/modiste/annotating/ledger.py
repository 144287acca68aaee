"""The log and what stands by it, changed together: the one thing that a program with several threads needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from modiste.annotating.decisions import Decision
from modiste.annotating.log import Log, open_log
from modiste.annotating.standing import Standing, replayed


@dataclass(frozen=True, eq=False)
class Ledger:
    """What was said, on disk, and what stands, in memory; the second never runs ahead of the first."""

    log: Log
    standing: Standing

    def add(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Save all decisions or none; those that were not there before. All of them are on the disk then."""
        with self.log.guard:
            fresh = self.log.add(decisions)
            self.standing.add(fresh)
        return fresh

    def undo(self, who: str, id: str | None = None) -> list[Decision]:  # noqa: A002  (what decisions call it)
        """Take back what `who` decided last, a batch as a whole; what was taken back. With an id of before, that alone is told."""
        with self.log.guard:
            before = len(self.log)
            taken = self.log.undo(who, id)
            if len(self.log) > before:
                self.standing.undo(taken)
        return taken


@contextmanager
def open_ledger(path: Path) -> Iterator[Ledger]:
    """The log at a path and what stands by it; one process at a time."""
    with open_log(path) as log:
        yield Ledger(log, replayed(log))
