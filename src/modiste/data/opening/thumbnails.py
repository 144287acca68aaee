"""Small pictures of photos, re-encoded without any of the photo's metadata, to show to people."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from modiste.data.opening.images import to_pixels
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.workers import each_photo
from modiste.records.progress import Tell, silent


def thumbnails(root: Path, paths: Sequence[str], side: int = 176, tell: Tell = silent) -> dict[str, bytes]:
    """A JPEG of side x side px of each photo that can be opened, the whole photo on white, by its path."""
    options = {"side": side, "colour": "rgb", "fit": "letterbox"}
    made = each_photo(root, paths, to_pixels, options, tell=tell, stage="thumbnails")
    return {path: as_jpeg(Image.fromarray(one)) for path, one in zip(paths, made, strict=True) if not isinstance(one, PhotoRefused)}


def as_jpeg(picture: Image.Image, quality: int = 82) -> bytes:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality)
    return data.getvalue()
