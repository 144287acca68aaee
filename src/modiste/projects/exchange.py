"""Labels that come from elsewhere, labels to take along, and how far people agree."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from modiste.annotating.agreement import agreements
from modiste.annotating.exports import labelled, right_csv, write_as_paper
from modiste.annotating.imports import imported
from modiste.data.layouts.declared import Undeclared
from modiste.data.layouts.products import LABELS, SURE
from modiste.data.layouts.readers import READERS, fitting, innermost
from modiste.data.layouts.tables import TABLES
from modiste.data.layouts.writers import WRITERS, write
from modiste.data.opening.containers import Names
from modiste.data.opening.stores import Store, open_store
from modiste.learning.labels import RIGHT, labels_in
from modiste.projects.studio import Studio
from modiste.projects.views import shown
from modiste.records.catalogue import TEST, TRAIN, Catalogue, Photo
from modiste.records.errors import BadRows, ModisteError, unknown
from modiste.records.labels import Classes
from modiste.records.progress import Tell, silent

Plain = dict[str, Any]
Exported = tuple[str, str, bytes]  # the file's name, its kind, its content


def right_labels(studio: Studio) -> Exported:
    """A table that `modiste train --from` reads; it does not learn from photos of the honest sample either."""
    photos = studio.whole("Take the labels along").by_path
    return "labels.csv", "text/csv", right_csv(studio.standing, photos, studio.sample)


def log(studio: Studio) -> Exported:
    """Everything that was said and taken back, in order, an object a line."""
    lines = [json.dumps(asdict(one), ensure_ascii=True) for one in studio.ledger.log.each()]
    return "decisions.jsonl", "application/x-ndjson", "".join(f"{line}\n" for line in lines).encode()


DOWNLOADS: dict[str, Callable[[Studio], Exported]] = {"labels.csv": right_labels, "log": log}
WALK_SECONDS = 30.0  # that the folders below a place are looked through for labels
NAMED = "paper-names"  # the paper's files under the paper's names


def download(studio: Studio, format: str) -> Exported:  # noqa: A002  (the word users know)
    """The labels of now as a file."""
    if format not in DOWNLOADS:
        raise unknown("file to download", format, DOWNLOADS)
    return DOWNLOADS[format](studio)


def written_out(studio: Studio, format: str, tell: Tell = silent) -> Path:  # noqa: A002
    """The labelled photos as a folder in the project's exports, in a layout modiste writes; photos are hard links if the disk allows.

    Where photos of the honest sample are labelled, those are of split test and all others of train.
    """
    if format not in (NAMED, *WRITERS):
        raise unknown("format to write", format, (NAMED, *WRITERS))
    found = studio.whole("Write the folder")
    photos = tuple(Photo(one.path, product=one.product) for one in found.looked.photos)
    catalogue = labelled(studio.standing, Catalogue(studio.source.root, studio.classes, photos))
    if any(studio.is_sample(photo.path) for photo in catalogue.photos):
        catalogue = catalogue.with_photos(
            replace(photo, split=TEST if studio.is_sample(photo.path) else TRAIN) for photo in catalogue.photos
        )
    to = studio.project.folder / "exports" / f"{format}-{time.strftime('%Y%m%d-%H%M%S')}"
    to.parent.mkdir(exist_ok=True)
    if format == NAMED:
        return write_as_paper(studio.standing, catalogue, to, copy=False, tell=tell)
    return write(catalogue, to, format, copy=False, tell=tell)


def taken_in(studio: Studio, path: str | None, who: str) -> Plain:
    """Labels of a file or folder on this machine, in any layout modiste reads, as decisions of whoever asks; paths say which photos."""
    if path is None:
        raise ModisteError("name a file or folder with labels: its path on this machine.")
    place = Path(path)
    with suppress(RuntimeError):  # there is nobody of the name behind the ~
        place = place.expanduser()
    there = False
    with suppress(OSError):  # in a folder that the system keeps shut
        there = place.exists()
    if not there:
        raise ModisteError(f"{place} is not there. Give the full path of a file or folder with labels.")
    return taken(studio, labels_in(place, studio.classes) or labels_at(place, studio.classes), shown(str(place)), who)


def labels_at(place: Path, own: Classes) -> Catalogue:
    """Labels in any layout; words whose classes nobody declared are names of `own` classes, codes are never guessed.

    Of a file that is none with labels nothing is said but that: whoever asks may not be who may read it.
    """
    store = in_time(innermost(open_store(place)))
    layout = fitting(store)
    if layout in (None, "photos"):
        raise ModisteError(f"{place} holds no labels in a layout that modiste reads: `modiste data formats` lists them all.")
    read = READERS[str(layout)].read
    try:
        return read(store, None, None)
    except Undeclared as error:
        if error.coded:
            raise
    except BadRows as error:  # may be words of classes beside the paper's four
        with suppress(ModisteError):
            return read(store, own, None)
        raise error from None
    return read(store, own, None)


def in_time(store: Store) -> Store:
    """The store, whose folders are listed for so long alone: somebody waits, and what lies below '/' has no end."""
    until = time.monotonic() + WALK_SECONDS

    def scan(folder: str) -> Names:
        if time.monotonic() > until:
            raise ModisteError(f"{store.where} was not gone through within {WALK_SECONDS:.0f} s. Name the file or folder of labels itself.")
        return store.scan(folder)

    return replace(store, scan=scan)


def sent_in(studio: Studio, name: str, data: bytes, who: str, paths: bool) -> Plain:
    """The same of a table that was sent, under the name it had; `paths` of this machine may be given instead, or not."""
    kind = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    if kind not in TABLES:
        instead = ", or give the path of a folder or an archive" if paths else ""
        raise ModisteError(f"{name} is no table: send a file of {', '.join(TABLES)}{instead}.")
    with TemporaryDirectory(prefix="modiste-") as folder:
        file = Path(folder) / f"labels{kind}"
        file.write_bytes(data)
        try:
            found = labels_in(file, studio.classes)
        except ModisteError as error:
            raise ModisteError(str(error).replace(str(file), name)) from None
    if found is None:
        names, labels = ", ".join(SURE), ", ".join((RIGHT, *LABELS))
        raise ModisteError(f"{name} has no column that names photos ({names}) beside one of labels ({labels}).")
    return taken(studio, found, name, who)


def taken(studio: Studio, labels: Catalogue, name: str, who: str) -> Plain:
    """Labels as decisions of whoever asks, on the disk."""
    found = studio.whole("Take the labels in")
    try:
        made = imported(labels, who, found.by_path, studio.classes, studio.standing, found.copies_of)
    except ModisteError as error:
        raise ModisteError(f"{name}: {shown(str(error))}") from None
    if made.unknown and not (made.decisions or made.same):
        raise ModisteError(f"{name} labels {len(made.unknown):,} photos, none of which is in this project: '{shown(made.unknown[0])}'.")
    studio.take(made.decisions)
    told = [
        (made.same, "was said before", "were said before"),
        (len(made.unknown), "is of a photo that is not in this project", "are of photos that are not in this project"),
    ]
    rest = [f"{many:,} {one if many == 1 else more}." for many, one, more in told if many]
    words = [f"{made.taken:,} {'label was' if made.taken == 1 else 'labels were'} taken in.", *rest]
    return {"taken": made.taken, "same": made.same, "unknown": len(made.unknown), "words": " ".join(words)}


def agreement(studio: Studio) -> Plain:
    """How far each two people agree, and how many photos they contradict one another on."""
    pairs = [
        {"a": one.a, "b": one.b, "photos": one.photos, "agree": one.agree, "words": one.words, **asdict(one.kappa)}
        for one in agreements(studio.standing)
    ]
    return {"pairs": pairs, "conflicts": len(studio.standing.conflicts())}
