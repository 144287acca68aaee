"""Ranks of many networks: how sure each one's place is, which cannot be told apart, and the classic tests over photos and blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, friedmanchisquare, rankdata, studentized_range

from modiste.evaluation.measures import BY_CLASS
from modiste.evaluation.statistics.estimates import LEVEL, check_level
from modiste.evaluation.statistics.pairs import Pair, pairwise, right
from modiste.evaluation.statistics.resampling import ROUNDS, Sample, sampled
from modiste.evaluation.tables import Results, classes_of
from modiste.records.errors import UsageError, unknown


@dataclass(frozen=True)
class Rank:
    """Where one network stands among the others; 1 is the best, networks that reach the same share the mean of their places."""

    name: str
    value: float
    rank: float  # as measured
    mean: float  # over the rounds of the bootstrap
    low: float
    high: float
    best: float  # share of the rounds in which it is the best, shared where several are


@dataclass(frozen=True)
class Omnibus:
    """A test of whether all networks are alike: its statistic, degrees of freedom, and p."""

    statistic: float
    freedom: int
    p: float


@dataclass(frozen=True)
class Nemenyi:
    """Friedman's test over blocks, each network's mean rank, and how far two must lie apart to be told apart (Demsar 2006)."""

    friedman: Omnibus
    mean_ranks: dict[str, float]
    critical_difference: float
    blocks: int


def ranks(results: Results, measure: str, *, level: float = LEVEL, rounds: int = ROUNDS, seed: int = 0) -> list[Rank]:
    """Each network's rank, best first: as measured, and over draws of photos and, where there are several, of seeds.

    A few seeds drawn from a few understate how much seeds vary, by (S - 1) / S of the variance: read the ranks with the pairs.
    """
    check_level(level)
    samples = sampled(results, measure, rounds, seed)
    values = np.array([one.mean for one in samples.values()])
    places = rankdata(-values)
    rng = np.random.default_rng(seed)
    drawn = rankdata(-np.stack([drawn_means(one, rng) for one in samples.values()]), axis=0)  # (M, rounds)
    first = drawn == drawn.min(axis=0)
    best = (first / first.sum(axis=0)).mean(axis=1)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=1, method="nearest")
    found = [Rank(name, *map(float, row)) for name, *row in zip(samples, values, places, drawn.mean(1), low, high, best, strict=True)]
    return sorted(found, key=lambda one: one.rank)


def drawn_means(sample: Sample, rng: np.random.Generator) -> NDArray[np.float64]:
    """The mean over seeds in each round, the seeds drawn too: (rounds,)."""
    rounds = sample.drawn.shape[1]
    taken = rng.integers(sample.seeds, size=(sample.seeds, rounds))
    means: NDArray[np.float64] = sample.drawn[taken, np.arange(rounds)].mean(axis=0)
    return means


def alike(results: Results, measure: str, *, level: float = LEVEL, rounds: int = ROUNDS, seed: int = 0) -> list[tuple[str, ...]]:
    """The largest groups in which no two networks can be told apart, best first; a network may stand in several, or alone in one.

    Not to be told apart is not the same as equal: on more photos the members of a group may part.
    """
    order = [one.name for one in ranks(results, measure, level=level, rounds=rounds, seed=seed)]
    return groups_of(order, pairwise(results, measure, level=level, rounds=rounds, seed=seed))


def groups_of(best_first: Sequence[str], pairs: Sequence[Pair]) -> list[tuple[str, ...]]:
    """The largest sets without a pair that differs: each network joins the sets it fits, and sets within a set are left out."""
    apart = {frozenset((pair.first, pair.second)) for pair in pairs if pair.differs}
    groups: list[frozenset[str]] = []
    for name in best_first:
        fitting = [frozenset(other for other in group if frozenset((name, other)) not in apart) | {name} for group in groups]
        groups += [*fitting, frozenset([name])]
        groups = [group for group in dict.fromkeys(groups) if not any(group < other for other in groups)]
    place = {name: at for at, name in enumerate(best_first)}
    return sorted((tuple(sorted(group, key=place.__getitem__)) for group in groups), key=lambda group: [place[name] for name in group])


def cochran(results: Results) -> Omnibus:
    """Cochran's Q (1950): whether all networks are right on equally many photos; of the first seed of each.

    It asks about all at once. Which of them differ, the pairs say.
    """
    runs = [runs[0] for runs in results.values() if runs]
    if len(runs) < 2:
        raise UsageError("Cochran's Q compares two networks or more.")
    rightly = right(runs).astype(float)  # (M, N)
    many, of_network, of_photo = len(runs), rightly.sum(1), rightly.sum(0)
    uneven = float((of_photo * (many - of_photo)).sum())
    q = many * (many - 1) * float(((of_network - of_network.mean()) ** 2).sum()) / uneven if uneven else 0.0
    return Omnibus(q, many - 1, float(chi2.sf(q, many - 1)))


def nemenyi(results: Results, measure: str, level: float = LEVEL) -> Nemenyi:
    """Friedman's test and Nemenyi's critical difference over blocks of a measure, one a class (of its F1 ...).

    It asks whether a network ranks higher in most classes; the classes' photos are then no matter. Few blocks see little.
    """
    classes_of(results)
    shown = {name: runs for name, runs in results.items() if runs}
    return compared(list(shown), by_class(shown, measure), level)


def compared(names: Sequence[str], blocks: NDArray[np.float64], level: float = LEVEL) -> Nemenyi:
    """Friedman's test and Nemenyi's critical difference from values (blocks, M), higher is better."""
    check_level(level)
    if blocks.shape[0] < 2 or blocks.shape[1] < 3:
        raise UsageError(f"Friedman's test needs two blocks and three networks; here are {blocks.shape[0]} and {blocks.shape[1]}.")
    alike_everywhere = bool((blocks == blocks[:, :1]).all())
    statistic, p = (0.0, 1.0) if alike_everywhere else friedmanchisquare(*blocks.T)
    mean_ranks = rankdata(-blocks, axis=1).mean(0)
    friedman = Omnibus(float(statistic), blocks.shape[1] - 1, float(p))
    distance = critical_difference(blocks.shape[1], blocks.shape[0], level)
    return Nemenyi(friedman, dict(zip(names, map(float, mean_ranks), strict=True)), distance, blocks.shape[0])


def critical_difference(networks: int, blocks: int, level: float = LEVEL) -> float:
    """How far two mean ranks must lie apart: q sqrt(M (M + 1) / (6 blocks)), q of the studentised range over sqrt 2 (Demsar 2006).

    >>> round(critical_difference(4, 14), 2)
    1.25
    """
    q = float(studentized_range.ppf(level, networks, math.inf)) / math.sqrt(2)
    return q * math.sqrt(networks * (networks + 1) / (6 * blocks))


def by_class(results: Results, measured: str) -> NDArray[np.float64]:
    """A block a class with photos: the measure class by class (macro_f1: each class's F1), mean over seeds: (classes, M)."""
    kind = measured.removeprefix("macro_").removeprefix("weighted_")
    if kind not in BY_CLASS:
        raise unknown("measure that has a value for each class", measured, [f"macro_{name}" for name in BY_CLASS])
    means = [np.mean([BY_CLASS[kind](run.confusion) for run in runs], axis=0) for runs in results.values()]
    there = next(iter(results.values()))[0].confusion.sum(1) > 0
    blocks: NDArray[np.float64] = np.stack(means, axis=1)[there]
    return blocks
