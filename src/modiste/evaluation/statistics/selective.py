"""Abstaining: how much of the work a model can be trusted with when people look at the photos it is least sure of.

Photos are taken surest first. Coverage is the share of them that the model answers, risk the share of wrong answers among those
(El-Yaniv & Wiener 2010). Only the order of confidence counts, so an SVM's margins serve as well as log-odds. Doubt is 1 less confidence:
it still tells apart photos whose confidence is 1 to the last digit, as most are of a network that knows its training photos by heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from modiste.evaluation.statistics.calibration import probabilities, some_photos
from modiste.evaluation.tables import Results, classes_of, notes
from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions
from modiste.records.table import Cell, Table

Floats = NDArray[np.float64]
RISKS, COVERAGES = (0.01, 0.02, 0.05), (0.9, 0.8)  # what the table asks for
HALF = 0.5  # so few photos that even half of such answers might be wrong are no advice: four, without an error among them


@dataclass(frozen=True, eq=False)
class CoverageRisk:
    """The curve over N photos, surest first; where several are equally sure, their mistakes are spread evenly over their places."""

    coverage: Floats  # (N,) 1/N, 2/N, ... 1
    risk: Floats  # (N,) share of wrong answers among so many, in [0, 1]
    doubt: Floats  # (N,) of the least sure among them, in [0, 1]

    @property
    def area(self) -> float:
        """Mean risk over all coverages, in [0, 1]: AURC (Geifman et al. 2019). 0 where every mistake would be left to people in time."""
        return float(self.risk.mean())

    @property
    def best_area(self) -> float:
        """The area if the same mistakes were the least sure photos: what a perfect confidence would reach."""
        count = len(self.risk)
        wrong = round(float(self.risk[-1]) * count)
        return float((np.maximum(0, np.arange(1, count + 1) - (count - wrong)) / np.arange(1, count + 1)).mean())


@dataclass(frozen=True)
class Choice:
    """Where to draw the line: the model answers photos it doubts no more than so much, and people look at the others."""

    doubt: float  # 1 less confidence, in [0, 1]
    coverage: float
    risk: float
    high: float  # the risk is no higher, with 95 % confidence (one-sided, Clopper & Pearson 1934), were the line drawn beforehand
    answered: int  # photos, of those it was drawn on

    def words(self) -> str:
        """The choice as a sentence.

        >>> Choice(0.29, 0.92, 0.01, 0.018, 900).words()
        'Leave the least sure 8.0 % to people (confidence below 0.71), and 1.0 % of the other 900 are wrong (at most 1.8 %).'
        >>> Choice(0.02, 0.004, 0.0, 0.78, 2).words()
        'Leave all to people: only the 2 surest photos have so few errors, and that may be chance.'
        """
        if not self.coverage:
            return "Leave all to people: no part of the photos, however sure the model, has so few errors."
        if self.high > HALF:
            few = f"the {self.answered} surest photos have" if self.answered > 1 else "the surest photo has"
            return f"Leave all to people: only {few} so few errors, and that may be chance."
        line = f"{1 - self.doubt:.6g}" if self.doubt >= 1e-6 else f"1 - {self.doubt:.1g}"
        left = f"Leave the least sure {1 - self.coverage:.1%} to people (confidence below {line}), and"
        whole, them = (left, f"the other {self.answered:,}") if self.coverage < 1 else ("Leave none to people:", f"all {self.answered:,}")
        return f"{whole} {self.risk:.1%} of {them} are wrong (at most {self.high:.1%}).".replace("%", " %")


def coverage_risk(predictions: Predictions, temperature: float = 1.0) -> CoverageRisk:
    """Risk at every coverage, photos taken by the probability of the class called.

    >>> coverage_risk(Predictions.of(truth=[0, 1], called=[0, 0])).risk.tolist()
    [0.5, 0.5]
    """
    some_photos(predictions)
    others = probabilities(predictions, temperature)
    others[np.arange(len(others)), predictions.called] = 0
    wrong = (predictions.called != predictions.truth).astype(float)
    levels, place, ties = np.unique(others.sum(1), return_inverse=True, return_counts=True)
    shared = np.repeat(np.bincount(place, wrong) / ties, ties)
    counts = np.arange(1, len(others) + 1)
    return CoverageRisk(counts / len(others), np.cumsum(shared) / counts, np.repeat(levels, ties))


def risk_at(curve: CoverageRisk, coverage: float) -> float:
    """The risk where the model answers at least this share of the photos, in (0, 1]."""
    if not 0 < coverage <= 1:
        raise ModisteError(f"a coverage of {coverage} is none: it is a share of the photos above 0, up to 1.")
    return float(curve.risk[np.searchsorted(curve.coverage, coverage - 1e-12)])


def choose(curve: CoverageRisk, risk: float) -> Choice:
    """The most that the model can answer with no more than this risk; photos that are equally sure stay on one side of the line.

    Drawn on the photos it is measured on, it flatters: draw it on validation where there is one.
    """
    if not 0 <= risk <= 1:
        raise ModisteError(f"a risk of {risk} is none: it is a share of wrong answers, in [0, 1].")
    ends = np.append(np.diff(curve.doubt) > 0, True)
    (fit,) = np.nonzero(ends & (curve.risk <= risk + 1e-12))
    if not len(fit):
        return Choice(0.0, 0.0, 0.0, 1.0, 0)
    last = fit[-1]
    wrong, answered = round(float(curve.risk[last]) * (last + 1)), int(last) + 1
    high = float(beta.ppf(0.95, wrong + 1, answered - wrong)) if wrong < answered else 1.0
    return Choice(float(curve.doubt[last]), float(curve.coverage[last]), float(curve.risk[last]), high, answered)


def selective_table(results: Results, risks: Sequence[float] = RISKS, coverages: Sequence[float] = COVERAGES) -> Table:
    """What each model could be trusted with: its area, the share it can answer at some risks, its risk at some coverages."""
    classes_of(results)
    rows: list[tuple[Cell, ...]] = []
    for name, runs in results.items():
        curves = [coverage_risk(run) for run in runs]
        asked = [[curve.risk[-1], curve.area, curve.area - curve.best_area] for curve in curves]
        answers = [[choose(curve, risk).coverage for risk in risks] + [risk_at(curve, share) for share in coverages] for curve in curves]
        values = [[*first, *rest] for first, rest in zip(asked, answers, strict=True)]
        means = [fmean(column) for column in zip(*values, strict=True)] if values else [None] * (3 + len(risks) + len(coverages))
        rows.append((name, len(runs), *means))
    columns = ["Model", "Seeds", "Risk", "AURC", "AURC above best", *(f"Coverage at risk {risk:g}" for risk in risks)]
    columns += [f"Risk at coverage {share:g}" for share in coverages]
    return Table("Coverage and risk", tuple(columns), tuple(rows), (*notes(results, spread=False), ABOUT))


ABOUT = (
    "Risk: share of wrong answers among the photos that the model answers, surest first; people see the rest. AURC: its mean over all "
    "coverages. Above best: what a confidence that knew its mistakes would save. The lines are drawn on the photos they are measured on."
)
