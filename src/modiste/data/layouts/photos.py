"""Pictures in any folders, without labels: what a camera or a shop leaves behind."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from modiste.data.layouts.declared import read_classes
from modiste.data.layouts.folders import passed_over
from modiste.data.layouts.names import NOT_READ, is_picture, source_of
from modiste.data.layouts.paper_csv import label_files
from modiste.data.opening.stores import Store, open_store
from modiste.data.suggest import Taxonomy
from modiste.data.taxonomy import read_taxonomy
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import ModisteError
from modiste.records.labels import Classes


def read_photos(store: Store, classes: Classes | None, taxonomy: Taxonomy | None) -> Catalogue:
    """Every picture below a folder as a photo without a label; its folder's name or its own may suggest a class."""
    if store.chosen:
        raise ModisteError(f"{store.where} is not a folder.")
    files = list(store.below())
    paths = [path for path in files if is_picture(path) or path.lower().endswith(NOT_READ)]  # what cannot be opened is told as such
    if not paths:
        raise ModisteError(f"{store.where}: no pictures in it.")
    taxonomy = taxonomy or read_taxonomy(None)
    classes = classes or read_classes(store) or taxonomy.classes
    photos = (Photo(path, None, taxonomy.suggestion_of(said_by(path), classes), source=source_of(path)) for path in paths)
    return Catalogue(store.root, classes, tuple(photos), (*labels_above(store), *passed_over(store, len(files) - len(paths))))


def labels_above(store: Store) -> list[str]:
    """A hint where the folder of pictures is only a part of a catalogue."""
    try:
        above = label_files(open_store(store.root.resolve().parent))
    except ModisteError:
        return []
    return [f"{above[0]} stands one folder up: give that folder to read the labels too."] if above else []


def has_pictures(store: Store) -> bool:
    """Whether there are pictures, and no label file says more."""
    return not store.chosen and not label_files(store) and any(map(is_picture, store.below()))


def said_by(path: str) -> dict[str, str]:
    """What a path may say of its product: the folder as its type, the file's name as its title.

    >>> said_by("Sneakers/nike-red_sneaker.jpg")
    {'type': 'Sneakers', 'title': 'nike red sneaker'}
    """
    place = PurePosixPath(path)
    return {"type": place.parent.name, "title": re.sub(r"[-_.]+", " ", place.stem)}
