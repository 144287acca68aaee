"""Pairs: two networks photo by photo, and all pairs of many with p adjusted for their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from modiste.evaluation.statistics.estimates import LEVEL, Difference, differing
from modiste.evaluation.statistics.resampling import ROUNDS, Sample, aligned, sampled
from modiste.evaluation.tables import Results, classes_of
from modiste.records.errors import UsageError, unknown
from modiste.records.predictions import Predictions


@dataclass(frozen=True)
class McNemar:
    """On how many photos only one of two networks is right, and p: how often chance alone parts them as unevenly (McNemar 1947)."""

    only_a: int
    only_b: int
    p: float


@dataclass(frozen=True)
class Pair:
    """Two networks compared by a measure, the first less the second."""

    first: str
    second: str
    difference: Difference
    adjusted_p: float  # Holm (1979), over all pairs compared together
    mcnemar: McNemar  # of the first seed of each: right or wrong, whatever the measure

    @property
    def differs(self) -> bool:
        """Whether the two can be told apart, with all pairs compared together in mind."""
        return self.adjusted_p < 1 - self.difference.level


def mcnemar(a: Predictions, b: Predictions, mid_p: bool = False) -> McNemar:
    """Whether one network is right on more photos than the other: the exact test, or with mid-p (Fagerland et al. 2013), less timid.

    >>> a = Predictions.of(truth=[0] * 9 + [1], called=[0] * 10)
    >>> b = Predictions.of(truth=[0] * 9 + [1], called=[1] * 10)
    >>> mcnemar(a, b)
    McNemar(only_a=9, only_b=1, p=0.021484375)
    """
    right_a, right_b = right([a, b])
    return uneven(right_a, right_b, mid_p)


def uneven(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_], mid_p: bool = False) -> McNemar:
    """`mcnemar` of whether each of two networks is right on each photo: (N,) both."""
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    less, both = min(only_a, only_b), only_a + only_b
    p = 2 * binom.cdf(less, both, 0.5) - (binom.pmf(less, both, 0.5) if mid_p else 0)
    return McNemar(only_a, only_b, min(1.0, float(p)))


def disagreements(a: Predictions, b: Predictions) -> tuple[list[str], list[str]]:
    """The photos, by path, on which only the first is right, and those on which only the second is.

    >>> disagreements(Predictions.of(truth=[0, 1], called=[0, 0]), Predictions.of(truth=[0, 1], called=[1, 0]))
    (['photo 0'], [])
    """
    right_a, right_b = right([a, b])
    photos = sorted(a.photos)
    only_a, only_b = np.flatnonzero(right_a & ~right_b), np.flatnonzero(right_b & ~right_a)
    return [photos[place] for place in only_a], [photos[place] for place in only_b]


def right(runs: Sequence[Predictions]) -> NDArray[np.bool_]:
    """Whether each of several networks is right on each photo, by the photos' paths in order: (M, N)."""
    classes_of({f"network {place}": (run,) for place, run in enumerate(runs, 1)})  # refuses two test sets
    truth, called = aligned(runs)
    rightly: NDArray[np.bool_] = called == truth
    return rightly


def holm(p: Sequence[float]) -> list[float]:
    """Each p adjusted for how many there are, in the same order: of what is called different, any is wrong as rarely as of one test.

    Holm 1979: the smallest times their number, the next times one less, and so on, none smaller than the one before.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, most = [0.0] * len(p), 0.0
    for place, which in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        most = max(most, min(1.0, p[which] * (len(p) - place)))
        adjusted[which] = most
    return adjusted


def pairwise(results: Results, measure: str, *, level: float = LEVEL, rounds: int = ROUNDS, seed: int = 0) -> list[Pair]:
    """All pairs of networks, the better one first in each, Holm-adjusted over all pairs; the best network's pairs come first."""
    samples = sampled(results, measure, rounds, seed)
    best_first = sorted(samples, key=lambda name: -samples[name].mean)  # networks that reach the same stay in the order given
    return adjusted_pairs(list(combinations(best_first, 2)), samples, results, level)


def against(results: Results, reference: str, measure: str, *, level: float = LEVEL, rounds: int = ROUNDS, seed: int = 0) -> list[Pair]:
    """Every other network less the reference, in the order given, Holm-adjusted over these alone."""
    samples = sampled(results, measure, rounds, seed)
    if reference not in samples:
        raise unknown("network with predictions", reference, samples)
    if len(samples) < 2:
        raise UsageError(f"there is nothing to compare {reference} with: give another network too.")
    return adjusted_pairs([(name, reference) for name in samples if name != reference], samples, results, level)


def adjusted_pairs(names: Sequence[tuple[str, str]], samples: dict[str, Sample], results: Results, level: float) -> list[Pair]:
    differences = [differing(samples[first], samples[second], level) for first, second in names]
    adjusted = holm([one.p for one in differences])
    rightly = dict(zip(samples, right([results[name][0] for name in samples]), strict=True))
    return [
        Pair(first, second, found, p, uneven(rightly[first], rightly[second]))
        for (first, second), found, p in zip(names, differences, adjusted, strict=True)
    ]
