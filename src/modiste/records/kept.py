"""What was found out about photos, kept on disk by the hash of their bytes: records that are only added to, each with a checksum."""

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
CHECK_BYTES = 4


@dataclass(eq=False)
class Kept:
    """Records of one shape, one a hash, behind a line that says whose they are. `fields` are NumPy's: [("vector", "<f4", (1280,))]."""

    path: Path
    of: bytes  # the line
    fields: list[tuple[Any, ...]]
    places: dict[bytes, int] = field(default_factory=dict)  # SHA-256 -> which record
    count: int = 0  # records, also of what stands there twice
    waiting: list[bytes] = field(default_factory=list)
    written: float = field(default_factory=time.monotonic)

    @property
    def record(self) -> np.dtype[Any]:
        return np.dtype([("sha256", "u1", (32,)), *self.fields, ("sum", "<u4")])

    def read(self) -> None:
        """Take what is there; another's, and a record that was cut or changed with all behind it, is written away."""
        start, whole = len(self.of), 0
        size = self.path.stat().st_size if self.path.is_file() else 0
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            if file.read(start) == self.of:
                whole = start
                while taken := self.whole_ones(file.read(AT_ONCE * self.record.itemsize)):
                    whole += taken
        if whole == size and whole:
            return
        write_bytes(self.path, self.path.read_bytes()[:whole] if whole else self.of)  # anew: who has the old file mapped keeps it

    def whole_ones(self, data: bytes) -> int:
        """Take the records up to the first that is not as it was written; their bytes."""
        size = self.record.itemsize
        for place in range(0, len(data), size):
            one = data[place : place + size]
            if len(one) < size or checksum(one[:-CHECK_BYTES]) != one[-CHECK_BYTES:]:
                return place
            self.places[one[:32]] = self.count
            self.count += 1
        return len(data) // size * size

    def add(self, sha: bytes, *values: Any) -> None:
        """Keep what was found out about a photo, a value a field, with others, within a second; what is known already stays."""
        if sha in self.places:
            return
        one = np.array((np.frombuffer(sha, np.uint8), *values, 0), self.record)
        body = one.tobytes()[:-CHECK_BYTES]
        self.places[sha] = self.count
        self.count += 1
        self.waiting.append(body + checksum(body))
        if time.monotonic() - self.written > PORTION_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self.waiting:
            append_bytes(self.path, b"".join(self.waiting))
        self.waiting, self.written = [], time.monotonic()

    def records(self) -> NDArray[np.void]:
        """All records, memory-mapped."""
        self.flush()
        if not self.count:
            return np.zeros(0, self.record)
        return np.memmap(self.path, self.record, "r", len(self.of), (self.count,))


def checksum(body: bytes) -> bytes:
    return zlib.crc32(body).to_bytes(CHECK_BYTES, "little")
