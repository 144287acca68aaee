"""Photos into a new folder: copied or linked from a folder, or written from inside an archive."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from modiste.data.layouts.names import SPLITS
from modiste.data.opening.containers import container_in
from modiste.data.opening.stores import find_photo, read_photo
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import MachineError, ModisteError


def start(to: Path) -> None:
    """Make the folder; one that holds something already is left alone."""
    try:
        taken = to.exists() and (not to.is_dir() or any(to.iterdir()))
        if not taken:
            to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MachineError(f"{to} cannot be made: {error.strerror}. Give another place.") from error
    if taken:
        raise ModisteError(f"{to} is not an empty folder, and nothing is written over. Give a new one.")


def place(catalogue: Catalogue, photo: Photo, target: Path, copy: bool) -> None:
    """Put one photo at a target, from inside the catalogue's root only; a link only where the photo is a file of its own."""
    packed = container_in(catalogue.root / photo.path) is not None
    data = read_photo(catalogue.root, photo.path) if packed else b""
    real = target if packed else find_photo(catalogue.root, photo.path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if packed:
            target.write_bytes(data)
        elif copy or not linked(real, target):
            shutil.copyfile(real, target)
    except OSError as error:
        raise MachineError(f"{target} could not be written: {error.strerror}. Make room, and give a new folder.") from error


def linked(real: Path, target: Path) -> bool:
    """Whether a hard link could be made: not on another disk, or a file system without links."""
    try:
        os.link(real, target)
    except OSError:
        return False
    return True


def checked_split(photo: Photo) -> str:
    if photo.split not in SPLITS.values():
        raise ModisteError(f"{photo.path}: split '{photo.split}' cannot be written. There are: train, validation, test, extra, other.")
    return photo.split
