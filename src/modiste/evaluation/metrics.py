"""Metrics: what share of the calls was right, of one class or on average, and the report that shows them together.

Every share lies in [0, 1]. A share of nothing is 0, as with scikit-learn's `zero_division=0`: a class that was never called has
precision 0. An average is taken over the classes that have photos in the truth, as with `labels=` those classes; a class without
photos has no recall to speak of and would only pull the average down.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions
from modiste.records.table import Cell, Table

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]


def accuracy(predictions: Predictions) -> float:
    """Of all photos, the share called what they are.

    >>> accuracy(Predictions.of(truth=[0, 0, 1, 1], called=[0, 1, 1, 1]))
    0.75
    """
    hits, _, true = tally(predictions)
    return float(hits.sum() / true.sum())


def precision(predictions: Predictions) -> Shares:
    """Of the photos called a class, the share that are of it: (K,); 0 for a class never called.

    >>> precision(Predictions.of(truth=[0, 0, 1, 1], called=[0, 1, 1, 1], classes=["hat", "cap", "bag"])).round(2).tolist()
    [1.0, 0.67, 0.0]
    """
    hits, called, _ = tally(predictions)
    return share(hits, called)


def recall(predictions: Predictions) -> Shares:
    """Of the photos of a class, the share called it: (K,); 0 for a class without photos.

    >>> recall(Predictions.of(truth=[0, 0, 1, 1], called=[0, 1, 1, 1])).tolist()
    [0.5, 1.0]
    """
    hits, _, true = tally(predictions)
    return share(hits, true)


def f1(predictions: Predictions) -> Shares:
    """The harmonic mean of a class's precision and recall: (K,).

    >>> f1(Predictions.of(truth=[0, 0, 1, 1], called=[0, 1, 1, 1])).round(2).tolist()
    [0.67, 0.8]
    """
    hits, called, true = tally(predictions)
    return share(2 * hits, called + true)


def specificity(predictions: Predictions) -> Shares:
    """Of the photos not of a class, the share not called it (one against the rest): (K,); 1 where all photos are of the class.

    >>> specificity(Predictions.of(truth=[0, 0, 1, 1], called=[0, 1, 1, 1])).tolist()
    [1.0, 0.5]
    """
    hits, called, true = tally(predictions)
    return 1 - share(called - hits, true.sum() - true)


def support(predictions: Predictions) -> Counts:
    """Photos of each class in the truth: (K,)."""
    _, _, true = tally(predictions)
    return true


def macro_precision(predictions: Predictions) -> float:
    """Mean precision of the classes that have photos, each class counting the same.

    >>> macro_precision(Predictions.of(truth=[0, 0, 1], called=[0, 1, 1]))
    0.75
    """
    return macro(precision, predictions)


def macro_recall(predictions: Predictions) -> float:
    """Mean recall of the classes that have photos, each class counting the same.

    >>> macro_recall(Predictions.of(truth=[0, 0, 1], called=[0, 1, 1]))
    0.75
    """
    return macro(recall, predictions)


def macro_f1(predictions: Predictions) -> float:
    """Mean of the F1s of the classes that have photos (not the F1 of the mean precision and recall).

    >>> round(macro_f1(Predictions.of(truth=[0, 0, 1, 1], called=[0, 1, 1, 1])), 4)
    0.7333
    """
    return macro(f1, predictions)


def macro_specificity(predictions: Predictions) -> float:
    """Mean specificity of the classes that have photos, each class counting the same.

    >>> macro_specificity(Predictions.of(truth=[0, 0, 1], called=[0, 1, 1]))
    0.75
    """
    return macro(specificity, predictions)


def weighted_precision(predictions: Predictions) -> float:
    """Mean precision, each class counting by its photos.

    >>> round(weighted_precision(Predictions.of(truth=[0, 0, 1], called=[0, 1, 1])), 4)
    0.8333
    """
    return weighted(precision, predictions)


def weighted_recall(predictions: Predictions) -> float:
    """Mean recall, each class counting by its photos: the accuracy by another name.

    >>> round(weighted_recall(Predictions.of(truth=[0, 0, 1], called=[0, 1, 1])), 4)
    0.6667
    """
    return weighted(recall, predictions)


def weighted_f1(predictions: Predictions) -> float:
    """Mean F1, each class counting by its photos.

    >>> round(weighted_f1(Predictions.of(truth=[0, 0, 0, 1], called=[0, 0, 0, 0])), 4)
    0.6429
    """
    return weighted(f1, predictions)


def weighted_specificity(predictions: Predictions) -> float:
    """Mean specificity, each class counting by its photos.

    >>> weighted_specificity(Predictions.of(truth=[0, 0, 0, 1], called=[0, 0, 0, 0]))
    0.25
    """
    return weighted(specificity, predictions)


def report(predictions: Predictions, title: str = "Classification report") -> Table:
    """Every class's metrics and their averages, in the shape of the paper's Tables 5 and 6 (there without the last two columns)."""
    measures = (precision, recall, f1, specificity)
    photos = support(predictions)
    values = np.stack([measure(predictions) for measure in measures], axis=1)  # (K, 4)
    rows: list[tuple[Cell, ...]] = [
        (name, *map(float, shares), int(count)) if count else (name, None, None, None, None, 0)
        for name, shares, count in zip(predictions.classes, values, photos, strict=True)
    ]
    count = int(photos.sum())
    rows.append(("Accuracy", None, None, accuracy(predictions), None, count))
    rows.append(("Macro avg", *(macro(measure, predictions) for measure in measures), count))
    rows.append(("Weighted avg", *(weighted(measure, predictions) for measure in measures), count))
    missing = ", ".join(name for name, count in zip(predictions.classes, photos, strict=True) if not count)
    notes = (f"Without photos here, and so left out of the averages: {missing}.",) if missing else ()
    return Table(title, ("Class", "Precision", "Recall", "F1", "Specificity", "Photos"), tuple(rows), notes)


def macro(measure: Callable[[Predictions], Shares], predictions: Predictions) -> float:
    """A per-class measure averaged over the classes that have photos."""
    return float(measure(predictions)[support(predictions) > 0].mean())


def weighted(measure: Callable[[Predictions], Shares], predictions: Predictions) -> float:
    """A per-class measure averaged over the classes, each counting by its photos."""
    return float(np.average(measure(predictions), weights=support(predictions)))


def tally(predictions: Predictions) -> tuple[Counts, Counts, Counts]:
    """Photos of each class that were called it, that were called it rightly or wrongly, and that are of it: three (K,)."""
    if not len(predictions):
        raise ModisteError("there are no predictions to measure: not one photo. Check that the split has labelled photos.")
    counts = predictions.confusion  # (K, K), row = truth
    return counts.diagonal(), counts.sum(0), counts.sum(1)


def share(part: Counts, whole: Counts) -> Shares:
    """`part / whole`, and 0 where the whole is 0."""
    return np.where(whole > 0, part / np.maximum(whole, 1), 0.0)


METRICS: dict[str, Callable[[Predictions], float]] = {
    "accuracy": accuracy,
    "macro_precision": macro_precision,
    "macro_recall": macro_recall,
    "macro_f1": macro_f1,
    "macro_specificity": macro_specificity,
    "weighted_precision": weighted_precision,
    "weighted_recall": weighted_recall,
    "weighted_f1": weighted_f1,
    "weighted_specificity": weighted_specificity,
}
