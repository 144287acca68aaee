"""Parquet as Hugging Face keeps data sets: pictures inside, files for each split, class names in the schema."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modiste.data.layouts.labels_csv import detail_names
from modiste.data.layouts.parquet import COLUMNS
from modiste.data.layouts.placing import checked_split, start
from modiste.data.layouts.rows import encodable
from modiste.data.opening.stores import read_photo
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.disk import sync_folder
from modiste.records.errors import MachineError, ModisteError, missing_extra
from modiste.records.labels import Classes
from modiste.records.progress import Tell, following, silent

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

SHARD_BYTES = 500_000_000  # Hugging Face's own size of one file
GROUP_BYTES = 32_000_000  # of photos held in memory at a time, and written as one group of rows
GROUP_ROWS = 1000


def write_parquet(
    catalogue: Catalogue,
    to: Path,
    copy: bool = True,  # noqa: ARG001  (bytes inside a file are never links)
    tell: Tell = silent,
) -> Path:
    """Write data/train-00000-of-00001.parquet and so on into a new folder, with all that is known of each photo.

    Files get their names when all of them are whole. A photo without a split stands in 'unsplit'.
    """
    try:
        import pyarrow as pa
    except ImportError as error:
        raise missing_extra("pyarrow", "parquet", "writing Parquet files") from error
    details = detail_names(catalogue, {*COLUMNS, "image"})
    check(catalogue.photos, catalogue.classes, details)
    schema, splits = schema_of(catalogue.classes, details), by_split(catalogue.photos)
    start(to)
    folder = to / "data"
    try:
        folder.mkdir()
        parts = {
            split: write_split(catalogue, following(photos, tell, f"writing {split}"), schema, folder, split)
            for split, photos in splits.items()
        }
        for split, written in parts.items():
            for number, part in enumerate(written):
                part.replace(folder / f"{split}-{number:05d}-of-{len(written):05d}.parquet")
    except (OSError, pa.ArrowException) as error:
        raise MachineError(f"{folder} could not be written: {error}. Make room, and give a new folder.") from error
    finally:
        for left in folder.glob(".*.part"):
            with suppress(OSError):
                left.unlink()
    sync_folder(folder)
    return to


def check(photos: Sequence[Photo], classes: Classes, details: Sequence[str]) -> None:
    """Refuse what Parquet cannot hold or a reader would not find again."""
    if not photos:
        raise ModisteError("a catalogue without photos has no Parquet file. Add some.")
    odd = next((name for name in details if name.startswith(("__index_level_", "image.")) or not encodable(name)), None)
    if odd is not None:
        raise ModisteError(f"details must not be called {odd!r} in Parquet. Rename it.")
    for photo in photos:
        texts = (photo.path, photo.product, photo.source, *photo.details.values(), photo.suggestion.by if photo.suggestion else "")
        wrong = next((text for text in texts if not encodable(text)), None)
        if wrong is not None:
            raise ModisteError(
                f"{photo.path!r}: {wrong!r} is not UTF-8, and Parquet holds nothing else. Rename it, or write the format 'paper'."
            )
    if not all(map(encodable, classes.names)):
        raise ModisteError("a class name is not UTF-8, and Parquet holds nothing else. Rename it.")


def by_split(photos: Sequence[Photo]) -> dict[str, list[Photo]]:
    """The photos of each split, in their order."""
    found: dict[str, list[Photo]] = {}
    for photo in photos:
        found.setdefault(checked_split(photo) or "unsplit", []).append(photo)
    return found


def schema_of(classes: Classes, details: Sequence[str]) -> pa.Schema:
    """The columns, with what Hugging Face's library takes them for."""
    import pyarrow as pa

    texts = ("source", "product_id", "suggested_by", *details)
    columns: list[tuple[str, pa.DataType]] = [
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("label", pa.int64()),
        ("suggested_label", pa.int64()),
        *((name, pa.string()) for name in texts),
    ]
    classed = {"names": list(classes.names), "_type": "ClassLabel"}
    features = {"image": {"_type": "Image"}, "label": classed, "suggested_label": classed}
    features |= {name: {"dtype": "string", "_type": "Value"} for name in texts}
    return pa.schema(columns, {"huggingface": json.dumps({"info": {"features": features}})})


def write_split(catalogue: Catalogue, photos: Iterable[Photo], schema: pa.Schema, folder: Path, split: str) -> list[Path]:
    """The photos of one split in files of about SHARD_BYTES, not yet under their names."""
    parts: list[Path] = []
    groups = groups_of(catalogue, photos, schema)
    group = next(groups, None)
    while group is not None:
        parts.append(folder / f".{split}-{len(parts):05d}.part")
        with flushed(parts[-1], schema) as writer:
            weight = 0
            while group is not None and weight < SHARD_BYTES:
                writer.write_table(group, len(group))
                weight += group.nbytes
                group = next(groups, None)
    return parts


def groups_of(catalogue: Catalogue, photos: Iterable[Photo], schema: pa.Schema) -> Iterator[pa.Table]:
    """The photos' rows with their bytes, as many at a time as memory is meant to hold."""
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    weight = 0
    for photo in photos:
        data = read_photo(catalogue.root, photo.path)
        rows.append(row_of(photo, data))
        weight += len(data)
        if len(rows) == GROUP_ROWS or weight >= GROUP_BYTES:
            yield pa.Table.from_pylist(rows, schema)
            rows, weight = [], 0
    if rows:
        yield pa.Table.from_pylist(rows, schema)


def row_of(photo: Photo, data: bytes) -> dict[str, Any]:
    suggestion = photo.suggestion
    ours = {"label": photo.label, "source": photo.source, "product_id": photo.product}
    suggested = {"suggested_label": suggestion.label, "suggested_by": suggestion.by} if suggestion else {}
    return {"image": {"bytes": data, "path": photo.path}, **ours, **suggested, **photo.details}


@contextmanager
def flushed(file: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A Parquet file to write into, flushed to disk when it is done."""
    import pyarrow.parquet as pq

    texts = [name for name in schema.names if name != "image"]
    packed = {"image.bytes": "none", "image.path": "snappy"} | dict.fromkeys(texts, "snappy")  # pictures are compressed already
    with file.open("wb") as handle:
        with pq.ParquetWriter(handle, schema, use_dictionary=texts, compression=packed) as writer:
            yield writer
        handle.flush()
        os.fsync(handle.fileno())
