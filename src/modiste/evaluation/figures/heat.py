"""A map laid over its photo: the photo in grey, the map in one orange, a line around what counts most, another around the product.

One hue over grey reads the same to colour-blind eyes and in print, and shows on a white page as on a black shoe.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from modiste.evaluation.figures.palette import LIGHT
from modiste.evaluation.maps import Floats, Mask

PALE, DEEP = "#ffb03a", "#c8400a"  # of a map's low and high places
MOST_SOLID = 0.85
HALF = 0.5  # the line goes around the places above half of the map's largest
Pixels = NDArray[np.uint8]


def overlay(photo: Pixels, heat: Floats, product: Mask | None = None) -> Pixels:
    """(H, W, 3) photo and a map (h, w) in [0, 1], stretched over it, as one picture (H, W, 3); the product's outline where given."""
    size = photo.shape[1], photo.shape[0]
    heat = np.asarray(Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BILINEAR), np.float64)[..., None]
    grey = np.repeat(photo.mean(2, keepdims=True), 3, axis=2)
    made = grey + (between(PALE, DEEP, heat) - grey) * heat * MOST_SOLID
    if product is not None:
        whole = np.asarray(Image.fromarray(product).resize(size, Image.Resampling.NEAREST))
        made[edge(whole)] = colour(LIGHT["blue"])
    if heat.max() > 0:
        made[edge(heat[..., 0] >= HALF * heat.max())] = colour(LIGHT["ink"])
    laid: Pixels = made.clip(0, 255).round().astype(np.uint8)
    return laid


def no_larger(photo: Pixels, side: int) -> Pixels:
    """A photo (H, W, 3) whose longer side is at most `side` px, in its own proportions.

    >>> no_larger(np.zeros((192, 96, 3), np.uint8), 160).shape
    (160, 80, 3)
    """
    picture = Image.fromarray(photo)
    picture.thumbnail((side, side), Image.Resampling.BILINEAR)
    return np.asarray(picture)


def edge(inside: Mask) -> Mask:
    """The outermost pixels of a region; none along the picture's own edge."""
    rim: Mask = inside & ~ndimage.binary_erosion(inside, border_value=1)
    return rim


def between(low: str, high: str, place: Floats) -> Floats:
    """The colours from one to another: places (..., 1) in [0, 1] -> (..., 3)."""
    made: Floats = colour(low) + (colour(high) - colour(low)) * place
    return made


def colour(name: str) -> Floats:
    return np.frombuffer(bytes.fromhex(name.removeprefix("#")), np.uint8).astype(np.float64)


def as_jpeg(pixels: Pixels, quality: int = 82) -> bytes:
    """The JPEG of a picture, without any note in it."""
    return encoded(pixels, "JPEG", quality=quality)


def as_png(heat: Floats) -> bytes:
    """A map in [0, 1] as a grey PNG: 0 black, 1 white."""
    return encoded((heat * 255).round().astype(np.uint8), "PNG")


def encoded(pixels: Pixels, kind: str, **how: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **how)
    return file.getvalue()
