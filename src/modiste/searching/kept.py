"""What was found out since the last index was finished, so that a build that was stopped goes on: records on disk, each with a checksum."""

from __future__ import annotations

import time
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modiste.records.disk import append_bytes, write_bytes

PORTION_SECONDS = 1.0  # what a kill may cost
AT_ONCE = 4096  # records read at a time
Floats = NDArray[np.float32]


def record(width: int) -> np.dtype[Any]:
    return np.dtype([("sha256", "u1", (32,)), ("confidence", "<f4"), ("label", "<i4"), ("vector", "<f4", (width,)), ("sum", "<u4")])


@dataclass(eq=False)
class Kept:
    """Vectors by the hash of a photo's bytes: a line that says whose they are, then a record each."""

    path: Path
    of: bytes  # the line
    width: int
    places: dict[bytes, int] = field(default_factory=dict)  # SHA-256 -> which record
    waiting: list[bytes] = field(default_factory=list)
    written: float = field(default_factory=time.monotonic)

    def read(self) -> None:
        """Take what is there; another network's, and a record that was cut or changed with all behind it, is written away."""
        start, whole = len(self.of), 0
        size = self.path.stat().st_size if self.path.is_file() else 0
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            if file.read(start) == self.of:
                whole = start
                while taken := self.whole_ones(file.read(AT_ONCE * self.record.itemsize)):
                    whole += taken
        if whole == size and whole:
            return
        if whole:
            with self.path.open("r+b") as file:
                file.truncate(whole)
        else:
            write_bytes(self.path, self.of)

    @property
    def record(self) -> np.dtype[Any]:
        return record(self.width)

    def whole_ones(self, data: bytes) -> int:
        """Take the records up to the first that is not as it was written; their bytes."""
        size = self.record.itemsize
        for place in range(0, len(data), size):
            one = data[place : place + size]
            if len(one) < size or zlib.crc32(one[:-4]).to_bytes(4, "little") != one[-4:]:
                return place
            self.places[one[:32]] = len(self.places)
        return len(data) // size * size

    def add(self, sha: bytes, label: int, confidence: float, vector: Floats) -> None:
        """Keep a photo's vector, with others, within a second."""
        one = np.zeros((), self.record)
        one["sha256"], one["label"], one["confidence"], one["vector"] = np.frombuffer(sha, np.uint8), label, confidence, vector
        body = one.tobytes()[:-4]
        self.places[sha] = len(self.places)
        self.waiting.append(body + zlib.crc32(body).to_bytes(4, "little"))
        if time.monotonic() - self.written > PORTION_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self.waiting:
            append_bytes(self.path, b"".join(self.waiting))
        self.waiting, self.written = [], time.monotonic()

    def records(self) -> NDArray[np.void]:
        """All records, memory-mapped."""
        self.flush()
        if not self.places:
            return np.zeros(0, self.record)
        return np.memmap(self.path, self.record, "r", len(self.of), (len(self.places),))
