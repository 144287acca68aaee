"""What a catalogue holds, as a table for people and as a hash for runs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from modiste.data.stores import read_photo
from modiste.records.catalogue import TEST, TRAIN, VALIDATION, Catalogue, Photo
from modiste.records.plain import fingerprint
from modiste.records.table import Cell, Table

IN_ORDER = (TRAIN, VALIDATION, TEST)


def describe(catalogue: Catalogue) -> Table:
    """Photos of each class and split, with sums; classes without photos are shown too."""
    splits = sorted({photo.split for photo in catalogue.photos}, key=lambda name: (IN_ORDER.index(name) if name in IN_ORDER else 9, name))
    found = Counter((photo.label, photo.split) for photo in catalogue.photos)
    labels: list[int | None] = [*range(len(catalogue.classes))]
    if any(photo.label is None for photo in catalogue.photos):
        labels.append(None)
    rows = [
        counted("no label" if label is None else catalogue.classes.names[label], [found[label, name] for name in splits])
        for label in labels
    ]
    sums = counted("all", [sum(found[label, name] for label in labels) for name in splits])
    columns = ("class", *(name or "no split" for name in splits), "all")
    suggested = sum(photo.label is None and photo.suggestion is not None for photo in catalogue.photos)
    note = f"{suggested:,} photos without a label have a suggested one; `modiste data convert --accept-suggestions` takes it."
    return Table(f"Photos in {catalogue.root.name or catalogue.root}", columns, (*rows, sums), (note,) if suggested else ())


def counted(name: str, counts: list[int]) -> tuple[Cell, ...]:
    return (name, *counts, sum(counts))


def data_hash(catalogue: Catalogue, progress: Callable[[int, int], None] | None = None) -> str:
    """64 hex digits that stand for the classes and each photo's path, label, split, product and bytes.

    The order of rows and the root's place change nothing. `progress` is told (photos read, photos in all).
    """
    photos = sorted(catalogue.photos, key=lambda photo: photo.path)

    def digest_of(photo: Photo) -> str:
        return hashlib.sha256(read_photo(catalogue.root, photo.path)).hexdigest()

    rows = []
    with ThreadPoolExecutor(8) as pool:
        for photo, digest in zip(photos, pool.map(digest_of, photos), strict=True):
            path = photo.path.encode("utf-8", "surrogateescape").hex()  # a name may hold bytes that are not UTF-8
            rows.append([path, photo.label, photo.split, photo.product, digest])
            if progress:
                progress(len(rows), len(photos))
    return fingerprint([list(catalogue.classes.names), rows])
