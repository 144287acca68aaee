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


def source_of(path: str) -> str:
    """The A100 test that a photo is of, where it is called as the paper's are: a day, then the test; else ''.

    "lat" alone is no test: it is years in Polish, and a shoe seen from its side.

    >>> source_of("20250412_LAT_Clothing_1.jpg"), source_of("bluza-5-6-lat-1.jpg")
    ('LAT', '')
    """
    found = re.match(r"\d{8}_([A-Z]{3})_", PurePosixPath(path).name.upper())
    return found[1] if found and found[1] in SOURCES else ""


def source_of_labels(file: str) -> str:
    """The A100 test that a file of labels or questions is of by a word in its name, or ''.

    >>> source_of_labels("A100_LAT.json"), source_of_labels("flat.json")
    ('LAT', '')
    """
    words = re.split(r"[^A-Za-z]+", PurePosixPath(file).name.upper())
    return next((source for source in SOURCES if source in words), "")


def told_by_names(many: int) -> tuple[str, ...]:
    """That some photos are of a split by nothing but a name, in words."""
    return (f"photos that are train or test by AAT or LAT in a file's name, as the paper's are: {many:,}.",) if many else ()


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
