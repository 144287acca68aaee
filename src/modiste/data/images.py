"""The one way from a photo's bytes to pixels, for training and answering alike."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from modiste.data.refusals import FORMATS, MOST_PIXELS, PhotoRefused
from modiste.records.errors import unknown
from modiste.records.recipe import COLOURS


def to_pixels(data: bytes, side: int, colour: str, fit: str, where: str) -> NDArray[np.uint8]:
    """A photo's pixels in 0..255, (S, S, 3) for colour 'rgb', (S, S, 1) for 'grey3' and 'grey1'; errors open with `where`.

    grey3's three equal channels are made when batches are made, so that a cache holds one.
    """
    if colour not in COLOURS:
        raise unknown("colour", colour, COLOURS)
    if fit not in FITS:
        raise unknown("fit", fit, FITS)
    mode = "RGB" if colour == "rgb" else "L"
    picture = decode(data, side, mode, where)
    pixels = np.array(FITS[fit](picture, side), dtype=np.uint8)
    return pixels.reshape(side, side, len(mode) if mode == "RGB" else 1)


def decode(data: bytes, side: int, mode: str, where: str) -> Image.Image:
    """The first frame, upright, on white, in mode 'RGB' or 'L'; large JPEGs come scaled down to 2 x side or more."""
    picture = identify(data, where)
    if picture.width * picture.height > MOST_PIXELS:
        raise PhotoRefused(where, "too_many_pixels", f"{picture.width} x {picture.height}")
    try:
        picture.draft(mode, (2 * side, 2 * side))  # JPEG only: decodes at 1/2, 1/4 or 1/8, several times faster
        picture.load()
        return flat(upright(picture), mode)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise SyntaxError, ValueError, struct.error ... as well as OSError
        reason = "truncated" if "truncated" in str(error).lower() else "corrupt"
        raise PhotoRefused(where, reason, str(error)) from error


def identify(data: bytes, where: str) -> Image.Image:
    """The picture with its header read and nothing decoded."""
    if not data:
        raise PhotoRefused(where, "empty")
    try:
        return Image.open(BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        other = other_format(data)
        raise PhotoRefused(where, "format_not_allowed" if other else "not_an_image", other and f"this is {other}") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoRefused(where, "too_many_pixels") from error
    except Exception as error:
        raise PhotoRefused(where, "corrupt", str(error)) from error


def other_format(data: bytes) -> str:
    """The name of a picture format that is not allowed, from the first bytes; '' for anything else.

    >>> other_format(b"%PDF-1.7")
    'PDF'
    """
    if data[4:8] == b"ftyp":
        return OTHER_FORMATS.get(data[8:12], "")
    return next((name for magic, name in OTHER_FORMATS.items() if data.lstrip().startswith(magic)), "")


def upright(picture: Image.Image) -> Image.Image:
    """Turned as the camera noted (EXIF orientation 1-8); a note that cannot be read turns nothing."""
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:
        return picture


def flat(picture: Image.Image, mode: str) -> Image.Image:
    """Eight bits a channel without transparency, in `mode`; what shows through is white, as in a shop."""
    if picture.mode.startswith(("I", "F")):
        picture = eight_bits(picture)
    if picture.has_transparency_data:
        seen = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    if picture.mode not in ("RGB", "L", "1"):
        picture = picture.convert("RGB")
    return picture.convert(mode)


def eight_bits(picture: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits scaled to 0..255; Pillow's own conversion would clip it to white."""
    values = np.nan_to_num(np.asarray(picture, dtype=np.float32)).clip(0)
    tops = (1.0, 255.0, 65535.0) if picture.mode == "F" else (65535.0,)
    peak = float(values.max())
    top = next((top for top in tops if peak <= top), peak)
    return Image.fromarray((values * (255 / top)).round().astype(np.uint8))


def squash(picture: Image.Image, side: int) -> Image.Image:
    return picture.resize((side, side), Image.Resampling.BILINEAR)


def letterbox(picture: Image.Image, side: int) -> Image.Image:
    """The whole picture in its own proportions, centred on white."""
    scale = side / max(picture.size)
    width, height = (max(1, round(length * scale)) for length in picture.size)
    page = Image.new(picture.mode, (side, side), "white")
    page.paste(picture.resize((width, height), Image.Resampling.BILINEAR), ((side - width) // 2, (side - height) // 2))
    return page


def crop(picture: Image.Image, side: int) -> Image.Image:
    """The largest square in the middle."""
    short = min(picture.size)
    left, top = (picture.width - short) / 2, (picture.height - short) / 2
    return picture.resize((side, side), Image.Resampling.BILINEAR, box=(left, top, left + short, top + short))


OTHER_FORMATS = {  # first bytes (of ISO media: the brand) -> name, for the message only
    b"heic": "HEIC",
    b"heix": "HEIC",
    b"mif1": "HEIF",
    b"%PDF": "PDF",
    b"%!PS": "EPS",
    b"8BPS": "PSD",
    b"<svg": "SVG",
    b"\0\0\1\0": "ICO",
    b"DDS ": "DDS",
    b"\0\0\0\x0cjP": "JPEG 2000",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL": "JPEG XL",
    b"icns": "ICNS",
    b"P6": "PPM",
    b"P5": "PGM",
}
FITS: dict[str, Callable[[Image.Image, int], Image.Image]] = {"squash": squash, "letterbox": letterbox, "crop": crop}
