"""A damaged log begun anew with every row that is surely as it was written; the damaged one is kept beside it."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from modiste.annotating.log import COLUMNS, UNDO, Row, begun, checksum, damaged, finish, open_log, said_in_words
from modiste.records.errors import Damaged
from modiste.records.lock import locked

BEYOND = 10_000  # numbers without a row after which no more are looked for
JOURNAL, SHARED = "-wal", "-shm"


@dataclass(frozen=True)
class Rescued:
    """What became of a damaged log."""

    kept: int  # rows
    lost: int  # rows, or more: of those at the end nothing may be left
    damaged: Path  # where it is now

    @property
    def words(self) -> str:
        lost = f"{self.lost:,} or more were lost: decisions, or undos of decisions that stand again now" if self.lost else "none was lost"
        return f"{self.kept:,} rows were as they were written and are taken over; {lost}. The damaged log is kept as {self.damaged}."


def rescued(path: Path) -> Rescued | None:
    """Take over what can still be read of a damaged log; None where nothing is wrong with it, `Damaged` where nothing can be read."""
    try:
        with open_log(path):
            return None
    except Damaged:
        pass
    with locked(path.with_name(f"{path.name}.lock"), str(path)), said_in_words(path):
        rows, lost = read(path)
        if not rows:
            raise damaged(path, "no row of it can be read")
        for ending in ("", JOURNAL, SHARED):
            beside(begun(path), ending).unlink(missing_ok=True)
        with open_log(begun(path)) as log:
            log.append(renumbered(rows))
        aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
        path.rename(aside)
        with suppress(FileNotFoundError):
            beside(path, JOURNAL).rename(beside(aside, JOURNAL))
        finish(path)
    return Rescued(len(rows), lost, aside)


def beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def read(path: Path) -> tuple[list[Row], int]:
    """The rows that their checksums vouch for, and how many others there were; of a copy, for reading may write to it."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        copy = Path(folder) / path.name
        for ending in ("", JOURNAL):
            with suppress(FileNotFoundError):
                shutil.copyfile(beside(path, ending), beside(copy, ending))
        with closing(sqlite3.connect(copy, isolation_level=None)) as base:
            return whole(every_row(base))


def every_row(base: sqlite3.Connection) -> Iterator[Row | None]:
    """The rows from number 1 on, each asked for alone, for one page of the file may be hurt and others whole; None for one that is lost.

    What is absent at the end is not there; what cannot be read there is one that is lost.
    """
    number = absent = 0
    hurt = False
    while absent < BEYOND:
        number += 1
        try:
            row = base.execute(f"SELECT number, {COLUMNS}, mark FROM rows WHERE number = ?", (number,)).fetchone()  # noqa: S608
        except sqlite3.DatabaseError:
            row, hurt = None, True
        if row is None:
            absent += 1
            continue
        yield from (None for _ in range(absent))
        absent, hurt = 0, False
        yield row
    if hurt:
        yield None


def whole(rows: Iterable[Row | None]) -> tuple[list[Row], int]:
    """Those rows whose checksum goes on from that of the row before, and how many do not."""
    kept, lost = list[Row](), 0
    before: object = 0
    for row in rows:
        if row is not None and isinstance(before, int) and checksum(row[:-1], before) == row[-1]:
            kept.append(row)
        else:
            lost += 1
        before = None if row is None else row[-1]
    return kept, lost


def renumbered(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows as the log is given them.

    An undo takes back all of its person from the first row that it named on: what came after that row was taken back before, be it by
    an undo that was lost.
    """
    new, standing = dict[int, int](), defaultdict[str, list[int]](list)
    for place, (number, *said, _mark) in enumerate(rows, 1):
        new[number] = place
        kind, stack = said[2], standing[said[4]]
        if kind == UNDO:
            gone = list[int]()
            first = min(map(int, said[-1].split()), default=number)
            while stack and stack[-1] >= first:
                gone.append(stack.pop())
            yield (*said[:-1], " ".join(str(new[one]) for one in gone))
        else:
            stack.append(number)
            yield tuple(said)
