"""The log of decisions on disk: rows that are only added to, each with a checksum that goes on from the one before it."""

from __future__ import annotations

import sqlite3
import sys
import threading
import uuid
import zlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from modiste.annotating.decisions import Decision, check_id, check_who, now
from modiste.records.disk import sync_folder
from modiste.records.errors import Damaged, MachineError, ModisteError
from modiste.records.lock import locked

VERSION = 1
UNDO = "undo"  # the kind of a row that takes back the rows it names
COLUMNS = "id, photo, kind, label, who, how, suggested, confidence, model, batch, seconds, sha256, at, undoes"
SETTINGS = ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL", "trusted_schema = OFF")
AT_ONCE = 2000
FIELDS = [getattr(Decision, one.name).__set__ for one in fields(Decision)]
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Undo:
    """Decisions that were taken back together, the last first."""

    id: str
    who: str
    decisions: tuple[Decision, ...]
    at: str


@dataclass(eq=False)
class Log:
    """All that was decided and taken back, in order. What `add` and `undo` return from is on the disk; threads may share it."""

    path: Path
    base: sqlite3.Connection
    guard: threading.RLock = field(default_factory=threading.RLock)
    mark: int = 0  # of the last row
    stacks: dict[str, array[int]] = field(default_factory=lambda: defaultdict(lambda: array("q")))  # numbers of the rows of each that stand

    def add(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Write all decisions or none; those that were not there before, with their time. All of them are on the disk then.

        A decision is known by its id: what was written before is not written again, and the same id saying something else is refused.
        """
        with self.guard, said_in_words(self.path):
            fresh = [replace(one, at=now()) if one.at == "" else one for one in self.unknown_of(decisions)]
            numbers = self.append([(*values(one), None) for one in fresh])
            for one, number in zip(fresh, numbers, strict=True):
                self.stacks[one.who].append(number)
            return fresh

    def undo(self, who: str, id: str | None = None) -> list[Decision]:  # noqa: A002  (what decisions call it)
        """Take back what `who` decided last of all that still stands, a batch as a whole; what was taken back, the last first.

        With an `id` that was used before, this tells what was taken back then and changes nothing.
        """
        check_who(who)
        with self.guard, said_in_words(self.path):
            if id is not None and (before := self.undo_called(id, who)) is not None:
                return before
            numbers = self.last_of(who)
            taken = self.numbered(numbers)
            if numbers or id is not None:
                name = id or uuid.uuid4().hex
                self.append([(name, None, UNDO, None, who, UNDO, *(None,) * 6, now(), " ".join(map(str, numbers)))])
                del self.stacks[who][len(self.stacks[who]) - len(numbers) :]
            return taken

    def each(self) -> Iterator[Decision | Undo]:
        """Everything in the order in which it was written."""
        last = 0
        while True:
            with self.guard, said_in_words(self.path):
                rows = self.rows("number > ? ORDER BY number LIMIT ?", last, AT_ONCE)
            for row in rows:
                yield self.undo_of(row) if row[3] == UNDO else decision_of(row)
            if not rows:
                return
            last = rows[-1][0]

    def __len__(self) -> int:
        with self.guard, said_in_words(self.path):
            return int(self.base.execute("SELECT max(number) FROM rows").fetchone()[0] or 0)

    def knows(self, id: str) -> bool:  # noqa: A002
        """Whether a decision or an undo of this name was written."""
        with self.guard, said_in_words(self.path):
            return self.called(id) is not None

    def unknown_of(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Those decisions that are not in the log, each once."""
        found: dict[str, Decision] = {}
        for one in decisions:
            known = found.get(one.id) or self.called(one.id)
            if known is None:
                found[one.id] = one
            elif content(known) != content(one):
                raise ModisteError(
                    f"a decision called {one.id} was saved before, and said something else. Nothing was saved; make a new id."
                )
        return list(found.values())

    def called(self, id: str) -> Decision | Undo | None:  # noqa: A002
        rows = self.rows("id = ?", id)
        return None if not rows else self.undo_of(rows[0]) if rows[0][3] == UNDO else decision_of(rows[0])

    def undo_called(self, id: str, who: str) -> list[Decision] | None:  # noqa: A002
        """What an undo of this name took back; None where there was none."""
        check_id("id", id)
        known = self.called(id)
        if known is not None and not (isinstance(known, Undo) and known.who == who):
            raise ModisteError(f"the id {id} was used before for something else. Nothing was taken back; make a new one.")
        return None if known is None else list(known.decisions)

    def last_of(self, who: str) -> list[int]:
        """The rows of the last decision of somebody that stands, or of its whole batch, the last first."""
        stack = self.stacks.get(who) or array("q")
        numbers: list[int] = []
        batch = None
        for number in reversed(stack):
            (own,) = self.base.execute("SELECT batch FROM rows WHERE number = ?", (number,)).fetchone()
            if numbers and (own is None or own != batch):
                break
            batch = own
            numbers.append(number)
        return numbers

    def numbered(self, numbers: Iterable[int]) -> list[Decision]:
        return [decision_of(self.rows("number = ?", number)[0]) for number in numbers]

    def undo_of(self, row: Row) -> Undo:
        with self.guard, said_in_words(self.path):
            return Undo(row[1], row[5], tuple(self.numbered(map(int, row[14].split()))), row[13])

    def rows(self, which: str, *given: object) -> list[Row]:
        return self.base.execute(f"SELECT number, {COLUMNS} FROM rows WHERE {which}", given).fetchall()  # noqa: S608  (words of ours)

    def append(self, rows: Iterable[Row]) -> range:
        """Write rows in one transaction, flushed to the disk before this returns; their numbers."""
        start, mark, marked = len(self) + 1, self.mark, []
        for number, row in enumerate(rows, start):
            mark = checksum((number, *row), mark)
            marked.append((number, *row, mark))
        if not marked:
            return range(0)
        try:
            self.base.execute("BEGIN IMMEDIATE")
            self.base.executemany(f"INSERT INTO rows (number, {COLUMNS}, mark) VALUES ({', '.join('?' * 16)})", marked)  # noqa: S608
            self.base.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self.base.execute("ROLLBACK")
            raise
        self.mark = mark
        return range(start, start + len(marked))

    def check(self) -> None:
        """Look at every row once: none missing, none changed; and learn from them what may be taken back."""
        for row in self.base.execute(f"SELECT number, {COLUMNS}, mark FROM rows ORDER BY number"):  # noqa: S608
            self.mark = checksum(row[:-1], self.mark)
            if self.mark != row[-1]:
                raise damaged(self.path, f"row {row[0]} is not as it was written, or rows before it are missing")
            stack = self.stacks[row[5]]
            if row[3] != UNDO:
                stack.append(row[0])
            elif row[14]:
                del stack[len(stack) - len(row[14].split()) :]


@contextmanager
def open_log(path: Path) -> Iterator[Log]:
    """The log at a path, made where there is none; `Busy` where another process has it, `Damaged` where it is not as it was written."""
    with locked(path.with_name(f"{path.name}.lock"), str(path)):
        with said_in_words(path):
            finish(path)
            base = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            with said_in_words(path):
                prepare(base, path)
                log = Log(path, base)
                log.check()
            yield log
        finally:
            with suppress(sqlite3.Error):  # what was saved is in the journal, and read from there
                base.close()


def begun(path: Path) -> Path:
    """Where a log is written that is to take the place of a damaged one."""
    return path.with_name(f"{path.name}.rescued")


def finish(path: Path) -> None:
    """Have a log that was begun take the place of the one that was moved away for it, whose journal would be read as its own."""
    if not path.exists() and begun(path).is_file():
        with suppress(FileNotFoundError):
            path.with_name(f"{path.name}-wal").rename(path.with_name(f"{path.name}.damaged-wal"))
        path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
        begun(path).rename(path)
        sync_folder(path.parent)


def prepare(base: sqlite3.Connection, path: Path) -> None:
    """Make the tables where there are none; refuse what is damaged, or of another kind."""
    for setting in SETTINGS:
        base.execute(f"PRAGMA {setting}")
    if (found := base.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise damaged(path, found)
    tables = {name for (name,) in base.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not tables:
        base.execute("BEGIN IMMEDIATE")
        base.execute("CREATE TABLE decisions_of_modiste (version INTEGER)")
        base.execute("INSERT INTO decisions_of_modiste VALUES (?)", (VERSION,))
        base.execute(
            f"CREATE TABLE rows (number INTEGER PRIMARY KEY, {COLUMNS.replace('id,', 'id TEXT UNIQUE NOT NULL,', 1)}, mark INTEGER)"
        )
        base.execute("COMMIT")
        sync_folder(path.parent)
    elif "decisions_of_modiste" not in tables:
        raise ModisteError(f"{path} is no log of decisions; it belongs to another program. Give another place.")
    elif base.execute("SELECT version FROM decisions_of_modiste").fetchone() != (VERSION,):
        raise ModisteError(f"{path} was written by a newer modiste. Bring this one up to date.")


def decision_of(row: Row) -> Decision:
    """A row as the decision it was, which was checked when it was made; what many decisions share is held once."""
    _, name, photo, kind, label, who, how, suggested, confidence, model, batch, seconds, sha, at, _ = row
    said = (photo.decode("utf-8", "surrogateescape"), kind, label, who, how, suggested, model, batch, sha)
    path, kind, label, who, how, suggested, model, batch, sha = [text and sys.intern(text) for text in said]
    one = object.__new__(Decision)
    for set_field, value in zip(
        FIELDS, (name, path, kind, label, who, how, suggested, confidence, model, batch, seconds, sha, at), strict=True
    ):
        set_field(one, value)
    return one


def values(one: Decision) -> Row:
    """A decision as a row has it: numbers as floats, so that they are read as they were written."""
    numbers = [None if number is None else float(number) for number in (one.confidence, one.seconds)]
    photo = one.photo.encode("utf-8", "surrogateescape")
    said = (one.id, photo, one.kind, one.label, one.who, one.how, one.suggested, numbers[0], one.model, one.batch, numbers[1])
    return (*said, one.sha256, one.at)


def content(one: Decision | Undo) -> Row:
    """What a person said. What a model had suggested may be filled in otherwise when the same is sent again."""
    return () if isinstance(one, Undo) else (one.photo, one.kind, one.label, one.who, one.how, one.batch)


def checksum(row: Row, before: int) -> int:
    return zlib.crc32(ascii(row).encode(), before)  # not repr: what it escapes changes with Unicode, from one Python to the next


def damaged(path: Path, what: str) -> Damaged:
    return Damaged(
        f"{path} is damaged: {what}. Nothing was changed. Put a copy of it there that is whole, "
        "or begin it anew with all that can still be read: `modiste app PROJECT --rescue`."
    )


@contextmanager
def said_in_words(path: Path) -> Iterator[None]:
    """What the data base complains of, in words."""
    try:
        yield
    except sqlite3.OperationalError as error:
        full = getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"
        what = "no space left on the disk" if full else str(error)
        raise MachineError(
            f"{path} could not be written or read: {what}. What was saved before is kept; nothing of this was saved."
        ) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # a damaged schema is no text
        raise damaged(path, str(error)) from error
    except OSError as error:
        raise MachineError(f"{path} could not be written or read: {error.strerror}. What was saved before is kept.") from error
