"""Small pictures of photos, re-encoded without any of the photo's metadata, to show to people."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from modiste.data.opening.images import FITS, decode, to_pixels
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.workers import each_photo
from modiste.records.progress import Tell, silent


def thumbnails(root: Path, paths: Sequence[str], side: int = 176, tell: Tell = silent) -> dict[str, bytes]:
    """A JPEG of side x side px of each photo that can be opened, the whole photo on white, by its path."""
    options = {"side": side, "colour": "rgb", "fit": "letterbox"}
    made = each_photo(root, paths, to_pixels, options, tell=tell, stage="thumbnails")
    return {path: as_jpeg(Image.fromarray(one)) for path, one in zip(paths, made, strict=True) if not isinstance(one, PhotoRefused)}


def framed(data: bytes, side: int, fit: str, where: str) -> NDArray[np.uint8]:
    """A photo in colour, (H, W, 3), cut as a network with this fit sees it, but in the photo's own proportions; `side` px the longer."""
    picture = decode(data, side, "RGB", where, strict=False)
    if fit == "squash":
        picture.thumbnail((side, side), Image.Resampling.BILINEAR)
        return np.array(picture, np.uint8)
    return np.array(FITS[fit](picture, side), np.uint8)


def as_jpeg(picture: Image.Image, quality: int = 82) -> bytes:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality)
    return data.getvalue()
