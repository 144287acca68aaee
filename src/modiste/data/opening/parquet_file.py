"""A Parquet file: the column its pictures stand in, their names, and their bytes, read by parts so that memory stays small."""

from __future__ import annotations

import json
import threading
from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modiste.data.opening.kinds import kind_of
from modiste.data.opening.refusals import MOST_BYTES, PhotoRefused
from modiste.records.errors import ModisteError, missing_extra

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

PICTURES = ("image", "img", "picture", "photo")  # how a column of pictures is called, the likeliest first
LOOKED_AT = 16  # values of a column of bytes tell whether it holds pictures
Held = Path | bytes  # a file on disk, or what it holds where it stands inside an archive
AT_ONCE_BYTES = 8_000_000  # of photos, about so many are decoded in one go
BUFFER_BYTES = 1_000_000  # of a column that is being read
KEPT_BYTES = 128_000_000  # of photos that were read lately, from all Parquet files together


@dataclass(frozen=True)
class Column:
    """Where a picture's bytes stand, and its file name ('' where there is none), as paths of columns."""

    name: str
    bytes: str
    path: str


@dataclass
class Kept:
    """Photos that were read lately, the oldest dropped first when they weigh more than `most` bytes."""

    most: int
    photos: OrderedDict[tuple[int, int], bytes] = field(default_factory=OrderedDict)
    weight: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: tuple[int, int]) -> bytes | None:
        with self.lock:
            return self.photos.get(key)

    def put(self, key: tuple[int, int], data: bytes) -> None:
        with self.lock:
            self.weight += len(data) - len(self.photos.pop(key, b""))
            self.photos[key] = data
            while self.weight > self.most:
                self.weight -= len(self.photos.popitem(last=False)[1])


KEPT = Kept(KEPT_BYTES)
NUMBERS = count()  # one for each file that was opened: its rows' place in KEPT


def picture_column(file: pq.ParquetFile) -> Column | None:
    """The column of pictures: structs of bytes and path, as Hugging Face writes them, or plain bytes; None where there is none.

    Bytes may be anything, an id or a path, so that plain ones are looked at.
    """
    import pyarrow.types as kinds

    schema = file.schema_arrow
    structs = {
        column.name: {inner.name for inner in column.type}
        for column in schema
        if kinds.is_struct(column.type) and any(inner.name == "bytes" and is_bytes(inner.type) for inner in column.type)
    }
    if name := likeliest(list(structs)):
        return Column(name, f"{name}.bytes", f"{name}.path" if "path" in structs[name] else "")
    plain = [column.name for column in schema if is_bytes(column.type) and not kinds.is_fixed_size_binary(column.type)]
    name = likeliest([name for name in plain if holds_pictures(file, name)])
    return Column(name, name, "") if name else None


def likeliest(names: list[str]) -> str:
    """The name that a column of pictures would have, or the only one; else ''."""
    known = [name for likely in PICTURES for name in names if name.casefold() == likely]
    return known[0] if known else names[0] if len(names) == 1 else ""


def holds_pictures(file: pq.ParquetFile, column: str) -> bool:
    """Whether most of the first values of a column of bytes are pictures, of whatever format; so it is where damage hides them."""
    first: list[bytes] = []
    try:
        for batch in batches("", file, [column], 1):
            first += [value for value in leaf(batch).to_pylist() if value]
            if len(first) == LOOKED_AT:
                break
    except ModisteError:  # said with the file's name where its photos are read
        return True
    return bool(first) and 2 * sum(bool(kind_of(value)) for value in first) >= len(first)


def is_bytes(kind: pa.DataType) -> bool:
    import pyarrow.types as kinds

    return bool(kinds.is_binary(kind) or kinds.is_large_binary(kind) or kinds.is_binary_view(kind) or kinds.is_fixed_size_binary(kind))


def is_plain(kind: pa.DataType) -> bool:
    """Whether a column's values can be written as text."""
    import pyarrow as pa
    import pyarrow.types as kinds

    return not (kinds.is_nested(kind) or is_bytes(kind) or kinds.is_null(kind) or isinstance(kind, pa.BaseExtensionType))


def class_names(schema: pa.Schema, column: str) -> tuple[str, ...]:
    """What a column's numbers mean, where the file itself declares it (Hugging Face's ClassLabel); else nothing."""
    try:
        told = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        names = told["info"]["features"][column]["names"]
    except (ValueError, KeyError, TypeError):
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()


def opened_parquet(name: str, held: Held) -> pq.ParquetFile:
    """A Parquet file with nothing but its foot read."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise missing_extra("pyarrow", "parquet", "reading Parquet files") from error
    try:
        source = str(held) if isinstance(held, Path) else pa.BufferReader(held)
        return pq.ParquetFile(source, buffer_size=BUFFER_BYTES, pre_buffer=False)  # else a whole group of rows is held
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise ModisteError(f"{name} cannot be read as a Parquet file ({error}). Copy or make it again.") from error


def stored_names(name: str, held: Held) -> list[str]:
    """The file name that stands beside each picture, '' where there is none; no picture is read."""
    file = opened_parquet(name, held)
    column = picture_column(file)
    if column is None:
        raise ModisteError(f"{name}: no column of pictures. It has: {', '.join(file.schema_arrow.names)}.")
    if not column.path:
        return [""] * file.metadata.num_rows
    return [path for batch in batches(name, file, [column.path], 65_536) for path in texts_of(leaf(batch), f"{name}, column {column.path}")]


def bare_rows(name: str, file: pq.ParquetFile, column: Column) -> set[int]:
    """The rows without a picture's bytes; only groups of rows that may have such are read."""
    bare: set[int] = set()
    start = 0
    described = [file.metadata.schema.column(number) for number in range(len(file.metadata.schema))]
    place = [one.path for one in described].index(column.bytes)
    for number in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(number)
        chunk = group.column(place)
        if chunk.physical_type != described[place].physical_type:  # whose statistics would end the program
            raise ModisteError(f"{name} is damaged: its column {column.bytes} is described in two ways. Copy or make it again.")
        counted = chunk.statistics
        if counted is None or not counted.has_null_count or counted.null_count:
            there = (there for batch in batches(name, file, [column.bytes], 64, [number]) for there in leaf(batch).is_valid().to_pylist())
            bare |= {start + row for row, is_there in enumerate(there) if not is_there}
        start += group.num_rows
    return bare


