"""Slices: how a model does on the photos of each source, colour or product type; any column of the catalogue cuts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import fisher_exact, norm

from modiste.evaluation.measures import f1, macro
from modiste.evaluation.statistics.estimates import wilson
from modiste.evaluation.statistics.pairs import holm
from modiste.evaluation.statistics.resampling import aligned
from modiste.evaluation.tables import Results, classes_of, notes
from modiste.records.catalogue import Catalogue
from modiste.records.errors import ModisteError, unknown
from modiste.records.predictions import Predictions
from modiste.records.table import Cell, Table

FEW = 20  # photos; below, a slice is marked
EMPTY = "(nothing)"
FIELDS = ("source", "split", "product")


@dataclass(frozen=True)
class Slice:
    """One value of a column and what a model reaches on its photos, mean over seeds."""

    value: str
    photos: int
    accuracy: float
    low: float  # Wilson's (1927) 95 % interval of the accuracy, over photos
    high: float
    macro_f1: float  # over the classes that have photos in the slice
    rest: float | None  # accuracy on all other photos; None where there are none
    p: float | None  # that slice and rest are alike: Fisher's (1922) exact test, Holm's (1979) correction for the number of slices

    @property
    def few(self) -> bool:
        return self.photos < FEW


def column_values(catalogue: Catalogue, column: str) -> dict[str, str]:
    """What a column says of each photo, by path: source, split, product, class, or any other column of the catalogue's rows."""
    columns = {name for photo in catalogue.photos for name in photo.details}
    if column not in (*columns, *FIELDS, "class"):
        raise unknown("column", column, (*columns, *FIELDS, "class"))
    if column in columns:
        return {photo.path: photo.details.get(column, "").strip() for photo in catalogue.photos}
    if column in FIELDS:
        return {photo.path: str(getattr(photo, column)).strip() for photo in catalogue.photos}
    return {photo.path: "" if photo.label is None else catalogue.classes.names[photo.label] for photo in catalogue.photos}


def slices(runs: Sequence[Predictions], column: str, values: Mapping[str, str]) -> list[Slice]:
    """The slices that a column cuts, the worst first; `values` gives each photo's value by its path.

    The worst is the one whose interval ends lowest, so that a slice of one photo does not head the list.
    With several seeds a slice's right answers are their mean, rounded for the test. Whether a slice differs from the rest says nothing of
    why: a product type is harder, or its class is rarer.
    """
    truth, called = aligned(runs)
    paths = sorted(runs[0].photos)
    found = grouped(paths, column, values)
    right = (called == truth).mean(0)  # (N,) share of the seeds
    made = [one_slice(value, rows, truth, called, right) for value, rows in found.items()]
    fair = iter(holm([one.p for one in made if one.p is not None]))
    made = [one if one.p is None else replace(one, p=next(fair)) for one in made]
    return sorted(made, key=lambda one: (one.high, one.accuracy, -one.photos, one.value))


def grouped(paths: Sequence[str], column: str, values: Mapping[str, str]) -> dict[str, NDArray[np.int64]]:
    """The rows of each value."""
    if lacking := [path for path in paths if path not in values]:
        raise ModisteError(
            f"column '{column}' says nothing of {len(lacking)} of {len(paths)} photos, the first is '{lacking[0]}': "
            "is this the catalogue that the model was tested on?"
        )
    places: dict[str, list[int]] = {}
    for place, path in enumerate(paths):
        places.setdefault(values[path] or EMPTY, []).append(place)
    if len(places) > max(2, len(paths) // 2):
        raise ModisteError(f"column '{column}' has {len(places)} values for {len(paths)} photos: it cuts no slices. Take another column.")
    return {value: np.array(rows, np.int64) for value, rows in places.items()}


def one_slice(
    value: str, rows: NDArray[np.int64], truth: NDArray[np.int64], called: NDArray[np.int64], right: NDArray[np.float64]
) -> Slice:
    """One slice, its p not corrected yet."""
    photos, others = len(rows), len(right) - len(rows)
    hits, other_hits = float(right[rows].sum()), float(right.sum() - right[rows].sum())
    share = hits / photos
    low, high = wilson(share, share * (1 - share) / photos, 1 / photos, float(norm.ppf(0.975)))
    kinds = int(max(truth.max(), called.max())) + 1
    cells = [np.bincount(truth[rows] * kinds + run[rows], minlength=kinds * kinds) for run in called]
    counts = np.stack(cells).reshape(-1, kinds, kinds)
    p = None
    if others:
        table = [[round(hits), photos - round(hits)], [round(other_hits), others - round(other_hits)]]
        p = float(fisher_exact(table).pvalue)
    return Slice(value, photos, share, low, high, float(macro(f1, counts).mean()), other_hits / others if others else None, p)


def slices_table(results: Results, column: str, values: Mapping[str, str]) -> Table:
    """Every model's slices, its worst first: photos, accuracy with interval, macro F1, and whether it differs from the rest."""
    classes_of(results)
    shown = {name: runs for name, runs in results.items() if runs}
    rows: list[tuple[Cell, ...]] = []
    for name, runs in shown.items():
        for one in slices(runs, column, values):
            away = None if one.rest is None else one.accuracy - one.rest
            mark = "few photos" if one.few else ""
            cells: list[Cell] = [one.value, one.photos, one.accuracy, one.low, one.high, away, one.p, one.macro_f1, mark]
            rows.append(tuple([cells[0], name, *cells[1:]] if len(shown) > 1 else cells))
    columns = [column, "Photos", "Accuracy", "From", "To", "Δ to the rest", "p (Holm)", "Macro F1", "Mark"]
    if len(shown) > 1:
        columns.insert(1, "Model")
    return Table(f"Slices by {column}", tuple(columns), tuple(rows), (*notes(results, spread=False), ABOUT))


ABOUT = (
    "Worst first, by where the interval ends. From, to: Wilson's 95 % interval of the accuracy. p: Fisher's exact test of a slice against "
    f"the others, Holm-corrected for the number of slices. Few photos: fewer than {FEW}. Macro F1: over the classes in the slice."
)
