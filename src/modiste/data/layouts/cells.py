"""What cells of a label file say: a picture's path, a class, a split, a suggestion; and what is wrong with those that say none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import PurePosixPath

from modiste.data.layouts.declared import MOST_SHOWN, declared_by_rows
from modiste.data.layouts.names import SPLITS
from modiste.data.layouts.rows import Row, encodable
from modiste.data.layouts.unnamed import told_unnamed
from modiste.data.opening.stores import Store, joined
from modiste.data.suggest import Taxonomy
from modiste.records.catalogue import Catalogue, Photo, Suggestion
from modiste.records.errors import BadRow, BadRows, nearest
from modiste.records.labels import Classes

CODE = re.compile(r"[+-]?\d{1,9}(\.0*)?")  # 1.0 is how pandas writes a code in a column with gaps

SHOP_COLUMNS = {  # how shops call a column, as `snake` writes it -> its name among our details
    "title": "title",
    "product_display_name": "title",
    "article_type": "article_type",
    "product_type": "product_type",
    "type": "type",
    "product_category": "product_category",
    "category": "category",
    "sub_category": "sub_category",
    "master_category": "master_category",
    "base_colour": "colour",
    "colour": "colour",
    "usage": "usage",
    "gender": "gender",
    "season": "season",
    "year": "year",
}


class BadCell(Exception):
    """A cell that spoils its row: its value, and what is wrong with it."""


def catalogue_of(
    store: Store, file: str, rows: Sequence[Row], classes: Classes, photo_of: Callable[[Row], Photo], notes: Sequence[str] = ()
) -> Catalogue:
    """The catalogue of rows, each made a photo by `photo_of`; every bad row is listed, and then nothing is read.

    `file` is the one label file, to open an error with, or '' where there are more.
    """
    read = photos_of(rows, photo_of, classes)
    bad = [row for row in read if isinstance(row, BadRow)]
    if bad:
        raise BadRows(store.root / file if file else store.where, bad)
    photos = tuple(photo for photo in read if isinstance(photo, Photo))
    return Catalogue(store.root, classes, photos, (*notes, *told_unnamed(store, (photo.path for photo in photos))))


def photos_of(rows: Sequence[Row], photo_of: Callable[[Row], Photo], classes: Classes) -> list[Photo | BadRow]:
    """Each row as a photo, or as what is wrong with it."""
    read: list[Photo | BadRow] = []
    first: dict[str, tuple[Row, int | None]] = {}
    for row in rows:
        try:
            photo = photo_of(row)
            if photo.path in first:
                raise BadCell(row.cell("name"), twice(*first[photo.path], photo.label, classes))
            first[photo.path] = row, photo.label
            read.append(photo)
        except BadCell as bad:
            read.append(row.bad(*bad.args))
    return read


def path_of(name: str, store: Store, folder: str = "", below: Sequence[str] = ("images/", "")) -> str:
    """The picture's path under the root: below images/ or beside the label file ('./' in front: beside it only)."""
    inside(name)
    for spelled in spellings(name):
        tidy = PurePosixPath(spelled).as_posix()
        for path in (tidy,) if spelled.startswith("./") else (f"{inner}{tidy}" for inner in below):
            if "\0" not in path and store.has(joined(folder, path)):
                return joined(folder, path)
    raise BadCell(*missing(name, store, folder))


def spellings(name: str) -> Iterable[str]:
    """How a picture may be called that a cell names: as it stands, without spaces around it, its accents in one piece or, as macOS has
    them, apart.
    """
    bare = name.strip()
    return dict.fromkeys((name, bare, *(unicodedata.normalize(form, bare) for form in ("NFC", "NFD"))))


def inside(name: str) -> None:
    """Refuse a name that is empty, or leads out of the folder its label file stands in."""
    if not name.strip():
        raise BadCell(name, "is empty. Write the picture's file name.")
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:[\\/]", name):
        raise BadCell(name, "is an absolute path. Write it relative to the label file.")
    if ".." in re.split(r"[/\\]", name):
        raise BadCell(name, "leads out of the folder with '..'. Write it relative to the label file.")


