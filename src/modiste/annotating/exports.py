"""What was decided, for others: labels to learn from, a catalogue in any layout, and the paper's files under the paper's names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from modiste.annotating.decisions import Decision
from modiste.annotating.standing import Standing
from modiste.data.layouts.labels_csv import label_lines, write_labels
from modiste.data.layouts.names import is_picture
from modiste.data.layouts.placing import place, start, whole
from modiste.data.layouts.rows import csv_bytes, escaped
from modiste.records.catalogue import TEST, Catalogue, Photo
from modiste.records.disk import write_bytes
from modiste.records.errors import ModisteError
from modiste.records.own import refuse_inside
from modiste.records.progress import Tell, following, silent

COLUMNS = ("photo", "right_label", "split", "who", "at")  # `modiste train --from` reads the first three


@dataclass(frozen=True)
class RightLabel:
    """A settled label, who said it last, and when."""

    photo: str
    label: str
    who: str
    at: str


def right_labels(standing: Standing) -> list[RightLabel]:
    """All settled labels, by path; photos that are in conflict, unsure or bad have none."""
    found = [(photo, settling(standing, photo)) for photo in sorted(standing.photos())]
    return [RightLabel(photo, one.label, one.who, one.at) for photo, one in found if one is not None and one.label is not None]


def settling(standing: Standing, photo: str) -> Decision | None:
    """The decision that settles a photo's label: its adjudication, else the newest of those that agree."""
    label, judged = standing.settled(photo), standing.adjudicated(photo)
    if judged is not None:
        return judged if label is not None else None
    return max((one for one in standing.of(photo).values() if label == one.label is not None), key=lambda one: one.at, default=None)


def right_csv(standing: Standing, photos: Iterable[str] = (), sample: Collection[str] = ()) -> bytes:
    """Settled labels as CSV, for `modiste train --from` and for people. `photos` are all there are: what is gone would have all refused.

    Photos of the random `sample` are of split test: they judge what is learnt, and nothing learns from them.
    """
    there, rows = set(photos), right_labels(standing)
    rows = [row for row in rows if row.photo in there] if there else rows
    paths = there or {row.photo for row in rows}  # so that no path means two of them
    cells = [(named(row.photo, paths), row.label, TEST if row.photo in sample else "", row.who, row.at) for row in rows]
    return csv_bytes([COLUMNS, *(list(map(escaped, line)) for line in cells)])


def named(path: str, paths: set[str]) -> str:
    """A path as a table names it: readers look below images/ first, and './' says that it is not meant.

    >>> named("1.jpg", {"1.jpg"}), named("1.jpg", {"1.jpg", "images/1.jpg"})
    ('1.jpg', './1.jpg')
    """
    return f"./{path}" if f"images/{path}" in paths else path


def labelled(standing: Standing, catalogue: Catalogue) -> Catalogue:
    """A catalogue with its photos' settled labels, ready for any of modiste.data's WRITERS; photos without one are left out."""
    photos = []
    for photo in catalogue.photos:
        label = standing.settled(photo.path)
        if label is not None:
            photos.append(replace(photo, label=catalogue.classes.code(label)))
    if not photos:
        raise ModisteError(f"no photo of {catalogue.root} has a settled label yet, so there is nothing to export. Label some first.")
    return catalogue.with_photos(photos)


def write_as_paper(standing: Standing, catalogue: Catalogue, to: Path, *, copy: bool = True, tell: Tell = silent) -> Path:
    """labels.csv as the paper has it, and the labelled photos under names like 20250412_LAT_Clothing_1.jpg, in a new folder.

    names.csv says which photo became which. The folder is there when all of it is, and not before.
    """
    refuse_inside(to, catalogue.root)
    some = labelled(standing, catalogue)
    names = paper_names(standing, some)
    renamed = some.with_photos(replace(photo, path=f"images/{name}") for photo, name in zip(some.photos, names, strict=True))
    lines = label_lines(renamed)
    with whole(to) as beside:
        start(beside)
        for photo, name in following(list(zip(some.photos, names, strict=True)), tell, "writing"):
            place(catalogue, photo, beside / "images" / name, copy)
        rows = [[name, escaped(photo.path)] for photo, name in zip(some.photos, names, strict=True)]
        write_bytes(beside / "names.csv", csv_bytes([["Image_Name", "photo"], *rows]))
        write_labels(lines, catalogue.classes, beside)
    return to


def paper_names(standing: Standing, catalogue: Catalogue) -> list[str]:
    """A name for each labelled photo: the day it was labelled, its source (or who labelled it), its class, a number within the class."""
    numbers: Counter[str] = Counter()
    names = []
    for photo in catalogue.photos:
        one = settling(standing, photo.path)
        if one is None or one.label is None:
            raise ValueError(f"{photo.path} is not settled")
        label = word(one.label) or "class"
        numbers[label.casefold()] += 1
        names.append(
            f"{one.at[:10].replace('-', '')}_{word(photo.source) or initials(one.who)}_{label}_{numbers[label.casefold()]}{suffix(photo)}"
        )
    return names


def initials(who: str) -> str:
    """The first letters of a name.

    >>> initials("Ada Lovelace"), initials("ada"), initials("!")
    ('AL', 'ADA', 'X')
    """
    words = re.findall(r"[^\W_]+", who)
    return ("".join(one[0] for one in words) if len(words) > 1 else "".join(words)[:3]).upper() or "X"


def word(text: str) -> str:
    """Text as part of a file's name, at most 40 letters and digits.

    >>> word("T-shirts / Tops")
    'T-shirts-Tops'
    """
    return "-".join(re.findall(r"[^\W_]+", text))[:40]


def suffix(photo: Photo) -> str:
    return PurePosixPath(photo.path).suffix.lower() if is_picture(photo.path) else ".jpg"
