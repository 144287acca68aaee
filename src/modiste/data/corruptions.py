"""Corruptions: what happens to photos on their way, at five severities, (S, S, C) uint8 -> same, in the manner of ImageNet-C.

Hendrycks & Dietterich (2019) made theirs for pictures of 224 px; lengths in px grow and shrink with the side here, so that a severity
looks the same at every side. Noise and JPEG act on single px and on blocks of 8 px, whatever the side: on a small picture they weigh more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from modiste.data.opening.images import decode
from modiste.records.errors import ModisteError, unknown

Pixels = NDArray[np.uint8]
Corruption = Callable[[Pixels, int, np.random.Generator], Pixels]

SEVERITIES = (1, 2, 3, 4, 5)
SIDE = 224  # px, of the pictures that lengths below are given for

BLUR = (1, 2, 3, 4, 6)  # px, sigma of the Gaussian at side 224, as in ImageNet-C
JPEG = (25, 18, 15, 10, 7)  # quality, as in ImageNet-C
NOISE = (0.08, 0.12, 0.18, 0.26, 0.38)  # sigma for pixels in [0, 1], as in ImageNet-C
LIGHT = (0.1, 0.2, 0.3, 0.4, 0.5)  # added to the brightest channel (the value of HSV) in [0, 1], as in ImageNet-C
CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)  # of the distance to the mean that is left, as in ImageNet-C
CAST = (0.1, 0.2, 0.3, 0.4, 0.5)  # of red and blue, one taken away and the other added
SMALLER = (0.6, 0.5, 0.4, 0.3, 0.25)  # of the side that is left, as in ImageNet-C's pixelate


def corrupted(name: str, picture: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """One of CORRUPTIONS at a severity of 1 to 5; severity 0 is the photo itself.

    >>> corrupted("blur", np.zeros((32, 32, 3), np.uint8), 5, np.random.default_rng(0)).shape
    (32, 32, 3)
    """
    check_corruption(name)
    if severity not in (0, *SEVERITIES):
        raise ModisteError(f"{name} of severity {severity} is none: severities are 1 to 5, and 0 for the photo itself.")
    return CORRUPTIONS[name](picture, severity, rng) if severity else picture


def check_corruption(name: str) -> None:
    """Refuse a name that nobody knows."""
    if name not in CORRUPTIONS:
        raise unknown("corruption", name, CORRUPTIONS)


def chance_of(seed: int, name: str, path: str) -> np.random.Generator:
    """The chance of one photo in one corruption: the same at every severity, and whatever stands before or behind it."""
    told = f"{seed}/{name}/{path}".encode("utf-8", "surrogateescape")
    return np.random.default_rng(int.from_bytes(hashlib.sha256(told).digest()[:16]))


def in_colour(pictures: Pixels, colour: str) -> Pixels:
    """Pictures (..., 3) in a network's colour: as they are for 'rgb', else (..., 1) in Pillow's grey (ITU-R BT.601), to the last bit."""
    if colour == "rgb":
        return pictures
    red, green, blue = np.moveaxis(pictures.astype(np.uint32), -1, 0)
    grey: Pixels = ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(np.uint8)[..., None]
    return grey


def blur(picture: Pixels, severity: int, _rng: np.random.Generator) -> Pixels:
    """Out of focus: a Gaussian."""
    sigma = BLUR[severity - 1] * len(picture) / SIDE
    return pixels(image(picture).filter(ImageFilter.GaussianBlur(sigma)), picture)


def jpeg(picture: Pixels, severity: int, _rng: np.random.Generator) -> Pixels:
    """Saved once more as a JPEG of poor quality."""
    file = BytesIO()
    made = image(picture)
    made.save(file, "JPEG", quality=JPEG[severity - 1])
    return pixels(decode(file.getvalue(), len(picture), made.mode, "a photo saved once more"), picture)


def noise(picture: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Too little light: Gaussian noise, each channel of each px apart."""
    return bytes_of(picture / 255 + NOISE[severity - 1] * rng.standard_normal(picture.shape))


def brightness(picture: Pixels, severity: int, _rng: np.random.Generator) -> Pixels:
    """Exposed too long: what is dark becomes light, and what is light white, hue and saturation kept where there is room."""
    return lit(picture, LIGHT[severity - 1])


def darkness(picture: Pixels, severity: int, _rng: np.random.Generator) -> Pixels:
    """Exposed too briefly: brightness taken away."""
    return lit(picture, -LIGHT[severity - 1])


def lit(picture: Pixels, amount: float) -> Pixels:
    """The value of HSV moved by `amount` and cut to [0, 1]: all channels of a px by one factor, black becomes grey."""
    share = picture / 255
    value = share.max(2, keepdims=True)
    now = (value + amount).clip(0, 1)
    return bytes_of(np.where(value > 0, share * now / np.maximum(value, 1 / 255), now))


def contrast(picture: Pixels, severity: int, _rng: np.random.Generator) -> Pixels:
    """Mist: every px moves towards the picture's mean colour."""
    share = picture / 255
    mean = share.mean((0, 1), keepdims=True)
    return bytes_of(mean + CONTRAST[severity - 1] * (share - mean))


def colour_cast(picture: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """The light of a lamp or of the blue sky: red grows and blue falls, or the other way, as chance has it. Grey has no colour to lose.

    What is white stays as bright as it may be: the channel that grows is cut there, and the other falls.
    """
    if picture.shape[2] != 3:
        return picture
    amount = CAST[severity - 1] * (1 if rng.random() < 0.5 else -1)
    return bytes_of(picture / 255 * (1 + amount, 1, 1 - amount))


def down_scaling(picture: Pixels, severity: int, _rng: np.random.Generator) -> Pixels:
    """A thumbnail drawn large: averaged down and put back in blocks."""
    side = len(picture)
    small = max(1, round(side * SMALLER[severity - 1]))
    return pixels(image(picture).resize((small, small), Image.Resampling.BOX).resize((side, side), Image.Resampling.BOX), picture)


def image(picture: Pixels) -> Image.Image:
    return Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)


def pixels(made: Image.Image, like: Pixels) -> Pixels:
    return np.asarray(made, np.uint8).reshape(like.shape)


def bytes_of(share: NDArray[np.float64]) -> Pixels:
    """Shares of white as 0..255, cut where they leave it."""
    return (share.clip(0, 1) * 255).round().astype(np.uint8)


CORRUPTIONS: dict[str, Corruption] = {
    "blur": blur,
    "jpeg": jpeg,
    "noise": noise,
    "brightness": brightness,
    "darkness": darkness,
    "contrast": contrast,
    "colour_cast": colour_cast,
    "down_scaling": down_scaling,
}
