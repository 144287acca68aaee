"""Small seeds of every format, and ways to bend their bytes."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import numpy as np
from painted import chunk, noise, quarters, saved
from PIL import Image

STORED: dict[str, tuple[str, dict[str, object]]] = {  # name -> format and how it is saved
    "jpeg": ("JPEG", {}),
    "jpeg full": ("JPEG", {"subsampling": 0, "restart_marker_blocks": 2}),
    "progressive": ("JPEG", {"progressive": True}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {}),
    "webp lossless": ("WEBP", {"lossless": True}),
    "gif": ("GIF", {}),
    "tiff": ("TIFF", {}),
    "tiff lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "tiff deflate": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "tiff packbits": ("TIFF", {"compression": "packbits"}),
    "tiff jpeg": ("TIFF", {"compression": "jpeg"}),
    "avif": ("AVIF", {}),
    "bmp": ("BMP", {}),
}
MODES = {"JPEG": ("L", "CMYK"), "PNG": ("L", "P", "RGBA", "LA", "1"), "WEBP": ("RGBA",), "TIFF": ("L", "P", "RGBA", "CMYK", "1")}
RARE = {"avif": 0.3} | {name: 0.35 for name in STORED if name.startswith("tiff")}  # slow ones, of the share that others have


def seeds() -> list[tuple[str, bytes]]:
    """Name and bytes of the pictures to bend, 16 to 48 px a side, plain and in every mode of their format."""
    rng = np.random.default_rng(0)
    made = []
    for name, (kind, options) in STORED.items():
        made += [(name, saved(noise(rng, side, side), kind, **options)) for side in (16, 48)]
        if name not in ("tiff jpeg", "jpeg full"):
            modes = ("L",) if name == "tiff packbits" else MODES.get(kind, ())
            made += [(name, saved(quarters(24, 24).convert(mode), kind, **options)) for mode in modes]
    made += [
        ("several", saved(quarters(16, 16), kind, save_all=True, append_images=[quarters(16, 16)] * 2)) for kind in ("GIF", "PNG", "TIFF")
    ]
    deep = np.linspace(0, 65535, 24 * 24).astype(np.uint16).reshape(24, 24)
    return [*made, *(("deep", saved(Image.fromarray(deep), kind)) for kind in ("PNG", "TIFF"))]


def flip(data: bytearray, rng: random.Random) -> bytearray:
    for _ in range(1 << rng.randrange(5)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def flip_early(data: bytearray, rng: random.Random) -> bytearray:
    """Where the headers are."""
    for _ in range(1 + rng.randrange(4)):
        data[rng.randrange(min(len(data), 200))] = rng.choice(EDGES)
    return data


def cut_end(data: bytearray, rng: random.Random) -> bytearray:
    return data[: rng.randrange(len(data))]


def cut_out(data: bytearray, rng: random.Random) -> bytearray:
    at = rng.randrange(len(data))
    return data[:at] + data[at + 1 + rng.randrange(1 + len(data) // 4) :]


def repeat(data: bytearray, rng: random.Random) -> bytearray:
    at = rng.randrange(len(data))
    part = data[at : at + 1 + rng.randrange(64)]
    return data[:at] + part * rng.randrange(1, 40) + data[at:]


def number(data: bytearray, rng: random.Random) -> bytearray:
    """A length, a count or a size of two or four bytes becomes one at the edge of what it can be."""
    width = rng.choice((2, 4))
    at = rng.randrange(max(1, min(len(data), 400) - width))
    data[at : at + width] = struct.pack(rng.choice("<>") + ("H" if width == 2 else "I"), rng.choice(NUMBERS) & (256**width - 1))
    return data


def fill(data: bytearray, rng: random.Random) -> bytearray:
    at, length = rng.randrange(len(data)), 1 + rng.randrange(64)
    data[at : at + length] = bytes([rng.choice(EDGES)]) * length
    return data


def swap(data: bytearray, rng: random.Random) -> bytearray:
    """Two parts change places."""
    one, two = sorted(rng.randrange(len(data)) for _ in range(2))
    length = rng.randrange(1, 33)
    return data[:one] + data[two : two + length] + data[one + length : two] + data[one : one + length] + data[two + length :]


def splice(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """The beginning of one file and the end of another."""
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]


def mended(data: bytearray) -> bytearray:
    """A PNG with right checksums again, so that what was bent is decoded."""
    made, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if at + 12 + length > len(data):
            break
        made += chunk(bytes(data[at + 4 : at + 8]), bytes(data[at + 8 : at + 8 + length]))
        at += 12 + length
    return made + data[at:]


def bent(rng: random.Random, pool: list[tuple[str, bytes]]) -> tuple[str, bytes]:
    """A seed with one to three changes."""
    name, seed = rng.choice(pool)
    while rng.random() > RARE.get(name, 1):
        name, seed = rng.choice(pool)
    data = bytearray(seed)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = splice(data, rng, rng.choice(pool)[1]) if rng.random() < 0.08 else rng.choice(BENDS)(data, rng)
        if not data:
            return name, b""
    if seed[1:4] == b"PNG" and rng.random() < 0.7:
        data = mended(data)
    return name, bytes(data)


EDGES = (0, 1, 2, 7, 8, 15, 16, 127, 128, 254, 255)
NUMBERS = (0, 1, 2, 3, 7, 8, 16, 255, 256, 4096, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32 - 8)
BENDS: tuple[Callable[[bytearray, random.Random], bytearray], ...] = (
    flip,
    flip,
    flip,
    flip_early,
    cut_end,
    cut_out,
    repeat,
    number,
    number,
    fill,
    swap,
)
