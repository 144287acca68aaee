"""Parquet files with pictures inside, as Hugging Face writes them: one file, or a folder of shards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from modiste.data.layouts.cells import BadCell, catalogue_of, class_in, classes_in, split_in, suggested, suggestion_of
from modiste.data.layouts.declared import read_classes
from modiste.data.layouts.names import SPLITS, source_of
from modiste.data.layouts.rows import OURS, Row
from modiste.data.opening.containers import container_at, container_in
from modiste.data.opening.parquet_file import Column, Held, bare_rows, class_names, is_plain, opened_parquet, picture_column, text_rows
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.stores import Store, find_photo, is_visible, joined, open_store
from modiste.data.suggest import Taxonomy
from modiste.data.taxonomy import read_taxonomy
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import ModisteError
from modiste.records.labels import Classes

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

COLUMNS = {"label": "label", "labels": "label", **OURS}
ENDING = ".parquet"
OUTER = ("data", "default")  # folders that data sets keep their shards in


@dataclass(frozen=True)
class Shard:
    """One Parquet file of a catalogue, open: what stands before its photos' names ('' for the root itself), and its columns."""

    path: str
    place: Path
    file: pq.ParquetFile
    pictures: Column
    known: Mapping[str, str]  # what a column holds -> its name
    told: tuple[str, ...]  # the columns that become details


def read_parquet(store: Store, classes: Classes | None, taxonomy: Taxonomy | None) -> Catalogue:
    """Each row as a photo: labels by the names that the file declares, or suggestions by product type; all other values as details."""
    shards = list(opened_shards(store))
    if not shards:
        raise ModisteError(f"{store.where}: no Parquet file with a column of pictures, there or under data/.")
    rows = [row for shard in shards for row in rows_of(shard)]
    if not rows:
        raise ModisteError(f"{store.where}: there is no row in it.")
    taxonomy = taxonomy or read_taxonomy(None)
    classes = classes or declared(store, shards) or (classes_in(rows, store.where) if is_labelled(shards) else taxonomy.classes)
    unlabelled = None if is_labelled(shards) else taxonomy
    return catalogue_of(store, "", rows, classes, partial(photo_of, classes=classes, taxonomy=unlabelled), passed_over(shards))


def is_parquet(store: Store) -> bool:
    """Whether a Parquet file with pictures stands there."""
    return any(True for _ in opened_shards(store))


def opened_shards(store: Store) -> Iterator[Shard]:
    """The Parquet files that hold pictures, their feet read."""
    for path in shard_paths(store):
        place = store.root / path if path else store.root
        file = opened_parquet(str(place), held(store, path))
        pictures = picture_column(file)
        if pictures:
            yield Shard(path, place, file, pictures, *columns_of(file.schema_arrow, pictures, place))


def shard_paths(store: Store) -> list[str]:
    """The Parquet files of a store: itself (''), the chosen one, or those at its root, under data/ and under folders of splits."""
    if store.chosen:
        return [store.chosen] if store.chosen.lower().endswith(ENDING) else []
    if store.root.name.lower().endswith(ENDING) and store.root.is_file():
        return [""]
    outer = ["", *(folder for folder in store.folders() if folder.casefold() in OUTER)]
    inner = [joined(folder, name) for folder in outer for name in store.folders(folder) if name.casefold() in SPLITS]
    return [
        joined(folder, name) for folder in (*outer, *inner) for name in store.names(folder) if is_visible(name) and name.endswith(ENDING)
    ]


def held(store: Store, path: str) -> Held:
    """A Parquet file on disk, or its bytes where it stands inside an archive."""
    if not path:
        return store.root
    inside = container_in(store.root / path)
    if inside is None or not inside[1]:
        return find_photo(store.root, path)
    try:
        return store.read(path)
    except PhotoRefused as refused:
        raise ModisteError(
            f"{store.root / path} cannot be read inside {inside[0].name} ({refused.reason}). "
            "Unpack the archive: as they stand, Parquet files of any size are read."
        ) from refused


