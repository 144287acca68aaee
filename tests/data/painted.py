"""Pictures painted on the spot, their bytes in any format, and the tools to bend those bytes."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

CORNERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128))  # red, green, blue, grey: any turn shows
UNDO = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270"}


@dataclass(frozen=True)
class Odd:
    """A file of the corpus: its kind, its name, its bytes or how it is made, and what may come of it ('pixels' or reasons)."""

    category: str
    name: str
    make: bytes | Callable[[Path], object] | None  # None: nothing is there
    may: tuple[str, ...]
    corners: tuple[tuple[int, int, int], ...] = ()  # colours of the four quarters, where pixels come of it
    tolerance: int = 24


def quarters(width: int = 64, height: int = 64, corners: tuple[tuple[int, ...], ...] = CORNERS, mode: str = "RGB") -> Image.Image:
    picture = Image.new(mode, (width, height))
    for number, colour in enumerate(corners):
        left, top = number % 2 * (width // 2), number // 2 * (height // 2)
        picture.paste(colour, (left, top, width if left else width // 2, height if top else height // 2))
    return picture


def noise(rng: np.random.Generator, width: int = 64, height: int = 64) -> Image.Image:
    """Soft coloured noise: it fills a file as a photo does."""
    small = Image.fromarray(rng.integers(0, 256, (height // 4, width // 4, 3), dtype=np.uint8))
    rough = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)).astype(int) + rng.integers(-20, 20, (height, width, 3))
    return Image.fromarray(rough.clip(0, 255).astype(np.uint8))


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


def turned(kind: str, orientation: int, **options: object) -> bytes:
    """The quarters as a camera held that way stores them, with the note that says so."""
    upright = quarters(64, 32)
    stored = upright.transpose(Image.Transpose[UNDO[orientation]]) if orientation in UNDO else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(stored, kind, exif=exif, **options)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, rows: bytes, depth: int = 8, colour: int = 2, extra: bytes = b"", squeezed: bytes = b"") -> bytes:
    """A PNG from raw rows (each behind a filter byte), or from an IDAT that is squeezed already."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", squeezed or zlib.compress(rows)) + chunk(b"IEND", b"")


def deep_png(colours: tuple[tuple[int, ...], ...], colour_type: int, extra: bytes = b"") -> bytes:
    """Quarters of 16 bits a channel, 64 px."""
    top, bottom = (b"\0" + b"".join(np.array(colour, ">u2").tobytes() * 32 for colour in pair) for pair in (colours[:2], colours[2:]))
    return png(64, 64, top * 32 + bottom * 32, 16, colour_type, extra)


def squeezed_zeros(megabytes: int) -> bytes:
    """A zlib stream a thousand times smaller than what comes out of it."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()


def tiff(width: int, height: int, pixels: bytes, tags: dict[int, tuple[int, int]] | None = None, big: bool = False) -> bytes:
    """A TIFF of one strip, grey of 8 bits unless tags say otherwise: tag -> (type 3 or 4, value)."""
    head = b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0" if big else b"II*\0\x08\0\0\0"
    entries = {256: (4, width), 257: (4, height), 258: (3, 8), 259: (3, 1), 262: (3, 1), 277: (3, 1), 278: (4, height)} | (tags or {})
    entries[279] = (4, len(pixels))
    size = (len(entries) + 1) * (20 if big else 12) + (16 if big else 6)
    entries[273] = (4, len(head) + size)
    row = "<HHQQ" if big else "<HHII"
    body = b"".join(struct.pack(row, tag, *(kind, 1, value)) for tag, (kind, value) in sorted(entries.items()))
    return head + struct.pack("<Q" if big else "<H", len(entries)) + body + bytes(8 if big else 4) + pixels


def resized_jpeg(data: bytes, width: int, height: int) -> bytes:
    """A JPEG whose header tells another size."""
    at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def commented(data: bytes, text: bytes, times: int = 1) -> bytes:
    """A JPEG with comments behind its first marker."""
    return data[:2] + (b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text) * times + data[2:]


def many_scans(data: bytes, count: int) -> bytes:
    """A progressive JPEG whose last scan stands there many times."""
    last = data.rfind(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def flipped(data: bytes, rng: np.random.Generator, count: int, after: int) -> bytes:
    """Some bytes changed, none of the first `after`."""
    bent = bytearray(data)
    for at in rng.integers(after, len(data), count):
        bent[at] ^= int(rng.integers(1, 256))
    return bytes(bent)
