"""Calibration: whether a photo called with 90 % is right nine times in ten, and the temperature that mends it.

Scores are log-odds where the head is softmax, and their softmax is a probability. An SVM's scores are margins: no probability, until a
temperature is fitted on validation. Predictions do not know their head: whoever asks for a table says which models give margins
(`gives_margins`), and which temperatures were fitted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from modiste.evaluation.measures import share
from modiste.evaluation.statistics.resampling import at_once, turns
from modiste.evaluation.tables import Results, classes_of, notes
from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions
from modiste.records.recipe import Recipe
from modiste.records.table import Cell, Table

Floats = NDArray[np.float64]
Temperatures = Mapping[str, float | Sequence[float]]  # model -> one for all its seeds, or one a seed

LOG_ODDS, HINGE = ("softmax",), "hinge"  # heads whose scores are log-odds; all others give margins, as does a loss
COLDEST, HOTTEST = 0.05, 20.0  # a validation set without one mistake would have the temperature fall to 0
BINS = 15


def probabilities(predictions: Predictions, temperature: float = 1.0) -> Floats:
    """The softmax of scores / temperature: (N, K), each row adding up to 1.

    Of an SVM's margins it orders the photos, no more, unless the temperature was fitted on validation.

    >>> probabilities(Predictions.of(truth=[0, 1], called=[0, 1]), temperature=0.5).round(2).tolist()
    [[0.88, 0.12], [0.12, 0.88]]
    """
    made: Floats = np.exp(log_probabilities(predictions, temperature))
    return made


def log_probabilities(predictions: Predictions, temperature: float = 1.0) -> Floats:
    """`probabilities` as natural logarithms, finite also where the probability is too small to be told from 0: (N, K)."""
    if not temperature > 0:
        raise ModisteError(f"a temperature of {temperature} is none: it must be above 0.")
    scores = predictions.scores / temperature
    scores = scores - scores.max(1, keepdims=True)
    logs: Floats = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    return logs


def nll(predictions: Predictions, temperature: float = 1.0) -> float:
    """Negative log-likelihood: minus the mean logarithm of the probability given to the true class, 0 or more.

    >>> round(nll(Predictions.of(truth=[0, 1], called=[0, 1])), 4)
    0.3133
    """
    some_photos(predictions)
    logs = log_probabilities(predictions, temperature)
    return float(-logs[np.arange(len(logs)), predictions.truth].mean())


def brier(predictions: Predictions, temperature: float = 1.0) -> float:
    """The squared distance of probabilities from the truth, summed over classes, mean over photos: in [0, 2] (Brier 1950).

    >>> round(brier(Predictions.of(truth=[0, 1], called=[0, 1])), 4)
    0.1447
    """
    some_photos(predictions)
    truth = np.eye(len(predictions.classes))[predictions.truth]
    return float(((probabilities(predictions, temperature) - truth) ** 2).sum(1).mean())


@dataclass(frozen=True, eq=False)
class Reliability:
    """M bins of confidence (the probability of the class called): how sure the model was in each, and how often right."""

    edges: Floats  # (M + 1,), in [0, 1]; a bin holds what is above its lower edge, up to and with its upper one
    photos: NDArray[np.int64]  # (M,)
    confidence: Floats  # (M,) mean in [0, 1]; 0 where a bin is empty
    accuracy: Floats  # (M,)

    @property
    def ece(self) -> float:
        """Expected calibration error: the mean distance of confidence from accuracy, bins by their photos (Guo et al. 2017, section 2)."""
        return float(np.abs(self.accuracy - self.confidence) @ self.photos / self.photos.sum())

    @property
    def over_confidence(self) -> float:
        """Mean confidence less accuracy: above 0 where the model is surer than it is right."""
        return float((self.confidence - self.accuracy) @ self.photos / self.photos.sum())


def reliability(predictions: Predictions, bins: int = BINS, temperature: float = 1.0, adaptive: bool = False) -> Reliability:
    """Confidence and accuracy in bins of equal width, or, `adaptive`, of about equally many photos (Nguyen & O'Connor 2015).

    >>> reliability(Predictions.of(truth=[0, 1], called=[0, 0]), bins=2).accuracy.tolist()
    [0.0, 0.5]
    """
    some_photos(predictions)
    sure = probabilities(predictions, temperature).max(1)
    return binned(sure, predictions.called == predictions.truth, bins, adaptive)


def binned(sure: Floats, right: NDArray[np.bool_], bins: int, adaptive: bool = False) -> Reliability:
    """Probabilities (N,) of something, and whether it was so (N,), in bins."""
    edges = edges_of(sure, bins, adaptive)
    place = np.searchsorted(edges[1:-1], sure)
    photos = np.bincount(place, minlength=bins)
    confidence, accuracy = (share(np.bincount(place, values, bins), photos) for values in (sure, right.astype(float)))
    return Reliability(edges, photos, confidence, accuracy)


def edges_of(sure: Floats, bins: int, adaptive: bool) -> Floats:
    """The M + 1 edges of M bins: even steps, or the quantiles of what is binned."""
    if bins < 1:
        raise ModisteError(f"{bins} bins are none: there must be 1 or more.")
    steps = np.linspace(0, 1, bins + 1)
    edges: Floats = np.quantile(sure, steps) if adaptive else steps
    return edges


def ece(predictions: Predictions, bins: int = BINS, temperature: float = 1.0, adaptive: bool = False) -> float:
    """Expected calibration error of the class called, in [0, 1]. It is above 0 by chance also where a model is perfectly calibrated.

    >>> round(ece(Predictions.of(truth=[0, 1], called=[0, 0])), 4)
    0.2311
    """
    return reliability(predictions, bins, temperature, adaptive).ece


def classwise_ece(predictions: Predictions, bins: int = BINS, temperature: float = 1.0) -> float:
    """The calibration error of each class's own probability, called or not, mean over classes (Kull et al. 2019)."""
    some_photos(predictions)
    made = probabilities(predictions, temperature)
    return fmean(binned(made[:, code], predictions.truth == code, bins).ece for code in range(made.shape[1]))


def ece_interval(
    predictions: Predictions, bins: int = BINS, temperature: float = 1.0, *, level: float = 0.95, rounds: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Between which bounds the calibration error in these bins lies: basic bootstrap over photos.

    The error is pulled upwards by chance, and in a bootstrap round twice; the basic interval (2 x found - upper, 2 x found - lower)
    takes that back, where the percentile interval would add it again (Davison & Hinkley 1997, section 5.2). With a thousand photos it
    covers the true error 91 to 94 times in a hundred where that is 0.03 or more, more seldom the nearer that is to 0.
    """
    some_photos(predictions)
    sure = probabilities(predictions, temperature).max(1)
    place = np.searchsorted(edges_of(sure, bins, False)[1:-1], sure)
    gaps = np.zeros((len(sure), bins))
    gaps[np.arange(len(sure)), place] = (predictions.called == predictions.truth) - sure
    rng, evenly = np.random.default_rng(seed), np.full(len(sure), 1 / len(sure))
    drawn = [rng.multinomial(len(sure), evenly, now) @ gaps for now in turns(rounds, at_once(len(sure)))]  # (now, M) each
    again = np.abs(np.concatenate(drawn)).sum(1) / len(sure)
    found = float(np.abs(gaps.sum(0)).sum() / len(sure))
    low, high = 2 * found - np.quantile(again, [(1 + level) / 2, (1 - level) / 2])
    return max(0.0, float(low)), max(0.0, float(high))


def ece_by_chance(predictions: Predictions, bins: int = BINS, temperature: float = 1.0, *, rounds: int = 200, seed: int = 0) -> float:
    """The calibration error that a model so sure would show on so many photos if it were perfectly calibrated (Bröcker & Smith 2007)."""
    some_photos(predictions)
    sure = probabilities(predictions, temperature).max(1)
    place = np.searchsorted(edges_of(sure, bins, False)[1:-1], sure)
    rng, bin_of = np.random.default_rng(seed), np.eye(bins)[place]
    gaps = [((rng.random((now, len(sure))) < sure) - sure) @ bin_of for now in turns(rounds, at_once(len(sure)))]  # (now, M) each
    return float(np.abs(np.concatenate(gaps)).sum(1).mean() / len(sure))


def temperature(validation: Predictions) -> float:
    """The temperature with the least negative log-likelihood on validation, in [0.05, 20] (Guo et al. 2017, section 4.2).

    Above 1 the model was too sure. No class called changes. Never fit it on the photos that calibration is then measured on.
    """
    some_photos(validation)
    found = minimize_scalar(
        lambda log: nll(validation, float(np.exp(log))),
        bounds=(np.log(COLDEST), np.log(HOTTEST)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def gives_margins(recipe: Recipe) -> bool:
    """Whether a network's scores are margins, which are no log-odds: an SVM's are, and those of what was trained with a hinge loss.

    >>> gives_margins(Recipe()), gives_margins(Recipe().changed({"network.head": "svm"})), gives_margins(Recipe(loss="hinge"))
    (False, True, True)
    """
    return recipe.network.head not in LOG_ODDS or recipe.loss == HINGE


def calibration_table(results: Results, temperatures: Temperatures | None = None, margins: Collection[str] = ()) -> Table:
    """How far each model's confidence can be taken at its word, means over seeds; once more at its temperature, where one was fitted.

    `margins` names the models whose scores are margins (`gives_margins`): without a temperature nothing can be said of them.
    """
    classes_of(results)
    rows: list[tuple[Cell, ...]] = []
    for name, runs in results.items():
        fitted = of_each_seed((temperatures or {}).get(name), name, runs)
        if runs and name not in margins:
            rows.append((name, len(runs), 1.0, *measured(runs, [1.0] * len(runs))))
        if runs and fitted:
            rows.append((f"{name}, tempered", len(runs), fmean(fitted), *measured(runs, fitted)))
        if not runs or (name in margins and not fitted):
            rows.append((name, len(runs), *[None] * (len(COLUMNS) - 2)))
    bare = [name for name in margins if results.get(name) and not (temperatures or {}).get(name)]
    said = [*notes(results, spread=False), ABOUT + TEMPERED if any((temperatures or {}).values()) else ABOUT]
    said += [f"Margins are no probabilities, and no temperature was fitted on validation: {', '.join(bare)}."] if bare else []
    return Table("Calibration", COLUMNS, tuple(rows), tuple(said))


def of_each_seed(known: float | Sequence[float] | None, name: str, runs: Sequence[Predictions]) -> list[float]:
    """A model's temperature, seed by seed; nothing where none was fitted."""
    if known is None or isinstance(known, int | float):
        return [known] * len(runs) if known else []
    if len(known) != len(runs):
        raise ModisteError(f"'{name}' has {len(runs)} seeds and {len(known)} temperatures: give one, or one a seed.")
    return list(known)


def measured(runs: Sequence[Predictions], heats: Sequence[float]) -> list[float]:
    """The columns of `calibration_table` for one model at its temperatures, means over seeds."""
    values = []
    for run, heat in zip(runs, heats, strict=True):
        found, (low, high) = reliability(run, temperature=heat), ece_interval(run, temperature=heat)
        others = (ece_by_chance, partial(ece, adaptive=True), classwise_ece)
        more = [one(run, temperature=heat) for one in others]
        values.append([nll(run, heat), brier(run, heat), found.over_confidence, found.ece, low, high, *more])
    return [float(value) for value in np.mean(values, 0)]


def some_photos(predictions: Predictions) -> None:
    if not len(predictions):
        raise ModisteError("there are no predictions to measure: not one photo. Check that the split has labelled photos.")


COLUMNS = (
    *("Model", "Seeds", "Temperature", "NLL", "Brier", "Δ Confidence"),
    *("ECE", "ECE from", "ECE to", "ECE by chance", "Adaptive ECE", "Class-wise ECE"),
)
ABOUT = (
    "Δ Confidence: mean confidence less accuracy, above 0 where a model is too sure. "
    f"ECE: mean distance of confidence from accuracy in {BINS} bins, with its 95 % interval over photos, and what chance alone would show "
    "were the model perfectly calibrated."
)
TEMPERED = " Tempered: at the temperature fitted on validation."
