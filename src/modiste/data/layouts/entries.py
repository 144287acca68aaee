"""Entries of label files that other tools wrote, in JSON or in lists: each becomes a photo, or is listed with what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from modiste.data.layouts.cells import BadCell, meant, split_in
from modiste.data.layouts.declared import declared_by_rows, read_classes
from modiste.data.layouts.names import SOURCES, source_of
from modiste.data.layouts.rows import encodable
from modiste.data.opening.stores import Store
from modiste.data.suggest import Taxonomy
from modiste.data.taxonomy import read_taxonomy
from modiste.records.catalogue import Photo
from modiste.records.errors import BadRow, BadRows, ModisteError
from modiste.records.labels import Classes

Entry = TypeVar("Entry")


def read_json(store: Store, file: str) -> Any:
    """What a JSON file holds; an error names the line."""
    try:
        return json.loads(store.read(file).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ModisteError(f"{store.root / file} is no JSON: {error}. Export it again.") from error


def head(store: Store, file: str) -> bytes:
    """The beginning of a file, without what may stand before its first letter."""
    return store.beginning(file).removeprefix(b"\xef\xbb\xbf").lstrip()


def photos_of(entries: Iterable[tuple[int, Entry]], photo_of: Callable[[Entry], Photo], store: Store, file: str) -> tuple[Photo, ...]:
    """Each numbered entry as a photo; all that are wrong are listed, and then nothing is read."""
    photos: dict[str, Photo] = {}
    first: dict[str, int] = {}
    bad: list[BadRow] = []
    for number, entry in entries:
        try:
            photo = photo_of(entry)
            if photo.path in first:
                raise BadCell(photo.path, f"stands there twice: also in entry {first[photo.path]}. Leave one out.")
            check_texts(photo)
            first[photo.path], photos[photo.path] = number, photo
        except BadCell as cell:
            value, problem = cell.args
            bad.append(BadRow(number, value, problem))
    if bad:
        raise BadRows(store.root / file, bad)
    if not photos:
        raise ModisteError(f"{store.root / file} names no photo.")
    return tuple(photos.values())


def check_texts(photo: Photo) -> None:
    """Refuse half a character, which JSON can hold and no file in UTF-8."""
    for text in (photo.product, photo.source, photo.suggestion.by if photo.suggestion else "", *photo.details, *photo.details.values()):
        if not encodable(text):
            raise BadCell(text.encode("utf-8", "replace").decode("utf-8"), "is not UTF-8. Mend the text and export again.")


def classes_of(names: Iterable[str], classes: Classes | None, taxonomy: Taxonomy | None, store: Store) -> Classes:
    """The classes that are given or written in classes.txt, else the paper's four where they are meant.

    A file without labels takes the taxonomy's.
    """
    known = classes or read_classes(store)
    if known is not None:
        return known
    used = sorted(set(names))
    if not all(map(encodable, used)):
        raise ModisteError(f"{store.where}: a class name is not UTF-8. Mend it and export again.")
    return declared_by_rows([(None, name) for name in used], store.where) if used else (taxonomy or read_taxonomy(None)).classes


def declared_in(names: Any, where: object) -> Classes | None:
    """The classes that a file lists itself, in the order of their codes; None where it lists none."""
    if not names:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ModisteError(f"{where}: its classes must be a list of names; they are {str(names)[:80]}.")
    try:
        return Classes(tuple(names))
    except ModisteError as error:
        raise ModisteError(f"{where}: {error}") from error


def code_of_class(name: str, classes: Classes) -> int:
    code = classes.find(name)
    if code is None:
        raise BadCell(name, f"is no class. {meant(name, classes)}")
    return code


def source_and_split(fields: Mapping[str, Any], path: str) -> tuple[str, str]:
    """Source and split as an entry says; where it is silent, as the photo's name and the source do."""
    source = text_of(fields["source"]) if "source" in fields else source_of(path)
    return source, split_in(text_of(fields["split"])) if "split" in fields else SOURCES.get(source.upper(), "")


def text_of(value: Any) -> str:
    """A JSON value as text: words as they are, nothing for null, numbers and the rest as JSON writes them.

    >>> text_of("red"), text_of(None), text_of(0.5), text_of(True)
    ('red', '', '0.5', 'true')
    """
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