def columns_of(schema: pa.Schema, pictures: Column, place: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """Which columns mean something to us, and which become details."""
    known: dict[str, str] = {}
    for column in schema:
        holds = COLUMNS.get(column.name.casefold())
        if holds in known:
            raise ModisteError(f"{place}: '{known[holds]}' and '{column.name}' are two columns for one thing. Leave one out.")
        if holds == "label" and not is_plain(column.type):
            raise ModisteError(f"{place}: '{column.name}' holds a {column.type}; a photo has one label, a name or a whole number.")
        if holds and is_plain(column.type):
            known[holds] = column.name
    rest = [column.name for column in schema if is_plain(column.type) and column.name not in known.values()]
    return known, tuple(name for name in rest if name != pictures.name and not name.startswith("__index_level_"))


def rows_of(shard: Shard) -> Iterator[Row]:
    """The rows of a shard, in order, all values as text; a label's number becomes the name that the file declares for it."""
    names = class_names(shard.file.schema_arrow, shard.known.get("label", ""))
    bare = bare_rows(str(shard.place), shard.file, shard.pictures)
    split = {} if "split" in shard.known else {"split": split_of(shard.path or shard.place.name)}
    rows = text_rows(str(shard.place), shard.file, [*shard.known.values(), *shard.told])
    for number, (path, values) in enumerate(zip(container_at(shard.place).members, rows, strict=True), 1):
        cells = {holds: values[name] for holds, name in shard.known.items()} | split | {"name": joined(shard.path, path)}
        if names and cells["label"].isdecimal() and int(cells["label"]) < len(names):
            cells["label"] = names[int(cells["label"])]
        if number - 1 in bare:
            cells["bare"] = "yes"
        details = {name: values[name] for name in shard.told if values[name]}
        yield Row(shard.path or shard.place.name, number, cells, details)


def photo_of(row: Row, classes: Classes, taxonomy: Taxonomy | None) -> Photo:
    path, details = row.cells["name"], row.details
    if "bare" in row.cells:
        raise BadCell(path, "has no picture in it, only a name. Export the data set with its pictures inside.")
    label = class_in(row.cell("label"), classes)
    suggestion = suggestion_of(row, classes)
    if taxonomy and "suggested_label" not in row.cells:
        suggestion = suggested(taxonomy, details, classes, row.cell("product"))
    source = row.cells["source"] if "source" in row.cells else source_of(path)
    return Photo(path, label, suggestion, row.cells.get("product", ""), source, split_in(row.cell("split")), details)


def split_of(path: str) -> str:
    """The split that a shard's name or folder says, or ''.

    >>> split_of("data/train-00000-of-00002.parquet"), split_of("default/test/0000.parquet"), split_of("shop.parquet")
    ('train', 'test', '')
    """
    words = [word for part in reversed(path.split("/")) if (word := re.match("[A-Za-z]*", part))]
    return next((SPLITS[word[0].casefold()] for word in words if SPLITS.get(word[0].casefold())), "")


def is_labelled(shards: Iterable[Shard]) -> bool:
    return any("label" in shard.known for shard in shards)


def declared(store: Store, shards: Iterable[Shard]) -> Classes | None:
    """The classes in classes.txt, there or beside the file, or those that the files themselves declare alike."""
    written = read_classes(store) or (read_classes(open_store(store.root.parent)) if store.root.is_file() else None)
    by_file = {names: shard for shard in shards if (names := class_names(shard.file.schema_arrow, shard.known.get("label", "")))}
    if len(by_file) > 1:
        said = "; ".join(f"{shard.path}: {', '.join(names)}" for names, shard in by_file.items())
        raise ModisteError(f"{store.where}: its files declare different classes ({said}). Give those to use with --classes.")
    return written or next((Classes(names) for names in by_file), None)


def passed_over(shards: Iterable[Shard]) -> list[str]:
    """The columns that are no text, in words."""
    odd = {
        f"{column.name} ({column.type})"
        for shard in shards
        for column in shard.file.schema_arrow
        if column.name != shard.pictures.name and not is_plain(column.type)
    }
    return [f"columns passed over, as they hold no plain values: {', '.join(sorted(odd))}."] if odd else []
