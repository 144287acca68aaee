"""A linear head learnt from features: multinomial logistic regression, started from what the network says already or from nothing.

With `before` (what the network's own head says) only what is added to it is learnt and kept small: few labels change little, and at an
infinite penalty nothing. How strong the penalty is, and whether to start anew, is decided by photos that were left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from modiste.evaluation.statistics.calibration import log_probabilities
from modiste.records.predictions import Predictions
from modiste.serving.heads import beside

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Bools = NDArray[np.bool_]
FOLDS = 5
PENALTIES = tuple(10.0 ** (half / 2) for half in range(0, -13, -1))  # 1 to 1e-6, strong ones first
STEPS = 300  # of L-BFGS at most


@dataclass(frozen=True, eq=False)
class Space:
    """Features moved to their mean and scaled so that photos lie about 1 from it: one scale for all, which did best (docs/learn.md)."""

    centre: Floats  # (F,)
    scale: float
    turn: Floats  # (F, D): onto the directions in which the photos vary at all; penalised fits are the same there

    def of(self, features: NDArray[np.floating]) -> Floats:
        """Features (N, F) as they are learnt from, a column of ones behind them: (N, D + 1)."""
        flat = (features.astype(np.float64) - self.centre) / self.scale @ self.turn
        return np.concatenate([flat, np.ones((len(flat), 1))], axis=1)

    def back(self, weights: Floats) -> tuple[Floats, Floats]:
        """Weights (D + 1, K) as weights (F, K) and bias (K,) for the features as the network gives them."""
        raw = self.turn @ weights[:-1] / self.scale
        return raw, weights[-1] - self.centre @ raw


def space_of(features: NDArray[np.floating]) -> Space:
    """The space of some photos' features (N, F)."""
    wide = features.astype(np.float64)
    centre = wide.mean(0)
    centred = wide - centre
    scale = float(np.sqrt((centred**2).sum(1).mean())) or 1.0
    count, width = centred.shape
    values, vectors = np.linalg.eigh(centred.T @ centred if width <= count else centred @ centred.T)
    kept = values > 1e-10 * max(values[-1], 1e-300)
    turn = vectors[:, kept] if width <= count else centred.T @ vectors[:, kept] / np.sqrt(values[kept])
    return Space(centre, scale, turn)


@dataclass(frozen=True)
class Candidate:
    """One way of learning."""

    anew: bool  # from nothing, else beside what the network says
    penalty: float  # infinite: the network as it is


@dataclass(frozen=True, eq=False)
class Material:
    """What is learnt from: N photos of K classes."""

    points: Floats  # (N, D + 1)
    labels: Codes  # (N,)
    groups: Codes  # (N,): photos that stay together when some are left out
    before: Floats | None  # (N, K): logarithms of what the network's own head says; None where it does not know the classes
    classes: int
    balance: float = 1.0  # 0: every photo counts as much; 1: every class does
    untouched: Bools | None = None  # (K,): classes that keep the probability they have `before`, for no photo tells of them

    def __getitem__(self, rows: Bools) -> Material:
        before = None if self.before is None else self.before[rows]
        return replace(self, points=self.points[rows], labels=self.labels[rows], groups=self.groups[rows], before=before)

    @property
    def weights(self) -> Floats:
        """How much each photo counts, (N,), adding up to 1."""
        many = np.bincount(self.labels, minlength=self.classes)[self.labels].astype(float)
        weights = many**-self.balance
        made: Floats = weights / weights.sum()
        return made

    @property
    def there(self) -> Floats:
        """1 for classes that have photos here, else 0: (K,)."""
        return (np.bincount(self.labels, minlength=self.classes) > 0).astype(float)


def candidates(material: Material) -> list[Candidate]:
    """What is tried, the least daring first: the network as it is, more and more beside it, then anew."""
    known = [Candidate(False, penalty) for penalty in (np.inf, *PENALTIES)] if material.before is not None else []
    whole = bool(material.there.all())  # a class without a photo cannot be learnt anew
    return known + [Candidate(True, penalty) for penalty in PENALTIES if whole]


