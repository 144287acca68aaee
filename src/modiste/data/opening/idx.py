"""IDX files, the form of MNIST and its kin: arrays of bytes, gzipped or not, whose pictures are given as BMP files."""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modiste.records.errors import ModisteError

Bytes = NDArray[np.uint8]
MOST_VALUES = 1_000_000_000
GREYS = b"".join(bytes((grey, grey, grey, 0)) for grey in range(256))


def idx_values(name: str, held: Path | bytes) -> Bytes:
    """The array in an IDX file, after its magic number and its sizes were found to be right."""
    try:
        data = held if isinstance(held, bytes) else held.read_bytes()
        stream = gzip.GzipFile(fileobj=io.BytesIO(data)) if data.startswith(b"\x1f\x8b") else io.BytesIO(data)
        head = stream.read(4)
        if len(head) < 4 or head[:3] != b"\0\0\x08":  # 0x08: unsigned bytes; then the number of axes
            raise ModisteError(f"{name} is not the file it should be: no IDX file of bytes begins with {head!r}. Fetch it again.")
        sizes = struct.unpack(f">{head[3]}I", stream.read(4 * head[3]))
        wanted = math.prod(sizes)
        values = stream.read(min(wanted, MOST_VALUES) + 1)  # no more than its head promises, whatever it unpacks to
    except (OSError, EOFError, ValueError, zlib.error, struct.error) as error:
        raise ModisteError(f"{name} cannot be unpacked ({error}). Fetch it again.") from error
    if len(values) != wanted:
        raise ModisteError(f"{name} is not the file it should be: its head says {list(sizes)}, which is not what follows. Fetch it again.")
    return np.frombuffer(values, np.uint8).reshape(sizes)


def bmp(pixels: Bytes) -> bytes:
    """Grey pixels (H, W) as a BMP file; the same pixels give the same bytes, always."""
    high, wide = pixels.shape
    rows = np.zeros((high, -(-wide // 4) * 4), np.uint8)  # each row is filled up to whole groups of four bytes
    rows[:, :wide] = pixels[::-1]  # the lowest row comes first
    start = 14 + 40 + len(GREYS)
    file = struct.pack("<2sIHHI", b"BM", start + rows.size, 0, 0, start)
    picture = struct.pack("<IiiHHIIiiII", 40, wide, high, 1, 8, 0, rows.size, 2835, 2835, 256, 256)
    return file + picture + GREYS + rows.tobytes()
