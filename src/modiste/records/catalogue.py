"""A catalogue: rows of photos, each with what is known of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from modiste.records.errors import ModisteError
from modiste.records.labels import Classes

TRAIN, VALIDATION, TEST = "train", "validation", "test"
TWIN_GROUP = "twin_group"  # a column of ours: photos with the same word there show the same picture, and stay in one split


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A label that nobody has confirmed, and what proposed it (a taxonomy line, a model)."""

    label: int
    by: str


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo: its path under the catalogue's root ('/' between folders), its class code or None, and the rest of its row."""

    path: str
    label: int | None = None
    suggestion: Suggestion | None = None
    product: str = ""
    source: str = ""
    split: str = ""
    details: Mapping[str, str] = field(default_factory=dict)  # every other column, as it was written

    @property
    def twin_group(self) -> str:
        """What its twins share; '' where it has none that are known."""
        return self.details.get(TWIN_GROUP, "")


@dataclass(frozen=True)
class Catalogue:
    """Photos under one root, and the classes their codes mean.

    Checked when made: no path twice, every label a code of `classes`. The root is a folder, or a zip, tar or parquet file.
    """

    root: Path
    classes: Classes
    photos: tuple[Photo, ...]
    notes: tuple[str, ...] = ()  # what a reader passed over or mended, in words

    def __post_init__(self) -> None:
        twice = [path for path, count in Counter(photo.path for photo in self.photos).items() if count > 1]
        if twice:
            raise ModisteError(f"{self.root}: {len(twice)} photos stand there twice, the first is '{twice[0]}'.")
        for photo in self.photos:
            if photo.label is not None and not 0 <= photo.label < len(self.classes):
                raise ModisteError(f"{photo.path}: label {photo.label} is none of {self.classes}.")

    def __len__(self) -> int:
        return len(self.photos)

    def __repr__(self) -> str:
        return f"<Catalogue of {len(self):,} photos in {str(self.root)!r}: {', '.join(self.classes.names)}>"

    def with_photos(self, photos: Iterable[Photo]) -> Catalogue:
        """The same catalogue with other photos."""
        return replace(self, photos=tuple(photos))

    def split(self, name: str) -> Catalogue:
        """The labelled photos of one split, in their order."""
        return self.with_photos(photo for photo in self.photos if photo.split == name and photo.label is not None)

    def labels(self) -> list[int]:
        """The codes of all photos; a `ModisteError` names the first that has none."""
        codes = [photo.label for photo in self.photos if photo.label is not None]
        if len(codes) < len(self.photos):
            bare = next(photo for photo in self.photos if photo.label is None)
            raise ModisteError(f"{bare.path} has no label. Label it or leave it out (split 'train' and 'test' need labels).")
        return codes

    def counts(self) -> list[int]:
        """Photos of each class, in the order of the codes; photos without a label are not counted."""
        found = Counter(photo.label for photo in self.photos)
        return [found[code] for code in range(len(self.classes))]
