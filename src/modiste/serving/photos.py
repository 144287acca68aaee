"""Photos as a program holds them (paths, bytes, Pillow's pictures, arrays), made the pixels that a network is given."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from modiste.data.opening.images import picture_to_pixels, to_pixels
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.stores import read_photo
from modiste.records.errors import UsageError
from modiste.records.recipe import Pixels

Photo: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | Image.Image | NDArray[np.uint8]
TAKEN = "a path, the bytes of a file, a Pillow picture, or an array of uint8 (H, W, 3) in the order red, green, blue, or (H, W)"
LOADING = threading.Lock()


def each_of(photos: Photo | Iterable[Photo]) -> Iterable[Photo]:
    """One photo or many, as many."""
    if isinstance(photos, np.ndarray):
        return photos if photos.ndim == 4 else [photos]
    if isinstance(photos, str | os.PathLike | bytes | bytearray | memoryview | Image.Image):
        return [photos]
    refuse_open_file(photos)
    if isinstance(photos, Mapping) or not isinstance(photos, Iterable):
        raise UsageError(f"{type(photos).__name__} is no photo. A photo is {TAKEN}; many are a list of those.")
    return photos


def refuse_open_file(photos: object) -> None:
    """Each of its lines would be taken for a photo."""
    if hasattr(photos, "read"):
        raise UsageError(f"{type(photos).__name__} is an open file, not a photo. Give its path, or the bytes that its read() gives.")


def pixels_of(photo: Photo, pixels: Pixels, where: str) -> NDArray[np.uint8]:
    """A photo's pixels, (S, S, C); the same from a file, its bytes, and what Pillow or NumPy hold of it, scaled files aside."""
    eyes = (pixels.side, pixels.colour, pixels.fit, where)
    if isinstance(photo, str | os.PathLike):
        return to_pixels(bytes_at(Path(photo)), *eyes, strict=pixels.strict)
    if isinstance(photo, bytes | bytearray | memoryview):
        return to_pixels(bytes(photo), *eyes, strict=pixels.strict)
    return picture_to_pixels(loaded(photo, where) if isinstance(photo, Image.Image) else picture_of(photo, where), *eyes)


def bytes_at(path: Path) -> bytes:
    """The bytes of a photo at a path, links followed, for the caller named it; also of one in an archive: shop.zip/1.jpg."""
    try:
        real = path.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links that lead to each other, a name that no file can have
        raise PhotoRefused(str(path), "unreadable", str(error)) from error
    return read_photo(real.parent, real.name)


def loaded(picture: Image.Image, where: str) -> Image.Image:
    """A picture with its pixels in memory, one at a time: the same one may come twice, and Pillow reads it only once."""
    try:
        with LOADING:
            picture.load()
    except Exception as error:  # whatever its decoder raises: SyntaxError, ValueError ... as well as OSError
        raise PhotoRefused(where, "corrupt", f"{type(error).__name__}: {error}"[:200]) from error
    return picture


def picture_of(array: Any, where: str) -> Image.Image:
    """A picture of an array's values, (H, W), (H, W, 1), (H, W, 3), or (H, W, 4) with alpha."""
    if not isinstance(array, np.ndarray):
        raise UsageError(f"{where} is a {type(array).__name__}. A photo is {TAKEN}.")
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))):
        raise UsageError(f"{where} is an array of {array.dtype} {array.shape}. A photo is {TAKEN}.")
    if not array.size:
        raise PhotoRefused(where, "bad_size", f"an array {array.shape}")
    return Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array)
