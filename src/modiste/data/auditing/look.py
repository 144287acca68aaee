"""What one photo shows, as one record of fixed size: its fingerprint, its measures, its waves and a thumbnail."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from modiste.data.opening.images import decode, identify
from modiste.data.opening.refusals import FORMATS

SIDE = 48  # of the thumbnail
FINE = 2 * SIDE  # of the picture in which the ground is told from what stands on it
CLOSE = 128  # of a second, closer look
SCALE = 224  # the longer side, in px, at which sharpness is measured
GREY_WAVES, COLOUR_WAVES = 8, 4  # a side: 63 waves of light (its mean left out), 2 x 16 of colour
WAVES = GREY_WAVES**2 - 1 + 2 * COLOUR_WAVES**2
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
        ("spread", "<f4"),  # how far the picture departs from one smooth wash of light; about 0 when blank, in [0, 1]
        ("sharpness", "<f4"),  # how steep its strongest edges are; about 0 when out of focus, 1 for a step, in [0, 1]
        ("box", "u1", 4),  # left, top, right, bottom of what stands on the ground, in FINE-ths of the frame
        ("waves", "i1", (2, WAVES)),  # of the whole frame, and of what stands on the ground
    ]
)
LOOK = np.dtype([("small", SMALL), ("thumb", "u1", (SIDE, SIDE, 3))])  # the thumbnail: the whole frame, squashed to a square
Grey = NDArray[np.floating[Any]]


def look(data: bytes, where: str, strict: bool = True) -> NDArray[np.void]:
    """One record of LOOK, shape (), from a photo's bytes; a photo that cannot be decoded is refused."""
    header = identify(data, where, strict)
    picture = decode(data, SCALE // 2, "RGB", where, strict)
    turned = (header.width > header.height) != (picture.width > picture.height)
    fine = picture.resize((FINE, FINE), Image.Resampling.BOX)
    box = standing(luminance(np.asarray(fine)))
    record = np.zeros((), LOOK)
    record["thumb"] = thumb = np.asarray(fine.resize((SIDE, SIDE), Image.Resampling.BOX))
    grey = luminance(thumb)
    small = record["small"]
    small["sha256"] = np.frombuffer(hashlib.sha256(data).digest(), np.uint8)
    small["width"], small["height"] = header.size[::-1] if turned else header.size
    small["format"], small["bytes"] = FORMATS.index(header.format or "JPEG"), len(data)
    small["brightness"], (small["darkest"], small["lightest"]) = grey.mean(), np.quantile(grey, (0.01, 0.99))
    small["spread"], small["sharpness"] = spread(thumb), sharpness(common_scale(picture))
    small["box"], small["waves"] = box, np.stack([waves(fine, (0, 0, FINE, FINE)), waves(fine, box)])
    return record


def close_look(data: bytes, where: str, strict: bool = True) -> NDArray[np.uint8]:
    """The whole frame, squashed to a square (CLOSE, CLOSE, 3): a job, for the few photos that must be told apart."""
    return np.asarray(decode(data, CLOSE, "RGB", where, strict).resize((CLOSE, CLOSE), Image.Resampling.BOX))


def luminance(pixels: NDArray[np.uint8] | Grey) -> Grey:
    """Pixels (..., 3) in 0..255 as luminance (...) in [0, 1] (Rec. 601)."""
    return pixels.astype(np.float32) @ np.array([0.299 / 255, 0.587 / 255, 0.114 / 255], np.float32)


def spread(thumb: NDArray[np.uint8]) -> float:
    """What 1 % of the places depart from the smoothest wash of light through the thumbnail (a quadric a channel), in [0, 1].

    >>> spread(np.full((SIDE, SIDE, 3), 200, np.uint8)) < 0.001
    True
    """
    values = thumb.reshape(-1, 3).astype(np.float32) / 255
    departures = np.abs(values - washes() @ (washes().T @ values)).max(1)
    return float(np.quantile(departures, 0.99))


@cache
def washes() -> Grey:
    """An orthonormal base (S * S, 6) of the quadrics over the thumbnail."""
    y, x = (axis.ravel() / SIDE - 0.5 for axis in np.mgrid[:SIDE, :SIDE])
    return np.linalg.qr(np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 1))[0].astype(np.float32)


def common_scale(picture: Image.Image) -> NDArray[np.int16]:
    """The picture's luminance in 0..255 with its longer side SCALE px; a smaller picture as it is."""
    factor = min(1.0, SCALE / max(picture.size))
    width, height = (max(1, round(length * factor)) for length in picture.size)
    return np.asarray(picture.convert("L").resize((width, height), Image.Resampling.BOX), np.int16)


