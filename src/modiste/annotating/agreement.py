"""Whether people who label agree: Cohen's kappa of each two with its interval."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from modiste.annotating.decisions import BAD, LABEL, UNSURE, Decision
from modiste.annotating.standing import Standing
from modiste.records.words import counted

Z = 1.959964  # for 95 %
FEW = 5  # disagreements: with fewer the large-sample variance says too little
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Kappa:
    """Cohen's kappa and its 95 % interval; 1: always of one mind, 0: as often as by chance. None where chance alone explains all."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Agreement:
    """Two people on the photos that both labelled, or called bad pictures; what either was unsure of is left out."""

    a: str
    b: str
    names: tuple[str, ...]
    table: tuple[tuple[int, ...], ...]  # row: what a said, column: what b said
    kappa: Kappa

    @property
    def photos(self) -> int:
        return sum(map(sum, self.table))

    @property
    def agree(self) -> int:
        return sum(row[place] for place, row in enumerate(self.table))

    @property
    def words(self) -> str:
        told = f"{self.a} and {self.b} agree on {self.agree} of {counted(self.photos, 'photo')}"
        if self.kappa.value is None:
            return f"{told}; both said the same of every photo, so kappa cannot be told"
        return f"{told}; kappa {self.kappa.value:.2f} ({self.kappa.low:.2f} to {self.kappa.high:.2f})"


def agreements(standing: Standing) -> list[Agreement]:
    """Each two people who have spoken of the same photos, those with the most photos first."""
    tables: dict[tuple[str, str], dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    for photo in standing.photos():
        said = {who: word_of(one) for who, one in standing.of(photo).items() if one.kind != UNSURE}
        for a, b in combinations(sorted(said), 2):
            tables[a, b][said[a], said[b]] += 1
    found = [agreement(a, b, table) for (a, b), table in tables.items()]
    return sorted(found, key=lambda one: (-one.photos, one.a, one.b))


def agreement(a: str, b: str, table: Mapping[tuple[str, str], int]) -> Agreement:
    names = tuple(sorted({name for pair in table for name in pair}))
    counts = tuple(tuple(table.get((row, column), 0) for column in names) for row in names)
    return Agreement(a, b, names, counts, kappa(np.array(counts)))


def word_of(one: Decision) -> str:
    return one.label if one.kind == LABEL and one.label is not None else f"({BAD})"


def kappa(counts: Counts) -> Kappa:
    """Cohen's kappa (1960) of counts (K, K), with the large-sample interval of Fleiss, Cohen and Everitt (1969).

    Where fewer than five photos differ the interval is at least as wide as Wilson's of the share that agrees makes it: that two
    people have not differed yet is no proof that they never will.

    >>> found = kappa(np.array([[20, 5], [10, 15]]))
    >>> round(found.value, 4), round(found.low, 3), round(found.high, 3)
    (0.4, 0.151, 0.649)
    """
    n = counts.sum()
    if n == 0:
        return Kappa(None, None, None)
    shares = counts / n
    rows, columns = shares.sum(1), shares.sum(0)
    agreed, chance = float(shares.trace()), float(rows @ columns)
    if chance >= 1:
        return Kappa(None, None, None)
    value = (agreed - chance) / (1 - chance)
    half = Z * math.sqrt(variance(shares, agreed, chance, float(n)))
    low, high = value - half, value + half
    if n - counts.trace() < FEW:
        least, most = ((end - chance) / (1 - chance) for end in wilson(agreed, float(n)))
        low, high = min(low, least), max(high, most)
    return Kappa(value, max(-1.0, low), min(1.0, high))


def variance(shares: NDArray[np.float64], agreed: float, chance: float, n: float) -> float:
    """Of kappa, in large samples: equation 13 of Fleiss, Cohen and Everitt (1969)."""
    rows, columns = shares.sum(1), shares.sum(0)
    crossed = rows[None, :] + columns[:, None]  # of what a calls i and b calls j: how often b says i and a says j
    own = shares.diagonal() * ((1 - chance) - (rows + columns) * (1 - agreed)) ** 2
    others = (shares * crossed**2).sum() - (shares.diagonal() * crossed.diagonal() ** 2).sum()
    rest = (agreed * chance - 2 * chance + agreed) ** 2
    return max(0.0, float(own.sum() + (1 - agreed) ** 2 * others - rest)) / (n * (1 - chance) ** 4)


def wilson(share: float, n: float) -> tuple[float, float]:
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return middle - half, middle + half
