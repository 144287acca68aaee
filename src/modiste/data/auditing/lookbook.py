"""Looks kept on disk: books of lines that are only ever added to, each written by one program and read by all."""

from __future__ import annotations

import os
import secrets
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modiste.data.auditing.look import SIDE, SMALL
from modiste.data.opening.refusals import PhotoRefused
from modiste.records.disk import sync_folder
from modiste.records.errors import MachineError

VERSION = 2  # raised whenever a field of LOOK or the way it is measured changes
AT_ONCE, SECONDS = 256, 2.0  # what is written together: so many photos, or what came in so long
LINE = np.dtype([("key", "S16"), ("reason", "S24"), ("detail", "S96"), ("small", SMALL), ("check", "<u4")])


@dataclass(frozen=True, eq=False)
class Book:
    """What one book holds, both on disk: its lines (M,) and its thumbnails (M, S, S, 3)."""

    lines: NDArray[np.void]
    thumbs: NDArray[np.uint8]


@dataclass(eq=False)
class Writer:
    """A book that is being written, under a name that nobody else writes; it comes to be with its first line."""

    stem: Path
    lines: list[NDArray[np.void]] = field(default_factory=list)
    thumbs: list[NDArray[np.uint8]] = field(default_factory=list)
    written: float = field(default_factory=time.monotonic)

    def add(self, key: bytes, made: NDArray[np.void] | PhotoRefused) -> None:
        """Take in one look, or the reason why there is none."""
        self.lines.append(line(key, made))
        self.thumbs.append(np.zeros((SIDE, SIDE, 3), np.uint8) if isinstance(made, PhotoRefused) else made["thumb"])
        if len(self.lines) >= AT_ONCE or time.monotonic() > self.written + SECONDS:
            self.write()

    def write(self) -> None:
        """Thumbnails reach the disk before the lines that speak of them, so that a line is never without its thumbnail."""
        if not self.lines:
            return
        try:
            append(self.stem.with_suffix(".thumbs"), np.stack(self.thumbs).tobytes())
            append(self.stem.with_suffix(".lines"), np.stack(self.lines).tobytes())
        except OSError as error:
            raise MachineError(f"{self.stem.parent} could not be written: {error.strerror}. What was looked at before is kept.") from error
        self.lines, self.thumbs, self.written = [], [], time.monotonic()


def new_book(folder: Path, owner: str) -> Writer:
    """A book of its own for each program that writes: two at once never meet."""
    return Writer(folder / f"looks{VERSION}-{owner}-{os.getpid()}-{secrets.token_hex(4)}")


def books(folder: Path, owner: str) -> list[Book]:
    """Every book that was written for one owner; what a kill or a power loss left half written is not there."""
    return [read_book(file) for file in sorted(folder.glob(f"looks{VERSION}-{owner}-*.lines"))]


def read_book(file: Path) -> Book:
    """The lines of a book up to the first torn one, and as many thumbnails."""
    thumbs = file.with_suffix(".thumbs")
    held = thumbs.stat().st_size // (SIDE * SIDE * 3) if thumbs.is_file() else 0
    count = min(held, file.stat().st_size // LINE.itemsize)
    if not count:
        return Book(np.zeros(0, LINE), np.zeros((0, SIDE, SIDE, 3), np.uint8))
    lines = np.memmap(file, LINE, "r", shape=(count,))
    whole = next((place for place, one in enumerate(lines) if one["check"] != check(one)), count)
    return Book(lines[:whole], np.memmap(thumbs, np.uint8, "r", shape=(count, SIDE, SIDE, 3)))


def find(keys: NDArray[np.bytes_], kept: Sequence[Book]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """In which book, and in which of its rows, each of some keys (N,) stands; -1 where none has it."""
    book, row = np.full(len(keys), -1, np.int32), np.full(len(keys), -1, np.int64)
    for number, one in enumerate(kept):
        if not len(one.lines):
            continue
        order = np.argsort(one.lines["key"], kind="stable")
        known = one.lines["key"][order]
        place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        here = known[place] == keys
        book[here], row[here] = number, order[place[here]]
    return book, row


def line(key: bytes, made: NDArray[np.void] | PhotoRefused) -> NDArray[np.void]:
    """One line (): a key, and what was seen or why nothing was."""
    one = np.zeros((), LINE)
    one["key"] = key
    if isinstance(made, PhotoRefused):
        one["reason"], one["detail"] = made.reason.encode(), made.detail.encode("utf-8", "replace")[:96]
    else:
        one["small"] = made["small"]
    one["check"] = check(one)
    return one


def check(one: NDArray[np.void]) -> int:
    return zlib.crc32(one.tobytes()[: -LINE["check"].itemsize])


def refusal(one: NDArray[np.void], where: str) -> PhotoRefused:
    """Why a line has no look."""
    return PhotoRefused(where, bytes(one["reason"]).decode(), bytes(one["detail"]).decode("utf-8", "ignore"))


def append(file: Path, data: bytes) -> None:
    """Add to a file, and come back when it is on the disk."""
    file.parent.mkdir(parents=True, exist_ok=True)
    is_new = not file.exists()
    with file.open("ab") as book:
        book.write(data)
        book.flush()
        os.fsync(book.fileno())
    if is_new:
        sync_folder(file.parent)
