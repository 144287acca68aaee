"""Tables that people keep beside their pictures: CSV, lines of JSON, Parquet."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from modiste.data.layouts.entries import text_of
from modiste.data.layouts.rows import MARKS, Row, cells_of, decoded, encodable, read_rows, shown
from modiste.data.opening.containers import container_in
from modiste.data.opening.parquet_file import is_bytes, is_plain, opened_parquet, text_rows
from modiste.data.opening.stores import Store, find_photo
from modiste.records.errors import BadRow, BadRows, ModisteError, nearest

if TYPE_CHECKING:
    import pyarrow as pa


def read_table(store: Store, file: str, columns: Mapping[str, str], needed: str) -> list[Row]:
    """The rows of a table, whatever it is written in; `columns` are what its columns hold, by their names in small letters."""
    return TABLES[ending(file)][0](store, file, columns, needed)


def header(store: Store, file: str) -> list[str]:
    """The names of a table's columns, from its first line or its foot."""
    return TABLES[ending(file)][1](store, file)


def is_table_name(file: str) -> bool:
    return ending(file) in TABLES


def ending(file: str) -> str:
    return PurePosixPath(file).suffix.lower()


def csv_header(store: Store, file: str) -> list[str]:
    first = re.split(b"[\r\n]", store.beginning(file), maxsplit=1)[0].replace(b"\0", b"")  # UTF-16 is refused by name once it is read
    line = first.removeprefix(b"\xef\xbb\xbf").strip(b"\xff\xfe").decode("utf-8", "surrogateescape")
    split = [cells_of(line, mark) for mark in MARKS]
    return [cell.strip() for cell in max(split, key=len)]


def read_lines(store: Store, file: str, columns: Mapping[str, str], needed: str) -> list[Row]:
    """A row for each line of JSON; lines that are no objects are listed."""
    rows, bad = [], []
    for number, line in enumerate(decoded(store.read(file), store.root / file).split("\n"), 1):
        entry = entry_in(line) if line.strip() else {}
        if not isinstance(entry, dict):
            bad.append(BadRow(number, shown([line], ""), 'is no object in JSON. A line is such as {"file_name": "1.jpg"}.'))
        elif entry:
            rows.append(named_row(file, number, {name: text_of(value) for name, value in entry.items()}, columns))
            if not is_text(rows[-1]):
                bad.append(BadRow(number, shown([line], ""), "is not UTF-8: it holds half a character. Mend the text and export again."))
    if bad:
        raise BadRows(store.root / file, bad)
    if rows and not any("name" in row.cells for row in rows):
        raise ModisteError(f"{store.root / file}: no {needed} in its lines; they have: {', '.join(header(store, file))}.")
    return rows


def is_text(row: Row) -> bool:
    """Whether all that a row says can be written as UTF-8; a picture's name may have other bytes."""
    said = [cell for holds, cell in row.cells.items() if holds != "name"]
    return all(map(encodable, (*said, *row.details, *row.details.values())))


def entry_in(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def lines_header(store: Store, file: str) -> list[str]:
    lines = decoded(store.read(file), store.root / file).split("\n")
    entry = entry_in(next((line for line in lines if line.strip()), ""))
    return list(entry) if isinstance(entry, dict) else []


def read_columns(store: Store, file: str, columns: Mapping[str, str], needed: str) -> list[Row]:
    """A row for each row of a Parquet file; values that are no text, numbers or dates are left out."""
    opened = opened_table(store, file)
    names = [name for name in text_columns(opened.schema_arrow, needed) if not name.startswith("__index_level_")]
    if needed.casefold() not in map(str.casefold, names):
        near = nearest(needed, names)
        hint = f" Did you mean '{near}'?" if near else ""
        raise ModisteError(f"{store.root / file}: no column {needed}; it has: {', '.join(names)}.{hint}")
    rows = text_rows(str(store.root / file), opened, names)
    return [named_row(file, number, values, columns) for number, values in enumerate(rows, 1)]


def text_columns(schema: pa.Schema, needed: str) -> list[str]:
    """The columns whose values can be written as text; the one that names pictures may hold bytes, as file names do."""
    named = needed.casefold()
    return [column.name for column in schema if is_plain(column.type) or (is_bytes(column.type) and column.name.casefold() == named)]


def opened_table(store: Store, file: str) -> Any:
    inside = container_in(store.root / file)
    place = str(store.root / file)
    return opened_parquet(place, store.read(file) if inside and inside[1] else find_photo(store.root, file))


def named_row(file: str, number: int, values: Mapping[str, str], columns: Mapping[str, str]) -> Row:
    cells = {columns[name.casefold()]: value for name, value in values.items() if name.casefold() in columns}
    return Row(file, number, cells, {name: value for name, value in values.items() if name.casefold() not in columns and value})


TABLES: dict[str, tuple[Callable[..., list[Row]], Callable[[Store, str], list[str]]]] = {  # how rows are read, and the header
    ".csv": (read_rows, csv_header),
    ".tsv": (read_rows, csv_header),
    ".jsonl": (read_lines, lines_header),
    ".parquet": (read_columns, lambda store, file: list(opened_table(store, file).schema_arrow.names)),
}