def missing(name: str, store: Store, folder: str = "") -> tuple[str, str]:
    """What to say of a picture that is not there, with the near file name."""
    tidy = PurePosixPath(name.strip().replace("\\", "/")).as_posix()
    near = store.near(joined(folder, f"images/{tidy}")) or store.near(joined(folder, tidy))
    hint = f" Did you mean '{near}'?" if near and encodable(near) else " Copy the picture there or leave the row out."
    return name.encode("utf-8", "replace").decode("utf-8"), f"is missing: no such picture beside the label file or under images/.{hint}"


def class_in(word: str, classes: Classes) -> int | None:
    """The class that a cell names or whose code it holds; None for an empty one and for -1."""
    named = classes.find(word)
    if not word or named is not None:
        return named
    if not CODE.fullmatch(word):
        raise BadCell(word, f"is no class. {meant(word, classes)}")
    code = int(float(word))
    if not -1 <= code < len(classes):
        there = classes if len(classes) <= MOST_SHOWN else f"0 to {len(classes) - 1}"
        raise BadCell(word, f"is no code. There are: {there}; -1 is none of them.")
    return None if code == -1 else code


def classes_in(rows: Sequence[Row], where: object) -> Classes:
    """The classes that the rows' labels declare by themselves, else the error that shows the declaration to give."""
    words = [word for row in rows if (word := row.cell("label")) not in ("", "-1")]
    return declared_by_rows([(int(float(word)), "") if CODE.fullmatch(word) else (None, word) for word in words], where)


def meant(name: str, classes: Classes) -> str:
    near = nearest(name, classes.names)
    return f"There are: {', '.join(classes.names)}." + (f" Did you mean '{near}'?" if near else "")


def suggestion_of(row: Row, classes: Classes) -> Suggestion | None:
    """The suggested class, by code or name, and what proposed it."""
    word = row.cell("suggested_label")
    if not word:
        return None
    code = int(word) if word.isdecimal() and CODE.fullmatch(word) else classes.find(word)
    if code is None or not 0 <= code < len(classes):
        raise BadCell(word, f"suggests no class. {meant(word, classes)}")
    return Suggestion(code, row.cells.get("suggested_by", ""))


def suggested(taxonomy: Taxonomy, details: Mapping[str, str], classes: Classes, product: str = "") -> Suggestion | None:
    """The class that a taxonomy proposes, however the columns are spelled: articleType, Article Type, article_type."""
    return taxonomy.suggestion_of({snake(name): value for name, value in details.items()}, classes, product)


def shop_details(details: Mapping[str, str]) -> dict[str, str]:
    """Details under one name for each column that shops have, however it is spelled; all others as they were written.

    >>> shop_details({"articleType": "Shirts", "baseColour": "Red", "EAN": "1"})
    {'article_type': 'Shirts', 'colour': 'Red', 'EAN': '1'}
    """
    told: dict[str, str] = {}
    for name, value in details.items():
        known = SHOP_COLUMNS.get(snake(name), name)
        told[name if known in told or (known != name and known in details) else known] = value
    return told


@cache
def snake(name: str) -> str:
    """A column's name in small letters with '_' between words.

    >>> snake("articleType"), snake("Product Category"), snake("Body (HTML)")
    ('article_type', 'product_category', 'body_html')
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return "_".join(re.findall(r"[^\W_]+", apart.casefold()))


def split_in(word: str) -> str:
    """The split that a cell names."""
    if word.casefold() not in SPLITS:
        near = nearest(word, SPLITS)
        raise BadCell(word, "is no split. There are: train, validation, test, extra, other." + (f" Did you mean '{near}'?" if near else ""))
    return SPLITS[word.casefold()]


def twice(first: Row, first_label: int | None, label: int | None, classes: Classes) -> str:
    names = ["none" if code is None else classes.names[code] for code in (first_label, label)]
    labels = "the same label" if first_label == label else f"another label ({names[0]} there, {names[1]} here)"
    return f"stands there twice: also in row {first.number} of {first.file}, with {labels}. Leave one out."
