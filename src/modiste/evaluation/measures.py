"""Measures: numbers from counts of photos of each class (row) called each class (column), of many count matrices at once.

Counts are (..., K, K), whole or weighted; what is measured is (...), or (..., K) class by class. Every share lies in [0, 1].
A share of nothing is 0, as with scikit-learn's `zero_division=0`: a class that was never called has precision 0. An average is taken
over the classes that have photos in the truth, as with `labels=` those classes; a class without photos has no recall to speak of
and would only pull the average down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modiste.records.errors import ModisteError, UsageError, unknown
from modiste.records.labels import folded

Counts = NDArray[Any]
Shares = NDArray[np.float64]
Measure = Callable[[Counts], Shares]


def accuracy(counts: Counts) -> Shares:
    """Of all photos, the share called what they are: (...).

    >>> float(accuracy(np.array([[1, 1], [0, 2]])))
    0.75
    """
    hits, _, true = tally(counts)
    return share(hits.sum(-1), true.sum(-1))


def precision(counts: Counts) -> Shares:
    """Of the photos called a class, the share that are of it: (..., K); 0 for a class never called.

    >>> precision(np.array([[1, 1], [0, 3]])).tolist()
    [1.0, 0.75]
    """
    hits, called, _ = tally(counts)
    return share(hits, called)


def recall(counts: Counts) -> Shares:
    """Of the photos of a class, the share called it: (..., K); 0 for a class without photos.

    >>> recall(np.array([[1, 1], [0, 2]])).tolist()
    [0.5, 1.0]
    """
    hits, _, true = tally(counts)
    return share(hits, true)


def f1(counts: Counts) -> Shares:
    """The harmonic mean of a class's precision and recall: (..., K).

    >>> f1(np.array([[1, 1], [0, 2]])).round(2).tolist()
    [0.67, 0.8]
    """
    hits, called, true = tally(counts)
    return share(2 * hits, called + true)


def specificity(counts: Counts) -> Shares:
    """Of the photos not of a class, the share not called it (one against the rest): (..., K); 1 where all photos are of the class.

    >>> specificity(np.array([[1, 1], [0, 2]])).tolist()
    [1.0, 0.5]
    """
    hits, called, true = tally(counts)
    return 1 - share(called - hits, true.sum(-1, keepdims=True) - true)


def macro(of_class: Measure, counts: Counts) -> Shares:
    """A measure by class averaged over the classes that have photos, each counting the same: (...).

    >>> float(macro(recall, np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]])))
    0.75
    """
    there = counts.sum(-1) > 0
    return share((of_class(counts) * there).sum(-1), there.sum(-1))


def weighted(of_class: Measure, counts: Counts) -> Shares:
    """A measure by class averaged over the classes, each counting by its photos: (...).

    >>> float(weighted(recall, np.array([[1, 1], [0, 1]]))) == float(accuracy(np.array([[1, 1], [0, 1]])))
    True
    """
    photos = counts.sum(-1)
    return share((of_class(counts) * photos).sum(-1), photos.sum(-1))


def tally(counts: Counts) -> tuple[Counts, Counts, Counts]:
    """Photos of each class that were called it, that were called it rightly or wrongly, and that are of it: three (..., K)."""
    if not counts.any():
        raise ModisteError("there are no predictions to measure: not one photo. Check that the split has labelled photos.")
    return counts.diagonal(axis1=-2, axis2=-1), counts.sum(-2), counts.sum(-1)


def share(part: Counts, whole: Counts) -> Shares:
    """`part / whole`, and 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros(np.broadcast_shapes(np.shape(part), np.shape(whole))), where=np.asarray(whole) > 0)


def measure(name: str, classes: Sequence[str]) -> Measure:
    """What computes a measure by its name: one of MEASURES ('macro_f1'), or one of a class ('recall of Accessories').

    >>> float(measure("recall of Bags", ["Hats", "Bags"])(np.array([[1, 1], [1, 3]])))
    0.75
    """
    of_class, of, _ = name.partition(" of ")
    if not of:
        if name not in MEASURES:
            raise unknown("measure", name, [*MEASURES, *(f"{one} of {name}" for one in BY_CLASS for name in classes)])
        return MEASURES[name]
    if of_class not in BY_CLASS:
        raise unknown("measure of a class", of_class, BY_CLASS)
    code = code_of(name, classes)
    return lambda counts: BY_CLASS[of_class](counts)[..., code]


def code_of(name: str, classes: Sequence[str]) -> int:
    """The code of the class that a measure such as 'recall of Bags' is of."""
    known = name.partition(" of ")[2].strip()
    found = [code for code, one in enumerate(classes) if folded(one) == folded(known)]
    if not found:
        raise UsageError(f"measure '{name}': {unknown('class', known, classes)}")
    return found[0]


def check_photos(name: str, classes: Sequence[str], photos: Sequence[int]) -> None:
    """Refuse the precision, recall or F1 of a class that has no photos: they are 0 whatever a network calls them.

    >>> check_photos("recall of Bags", ["Hats", "Bags"], [3, 0])
    Traceback (most recent call last):
    modiste.records.errors.UsageError: no photo of Bags was tested, so nothing can be said of the recall of Bags.
    """
    of_class, of, _ = name.partition(" of ")
    if of and of_class != "specificity" and not photos[code := code_of(name, classes)]:
        raise UsageError(f"no photo of {classes[code]} was tested, so nothing can be said of the {of_class} of {classes[code]}.")


BY_CLASS: dict[str, Measure] = {"precision": precision, "recall": recall, "f1": f1, "specificity": specificity}

MEASURES: dict[str, Measure] = {
    "accuracy": accuracy,
    **{f"macro_{name}": partial(macro, of_class) for name, of_class in BY_CLASS.items()},
    **{f"weighted_{name}": partial(weighted, of_class) for name, of_class in BY_CLASS.items()},
}
