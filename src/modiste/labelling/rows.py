"""A row of the result: what is said of one photo, and under which columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from modiste.labelling.book import Answer, Floats, Listed
from modiste.records.labels import Classes
from modiste.serving.deciding import AUTO, REJECT, Thresholds
from modiste.serving.labeller import Answers

STRANGE = "strange"  # a word of deciding.WHY: unlike the photos that the network learnt from
DIGITS = 6  # of every number
Value = str | float | None
FIRST = ("photo", "sha256", "label", "confidence")
LAST = ("decision", "reason", "strangeness", "text_label", "agrees", "model")


def columns_of(classes: Classes) -> tuple[str, ...]:
    """The columns of a result, one of them for each class's probability."""
    return (*FIRST, *(f"p_{name}" for name in classes.names), *LAST)


@dataclass(frozen=True, slots=True)
class Row:
    """What is said of one photo; one that could not be read has neither label nor probabilities."""

    listed: Listed
    probabilities: tuple[float, ...]  # (K,), or empty
    label: int | None  # code of the most probable class, whatever was decided
    decision: str
    reason: str  # '' for a photo that is labelled automatically
    strangeness: float | None

    @property
    def margin(self) -> float:
        """How far the class called lies before the second, in [0, 1]; 0 where nothing was called."""
        first, second = (*sorted(self.probabilities, reverse=True), 0.0, 0.0)[:2]
        return round(first - second, DIGITS)

    @property
    def agrees(self) -> bool | None:
        """Whether the source speaks of the same class; None where it says nothing, or the photo is rejected."""
        return None if self.decision == REJECT or self.listed.own is None else self.label == self.listed.own

    def values(self, classes: Classes, model: str) -> tuple[Value, ...]:
        """The row under `columns_of`; None where there is nothing to say."""
        names, label = classes.names, self.label
        return (
            self.listed.photo,
            self.listed.sha.hex() if self.listed.sha else None,
            None if label is None else names[label],
            None if label is None else self.probabilities[label],
            *(self.probabilities or (None,) * len(names)),
            self.decision,
            self.reason or None,
            self.strangeness,
            None if self.listed.own is None else names[self.listed.own],
            {True: "yes", False: "no", None: None}[self.agrees],
            model,
        )

    def judged(self) -> tuple[object, ...]:
        return (self.listed.place, self.decision, self.reason, self.label, self.margin, self.agrees is False)


def rows_of(some: Sequence[tuple[Listed, Answer]], thresholds: Thresholds) -> Iterator[Row]:
    """The rows of some photos and what came of them."""
    read = [answer.values for _, answer in some if answer.values is not None]
    reasons = iter(reasons_of(np.stack(read), thresholds) if read else ())
    for listed, answer in some:
        if answer.values is None:
            yield Row(listed, (), None, REJECT, answer.reason, None)
            continue
        *probabilities, strangeness = (round(float(value), DIGITS) for value in answer.values)
        decision, reason = next(reasons)
        label = int(answer.values[:-1].argmax())
        yield Row(listed, tuple(probabilities), label, decision, reason, None if np.isnan(strangeness) else strangeness)


def reasons_of(values: Floats, thresholds: Thresholds) -> list[tuple[str, str]]:
    """What is decided of photos (N, K + 1), and why it is not 'auto'."""
    strangeness = None if np.isnan(values[:, -1]).any() else values[:, -1]
    answers = Answers(values[:, :-1], values[:, :0], values[:, :0], strangeness)
    decided = zip(thresholds.decide(answers), thresholds.reasons(answers), strict=True)
    return [(decision, "" if decision == AUTO else STRANGE if decision == REJECT else reason) for decision, reason in decided]


def some_at_once(items: Iterator[tuple[Listed, Answer]], at_once: int = 512) -> Iterator[list[tuple[Listed, Answer]]]:
    while some := list(islice(items, at_once)):
        yield some
