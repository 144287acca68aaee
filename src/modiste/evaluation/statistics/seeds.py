"""Seeds: how far one training of a network lies from another, told with the help of the other networks that are compared.

Two or three seeds say little of their own variance. Where four networks or more have several seeds, each one's variance is drawn towards
what all of them show, the more the more alike they are: the empirical Bayes estimate of Smyth (2004), of as many degrees of freedom
as that is worth. One that varies far more than the others keeps its own; one that varies more, but not so much that it shows in its few
seeds, is taken to vary less than it does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import digamma, polygamma
from scipy.stats import f as fisher

FAR = 0.95  # of Fisher's F
FEWEST = 4  # networks with several seeds; of fewer, how alike they are cannot be told
SMALLEST = 1e-5  # of the median variance: seeds that happen to agree to the last photo are not taken to agree always


@dataclass(frozen=True)
class Spread:
    """The variance of a measure from one seed to another, and its degrees of freedom."""

    variance: float
    freedom: float


def spreads(values: Mapping[str, NDArray[np.float64]]) -> dict[str, Spread | None]:
    """The spread of each network from its measure for each seed (S,); None where nothing is known of one with a single seed.

    >>> found = spreads({name: np.array([0.90, 0.92, 0.94]) for name in "abcde"})
    >>> round(found["a"].variance, 6), round(found["a"].freedom)  # its own seeds are worth 2 degrees, the others' another 3
    (0.0004, 5)
    """
    own = {name: Spread(float(one.var(ddof=1)), len(one) - 1) for name, one in values.items() if len(one) > 1}
    if not lend(map(len, values.values())) or not any(one.variance for one in own.values()):
        return {name: own.get(name) for name in values}
    common = prior([*own.values()])
    return {name: drawn_to(own[name], common) if name in own else common for name in values}


def lend(seeds: Iterable[int]) -> bool:
    """Whether networks of so many seeds each tell how much one of a single seed varies.

    >>> lend([3, 3, 3, 3, 1]), lend([3, 1])
    (True, False)
    """
    return sum(count > 1 for count in seeds) >= FEWEST


def prior(own: list[Spread]) -> Spread:
    """The variance that networks vary around, and how many degrees of freedom it is worth: the fewer, the less alike they are.

    Smyth 2004, section 6.2, finds both from the logarithms. He has thousands of variances, a study some dozen: here the variance is the
    mean of all, so that it is not too small where some vary much, and how unlike they are is taken one standard error higher than found.
    """
    free = np.array([one.freedom for one in own])
    variances = np.array([one.variance for one in own])
    logs = np.log(np.maximum(variances, SMALLEST * np.median(variances[variances > 0])))
    logs = logs - digamma(free / 2) + np.log(free / 2)
    by_chance = float(polygamma(1, free / 2).mean())
    found = max(float(logs.var(ddof=1)), by_chance)
    unlike = found * (1 + math.sqrt(2 / (len(own) - 1))) - by_chance
    half = float(brentq(lambda x: polygamma(1, x) - unlike, 1e-3, 1e6))
    return Spread(float((free * variances).sum() / free.sum()), 2 * half)


def drawn_to(own: Spread, common: Spread) -> Spread:
    """A network's own spread and the common one, each by its degrees of freedom; its own where it lies far above."""
    if common.variance > 0 and own.variance > common.variance * float(fisher.ppf(FAR, own.freedom, common.freedom)):
        return own
    both = own.freedom + common.freedom
    return Spread((own.freedom * own.variance + common.freedom * common.variance) / both, both)