def sharpness(grey: NDArray[np.int16]) -> float:
    """How much of the rise over four pixels happens between two, at the strongest edges: a step 1, an even ramp 0.

    Only the strongest edges count, each by its own height: a plain garment on a plain ground is as sharp as its outline.
    """
    found = [edges(lines) for lines in (grey, grey.T) if min(lines.shape) > 4]
    rise, steepest = (np.concatenate(parts) for parts in zip(*found, strict=True)) if found else (np.zeros(1), np.zeros(1))
    strong = rise >= max(1, highest(rise.astype(np.uint8), len(rise) // 2))
    return float(np.clip((np.median(steepest[strong] / rise[strong]) - 0.25) / 0.75, 0, 1)) if strong.any() else 0.0


def edges(lines: NDArray[np.int16]) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Along lines, the rise over four pixels at the 2 % of places where it is strongest, and the steepest part of it."""
    rise = np.abs(lines[:, 4:] - lines[:, :-4]).ravel()
    strong = np.flatnonzero(rise >= highest(rise.astype(np.uint8), len(rise) // 50))
    at = strong // (lines.shape[1] - 4) * lines.shape[1] + strong % (lines.shape[1] - 4)
    values = lines.ravel()[at[:, None] + np.arange(5)]
    return rise[strong], np.abs(np.diff(values, axis=1)).max(1)


def highest(values: NDArray[np.uint8], count: int) -> int:
    """The value that about `count` of many reach."""
    reached = np.bincount(values, minlength=256)[::-1].cumsum()
    return 255 - int(np.searchsorted(reached, max(1, count)))


def standing(grey: Grey, tolerance: float = 0.06, least: int = FINE // 8) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) left when every outer line that is of one light is taken away, ground and border alike."""
    left, top, right, bottom = 0, 0, grey.shape[1], grey.shape[0]
    while True:
        inner = grey[top:bottom, left:right]
        before, after = plain_ends(inner, tolerance)
        top, bottom = top + before, bottom - after
        before, after = plain_ends(inner.T, tolerance)
        left, right = left + before, right - after
        if right - left < least or bottom - top < least:
            return 0, 0, grey.shape[1], grey.shape[0]
        if (bottom - top, right - left) == inner.shape:
            return left, top, right, bottom


def plain_ends(lines: Grey, tolerance: float) -> tuple[int, int]:
    """How many lines from either end are plain: all but 3 % of each near its middle value."""
    ends = []
    for ordered in (lines, lines[::-1]):
        middles = np.partition(ordered, ordered.shape[1] // 2, axis=1)[:, ordered.shape[1] // 2, None]
        busy = np.mean(np.abs(ordered - middles) > tolerance, 1) > 0.03
        ends.append(int(busy.argmax()) if busy.any() else len(lines))
    return ends[0], ends[1]


def waves(picture: Image.Image, box: tuple[int, int, int, int]) -> NDArray[np.int8]:
    """The lowest waves (WAVES,) of light and of colour in a part of a picture (cosine transform), as a direction of length 127.

    A flat picture's are short. Mirroring the picture turns the sign of those that `odd_waves` names.
    """
    part = np.asarray(picture.resize((16, 16), Image.Resampling.BOX, box=box), np.float32)
    light = luminance(part)
    parts = [transformed(light, GREY_WAVES)[1:], *(transformed(part[..., of] / 255 - light, COLOUR_WAVES) for of in (0, 2))]
    found = np.concatenate(parts)
    whole: NDArray[np.int8] = np.rint(found * (127 / (np.linalg.norm(found) + 0.3))).astype(np.int8)
    return whole


def transformed(grey: Grey, count: int) -> Grey:
    """The `count` x `count` lowest waves of a picture (16, 16), flattened, of waves down first."""
    base = cosines()[:count]
    found: Grey = (base @ grey @ base.T).ravel()
    return found


def odd_waves() -> NDArray[np.bool_]:
    """(WAVES,) which of a picture's waves have an odd number of half turns from left to right."""
    grey = np.arange(GREY_WAVES**2)[1:] % GREY_WAVES % 2
    colour = np.arange(COLOUR_WAVES**2) % COLOUR_WAVES % 2
    odd: NDArray[np.bool_] = np.concatenate([grey, colour, colour]) == 1
    return odd


@cache
def cosines() -> Grey:
    """The orthonormal waves (16, 16) of 0 to 15 half turns over 16 places."""
    turns, places = np.arange(16)[:, None], np.arange(16)[None] + 0.5
    base: Grey = (np.sqrt(np.where(turns == 0, 1, 2) / 16) * np.cos(np.pi * turns * places / 16)).astype(np.float32)
    return base
