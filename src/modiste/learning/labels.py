"""Labels to learn from: any label file that modiste reads, or a result of `modiste label` in which people wrote what is right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from modiste.data.layouts.cells import CODE, BadCell, catalogue_of, photos_of, snake
from modiste.data.layouts.products import (
    LABELS,
    PERHAPS,
    PRODUCTS,
    SURE,
    column_of_pictures,
    declared,
    finder,
    label_in,
    label_rule,
    photo_of,
)
from modiste.data.layouts.products import columns_of as columns_of_products
from modiste.data.layouts.readers import innermost, read
from modiste.data.layouts.rows import Row
from modiste.data.layouts.sources import distinct
from modiste.data.layouts.tables import header, is_table_name, read_table
from modiste.data.opening.stores import Store, open_store
from modiste.data.relabel import classes_among, read_labelled_by
from modiste.data.taxonomy import read_taxonomy
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import BadRow, BadRows, ModisteError, UsageError, unknown
from modiste.records.labels import Classes

RIGHT = "right_label"  # the column in which people write what is right
RESULT = ("photo", "sha256", "label", "confidence")  # how a result of `modiste label` begins
SPELLED_OUT = 20  # class names in an error, at most
FILL_IN = (
    f"write the right class into its column {RIGHT} (add it where there is none), for every photo that you looked at, "
    "those that were called rightly too"
)


def read_labels(
    where: Path,
    data: Path | None,
    own: Classes,
    *,
    format: str | None = None,  # noqa: A002  (the word users know)
    classes: Classes | None = None,
    column: str | None = None,
) -> Catalogue:
    """The labelled photos at a place; a column `right_label` speaks of `own`, the network's classes, unless others are declared.

    `data` is where the photos of a table stand, beside it when left away; `column` holds the labels, where that is not plain.
    """
    store = open_store(where.expanduser())
    names = header(store, store.chosen) if store.chosen and is_table_name(store.chosen) else []
    if data is not None and not names:
        raise UsageError(f"--data {data}: {where} says itself where its photos are. --data goes with a table: CSV, JSON Lines, Parquet.")
    spelled = {snake(name): name for name in reversed(names)}
    if tuple(names[: len(RESULT)]) == RESULT and RIGHT not in spelled and column is None:
        raise ModisteError(f"{where} is a result of `modiste label` that nobody has looked through: {FILL_IN}.")
    if data is None and RIGHT not in spelled:
        return only_labelled(read_labelled_by(where, format, column, classes) if column else read(where, format, classes), where)
    pictures = open_store((data or where.parent).expanduser())
    return only_labelled(table(store, pictures, spelled, column, classes, own), where)


def only_labelled(catalogue: Catalogue, where: Path) -> Catalogue:
    """The catalogue without photos that have no label."""
    found = catalogue.with_photos(photo for photo in catalogue.photos if photo.label is not None)
    if not found.photos:
        raise ModisteError(f"{where}: not one photo has a label. In a result of `modiste label`, {FILL_IN}.")
    return found


def table(
    store: Store, pictures: Store, spelled: Mapping[str, str], column: str | None, classes: Classes | None, own: Classes
) -> Catalogue:
    """A table's labelled rows as photos of another folder, or of the one it stands in."""
    if column is not None and snake(column) not in spelled:
        raise unknown("column", column, spelled.values())
    chosen = column or (RIGHT if RIGHT in spelled else None)
    columns, needed = columns_of(spelled, chosen, store)
    rows = read_table(store, store.chosen, columns, needed)
    if chosen:
        rows, rule = [row for row in rows if row.cell("label")], label_in
        classes = classes or (classes_among(row.cell("label") for row in rows) if column else own)
    else:
        if (rule := label_rule(rows)) is None:  # type: ignore[assignment]
            raise ModisteError(
                f"{store.where}: no column of labels; it may be called {', '.join((RIGHT, *LABELS))}, or name it with --label."
            )
        classes = classes or declared(rows, rule, store)
    return placed(rows, classes, rule, store, pictures, next(name for name, holds in columns.items() if holds == "label"))


