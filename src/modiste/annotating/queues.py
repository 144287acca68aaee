"""Which photos to ask about next: a few rows of many, by what the model is in doubt of and what has been labelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modiste.records.errors import unknown

DOUBTFUL = 2000  # candidates among which a queue that compares photos chooses
KNOWN = 2000  # labelled photos, or those chosen before, that candidates are kept away from
NEIGHBOURS = 20  # Hacohen et al. 2022, section 3.2
CLUSTERS = 500  # the same
ROUNDS = 10  # of k-means
Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pool:
    """N photos: probabilities (N, K), features (N, F) that may lie on disk, which may be asked for (N,), codes of labels (N,) or -1."""

    probabilities: NDArray[Any]
    features: NDArray[Any]
    open: NDArray[np.bool_]
    labelled: NDArray[np.int64]

    def __post_init__(self) -> None:
        lengths = {len(part) for part in (self.probabilities, self.features, self.open, self.labelled)}
        if len(lengths) != 1:
            raise ValueError(f"the parts of a pool speak of different numbers of photos: {sorted(lengths)}")

    @property
    def candidates(self) -> Rows:
        return np.flatnonzero(self.open)


def ask(by: str, pool: Pool, n: int, seed: int = 0) -> Rows:
    """The next photos by a queue of QUEUES: up to n rows, none twice, open ones only; the same for the same seed."""
    if by not in QUEUES:
        raise unknown("queue", by, QUEUES)
    n = min(n, int(pool.open.sum()))
    return QUEUES[by](pool, n, np.random.default_rng(seed)) if n > 0 else np.zeros(0, np.int64)


def uncertainty(pool: Pool, n: int, _rng: np.random.Generator) -> Rows:
    """Those whose most probable class is least probable."""
    return highest(pool, 1 - pool.probabilities[pool.candidates].max(1), n)


def margin(pool: Pool, n: int, _rng: np.random.Generator) -> Rows:
    """Those whose two most probable classes are nearest to one another."""
    return highest(pool, -margins(pool.probabilities[pool.candidates]), n)


def entropy(pool: Pool, n: int, _rng: np.random.Generator) -> Rows:
    """Those whose probabilities are spread widest."""
    some = np.clip(pool.probabilities[pool.candidates].astype(np.float64), 1e-12, 1)
    return highest(pool, -(some * np.log(some)).sum(1), n)


def diversity(pool: Pool, n: int, rng: np.random.Generator) -> Rows:
    """The doubtful photos that are least like what is labelled, and least like one another: k-center, greedily (Sener, Savarese 2018)."""
    rows = doubtful(pool, max(n, DOUBTFUL))
    some = unit(pool.features[rows])
    known = known_features(pool, rng)
    near = (some @ known.T).max(1) if len(known) else np.zeros(len(rows), np.float32)  # likeness to the nearest, in [-1, 1]
    chosen: list[int] = []
    for _ in range(n):
        place = int(near.argmin()) if chosen or len(known) else 0  # nothing to be unlike: the most doubtful one
        chosen.append(place)
        near = np.maximum(near, some @ some[place])
        near[chosen] = np.inf
    return rows[chosen]


def typical(pool: Pool, n: int, rng: np.random.Generator) -> Rows:
    """The most typical photo of each large cluster that holds least that is labelled (TypiClust: Hacohen et al. 2022).

    Where there are more photos than can be compared, of a sample of them. Clusters are as many as photos are labelled and asked for.
    """
    rows = pool.candidates
    rows = np.sort(rng.permutation(rows)[: max(n, DOUBTFUL)])
    some, known = unit(pool.features[rows]), known_features(pool, rng)
    count = min(len(known) + n, CLUSTERS, len(rows))
    every = np.concatenate([some, known])
    clusters = clustered(every, count, rng)
    covered = np.bincount(clusters[len(some) :], minlength=count)
    sizes = np.bincount(clusters[: len(some)], minlength=count)
    order = np.lexsort((np.arange(count), -sizes, covered))
    typicality = typicalities(some, clusters[: len(some)])
    queues = [
        members[np.lexsort((members, -typicality[members]))] for members in (np.flatnonzero(clusters[: len(some)] == c) for c in order)
    ]
    longest = max(map(len, queues))
    turns = [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]  # the first of each, then the second ...
    return rows[turns[:n]]


def rare(pool: Pool, n: int, _rng: np.random.Generator) -> Rows:
    """Those that are most probably of the class with the fewest labels so far, in turns that even the classes out."""
    rows = pool.candidates
    some = pool.probabilities[rows].astype(np.float64)
    counts = np.bincount(pool.labelled[pool.labelled >= 0], minlength=some.shape[1]).astype(np.float64)
    left = np.ones(len(rows), bool)
    chosen = []
    for _ in range(n):
        wanted = int(counts.argmin())
        place = int(np.where(left, some[:, wanted], -1).argmax())
        chosen.append(place)
        left[place] = False
        counts += some[place]  # it may be of any class, as probably as the model says
    return rows[chosen]


def random(pool: Pool, n: int, rng: np.random.Generator) -> Rows:
    """By a fixed order of all photos, drawn by the seed: what was asked for before does not change what comes next."""
    order = rng.permutation(len(pool.open))
    return order[pool.open[order]][:n].astype(np.int64)


def highest(pool: Pool, scores: NDArray[Any], n: int) -> Rows:
    """The open rows of the highest scores, the highest first; equal ones in their order."""
    return pool.candidates[np.argsort(-scores, kind="stable")[:n]]


def margins(probabilities: NDArray[Any]) -> NDArray[Any]:
    """The probability of the first class less that of the second: (N, K) -> (N,)."""
    if probabilities.shape[1] < 2:
        return np.ones(len(probabilities))
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.asarray(two[:, 1] - two[:, 0])


def doubtful(pool: Pool, n: int) -> Rows:
    return margin(pool, n, np.random.default_rng(0))


def known_features(pool: Pool, rng: np.random.Generator) -> Floats:
    """Unit features of what is labelled; of many, of so many as can be compared."""
    rows = np.flatnonzero(pool.labelled >= 0)
    return unit(pool.features[np.sort(rng.permutation(rows)[:KNOWN])])


def unit(features: NDArray[Any]) -> Floats:
    """Each row with length 1; a row of zeros, or of what is no number, stays or becomes zeros."""
    some = np.nan_to_num(np.asarray(features, np.float32), posinf=0.0, neginf=0.0)
    lengths = np.linalg.norm(some, axis=1, keepdims=True)
    longer: Floats = np.divide(some, lengths, out=np.zeros_like(some), where=lengths > 0)
    return longer


def clustered(points: Floats, count: int, rng: np.random.Generator) -> Rows:
    """Which cluster each unit vector is in, 0 .. count - 1: spherical k-means from points drawn far from one another."""
    centres = points[spread(points, count, rng)]
    clusters = np.zeros(len(points), np.int64)
    for _ in range(ROUNDS):
        found = (points @ centres.T).argmax(1)
        if (found == clusters).all():
            break
        clusters = found
        sums = np.zeros_like(centres)
        np.add.at(sums, clusters, points)
        filled = np.bincount(clusters, minlength=count) > 0
        centres = np.where(filled[:, None], unit(sums), centres)
    return clusters


def spread(points: Floats, count: int, rng: np.random.Generator) -> list[int]:
    """Points to start from, each the best of a few that are drawn by how far they are from those before (Arthur, Vassilvitskii 2007)."""
    chosen = [int(rng.integers(len(points)))]
    far = np.maximum(0, 1 - points @ points[chosen[0]]).astype(np.float64)
    trials = 2 + int(np.log(count))
    while len(chosen) < count:
        drawn = np.searchsorted(far.cumsum(), rng.random(trials) * far.sum(), side="right").clip(max=len(points) - 1)
        left = np.minimum(far[:, None], np.maximum(0, 1 - points @ points[drawn].T))
        best = int(left.sum(0).argmin())
        chosen.append(int(drawn[best]))
        far = left[:, best]
    return chosen


def typicalities(points: Floats, clusters: Rows) -> Floats:
    """One by the mean distance to the nearest neighbours within the same cluster: (N,)."""
    found = np.zeros(len(points), np.float32)
    for cluster in np.unique(clusters):
        members = np.flatnonzero(clusters == cluster)
        if len(members) < 2:
            continue
        some = points[members]
        apart = np.sqrt(np.maximum(0, 2 - 2 * some @ some.T))
        nearest = np.sort(apart, axis=1)[:, 1 : NEIGHBOURS + 1]
        found[members] = 1 / (nearest.mean(1) + 1e-6)
    return found


QUEUES: dict[str, Callable[[Pool, int, np.random.Generator], Rows]] = {
    "uncertainty": uncertainty,
    "margin": margin,
    "entropy": entropy,
    "diversity": diversity,
    "typical": typical,
    "rare": rare,
    "random": random,
}
