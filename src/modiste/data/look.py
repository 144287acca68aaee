"""What one photo shows, as one record of fixed size: its fingerprint, its measures, its hashes and a thumbnail."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from modiste.data.images import decode, identify
from modiste.data.refusals import FORMATS

SIDE = 48  # of the thumbnail
SCALE = 224  # the longer side, in px, at which sharpness is measured
WORDS = 4  # of 64 bits, a hash
SMALL = np.dtype(  # all but the thumbnail
    [
        ("sha256", "u1", 32),  # of the file's bytes
        ("width", "<u4"),  # px, upright
        ("height", "<u4"),
        ("format", "u1"),  # its place in FORMATS
        ("bytes", "<u8"),
        ("brightness", "<f4"),  # mean luminance, 0 black to 1 white
        ("darkest", "<f4"),  # the luminance that 1 % of the places lie below
        ("lightest", "<f4"),  # and that 1 % lie above
        ("spread", "<f4"),  # how far the picture departs from one smooth wash of colour; about 0 when blank, in [0, 1]
        ("sharpness", "<f4"),  # how steep its strongest edges are; about 0 when out of focus, in [0, 1]
        ("frame_hash", "<u8", WORDS),  # of the whole frame
        ("trim_hash", "<u8", WORDS),  # of what is left without the plain ground around it
    ]
)
LOOK = np.dtype([("small", SMALL), ("thumb", "u1", (SIDE, SIDE, 3))])  # the thumbnail: the whole frame, squashed to a square
Grey = NDArray[np.float32]


def look(data: bytes, where: str) -> NDArray[np.void]:
    """One record of LOOK, shape (), from a photo's bytes; a photo that cannot be decoded is refused."""
    header = identify(data, where)
    picture = decode(data, SCALE // 2, "RGB", where)
    turned = (header.width > header.height) != (picture.width > picture.height)
    width, height = (header.height, header.width) if turned else header.size
    thumb = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=2))
    grey = luminance(thumb)
    record = np.zeros((), LOOK)
    small, record["thumb"] = record["small"], thumb
    small["sha256"] = np.frombuffer(hashlib.sha256(data).digest(), np.uint8)
    small["width"], small["height"], small["bytes"] = width, height, len(data)
    small["format"] = FORMATS.index(header.format or "") if header.format in FORMATS else FORMATS.index("JPEG")
    small["brightness"], (small["darkest"], small["lightest"]) = grey.mean(), np.quantile(grey, (0.01, 0.99))
    small["spread"] = spread(thumb)
    small["sharpness"] = sharpness(common_scale(picture))
    small["frame_hash"], small["trim_hash"] = hash_of(grey), hash_of(trimmed(grey))
    return record


def luminance(pixels: NDArray[np.uint8]) -> Grey:
    """Pixels (..., 3) in 0..255 as luminance (...) in [0, 1] (Rec. 601)."""
    return pixels.astype(np.float32) @ np.array([0.299 / 255, 0.587 / 255, 0.114 / 255], np.float32)


def spread(thumb: NDArray[np.uint8]) -> float:
    """What 1 % of the places depart from the smoothest wash of light through the thumbnail (a quadric a channel), in [0, 1].

    >>> spread(np.full((SIDE, SIDE, 3), 200, np.uint8)) < 0.001
    True
    """
    values = thumb.reshape(-1, 3).astype(np.float32) / 255
    wash = washes()
    departures = np.abs(values - wash @ (wash.T @ values)).max(1)
    return float(np.quantile(departures, 0.99))


@cache
def washes() -> Grey:
    """An orthonormal base (S * S, 6) of the quadrics over the thumbnail."""
    y, x = (axis.ravel() / SIDE - 0.5 for axis in np.mgrid[:SIDE, :SIDE])
    return np.linalg.qr(np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 1))[0].astype(np.float32)


def common_scale(picture: Image.Image) -> Grey:
    """The picture's luminance with its longer side SCALE px; a smaller picture as it is."""
    factor = min(1.0, SCALE / max(picture.size))
    width, height = (max(1, round(length * factor)) for length in picture.size)
    return np.asarray(picture.convert("L").resize((width, height), Image.Resampling.BOX), np.float32) / np.float32(255)


def sharpness(grey: Grey) -> float:
    """How much of its steepness a slight blur takes from the strongest edges: 0 for a picture that was blurred already, in [0, 1]."""
    if min(grey.shape) < 8:
        return 0.0
    blurred = smooth(smooth(grey))
    steep, soft = slopes(grey)[2:-2, 2:-2], slopes(blurred)[2:-2, 2:-2]
    edges = soft >= np.quantile(soft, 0.99)
    return float(np.clip(1 - soft[edges].mean() / max(1e-6, steep[edges].mean()), 0, 1))


def smooth(grey: Grey) -> Grey:
    """A mean over 3 x 3 places, edges repeated."""
    padded = np.pad(grey, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    smoothed: Grey = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9
    return smoothed


def slopes(grey: Grey) -> Grey:
    down, right = np.gradient(grey)
    steepness: Grey = np.hypot(down, right)
    return steepness


def trimmed(grey: Grey, contrast: float = 0.06) -> Grey:
    """The part of a thumbnail inside its plain ground, stretched to the whole; the whole where the ground is not plain."""
    rim = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    ground = np.median(rim)
    if np.mean(np.abs(rim - ground) < contrast) < 0.6:
        return grey
    stands_out = np.abs(grey - ground) > contrast
    rows, columns = np.flatnonzero(stands_out.sum(1) > 1), np.flatnonzero(stands_out.sum(0) > 1)
    if len(rows) < 6 or len(columns) < 6:
        return grey
    box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
    return np.asarray(Image.fromarray(grey).resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box))


def hash_of(grey: Grey) -> NDArray[np.uint64]:
    """256 bits (4 words): the signs of the 16 x 16 lowest waves of a picture (S, S), the mean left out.

    In bit 16 * v + u stands the wave of u half turns across and v down: mirroring the picture flips the bits of odd u.
    """
    waves = cosines() @ grey @ cosines().T
    return np.packbits(waves > 0, bitorder="little").view("<u8")


@cache
def cosines() -> Grey:
    """The waves (16, S) of 1 to 16 half turns, of the cosine transform."""
    turns, places = np.arange(16)[:, None], np.arange(SIDE)[None] + 0.5
    return np.cos(np.pi * turns * places / SIDE).astype(np.float32)
