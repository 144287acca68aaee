"""Fashion-MNIST as it is published: four IDX files, read where they stand."""

from __future__ import annotations

import re

from modiste.data.layouts.declared import read_classes
from modiste.data.opening.idx import Bytes, idx_values
from modiste.data.opening.stores import Store
from modiste.data.suggest import Taxonomy
from modiste.data.taxonomy import read_taxonomy
from modiste.records.catalogue import TEST, TRAIN, Catalogue, Photo
from modiste.records.errors import ModisteError
from modiste.records.labels import Classes

TYPES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")  # in its own codes
CLASSES = Classes(("Shoes", "Clothing", "Bags"))
NAME = re.compile(r"(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?")
SPLITS = {"train": TRAIN, "t10k": TEST}


def read_fashion_mnist(store: Store, classes: Classes | None, taxonomy: Taxonomy | None) -> Catalogue:
    """Every picture, labelled Shoes, Clothing or Bags by its type; by the type itself where the ten types are the classes."""
    files = idx_files(store)
    lacking = [f"{split}-{kind}" for split in SPLITS for kind in ("images", "labels") if (split, kind) not in files]
    if lacking:
        raise ModisteError(f"{store.where} lacks {', '.join(lacking)}-...-ubyte or .gz. Put Fashion-MNIST's four files there.")
    taxonomy = taxonomy or read_taxonomy(None)
    classes = classes or read_classes(store) or classes_shown(taxonomy)
    codes = codes_of_types(classes, taxonomy)
    if not any(code is not None for code in codes):
        raise ModisteError(
            f"{store.where}: none of its types is of a class. There are: {classes}. Declare others, or the ten: {', '.join(TYPES)}."
        )
    photos = [photo for split in SPLITS for photo in photos_of(store, files[split, "images"], files[split, "labels"], split, codes)]
    note = f"labels were read as Fashion-MNIST's: {', '.join(f'{code} {name}' for code, name in enumerate(TYPES))}."
    return Catalogue(store.root, classes, tuple(photos), (note,))  # MNIST's own digits come in files of the same names


def is_fashion_mnist(store: Store) -> bool:
    """Whether all four files stand there."""
    return len(idx_files(store)) == len(SPLITS) * 2


def idx_files(store: Store) -> dict[tuple[str, str], str]:
    """The files by beginning and content; an unpacked one is taken before its .gz."""
    names = [] if store.chosen else sorted(store.names(), key=len, reverse=True)
    return {(match[1], match[2]): name for name in names if (match := NAME.fullmatch(name))}


def classes_shown(taxonomy: Taxonomy) -> Classes:
    """The classes of a taxonomy that the ten types are of.

    >>> classes_shown(read_taxonomy(None)) == CLASSES
    True
    """
    shown = {taxonomy.suggest(kind) for kind in TYPES}
    return Classes(tuple(name for name in taxonomy.classes.names if name in shown))


def codes_of_types(classes: Classes, taxonomy: Taxonomy) -> list[int | None]:
    """The class of each of the ten types: its own, or the one that the taxonomy puts it in."""
    own = [classes.find(kind) for kind in TYPES]
    return own if None not in own else [classes.find(taxonomy.suggest(kind) or "") for kind in TYPES]


def photos_of(store: Store, images: str, labels: str, split: str, codes: list[int | None]) -> list[Photo]:
    kinds = types_in(store, labels)
    pictures = idx_values(str(store.root / images), store.read(images))
    if pictures.ndim != 3 or len(pictures) != len(kinds):
        raise ModisteError(f"{store.root / images} holds {len(pictures):,} pictures, {labels} {len(kinds):,} labels. Fetch both again.")
    return [
        Photo(f"{images}/{number:05d}.bmp", codes[kind], split=SPLITS[split], details={"article_type": TYPES[kind]})
        for number, kind in enumerate(kinds.tolist())
    ]


def types_in(store: Store, file: str) -> Bytes:
    """Labels (N,), each the place of a type in TYPES."""
    labels = idx_values(str(store.root / file), store.read(file))
    if labels.ndim != 1:
        raise ModisteError(f"{store.root / file} holds an array of {labels.ndim} axes, labels have one. Fetch it again.")
    if labels.size and labels.max() >= len(TYPES):
        raise ModisteError(f"{store.root / file}: holds the label {labels.max()}; Fashion-MNIST has 0 to 9.")
    return labels
