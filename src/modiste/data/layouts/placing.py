"""Photos into a new folder: copied or linked from a folder, or written from inside an archive."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from modiste.data.layouts.names import SPLITS
from modiste.data.opening.containers import container_in
from modiste.data.opening.stores import find_photo, read_photo
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.disk import sync_folder
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


def refuse_inside(folder: Path, catalogue: Catalogue) -> None:
    """Nothing is ever written among a catalogue's photos."""
    if folder.resolve().is_relative_to(catalogue.root.resolve()):
        raise ModisteError(f"{folder} stands inside the catalogue {catalogue.root}, which is never written to. Give another folder.")


@contextmanager
def whole(to: Path) -> Iterator[Path]:
    """A folder beside `to` to write into; it becomes `to` once all of it is on the disk, and goes away where that fails."""
    start(to)
    for left in to.parent.glob(f".{escape(to.name)}.*.part"):
        if not is_alive(left.suffixes[-2].removeprefix(".")):
            shutil.rmtree(left, ignore_errors=True)
    beside = to.with_name(f".{to.name}.{os.getpid()}.part")
    try:
        yield beside
        os.sync() if hasattr(os, "sync") else None
        to.rmdir()
        beside.replace(to)
    except OSError as error:
        raise MachineError(f"{to} could not be written: {error.strerror}. Nothing was left there; give another place.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        if to.is_dir() and not any(to.iterdir()):
            to.rmdir()
    sync_folder(to.parent)


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
