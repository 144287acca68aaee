"""What a catalogue holds, as a table for people and as a hash for runs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.stores import read_photo
from modiste.data.opening.threads import in_threads
from modiste.records.catalogue import TEST, TRAIN, VALIDATION, Catalogue, Photo
from modiste.records.plain import fingerprint
from modiste.records.table import Cell, Table
from modiste.records.words import counted

IN_ORDER = (TRAIN, VALIDATION, TEST)
ABREAST = 8  # classes that stand side by side; more of them stand below one another
READ_AT_ONCE = 8  # photos


def describe(catalogue: Catalogue) -> Table:
    """Photos of each class and split, with sums; classes without photos are shown too."""
    splits = in_order({photo.split for photo in catalogue.photos})
    found = Counter((photo.label, photo.split) for photo in catalogue.photos)
    labels: list[int | None] = [*range(len(catalogue.classes))]
    if any(photo.label is None for photo in catalogue.photos):
        labels.append(None)
    waiting = Counter(photo.suggestion.label for photo in catalogue.photos if photo.label is None and photo.suggestion is not None)
    rows = [
        row_of("no label" if label is None else catalogue.classes.names[label], [found[label, name] for name in splits]) for label in labels
    ]
    rows.append(row_of("all", [sum(found[label, name] for label in labels) for name in splits]))
    columns: tuple[str, ...] = ("class", *(name or "no split" for name in splits), "all")
    notes = catalogue.notes
    if waiting:
        columns += ("suggested",)
        counts: list[int | None] = [*(waiting[label] for label in range(len(catalogue.classes))), None, waiting.total()]
        rows = [(*row, count) for row, count in zip(rows, counts, strict=True)]
        note = f"{waiting.total():,} photos without a label have a suggested one; `modiste data convert --accept-suggestions` takes it."
        notes = (note, *notes)
    return Table(f"Photos in {catalogue.root.name or catalogue.root}", columns, tuple(rows), notes)


def holdings(catalogue: Catalogue) -> Table:
    """What each split holds: photos, products, groups of twins, and each class's share of its labelled photos.

    A row a split, or, of more than ABREAST classes, a column a split.
    """
    rows: list[tuple[Cell, ...]] = []
    for name in in_order({photo.split for photo in catalogue.photos}):
        photos = [photo for photo in catalogue.photos if photo.split == name]
        labelled = [photo.label for photo in photos if photo.label is not None]
        shares = [labelled.count(code) / len(labelled) if labelled else None for code in range(len(catalogue.classes))]
        products, groups = ({found(photo) for photo in photos} - {""} for found in (product_of, group_of))
        rows.append((name or "no split", len(photos), len(labelled), len(products), len(groups), *shares))
    columns = ("split", "photos", "labelled", "products", "groups of twins", *(f"{name}, share" for name in catalogue.classes.names))
    bare = sum(photo.label is None for photo in catalogue.photos)
    notes = (f"{counted(bare, 'photo')} without a label went with their twins and views, or kept their split.",) if bare else ()
    if len(catalogue.classes) > ABREAST:
        head, *body = zip(columns, *rows, strict=True)
        columns, rows = tuple(map(str, head)), body
    return Table(f"What the splits of {catalogue.root.name or catalogue.root} hold", columns, tuple(rows), notes, digits=3)


def in_order(splits: Iterable[str]) -> list[str]:
    """Splits as they are shown: train, validation, test, then the others by name."""
    return sorted(splits, key=lambda name: (IN_ORDER.index(name) if name in IN_ORDER else 9, name))


def product_of(photo: Photo) -> str:
    return photo.product


def group_of(photo: Photo) -> str:
    return photo.twin_group


def row_of(name: str, counts: list[int]) -> tuple[Cell, ...]:
    return (name, *counts, sum(counts))


@dataclass(frozen=True)
class Contents:
    """What stands for photos: the SHA-256 of each one's bytes by path, and one hash of all with classes and rows, as `data_hash` says."""

    data_hash: str
    digests: Mapping[str, str]


def contents(catalogue: Catalogue, progress: Callable[[int, int], None] | None = None) -> Contents:
    """The contents of a catalogue, each photo read once; `progress` is told (photos read, photos in all)."""
    digests = []
    for digest in each_digest(catalogue, progress):
        if isinstance(digest, PhotoRefused):
            raise digest
        digests.append(digest)
    by_path = {photo.path: digest for photo, digest in zip(catalogue.photos, digests, strict=True)}
    return Contents(hash_of(catalogue, digests), by_path)


def data_hash(catalogue: Catalogue, progress: Callable[[int, int], None] | None = None) -> str:
    """64 hex digits that stand for the classes and each photo's path, label, split, product, twins and bytes.

    The order of rows and the root's place change nothing. `progress` is told (photos read, photos in all).
    """
    return contents(catalogue, progress).data_hash


def each_digest(catalogue: Catalogue, progress: Callable[[int, int], None] | None = None) -> Iterator[str | PhotoRefused]:
    """The SHA-256 of each photo's bytes in turn, or why it cannot be read."""

    def digest_of(photo: Photo) -> str | PhotoRefused:
        try:
            return hashlib.sha256(read_photo(catalogue.root, photo.path)).hexdigest()
        except PhotoRefused as refused:
            return refused

    for done, digest in enumerate(in_threads(digest_of, catalogue.photos, READ_AT_ONCE), 1):
        yield digest
        if progress:
            progress(done, len(catalogue))


def hash_of(catalogue: Catalogue, digests: Sequence[str]) -> str:
    """`data_hash` where the SHA-256 of each photo's bytes is known already ('' for a photo that cannot be read)."""
    rows = []
    for photo, digest in sorted(zip(catalogue.photos, digests, strict=True), key=lambda pair: pair[0].path):
        path = photo.path.encode("utf-8", "surrogateescape").hex()  # a name may hold bytes that are not UTF-8
        twins = [photo.twin_group] if photo.twin_group else []  # validation that is carved from train keeps them together
        rows.append([path, photo.label, photo.split, photo.product, digest, *twins])
    return fingerprint([list(catalogue.classes.names), rows])
