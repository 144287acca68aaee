"""A shop's own table of products, CSV or Parquet, with a column that names pictures; an export of Shopify among them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from modiste.data.layouts.cells import (
    CODE,
    BadCell,
    catalogue_of,
    class_in,
    classes_in,
    path_of,
    shop_details,
    snake,
    split_in,
    suggested,
    suggestion_of,
)
from modiste.data.layouts.declared import declared_by_rows, read_classes
from modiste.data.layouts.names import SPLITS, is_picture, source_of
from modiste.data.layouts.paper_csv import label_of as label_by_code_and_name
from modiste.data.layouts.paper_csv import pairs
from modiste.data.layouts.rows import COLUMNS as PAPER_COLUMNS
from modiste.data.layouts.rows import Row
from modiste.data.layouts.tables import header, is_table_name, read_table
from modiste.data.opening.stores import Store, is_visible
from modiste.data.suggest import TYPE_COLUMNS, Taxonomy
from modiste.data.taxonomy import read_taxonomy
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import ModisteError
from modiste.records.labels import Classes

SHOPIFY = "image_src"
SURE = ("image_name", "image", "image_path", "image_file", "image_url", "image_link", SHOPIFY, "photo", "picture")  # names of pictures
PERHAPS = ("file_name", "filename", "file", "path")  # of pictures where a type or a class stands beside
LABELS = ("label", "class", "attribute")
PRODUCTS = ("product_id", "product", "handle")
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def read_products(store: Store, classes: Classes | None, taxonomy: Taxonomy | None) -> Catalogue:
    """Each row that names a picture as a photo: its label where a column holds one, else a class suggested by its type."""
    files = chosen_tables(store)
    rows, notes = list[Row](), list[str]()
    for file in files:
        columns, needed = columns_of(header(store, file), store.root / file)
        read = read_table(store, file, columns, needed)
        found, said = views(read, store) if snake(needed) == SHOPIFY else (read, [])
        rows, notes = rows + found, notes + said
    if not rows:
        raise ModisteError(f"{store.root / files[0]}: there is no row with a picture in it.")
    known, label_of = classes or read_classes(store), label_rule(rows)
    classes = known or (declared(rows, label_of, store) if label_of else (taxonomy or read_taxonomy(None)).classes)
    make = partial(photo_of, classes=classes, label_of=label_of, taxonomy=taxonomy or read_taxonomy(None), find=finder(store))
    return catalogue_of(store, files[0] if len(files) == 1 else "", rows, classes, make, notes)


def chosen_tables(store: Store) -> list[str]:
    """The tables of a store that are read: the only one that names pictures, or those of several splits."""
    files = tables(store)
    if not files:
        raise ModisteError(f"{store.where}: no table there with a column of pictures ({', '.join(SURE)}).")
    if len(files) > 1 and not all(map(split_of, files)):
        raise ModisteError(f"{store.where} has {' and '.join(files)}. Give the one to read.")
    return files


def tables(store: Store) -> list[str]:
    """The tables of a store that name pictures."""
    files = [store.chosen] if store.chosen else [name for name in store.names() if is_visible(name)]
    return [file for file in files if is_table_name(file) and names_pictures(header(store, file))]


def names_pictures(columns: Iterable[str]) -> bool:
    """Whether a table's columns name pictures of products.

    >>> names_pictures(["Handle", "Image Src"]), names_pictures(["path", "Type"]), names_pictures(["path", "bytes"])
    (True, True, False)
    """
    known = set(map(snake, columns))
    return bool(known & set(SURE)) or bool(known & set(PERHAPS) and known & {*LABELS, *TYPE_COLUMNS})


def column_of_pictures(names: Sequence[str], file: object, none: str = "") -> str:
    """The column of a table that names pictures; refused where there is none, or another one with the same letters."""
    spelled = {snake(name): name for name in reversed(names)}
    needed = next((spelled[name] for name in (*SURE, *PERHAPS) if name in spelled), None)
    if needed is None:
        raise ModisteError(f"{file}: {none}")
    alike = [name for name in names if name.casefold() == needed.casefold()]
    if len(alike) > 1:
        raise ModisteError(f"{file}: two columns for '{needed}' ({', '.join(alike)}). Leave one out.")
    return needed


def columns_of(names: Sequence[str], file: object) -> tuple[dict[str, str], str]:
    """What the columns of a table hold, by their names in small letters, and the one that names pictures."""
    spelled = {snake(name): name for name in reversed(names)}
    needed = column_of_pictures(names, file)
    columns = {name: holds for name, holds in PAPER_COLUMNS.items() if holds in ("split", "source", "suggested_label", "suggested_by")}
    product = next((spelled[name] for name in PRODUCTS if name in spelled), None)
    label = next((spelled[name] for name in LABELS if name in spelled), None)
    held = {needed: "name", product: "product", label: "label"}
    if label and snake(label) == "label" and "attribute" in spelled:
        held[spelled["attribute"]] = "attribute"
    return columns | {name.casefold(): holds for name, holds in held.items() if name}, needed


def label_rule(rows: Sequence[Row]) -> Callable[[Row, Classes], int | None] | None:
    """How a row's label is read: by its one column, or by code and Attribute where both are there; None without a label."""
    if not any("label" in row.cells for row in rows):
        return None
    both = any("attribute" in row.cells for row in rows) and all(CODE.fullmatch(row.cell("label") or "-1") for row in rows)
    return label_by_code_and_name if both else label_in


