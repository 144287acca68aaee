"""Estimates: a measure with its interval, and the difference of two with its interval and p, for one seed or several.

Two things are left to chance. *Photos*: other photos of the same kind would have given another value; the bootstrap tells how much.
*Seeds*: another start of the training would have given another network; only several seeds tell how much. The variance of a mean
over S seeds is the bootstrap's variance of that mean, and the seeds' own variance divided by S. Seeds differ also because each errs
on photos of its own, which the bootstrap has counted: that part is taken out once. The t distribution has Satterthwaite's (1946)
degrees of freedom: few seeds that differ much make an interval wide. Where four networks or more are compared, each one's seed variance is
drawn towards that of all (seeds.py).

A share's interval is Wilson's (1927), with as many photos as would have given its variance: it stays in [0, 1] and says something
even where every photo was right. The interval of a difference is symmetric, widened by one photo as Agresti and Min (2005) do, so
that two networks that never differ are not called equal beyond doubt. Draws within a class of n photos show n - 1 parts in n of its
variance, and of one photo nothing: what they hide is added. What an interval of one seed cannot tell is the seeds' part.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from modiste.evaluation.statistics.resampling import ROUNDS, Sample, sampled
from modiste.evaluation.statistics.seeds import Spread
from modiste.records.errors import UsageError
from modiste.records.predictions import Predictions

LEVEL = 0.95
ROUNDING = 1e-18  # a variance below it: one photo of a million called otherwise in one draw of 2,000 makes 5e-16
ALIKE = 0.3  # of networks trained apart the likeness is about 0, give or take 0.1
SeedPart = tuple[float, float, float]  # variance beyond the bootstrap's, variance in all, degrees of freedom


@dataclass(frozen=True)
class Estimate:
    """A measure, its mean over the seeds, and the interval that holds the true one in `level` of such studies."""

    value: float
    low: float
    high: float
    level: float
    photos: int
    seeds: int
    sd_photos: float  # of the mean, from one draw of photos to another
    sd_seeds: float | None  # of one seed to another, on these photos; None of one seed


@dataclass(frozen=True)
class Difference:
    """Ours less the other's, its interval, and p: how often chance alone makes one as large where there is none."""

    value: float
    low: float
    high: float
    level: float
    p: float  # below 1 - level exactly where the interval leaves out 0; never 0
    photos: int
    seeds: tuple[int, int]
    sd: float  # of the difference, photos and seeds together
    freedom: float  # degrees of freedom of the t distribution; infinite where no seed variance could be seen


def estimate(runs: Sequence[Predictions], measure: str, *, level: float = LEVEL, rounds: int = ROUNDS, seed: int = 0) -> Estimate:
    """A measure of one network, one Predictions a seed, with its interval.

    >>> runs = [Predictions.of(truth=[0] * 50 + [1] * 50, called=[0] * 45 + [1] * 55)]
    >>> found = estimate(runs, "accuracy")
    >>> round(found.value, 2), round(found.low, 1), round(found.high, 1), found.sd_seeds
    (0.95, 0.9, 1.0, None)
    """
    return estimated(sampled({"this": runs}, measure, rounds, seed)["this"], level)


