"""The outcome of a study: its runs and everything that tables, figures and the report ask of them, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from modiste.data.describe import Contents
from modiste.evaluation.chosen import chosen
from modiste.evaluation.costs import reached
from modiste.evaluation.mistakes import Said, said
from modiste.evaluation.statistics.calibration import gives_margins, temperature
from modiste.models.heads import HEADS
from modiste.records.catalogue import TEST, VALIDATION, Catalogue
from modiste.records.predictions import Predictions
from modiste.records.recipe import Recipe
from modiste.records.run import Epoch, Run
from modiste.studies.definitions import Study

Runs = Mapping[str, Sequence[Run]]  # variant -> its finished runs, a seed each
Results = dict[str, list[Predictions]]


def predictions_of(found: Runs) -> Results:
    """What each variant's runs said of the test split, or of validation where there is no test."""
    return {name: [run.predictions(TEST if TEST in run.splits else VALIDATION) for run in some] for name, some in found.items()}


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a study: `found` holds a list for every variant, empty where no run is finished.

    Where the study chooses among its variants, `runs`, `recipes` and `results` are those of the chosen ones, by the name they stand for.
    """

    study: Study
    catalogue: Catalogue
    contents: Contents
    found: Runs
    diverged: tuple[str, ...] = ()  # runs whose loss became no number: name, seed and why
    command: tuple[str, ...] = ()

    @property
    def lacking(self) -> int:
        return len(self.study.planned()) - sum(len(some) for some in self.found.values())

    @cached_property
    def variants(self) -> dict[str, str]:
        """The variant that each name of the report stands for: itself, or the one chosen on validation."""
        return chosen(self.on_validation, self.study.choices) if self.study.choices else {name: name for name in self.found}

    @cached_property
    def runs(self) -> dict[str, Sequence[Run]]:
        return {name: self.found[variant] for name, variant in self.variants.items()}

    @cached_property
    def recipes(self) -> dict[str, Recipe]:
        return {name: self.study.recipes[variant] for name, variant in self.variants.items()}

    @cached_property
    def split(self) -> str:
        """What the report speaks of: test, or validation where there is no test."""
        splits = {split for some in self.found.values() for run in some for split in run.splits}
        return TEST if TEST in splits else VALIDATION

    @cached_property
    def every_result(self) -> Results:
        """What each variant's runs said of the photos that the report speaks of."""
        return predictions_of(self.found)

    @cached_property
    def on_validation(self) -> Results:
        """What each variant's runs said of validation; none where they have none."""
        return {name: [run.predictions(VALIDATION) for run in some if VALIDATION in run.splits] for name, some in self.found.items()}

    @cached_property
    def results(self) -> Results:
        """A list of predictions, a seed each, for every name; empty where no run is finished."""
        names = self.study.choices or self.found
        return {name: self.every_result[self.variants[name]] if name in self.variants else [] for name in names}

    @cached_property
    def shown(self) -> Results:
        """The results that there are."""
        return {name: some for name, some in self.results.items() if some}

    @cached_property
    def answers(self) -> Said:
        """What the first seed of each model said of each photo, the best model first."""
        return said({name: self.shown[name] for name in self.ranked})

    @cached_property
    def ranked(self) -> list[str]:
        """The models from the best to the last by macro F1, mean of their seeds."""
        means = reached(self.shown)
        return sorted(means, key=lambda name: -means[name])

    @property
    def baseline(self) -> str:
        """The model that the others are measured against: the study's first that has a run."""
        return next(iter(self.shown))

    @cached_property
    def histories(self) -> dict[str, list[list[Epoch]]]:
        return {name: [run.history() for run in some] for name, some in self.found.items()}

    @cached_property
    def curves(self) -> dict[str, list[list[Epoch]]]:
        """The history of each seed of each model; an SVM has its softmax network's, which is not shown twice."""
        trained = {name: some for name, some in self.runs.items() if HEADS[self.recipes[name].network.head] is None}
        return {name: [run.history() for run in some] for name, some in trained.items()}

    @cached_property
    def temperatures(self) -> dict[str, list[float]]:
        """A temperature a seed for each model with a validation split, fitted there; none where the report speaks of validation."""
        if self.split == VALIDATION:
            return {}
        fitted = {name: self.on_validation[self.variants[name]] for name in self.shown}
        return {name: [temperature(one) for one in some] for name, some in fitted.items() if len(some) == len(self.shown[name])}

    @cached_property
    def margins(self) -> list[str]:
        """The models whose scores are margins and no log-odds."""
        return [name for name, recipe in self.recipes.items() if gives_margins(recipe)]
