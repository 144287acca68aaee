"""Rows of a label file: cells by column, as people and spreadsheets write them."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modiste.data.opening.stores import Store
from modiste.records.errors import BadRow, BadRows, ModisteError, nearest

OURS = {  # how a column may be called, in small letters -> what it holds
    "split": "split",
    "source": "source",
    "product_id": "product",
    "product": "product",
    "suggested_label": "suggested_label",
    "suggested_by": "suggested_by",
}
COLUMNS = {"image_name": "name", "label": "label", "attribute": "attribute", **OURS}
MARKS = ",\t;"  # between cells
FORMULA = re.compile(r"'*[=+\-@\t\r]")  # a spreadsheet runs such a cell, so it is written behind a '


@dataclass(frozen=True)
class Row:
    """One line: where it stands, the cells of known columns by what they hold, and the other cells by their header."""

    file: str
    number: int
    cells: Mapping[str, str]
    details: Mapping[str, str]

    def cell(self, column: str) -> str:
        return self.cells.get(column, "").strip()

    def bad(self, value: str, problem: str) -> BadRow:
        return BadRow(self.number, value, f"{problem} ({self.file})")


def read_rows(store: Store, name: str, columns: Mapping[str, str] = COLUMNS, needed: str = "Image_Name") -> list[Row]:
    """The rows of a label file: UTF-8, split at commas, semicolons or tabs, column order and capitals free."""
    file = store.root / name
    text = decoded(store.read(name), file)
    mark = separator(text, file, needed)
    header, *lines = csv_lines(io.StringIO(text, newline=""), mark, file)
    held = known_columns([restored(cell) for cell in header], file, columns)
    wrong = [BadRow(number, shown(cells, mark), why) for number, cells in enumerate(lines, 1) if (why := misshapen(cells, held))]
    if wrong:
        raise BadRows(file, wrong)
    return [row_of(name, number, cells, held) for number, cells in enumerate(lines, 1) if cells]


def csv_lines(text: Iterable[str], mark: str, file: Path) -> Iterator[list[str]]:
    """The header and the rows of a CSV file as cells; a row that cannot be told apart is named, with how it begins."""
    begins, done = [""], 0

    def noted() -> Iterator[str]:
        for line in text:
            begins[0] = begins[0] or line[:80]
            yield line

    try:
        for cells in csv.reader(noted(), delimiter=mark, strict=True):
            yield cells
            begins[0], done = "", done + 1
    except csv.Error as error:
        long = "field larger" in str(error)
        why = f"has a cell of more than {csv.field_size_limit():,} letters. Shorten it" if long else f"cannot be read: {error}"
        advice = f"{why}{', or look' if long else '. Look'} for a quotation mark that is never closed, or not doubled within a cell."
        raise BadRows(file, [BadRow(done, shown([begins[0].rstrip()], ""), advice)]) from error


def decoded(data: bytes, file: Path) -> str:
    """A file's text; UTF-16 is refused by name. Bytes that are not UTF-8 survive, for picture names that hold them."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:4]:
        raise ModisteError(f"{file} is UTF-16 text. Save it as 'CSV UTF-8'.")
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def separator(text: str, file: Path, needed: str) -> str:
    """The mark between cells: the one that gives the header the column that is needed."""
    first = re.split("[\r\n]", text, maxsplit=1)[0]
    if not first.strip():
        raise ModisteError(f"{file} is empty. Its first line must name the columns, {needed} among them.")
    for mark in MARKS:
        if any(cell.strip().casefold() == needed.casefold() for cell in cells_of(first, mark)):
            return mark
    cells = re.split("[,;\t]", first)
    meant = nearest(needed, cells)
    hint = f" Did you mean '{meant.strip()}'? Rename it." if meant else ""
    hint = hint if len(cells) > 1 else f"{hint} Columns are told apart by commas, semicolons or tabs."
    raise ModisteError(f"{file}: no column {needed} in its first line; it has: {', '.join(cell.strip() for cell in cells)}.{hint}")


def cells_of(line: str, mark: str = ",") -> list[str]:
    """The cells of one line; a line that is none of a table's is one cell."""
    try:
        return next(csv.reader([line], delimiter=mark), [])
    except csv.Error:  # a cell of 128 kB or more, or a line end within
        return [line]


def known_columns(header: Sequence[str], file: Path, known: Mapping[str, str]) -> list[tuple[str, bool]]:
    """For each column what it holds and whether that is one of those known; two columns for one thing are refused."""
    columns = [(known.get(cell.strip().casefold(), cell), cell.strip().casefold() in known) for cell in header]
    twice = [name for (name, _), count in Counter(columns).items() if count > 1 and name]
    if twice:
        raise ModisteError(f"{file}: two columns for '{twice[0]}' in the first line ({', '.join(header)}). Leave one out.")
    return columns


def misshapen(cells: Sequence[str], columns: Sequence[tuple[str, bool]]) -> str:
    """What is wrong with a row's shape, or ''; an empty line is no row."""
    if cells and len(cells) != len(columns):
        return f"has {len(cells)} cells, the header has {len(columns)}. Quote a cell that holds the separator."
    if any(not encodable(cell) for cell, (name, _) in zip(cells, columns, strict=False) if name != "name"):
        return "is not UTF-8. Save the file as 'CSV UTF-8'."
    return ""


def row_of(file: str, number: int, cells: Sequence[str], columns: Sequence[tuple[str, bool]]) -> Row:
    pairs = [(name, known, restored(cell)) for cell, (name, known) in zip(cells, columns, strict=True)]
    details = {name: cell for name, known, cell in pairs if not known and name and cell}
    return Row(file, number, {name: cell for name, known, cell in pairs if known}, details)


def shown(cells: Sequence[str], mark: str) -> str:
    return mark.join(cells)[:80].encode("utf-8", "replace").decode("utf-8")


def encodable(cell: str) -> bool:
    return cell.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in cell)


def escaped(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    >>> escaped("=1+1")
    "'=1+1"
    """
    return f"'{cell}" if FORMULA.match(cell) else cell


def restored(cell: str) -> str:
    """What `escaped` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def csv_bytes(lines: Sequence[Sequence[str]]) -> bytes:
    """Rows as CSV in UTF-8; picture names keep bytes that are not."""
    text = io.StringIO()
    odd = any("\r" in cell for cells in lines for cell in cells)  # older Pythons leave a bare CR unquoted
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL).writerows(lines)
    return text.getvalue().encode("utf-8", "surrogateescape")
