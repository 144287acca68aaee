"""The paper's label file (Fig. 6): Image_Name, Label, Attribute, and more columns behind them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from modiste.data.declared import Pair, declared_by_rows, read_classes
from modiste.data.names import SOURCES, SPLITS, source_of
from modiste.data.rows import Row, encodable, read_rows
from modiste.data.stores import Store
from modiste.data.suggest import Taxonomy
from modiste.records.catalogue import Catalogue, Photo, Suggestion
from modiste.records.errors import BadRow, BadRows, ModisteError, nearest
from modiste.records.labels import Classes

SUFFIXES = (".csv", ".tsv", ".txt")


class BadCell(Exception):
    """A cell that spoils its row: its value, and what is wrong with it."""


def read_paper(store: Store, classes: Classes | None, _taxonomy: Taxonomy | None) -> Catalogue:
    """The catalogue of a label file, or of a folder with labels.csv, train.csv and test.csv, or files named AAT and LAT.

    Every bad row is listed, and then nothing is read.
    """
    files = label_files(store)
    if not files:
        raise ModisteError(f"{store.where}: no labels.csv there, nor train.csv and test.csv, nor a CSV file with AAT or LAT in its name.")
    rows = [row for file in files for row in read_rows(store, file)]
    if not rows:
        raise ModisteError(f"{store.where}: there is no row under the header.")
    classes = classes or read_classes(store) or declared_by_rows(pairs(rows), store.where)
    read = photos_of(rows, classes, store)
    bad = [row for row in read if isinstance(row, BadRow)]
    if bad:
        raise BadRows(store.root / files[0] if len(files) == 1 else store.where, bad)
    return Catalogue(store.root, classes, tuple(photo for photo in read if isinstance(photo, Photo)))


def label_files(store: Store) -> list[str]:
    """The label files of a store; none when it holds no such file."""
    if store.chosen:
        return [store.chosen] if store.chosen.lower().endswith(SUFFIXES) else []
    files = [file for file in store.names() if file.lower().endswith(SUFFIXES[:2]) and file[0] != "."]
    labels = [file for file in files if stem(file) == "labels"]
    if len(labels) > 1:
        raise ModisteError(f"{store.where} has {' and '.join(labels)}. Give the one to read.")
    by_split = [file for file in files if SPLITS.get(stem(file))]
    return labels or by_split or [file for file in files if source_of(file)] or [file for file in files if names_images(store, file)][:1]


def is_paper(store: Store) -> bool:
    """Whether a label file of the store names a column Image_Name."""
    return any(names_images(store, file) for file in label_files(store))


def names_images(store: Store, file: str) -> bool:
    """Whether a file's first line names a column Image_Name."""
    return b"image_name" in store.read(file).partition(b"\n")[0].replace(b"\0", b"").lower()


def stem(file: str) -> str:
    return PurePosixPath(file).stem.lower()


def pairs(rows: Iterable[Row]) -> list[Pair]:
    """Code and Attribute of the rows that claim a class; a code that is no number is left to be listed."""
    found = []
    for row in rows:
        try:
            code = code_of(row)
        except BadCell:
            continue
        if code != -1 and (row.cell("label") or (row.cell("attribute") and "label" not in row.cells)):
            found.append((code, row.cell("attribute")))
    return [pair for pair in found if pair[1]] or found


def photos_of(rows: Sequence[Row], classes: Classes, store: Store) -> list[Photo | BadRow]:
    """Each row as a photo, or as what is wrong with it."""
    read: list[Photo | BadRow] = []
    first: dict[str, tuple[Row, int | None]] = {}
    for row in rows:
        try:
            photo = photo_of(row, classes, store)
            if photo.path in first:
                raise BadCell(row.cell("name"), twice(*first[photo.path], photo.label, classes))
            first[photo.path] = row, photo.label
            read.append(photo)
        except BadCell as bad:
            read.append(row.bad(*bad.args))
    return read


def photo_of(row: Row, classes: Classes, store: Store) -> Photo:
    path, label = path_of(row, store), label_of(row, classes)
    source = row.cell("source") if "source" in row.cells else source_of(path) or source_of(row.file)
    details = dict(row.details)
    if label is None and row.cell("attribute"):
        details["Attribute"] = row.cell("attribute")
    return Photo(path, label, suggestion_of(row, classes), row.cell("product"), source, split_of(row, source), details)


