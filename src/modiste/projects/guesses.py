"""What a network's answers mean for a project: a guess among its classes for every photo, how sure it is, and what to do with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modiste.projects.looked import Looked, coded
from modiste.records.labels import Classes, folded
from modiste.serving.bundle import Card
from modiste.serving.deciding import DECISIONS, REJECT, Thresholds, thresholds
from modiste.serving.graphs import Answers

ID_DIGITS = 16
UNSURE = "unsure"  # a word of deciding.WHY
Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Guesses:
    """For N photos, in their order, what a network guesses among the K classes of a project."""

    looked: Looked
    classes: Classes
    probabilities: Floats  # (N, K); 0 for what the network does not know, NaN where it was not asked
    labels: Codes  # (N,): -1 where it has no guess
    confidence: Floats  # (N,), in [0, 1]
    margin: Floats  # (N,): how far the guess lies before the second
    decisions: Codes  # (N,): places in DECISIONS
    reasons: tuple[str, ...]  # (N,): why it is not automatic; '' for one that is

    def __len__(self) -> int:
        return len(self.looked)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """What each photo is called in addresses: 16 digits that say nothing of where it lies."""
        return tuple(id_of(one.path) for one in self.looked.photos)

    @cached_property
    def rows(self) -> dict[str, int]:
        """Where the photo of an id stands."""
        return {name: row for row, name in enumerate(self.ids)}

    @cached_property
    def by_path(self) -> dict[str, int]:
        return {one.path: row for row, one in enumerate(self.looked.photos)}

    def copies(self, row: int) -> list[int]:
        """A photo and all others with the same bytes, that photo first."""
        others = self.looked.copies.get(int(self.looked.places[row]), [])
        return [row, *(other for other in others if other != row)]

    def copies_of(self, path: str) -> list[str]:
        """The same by their paths."""
        return [self.looked.photos[row].path for row in self.copies(self.by_path[path])]

    @cached_property
    def doubt(self) -> Codes:
        """The order of the photos from the most doubtful on, (N,): those that cannot be read last."""
        return np.lexsort((np.arange(len(self)), np.where(np.isnan(self.margin), np.inf, self.margin)))


def id_of(path: str) -> str:
    return hashlib.sha256(coded(path)).hexdigest()[:ID_DIGITS]


def guesses(looked: Looked, card: Card, classes: Classes, precision: float) -> Guesses:
    """The guesses for what was looked at, decided so that automatic labels are right with `precision`."""
    ours = {folded(name): place for place, name in enumerate(classes.names)}
    known = [code for code, name in enumerate(card.classes.names) if folded(name) in ours]
    places = [ours[folded(card.classes.names[code])] for code in known]
    probabilities = np.zeros((len(looked), len(classes)), np.float32)
    probabilities[:, places] = looked.probabilities[:, known]
    asked = looked.places >= 0
    probabilities[~asked] = np.nan
    shares = np.where(asked[:, None], probabilities, 0)
    top = np.sort(shares, 1)[:, -2:] if len(classes) > 1 else shares
    labels = np.where(asked & (top[:, -1] > 0), shares.argmax(1), -1)
    confidence = np.where(asked, top[:, -1], np.nan).astype(np.float32)
    margin = np.where(asked, top[:, -1] - top[:, 0], np.nan).astype(np.float32)
    called = np.where(asked[:, None], looked.probabilities, 0).argmax(1)
    foreign = asked & ~np.isin(called, known)  # called a class that the project has not: what it is sure of is not the guess
    decisions, reasons = decided(looked, thresholds(card, precision), asked, foreign)
    return Guesses(looked, classes, probabilities, labels, confidence, margin, decisions, reasons)


def decided(looked: Looked, chosen: Thresholds, asked: NDArray[np.bool_], foreign: NDArray[np.bool_]) -> tuple[Codes, tuple[str, ...]]:
    """What is to be done with each photo, and why; one that is `foreign` to the project is for people."""
    decisions, reasons = np.full(len(looked), DECISIONS.index(REJECT)), list(looked.reasons)
    rows = np.flatnonzero(asked)
    strange = looked.strangeness[rows]
    nothing = looked.probabilities[:0, :0]
    answers = Answers(looked.probabilities[rows], nothing, nothing, None if np.isnan(strange).any() else strange)
    for row, said in zip(rows.tolist(), chosen.reasons(answers), strict=True):
        reasons[row] = reason = UNSURE if foreign[row] and not said else said
        decisions[row] = DECISIONS.index(chosen.decision(reason))
    return decisions, tuple(reasons)