def label_in(row: Row, classes: Classes) -> int | None:
    return class_in(row.cell("label"), classes)


def declared(rows: Sequence[Row], label_of: object, store: Store) -> Classes:
    return classes_in(rows, store.where) if label_of is label_in else declared_by_rows(pairs(rows), store.where)


def photo_of(
    row: Row, classes: Classes, label_of: Callable[[Row, Classes], int | None] | None, taxonomy: Taxonomy, find: Callable[[str], str]
) -> Photo:
    path, details, product = find(row.cells.get("name", "")), shop_details(row.details), row.cell("product")
    if label_of is label_in and row.cell("attribute"):
        details["Attribute"] = row.cell("attribute")
    suggestion = suggestion_of(row, classes)
    if label_of is None and "suggested_label" not in row.cells:
        suggestion = suggested(taxonomy, details, classes, product)
    source = row.cell("source") if "source" in row.cells else source_of(path)
    split = split_in(row.cell("split")) if "split" in row.cells else split_of(row.file)
    return Photo(path, label_of(row, classes) if label_of else None, suggestion, product, source, split, details)


def split_of(file: str) -> str:
    """The split that a table's name says, train.csv or test.csv, or ''."""
    return SPLITS.get(PurePosixPath(file).stem.casefold(), "")


def finder(store: Store) -> Callable[[str], str]:
    """What gives the path of a picture that a cell names: a path beside the table, or the file name at the end of an address."""
    by_name: dict[str, str] = {}

    def find(name: str) -> str:
        if not ADDRESS.match(name.strip()):
            return path_of(name, store)
        if not by_name:
            by_name.update(pictures(store))
        found = next((by_name[end] for end in file_names(name) if end in by_name), None)
        if found is None:
            raise BadCell(name, "is an address, and nothing is fetched. Put its picture beside the table, or leave the row out.")
        return found

    return find


def file_names(address: str) -> list[str]:
    """What the picture of an address may be called on disk.

    >>> file_names("https://cdn.example/files/red%20shoe.jpg?v=17")
    ['red%20shoe.jpg', 'red shoe.jpg']
    """
    try:
        name = PurePosixPath(urlsplit(address.strip()).path).name
    except ValueError:  # what looks like an address and is none
        return []
    return list(dict.fromkeys((name, unquote(name))))


def pictures(store: Store) -> dict[str, str]:
    """Each picture's path by its file name, where only one is called so."""
    paths = [path for path in store.below() if is_picture(path)]
    called = Counter(path.rpartition("/")[2] for path in paths)
    return {name: path for path in paths if called[name := path.rpartition("/")[2]] == 1}


def views(rows: Sequence[Row], store: Store) -> tuple[list[Row], list[str]]:
    """The rows of a Shopify export that name a picture which is there, each with its product's first row in the cells it leaves empty."""
    find = finder(store)
    first: dict[str, Row] = {}
    seen: set[tuple[str, str]] = set()
    found, absent = [], []
    for row in rows:
        product, name = row.cell("product"), row.cell("name")
        whole = filled(row, first.setdefault(product, row))
        if not name or (product, name) in seen:
            continue  # a variant without a picture of its own
        seen.add((product, name))
        try:
            find(name)
            found.append(whole)
        except BadCell:
            absent.append(name)
    if absent and not found:
        raise ModisteError(
            f"{store.where}: none of its {len(absent):,} pictures is there, such as {absent[0]}. "
            "Addresses are never fetched: put the pictures beside the table, under the file names of their addresses."
        )
    few = ", ".join(absent[:3]) + (" ..." if len(absent) > 3 else "")
    return found, [f"pictures passed over, as they are not there: {len(absent):,} ({few})."] if absent else []


def filled(row: Row, first: Row) -> Row:
    """A row with another's cells where its own are empty, but for its picture."""
    cells = {holds: cell or first.cells.get(holds, "") if holds != "name" else cell for holds, cell in row.cells.items()}
    return Row(row.file, row.number, cells, merged(first.details, row.details))


def merged(first: Mapping[str, str], own: Mapping[str, str]) -> Mapping[str, str]:
    return {**first, **own} if own else first