def path_of(row: Row, store: Store) -> str:
    """The picture's path under the root: below images/ or beside the label file ('./' in front: beside it only)."""
    name = row.cells["name"]
    if not name.strip():
        raise BadCell(name, "is empty. Write the picture's file name.")
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:[\\/]", name):
        raise BadCell(name, "is an absolute path. Write it relative to the label file.")
    if ".." in re.split(r"[/\\]", name):
        raise BadCell(name, "leads out of the folder with '..'. Write it relative to the label file.")
    for spelled in dict.fromkeys((name, name.strip())):
        tidy = PurePosixPath(spelled).as_posix()
        for path in (tidy,) if spelled.startswith("./") else (f"images/{tidy}", tidy):
            if "\0" not in path and store.has(path):
                return path
    raise BadCell(*missing(name, store))


def missing(name: str, store: Store) -> tuple[str, str]:
    """What to say of a picture that is not there, with the near file name."""
    tidy = PurePosixPath(name.strip().replace("\\", "/")).as_posix()
    near = store.near(f"images/{tidy}") or store.near(tidy)
    hint = f" Did you mean '{near}'?" if near and encodable(near) else " Copy the picture there or leave the row out."
    return name.encode("utf-8", "replace").decode("utf-8"), f"is missing: no such picture beside the label file or under images/.{hint}"


def code_of(row: Row) -> int | None:
    """The Label cell as a number; None when it is empty."""
    text = row.cell("label")
    if not text:
        return None
    if not re.fullmatch(r"[+-]?\d{1,9}(\.0*)?", text):  # 1.0 is how pandas writes a code in a column with gaps
        raise BadCell(text, "is no code. Write a whole number, or -1 for none of the classes.")
    return int(float(text))


def label_of(row: Row, classes: Classes) -> int | None:
    """The class of a row, when its code and its Attribute agree or only one is there; None for none of the classes."""
    code, name = code_of(row), row.cell("attribute")
    by_name = {known.casefold(): known_code for known_code, known in enumerate(classes.names)}
    named = by_name.get(name.casefold())
    if code is None:
        if name and named is None and "label" not in row.cells:
            raise BadCell(name, f"is no class. {meant(name, classes)}")
        return named
    if code == -1:
        if named is not None:
            raise BadCell(name, f"is a class, but the code is -1, none of the classes. The code of {name} is {named}.")
        return None
    if not 0 <= code < len(classes):
        raise BadCell(str(code), f"is no code. There are: {classes}; -1 is none of them.")
    if name and named is None:
        raise BadCell(name, f"is no class. {meant(name, classes)}")
    if name and named != code:
        raise BadCell(name, f"has code {named}, but the Label says {code} ({classes.names[code]}). Mend one of them.")
    return code


def meant(name: str, classes: Classes) -> str:
    near = nearest(name, classes.names)
    return f"There are: {', '.join(classes.names)}." + (f" Did you mean '{near}'?" if near else "")


def suggestion_of(row: Row, classes: Classes) -> Suggestion | None:
    """The suggested class, by code or name, and what proposed it."""
    word = row.cell("suggested_label")
    if not word:
        return None
    code = int(word) if word.isdecimal() else next((c for c, name in enumerate(classes.names) if name.casefold() == word.casefold()), -1)
    if not 0 <= code < len(classes):
        raise BadCell(word, f"suggests no class. {meant(word, classes)}")
    return Suggestion(code, row.cells.get("suggested_by", ""))


def split_of(row: Row, source: str) -> str:
    """The split as its column says; without that column, as the file's name says or as the source does."""
    if "split" not in row.cells:
        return SPLITS.get(PurePosixPath(row.file).stem.lower()) or SOURCES.get(source.upper(), "")
    word = row.cell("split")
    if word.casefold() not in SPLITS:
        near = nearest(word, SPLITS)
        raise BadCell(word, "is no split. There are: train, validation, test, extra, other." + (f" Did you mean '{near}'?" if near else ""))
    return SPLITS[word.casefold()]


def twice(first: Row, first_label: int | None, label: int | None, classes: Classes) -> str:
    names = ["none" if code is None else classes.names[code] for code in (first_label, label)]
    labels = "the same label" if first_label == label else f"another label ({names[0]} there, {names[1]} here)"
    return f"stands there twice: also in row {first.number} of {first.file}, with {labels}. Leave one out."
