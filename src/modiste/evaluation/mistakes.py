"""Mistakes: which photos a model gets wrong, which cost the models most, which none gets right, and where two of them disagree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modiste.evaluation.tables import Results, classes_of
from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions

Codes = NDArray[np.int64]
Shares = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Said:
    """What M models, by their first seeds, said of the same N photos: truth (N,), scores (M, N, K)."""

    models: tuple[str, ...]
    classes: tuple[str, ...]
    photos: tuple[str, ...]
    truth: Codes
    scores: Shares

    @cached_property
    def called(self) -> Codes:
        """The class each model called each photo: (M, N)."""
        codes: Codes = self.scores.argmax(2).astype(np.int64)
        return codes

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """Whether each model called each photo what it is: (M, N)."""
        right: NDArray[np.bool_] = self.called == self.truth
        return right

    @cached_property
    def shares(self) -> Shares:
        """The softmax of the scores: (M, N, K), in [0, 1]. Of an SVM's margins it is an order, and no probability."""
        above = np.exp(self.scores - self.scores.max(2, keepdims=True))
        shares: Shares = above / above.sum(2, keepdims=True)
        return shares

    @cached_property
    def losses(self) -> Shares:
        """The cross-entropy of each photo, -ln of the true class's share: (M, N), 0 or more."""
        top = self.scores.max(2, keepdims=True)
        whole = top[..., 0] + np.log(np.exp(self.scores - top).sum(2))
        losses: Shares = whole - np.take_along_axis(self.scores, self.truth[None, :, None], 2)[..., 0]
        return np.maximum(losses, 0.0)

    @cached_property
    def places(self) -> Shares:
        """The mean over the models of a photo's place among a model's losses: (N,), in [0, 1], 1 the highest.

        Losses themselves cannot be averaged: a model that is sure of everything would drown the others.
        """
        least = max(1, len(self.photos) - 1)
        placed: Shares = self.losses.argsort(1, kind="stable").argsort(1, kind="stable").mean(0) / least
        return placed

    def by_loss(self, chosen: NDArray[np.bool_], model: int | None = None) -> list[int]:
        """The places of the chosen photos (N,), the highest loss first: of one model, or of all together."""
        weight = self.places if model is None else self.losses[model]
        found = np.flatnonzero(chosen)
        return [int(place) for place in found[np.argsort(-weight[found], kind="stable")]]


def said(results: Results) -> Said:
    """What the models said of their photos, in one order; results of two test sets are refused."""
    classes = classes_of(results)
    first = {name: runs[0] for name, runs in results.items() if runs}
    if not first:
        raise ModisteError("there are no predictions to look for mistakes in: no run is finished yet.")
    photos = next(iter(first.values())).photos
    rows = {name: order(predictions, photos) for name, predictions in first.items()}
    truth = next(iter(first.values())).truth
    scores = np.stack([predictions.scores[rows[name]] for name, predictions in first.items()])
    return Said(tuple(first), classes, photos, truth, scores)


def order(predictions: Predictions, photos: tuple[str, ...]) -> list[int]:
    """Where each of the photos stands among the predictions."""
    rows = {photo: row for row, photo in enumerate(predictions.photos)}
    return [rows[photo] for photo in photos]


def hardest(answers: Said, most: int) -> list[int]:
    """The photos with the highest loss over all models, of those that some model got wrong: mislabelled, odd, or hard."""
    return answers.by_loss(np.asarray(~answers.right.all(0)))[:most]


def missed_by_all(answers: Said) -> list[int]:
    """The photos that no model called what they are, the highest loss first.

    >>> one, other = Predictions.of([0, 1, 1], [1, 1, 0]), Predictions.of([0, 1, 1], [1, 1, 1])
    >>> missed_by_all(said({"one": [one], "other": [other]}))
    [0]
    """
    return answers.by_loss(np.asarray(~answers.right.any(0)))


def only(answers: Said, one: str, other: str) -> list[int]:
    """The photos that one model called rightly and the other wrongly, the other's highest loss first.

    >>> one, other = Predictions.of([0, 1, 1], [0, 1, 0]), Predictions.of([0, 1, 1], [1, 1, 1])
    >>> answers = said({"one": [one], "other": [other]})
    >>> only(answers, "one", "other"), only(answers, "other", "one")
    ([0], [2])
    """
    ours, theirs = answers.models.index(one), answers.models.index(other)
    return answers.by_loss(answers.right[ours] & ~answers.right[theirs], theirs)


def confused(counts: Codes, most: int) -> list[tuple[int, int, int]]:
    """The most frequent mistakes among counts (K, K): truth, called, photos; the most photos first.

    >>> confused(np.array([[5, 1, 0], [0, 9, 3], [0, 0, 2]]), 2)
    [(1, 2, 3), (0, 1, 1)]
    """
    wrong = counts - np.diag(np.diagonal(counts))
    pairs = [(int(y), int(x), int(wrong[y, x])) for y, x in np.argwhere(wrong)]
    return sorted(pairs, key=lambda pair: -pair[2])[:most]
