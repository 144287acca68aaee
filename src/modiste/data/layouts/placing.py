"""Photos into a new folder: copied or linked from a folder, or written from inside an archive."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modiste.data.layouts.names import SPLITS
from modiste.data.opening.containers import container_in
from modiste.data.opening.stores import find_photo, read_photo
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.disk import sync_folder
from modiste.records.errors import MachineError, ModisteError

PART = ".modiste-part-"  # how the name of a half-written folder begins; the number of the program that writes it comes next


def start(to: Path) -> None:
    """Make the folder; one that holds something already is left alone."""
    refuse_taken(to)
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MachineError(f"{to} cannot be made: {error.strerror}. Give another place.") from error


def refuse_taken(to: Path) -> None:
    try:
        taken = os.path.lexists(to) and (not to.is_dir() or any(not is_part(path.name) for path in to.iterdir()))
    except OSError as error:
        raise MachineError(f"{to} cannot be looked into: {error.strerror}. Give another place.") from error
    if taken:
        raise ModisteError(f"{to} is not an empty folder, and nothing is written over. Give a new one.")


@contextmanager
def whole(to: Path) -> Iterator[Path]:
    """A folder to write into, whose content stands at `to` once all of it is on the disk; where that fails, nothing is left.

    A new folder comes to be by one renaming. An empty one that is there (the current folder, a disk, a link) stays what it is, and
    what was written is moved into it.
    """
    refuse_taken(to)
    is_new = not to.exists()
    place = to.parent if is_new else to
    beside = place / f"{PART}{os.getpid()}-{to.name or 'here'}"
    sweep(place)
    try:
        yield beside
        if hasattr(os, "sync"):
            os.sync()
        if is_new:
            beside.replace(to)
        else:
            for made in sorted(beside.iterdir(), key=lambda made: made.is_file()):  # label files last: where they stand, all is there
                made.replace(to / made.name)
        sync_folder(place)
    except OSError as error:
        raise MachineError(f"{to} could not be written: {error.strerror}. Make room, or give another place.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def sweep(place: Path) -> None:
    """Remove what programs that were killed left half written."""
    for left in place.glob(f"{PART}*") if place.is_dir() else ():
        if not is_alive(left.name.removeprefix(PART).partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)


def is_part(name: str) -> bool:
    return name.startswith(PART)


def is_alive(pid: str) -> bool:
    """Whether a program that may still be writing has this number."""
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except OSError:  # it is somebody else's
        return True
    return True


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
