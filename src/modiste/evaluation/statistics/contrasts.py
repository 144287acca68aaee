"""Contrasts: a weighted sum of several networks' measures, with its interval: the mean of differences, the slope of a trend."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from modiste.evaluation.statistics.estimates import LEVEL, check_level, freedom, seed_parts, unseen, variance
from modiste.evaluation.statistics.resampling import Sample

Weights = Mapping[str, float]  # network -> its weight; they sum to 0


@dataclass(frozen=True)
class Contrast:
    """What the weighted sum is, the interval that holds the true one in `level` of such studies, and what it is made of."""

    value: float
    low: float
    high: float
    level: float
    sd: float  # photos and seeds together
    freedom: float  # degrees of freedom of the t distribution

    def p_above(self, bar: float) -> float:
        """Twice the chance of a value so far above `bar` where the true one is no higher: below 1 - level exactly where `low` is above."""
        if self.sd == 0:
            return 0.0 if self.value > bar else 1.0
        return min(1.0, 2 * float(student.sf((self.value - bar) / self.sd, self.freedom)))


def contrast(samples: Mapping[str, Sample], weights: Weights, level: float = LEVEL) -> Contrast:
    """The contrast of samples of the same draws; of two networks, weighted 1 and -1, it is their `Difference`.

    A network with a single seed is taken to vary from seed to seed as the first of the others that has several.
    """
    check_level(level)
    shown = {name: samples[name] for name, weight in weights.items() if weight}
    value = sum(weights[name] * one.mean for name, one in shown.items())
    drawn = sum((weights[name] * one.drawn.mean(0) for name, one in shown.items()), np.zeros(1))
    total = variance(drawn) + unseen([*shown.values()], [weights[name] for name in shown])
    parts = seed_parts([*shown.values()], [weights[name] for name in shown])
    total += sum(beyond for beyond, _, _ in parts)
    sd, free = math.sqrt(total), freedom(total, parts)
    reach = float(student.ppf((1 + level) / 2, free)) * sd
    return Contrast(value, value - reach, value + reach, level, sd, free)


def better(ours: str, than: str) -> Weights:
    """Ours less the other's."""
    return {ours: 1.0, than: -1.0}


def mean_of(contrasts: Sequence[Weights]) -> Weights:
    """The mean of several contrasts: of differences at 3 and 4 convolutions, the difference on average."""
    names = dict.fromkeys(name for weights in contrasts for name in weights)
    return {name: sum(weights.get(name, 0.0) for weights in contrasts) / len(contrasts) for name in names}


def rise(names: Sequence[str]) -> Weights:
    """From the first to the last along the straight line that fits best: the slope a step, times the steps.

    >>> {name: round(weight, 2) for name, weight in rise(["3", "4", "5", "6"]).items()}
    {'3': -0.9, '4': -0.3, '5': 0.3, '6': 0.9}
    """
    places = np.arange(len(names)) - (len(names) - 1) / 2
    return dict(zip(names, ((len(names) - 1) * places / (places**2).sum()).tolist(), strict=True))