def fitted(material: Material, candidate: Candidate, start: Floats | None = None) -> Floats:
    """The weights (D + 1, K) that a candidate comes to; a class without photos takes no part, and gets the mean of the others'."""
    if candidate.penalty == np.inf:
        return np.zeros((material.points.shape[1], material.classes))
    points, truth, share, there = material.points, np.eye(material.classes)[material.labels], material.weights, material.there
    before = np.zeros_like(truth) if candidate.anew or material.before is None else material.before
    hidden = np.where(there > 0, 0.0, -np.inf)  # a class without photos takes no part

    def cost(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(points.shape[1], -1)
        scores = before + points @ weights + hidden
        scores -= scores.max(1, keepdims=True)
        powers = np.exp(scores)
        sums = powers.sum(1)
        right = np.where(truth > 0, scores, 0.0).sum(1)
        slope = points.T @ ((powers / sums[:, None] - truth) * share[:, None]) + candidate.penalty * weights
        return float(share @ (np.log(sums) - right) + candidate.penalty / 2 * (flat @ flat)), slope.ravel()

    zeros = np.zeros((points.shape[1], material.classes))
    found = minimize(
        cost,
        (zeros if start is None else start).ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": STEPS, "gtol": 1e-5, "ftol": 1e-8},
    )
    weights: Floats = found.x.reshape(zeros.shape) * there
    return np.where(there > 0, weights, weights[:, there > 0].mean(1, keepdims=True))


def scores_of(material: Material, candidate: Candidate, weights: Floats) -> Floats:
    """Scores (N, K) of a candidate with its weights."""
    made = material.points @ weights
    if candidate.anew or material.before is None:
        return made
    made = made + material.before
    return made if material.untouched is None else beside(made, material.before, material.untouched)


def path(material: Material, tried: Sequence[Candidate]) -> Iterator[tuple[Candidate, Floats]]:
    """The weights of each candidate, each fit begun where the one before it, with a stronger penalty, ended."""
    start, anew = None, False
    for candidate in tried:
        start = None if candidate.anew != anew else start
        start, anew = fitted(material, candidate, start), candidate.anew
        yield candidate, start


def folds_of(labels: Codes, groups: Codes, folds: int, seed: int) -> Codes:
    """Which of some folds each photo is left out in, (N,): groups whole, each class spread as evenly as they allow."""
    rng, fold = np.random.default_rng(seed), np.zeros(len(labels), np.int64)
    filled = np.zeros((int(labels.max()) + 1, folds))
    names, sizes = np.unique(groups, return_counts=True)
    order = sorted(rng.permutation(len(names)), key=lambda place: -sizes[place])
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(sizes)[:-1])
    for place in order:
        rows = members[place]
        code = labels[rows[0]]
        least = np.lexsort((filled.sum(0), filled[code]))[0]
        fold[rows] = least
        np.add.at(filled, (labels[rows], least), 1)
    return fold


def left_out(material: Material, tried: Sequence[Candidate], fold: Codes) -> Iterator[tuple[int, Floats]]:
    """For each fold, its number and the scores (candidates, photos in it, K) of heads that did not see it."""
    for number in range(int(fold.max()) + 1):
        out = fold == number
        learnt = path(material[~out], tried)
        yield number, np.stack([scores_of(material[out], candidate, weights) for candidate, weights in learnt])


def losses_of(scores: Floats, labels: Codes) -> Floats:
    """Minus the logarithm of the probability of the true class, of scores (candidates, N, K): (candidates, N)."""
    names, photos = tuple(map(str, range(scores.shape[2]))), tuple(map(str, range(len(labels))))
    logs = [log_probabilities(Predictions(names, photos, labels, one)) for one in scores]
    return -np.stack([one[np.arange(len(labels)), labels] for one in logs])


def chosen(losses: Floats, weights: Floats, tried: Sequence[Candidate]) -> int:
    """The place of the candidate with the least loss, or of a less daring one beside what is known that is within a standard error of it.

    (Breiman et al. 1984, section 3.4.3, with the error of the difference.) With few labels much looks better by chance alone.
    """
    weights = weights / weights.sum()
    means = losses @ weights
    best = int(means.argmin())
    beyond = losses - losses[best]  # (candidates, N)
    error = np.sqrt(((beyond - (means - means[best])[:, None]) ** 2) @ weights**2)
    near = means - means[best] <= error
    return next(place for place, one in enumerate(tried) if place == best or (near[place] and not one.anew))
