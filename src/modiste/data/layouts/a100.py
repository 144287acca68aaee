"""The A100 question files (the paper's Fig. 5): ids of products, each with a class suggested by its prefix."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from modiste.data.layouts.names import PICTURES, SOURCES, source_of_labels
from modiste.data.opening.stores import Store
from modiste.data.suggest import Taxonomy
from modiste.data.taxonomy import read_taxonomy
from modiste.records.catalogue import TEST, Catalogue, Photo
from modiste.records.errors import BadRow, BadRows, ModisteError
from modiste.records.labels import Classes

ID = re.compile(r"(?P<kind>[A-Za-z][A-Za-z &-]*)_(?P<product>[A-Za-z]*\d+)")


@dataclass(frozen=True)
class Item:
    """One id as a question names it."""

    id: str
    source: str
    file: str
    question: int

    def bad(self, problem: str) -> BadRow:
        return BadRow(self.question, self.id, f"{problem} ({self.file}, question {self.question})")


def read_a100(store: Store, classes: Classes | None, taxonomy: Taxonomy | None) -> Catalogue:
    """Each id once, with a suggested class and no label: AAT for training, LAT for testing, an id in both for testing only."""
    files = question_files(store)
    if not files:
        raise ModisteError(f"{store.where}: no JSON file with AAT or LAT in its name.")
    items, bad = questions(store, files)
    taxonomy = taxonomy or read_taxonomy(None)
    classes = classes or taxonomy.classes
    photos = [photo_of(item, picture(item.id, store), classes, taxonomy) for item in once(items)]
    bad += [photo for photo in photos if isinstance(photo, BadRow)]
    if bad:
        raise BadRows(store.where, bad)
    return Catalogue(store.root, classes, tuple(photo for photo in photos if isinstance(photo, Photo)))


def question_files(store: Store) -> list[str]:
    """The JSON files of a store that say which test they are of."""
    files = [store.chosen] if store.chosen else store.names()
    return [file for file in files if file.lower().endswith(".json") and source_of_labels(file)]


def questions(store: Store, files: list[str]) -> tuple[list[Item], list[BadRow]]:
    """Every id in the files, and every entry that is malformed."""
    found: list[Item | BadRow] = []
    for file in files:
        try:
            entries = json.loads(store.read(file).decode("utf-8-sig"))
        except ValueError as error:
            raise ModisteError(f"{store.root / file} is no JSON: {error}") from error
        if not isinstance(entries, list):
            held = type(entries).__name__
            raise ModisteError(f'{store.root / file}: must hold a list of questions, [{{"question_num": 1, ...}}]; it holds a {held}.')
        for place, entry in enumerate(entries, 1):
            found += ids(entry, place, file)
    return [item for item in found if isinstance(item, Item)], [bad for bad in found if isinstance(bad, BadRow)]


def ids(entry: Any, place: int, file: str) -> Iterator[Item | BadRow]:
    """The ids of one question and its answers; `place` stands in for a missing question_num."""
    if not isinstance(entry, dict):
        yield BadRow(place, repr(entry)[:80], f"is no question: it must be an object with 'question' and 'answers' ({file}, entry {place})")
        return
    number = entry.get("question_num", place)
    if not isinstance(number, int):
        yield BadRow(place, repr(number)[:80], f"is no question_num: it must be a whole number ({file}, entry {place})")
        number = place
    for key in ("question", "answers"):
        listed = entry.get(key)
        if not isinstance(listed, list):
            yield BadRow(number, repr(listed)[:80], f"is no list of ids for '{key}' ({file}, question {number})")
            continue
        for value in listed:
            item = Item(str(value), source_of_labels(file), file, number)
            good = isinstance(value, str) and ID.fullmatch(value)
            yield item if good else item.bad("is no id. An id is a type and a number, such as Pants_P00462138.")


def once(items: list[Item]) -> Iterable[Item]:
    """Each id's first mention; of an id in both tests only that in the one for testing, or training would see the answer."""
    tested = {item.id for item in items if SOURCES[item.source] == TEST}
    chosen: dict[str, Item] = {}
    for item in items:
        if SOURCES[item.source] == TEST or item.id not in tested:
            chosen.setdefault(item.id, item)
    return chosen.values()


def picture(name: str, store: Store) -> str | None:
    """The path of an id's picture: at the root, under images/, or under its type's own folder."""
    kind = name.rpartition("_")[0]
    folders = ("images/", "", f"images/{kind}/", f"{kind}/")
    return next((path for folder in folders for end in PICTURES if store.has(path := f"{folder}{name}{end}")), None)


def photo_of(item: Item, path: str | None, classes: Classes, taxonomy: Taxonomy) -> Photo | BadRow:
    if path is None:
        return item.bad(f"is missing: no picture {item.id}.jpg or .png beside the questions, under images/ or under its type's folder.")
    kind, _, product = item.id.rpartition("_")
    suggestion = taxonomy.suggestion(kind, classes)
    return Photo(path, None, suggestion, product, item.source, SOURCES[item.source], {"article_type": kind})
