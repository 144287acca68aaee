"""Decoded photos on disk: one folder a pixels setting, a slot a photo, found by the SHA-256 of the photo's bytes."""

from __future__ import annotations

import os
import re
import shutil
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from modiste.records.disk import append_text, sync_folder
from modiste.records.errors import MachineError

LINE = re.compile(rb"([0-9a-f]{64}) ([0-9a-f]{8})\n")  # a slot's photo, and the crc32 of its pixels
LINE_BYTES = 74
SPARE_BYTES, SPARE_SHARE = 10**9, 0.05  # of the disk, left free: the smaller of the two


@dataclass(frozen=True)
class Slots:
    """A folder with `pixels.bin`, slot after slot, and `index.txt`, a line a slot; what no line tells of is not there."""

    folder: Path
    shape: tuple[int, ...]  # of one slot: S, S, C

    @property
    def pixels(self) -> Path:
        return self.folder / "pixels.bin"

    @property
    def index(self) -> Path:
        return self.folder / "index.txt"

    @property
    def slot_bytes(self) -> int:
        return prod(self.shape)


def kept(slots: Slots, wanted: set[str]) -> tuple[NDArray[np.uint8], dict[str, int]]:
    """All slots, (M, S, S, C), mapped to be read, and where in them the wanted photos lie.

    A slot that is not what was written is nowhere. Read by handle, for a bad disk kills whoever meets it through a mapping.
    """
    try:
        lines = list(told(slots))
        with slots.pixels.open("rb", buffering=0) as file:
            count = min(len(lines), os.fstat(file.fileno()).st_size // slots.slot_bytes)
            latest = {line[0]: (place, line[1]) for place, line in enumerate(lines[:count]) if line and line[0] in wanted}
            buffer = bytearray(slots.slot_bytes)
            places = {digest: place for digest, (place, crc) in latest.items() if is_whole(file, place, crc, buffer)}
            if count:
                return np.memmap(file, np.uint8, "r", shape=(count, *slots.shape)), places
    except FileNotFoundError:  # never begun, or another process made room
        pass
    return np.empty((0, *slots.shape), np.uint8), {}


def told(slots: Slots) -> Iterator[tuple[str, int] | None]:
    """What the index says of each slot: digest and crc32, or None where a line was damaged."""
    text = slots.index.read_bytes()
    for start in range(0, len(text) - LINE_BYTES + 1, LINE_BYTES):
        found = LINE.fullmatch(text, start, start + LINE_BYTES)
        yield (found[1].decode(), int(found[2], 16)) if found else None


def is_whole(file: BinaryIO, place: int, crc: int, buffer: bytearray) -> bool:
    try:
        file.seek(place * len(buffer))
        return file.readinto(buffer) == len(buffer) and zlib.crc32(buffer) == crc  # type: ignore[attr-defined]
    except OSError:
        return False


def mend(slots: Slots) -> None:
    """Cut off what a killed writer left: pixels without their line, half a line. Only for whoever holds the lock."""
    there = {file: file.stat().st_size for file in (slots.index, slots.pixels) if file.exists()}
    count = min(there.get(slots.index, 0) // LINE_BYTES, there.get(slots.pixels, 0) // slots.slot_bytes)
    try:
        for file in there:  # lines first: none may ever tell of a slot that is not there
            os.truncate(file, count * (LINE_BYTES if file == slots.index else slots.slot_bytes))
    except OSError as error:
        raise MachineError(f"{slots.folder} could not be written: {error.strerror}. It may be deleted, or give another --runs.") from error


def append(slots: Slots, photos: Sequence[tuple[str, NDArray[np.uint8]]]) -> None:
    """Add decoded photos, (SHA-256, pixels) each: first the pixels, once those are on disk their lines."""
    before = slots.pixels.stat().st_size if slots.pixels.exists() else 0
    try:
        slots.folder.mkdir(parents=True, exist_ok=True)
        with slots.pixels.open("ab") as file:
            for _, pixels in photos:
                file.write(pixels.tobytes())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):  # give back at once what a full disk has no use for
            os.truncate(slots.pixels, before)
        raise MachineError(f"{slots.pixels} could not be written: {error.strerror}. What was decoded before is kept.") from error
    sync_folder(slots.folder)
    append_text(slots.index, "".join(f"{digest} {zlib.crc32(pixels.tobytes()):08x}\n" for digest, pixels in photos))


def make_room(slots: Slots, lacking: int, needed: int, limit_bytes: int) -> bool:
    """Whether `lacking` more photos, of all that are `needed`, fit into the cache; what was used longest ago goes first.

    Settings that are not asked for go before this one's own photos, and nothing goes where that would not help.
    """
    cache = slots.folder.parent
    for former in (*cache.glob("pixels-*.npy"), *cache.glob(".pixels-*.part")):  # one file a set of photos: no longer read
        with suppress(OSError):
            former.unlink()
    if needed * slots.slot_bytes > room(cache, limit_bytes) + size(cache):
        return False
    others = sorted((folder for folder in cache.glob("pixels-*") if folder != slots.folder), key=last_used)
    for folder in others:
        if lacking * slots.slot_bytes <= room(cache, limit_bytes):
            return True
        remove(folder)
    if lacking * slots.slot_bytes > room(cache, limit_bytes):
        remove(slots.folder)
        lacking = needed
    return lacking * slots.slot_bytes <= room(cache, limit_bytes)


def room(cache: Path, limit_bytes: int) -> int:
    """Bytes that the cache may still grow by."""
    disk = shutil.disk_usage(cache)
    return min(limit_bytes - size(cache), disk.free - int(min(SPARE_BYTES, SPARE_SHARE * disk.total)))


def size(cache: Path) -> int:
    return sum(file.stat().st_size for file in cache.glob("pixels-*/*"))


def touch(slots: Slots) -> None:
    """Note that these photos are used now."""
    with suppress(OSError):  # another's cache, which may only be read
        os.utime(slots.index)


def last_used(folder: Path) -> float:
    index = folder / "index.txt"
    return index.stat().st_mtime if index.exists() else 0.0


def remove(folder: Path) -> None:
    """The index goes first: pixels without it are nothing. Whoever has the pixels mapped keeps them."""
    with suppress(OSError):
        (folder / "index.txt").unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
