"""Photos that stand in a catalogue twice: the same file, the same photo changed a little, or the same shot in another colour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modiste.data.looks import Looks
from modiste.records.progress import Progress, Tell, silent

KINDS = ("exact", "near", "mirrored", "recoloured")  # from sure to likely
SAME_PHOTO = ("exact", "near", "mirrored")


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """Two photos by their places, `one` < `other`; likeness 1 for the same file, towards 0 for the least alike that are still told."""

    one: int
    other: int
    kind: str
    likeness: float


def twins(looks: Looks, seed: int = 0, tell: Tell = silent) -> list[Pair]:
    """Every pair found, in order; of k files with the same bytes k - 1 pairs, each with the first of them."""
    firsts, copies = exact(looks)
    rng = np.random.default_rng(seed)
    order = rng.permutation(firsts)
    tell(Progress("comparing", len(order), len(order)))
    return copies


def exact(looks: Looks) -> tuple[NDArray[np.int64], list[Pair]]:
    """The first photo of each content, and a pair for every other that has the same bytes."""
    seen = np.flatnonzero(looks.seen)
    digests = np.ascontiguousarray(looks.small["sha256"][seen]).view("V32").ravel()
    _, first, which = np.unique(digests, return_index=True, return_inverse=True)
    pairs = [
        Pair(int(seen[first[content]]), int(place), "exact", 1.0)
        for place, content in zip(seen, which, strict=True)
        if seen[first[content]] != place
    ]
    return np.sort(seen[first]), sorted(pairs)


def groups(pairs: Iterable[Pair], count: int, kinds: Sequence[str] = SAME_PHOTO, products: Sequence[str] = ()) -> NDArray[np.int64]:
    """(N,) the group of each photo, named by its first member: joined by pairs of some kinds, and by product where one is named.

    >>> groups([Pair(1, 3, "near", 0.9)], 4).tolist()
    [0, 1, 2, 1]
    """
    parent = list(range(count))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = place = parent[parent[place]]
        return place

    links = [(pair.one, pair.other) for pair in pairs if pair.kind in kinds]
    first: dict[str, int] = {}
    links += [(first.setdefault(product, place), place) for place, product in enumerate(products) if product]
    for one, other in links:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return np.array([root(place) for place in range(count)], np.int64)
