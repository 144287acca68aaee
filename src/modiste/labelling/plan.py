"""What a job would do, before it does it: photos, how many are answered already, time and disk. Nothing is written."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modiste.data.layouts.shop_tables import Said
from modiste.data.layouts.sources import Source
from modiste.data.opening.crew import processors
from modiste.data.opening.hashed import content_hash
from modiste.labelling.asking import Job, answer_all
from modiste.labelling.book import Answers, Listed, Listing, kept_answers, new_listing
from modiste.labelling.labelled import Wanted, Work, check, identity, notes_of, state_of
from modiste.records.progress import Progress, Tell, silent
from modiste.serving.labeller import Labeller

WARM, TIMED = 4, 32  # photos that are tried first, and those whose time is taken
ROW_BYTES, KEPT_BYTES, NUMBER_BYTES = 130, 220, 14  # of a row beside its path and probabilities; of the state; of a probability


@dataclass(frozen=True)
class Planned:
    """What a job would do."""

    photos: int
    answered: int  # of them, before
    seconds: float  # it would take, at the pace of a few photos that were tried
    disk_bytes: int  # of the table and of what is kept beside it, at most
    notes: tuple[str, ...]


def plan(source: Source, output: Path | None, labeller: Labeller, wanted: Wanted, tell: Tell = silent) -> Planned:
    """List the source, look up what is answered, and time a few photos that are not."""
    check(source, output, wanted)
    with tempfile.TemporaryDirectory(prefix="modiste-") as folder, new_listing(Path(folder) / "list.sqlite") as listing:
        copied(output, Path(folder))
        with kept_answers(Path(folder) / "answers.sqlite", identity(labeller)) as answers:
            total = Work(source, None, labeller, wanted, answers, listing, goes_on, tell).listed()
            left, some = unanswered(source, listing, answers, total, tell)
        each = seconds_each(source, some, labeller, wanted, Path(folder))
        letters = sum(len(listed.photo) for listed in some) / len(some) if some else 40
        disk = total * (2 * letters + ROW_BYTES + KEPT_BYTES + NUMBER_BYTES * len(labeller.classes))
        return Planned(total, total - left, left * each, int(disk), notes_of(source, listing, labeller))


def copied(output: Path | None, folder: Path) -> None:
    """A copy of the answers that are kept, to look into: even that may write."""
    for kept in state_of(output).glob("answers.sqlite*") if output else ():
        shutil.copy(kept, folder)


def unanswered(source: Source, listing: Listing, answers: Answers, total: int, tell: Tell) -> tuple[int, list[Listed]]:
    """How many photos have no answer, and a few of them from all over the list."""
    if not len(answers):
        return total, [listing.at(place) for place in spread(total)]
    left, some = 0, list[Listed]()
    for number, listed in enumerate(listing.each(), 1):
        sha = content_hash(source.root, listed.path)
        if sha is None or answers.get(sha) is None:
            left += 1
            some = some if len(some) >= WARM + TIMED else [*some, listed]
        if number % 64 == 0 or number == total:
            tell(Progress("looking for answers", number, total))
    return left, some


def spread(total: int) -> list[int]:
    """Places from all over a list, counted from 1.

    >>> spread(3)
    [1, 2, 3]
    """
    most = min(total, WARM + TIMED)
    return [1 + number * total // most for number in range(most)]


def seconds_each(source: Source, some: Sequence[Listed], labeller: Labeller, wanted: Wanted, folder: Path) -> float:
    """How long a photo takes, once all is warm."""
    timed = some[WARM:] or some
    for part in (some[:WARM], timed):
        began = time.perf_counter()
        with new_listing(folder / "few.sqlite") as listing, kept_answers(None, "a trial") as answers:
            total = listing.fill(((Said(listed.photo, listed.path), None) for listed in part), sort=False, limit=None)
            answer_all(
                Job(source, listing, answers, labeller, total, lambda _told: None, goes_on), wanted.threads or processors(), wanted.workers
            )
    return (time.perf_counter() - began) / max(1, len(timed))


def goes_on(_done: int) -> None:
    """Nobody stops a plan but by ending it."""
