"""What people should look at, the worst first: a list to fill in, and a page of photos, beside the table."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from modiste import __version__
from modiste.data.layouts.sources import Source
from modiste.data.opening.thumbnails import thumbnails
from modiste.evaluation.pages.labels_page import Gallery, Group, Shot, labels_page
from modiste.labelling.book import Listed, Listing
from modiste.labelling.files import write_rows
from modiste.labelling.rows import STRANGE, Row, Value
from modiste.labelling.tally import Tally, why
from modiste.records.disk import write_text
from modiste.records.errors import ModisteError
from modiste.records.labels import Classes
from modiste.records.own import BOM, is_page, refuse_others
from modiste.records.progress import Tell
from modiste.serving.deciding import AUTO, REJECT, REVIEW

DISAGREE = "disagrees"
RIGHT = "right_label"  # left for people to fill in
COLUMNS = ("photo", "why", "label", "confidence", "second", "margin", "text_label", RIGHT)
QUERIES = {  # what people should look at, in this order -> which photos, and in which order
    DISAGREE: ("disagrees", "margin DESC"),
    REVIEW: (f"decision = '{REVIEW}' AND NOT disagrees", "margin"),
    REJECT: (f"decision = '{REJECT}'", "reason"),
}
SHARES = {DISAGREE: 0.3, REVIEW: 0.35, REJECT: 0.15, AUTO: 0.2}  # of the photos on a page
RowAt = Callable[[Listed], Row]


def list_path(output: Path) -> Path:
    """Where the list of what to review stands: labels.review.csv beside labels.csv."""
    return output.with_name(f"{output.stem}.review.csv")


def page_path(output: Path) -> Path:
    """Where the page stands: labels.html beside labels.csv."""
    return output.with_name(f"{output.stem}.html")


def check_beside(output: Path) -> None:
    """Refuse to write over a list or a page of somebody else's, and over a list that people wrote into."""
    check_list(list_path(output))
    refuse_others(page_path(output), lambda path: is_page(path, "Labels of "), "modiste label")


def check_list(path: Path) -> None:
    """Refuse to write over what is no list, and over what people wrote into one or added a column to."""
    refuse_others(path, is_list, "modiste label")
    refuse_filled(path)


def is_list(path: Path) -> bool:
    """Whether a file has a list's columns and no more: a column more is people's work."""
    with path.open("rb") as file:
        return file.readline().removeprefix(BOM).strip() == ",".join(COLUMNS).encode()


