"""The paper's label file (Fig. 6): Image_Name, Label, Attribute, and more columns behind them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import PurePosixPath

from modiste.data.layouts.cells import CODE, BadCell, catalogue_of, meant, path_of, split_in, suggestion_of
from modiste.data.layouts.declared import Pair, declared_by_rows, read_classes
from modiste.data.layouts.names import SOURCES, SPLITS, source_of, source_of_labels, told_by_names
from modiste.data.layouts.rows import Row, read_rows
from modiste.data.opening.stores import Store
from modiste.data.suggest import Taxonomy
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import ModisteError
from modiste.records.labels import PAPER_CLASSES, Classes

SUFFIXES = (".csv", ".tsv", ".txt")


def read_paper(store: Store, classes: Classes | None, _taxonomy: Taxonomy | None) -> Catalogue:
    """The catalogue of a label file, or of a folder with labels.csv, train.csv and test.csv, or files named AAT and LAT.

    Every bad row is listed, and then nothing is read.
    """
    files = chosen_label_files(store)
    rows = [row for file in files for row in read_rows(store, file)]
    if not rows:
        raise ModisteError(f"{store.where}: there is no row under the header.")
    declared = classes or read_classes(store)
    classes = declared or declared_by_rows(pairs(rows), store.where)
    taken = () if declared or classes == PAPER_CLASSES else (f"Nobody declared the classes; they were taken from the rows: {classes}.",)
    notes = (*taken, *told_by_names(sum(map(is_split_by_name, rows))))
    return catalogue_of(store, files[0] if len(files) == 1 else "", rows, classes, partial(photo_of, classes=classes, store=store), notes)


def chosen_label_files(store: Store) -> list[str]:
    """The label files of a store, of which there must be one."""
    files = label_files(store)
    if not files:
        raise ModisteError(f"{store.where}: no labels.csv there, nor train.csv and test.csv, nor a CSV file with AAT or LAT in its name.")
    return files


def label_files(store: Store) -> list[str]:
    """The label files of a store; none when it holds no such file."""
    if store.chosen:
        return [store.chosen] if store.chosen.lower().endswith(SUFFIXES) else []
    files = [file for file in store.names() if file.lower().endswith(SUFFIXES[:2]) and file[0] != "."]
    labels = [file for file in files if stem(file) == "labels"]
    if len(labels) > 1:
        raise ModisteError(f"{store.where} has {' and '.join(labels)}. Give the one to read.")
    by_split = [file for file in files if SPLITS.get(stem(file))]
    return (
        labels
        or by_split
        or [file for file in files if source_of_labels(file)]
        or [file for file in files if names_images(store, file)][:1]
    )


def is_paper(store: Store) -> bool:
    """Whether a label file of the store names a column Image_Name, and Label or Attribute."""
    lines = [first_line(store, file) for file in label_files(store)]
    return any(b"image_name" in line and (b"label" in line or b"attribute" in line) for line in lines)


def names_images(store: Store, file: str) -> bool:
    """Whether a file's first line names a column Image_Name."""
    return b"image_name" in first_line(store, file)


def first_line(store: Store, file: str) -> bytes:
    return store.beginning(file).partition(b"\n")[0].replace(b"\0", b"").lower()


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


def photo_of(row: Row, classes: Classes, store: Store) -> Photo:
    path, label = path_of(row.cells["name"], store), label_of(row, classes)
    source = row.cell("source") if "source" in row.cells else source_of(path) or source_of_labels(row.file)
    details = dict(row.details)
    if label is None and row.cell("attribute"):
        details["Attribute"] = row.cell("attribute")
    return Photo(path, label, suggestion_of(row, classes), row.cell("product"), source, split_of(row, source), details)


def code_of(row: Row) -> int | None:
    """The Label cell as a number; None when it is empty."""
    text = row.cell("label")
    if not text:
        return None
    if not CODE.fullmatch(text):
        raise BadCell(text, "is no code. Write a whole number, or -1 for none of the classes.")
    return int(float(text))


def label_of(row: Row, classes: Classes) -> int | None:
    """The class of a row, when its code and its Attribute agree or only one is there; None for none of the classes."""
    code, name = code_of(row), row.cell("attribute")
    named = classes.find(name)
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


def is_split_by_name(row: Row) -> bool:
    """Whether a name with AAT or LAT in it alone says of which split a photo is."""
    told = "split" in row.cells or "source" in row.cells or bool(SPLITS.get(stem(row.file)))
    return not told and bool(source_of(row.cell("name")) or source_of_labels(row.file))


def split_of(row: Row, source: str) -> str:
    """The split as its column says; without that column, as the file's name says or as the source does."""
    if "split" not in row.cells:
        return SPLITS.get(stem(row.file)) or SOURCES.get(source.upper(), "")
    return split_in(row.cell("split"))
