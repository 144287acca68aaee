"""Pictures of any kind made flat: eight bits a channel, on white, in colours or grey; in strips, so that memory stays small."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

STRIP_PIXELS = 1 << 21
Change = Callable[[Image.Image], Image.Image]


def flat(picture: Image.Image, least: int, mode: str) -> Image.Image:
    """Eight bits a channel without transparency, in `mode`; what shows through is white, as in a shop.

    A picture with both sides above 2 x `least` px is averaged down on the way, to `least` px or more a side.
    """
    factor = max(1, min(picture.size) // least)
    width, height = picture.width // factor, picture.height // factor
    if picture.mode == mode and not picture.has_transparency_data:
        return picture.resize((width, height), Image.Resampling.BOX) if factor > 1 else picture
    rows = max(1, STRIP_PIXELS // picture.width // factor)
    change = CHANGES.get(picture.mode, by_alpha)(picture, rows * factor)
    page = Image.new(mode, (width, height))
    for start in range(0, height, rows):
        stop = min(height, start + rows)
        top, bottom = start * picture.height / height, stop * picture.height / height
        strip = change(picture.crop((0, floor(top), picture.width, ceil(bottom)))).convert(mode)
        box = (0, top - floor(top), picture.width, min(bottom - floor(top), strip.height))
        page.paste(strip.resize((width, stop - start), Image.Resampling.BOX, box), (0, start))
    return page


def by_alpha(picture: Image.Image, _rows: int) -> Change:
    return on_white if picture.has_transparency_data else in_colours


def on_white(picture: Image.Image) -> Image.Image:
    seen = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)


def in_colours(picture: Image.Image) -> Image.Image:
    return picture if picture.mode in ("L", "1") else picture.convert("RGB")


def by_depth(picture: Image.Image, rows: int) -> Change:
    """Grey of 16 or 32 bits scaled to 0..255 by the brightest value it may have; Pillow's own conversion would clip it to white.

    Numbers of 32 bits in a TIFF file are as bright as those in them say: up to 255, or up to 65,535. Mode I of other files has 16 bits.
    """
    peaks = (light(picture.crop((0, top, picture.width, min(picture.height, top + rows)))).max() for top in range(0, picture.height, rows))
    peak = float(max(peaks))
    tops = (1.0, 255.0, 65535.0) if picture.mode == "F" else (255.0, 65535.0) if wide(picture) else (65535.0,)
    top = next((top for top in tops if peak <= top), peak)
    return partial(eight_bits, top=top, hidden=picture.info.get("transparency"))


def wide(picture: Image.Image) -> bool:
    """Whether a picture's numbers have 32 bits, whatever they hold."""
    return picture.mode == "I" and picture.format == "TIFF"


def light(picture: Image.Image) -> NDArray[np.float32]:
    values: NDArray[np.float32] = np.nan_to_num(np.asarray(picture).astype(np.float32)).clip(0)
    return values


def eight_bits(picture: Image.Image, top: float, hidden: object) -> Image.Image:
    """Values up to `top` in 0..255; the one value that a PNG calls transparent is white."""
    values = light(picture)
    if isinstance(hidden, int):
        values[values == hidden] = top
    return Image.fromarray((values * (255 / top)).round().astype(np.uint8))


def by_sight(_picture: Image.Image, _rows: int) -> Change:
    """CIE L*a*b* as the colours it means, which Pillow leaves to a colour profile."""
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
    return lambda picture: ImageCms.applyTransform(picture, transform) or picture


CHANGES: dict[str, Callable[[Image.Image, int], Change]] = {  # Pillow's mode -> what makes a strip of it flat; by_alpha for all others
    "I": by_depth,
    "F": by_depth,
    "I;16": by_depth,
    "I;16L": by_depth,
    "I;16B": by_depth,
    "I;16N": by_depth,
    "LAB": by_sight,
}
