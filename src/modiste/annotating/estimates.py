"""How right the model is, by a random sample of the photos, and how many labels more would do."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
SAMPLE = 200
HALF_WIDTH = 0.02
Z = 1.959964  # of the normal distribution, for LEVEL
POINTS, ROUNDS = 3, 2000  # of a learning curve: the fewest that tell something, and draws for its interval
Floats = NDArray[np.float64]
FARTHEST = 10.0  # times as many labels as there are: beyond that a curve says nothing


def sample(photos: Iterable[str], n: int = SAMPLE, seed: int = 0) -> list[str]:
    """The first n photos of a random order, which turns on the seed and on each photo's path alone.

    Photos that come later push few out: what was labelled of the sample stays useful.

    >>> sample(["a.jpg", "b.jpg", "c.jpg"], 2) == sample(["c.jpg", "b.jpg", "a.jpg"], 2)
    True
    """
    return sorted(photos, key=lambda photo: (place_of(photo, seed), photo))[:n]


def in_turn(drawn: Iterable[str], looked_at: Callable[[str], object]) -> list[str]:
    """The sample up to the first photo that nobody has looked at: of what comes behind it some may be labelled, but not by chance.

    >>> in_turn(["a.jpg", "b.jpg", "c.jpg"], {"a.jpg", "c.jpg"}.__contains__)
    ['a.jpg']
    """
    return list(takewhile(looked_at, drawn))


def place_of(photo: str, seed: int = 0) -> bytes:
    """Where a photo stands in the random order."""
    return hashlib.sha256(f"{seed}:{photo}".encode("utf-8", "surrogateescape")).digest()


@dataclass(frozen=True)
class Accuracy:
    """The share of photos that the model labels rightly, with the interval that holds the true one in 95 % of such samples or more."""

    right: int
    sampled: int
    photos: int | None  # that there are; None: without end
    low: float
    high: float
    untold: int = 0  # of the sample, but of no class that stands: unsure, bad or disputed; left out

    @property
    def value(self) -> float:
        return self.right / self.sampled

    @property
    def more(self) -> int:
        """Further random labels until the interval reaches about 2 points to each side."""
        likely = (self.right + 2) / (self.sampled + 4)  # as Agresti and Coull (1998): never quite 1
        needed = Z**2 * likely * (1 - likely) / HALF_WIDTH**2
        if self.photos is not None:
            needed = min(self.photos, needed / (1 + (needed - 1) / self.photos))
        return 0 if (self.high - self.low) / 2 <= HALF_WIDTH else max(1, math.ceil(needed) - self.sampled)

    @property
    def words(self) -> str:
        told = f"the model is right on {percent(self.value)} % of photos"
        if self.sampled == self.photos:
            return f"{told}: all {self.photos} were looked at"
        left_out = f"; {self.untold} more are left out: unsure, bad or disputed" if self.untold else ""
        return f"{told} ({percent(self.low)} to {percent(self.high)} %), by {self.sampled} drawn at random{left_out}"


def accuracy(right: int, sampled: int, photos: int | None = None, untold: int = 0) -> Accuracy | None:
    """The share of right answers with its exact interval, of a sample drawn from so many photos; None of no sample.

    Clopper and Pearson's (1934) where there is no end of photos, its like for draws without replacement where there is.

    >>> found = accuracy(187, 200)
    >>> found.words
    'the model is right on 93.5 % of photos (89.1 to 96.5 %), by 200 drawn at random'
    >>> accuracy(39, 40, photos=40).words
    'the model is right on 97.5 % of photos: all 40 were looked at'
    """
    if not 0 <= right <= sampled or (photos is not None and sampled > photos):
        raise ValueError(f"{right} right of {sampled} drawn of {photos}")
    if sampled == 0:
        return None
    if photos is None:
        low, high = (exact_end(right, sampled), 1 - exact_end(sampled - right, sampled))
    else:
        least = fewest(right, sampled, photos)
        low, high = least / photos, 1 - fewest(sampled - right, sampled, photos) / photos
    return Accuracy(right, sampled, photos, low, high, untold)


def exact_end(hits: int, drawn: int) -> float:
    """The least share with which as many hits are not too lucky: Clopper and Pearson's lower end."""
    if hits == 0:
        return 0.0
    counts = np.arange(hits, drawn + 1)
    ways = log_choose(log_factorials(drawn), drawn, counts)
    low, high = 0.0, hits / drawn
    for _ in range(40):
        share = (low + high) / 2
        luck = np.exp(ways + counts * math.log(share) + (drawn - counts) * math.log1p(-share)).sum()
        low, high = (share, high) if luck < (1 - LEVEL) / 2 else (low, share)
    return high


