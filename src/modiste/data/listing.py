"""What stands in a catalogue's folder: its pictures by name, and the name that was probably meant."""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from modiste.records.catalogue import TEST, TRAIN, VALIDATION
from modiste.records.errors import ModisteError, nearest

PICTURES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".tif", ".tiff", ".bmp", ".avif")
NOT_READ = (".heic", ".heif", ".pdf", ".psd", ".svg", ".eps", ".jp2", ".jxl", ".cr2", ".nef", ".dng")  # pictures, but not for us
SIDE_CARS = ("thumbs.db", "desktop.ini", "ehthumbs.db")
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
LOOKED_FOR = 100  # near names are offered for so many missing pictures, then only counted


def source_of(name: str) -> str:
    """The A100 test that a file's name speaks of, or ''.

    >>> source_of("20250412_LAT_Clothing_1.jpg"), source_of("flat_1.jpg")
    ('LAT', '')
    """
    words = re.split(r"[^A-Za-z]+", PurePosixPath(name).name.upper())
    return next((source for source in SOURCES if source in words), "")


@dataclass
class Listing:
    """The regular files in the folders under one root; each folder is listed once, when first asked for."""

    root: Path
    folders: dict[str, list[str]] = field(default_factory=dict)
    known: dict[str, set[str]] = field(default_factory=dict)
    backwards: dict[str, list[str]] = field(default_factory=dict)
    looked_for: int = 0

    def has(self, path: str) -> bool:
        """Whether a regular file stands at a relative path, its capitals as written."""
        folder, _, name = path.rpartition("/")
        self.names(folder)
        return name in self.known[folder]

    def names(self, folder: str) -> list[str]:
        """The files of one folder in order; none when it does not exist."""
        if folder not in self.folders:
            try:
                with os.scandir(self.root / folder) as entries:
                    self.folders[folder] = sorted(entry.name for entry in entries if entry.is_file())
            except OSError:
                self.folders[folder] = []
            self.known[folder] = set(self.folders[folder])
        return self.folders[folder]

    def near(self, path: str) -> str | None:
        """The file that was probably meant. Only neighbours in the alphabet, read from either end, are compared."""
        self.looked_for += 1
        folder, _, name = path.rpartition("/")
        if self.looked_for > LOOKED_FOR or not self.names(folder):
            return None
        if folder not in self.backwards:
            self.backwards[folder] = sorted(known[::-1] for known in self.names(folder))
        same_end = [known[::-1] for known in around(self.backwards[folder], name[::-1])]
        return nearest(name, [*around(self.names(folder), name), *same_end])


def around(names: list[str], name: str, reach: int = 20) -> list[str]:
    """The names that stand nearest in a sorted list."""
    place = bisect_left(names, name)
    return names[max(0, place - reach) : place + reach]


def visible_folders(folder: Path) -> list[Path]:
    """The folders in a folder, in order, without hidden ones and links."""
    return sorted(inner for inner in folder.iterdir() if inner.is_dir() and not inner.is_symlink() and not inner.name.startswith("."))


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, in order; hidden files and folders, side-cars and links to folders are left out."""
    for here, inner, names in os.walk(folder):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name.casefold() not in SIDE_CARS:
                yield Path(here) / name


def refused(where: object, problems: list[str], shown: int = 20) -> ModisteError:
    """One error that lists every problem, the first in full."""
    more = [f"... and {len(problems) - shown} more like these"] if len(problems) > shown else []
    return ModisteError("\n".join([*problems[:shown], *more, f"{len(problems)} problems in {where}: nothing was read."]))
