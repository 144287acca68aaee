"""Power: how small a difference a test set can show, and how many photos a difference needs."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binom, norm

from modiste.evaluation.statistics.estimates import LEVEL, check_level
from modiste.records.errors import UsageError

POWER = 0.8  # the usual: a difference of this size is found in four studies of five


def chance_to_see(photos: int, apart: float, difference: float, level: float = LEVEL) -> float:
    """How often McNemar's exact test finds a difference of two accuracies, in [0, 1].

    `apart` is the share of photos on which only one of the two is right. How many those are is itself left to chance; all that are
    likely are counted through.

    >>> round(chance_to_see(987, 0.1, 0.03), 2)
    0.83
    """
    check(apart, level)
    if not 0 <= difference <= apart or photos < 1:
        raise UsageError(f"a difference of {difference:g} cannot be: only one is right on {apart:g} of {photos} photos.")
    tail = 1e-9
    parted = np.arange(binom.ppf(tail, photos, apart), binom.ppf(1 - tail, photos, apart) + 1)
    most = binom.ppf((1 - level) / 2, parted, 0.5)  # the most photos that the worse one may have alone, for p <= 1 - level
    most = np.where(2 * binom.cdf(most, parted, 0.5) > 1 - level, most - 1, most)
    worse = (apart - difference) / (2 * apart)
    found = binom.cdf(most, parted, worse) + binom.cdf(most, parted, 1 - worse)
    return min(1.0, float((binom.pmf(parted, photos, apart) * found).sum()))


def smallest_difference(photos: int, apart: float, *, power: float = POWER, level: float = LEVEL) -> float | None:
    """The smallest difference of two accuracies that McNemar's exact test finds with this power; None where not even the largest is.

    >>> round(smallest_difference(987, 0.1), 4)
    0.0289
    """
    check(apart, level, power)
    if chance_to_see(photos, apart, apart, level) < power:
        return None
    return float(brentq(lambda difference: chance_to_see(photos, apart, difference, level) - power, 0.0, apart, xtol=1e-6))


def photos_needed(difference: float, apart: float, *, power: float = POWER, level: float = LEVEL) -> int:
    """How many photos McNemar's exact test needs to find a difference of two accuracies with this power.

    The search starts from Connor's (1987) formula, which the exact test exceeds by a little.

    >>> photos_needed(0.02, 0.1)
    2043
    """
    check(apart, level, power)
    if not 0 < difference <= apart:
        raise UsageError(f"a difference of {difference:g} cannot be found: only one of the two is right on {apart:g} of the photos.")
    few = connor(difference, apart, power, level) // 2
    many = max(8, few * 4)
    while many - few > 1:  # the power of an exact test climbs in small steps, so that a photo more or less is within its saw
        middle = (few + many) // 2
        few, many = (few, middle) if chance_to_see(middle, apart, difference, level) >= power else (middle, many)
    return many


def connor(difference: float, apart: float, power: float = POWER, level: float = LEVEL) -> int:
    """Photos needed by the normal approximation (Connor 1987, Biometrics 43)."""
    beyond, within = norm.ppf((1 + level) / 2), norm.ppf(power)
    spread = float(beyond * math.sqrt(apart) + within * math.sqrt(apart - difference**2))
    return math.ceil(spread**2 / difference**2)


def check(apart: float, level: float, power: float = POWER) -> None:
    check_level(level)
    if not 0 < apart <= 1:
        raise UsageError(f"the share of photos on which only one is right is {apart:g}: it must be above 0, up to 1.")
    if not 1 - level < power < 1:
        raise UsageError(f"power {power:g}: a share below 1 such as 0.8, above {1 - level:g}, which chance finds alone.")
