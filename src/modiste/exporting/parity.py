"""The gate: does an export say what the run says? One that does not is not left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modiste.data.decoded import Pictures
from modiste.evaluation.measures import MEASURES
from modiste.records.predictions import Predictions
from modiste.serving.graphs import Answers

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """What an export may cost at most."""

    apart: float = 1.0  # largest difference of any probability
    same: float = 1.0  # least share of photos with the same label
    macro_f1: float = 1.0  # largest loss, where labels are known


@dataclass(frozen=True)
class Gate:
    """What the gate found, beside its limits."""

    photos: int
    drawn: bool  # pictures that modiste drew, not photos
    same: float  # share of photos with the same label
    apart: float  # largest difference of any probability
    macro_f1: tuple[float, float] | None  # before and after
    limits: Limits

    @property
    def failures(self) -> tuple[str, ...]:
        """What goes beyond the limits, in words."""
        limits, found = self.limits, []
        if not self.same >= limits.same:
            found.append(f"{100 * self.same:.2f} % of {self.photos} labels are the same; {100 * limits.same:.1f} % must be")
        if not self.apart <= limits.apart:
            found.append(f"a probability differs by {self.apart:.2g}; {limits.apart:.2g} is allowed")
        if self.macro_f1 is not None and not self.macro_f1[0] - self.macro_f1[1] <= limits.macro_f1:
            before, after = self.macro_f1
            found.append(f"macro F1 falls from {before:.4f} to {after:.4f}; {100 * limits.macro_f1:.1f} points are allowed")
        return tuple(found)

    @property
    def words(self) -> str:
        """What was found, in a sentence."""
        of = "drawn pictures (no photos were given)" if self.drawn else "photos"
        f1 = "" if self.macro_f1 is None else f", macro F1 {self.macro_f1[0]:.4f} before and {self.macro_f1[1]:.4f} after"
        return f"{100 * self.same:.2f} % of {self.photos} {of} get the same label, probabilities differ by {self.apart:.2g} at most{f1}"

    def plain(self) -> Mapping[str, Any]:
        """The gate as plain values."""
        return {
            "photos": self.photos,
            "drawn": self.drawn,
            "same_label": self.same,
            "furthest_probability": self.apart,
            "macro_f1": None if self.macro_f1 is None else list(self.macro_f1),
            "passed": not self.failures,
            "failures": list(self.failures),
        }


def compare(scores: Floats, answers: Answers, pictures: Pictures, temperature: float, limits: Limits, drawn: bool) -> Gate:
    """Hold what an export says beside the run's scores of the same pictures."""
    before = softmax(scores / temperature)
    after = answers.probabilities.astype(np.float64)
    same = float((answers.called == scores.argmax(1)).mean())
    labelled = pictures.labels >= 0
    f1 = None
    if labelled.any() and not drawn:
        f1 = tuple(macro_f1(pictures.labels[labelled], found[labelled]) for found in (scores, after))
    return Gate(len(pictures), drawn, same, float(np.abs(before - after).max()), f1, limits)  # type: ignore[arg-type]


def softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(1, keepdims=True))
    made: Floats = powers / powers.sum(1, keepdims=True)
    return made


def macro_f1(truth: NDArray[np.int64], scores: Floats) -> float:
    names = tuple(map(str, range(scores.shape[1])))
    said = Predictions(names, tuple(map(str, range(len(truth)))), truth, scores)
    return float(MEASURES["macro_f1"](said.confusion))
