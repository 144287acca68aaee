"""Labels from another column of a catalogue: article type, colour, season, whatever its rows tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from modiste.data.layouts.cells import snake
from modiste.data.layouts.declared import Undeclared
from modiste.data.layouts.products import LABELS
from modiste.data.layouts.readers import detect, innermost, read
from modiste.data.layouts.sources import read_in_words
from modiste.data.opening.stores import open_store
from modiste.data.suggest import Taxonomy
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import BadRows, ModisteError, unknown
from modiste.records.labels import Classes, folded


def read_labelled_by(
    where: Path,
    format: str | None,  # noqa: A002  (the word users know)
    column: str,
    classes: Classes | None = None,
    taxonomy: Taxonomy | None = None,
) -> Catalogue:
    """The photos at a place, labelled by a column of their rows, whether or not the classes of their own labels were declared.

    The column of their own labels is such a column too; codes stay what they are until their classes are declared.
    """
    found, undeclared = readable(where, format, taxonomy)
    is_own = snake(column) in LABELS and not any(column in photo.details for photo in found.photos) and has_columns(where, format)
    if not is_own:
        return labelled_by(found, column, classes)
    if classes is not None:
        return read(where, format, classes, taxonomy)
    if undeclared is not None and undeclared.coded:
        raise undeclared
    return by_own_labels(found)


def readable(where: Path, format: str | None, taxonomy: Taxonomy | None) -> tuple[Catalogue, Undeclared | None]:  # noqa: A002
    """The catalogue at a place, whatever its own labels say; where nobody declared its classes, with the error that says so."""
    try:
        return read_in_words(where, format, taxonomy)
    except BadRows:
        return read(where, format, None, taxonomy), None  # which says what is wrong with it as it stands


def has_columns(where: Path, format: str | None) -> bool:  # noqa: A002
    """Whether labels stand in a column, and not in the names of folders."""
    return (format or detect(innermost(open_store(where.expanduser())))) != "folders"


def by_own_labels(catalogue: Catalogue) -> Catalogue:
    """The same photos, their classes those alone that they are labelled with, in alphabetical order."""
    names = [None if photo.label is None else catalogue.classes.names[photo.label] for photo in catalogue.photos]
    found = classes_among(name for name in names if name is not None)
    photos = (
        replace(photo, label=None if name is None else found.code(name), suggestion=None)
        for photo, name in zip(catalogue.photos, names, strict=True)
    )
    return replace(catalogue, classes=found, photos=tuple(photos))


def labelled_by(catalogue: Catalogue, column: str, classes: Classes | None = None) -> Catalogue:
    """The same photos, labelled by one of the other columns of their rows; those without a value there have no label.

    The classes are the column's values in alphabetical order, unless they are declared. Values that differ in capitals alone are one.
    """
    columns = Counter(name for photo in catalogue.photos for name in photo.details)
    if column not in columns:
        raise unknown("column", column, columns) if columns else ModisteError(f"{catalogue.root}: its rows have no further columns.")
    found = classes or classes_among(photo.details.get(column, "").strip() for photo in catalogue.photos)

    def relabelled(photo: Photo) -> Photo:
        value = photo.details.get(column, "").strip()
        label = found.find(value)
        if value and label is None:
            raise ModisteError(f"{catalogue.root}: '{photo.path}' has '{value}' in {column}, which is none of {found}.")
        return replace(photo, label=label, suggestion=None)

    return replace(catalogue, classes=found, photos=tuple(map(relabelled, catalogue.photos)))


def classes_among(values: Iterable[str]) -> Classes:
    """Values as classes in alphabetical order, each in its commonest spelling; empty ones are none."""
    spelt: dict[str, Counter[str]] = {}
    for value in values:
        if value:
            spelt.setdefault(folded(value), Counter())[value] += 1
    return Classes(tuple(sorted(spellings.most_common(1)[0][0] for spellings in spelt.values())))
