"""Which photos to show: the surest of each class, the commonest mistakes, the highest losses, and some drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modiste.evaluation.maps import Floats
from modiste.records.errors import unknown
from modiste.records.predictions import Predictions
from modiste.records.words import counted

CELLS = 6  # kinds of mistake that are shown
BY = ("class", "mistake")


@dataclass(frozen=True, eq=False)
class Choice:
    """Photos of one heading: their rows in the predictions, and a word on how they were chosen."""

    heading: str
    rows: tuple[int, ...]
    words: str = ""


def choices(predictions: Predictions, photos: int, by: str | None, rng: np.random.Generator) -> dict[str, list[Choice]]:
    """What each section of a page shows, `photos` a heading: all sections, or those that `by` names."""
    check_by(by)
    made: dict[str, list[Choice]] = {}
    if by != "class":
        made |= {"Mistakes": mistakes(predictions, photos), "Highest losses": highest(predictions, 2 * photos)}
    if by != "mistake":
        made |= {"Sure and right": surest(predictions, photos), "Drawn at random": random(predictions, 2 * photos, rng)}
    return {heading: found for heading, listed in made.items() if (found := [choice for choice in listed if choice.rows])}


def check_by(by: str | None) -> None:
    if by is not None and by not in BY:
        raise unknown("choice of photos", by, BY)


def surest(predictions: Predictions, photos: int) -> list[Choice]:
    """Of each class, the photos that were called rightly with the lowest loss."""
    rows, _ = in_order(predictions)
    right = predictions.called == predictions.truth
    made = []
    for code, name in enumerate(predictions.classes):
        among = [int(row) for row in rows[::-1] if right[row] and predictions.truth[row] == code]
        count = int((right & (predictions.truth == code)).sum())
        words = f"Those it was surest of, among {count:,} that were rightly called so."
        made.append(Choice(name, tuple(among[:photos]), words))
    return made


def mistakes(predictions: Predictions, photos: int) -> list[Choice]:
    """The commonest kinds of mistake, the highest loss first in each."""
    rows, _ = in_order(predictions)
    counts = predictions.confusion * (1 - np.eye(len(predictions.classes), dtype=np.int64))
    cells = sorted(np.argwhere(counts).tolist(), key=lambda cell: -counts[tuple(cell)])[:CELLS]
    made = []
    for truth, called in cells:
        among = [int(row) for row in rows if predictions.truth[row] == truth and predictions.called[row] == called]
        number = f"{counted(len(among), 'photo')} of {int((predictions.truth == truth).sum()):,} of that class"
        made.append(Choice(f"{predictions.classes[truth]} called {predictions.classes[called]}", tuple(among[:photos]), f"{number}."))
    return made


def highest(predictions: Predictions, photos: int) -> list[Choice]:
    rows, lost = in_order(predictions)
    among = rows[:photos]
    words = f"Losses from {lost[among[0]]:.1f} down to {lost[among[-1]]:.1f}; the mean of all is {lost.mean():.2f}." if len(among) else ""
    return [Choice("The true class got the least", tuple(int(row) for row in among), words)]


def random(predictions: Predictions, photos: int, rng: np.random.Generator) -> list[Choice]:
    rows = rng.permutation(len(predictions))[:photos]
    return [Choice("As they come", tuple(int(row) for row in rows), f"{len(rows)} of {len(predictions):,} photos.")]


def in_order(predictions: Predictions) -> tuple[NDArray[np.int64], Floats]:
    """The rows by falling loss, and the loss of each photo: (N,) both."""
    lost = losses(predictions)
    return np.argsort(-lost, kind="stable"), lost


def losses(predictions: Predictions) -> Floats:
    """The cross-entropy of each photo's true class: (N,), 0 and more; a margin of an SVM is taken for a log-odds."""
    best = predictions.scores.max(1, keepdims=True)
    together = best[:, 0] + np.log(np.exp(predictions.scores - best).sum(1))
    lost: Floats = together - predictions.scores[np.arange(len(predictions)), predictions.truth]
    return lost


def probabilities(predictions: Predictions) -> Floats:
    """The softmax of each photo's scores: (N, K)."""
    raised = np.exp(predictions.scores - predictions.scores.max(1, keepdims=True))
    shares: Floats = raised / raised.sum(1, keepdims=True)
    return shares