def refuse_filled(path: Path) -> None:
    """Refuse to write over what people wrote into a list: nobody else knows it."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        try:
            many = sum(bool((row.get(RIGHT) or "").strip()) for row in csv.DictReader(file))
        except csv.Error as error:
            raise ModisteError(
                f"{path} cannot be read ({error}), and may hold right labels: move it away or give another --output."
            ) from error
    if many:
        raise ModisteError(
            f"{path}: people wrote {many:,} right labels into it, which are not written over. Learn from them with `modiste train --from`, "
            "and move it away or give another --output."
        )


def write_list(output: Path, part: Path, listing: Listing, row_at: RowAt, classes: Classes) -> Path:
    """All photos that are not settled, one line each: where source and network disagree, the surest first; then the least sure; then
    the rejected. `right_label` is left for people to fill in.
    """

    def lines() -> Iterator[Sequence[Value]]:
        for kind, (which, order) in QUERIES.items():
            for place in listing.places(which, order):
                yield line_of(row_at(listing.at(place)), kind, classes)

    check_list(list_path(output))  # people may have been at it while photos were labelled
    return write_rows(list_path(output), part, COLUMNS, lines())


def line_of(row: Row, kind: str, classes: Classes) -> tuple[Value, ...]:
    second = called(row, classes)[1:2]
    own = None if row.listed.own is None else classes.names[row.listed.own]
    label = None if row.label is None else classes.names[row.label]
    confidence = None if row.label is None else row.probabilities[row.label]
    margin = row.margin if row.probabilities else None
    why = DISAGREE if kind == DISAGREE else row.reason
    return row.listed.photo, why, label, confidence, second[0][0] if second else None, margin, own, None


def called(row: Row, classes: Classes) -> list[tuple[str, float]]:
    """The classes with their probabilities, the most probable first."""
    return sorted(zip(classes.names, row.probabilities, strict=False), key=lambda pair: -pair[1])


def write_page(
    output: Path,
    source: Source,
    listing: Listing,
    row_at: RowAt,
    classes: Classes,
    tally: Tally,
    summary: Sequence[str],
    most: int,
    circumstances: Mapping[str, str],
    tell: Tell,
) -> Path:
    """A page of at most so many photos: disagreements, then the least sure, then the rejected, then some of the automatic, a class."""
    picked = picks(listing, classes, most)
    rows = {place: row_at(listing.at(place)) for places in picked.values() for place in places}
    paths = sorted({row.listed.path for row in rows.values() if row.probabilities or row.reason == STRANGE})
    pictures = thumbnails(source.root, paths, tell=tell)
    gallery = galleries(picked, rows, pictures, tally, classes)
    title = f"Labels of {source.where.resolve().name or source.where}"
    return write_text(page_path(output), labels_page(title, summary, tally.table(classes.names), gallery, circumstances))


def picks(listing: Listing, classes: Classes, most: int) -> dict[tuple[str, str], list[int]]:
    """Which photos are shown, by what they are for and by reason or class; room that one kind leaves goes to the next."""
    picked: dict[tuple[str, str], list[int]] = {}
    room = 0.0
    for kind, (which, order) in QUERIES.items():
        room += most * SHARES[kind]
        places = list(listing.places(which, order, int(room)))
        room -= len(places)
        picked[kind, ""] = places
    each = int((room + most * SHARES[AUTO]) // len(classes))
    for code, name in enumerate(classes.names):
        some = f"decision = '{AUTO}' AND NOT disagrees AND label = {code}"
        picked[AUTO, name] = list(listing.places(some, "(place * 2654435761) % 4294967296", each))  # scattered, the same each time
    return picked


def galleries(
    picked: Mapping[tuple[str, str], Sequence[int]],
    rows: Mapping[int, Row],
    pictures: Mapping[str, bytes],
    tally: Tally,
    classes: Classes,
) -> Gallery:
    """The sections of a page and their groups."""

    def shots(places: Sequence[int], most_classes: int = 2) -> list[Shot]:
        return [shot_of(rows[place], pictures, classes, most_classes) for place in places]

    def group(heading: str, total: int, places: Sequence[int], words: str = "", most_classes: int = 2) -> list[Group]:
        return [Group(heading, total, shots(places, most_classes), words)] if total else []

    rejected = picked[REJECT, ""]
    return {
        "Called otherwise than their source says": group("", tally.disagree, picked[DISAGREE, ""], HOW[DISAGREE]),
        "To review": group("", tally.review, picked[REVIEW, ""], HOW[REVIEW]),
        "Rejected": [
            one
            for reason, total in tally.rejected.most_common()
            for one in group(reason.replace("_", " "), total, [place for place in rejected if rows[place].reason == reason], why(reason))
        ],
        "Labelled automatically, nothing against it": [
            one for code, name in enumerate(classes.names) for one in group(name, tally.automatic[code], picked[AUTO, name], most_classes=1)
        ],
    }


def shot_of(row: Row, pictures: Mapping[str, bytes], classes: Classes, most_classes: int) -> Shot:
    own = classes.names[row.listed.own] if row.agrees is False and row.listed.own is not None else ""
    return Shot(row.listed.photo, pictures.get(row.listed.path), called(row, classes)[:most_classes], own)


def circumstances_of(source: Source, model: str, precision: float, seconds: float, command: Sequence[str]) -> dict[str, str]:
    """What made the result."""
    return {
        "Photos": str(source.where),
        "Network": model,
        "Precision asked for": f"{precision:g}",
        "Command": shlex.join(command) or "modiste.labelling",
        "Date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Time": f"{seconds:.0f} s",
        "Version": f"modiste {__version__}",
    }


HOW = {
    DISAGREE: "A title, product type, folder or label speaks of another class. The surest calls first: there the source is often wrong.",
    REVIEW: "The least sure first.",
}
