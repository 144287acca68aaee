"""Whether what was learnt is better: figures with intervals, the difference photo by photo, and that in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modiste.evaluation.metrics import f1, precision, recall, support
from modiste.evaluation.statistics.estimates import LEVEL, Difference, difference, estimate
from modiste.evaluation.statistics.pairs import mcnemar
from modiste.evaluation.statistics.power import connor
from modiste.records.plain import to_plain
from modiste.records.predictions import Predictions
from modiste.records.table import Cell, Table

BEFORE, AFTER = "before", "after"
MEASURES = {"accuracy": "Accuracy", "macro_f1": "Macro F1"}
FEWEST = 20  # photos from which on a difference is spoken of
MOST_LABELS = 20_000  # more than these nobody gives: "very many"


@dataclass(frozen=True)
class Verdict:
    """What came out on some photos: a table of networks, one of classes, the difference of accuracies, and a sentence."""

    networks: Table
    classes: Table
    difference: Difference | None  # None where there is nothing to compare with
    words: str
    more: int | None = None  # about how many more labels would tell

    def plain(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "networks": self.networks.plain(),
            "classes": self.classes.plain(),
            "difference": None if self.difference is None else finite(to_plain(self.difference)),
            "verdict": self.words,
            "more_labels": self.more,
        }


def finite(plain: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no infinity: degrees of freedom that are infinite are left out."""
    return {key: value for key, value in plain.items() if value != float("inf")}


def verdict(after: Predictions, before: Predictions | None, title: str) -> Verdict:
    """The new network beside the one it was learnt from, on the same photos; None where that one does not know the classes."""
    shown = {BEFORE: before, AFTER: after}
    networks = Table(title, COLUMNS, tuple(row_of(name, one) for name, one in shown.items() if one is not None))
    found = None if before is None else difference([after], [before], "accuracy")
    words, more = alone(after) if before is None or found is None else told(found, *parted(after, before), len(after))
    return Verdict(networks, by_class(after, before), found, words, more)


COLUMNS = ("Network", *(word for name in MEASURES.values() for word in (name, "from", "to")))


def row_of(name: str, predictions: Predictions) -> tuple[Cell, ...]:
    """A network's figures, each with its 95 % interval."""
    found = [estimate([predictions], measure) for measure in MEASURES]
    return (name, *(value for one in found for value in (one.value, one.low, one.high)))


def by_class(after: Predictions, before: Predictions | None) -> Table:
    """Each class: how many photos, and precision, recall and F1, with the F1 there was before."""
    counts = support(after)
    values = zip(after.classes, counts.tolist(), precision(after), recall(after), f1(after), strict=True)
    old = [None] * len(counts) if before is None else f1(before).tolist()
    rows = [
        (name, int(photos), *([None] * 4 if not photos else [float(share), float(found), float(both), was]))
        for (name, photos, share, found, both), was in zip(values, old, strict=True)
    ]
    return Table("Class by class", ("Class", "Photos", "Precision", "Recall", "F1", "F1 before"), tuple(rows))


def parted(after: Predictions, before: Predictions) -> tuple[int, int]:
    """On how many photos only the new one is right, and only the old one."""
    found = mcnemar(after, before)
    return found.only_a, found.only_b


def told(found: Difference, only_after: int, only_before: int, photos: int) -> tuple[str, int | None]:
    """A verdict, and about how many more labels would tell where it is none.

    >>> told(Difference(0.05, 0.02, 0.08, 0.95, 0.001, 400, (1, 1), 0.015, 99.0), 24, 4, 400)
    ('better: +0.050 of accuracy (+0.020 to +0.080)', None)
    """
    numbers = f"{found.value:+.3f} of accuracy ({found.low:+.3f} to {found.high:+.3f})"
    if photos >= FEWEST and (found.low > 0 or found.high < 0):
        return f"{'better' if found.low > 0 else 'worse'}: {numbers}", None
    if found.value <= 0:
        return f"no better, as far as {photos:,} photos tell: {numbers}", None
    apart = (only_after + only_before) / photos
    more = max(FEWEST, connor(found.value, max(apart, found.value), level=LEVEL) - photos)
    if more > MOST_LABELS:
        return f"cannot be told: {numbers}; if there is a difference, it is too small for labels to tell", None
    near = about(more)
    return f"cannot be told yet: {numbers}; about {near:,} more labels would tell, if the difference stays as it is", near


def about(number: int) -> int:
    """A number as people say it.

    >>> about(137), about(2043)
    (140, 2000)
    """
    unit = int(10 ** (len(str(number)) - 2))
    return round(number / unit) * unit


def alone(after: Predictions) -> tuple[str, int | None]:
    """What can be said where nothing stands beside it."""
    counts = support(after)
    most = int(counts.argmax())
    return (
        f"the network before does not know these classes: there is nothing to compare with. Calling every photo {after.classes[most]} "
        f"would be right on {counts[most] / counts.sum():.3f} of them",
        None,
    )