def photo_bytes(name: str, held: Held) -> Callable[[int, str], bytes]:
    """What fetches the bytes of a row; rows in order are cheapest, as a file is decoded forwards, one group of rows at a time."""
    file, lock, key = opened_parquet(name, held), threading.Lock(), next(NUMBERS)
    column = picture_column(file)
    groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    starts = [0, *accumulate(group.num_rows for group in groups)]
    weight = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=1)
    at_once = int(min(max(AT_ONCE_BYTES / max(weight, 1), 1), 256))
    here = Place(-1, 0, iter(()))

    def begin(group: int) -> Place:
        return Place(group, starts[group], batches(name, file, [column.bytes if column else ""], at_once, [group]))

    def found(row: int) -> bytes:
        nonlocal here
        data = KEPT.get((key, row))
        while data is None:
            group = bisect_right(starts, row) - 1
            if here.group != group or here.row > row:
                here = begin(group)
            data = here.read_on(key, row)
        return data

    def fetch(row: int, path: str) -> bytes:
        nonlocal here
        try:
            with lock:
                data = found(row)
        except ModisteError as error:
            here = Place(-1, 0, iter(()))
            raise PhotoRefused(path, "corrupt", str(error)) from error
        if not data:
            raise PhotoRefused(path, "empty", f"row {row} of {name} holds no bytes")
        if len(data) > MOST_BYTES:
            raise PhotoRefused(path, "file_too_big", f"{len(data):,} bytes in {name}")
        return data

    return fetch


@dataclass
class Place:
    """How far a group of rows was decoded: the row that comes next, and the rest."""

    group: int
    row: int
    rest: Iterator[pa.RecordBatch]

    def read_on(self, key: int, wanted: int) -> bytes | None:
        """Decode some rows more and keep them; the wanted one's bytes when it was among them."""
        batch = next(self.rest, None)
        if batch is None:
            raise ModisteError("its group of rows ends before it")
        found = None
        for data in leaf(batch).to_pylist():
            KEPT.put((key, self.row), data or b"")
            found = (data or b"") if self.row == wanted else found
            self.row += 1
        return found


def batches(name: str, file: pq.ParquetFile, columns: list[str], rows: int, groups: list[int] | None = None) -> Iterator[pa.RecordBatch]:
    """Some columns, so many rows at a time; as many in all as the file's foot promises."""
    import pyarrow as pa

    told = file.metadata
    left = told.num_rows if groups is None else sum(told.row_group(group).num_rows for group in groups)
    rest = file.iter_batches(rows, groups, columns, use_threads=False)
    while True:
        try:
            batch = next(rest, None)
        except (OSError, pa.ArrowException) as error:
            raise ModisteError(f"{name} is damaged ({error}). Copy or make it again.") from error
        left -= batch.num_rows if batch is not None else 0
        if left < 0 or (batch is None and left):
            raise ModisteError(f"{name} is damaged: its columns are not of one length. Copy or make it again.")
        if batch is None:
            return
        yield batch


def leaf(batch: pa.RecordBatch) -> Any:
    """The one column of a batch, or the one column inside its struct."""
    column = batch.column(0)
    return column.flatten()[0] if column.type.num_fields else column


def text_rows(name: str, file: pq.ParquetFile, columns: list[str]) -> Iterator[dict[str, str]]:
    """The values of each row by column, as text; '' where there is none. Two columns of one name are refused."""
    refuse_twice(columns, file.schema_arrow.names, name)
    for batch in batches(name, file, columns, 8192):
        texts = [texts_of(batch.column(column), f"{name}, column {column}") for column in columns]
        for place in range(batch.num_rows):
            yield {column: values[place] for column, values in zip(columns, texts, strict=True)}


def refuse_twice(columns: Sequence[str], there: Sequence[str], where: object) -> None:
    """Refuse a column whose name another one has, too: nobody knows which is meant."""
    many = Counter(there)
    twice = next((name for name in columns if name and many[name] > 1), None)
    if twice is not None:
        raise ModisteError(f"{where}: two columns for '{twice}' ({', '.join(there)}). Leave one out.")


def texts_of(values: pa.Array, where: str) -> list[str]:
    """Values as people write them: 2012.0, which is how a column of years with gaps is stored, as 2012; no number as ''.

    Bytes are paths, which need not be UTF-8.
    """
    import pyarrow as pa
    import pyarrow.types as kinds

    if is_bytes(values.type):
        return [(value or b"").decode("utf-8", "surrogateescape") for value in values.to_pylist()]
    none = (None, "nan") if kinds.is_floating(values.type) else (None,)
    once: dict[str, str] = {}  # a word that stands in many rows is kept once
    try:
        return ["" if text in none else once.setdefault(text, text) for text in values.cast("string").to_pylist()]
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise ModisteError(f"{where}: holds what is no text ({error}). Write it as UTF-8 text, or leave the column out.") from error
