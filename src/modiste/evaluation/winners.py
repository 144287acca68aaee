"""Winners: which model is best, of all photos and of each class, and which others cannot be told from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from modiste.evaluation.metrics import metric, support
from modiste.evaluation.statistics.estimates import LEVEL, Difference, Estimate, differing, estimated
from modiste.evaluation.statistics.pairs import holm, pairwise
from modiste.evaluation.statistics.resampling import Sample, sampled, sampled_each
from modiste.evaluation.tables import Results, classes_of
from modiste.records.table import Cell, Table

MANY_CLASSES, LISTED, FEW_ROUNDS = 20, 40, 500  # of many classes those with the most photos are judged, in fewer rounds


@dataclass(frozen=True)
class Behind:
    """A model behind the best: the best's measure less its own, and p adjusted by Holm over all that is compared together."""

    name: str
    by: Difference
    p: float

    @property
    def told(self) -> bool:
        """Whether it can be told from the best."""
        return self.p < 1 - self.by.level


@dataclass(frozen=True)
class Standing:
    """The best model with its measure, and the others in their order."""

    best: str
    reaches: Estimate
    others: tuple[Behind, ...]

    @property
    def like_the_best(self) -> list[str]:
        """The models that cannot be told from the best."""
        return [one.name for one in self.others if not one.told]


def standing(results: Results, measure: str = "macro_f1") -> Standing:
    """Who is best by a measure, and who cannot be told from it.

    >>> from modiste.records.predictions import Predictions
    >>> good, bad = Predictions.of([0, 1] * 50, [0, 1] * 50), Predictions.of([0, 1] * 50, [1, 0] * 20 + [0, 1] * 30)
    >>> found = standing({"bad": [bad], "good": [good], "as good": [good]})
    >>> found.best, found.like_the_best
    ('good', ['as good'])
    """
    samples = sampled(results, measure)
    pairs = pairwise({name: results[name] for name in samples}, measure)
    best = max(samples, key=lambda name: samples[name].mean)
    others = tuple(Behind(pair.second, pair.difference, pair.adjusted_p) for pair in pairs if pair.first == best)
    return Standing(best, estimated(samples[best]), others)


def of_class(samples: Mapping[str, Sample]) -> Standing:
    """The best and the next by one class's measure."""
    ranked = sorted(samples, key=lambda name: -samples[name].mean)
    gaps = [(name, differing(samples[ranked[0]], samples[name])) for name in ranked[1:2]]
    return Standing(ranked[0], estimated(samples[ranked[0]]), tuple(Behind(name, gap, gap.p) for name, gap in gaps))


def winners_table(results: Results, measure: str = "f1") -> Table:
    """The best model of each class by a measure of a class, with its interval, and whether it can be told from the next."""
    classes = classes_of(results)
    photos = dict(zip(classes, support(next(runs[0] for runs in results.values() if runs)).tolist(), strict=True))
    there = [name for name in classes if photos[name]]
    judged = there if len(there) <= MANY_CLASSES else sorted(there, key=lambda name: -photos[name])[:LISTED]
    stands = class_by_class(results, {name: f"{measure} of {name}" for name in judged})
    adjusted = iter(holm([one.others[0].by.p for one in stands.values() if one.others]))
    rows = [winner_row(name, photos[name], one, next(adjusted) if one.others else None) for name, one in stands.items()]
    named = measure.upper() if measure == "f1" else measure.capitalize()
    columns = ("Class", "Photos", "Best model", named, "Low", "High", "Next", "Δ to it", "p, adjusted", "Can be told from it")
    notes = [
        f"Low and High bound intervals of {100 * LEVEL:.0f} %.",
        "p is adjusted by Holm over the classes; the best of many looks better than it is.",
        *([f"Of {len(there)} classes those {len(judged)} with the most photos."] if len(judged) < len(there) else []),
        *([f"{FEW_ROUNDS} rounds of the bootstrap."] if len(judged) > MANY_CLASSES else []),
    ]
    return Table("The best model of each class", columns, tuple(rows), (" ".join(notes),))


def class_by_class(results: Results, measures: Mapping[str, str]) -> dict[str, Standing]:
    """The best and the next of each class; `measures` maps a class to a measure of it."""
    if len(measures) <= MANY_CLASSES:
        samples = sampled_each(results, tuple(measures.values()))
        return {name: of_class(samples[one]) for name, one in measures.items()}
    found = {}
    for name, one in measures.items():  # the draws are the same whichever models see them, so two of many are drawn
        means = {model: fmean(metric(one, run) for run in runs) for model, runs in results.items() if runs}
        two = sorted(means, key=lambda model: -means[model])[:2]
        found[name] = of_class(sampled_each(results, (one,), FEW_ROUNDS, only=two)[one])
    return found


def winner_row(name: str, photos: int, one: Standing, p: float | None) -> tuple[Cell, ...]:
    own = (name, photos, one.best, one.reaches.value, one.reaches.low, one.reaches.high)
    if not one.others or p is None:
        return (*own, None, None, None, None)
    return (*own, one.others[0].name, one.others[0].by.value, p, "yes" if p < 1 - LEVEL else "no")
