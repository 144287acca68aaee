"""From a catalogue to a folder of its own, in a layout that other tools and `read` understand."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from modiste.data.declared import write_classes
from modiste.data.folders import UNLABELLED
from modiste.data.names import PICTURES, SPLITS
from modiste.data.rows import COLUMNS, csv_bytes, escaped
from modiste.data.stores import find_photo
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.disk import write_bytes
from modiste.records.errors import ModisteError
from modiste.records.labels import Classes

HEADER = ("Image_Name", "Label", "Attribute", "split", "source", "product_id", "suggested_label", "suggested_by")


def write_paper(catalogue: Catalogue, to: Path, copy: bool = True) -> Path:
    """Write labels.csv, classes.txt and the photos at their paths into a new folder; `read` gives an equal catalogue back.

    Without `copy` photos are hard links where the disk allows. labels.csv comes last: where it stands, all is there.
    """
    lines = label_lines(catalogue)
    start(to)
    for photo in catalogue.photos:
        place(catalogue, photo, to / photo.path, copy)
    return write_labels(lines, catalogue.classes, to)


def write_folders(catalogue: Catalogue, to: Path, copy: bool = True) -> Path:
    """Write classes.txt and a folder a class, below folders of splits when there are any, into a new folder.

    Labels, splits and bytes survive; product, source, suggestion and details have no place in folders.
    """
    targets = folder_targets(catalogue)
    start(to)
    for photo, target in zip(catalogue.photos, targets, strict=True):
        place(catalogue, photo, to / target, copy)
    write_classes(to, catalogue.classes)
    return to


def write_labels(lines: Sequence[Sequence[str]], classes: Classes, to: Path) -> Path:
    """Write the two files that make a folder of photos a catalogue: classes.txt, then labels.csv."""
    write_classes(to, classes)
    write_bytes(to / "labels.csv", csv_bytes(lines))
    return to


def label_lines(catalogue: Catalogue) -> list[list[str]]:
    """The header and rows of labels.csv: the paper's three columns, ours, then the details'."""
    details = list(dict.fromkeys(key for photo in catalogue.photos for key in photo.details if key != "Attribute"))
    taken = [key for key in details if not key or key.strip().casefold() in COLUMNS]
    if taken:
        raise ModisteError(f"details must not be called '{taken[0]}': that column means something else. Rename it.")
    paths = {photo.path for photo in catalogue.photos}
    rows = [label_row(photo, catalogue.classes, details, image_name(photo.path, paths)) for photo in catalogue.photos]
    return [[*HEADER, *map(escaped, details)], *rows]


def label_row(photo: Photo, classes: Classes, details: Sequence[str], name: str) -> list[str]:
    attribute = photo.details.get("Attribute", "") if photo.label is None else classes.names[photo.label]
    if photo.label is None and attribute.casefold() in (known.casefold() for known in classes.names):
        attribute = ""  # the class it once had: a reader would refuse -1 beside it
    label = "-1" if photo.label is None else str(photo.label)
    suggested = ("", "") if photo.suggestion is None else (str(photo.suggestion.label), photo.suggestion.by)
    texts = [attribute, checked_split(photo), photo.source, photo.product, *suggested, *(photo.details.get(key, "") for key in details)]
    return [escaped(name), label, *map(escaped, texts)]


def image_name(path: str, paths: set[str]) -> str:
    """How labels.csv names a path: images/ goes without saying; './' says that it is not meant.

    >>> image_name("images/1.jpg", {"images/1.jpg"}), image_name("1.jpg", {"1.jpg", "images/1.jpg"})
    ('1.jpg', './1.jpg')
    """
    if path.startswith("images/"):
        return path.removeprefix("images/")
    return f"./{path}" if f"images/{path}" in paths else path


def start(to: Path) -> None:
    """Make the folder; one that holds something already is left alone."""
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise ModisteError(f"{to} is not an empty folder, and nothing is written over. Give a new one.")
    to.mkdir(parents=True, exist_ok=True)


def place(catalogue: Catalogue, photo: Photo, target: Path, copy: bool) -> None:
    """Copy or link one photo, from inside the catalogue's root only."""
    real = find_photo(catalogue.root, photo.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not copy:
        try:
            os.link(real, target)
            return
        except OSError:  # another disk, or a file system without links
            pass
    shutil.copyfile(real, target)


def checked_split(photo: Photo) -> str:
    if photo.split not in SPLITS.values():
        raise ModisteError(f"{photo.path}: split '{photo.split}' cannot be written. There are: train, validation, test, extra, other.")
    return photo.split


def folder_targets(catalogue: Catalogue) -> list[str]:
    """Where each photo goes in a folder a class: split, class, file name; numbered when two would meet."""
    folders = [folder_of(photo, catalogue.classes) for photo in catalogue.photos]
    if any(photo.split for photo in catalogue.photos) or any(folder.casefold() in SPLITS for folder in folders):
        folders = [f"{checked_split(photo) or 'unsplit'}/{folder}" for photo, folder in zip(catalogue.photos, folders, strict=True)]
    names = [file_name(photo.path) for photo in catalogue.photos]
    targets = [f"{folder}/{name}" for folder, name in zip(folders, names, strict=True)]
    if len({target.casefold() for target in targets}) == len(targets):
        return targets
    return [f"{folder}/{number:06d}_{name}" for number, (folder, name) in enumerate(zip(folders, names, strict=True))]


def folder_of(photo: Photo, classes: Classes) -> str:
    """The folder's name for a photo's class; a class that cannot be a folder is refused."""
    name = UNLABELLED[0] if photo.label is None else classes.names[photo.label]
    if photo.label is not None and (name[0] == "." or any(mark in name for mark in '/\\:*?"<>|\0') or name.casefold() in UNLABELLED):
        raise ModisteError(f"the class '{name}' cannot be a folder's name. Write the format 'paper' instead.")
    return name


def file_name(path: str) -> str:
    """A photo's own file name, such that `read` takes it for a picture (decoding goes by content, not by the suffix).

    >>> file_name("images/.cover")
    'cover.jpg'
    """
    name = PurePosixPath(path).name.lstrip(".") or "photo"
    return name if PurePosixPath(name).suffix.lower() in PICTURES else f"{name}.jpg"


WRITERS: dict[str, Callable[[Catalogue, Path, bool], Path]] = {"paper": write_paper, "folders": write_folders}
