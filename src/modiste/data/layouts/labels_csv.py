"""labels.csv and classes.txt: the two files that make a folder of photos a catalogue."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence, Set
from pathlib import Path

from modiste.data.layouts.declared import write_classes
from modiste.data.layouts.placing import checked_split
from modiste.data.layouts.rows import COLUMNS, csv_bytes, escaped
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.disk import write_bytes
from modiste.records.errors import ModisteError
from modiste.records.labels import Classes

HEADER = ("Image_Name", "Label", "Attribute", "split", "source", "product_id", "suggested_label", "suggested_by")


def write_labels(lines: Sequence[Sequence[str]], classes: Classes, to: Path) -> Path:
    """Write the two files that make a folder of photos a catalogue: classes.txt, then labels.csv."""
    write_classes(to, classes)
    write_bytes(to / "labels.csv", csv_bytes(lines))
    return to


def label_lines(catalogue: Catalogue, named: Callable[[str, Set[str]], str] | None = None) -> list[list[str]]:
    """The header and rows of labels.csv: the paper's three columns, ours, then the details'."""
    details = detail_names(catalogue, COLUMNS, but="Attribute")
    named, paths = named or image_name, {photo.path for photo in catalogue.photos}
    rows = [label_row(photo, catalogue.classes, details, named(photo.path, paths)) for photo in catalogue.photos]
    return [[*HEADER, *map(escaped, details)], *rows]


def detail_names(catalogue: Catalogue, taken: Collection[str], but: str | None = None) -> list[str]:
    """The details that any photo has, in order; one whose name means something else to a reader is refused."""
    names = [key for key in dict.fromkeys(key for photo in catalogue.photos for key in photo.details) if key != but]
    wrong = [key for key in names if not key or key.strip().casefold() in taken]
    if wrong:
        raise ModisteError(f"details must not be called '{wrong[0]}': that column means something else. Rename it.")
    return names


def label_row(photo: Photo, classes: Classes, details: Sequence[str], name: str) -> list[str]:
    attribute = photo.details.get("Attribute", "") if photo.label is None else classes.names[photo.label]
    if photo.label is None and classes.find(attribute) is not None:
        attribute = ""  # the class it once had: a reader would refuse -1 beside it
    label = "-1" if photo.label is None else str(photo.label)
    suggested = ("", "") if photo.suggestion is None else (str(photo.suggestion.label), photo.suggestion.by)
    texts = [attribute, checked_split(photo), photo.source, photo.product, *suggested, *(photo.details.get(key, "") for key in details)]
    return [escaped(name), label, *map(escaped, texts)]


def image_name(path: str, paths: Set[str]) -> str:
    """How labels.csv names a path: images/ goes without saying; './' says that it is not meant.

    >>> image_name("images/1.jpg", {"images/1.jpg"}), image_name("1.jpg", {"1.jpg", "images/1.jpg"})
    ('1.jpg', './1.jpg')
    """
    if path.startswith("images/"):
        return path.removeprefix("images/")
    return f"./{path}" if f"images/{path}" in paths else path