def fewest(hits: int, drawn: int, photos: int) -> int:
    """The least number among so many photos with which as many hits, drawn without replacement, are not too lucky."""
    table = log_factorials(photos)
    counts = np.arange(hits, drawn + 1)
    low, high = hits - 1, photos - (drawn - hits)
    while high - low > 1:
        there = (low + high) // 2
        possible = counts[(counts <= there) & (drawn - counts <= photos - there)]
        ways = log_choose(table, there, possible) + log_choose(table, photos - there, drawn - possible)
        luck = np.exp(ways - log_choose(table, photos, np.array([drawn]))).sum()
        low, high = (there, high) if luck < (1 - LEVEL) / 2 else (low, there)
    return high


def log_factorials(most: int) -> NDArray[np.float64]:
    return np.concatenate([[0.0], np.log(np.arange(1, most + 1)).cumsum()])


def log_choose(table: NDArray[np.float64], of: int, some: NDArray[np.int64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = table[of] - table[some] - table[of - some]
    return found


@dataclass(frozen=True)
class Point:
    """One point of a learning curve: a model learnt from so many labels was wrong on so many photos of a sample."""

    labels: int
    wrong: int
    sampled: int


@dataclass(frozen=True)
class Needed:
    """Labels more until the target, with a 90 % interval; None where that cannot be told. `words` says it."""

    more: int | None
    low: int | None
    high: int | None
    words: str


def needed(curve: Sequence[Point], target: float = 0.95, seed: int = 0) -> Needed:
    """How many labels more until the model is right on a share of photos, by a power law: errors = a * labels ** -b.

    The interval comes from 2,000 draws of the points' errors, as if each point had a sample of its own: where all were counted on
    one sample, it is too wide rather than too narrow. It knows nothing of curves that are no power law.
    """
    goal = f"{percent(target)} %"
    cannot = Needed(None, None, None, f"how many more labels {goal} takes cannot be told yet")
    points = sorted((one for one in curve if one.labels > 0 and one.sampled > 0), key=lambda one: one.labels)
    if len({one.labels for one in points}) < POINTS:
        return cannot
    labels, wrong, sampled = (np.array([getattr(one, name) for one in points], float) for name in ("labels", "wrong", "sampled"))
    if wrong[-1] / sampled[-1] <= 1 - target:
        return Needed(0, 0, 0, f"{goal} is reached")
    slope, height = lines(labels, wrong, sampled)
    likely = np.minimum(1, np.exp(height) * labels**slope)
    drawn = np.random.default_rng(seed).binomial(sampled.astype(int), likely, (ROUNDS, len(labels)))
    middle = labels_at(1 - target, slope, height).item()
    low, high = np.quantile(labels_at(1 - target, *lines(labels, drawn, sampled)), [0.05, 0.95], method="higher").tolist()
    if not max(middle, high) <= FARTHEST * labels[-1]:
        return cannot
    more, least, most = (max(1, round(end - labels[-1])) for end in (middle, low, high))
    return Needed(more, least, most, f"about {rounded(more)} more labels for {goal} ({rounded(least)} to {rounded(most)})")


def lines(labels: Floats, wrong: NDArray[Any], sampled: Floats) -> tuple[Floats, Floats]:
    """Slopes and heights (...) of log errors (..., P) over log labels, each point as heavy as its errors are many."""
    weights, errors, places = wrong + 0.5, np.log((wrong + 0.5) / (sampled + 1)), np.log(labels)
    total = weights.sum(-1, keepdims=True)
    across, down = ((weights * values).sum(-1, keepdims=True) / total for values in (places, errors))
    slope = (weights * (places - across) * (errors - down)).sum(-1) / (weights * (places - across) ** 2).sum(-1)
    return slope, down[..., 0] - slope * across[..., 0]


def labels_at(error: float, slope: Floats, height: Floats) -> Floats:
    """The numbers of labels at which fitted lines come down to an error; infinite where they do not fall."""
    falls = slope < -1e-9
    power = np.where(falls, (math.log(error) - height) / np.where(falls, slope, -1), np.inf)
    return np.where(power < 50, np.exp(np.minimum(power, 50)), np.inf)


def percent(share: float) -> str:
    """A share in percent with one place, which says 100 and 0 only of what is exactly that."""
    text = f"{100 * share:.1f}"
    text = {"100.0": "99.9", "0.0": "0.1"}.get(text, text) if 0 < share < 1 else text
    return text.removesuffix(".0")


def rounded(number: int) -> int:
    """Two digits that count, for people.

    >>> rounded(237), rounded(1849), rounded(8)
    (240, 1800, 8)
    """
    return int(float(f"{number:.2g}"))
