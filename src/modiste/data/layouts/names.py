"""What a file's name says: a picture or none, its split, its source."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from modiste.records.catalogue import TEST, TRAIN, VALIDATION
from modiste.records.errors import ModisteError

PICTURES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".tif", ".tiff", ".bmp", ".avif")
NOT_READ = (".heic", ".heif", ".pdf", ".psd", ".svg", ".eps", ".jp2", ".jxl", ".cr2", ".nef", ".dng")  # pictures, but not for us
SPLITS = {  # how people write a split -> its name; 'extra' and 'other' are pools outside the study
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "dev": VALIDATION,
    "test": TEST,
    "testing": TEST,
    "extra": "extra",
    "other": "other",
    "unsplit": "",
    "": "",
}
SOURCES = {"AAT": TRAIN, "LAT": TEST}  # decision 0001


def source_of(name: str) -> str:
    """The A100 test that a file's name speaks of, or ''.

    >>> source_of("20250412_LAT_Clothing_1.jpg"), source_of("flat_1.jpg")
    ('LAT', '')
    """
    words = re.split(r"[^A-Za-z]+", PurePosixPath(name).name.upper())
    return next((source for source in SOURCES if source in words), "")


def is_picture(path: str) -> bool:
    """Whether a file is taken for a picture by its name; what it truly is shows when it is opened.

    >>> is_picture("images/1.JPG"), is_picture("images/1.heic")
    (True, False)
    """
    return path.lower().endswith(PICTURES)


def refused(where: object, problems: list[str], shown: int = 20) -> ModisteError:
    """One error that lists every problem, the first in full."""
    more = [f"... and {len(problems) - shown} more like these"] if len(problems) > shown else []
    return ModisteError("\n".join([*problems[:shown], *more, f"{len(problems)} problems in {where}: nothing was read."]))
