"""Metrics of predictions: what share of the calls was right, of one class or on average, and the report that shows them together.

What they mean, and the conventions at the edges, stand in measures.py, which computes them from counts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from modiste.evaluation import measures
from modiste.evaluation.measures import BY_CLASS, MEASURES, Shares
from modiste.records.predictions import Predictions
from modiste.records.table import Cell, Table


def precision(predictions: Predictions) -> Shares:
    """Of the photos called a class, the share that are of it: (K,); 0 for a class never called.

    >>> precision(Predictions.of(truth=[0, 0, 1, 1], called=[0, 1, 1, 1], classes=["hat", "cap", "bag"])).round(2).tolist()
    [1.0, 0.67, 0.0]
    """
    return measures.precision(predictions.confusion)


def recall(predictions: Predictions) -> Shares:
    """Of the photos of a class, the share called it: (K,); 0 for a class without photos.

    >>> recall(Predictions.of(truth=[0, 0, 1, 1], called=[0, 1, 1, 1])).tolist()
    [0.5, 1.0]
    """
    return measures.recall(predictions.confusion)


def f1(predictions: Predictions) -> Shares:
    """The harmonic mean of a class's precision and recall: (K,).

    >>> f1(Predictions.of(truth=[0, 0, 1, 1], called=[0, 1, 1, 1])).round(2).tolist()
    [0.67, 0.8]
    """
    return measures.f1(predictions.confusion)


def specificity(predictions: Predictions) -> Shares:
    """Of the photos not of a class, the share not called it (one against the rest): (K,); 1 where all photos are of the class.

    >>> specificity(Predictions.of(truth=[0, 0, 1, 1], called=[0, 1, 1, 1])).tolist()
    [1.0, 0.5]
    """
    return measures.specificity(predictions.confusion)


def support(predictions: Predictions) -> NDArray[np.int64]:
    """Photos of each class in the truth: (K,)."""
    photos: NDArray[np.int64] = measures.tally(predictions.confusion)[2]
    return photos


def accuracy(predictions: Predictions) -> float:
    """Of all photos, the share called what they are.

    >>> accuracy(Predictions.of(truth=[0, 0, 1, 1], called=[0, 1, 1, 1]))
    0.75
    """
    return metric("accuracy", predictions)


def macro_f1(predictions: Predictions) -> float:
    """Mean of the F1s of the classes that have photos (not the F1 of the mean precision and recall).

    >>> round(macro_f1(Predictions.of(truth=[0, 0, 1, 1], called=[0, 1, 1, 1])), 4)
    0.7333
    """
    return metric("macro_f1", predictions)


def metric(name: str, predictions: Predictions) -> float:
    """Any measure by its name: one of METRICS, or one of a class.

    >>> metric("recall of cap", Predictions.of(truth=[0, 0, 1], called=[0, 1, 1], classes=["hat", "cap"]))
    1.0
    """
    return float(measures.measure(name, predictions.classes)(predictions.confusion))


def report(predictions: Predictions, title: str = "Classification report") -> Table:
    """Every class's metrics and their averages, in the shape of the paper's Tables 5 and 6 (there without the last two columns)."""
    counts, photos = predictions.confusion, support(predictions)
    values = np.stack([of_class(counts) for of_class in BY_CLASS.values()], axis=1)  # (K, 4)
    rows: list[tuple[Cell, ...]] = [
        (name, *map(float, shares), int(count)) if count else (name, None, None, None, None, 0)
        for name, shares, count in zip(predictions.classes, values, photos, strict=True)
    ]
    count = int(photos.sum())
    rows.append(("Accuracy", None, None, accuracy(predictions), None, count))
    for title_of, averaged in (("Macro avg", measures.macro), ("Weighted avg", measures.weighted)):
        rows.append((title_of, *(float(averaged(of_class, counts)) for of_class in BY_CLASS.values()), count))
    missing = ", ".join(name for name, count in zip(predictions.classes, photos, strict=True) if not count)
    notes = (f"Without photos here, and so left out of the averages: {missing}.",) if missing else ()
    return Table(title, ("Class", "Precision", "Recall", "F1", "Specificity", "Photos"), tuple(rows), notes)


METRICS: dict[str, Callable[[Predictions], float]] = {name: partial(metric, name) for name in MEASURES}
