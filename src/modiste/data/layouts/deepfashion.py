"""DeepFashion's category benchmark: lists of categories, of pictures and of splits, pictures in a folder an item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modiste.data.layouts.cells import CODE, BadCell, inside, missing, split_in
from modiste.data.layouts.declared import read_classes
from modiste.data.layouts.entries import photos_of
from modiste.data.layouts.rows import decoded
from modiste.data.opening.stores import Store, open_store
from modiste.data.suggest import Taxonomy
from modiste.data.taxonomy import read_taxonomy
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import ModisteError
from modiste.records.labels import Classes

CATEGORIES, PICTURES_LIST, SPLITS_LIST = "list_category_cloth.txt", "list_category_img.txt", "list_eval_partition.txt"
FOLDERS = ("", "Anno/", "Anno_coarse/", "Eval/")  # where the lists may stand
BESIDE = ("", "img/", "Img/", "Img/img/", "images/")  # what may stand before a listed picture's path
ARCHIVES = ("Img/img.zip", "img.zip")  # how the pictures are downloaded; they are read where they stand
KINDS = {"1": "upper-body", "2": "lower-body", "3": "full-body"}
GARMENTS = {"master_category": "Clothing"}  # all of the benchmark's categories are, also Anorak or Gauchos, which no taxonomy needs to know


@dataclass(frozen=True)
class Listed:
    """What the lists say of one picture: its path as written, its category's number, its split."""

    name: str
    category: str
    split: str


def read_deepfashion(store: Store, classes: Classes | None, taxonomy: Taxonomy | None) -> Catalogue:
    """The category of each picture as its article_type; a label where the category's own name is declared as a class, else a suggestion."""
    if store.chosen:
        raise ModisteError(f"{store.where} is one of DeepFashion's lists. Give the folder that holds the lists and img/.")
    categories = [(name, KINDS.get(kind, kind)) for name, kind in lines(store, required(store, CATEGORIES))]
    splits = dict(lines(store, found)) if (found := place(store, SPLITS_LIST)) else {}
    taxonomy = taxonomy or read_taxonomy(None)
    declared = classes or read_classes(store)
    known = declared or taxonomy.classes
    file = required(store, PICTURES_LIST)
    packed = {archive: open_store(store.root / archive) for archive in ARCHIVES if store.has(archive)}
    listed = [Listed(name, category, splits.get(name, "")) for name, category in lines(store, file)]

    def photo_of(entry: Listed) -> Photo:
        name, kind = category_of(entry, categories)
        details = {"article_type": name, "category_type": kind}
        label = declared.find(name) if declared else None
        suggestion = taxonomy.suggestion_of(details | GARMENTS, known) if label is None else None
        return Photo(path_of(entry.name, store, packed), label, suggestion, item_of(entry.name), "", split_in(entry.split), details)

    return Catalogue(store.root, known, photos_of(enumerate(listed, 1), photo_of, store, file), notes(listed, found is not None))


def has_lists(store: Store) -> bool:
    """Whether the list of pictures and their categories stands in the store, or is what was asked for."""
    return store.chosen == PICTURES_LIST or (not store.chosen and place(store, PICTURES_LIST) is not None)


def place(store: Store, file: str) -> str | None:
    return next((folder + file for folder in FOLDERS if store.has(folder + file)), None)


def required(store: Store, file: str) -> str:
    found = place(store, file)
    if found is None:
        raise ModisteError(f"{store.where}: {file} is missing. It stands in Anno/ (or Anno_coarse/) of the benchmark; copy it there.")
    return found


def lines(store: Store, file: str) -> list[tuple[str, str]]:
    """The rows of a list, each a name and a word; its first line counts them, its second names the two columns."""
    where = store.root / file
    count, header, *rows = [*decoded(store.read(file), where).split("\n"), ""]
    if not (count.strip().isdecimal() and CODE.fullmatch(count.strip())) or len(header.split()) != 2:
        raise ModisteError(f"{where}: its first line must be a count and its second name two columns; they are {count!r} and {header!r}.")
    pairs = [tuple(row.rsplit(None, 1)) for row in rows if row.strip()]
    short = next((number for number, pair in enumerate(pairs, 1) if len(pair) != 2), None)
    if short is not None:
        raise ModisteError(f"{where}, row {short}: {pairs[short - 1][0]!r} must be a name and a word. Copy the file again.")
    if len(pairs) != int(count):
        raise ModisteError(f"{where}: its first line promises {int(count):,} rows, {len(pairs):,} stand there. Copy the file again.")
    return [(pair[0].strip(), pair[1]) for pair in pairs]


def category_of(entry: Listed, categories: list[tuple[str, str]]) -> tuple[str, str]:
    """The category's name and what part of the body it is for; numbers start at 1."""
    number = int(entry.category) if CODE.fullmatch(entry.category) and entry.category.isdecimal() else 0
    if not 1 <= number <= len(categories):
        raise BadCell(entry.category, f"is no category: there are 1 to {len(categories)} in {CATEGORIES}.")
    return categories[number - 1]


def path_of(name: str, store: Store, packed: Mapping[str, Store]) -> str:
    """Where a listed picture stands: as written, under a folder of pictures or in their archive, or without the 'img/' in front."""
    inside(name)
    spelled = (name, name.removeprefix("img/"))
    path = next((path for folder in BESIDE for bare in spelled if store.has(path := folder + bare)), None)
    path = path or next((f"{archive}/{bare}" for archive, inner in packed.items() for bare in spelled if inner.has(bare)), None)
    if path is None:
        raise BadCell(*missing(name, store))
    return path


def item_of(name: str) -> str:
    """The item of a picture: the folder it stands in.

    >>> item_of("img/Sheer_Pleated-Front_Blouse/img_00000001.jpg")
    'Sheer_Pleated-Front_Blouse'
    """
    folder = name.removeprefix("img/").rpartition("/")[0]
    return folder.rpartition("/")[2]


def notes(listed: Iterable[Listed], has_splits: bool) -> tuple[str, ...]:
    if not has_splits:
        return (f"no {SPLITS_LIST} there: photos have no split.",)
    bare = sum(not entry.split for entry in listed)
    return (f"{bare:,} photos are not in {SPLITS_LIST} and have no split.",) if bare else ()
