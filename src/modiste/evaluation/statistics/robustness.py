"""Robustness: how much of what a model reaches is left on corrupted photos, with intervals that compare photo by photo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from modiste.evaluation.metrics import metric
from modiste.evaluation.statistics.estimates import Difference, Estimate, differing, estimated
from modiste.evaluation.statistics.resampling import Sample, sampled
from modiste.evaluation.tables import classes_of
from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions
from modiste.records.table import Cell, Table

ROUNDS = 1000
CLEAN = "clean"


@dataclass(frozen=True, eq=False)
class Robustness:
    """What a model said of clean photos, and of the same photos corrupted: corruption -> severity (1-5) -> predictions."""

    clean: Predictions
    corrupted: Mapping[str, Mapping[int, Predictions]]

    def __post_init__(self) -> None:
        if not self.corrupted or not all(self.corrupted.values()):
            raise ModisteError("nothing was corrupted: name one corruption and one severity at least.")

    @property
    def cells(self) -> dict[tuple[str, int], Predictions]:
        """The predictions of each corruption and severity."""
        return {(name, severity): run for name, runs in self.corrupted.items() for severity, run in runs.items()}


@dataclass(frozen=True)
class Left:
    """What is left of a measure on corrupted photos: clean, on each corruption at each severity, in the mean, and how far it fell."""

    clean: Estimate
    cells: Mapping[tuple[str, int], Estimate]
    corruptions: Mapping[str, float]  # mean over severities
    mean: Estimate  # over all corruptions and severities
    fall: Difference  # the mean less clean: below 0 where corruptions cost


def left(found: Robustness, measured: str = "macro_f1", *, rounds: int = ROUNDS, seed: int = 0) -> Left:
    """A measure of one model on corrupted photos; all intervals are from the same draws of photos."""
    cells = found.cells
    names = {cell: f"{cell[0]} {cell[1]}" for cell in cells}
    drawn = sampled({CLEAN: (found.clean,), **{names[cell]: (run,) for cell, run in cells.items()}}, measured, rounds, seed)
    samples = {cell: drawn[name] for cell, name in names.items()}
    mean = averaged(list(samples.values()))
    return Left(
        estimated(drawn[CLEAN]),
        {cell: estimated(sample) for cell, sample in samples.items()},
        {name: fmean(metric(measured, run) for run in runs.values()) for name, runs in found.corrupted.items()},
        estimated(mean),
        differing(mean, drawn[CLEAN]),
    )


def averaged(samples: list[Sample]) -> Sample:
    """The mean of several samples of the same draws, as a sample."""
    values, drawn = np.mean([one.values for one in samples], 0), np.mean([one.drawn for one in samples], 0)
    return Sample(values, drawn, np.mean([one.steps for one in samples], 0), np.mean([one.right for one in samples], 0))


def corruption_error(found: Robustness, beside: Robustness) -> float:
    """Mean corruption error against another model's: errors summed over severities, divided by its, mean over corruptions.

    Below 1 it errs less often than the other (Hendrycks & Dietterich 2019, section 4, where AlexNet is the other).
    """
    check_alike({"this": found, "the other": beside})
    ratios = []
    for name, runs in found.corrupted.items():
        ours, theirs = (sum(1 - metric("accuracy", run) for run in one.values()) for one in (runs, beside.corrupted[name]))
        ratios.append(ours / theirs if theirs else float("inf") if ours else 1.0)
    return fmean(ratios)


def robustness_table(models: Mapping[str, Robustness], measured: str = "macro_f1") -> Table:
    """A row a model: clean, corrupted in the mean, the fall between them, corruption error against the first model, each corruption."""
    check_alike(models)
    first = next(iter(models.values()))
    rows: list[tuple[Cell, ...]] = []
    for name, found in models.items():
        one = left(found, measured)
        cells: list[Cell] = [
            name,
            one.clean.value,
            one.mean.value,
            one.mean.low,
            one.mean.high,
            one.fall.value,
            one.fall.low,
            one.fall.high,
        ]
        cells += [corruption_error(found, first)] if len(models) > 1 else []
        rows.append((*cells, *(one.corruptions[corruption] for corruption in first.corrupted)))
    columns = ["Model", "Clean", "Corrupted", "From", "To", "Δ Corrupted", "Δ from", "Δ to", *(["mCE"] if len(models) > 1 else [])]
    severities = [str(severity) for severity in next(iter(first.corrupted.values()))]
    over = f"means over severities {', '.join(severities)}" if len(severities) > 1 else f"severity {severities[0]}"
    said = [f"{len(first.clean):,} photos; {over}; 95 % intervals over photos, Δ photo by photo.", MIXED]
    said += [f"mCE: mean corruption error (of accuracy) against {next(iter(models))}, which is 1; below it a model errs less."] * (
        len(models) > 1
    )
    title = f"Robustness: {measured.replace('_', ' ').replace('f1', 'F1')} on corrupted photos"
    return Table(title, (*columns, *map(shown, first.corrupted)), tuple(rows), tuple(said))


def severities_table(name: str, found: Robustness, measured: str = "macro_f1") -> Table:
    """One model on every corruption (row) at every severity (three columns each: the measure and its 95 % interval)."""
    one = left(found, measured)
    severities = list(next(iter(found.corrupted.values())))
    rows: list[tuple[Cell, ...]] = []
    for corruption in found.corrupted:
        here = [one.cells[corruption, severity] for severity in severities]
        rows.append((shown(corruption), *(value for cell in here for value in (cell.value, cell.low, cell.high))))
    columns = [words for severity in severities for words in (f"Severity {severity}", f"{severity} from", f"{severity} to")]
    clean = f"Clean: {one.clean.value:.4f} ({one.clean.low:.4f} to {one.clean.high:.4f})."
    return Table(f"Robustness of {name}", ("Corruption", *columns), tuple(rows), (f"{len(found.clean):,} photos, 95 % intervals. {clean}",))


def check_alike(models: Mapping[str, Robustness]) -> None:
    """Refuse models that were not corrupted alike, or not tested on the same photos."""
    if not models:
        raise ModisteError("no model was tested on corrupted photos.")
    classes_of({name: (found.clean,) for name, found in models.items()})
    (first, cells), *others = ((name, sorted(found.cells)) for name, found in models.items())
    for name, others_cells in others:
        if others_cells != cells:
            raise ModisteError(f"'{first}' and '{name}' were not tested with the same corruptions and severities: no table may mix them.")


def shown(corruption: str) -> str:
    """A corruption's name as it is read.

    >>> shown("colour_cast")
    'Colour cast'
    """
    return corruption.replace("_", " ").capitalize().replace("Jpeg", "JPEG")


MIXED = "Corrupted: at the side the network sees, in colours, before it turns them into grey."
