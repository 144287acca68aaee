"""A folder a class, also below train/ and test/: the layout most tools export."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from modiste.data.layouts.declared import read_classes, undeclared
from modiste.data.layouts.names import NOT_READ, PICTURES, SPLITS, is_picture, refused, source_of
from modiste.data.opening.stores import Store, joined
from modiste.data.suggest import Taxonomy
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import ModisteError, nearest
from modiste.records.labels import PAPER_CLASSES, Classes

UNLABELLED = ("unlabelled", "unlabeled", "_unlabeled")  # a folder for photos without a class
OUTSIDE = "members of the archive passed over, as their names lead out of it"
SHOWN = 10  # links to folders are named, then only counted
Place = tuple[str, str]  # a class folder's split ('' without a layer of splits) and its path


def read_folders(store: Store, classes: Classes | None, _taxonomy: Taxonomy | None) -> Catalogue:
    """The catalogue of a folder a class. Its codes come from a declaration, never from the order of folders."""
    if store.chosen:
        raise ModisteError(f"{store.where} is not a folder.")
    folders = class_folders(store)
    if not folders:
        words = f"{store.where}: no folders in it. Make one for each class and put its photos inside."
        raise ModisteError("\n".join([words, *told_links(store.links)]))
    files = {folder: list(store.below(folder)) for _, folder in folders}
    full = [place for place in folders if any(map(may_be_picture, files[place[1]]))]
    classes = classes or read_classes(store) or declared_by_folders([folder for _, folder in full], store)
    bare = [place for place in folders if place not in full and is_strange(place[1], classes)]
    folders = [place for place in folders if place not in bare]
    problems = [*misplaced(store, folders, classes), *not_read(files)]
    if problems:
        raise refused(store.where, problems)
    photos = [
        Photo(path, classes.find(name_of(folder)), source=source_of(path), split=split)
        for split, folder in folders
        for path in files[folder]
        if is_picture(path)
    ]
    if not photos:
        raise ModisteError(f"{store.where}: no pictures in its folders. modiste reads {', '.join(PICTURES)}.")
    words = f"folders passed over, as they are no classes and hold no pictures: {', '.join(folder for _, folder in bare)}."
    others = passed_over(store, sum(map(len, files.values())) - len(photos))
    return Catalogue(store.root, classes, tuple(photos), (words, *others) if bare else others)


def class_folders(store: Store) -> list[Place]:
    """The folders that stand for classes, each with its split."""
    outer = store.folders()
    layered = [folder for folder in outer if folder.casefold() in SPLITS and store.folders(folder)]
    if not layered:
        return [("", folder) for folder in outer]
    return [(SPLITS[folder.casefold()], joined(folder, inner)) for folder in layered for inner in store.folders(folder)]


def declared_by_folders(folders: Iterable[str], store: Store) -> Classes:
    """The paper's four classes when every folder bears one of their names; else an error with the line to give."""
    names = sorted({name_of(folder) for folder in folders} - {name for name in map(name_of, folders) if name.casefold() in UNLABELLED})
    if not all(PAPER_CLASSES.find(name) is not None for name in names):
        undeclared(store.where, names, "or, if these folders are no classes, read the photos without labels: --format photos")
    return PAPER_CLASSES


def name_of(folder: str) -> str:
    return folder.rpartition("/")[2]


def is_strange(folder: str, classes: Classes) -> bool:
    return classes.find(name_of(folder)) is None and name_of(folder).casefold() not in UNLABELLED


def may_be_picture(path: str) -> bool:
    return path.lower().endswith((*PICTURES, *NOT_READ))


def misplaced(store: Store, folders: list[Place], classes: Classes) -> list[str]:
    """Folders that are no class, and pictures that stand in none."""
    problems = []
    for _, folder in folders:
        if is_strange(folder, classes):
            near = nearest(name_of(folder), classes.names)
            hint = f" Did you mean '{near}'?" if near else ""
            problems.append(f"folder '{folder}' is no class. There are: {', '.join(classes.names)}.{hint}")
    parents = {""}
    if any("/" in folder for _, folder in folders):
        beside = [folder for folder in store.folders() if folder.casefold() not in SPLITS]
        strange = [folder for folder in beside if any(map(may_be_picture, store.below(folder)))]
        problems += [f"folder '{folder}' stands beside folders of splits. Rename it to a split, or move it away." for folder in strange]
        parents |= set(store.folders()) - set(strange)
    loose = [joined(parent, name) for parent in sorted(parents) for name in store.names(parent) if is_picture(name) and name[0] != "."]
    return problems + [f"'{path}' stands in no class folder. Move it into one." for path in loose]


def not_read(files: Mapping[str, Iterable[str]]) -> list[str]:
    """Pictures of formats that are not read, by suffix: leaving them out in silence would lose photos."""
    odd = [path for listed in files.values() for path in listed if path.lower().endswith(NOT_READ)]
    return [f"'{path}' is of a format that is not read. Export it as JPEG or move it away." for path in odd]


def passed_over(store: Store, others: int) -> tuple[str, ...]:
    """What a walk through folders left aside, in words."""
    hidden = [f"hidden files and side-cars passed over: {store.passed_over:,}."] if store.passed_over else []
    odd = [f"files passed over, as they are no pictures by their name: {others:,}."] if others else []
    outside = [f"{OUTSIDE}: {store.outside:,}."] if store.outside else []
    return (*hidden, *odd, *outside, *told_links(store.links))


def told_links(links: Iterable[str]) -> tuple[str, ...]:
    """Links to folders, in words: what lies behind them is none of a catalogue's."""
    named = sorted(links)
    more = f" and {len(named) - SHOWN:,} more" if len(named) > SHOWN else ""
    return (f"links to folders are not followed: {', '.join(named[:SHOWN])}{more}.",) if named else ()
