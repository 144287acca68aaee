"""An index of photos to search in: by a photo from anywhere, or by one of its own.

index = modiste.index("photos/")
for neighbour in index.search("street.jpg", k=5, label="Shoes"):
    print(neighbour.similarity, neighbour.path, neighbour.count)
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modiste.data.layouts.sources import Source, source_at
from modiste.data.opening.containers import is_packed
from modiste.data.opening.refusals import PhotoRefused
from modiste.records.errors import ModisteError, UsageError, unknown
from modiste.records.progress import Tell, silent
from modiste.searching.built import build, default_folder, identity
from modiste.searching.nearest import SAME, grouped, similarities, unit
from modiste.searching.stored import Stored, open_stored
from modiste.serving.labeller import Labeller, load
from modiste.serving.photos import Photo, pixels_of

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Neighbour:
    """A photo of an index that looks like the one that was asked for."""

    path: str  # under the source
    similarity: float  # cosine of the angle between features, 1 for the same photo
    label: str  # the class that the network calls it
    confidence: float  # the probability of that class, in [0, 1]
    copies: tuple[str, ...] = ()  # other photos of the source with the same bytes, or that show nearly the same

    @property
    def count(self) -> int:
        """How many photos stand under this result."""
        return 1 + len(self.copies)


@dataclass(frozen=True, eq=False)
class Asked:
    """A photo that was asked for: its vector, what it is called, and its row where it is one of the index."""

    name: str
    vector: Floats  # (F,), of length 1
    label: str
    confidence: float
    row: int | None = None


@dataclass(frozen=True, eq=False)
class Index:
    """Photos that were looked at once, and the network that looked."""

    stored: Stored
    root: Path  # under which the paths stand
    labeller: Labeller
    notes: tuple[str, ...] = ()
    scored: int = 0  # photos that the network was asked about when this was opened

    def __len__(self) -> int:
        return len(self.stored)

    def __repr__(self) -> str:
        return f"<Index of {len(self):,} photos in {str(self.stored.folder)!r}>"

    @property
    def refused(self) -> tuple[tuple[str, str], ...]:
        """Path and reason (a word of data.opening.refusals.REASONS) of the photos that are not in the index."""
        return self.stored.about.refused

    def search(self, photo: Photo, k: int = 12, label: str | None = None) -> list[Neighbour]:
        """The k photos most similar to one, the most similar first, copies under one; `label` leaves those alone that are called so.

        `photo` is a file, a path inside the source, the bytes of a file, a Pillow picture, or an array uint8 (H, W, 3). One of the
        source's own is left out of what is found; its copies are not.
        """
        return self.near(self.ask(photo), k, label)

    def ask(self, photo: Photo) -> Asked:
        """What is asked for: a file first, else a photo of the index by its path."""
        if isinstance(photo, str | os.PathLike) and (row := self.row_of(Path(photo))) is not None:
            return self.own(row)
        where = os.fspath(photo) if isinstance(photo, str | os.PathLike) else "the photo"
        answers = self.labeller.score(pixels_of(photo, self.labeller.pixels, where)[None])
        code = int(answers.called[0])
        return Asked(where, unit(answers.features[0]), self.labeller.classes.names[code], float(answers.confidence[0]))

    def own(self, row: int) -> Asked:
        """A photo of the index, asked for."""
        known = self.stored.rows[row]
        vector = self.stored.at(np.array([row]))[0]
        return Asked(self.stored.name(row), vector, self.stored.about.classes[known["label"]], float(known["confidence"]), row)

    def row_of(self, path: Path) -> int | None:
        """The row of a file of the source, of a path inside it, or of the end of one; refused where that photo could not be read."""
        if path.exists() or is_packed(path):
            real, root = path.resolve(), self.root.resolve()
            return self.stored.row(real.relative_to(root).as_posix()) if real.is_relative_to(root) else None
        name, unread = path.as_posix(), dict(self.refused)
        row = None if name in unread else self.stored.find(name)
        if row is None and (ending := name if name in unread else next((one for one in unread if one.endswith(f"/{name}")), "")):
            raise PhotoRefused(ending, unread[ending])
        return row

    def near(self, asked: Asked, k: int = 12, label: str | None = None) -> list[Neighbour]:
        """The results for what is asked for."""
        if k < 1:
            raise UsageError(f"k = {k}: must be 1 or more.")
        scores = similarities(self.stored, asked.vector)
        scores[self.left_out(asked, label)] = -np.inf
        groups = grouped(self.stored, scores, self.stored.rows["sha256"], k)
        return [self.neighbour(group.row, group.copies, float(scores[group.row])) for group in groups]

    def left_out(self, asked: Asked, label: str | None) -> NDArray[np.bool_]:
        """Which rows are not looked for, (N,)."""
        names = self.stored.about.classes
        if label is not None and label not in names:
            raise unknown("class", label, names)
        out = np.zeros(len(self), bool) if label is None else self.stored.rows["label"] != names.index(label)
        if asked.row is not None:
            out[asked.row] = True
        return out

    def neighbour(self, row: int, copies: tuple[int, ...], similarity: float) -> Neighbour:
        known, names = self.stored.rows[row], self.stored.about.classes
        others = tuple(self.stored.name(copy) for copy in copies)
        return Neighbour(self.stored.name(row), max(-1.0, min(1.0, similarity)), names[known["label"]], float(known["confidence"]), others)


def index(
    source: Path | str | Source,
    to: Path | str | None = None,
    *,
    model: Labeller | Path | str | None = None,
    as_it_is: bool = False,
    tell: Tell = silent,
) -> Index:
    """The index of a source's photos (a folder, an archive, a table, a catalogue), made or brought up to date in the folder `to`.

    Without `to` it stands beside the source, as photos.index beside photos. With `as_it_is` the one that stands there is opened and no
    photo of the source is looked at.
    """
    found = source if isinstance(source, Source) else source_at(Path(source), lenient=True)
    folder = default_folder(found.where) if to is None else Path(to)
    labeller = model if isinstance(model, Labeller) else load(model, threads=1)
    if not as_it_is:
        built = build(found, folder, labeller, tell)
        return Index(built.stored, found.root, labeller, built.notes, built.scored)
    return as_it_stands(folder, found.root, labeller)


def as_it_stands(folder: Path, root: Path, labeller: Labeller) -> Index:
    """The index in a folder, of photos under `root`, which are not looked at; refused where another network made it."""
    stored = open_stored(folder)
    if stored.about.identity != identity(labeller):
        raise ModisteError(
            f"{folder} was made with {stored.about.model} or other versions of what decodes, and this is {labeller.id}: their numbers "
            "cannot be compared. `modiste search --in` its photos builds it anew, or name that network with --model."
        )
    return Index(stored, root, labeller)


__all__ = ["SAME", "Index", "Neighbour", "index"]
