"""A folder a class, also below train/ and test/: the layout most tools export."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from modiste.data.declared import read_classes, undeclared
from modiste.data.listing import NOT_READ, PICTURES, SPLITS, files_below, refused, source_of, visible_folders
from modiste.data.taxonomy import Taxonomy
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import ModisteError, nearest
from modiste.records.labels import PAPER_CLASSES, Classes

UNLABELLED = ("unlabelled", "unlabeled")  # a folder for photos without a class


def read_folders(where: Path, classes: Classes | None, _taxonomy: Taxonomy | None) -> Catalogue:
    """The catalogue of a folder a class. Its codes come from a declaration, never from the order of folders."""
    if not where.is_dir():
        raise ModisteError(f"{where} is not a folder.")
    folders = class_folders(where)
    if not folders:
        raise ModisteError(f"{where}: no folders in it. Make one for each class and put its photos inside.")
    classes = classes or read_classes(where) or declared_by_folders([folder for _, folder in folders], where)
    problems = [*misplaced(where, folders, classes), *not_read(where)]
    if problems:
        raise refused(where, problems)
    photos = [photo for split, folder in folders for photo in photos_of(where, split, folder, classes)]
    if not photos:
        raise ModisteError(f"{where}: no pictures in its folders. modiste reads {', '.join(PICTURES)}.")
    return Catalogue(where, classes, tuple(photos))


def class_folders(where: Path) -> list[tuple[str, Path]]:
    """The folders that stand for classes, each with its split ('' without a layer of splits)."""
    outer = visible_folders(where)
    layered = [folder for folder in outer if folder.name.casefold() in SPLITS and visible_folders(folder)]
    if not layered:
        return [("", folder) for folder in outer]
    return [(SPLITS[folder.name.casefold()], inner) for folder in layered for inner in visible_folders(folder)]


def declared_by_folders(folders: Iterable[Path], where: Path) -> Classes:
    """The paper's four classes when every folder bears one of their names; else an error with the line to give."""
    names = sorted({folder.name for folder in folders if folder.name.casefold() not in UNLABELLED})
    if not all(code_of(name, PAPER_CLASSES) is not None for name in names):
        undeclared(where, names)
    return PAPER_CLASSES


def code_of(name: str, classes: Classes) -> int | None:
    return next((code for code, known in enumerate(classes.names) if known.casefold() == name.strip().casefold()), None)


def misplaced(where: Path, folders: list[tuple[str, Path]], classes: Classes) -> list[str]:
    """Folders that are no class, and pictures that stand in none."""
    problems = []
    for _, folder in folders:
        if code_of(folder.name, classes) is None and folder.name.casefold() not in UNLABELLED:
            near = nearest(folder.name, classes.names)
            hint = f" Did you mean '{near}'?" if near else ""
            problems.append(f"folder '{folder.relative_to(where)}' is no class. There are: {', '.join(classes.names)}.{hint}")
    parents = {folder.parent for _, folder in folders} | {where}
    if any(folder.parent != where for _, folder in folders):
        strange = [folder for folder in visible_folders(where) if folder.name.casefold() not in SPLITS]
        problems += [
            f"folder '{folder.name}' stands beside folders of splits. Rename it to a split, or move it away." for folder in strange
        ]
        parents |= set(visible_folders(where)) - set(strange)
    loose = [file for parent in sorted(parents) for file in sorted(parent.iterdir()) if file.suffix.lower() in PICTURES]
    shown = [file.relative_to(where).as_posix() for file in loose if file.name[0] != "." and file.is_file()]
    problems += [f"'{name}' stands in no class folder. Move it into one." for name in shown]
    return problems


def not_read(where: Path) -> list[str]:
    """Pictures of formats that are not read, by suffix: leaving them out in silence would lose photos."""
    files = (file for file in files_below(where) if file.suffix.lower() in NOT_READ)
    return [f"'{file.relative_to(where).as_posix()}' is of a format that is not read. Export it as JPEG or move it away." for file in files]


def photos_of(root: Path, split: str, folder: Path, classes: Classes) -> list[Photo]:
    """The photos at any depth below a class's folder; other files (notes, side-cars) are passed over."""
    label = code_of(folder.name, classes)
    paths = [file.relative_to(root).as_posix() for file in files_below(folder) if file.suffix.lower() in PICTURES and file.is_file()]
    return [Photo(path, label, source=source_of(path), split=split) for path in paths]
