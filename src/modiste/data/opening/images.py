"""The one way from a photo's bytes to pixels, for training and answering alike."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from io import BytesIO
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from modiste.data.opening import jpeg
from modiste.data.opening.flat import flat
from modiste.data.opening.kinds import is_cut, kind_of, png_damage
from modiste.data.opening.refusals import PhotoRefused, check_size
from modiste.records.errors import unknown
from modiste.records.recipe import COLOURS

Made = TypeVar("Made")
QUIET = threading.Lock()


def to_pixels(data: bytes, side: int, colour: str, fit: str, where: str, strict: bool = True) -> NDArray[np.uint8]:
    """A photo's pixels in 0..255, (S, S, 3) for colour 'rgb', (S, S, 1) for 'grey3' and 'grey1'; errors open with `where`.

    grey3's three equal channels are made when batches are made, so that a cache holds one.
    """
    mode = mode_of(colour, fit)
    return fitted(decode(data, side, mode, where, strict), side, fit)


def picture_to_pixels(picture: Image.Image, side: int, colour: str, fit: str, where: str) -> NDArray[np.uint8]:
    """`to_pixels` of a picture that somebody opened already: what a file that holds it without loss would give."""
    mode = mode_of(colour, fit)
    check_size(*picture.size, where)

    def made() -> Image.Image:
        try:
            return upright(flat(picture, 2 * side, mode), turn_of(picture))
        except Warning:
            raise
        except Exception as error:
            raise refusal(error, b"", where) from error

    return fitted(quietly(made), side, fit)


def mode_of(colour: str, fit: str) -> str:
    """Pillow's mode for a colour; both words are checked."""
    if colour not in COLOURS:
        raise unknown("colour", colour, COLOURS)
    if fit not in FITS:
        raise unknown("fit", fit, FITS)
    return "RGB" if colour == "rgb" else "L"


def fitted(picture: Image.Image, side: int, fit: str) -> NDArray[np.uint8]:
    """An upright, flat picture as pixels, (S, S, 3) or (S, S, 1)."""
    return np.array(FITS[fit](picture, side), dtype=np.uint8).reshape(side, side, -1)


def decode(data: bytes, side: int, mode: str, where: str, strict: bool = True) -> Image.Image:
    """The first frame, upright, on white, in mode 'RGB' or 'L'; a large photo comes scaled down to 2 x side or more.

    A damaged or cut photo is refused; not `strict`, it is decoded as far as it goes. Colour profiles are left as they are.
    """

    def made() -> Image.Image:
        picture = opened(data, where, strict)
        try:
            return decoded(picture, data, side, mode, strict)
        except Warning:
            raise
        except Exception as error:
            raise refusal(error, data, where) from error

    return quietly(made)


def identify(data: bytes, where: str, strict: bool = True) -> ImageFile.ImageFile:
    """The picture with its header read and its limits checked, nothing decoded."""
    return quietly(lambda: opened(data, where, strict))


def quietly(step: Callable[[], Made]) -> Made:
    """A step's result, the same in a program that makes errors of warnings."""
    try:
        return step()
    except Warning:
        with QUIET, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return step()


def opened(data: bytes, where: str, strict: bool) -> ImageFile.ImageFile:
    """`identify`, where a warning may be raised."""
    if not data:
        raise PhotoRefused(where, "empty")
    kind = kind_of(data)
    if kind not in DECODERS:
        raise PhotoRefused(where, "format_not_allowed", f"this is {kind}") if kind else PhotoRefused(where, "not_an_image")
    if kind in CHECKS:
        CHECKS[kind](data, where, strict)
    try:
        picture = DECODERS[kind](BytesIO(data), "")
    except Warning:
        raise
    except Exception as error:
        raise refusal(error, data, where) from error
    check_size(*picture.size, where)
    if kind == "TIFF" and is_raw(picture):
        raise PhotoRefused(where, "format_not_allowed", "this is RAW, whose first picture is a small preview")
    return picture


def check_png(data: bytes, where: str, strict: bool) -> None:
    """Refuse a PNG that is damaged, which Pillow may pass with wrong colours, or in so many parts that reading on would take long."""
    damage = png_damage(data)
    if damage == "too many parts":
        raise PhotoRefused(where, "corrupt", damage)
    if damage and strict:
        raise PhotoRefused(where, damage, "a checksum fails" if damage == "corrupt" else "")


def is_raw(picture: Image.Image) -> bool:
    """A TIFF that calls its first picture a reduced one, or itself a digital negative."""
    tags = getattr(picture, "tag_v2", {})
    return tags.get(254) == 1 or 50706 in tags


def decoded(picture: ImageFile.ImageFile, data: bytes, side: int, mode: str, strict: bool) -> Image.Image:
    """An opened picture's pixels, upright and flat."""
    if picture.format == "JPEG" and (made := from_jpeg(picture, data, 2 * side, mode, strict)):
        return upright(flat(made, 2 * side, mode), turn_of(picture))
    picture.draft(mode, (2 * side, 2 * side))  # the few JPEGs that come here are scaled too
    load(picture, strict)
    return upright(flat(picture, 2 * side, mode), turn_of(picture))


def from_jpeg(picture: Image.Image, data: bytes, least: int, mode: str, strict: bool) -> Image.Image | None:
    """What libjpeg-turbo makes of a JPEG; None where its colours were thinned out in a rare way, which Pillow knows, blind to damage."""
    try:
        return jpeg.decoded(data, least, "L" in (mode, picture.mode), picture.mode == "CMYK", strict)
    except ValueError as error:
        if "subsampling" in str(error):
            return None
        raise


def load(picture: ImageFile.ImageFile, strict: bool) -> None:
    """Decode; where damage stops the decoder, what it made so far is kept for those who asked for that."""
    try:
        picture.load()
    except Exception:
        if strict:
            raise
        picture.tile = []
        picture.load()


def refusal(error: Exception, data: bytes, where: str) -> PhotoRefused:
    """The reason for what a decoder raised: SyntaxError, ValueError, struct.error ... as well as OSError."""
    text = f"{type(error).__name__}: {error}"[:200]
    low = str(error).lower()
    if isinstance(error, PhotoRefused):
        return error
    if isinstance(error, MemoryError) or "memory" in low:
        return PhotoRefused(where, "out_of_memory", text)
    if isinstance(error, Image.DecompressionBombError):
        return PhotoRefused(where, "too_many_pixels", text)
    if "unsupported" in low or "unknown pixel mode" in low:
        return PhotoRefused(where, "format_not_allowed", text)
    return PhotoRefused(where, "truncated" if "truncated" in low or is_cut(data, kind_of(data)) else "corrupt", text)


def turn_of(picture: Image.Image) -> int:
    """How the camera was held (EXIF orientation 1-8); a note that cannot be read turns nothing."""
    try:
        noted = picture.getexif().get(0x0112, 1)
    except Warning:
        raise
    except Exception:
        return 1
    return noted if noted in TURNS else 1


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    return picture if orientation == 1 else picture.transpose(TURNS[orientation])


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


TURNS = {  # EXIF orientation -> what undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
DECODERS: dict[str, Callable[..., ImageFile.ImageFile]] = {  # by content; Image.open would try others, and guess at the name
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}
CHECKS: dict[str, Callable[[bytes, str, bool], None]] = {"JPEG": jpeg.check, "PNG": check_png}  # before a decoder sees them
FITS: dict[str, Callable[[Image.Image, int], Image.Image]] = {"squash": squash, "letterbox": letterbox, "crop": crop}
