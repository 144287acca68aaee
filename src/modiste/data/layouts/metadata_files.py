"""Hugging Face's image folder: pictures with a metadata.csv, .jsonl or .parquet beside them, at the root or in each split's folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from modiste.data.layouts.cells import (
    BadCell,
    catalogue_of,
    class_in,
    classes_in,
    meant,
    path_of,
    shop_details,
    split_in,
    suggested,
    suggestion_of,
)
from modiste.data.layouts.declared import read_classes
from modiste.data.layouts.folders import UNLABELLED
from modiste.data.layouts.names import SPLITS, source_of
from modiste.data.layouts.rows import COLUMNS as PAPER_COLUMNS
from modiste.data.layouts.rows import Row
from modiste.data.layouts.tables import is_table_name, read_table
from modiste.data.opening.stores import Store, joined
from modiste.data.suggest import Taxonomy
from modiste.data.taxonomy import read_taxonomy
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import ModisteError
from modiste.records.labels import PAPER_CLASSES, Classes

OURS = {name: holds for name, holds in PAPER_COLUMNS.items() if holds not in ("name", "attribute")}
COLUMNS = {"file_name": "name", "labels": "label"} | OURS
NO_CLASS = ("images", "data")  # folders that pictures are kept in, whatever they show


def read_metadata(store: Store, classes: Classes | None, taxonomy: Taxonomy | None) -> Catalogue:
    """Each row as a photo: its label by its column, else by its folder where folders bear class names, else a suggestion by type."""
    files = metadata_files(store)
    if not files:
        raise ModisteError(f"{store.where}: no metadata.csv, metadata.jsonl or metadata.parquet there, nor in folders of splits.")
    rows = [row for file in files for row in read_table(store, file, COLUMNS, "file_name")]
    if not rows:
        raise ModisteError(f"{store.where}: there is no row in {' and '.join(files)}.")
    known, notes = classes or read_classes(store), list[str]()
    if any("label" in row.cells for row in rows):
        classes, labels = known or classes_in(rows, store.where), by_column
    elif by_class_folders(rows, known):
        classes, labels = known or PAPER_CLASSES, by_folder
    else:
        classes, labels, notes = known or (taxonomy or read_taxonomy(None)).classes, None, unused_folders(rows)
    make = partial(photo_of, classes=classes, label_of=labels, taxonomy=taxonomy or read_taxonomy(None), store=store)
    return catalogue_of(store, files[0] if len(files) == 1 else "", rows, classes, make, notes)


def metadata_files(store: Store) -> list[str]:
    """The metadata files of a store: the chosen one, or those at the root, under data/ and in folders of splits."""
    if store.chosen:
        return [store.chosen] if is_metadata(store.chosen) else []
    outer = ["", *(folder for folder in store.folders() if folder.casefold() in NO_CLASS)]
    inner = [joined(folder, name) for folder in outer for name in store.folders(folder) if name.casefold() in SPLITS]
    return [joined(folder, name) for folder in (*outer, *inner) for name in store.names(folder) if is_metadata(name)]


def is_metadata(file: str) -> bool:
    return file.casefold().rpartition(".")[0] == "metadata" and is_table_name(file)


def photo_of(row: Row, classes: Classes, label_of: Callable[[Row, Classes], int | None] | None, taxonomy: Taxonomy, store: Store) -> Photo:
    path = path_of(row.cells.get("name", ""), store, row.file.rpartition("/")[0], below=("",))
    details, product = shop_details(row.details), row.cell("product")
    suggestion = suggestion_of(row, classes)
    if label_of is None and "suggested_label" not in row.cells:
        suggestion = suggested(taxonomy, details, classes, product)
    source = row.cell("source") if "source" in row.cells else source_of(path)
    split = split_in(row.cell("split")) if "split" in row.cells else split_of(path)
    return Photo(path, label_of(row, classes) if label_of else None, suggestion, product, source, split, details)


def by_column(row: Row, classes: Classes) -> int | None:
    return class_in(row.cell("label"), classes)


def by_folder(row: Row, classes: Classes) -> int | None:
    """The class whose name the folder of a row's picture bears."""
    name = class_folder(row)
    code = classes.find(name)
    if code is None and name and name.casefold() not in UNLABELLED:
        raise BadCell(name, f"is a folder of no class. {meant(name, classes)}")
    return code


def by_class_folders(rows: Sequence[Row], known: Classes | None) -> bool:
    """Whether folders say classes: one of those declared, or nothing but names of the paper's four."""
    named = [(known or PAPER_CLASSES).find(name) is not None for name in folder_names(rows)]
    return any(named) if known else bool(named) and all(named)


def unused_folders(rows: Sequence[Row]) -> list[str]:
    names = sorted(folder_names(rows))
    few = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
    return [f"folders were not taken for classes, as none of their names is declared: {few}."] if names else []


def folder_names(rows: Sequence[Row]) -> set[str]:
    return {name for row in rows if (name := class_folder(row)) and name.casefold() not in UNLABELLED}


def class_folder(row: Row) -> str:
    """The outermost folder of a row's picture that is neither a split's nor one that pictures are merely kept in; '' for none."""
    folders = row.cells.get("name", "").replace("\\", "/").split("/")[:-1]
    return next((name for name in folders if name not in ("", ".", "..") and name.casefold() not in (*SPLITS, *NO_CLASS)), "")


def split_of(path: str) -> str:
    """The split whose folder a picture stands in, or ''."""
    return next((SPLITS[name.casefold()] for name in path.split("/")[:-1] if SPLITS.get(name.casefold())), "")
