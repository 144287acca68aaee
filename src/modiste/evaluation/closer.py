"""A closer look at one run's predictions: slices, other class mixes, and whether its confidence can be believed."""

from __future__ import annotations

from collections.abc import Sequence

from modiste.evaluation.statistics.calibration import calibration_table, gives_margins, temperature
from modiste.evaluation.statistics.selective import RISKS, choose, coverage_risk
from modiste.evaluation.statistics.shift import correction_table, mixes_table, own_mix, parse_mix, trained_mix
from modiste.evaluation.statistics.slices import column_values, slices_table
from modiste.records.catalogue import Catalogue
from modiste.records.errors import ModisteError, UsageError
from modiste.records.predictions import Predictions
from modiste.records.run import Run
from modiste.records.table import Table

EVEN, INVERSE = ("cross_entropy", "hinge"), "class_weighted"  # losses by what a photo weighs: all alike; one over its class's number


def slices_of(run: Run, predictions: Predictions, catalogue: Catalogue, column: str) -> Table:
    """The slices that a column of the catalogue cuts."""
    return slices_table({run.folder.name: [predictions]}, column, column_values(catalogue, column))


def mixes_of(predictions: Predictions, asked: Sequence[str]) -> Table:
    """What it would reach under other mixes, each as it is typed ('Hats=0.2,Bags=0.8'), below what it reaches on these photos."""
    return mixes_table([predictions], {"These photos": own_mix(predictions)} | {text: parse_mix(text) for text in asked})


def found_mix_of(run: Run, predictions: Predictions, split: str | None = None) -> Table:
    """The class mix of these photos found without their labels, and what the calls reach, put right for it."""
    prior = counted_on(run, split)
    name = run.folder.name
    seen = {name: [run.predictions("validation")]} if "validation" in run.splits else {}
    fitted = {name: temperature(seen[name][0])} if seen else {}
    margins = [name] if gives_margins(run.recipe) else []
    return correction_table({name: [predictions]}, {name: prior}, fitted, seen, margins)


def counted_on(run: Run, split: str | None = None) -> dict[str, float]:
    """The class mix that a run's network counts on: as its training photos were drawn, and as its loss weighed them."""
    recipe, classes = run.recipe, run.about["classes"]
    if split == "validation":
        raise UsageError("--find-mix: which class is called which is learnt from validation: nothing is found there. Leave --split away.")
    if recipe.loss not in EVEN and recipe.loss != INVERSE:
        raise UsageError(f"--find-mix: {run.folder} was trained with the loss {recipe.loss}: what mix it counts on is not known.")
    if (recipe.sampling == "weighted") == (recipe.loss in EVEN):  # one of the two makes up for the imbalance
        return trained_mix(dict.fromkeys(classes, 1.0), "weighted")
    photos = run.about["data"].get("of_train")
    if photos is None:
        raise ModisteError(
            f"{run.folder} does not say how many photos of each class it was trained on: a version of modiste made it that did not write "
            "that down. Train it again to have its mix found."
        )
    return trained_mix(photos if recipe.sampling == "shuffled" else {name: 1 / count for name, count in photos.items()}, "shuffled")


def confidence_of(run: Run, predictions: Predictions, split: str | None = None) -> tuple[Table, list[str]]:
    """Its calibration, at a temperature too where validation gives one; and what to leave to people for few errors, in words."""
    if split == "validation":
        raise UsageError("--confidence: the temperature is fitted on validation, so confidence is not judged there. Leave --split away.")
    name = run.folder.name
    margins = [name] if gives_margins(run.recipe) else []
    fitted = {name: temperature(run.predictions("validation"))} if "validation" in run.splits else {}
    curve = coverage_risk(predictions)
    words = [f"For at most {100 * risk:g} % errors: {choose(curve, risk).words()}" for risk in RISKS]
    return calibration_table({name: [predictions]}, fitted, margins), words