def difference(
    ours: Sequence[Predictions],
    than: Sequence[Predictions],
    measure: str,
    *,
    level: float = LEVEL,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Difference:
    """How much more one network reaches than another on the same photos: ours less the other's.

    Where one has several seeds and the other a single one, that one's seeds are taken to vary as much.
    """
    samples = sampled({"ours": ours, "than": than}, measure, rounds, seed)
    return differing(samples["ours"], samples["than"], level)


def estimated(sample: Sample, level: float = LEVEL) -> Estimate:
    """The estimate from a sample."""
    check_level(level)
    photos = variance(sample.drawn.mean(0))
    photos += sample.mean * (1 - sample.mean) * sample.unseen if photos else 0.0
    parts = seed_parts([sample], [1.0])
    total = photos + sum(beyond for beyond, _, _ in parts)
    reach = student.ppf((1 + level) / 2, freedom(total, parts))
    low, high = wilson(sample.mean, total, sample.step, float(reach))
    spread = float(sample.values.std(ddof=1)) if sample.seeds > 1 else None
    return Estimate(sample.mean, low, high, level, sample.photos, sample.seeds, math.sqrt(photos), spread)


def differing(ours: Sample, than: Sample, level: float = LEVEL) -> Difference:
    """The difference of two samples of the same draws."""
    check_level(level)
    value = ours.mean - than.mean
    total = variance(ours.drawn.mean(0) - than.drawn.mean(0)) + unseen([ours, than], [1.0, -1.0])
    parts = seed_parts([ours, than], [1.0, -1.0])
    total += sum(beyond for beyond, _, _ in parts)
    sd, free = math.sqrt(total), freedom(total, parts)
    reach = float(student.ppf((1 + level) / 2, free)) * sd
    p = 2 * float(student.sf(abs(value) / sd, free)) if sd > 0 else 1.0
    low, high = max(-1.0, value - reach), min(1.0, value + reach)
    return Difference(value, low, high, level, max(p, sys.float_info.min), ours.photos, (ours.seeds, than.seeds), sd, free)


def unseen(samples: Sequence[Sample], weights: Sequence[float]) -> float:
    """What draws of photos do not show of the variance of a weighted sum: one photo more that is called otherwise, and of each class the
    part that its own few photos hide, by how often such sums differ from 0 over all photos.
    """
    apart = sum((weight * one.right for weight, one in zip(weights, samples, strict=True)), np.zeros(1))
    pairs = [*zip(weights, samples, strict=True)]
    hidden = max(one.unseen for _, one in pairs) * float((apart**2).mean())
    return max((weight * one.step) ** 2 for weight, one in pairs) + hidden


def seed_parts(samples: Sequence[Sample], weights: Sequence[float]) -> list[SeedPart]:
    """What the seeds of each sample add to a weighted sum; nothing where nothing is known of seeds. A single seed varies as the others do.

    Networks whose seeds err on the same photos, as an SVM and the network it stands on, share what training gave them: they are taken
    seed by seed, and what the sum itself varies from seed to seed is the one part.
    """
    known = [one for one in samples if one.seeds > 1]
    if not knows_seeds(samples):
        return []
    if any(shared(a, b) for a, b in combinations(samples, 2)) and len({one.seeds for one in samples}) == 1:
        values = sum((weight * one.values for weight, one in zip(weights, samples, strict=True)), np.zeros(1))
        drawn = sum((weight * one.drawn for weight, one in zip(weights, samples, strict=True)), np.zeros(1))
        return [seed_part(Sample(values, drawn, samples[0].steps, samples[0].right), samples[0].seeds)]
    return [
        scaled(seed_part(one if one.seeds > 1 or one.spread else known[0], one.seeds), weight)
        for one, weight in zip(samples, weights, strict=True)
    ]


def knows_seeds(samples: Sequence[Sample]) -> bool:
    """Whether what is said of these networks together tells of other seeds, too, and not of other photos alone."""
    return any(one.seeds > 1 or one.spread is not None for one in samples)


def shared(a: Sample, b: Sample) -> float:
    """How alike the photos are that each seed of two networks errs on beside its network's other seeds, 0 to 1; 0 below `ALIKE`."""
    if a is b or a.seeds != b.seeds or a.seeds < 2 or a.drawn.shape != b.drawn.shape:
        return 0.0
    own_a, own_b = (one.drawn - one.drawn.mean(0) for one in (a, b))
    own_a, own_b = (own - own.mean(1, keepdims=True) for own in (own_a, own_b))
    size = math.sqrt(float((own_a**2).sum() * (own_b**2).sum()))
    found = float((own_a * own_b).sum()) / size if size > 0 else 0.0
    return min(found, 1.0) if found >= ALIKE else 0.0


def scaled(part: SeedPart, weight: float) -> SeedPart:
    beyond, whole, free = part
    return beyond * weight**2, whole * weight**2, free


def seed_part(sample: Sample, seeds: int) -> SeedPart:
    """What seeds add to the variance of a mean over `seeds` of them: beyond the bootstrap's, in all, and its degrees of freedom."""
    spread = sample.spread or Spread(float(sample.values.var(ddof=1)), sample.seeds - 1)
    return max(0.0, spread.variance - sample.apart) / seeds, spread.variance / seeds, spread.freedom


def freedom(total: float, parts: Sequence[SeedPart]) -> float:
    """Satterthwaite's degrees of freedom: those of a variance of which only the seeds' parts were measured on a few; never fewer than
    the fewest of a part.
    """
    uncertain = sum(between**2 / free for _, between, free in parts)
    return max(total**2 / uncertain, min(free for _, _, free in parts)) if uncertain > 0 else math.inf


def wilson(value: float, total: float, step: float, reach: float) -> tuple[float, float]:
    """Wilson's interval of a share whose variance is `total`: as of so many photos, at `reach` standard deviations.

    >>> low, high = wilson(0.9, 0.9 * 0.1 / 100, 0.01, 1.96)
    >>> round(low, 3), round(high, 3)
    (0.826, 0.945)
    """
    chance = value * (1 - value)
    photos = chance / total if chance > 0 and total > 0 else 1 / step if step > 0 else 1.0
    centre = (value + reach**2 / (2 * photos)) / (1 + reach**2 / photos)
    half = reach * math.sqrt(chance / photos + reach**2 / (4 * photos**2)) / (1 + reach**2 / photos)
    return max(0.0, min(value, centre - half)), min(1.0, max(value, centre + half))


def variance(drawn: NDArray[np.float64]) -> float:
    """The variance over the draws; none where they differ by rounding alone."""
    found = float(drawn.var(ddof=1))
    return found if found > ROUNDING else 0.0


def check_level(level: float) -> None:
    if not 0.5 <= level < 1:
        raise UsageError(f"level {level:g}: an interval's level is a share such as 0.95, from 0.5 to below 1.")
