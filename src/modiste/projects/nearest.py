"""Photos of a project that look alike: the features that were kept, searched as an index is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modiste.projects.guesses import Guesses
from modiste.searching.nearest import Group, grouped, similarities, unit

BLOCK = 8192  # photos that are multiplied at a time
Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Features:
    """What was kept of photos, as vectors of length 1, read as they are needed."""

    kept: Floats  # (M, F)

    def __len__(self) -> int:
        return len(self.kept)

    def blocks(self) -> Iterator[tuple[slice, Floats]]:
        for start in range(0, len(self.kept), BLOCK):
            rows = slice(start, start + BLOCK)
            yield rows, unit(self.kept[rows])

    def at(self, rows: Codes) -> Floats:
        return unit(self.kept[rows])


@dataclass(frozen=True)
class Near:
    """A photo that looks alike: its row, how much (cosine, in [-1, 1]), and the rows that show nearly the same."""

    row: int
    similarity: float
    copies: tuple[int, ...]


def near(found: Guesses, vector: Floats, k: int, label: int | None = None, but: Codes | None = None) -> list[Near]:
    """The k photos most similar to a vector (F,), copies under one; of those guessed `label` alone, without the kept answers `but`."""
    looked = found.looked
    features, heads = Features(looked.features[: len(looked.heads)]), looked.heads
    scores = similarities(features, unit(vector))
    out = heads < 0
    if label is not None:
        out |= found.labels[heads] != label
    if but is not None:
        out[but] = True
    scores[out] = -np.inf
    return [of(found, group, scores) for group in grouped(features, scores, looked.shas[heads], k)]


def of(found: Guesses, group: Group, scores: Floats) -> Near:
    """A result in rows of photos: a kept answer may be that of several."""
    looked = found.looked
    rows = [row for place in (group.row, *group.copies) for row in looked.copies.get(place, [int(looked.heads[place])])]
    return Near(rows[0], float(scores[group.row]), tuple(rows[1:]))
