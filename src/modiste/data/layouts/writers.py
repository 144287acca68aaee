"""From a catalogue to a folder of its own, in a layout that other tools and `read` understand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from modiste.data.layouts.croissant import write_croissant
from modiste.data.layouts.declared import write_classes
from modiste.data.layouts.folders import UNLABELLED
from modiste.data.layouts.label_studio_tasks import write_label_studio
from modiste.data.layouts.labels_csv import label_lines, write_labels
from modiste.data.layouts.names import PICTURES, SPLITS
from modiste.data.layouts.parquet_shards import write_parquet
from modiste.data.layouts.placing import checked_split, place, start, whole
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import ModisteError, UsageError, unknown
from modiste.records.labels import Classes
from modiste.records.own import refuse_inside
from modiste.records.progress import Tell, following, silent

FILES = (".parquet", ".csv", ".json", ".jsonl", ".zip", ".tar", ".gz")  # how a file's name ends, but no folder's


def write(
    catalogue: Catalogue,
    to: Path | str,
    format: str = "paper",  # noqa: A002  (the word users know)
    copy: bool = True,
    tell: Tell = silent,
) -> Path:
    """Write a catalogue into a new folder in one of WRITERS' formats; the folder is there when all of it is, and not before.

    Without `copy` photos are hard links where the disk and the format allow.
    """
    if format not in WRITERS:
        raise unknown("format to write", format, WRITERS)
    refuse_file_name(Path(to))
    refuse_inside(Path(to), catalogue.root)
    with whole(Path(to)) as beside:
        WRITERS[format](catalogue, beside, copy, tell)
    return Path(to)


def refuse_file_name(to: Path) -> None:
    if to.suffix.lower() in FILES:
        raise UsageError(f"{to}: what is written is a folder with the photos in it, also of parquet. Give the name of a new folder.")


def write_paper(catalogue: Catalogue, to: Path, copy: bool = True, tell: Tell = silent) -> Path:
    """Write labels.csv, classes.txt and the photos at their paths into a new folder; `read` gives an equal catalogue back.

    Without `copy` photos are hard links where the disk allows. labels.csv comes last: where it stands, all is there.
    """
    lines = label_lines(catalogue)
    start(to)
    for photo in following(catalogue.photos, tell, "writing"):
        place(catalogue, photo, to / photo.path, copy)
    return write_labels(lines, catalogue.classes, to)


def write_folders(catalogue: Catalogue, to: Path, copy: bool = True, tell: Tell = silent) -> Path:
    """Write classes.txt and a folder a class, below folders of splits when there are any, into a new folder.

    Labels, splits and bytes survive; product, source, suggestion and details have no place in folders.
    """
    targets = folder_targets(catalogue)
    start(to)
    for photo, target in following(list(zip(catalogue.photos, targets, strict=True)), tell, "writing"):
        place(catalogue, photo, to / target, copy)
    write_classes(to, catalogue.classes)
    return to


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


WRITERS: dict[str, Callable[[Catalogue, Path, bool, Tell], Path]] = {
    "paper": write_paper,
    "folders": write_folders,
    "parquet": write_parquet,
    "label-studio": write_label_studio,
    "croissant": write_croissant,
}
