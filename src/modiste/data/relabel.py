"""Labels from another column of a catalogue: article type, colour, season, whatever its rows tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import ModisteError, unknown
from modiste.records.labels import Classes, folded


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
