"""What is kept on disk while photos are labelled: answers by the hash of a photo's bytes, and the list of the photos."""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modiste.data.layouts.shop_tables import Said
from modiste.records.errors import MachineError

VERSION = "1"  # raised whenever the same bytes and the same network may give another answer
AT_ONCE, SECONDS = 512, 1.0  # what is written together: so many photos, or what came in so long
MEMORY = ":memory:"
LISTED = "SELECT place, photo, path, own, sha, reason FROM photos"
Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Answer:
    """What came of a photo's bytes: values (K + 1,), the probabilities and the strangeness (NaN: cannot tell), or a reason."""

    values: Floats | None
    reason: str = ""


class Broken(Exception):
    """A file of answers that is damaged: it is thrown away, which costs time alone."""


@dataclass(eq=False)
class Answers:
    """Answers by hash, each batch on the disk before it is counted as done. They are of one network, whose name is `of`."""

    path: Path
    of: str
    base: sqlite3.Connection
    waiting: int = 0
    written: float = 0.0  # when the first of those that wait came

    def get(self, sha: bytes) -> Answer | None:
        """The answer that was kept for these bytes; one that is not as it was written is none."""
        with words(self.path):
            row = self.base.execute("SELECT reason, said, mark FROM answers WHERE sha = ?", (sha,)).fetchone()
        if row is None or row[2] != mark(sha, row[0], row[1]):
            return None
        return Answer(None if row[0] else np.frombuffer(row[1], np.float32), row[0])

    def add(self, sha: bytes, answer: Answer) -> None:
        """Keep an answer, with others, within a second."""
        said = b"" if answer.values is None else answer.values.astype(np.float32).tobytes()
        with words(self.path):
            self.base.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", (sha, answer.reason, said, mark(sha, answer.reason, said))
            )
        self.written = self.written if self.waiting else time.monotonic()
        self.waiting += 1
        if self.waiting >= AT_ONCE or time.monotonic() > self.written + SECONDS:
            self.commit()

    def commit(self) -> None:
        with words(self.path):
            self.base.commit()
        self.waiting = 0

    def __len__(self) -> int:
        with words(self.path):
            return int(self.base.execute("SELECT count(*) FROM answers").fetchone()[0])


@contextmanager
def kept_answers(path: Path | None, of: str) -> Iterator[Answers]:
    """The answers that a network gave before; a damaged file, or one of another network, is emptied. Without a path, in memory."""
    path = path or Path(MEMORY)
    try:
        base = opened(path, of)
    except Broken:
        for left in path.parent.glob(f"{path.name}*"):
            left.unlink()
        base = opened(path, of)
    try:
        yield Answers(path, of, base)
    finally:
        with suppress(sqlite3.Error):  # what was not committed is not counted as done
            base.close()


def opened(path: Path, of: str) -> sqlite3.Connection:
    """The data base, its journal flushed at each commit, this process alone at work on it."""
    with words(path):
        base = sqlite3.connect(path)
        try:
            for setting in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
                base.execute(f"PRAGMA {setting}")
            if base.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise Broken
            base.execute("CREATE TABLE IF NOT EXISTS about (of TEXT)")
            base.execute("CREATE TABLE IF NOT EXISTS answers (sha BLOB PRIMARY KEY, reason TEXT, said BLOB, mark INTEGER) WITHOUT ROWID")
            if base.execute("SELECT of FROM about").fetchall() != [(of,)]:
                base.execute("DELETE FROM answers")
                base.execute("DELETE FROM about")
                base.execute("INSERT INTO about VALUES (?)", (of,))
            base.commit()
        except BaseException as error:
            base.close()
            if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                raise Broken from error
            raise
    return base


def mark(sha: bytes, reason: str, said: bytes) -> int:
    return zlib.crc32(sha + reason.encode() + said)


@contextmanager
def words(path: Path) -> Iterator[None]:
    """What the data base complains of, in words."""
    try:
        yield
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorname", "")
        what = "No space left on device" if code == "SQLITE_FULL" else str(error)
        raise MachineError(
            f"{path.parent} could not be written: {what}. What was done before is kept: make room, and the same command goes on from there."
        ) from error
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:  # a mistake of ours
            raise
        raise MachineError(
            f"{path} was damaged while it was in use: {error}. Delete it, which costs time alone, and look at the disk."
        ) from error
    except OSError as error:
        raise MachineError(f"{path.parent} could not be written: {error.strerror}. What was done before is kept.") from error


@dataclass(frozen=True, slots=True)
class Listed:
    """A photo's place in the list, and what is known of it so far: `sha` of its bytes and, where it has no answer by that, a reason."""

    place: int
    photo: str
    path: str
    own: int | None  # the class that its source speaks of
    sha: bytes | None
    reason: str


