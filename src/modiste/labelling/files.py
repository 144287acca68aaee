"""The result on disk: CSV, lines of JSON or Parquet, written row after row beside its place and renamed when whole."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any

from modiste.data.layouts.rows import escaped
from modiste.data.layouts.tables import entry_in
from modiste.labelling.rows import FIRST, LAST, Value
from modiste.records.disk import sync_folder
from modiste.records.errors import MachineError, ModisteError, UsageError, missing_extra

GROUP_ROWS = 8192  # of a Parquet file
Rows = Iterable[Sequence[Value]]


def write_rows(path: Path, part: Path, columns: Sequence[str], rows: Rows, odd_names: bool = False) -> Path:
    """Write rows under their columns to `part`, flush, rename to `path`: a crash leaves the old file or the new one.

    Where a photo is called what is not UTF-8, Parquet holds the photos' names as bytes.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            FORMATS[path.suffix.lower()](file, columns, rows, odd_names)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise MachineError(
            f"{path} could not be written: {error.strerror or error}. What stood there before still stands, and what was done is kept: "
            "make room, and the same command goes on from there."
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return path


def write_csv(file: IO[bytes], columns: Sequence[str], rows: Rows, _odd_names: bool) -> None:
    """Cells that a spreadsheet would run are escaped; names keep bytes that are not UTF-8."""
    text = io.TextIOWrapper(file, "utf-8", "surrogateescape", newline="", write_through=True)
    plain, quoted = (csv.writer(text, lineterminator="\n", quoting=how) for how in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    plain.writerow([escaped(name) for name in columns])
    for row in rows:
        cells = [escaped(value) if isinstance(value, str) else "" if value is None else repr(value) for value in row]
        (quoted if any("\r" in cell for cell in cells) else plain).writerow(cells)  # older Pythons leave a bare CR unquoted
    text.detach()


def write_lines(file: IO[bytes], columns: Sequence[str], rows: Rows, _odd_names: bool) -> None:
    """An object a line; letters that are not ASCII, and bytes that are not UTF-8, as JSON escapes."""
    for row in rows:
        file.write(json.dumps(dict(zip(columns, row, strict=True)), allow_nan=False).encode("ascii") + b"\n")


def write_parquet(file: IO[bytes], columns: Sequence[str], rows: Rows, odd_names: bool) -> None:
    """Text and 64-bit numbers, some thousand rows at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = ("confidence", "strangeness")
    kinds = [pa.float64() if name in numbers or name.startswith("p_") else pa.string() for name in columns]
    kinds[0] = pa.binary() if odd_names else pa.string()
    schema, rest = pa.schema(list(zip(columns, kinds, strict=True))), iter(rows)
    with pq.ParquetWriter(file, schema) as writer:
        for some in iter(lambda: list(islice(rest, GROUP_ROWS)), []):
            values: list[list[Any]] = [list(column) for column in zip(*some, strict=True)]
            if odd_names:
                values[0] = [str(name).encode("utf-8", "surrogateescape") for name in values[0]]
            writer.write_table(pa.table(values, schema=schema))


def check_output(path: Path) -> None:
    """Refuse a place that is no table's, or where something stands that this command did not write."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"--output {path}: its name must end in {', '.join(FORMATS)}, which says how the table is written.")
    if path.suffix.lower() == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise missing_extra("pyarrow", "parquet", "writing a Parquet file") from error
    if path.exists() and not is_ours(path):
        raise ModisteError(
            f"{path} is there already, and is no result of `modiste label`, or people added columns to it: it is not written over. "
            "Move it away, or give another name."
        )


def is_ours(path: Path) -> bool:
    """Whether a file has the columns of a result and no more, or is empty: a column more is people's work."""
    if not path.is_file():
        return False
    names = NAMES[path.suffix.lower()](path) if path.stat().st_size else None
    return names is None or (
        tuple(names[: len(FIRST)]) == FIRST
        and tuple(names[-len(LAST) :]) == LAST
        and all(name.startswith("p_") for name in names[len(FIRST) : -len(LAST)])
    )


def names_in_csv(path: Path) -> list[str]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file, suppress(csv.Error):
        return next(csv.reader(file), [])
    return []


def names_in_lines(path: Path) -> list[str]:
    with path.open(encoding="utf-8", errors="surrogateescape") as file:
        entry = entry_in(file.readline())
    return list(entry) if isinstance(entry, dict) else []


def names_in_parquet(path: Path) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with suppress(pa.ArrowException, OSError):  # OSError: a foot that is damaged
        return list(pq.read_schema(path).names)
    return []


FORMATS: dict[str, Callable[[IO[bytes], Sequence[str], Rows, bool], None]] = {
    ".csv": write_csv,
    ".jsonl": write_lines,
    ".parquet": write_parquet,
}
NAMES: dict[str, Callable[[Path], list[str]]] = {".csv": names_in_csv, ".jsonl": names_in_lines, ".parquet": names_in_parquet}