def labels_in(where: Path, own: Classes) -> Catalogue | None:
    """What a table says of photos that need not be there, by the names it gives them; None where it is no table of that kind.

    Its words are names of `own` classes; its codes, where it has any, are those of the paper or of classes declared beside it.
    """
    store = open_store(where)
    names = header(store, store.chosen) if store.chosen and is_table_name(store.chosen) else []
    spelled = {snake(name): name for name in reversed(names)}
    if not (spelled.keys() & {*SURE, *PERHAPS} and spelled.keys() & {RIGHT, *LABELS}):
        return None
    right = RIGHT if RIGHT in spelled else None
    columns, needed = columns_of(spelled, right, store)
    rows = [row for row in read_table(store, store.chosen, columns, needed) if row.cell("name")]
    rule = label_in if right else label_rule(rows) or label_in
    codes = rule is not label_in or any(CODE.fullmatch(row.cell("label")) for row in rows)
    classes = declared(rows, rule, store) if codes and not right else own
    return catalogue_of(store, store.chosen, rows, classes, lambda row: Photo(row.cells["name"], rule(row, classes)))


def columns_of(spelled: Mapping[str, str], chosen: str | None, store: Store) -> tuple[dict[str, str], str]:
    """What a table's columns hold, by their names in small letters, and the one that names photos."""
    none = f"no column names photos; it may be called {', '.join((*SURE, *PERHAPS))}."
    needed = column_of_pictures(header(store, store.chosen), store.where, none)
    if chosen is None:
        return columns_of_products(list(spelled.values()), store.where)
    held = {needed: "name", spelled[snake(chosen)]: "label"}
    held |= {spelled[name]: "product" for name in PRODUCTS[::-1] if name in spelled} | (
        {spelled["split"]: "split"} if "split" in spelled else {}
    )
    kept = {holds: name for name, holds in held.items()}  # one column for each thing
    return {name.casefold(): holds for holds, name in kept.items()}, needed


def placed(
    rows: Sequence[Row], classes: Classes, rule: Callable[[Row, Classes], int | None], store: Store, pictures: Store, column: str
) -> Catalogue:
    """The catalogue of rows whose pictures stand elsewhere; every bad row is listed, and then nothing is read."""
    pictures = named_from(rows, pictures)
    make = partial(photo_of, classes=classes, label_of=rule, taxonomy=read_taxonomy(None), find=finder(pictures))
    found = photos_of(rows, make, classes)
    if bad := [row for row in found if isinstance(row, BadRow)]:
        words = distinct(sorted(row.cell("label") for row in rows))
        raise BadRows(store.where, explained(bad, pictures, words, column))
    return Catalogue(pictures.root, classes, tuple(photo for photo in found if isinstance(photo, Photo)))


def named_from(rows: Sequence[Row], pictures: Store) -> Store:
    """The store, or the only folder in it: a table that stands in there names its pictures from there."""
    inner = innermost(pictures)
    is_outer = inner.root == pictures.root or any_there(rows, pictures) or not any_there(rows, inner)
    return pictures if is_outer else inner


def any_there(rows: Iterable[Row], pictures: Store) -> bool:
    """Whether a picture that a row names is there."""
    find = finder(pictures)
    for row in rows:
        with suppress(BadCell):
            find(row.cell("name"))
            return True
    return False


def explained(bad: Sequence[BadRow], pictures: Store, words: Sequence[str], column: str) -> list[BadRow]:
    """What to do about rows beside mending them: that new classes can be declared is said once."""
    told, declare = list[BadRow](), declaration(words, column)
    for one in bad:
        problem = one.problem
        if "no such picture" in problem:
            problem = f"{problem.replace('beside the label file', f'in {pictures.root}')} --data FOLDER says where the photos are."
        elif "is no class" in problem and "There are" in problem:
            problem, declare = f"{problem}{declare}", ""
        told.append(BadRow(one.row, one.value, problem))
    return told


def declaration(words: Sequence[str], column: str) -> str:
    """How the words of a column become classes."""
    if len(words) <= SPELLED_OUT and not any("," in word for word in words):
        return f' New classes are declared: --classes "{", ".join(words)}".'
    return f" Are they new classes? --label {column} takes all {len(words)} words of that column as such."