@dataclass(eq=False)
class Listing:
    """The photos of a source in order, made anew by each command; a crash loses it, and nothing else."""

    path: Path
    base: sqlite3.Connection
    twice: int = 0  # rows that named a photo that was named before

    def fill(self, photos: Iterable[tuple[Said, int | None]], sort: bool, limit: int | None) -> int:
        """Take in all photos, or the first so many, each path once; how many there are."""
        with words(self.path):
            for said, own in photos:
                taken = self.base.execute(
                    "INSERT OR IGNORE INTO found (path, photo, own) VALUES (?, ?, ?)", (coded(said.path), coded(said.photo), own)
                ).rowcount
                self.twice += taken < 1
                if not sort and limit is not None and self.count("found") >= limit:
                    break
            order, most = "path" if sort else "number", "" if limit is None else f"LIMIT {limit:d}"
            self.base.execute(f"INSERT INTO photos (path, photo, own) SELECT path, photo, own FROM found ORDER BY {order} {most}")  # noqa: S608
            self.base.execute("DROP TABLE found")
            return self.count("photos")

    def count(self, table: str) -> int:
        return int(self.base.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0)  # noqa: S608  (names of ours)

    def each(self, at_once: int = 500) -> Iterator[Listed]:
        """Every photo in order, some read at a time, so that they may be marked on the way."""
        place = 0
        while True:
            with words(self.path):
                rows = self.base.execute(f"{LISTED} WHERE place > ? ORDER BY place LIMIT ?", (place, at_once)).fetchall()
            for number, photo, path, own, sha, reason in rows:
                yield Listed(number, decoded(photo), decoded(path), own, sha, reason)
            if not rows:
                return
            place = rows[-1][0]

    def mark(self, place: int, sha: bytes | None, reason: str = "") -> None:
        with words(self.path):
            self.base.execute("UPDATE photos SET sha = ?, reason = ? WHERE place = ?", (sha, reason, place))

    def judged(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Remember what was decided: (place, decision, reason, label, margin, whether its source disagrees) each."""
        with words(self.path):
            self.base.executemany("INSERT INTO judged VALUES (?, ?, ?, ?, ?, ?)", rows)

    def places(self, which: str, order: str, most: int = -1) -> Iterator[int]:
        """The places of photos that were decided so, in an order of the columns of `judged`."""
        with words(self.path):
            for (place,) in self.base.execute(f"SELECT place FROM judged WHERE {which} ORDER BY {order}, place LIMIT {most:d}"):  # noqa: S608
                yield int(place)

    def at(self, place: int) -> Listed:
        """One photo of the list."""
        with words(self.path):
            number, photo, path, own, sha, reason = self.base.execute(f"{LISTED} WHERE place = ?", (place,)).fetchone()
        return Listed(number, decoded(photo), decoded(path), own, sha, reason)

    def odd_names(self) -> bool:
        """Whether a photo is called what is not UTF-8."""
        try:
            for one in self.base.execute("SELECT photo FROM photos"):
                one[0].decode()
        except UnicodeDecodeError:
            return True
        return False


@contextmanager
def new_listing(path: Path | None) -> Iterator[Listing]:
    """An empty list in a file that goes with it; without a path, in a file of the system's."""
    if path is not None:
        for left in path.parent.glob(f"{path.name}*"):
            left.unlink()
    place = path or Path("a file for the list of photos")
    with words(place):
        base = sqlite3.connect(path or "", isolation_level=None)
    try:
        with words(place):
            for setting in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
                base.execute(f"PRAGMA {setting}")
            base.execute("CREATE TABLE found (number INTEGER PRIMARY KEY, path BLOB UNIQUE, photo BLOB, own INTEGER)")
            base.execute(
                "CREATE TABLE photos (place INTEGER PRIMARY KEY, path BLOB, photo BLOB, own INTEGER, sha BLOB, "
                "reason TEXT NOT NULL DEFAULT '')"
            )
            base.execute(
                "CREATE TABLE judged (place INTEGER PRIMARY KEY, decision TEXT, reason TEXT, label INTEGER, margin REAL, disagrees INTEGER)"
            )
            base.execute("BEGIN")
        yield Listing(place, base)
    finally:
        with suppress(sqlite3.Error):
            base.close()
        if path is not None:
            for left in path.parent.glob(f"{path.name}*"):
                with suppress(OSError):
                    left.unlink()


def coded(text: str) -> bytes:
    """Text as UTF-8, or as the bytes of a file's name."""
    return text.encode("utf-8", "surrogateescape")


def decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
