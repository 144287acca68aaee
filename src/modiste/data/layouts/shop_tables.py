"""A table of photos read row by row, however long it is: CSV, lines of JSON, Parquet; a photo that is missing is a row all the same."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TextIO

from modiste.data.layouts.cells import shop_details, snake, spellings
from modiste.data.layouts.entries import text_of
from modiste.data.layouts.paper_csv import chosen_label_files
from modiste.data.layouts.products import ADDRESS, LABELS, PRODUCTS, SHOPIFY, chosen_tables, column_of_pictures, file_names, pictures
from modiste.data.layouts.rows import MARKS, cells_of, csv_lines, decoded, misshapen, restored, separator, shown
from modiste.data.layouts.tables import ending, entry_in, header, is_table_name, opened_table, text_columns
from modiste.data.opening.containers import container_in
from modiste.data.opening.parquet_file import refuse_twice, text_rows
from modiste.data.opening.stores import Store, as_needed
from modiste.records.errors import BadRow, BadRows, ModisteError

Cells = Mapping[str, str]
PICTURELESS = "rows passed over, as they name no picture"


@dataclass(frozen=True, slots=True)
class Said:
    """A photo as its source speaks of it: what it is called there, where it lies under the root, and all that is said of it."""

    photo: str
    path: str
    details: Mapping[str, str] = field(default_factory=dict)
    product: str = ""
    words: tuple[str, ...] = ()  # labels, where the source has some


def tables_of(store: Store, layout: str) -> list[str]:
    """The tables of a store that its layout is read from, or the one that was asked for: what else lies there names no photos."""
    if layout == "paper":
        return chosen_label_files(store)
    return [store.chosen] if store.chosen and is_table_name(store.chosen) else chosen_tables(store)


def rows_in(store: Store, file: str, notes: dict[str, int]) -> Iterator[Said]:
    """A photo for each row of a table that names one; what has no picture is counted in `notes`."""
    needed, product = named_columns(store, file)
    place, first = placing(store), dict[str, str]()
    for cells in CELLS[ending(file)](store, file, needed):
        if snake(needed) == SHOPIFY:  # later rows of a product leave empty what its first row says
            first = dict(cells) if cells.get(product) != first.get(product) else first
            cells = {
                **{name: cell for name, cell in first.items() if name != needed},
                **{name: cell for name, cell in cells.items() if cell},
            }
        name = cells.get(needed, "")
        if not name.strip():
            notes[PICTURELESS] = notes.get(PICTURELESS, 0) + 1
            continue
        details = {column: cell for column, cell in cells.items() if cell and column != needed}
        yield Said(name, place(name), shop_details(details), cells.get(product, ""), labels_in(details))


def named_columns(store: Store, file: str) -> tuple[str, str]:
    """The columns of a table that name a photo's picture, and its product or ''. Refused where none names pictures."""
    columns = columns_in(store, file)
    spelled = {snake(name): name for name in reversed(columns)}
    if not any(columns):
        raise ModisteError(f"{store.root / file} is empty. Its first line must name the columns, 'path' for the photos' paths among them.")
    none = f"no column names its pictures; it has: {', '.join(columns)}. Call the column with their paths 'path'."
    return column_of_pictures(columns, store.root / file, none), next((spelled[name] for name in PRODUCTS if name in spelled), "")


def labels_in(details: Cells) -> tuple[str, ...]:
    """The labels that a row has; a line of JSON may have other columns than the first one."""
    spelled = {snake(column): cell for column, cell in reversed(list(details.items()))}
    return tuple(spelled[name] for name in LABELS if name in spelled)


def columns_in(store: Store, file: str) -> list[str]:
    """The names of a table's columns, of which no more is read than its first line or its foot."""
    if ending(file) == ".parquet":
        return header(store, file)
    with opened_text(store, file) as text:
        first = next((line for line in text if line.strip() or ending(file) != ".jsonl"), "")
    if ending(file) == ".jsonl":
        entry = entry_in(first)
        return list(entry) if isinstance(entry, dict) else []
    columns = [restored(cell).strip() for cell in max((cells_of(first.rstrip("\r\n"), mark) for mark in MARKS), key=len)]
    refuse_twice(columns, columns, store.root / file)
    return columns


def placing(store: Store) -> Callable[[str], str]:
    """What gives the path under the root of a picture that a cell names: below images/ or beside the table, or the name in an address."""
    by_name: dict[str, str] = {}

    def place(name: str) -> str:
        if ADDRESS.match(name.strip()):
            if not by_name:
                by_name.update(pictures(store) or {"": ""})
            return next((by_name[end] for end in file_names(name) if end in by_name), name)
        for spelled in spellings(name):
            tidy = PurePosixPath(spelled).as_posix()
            for path in (tidy,) if spelled.startswith("./") or tidy.startswith("/") else (f"images/{tidy}", tidy):
                if is_there(store, path):
                    return path
        return name

    return place


def is_there(store: Store, path: str) -> bool:
    if container_in(store.root / path) is not None:
        return store.has(path)
    return "\0" not in path and os.path.lexists(store.root / path)


def csv_cells(store: Store, file: str, needed: str) -> Iterator[Cells]:
    """The cells of each row by column, what a spreadsheet was kept from running restored; rows that are out of shape are all refused."""
    place, bad = store.root / file, list[BadRow]()
    with opened_text(store, file) as text:
        first = text.readline()
        mark = separator(first, place, needed)
        text.seek(0)
        lines = csv_lines(text, mark, place)
        columns = [restored(cell).strip().removeprefix("\ufeff") for cell in next(lines)]
        for number, cells in enumerate(lines, 1):
            wrong = misshapen(cells, [(column if column != needed else "name", True) for column in columns])
            if wrong and len(bad) < BadRows.shown:
                bad.append(BadRow(number, shown(cells, mark), wrong))
            elif cells and not bad:
                yield dict(zip(columns, map(restored, cells), strict=True))
    if bad:
        raise BadRows(place, bad)


def opened_text(store: Store, file: str) -> TextIO:
    """A table's text, read as it is needed; from inside an archive at once."""
    inside = container_in(store.root / file)
    if inside and inside[1]:
        return io.StringIO(decoded(store.read(file), store.root / file), newline="")
    return as_needed(store.root, file, lambda first: decoded(first, store.root / file))  # UTF-16 is refused by name


def line_cells(store: Store, file: str, _needed: str) -> Iterator[Cells]:
    """The values of each line of JSON as text."""
    with opened_text(store, file) as text:
        for number, line in enumerate(text, 1):
            entry = entry_in(line) if line.strip() else {}
            if not isinstance(entry, dict):
                problem = 'is no object in JSON. A line is such as {"path": "1.jpg"}.'
                raise BadRows(store.root / file, [BadRow(number, line[:80], problem)])
            if entry:
                yield {name: tidy(text_of(value)) for name, value in entry.items()}


def parquet_cells(store: Store, file: str, needed: str) -> Iterator[Cells]:
    opened = opened_table(store, file)
    return text_rows(str(store.root / file), opened, text_columns(opened.schema_arrow, needed))


def tidy(text: str) -> str:
    """Text that can be written as UTF-8 or as the bytes of a file's name."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


CELLS: dict[str, Callable[[Store, str, str], Iterator[Cells]]] = {
    ".csv": csv_cells,
    ".tsv": csv_cells,
    ".txt": csv_cells,
    ".jsonl": line_cells,
    ".parquet": parquet_cells,
}
