"""Another class mix: what a model would reach where the classes come in other shares, and its calls put right for the shares there.

It is assumed that photos of a class look the same everywhere and only the shares change (label shift). The mix that a network's
probabilities count on is the one it was trained in: with weighted sampling every class came as often, whatever the catalogue held.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modiste.evaluation.measures import Measure, measure, share
from modiste.evaluation.statistics.calibration import Temperatures, log_probabilities, of_each_seed, some_photos
from modiste.evaluation.statistics.estimates import Estimate, estimated
from modiste.evaluation.statistics.resampling import ROUNDS, Sample, aligned, at_once, cells_of, draws, right, steps_of
from modiste.evaluation.tables import Results, classes_of, notes
from modiste.records.errors import UsageError, unknown
from modiste.records.labels import folded
from modiste.records.predictions import Predictions
from modiste.records.table import Cell, Table

Floats = NDArray[np.float64]
Mix = Mapping[str, float]  # class -> its share, or its photos: only the proportions count
LEAST = 1e-12  # a share that is no longer told from none
ROUNDS_OF_EM, CLOSE = 10_000, 1e-10


def shares_of(mix: Mix, classes: Sequence[str], what: str = "the mix") -> Floats:
    """The mix as shares in the order of the classes, adding up to 1: (K,). It must name every class.

    >>> shares_of({"cap": 30, "hat": 10}, ["hat", "cap"]).tolist()
    [0.25, 0.75]
    """
    codes = {folded(name): code for code, name in enumerate(classes)}
    found = np.full(len(classes), np.nan)
    for name, value in mix.items():
        if folded(name) not in codes:
            raise UsageError(f"{what}: {unknown('class', name, classes)}")
        found[codes[folded(name)]] = value
    if lacking := [name for name, value in zip(classes, found, strict=True) if np.isnan(value)]:
        raise UsageError(f"{what} says nothing of {', '.join(lacking)}: give each class a share, 0 where it does not come.")
    if not np.isfinite(found).all() or found.min() < 0 or not found.any():
        raise UsageError(f"{what}: shares must be 0 or more, and one of them above 0; given: {dict(mix)}.")
    shares: Floats = found / found.sum()
    return shares


def parse_mix(text: str, what: str = "--mix") -> dict[str, float]:
    """A mix as it is typed.

    >>> parse_mix("Shoes=0.1, Bags=0.9")
    {'Shoes': 0.1, 'Bags': 0.9}
    """
    try:
        pairs = [(name.strip(), float(value)) for name, _, value in (part.rpartition("=") for part in text.split(","))]
    except ValueError as error:
        raise UsageError(
            f"{what} {text}: write a share for each class, such as Shoes=0.1,Clothing=0.5,Accessories=0.3,Bags=0.1."
        ) from error
    if len({folded(name) for name, _ in pairs}) < len(pairs):
        raise UsageError(f"{what} {text}: each class once.")
    return dict(pairs)


def own_mix(predictions: Predictions) -> dict[str, float]:
    """The photos of each class among those that were predicted."""
    return dict(zip(predictions.classes, predictions.confusion.sum(1).astype(float).tolist(), strict=True))


def trained_mix(photos: Mix, sampling: str) -> dict[str, float]:
    """The mix that a network counts on, from the training photos of each class and the recipe's sampling: all alike when weighted.

    A loss that weighs classes by their inverse frequency does the same; one that weighs them otherwise leaves a mix between the two. So
    does a network trained until it is right on every training photo: it forgets how often it saw them (Byrd & Lipton 2019).

    >>> trained_mix({"hat": 90, "cap": 10}, "weighted")
    {'hat': 0.5, 'cap': 0.5}
    """
    drawn = {name: float(count > 0) if sampling == "weighted" else float(count) for name, count in photos.items()}
    whole = sum(drawn.values()) or 1.0
    return {name: value / whole for name, value in drawn.items()}


def reweighted(counts: NDArray[Any], shares: Floats, classes: Sequence[str]) -> Floats:
    """Counts (..., K, K) as if the classes (rows) had come in these shares (K,); the sum over all cells stays.

    >>> reweighted(np.array([[1, 1], [0, 6]]), np.array([0.5, 0.5]), ["hat", "cap"]).tolist()
    [[2.0, 2.0], [0.0, 4.0]]
    """
    true = counts.sum(-1, keepdims=True)
    if bare := [
        name for name, there, wanted in zip(classes, true.reshape(-1, len(classes)).min(0), shares, strict=True) if wanted and not there
    ]:
        raise UsageError(
            f"no photo of {', '.join(bare)} was predicted, so nothing is known of a mix with such photos. Give it the share 0."
        )
    made: Floats = share(counts, true) * shares[:, None] * true.sum(-2, keepdims=True)
    return made


def under_mix(runs: Sequence[Predictions], measured: str, mix: Mix, *, rounds: int = ROUNDS, seed: int = 0) -> Estimate:
    """What a model would reach under another mix, one Predictions a seed, with its interval over photos and seeds.

    Recall and specificity of a class stay; accuracy, precision and F1 do not.
    """
    classes = runs[0].classes
    shares = shares_of(mix, classes)
    one = measure(measured, classes)
    return estimated(sample_of(runs, lambda counts: one(reweighted(counts, shares, classes)), rounds, seed))


def sample_of(runs: Sequence[Predictions], measuring: Measure, rounds: int, seed: int) -> Sample:
    """Any measure of counts, of one model's seeds, on the bootstrap's draws."""
    truth, called = aligned(runs)
    kinds = len(runs[0].classes)
    cells = [cells_of(truth * kinds + row, kinds * kinds) for row in called]
    drawn = [
        np.stack([measuring((photos_in @ weights).T.reshape(-1, kinds, kinds)) for photos_in in cells])
        for weights in draws(truth, rounds, seed, at_once(len(truth), kinds * kinds))
    ]
    counts = np.stack([run.confusion for run in runs])
    return Sample(measuring(counts), np.concatenate(drawn, 1), steps_of(measuring, counts), right(runs))


def mixes_table(runs: Sequence[Predictions], mixes: Mapping[str, Mix], measures: Sequence[str] = ("accuracy", "macro_f1")) -> Table:
    """One model under several mixes, a row each, with 95 % intervals."""
    classes = runs[0].classes
    rows: list[tuple[Cell, ...]] = []
    for name, mix in mixes.items():
        found = [under_mix(runs, measured, mix) for measured in measures]
        rows.append((name, *(value for one in found for value in (one.value, one.low, one.high))))
    headings = [name.replace("_", " ").capitalize().replace("f1", "F1") for name in measures]
    columns = ("Mix", *(words for name in headings for words in (name, f"{name} from", f"{name} to")))
    said = [mix_words(name, shares_of(mix, classes, f"mix '{name}'"), classes) for name, mix in mixes.items()]
    return Table("Other class mixes", columns, tuple(rows), tuple(said))


def mix_words(name: str, shares: Floats, classes: Sequence[str]) -> str:
    return f"{name}: " + ", ".join(f"{known} {part:.1%}".replace("%", " %") for known, part in zip(classes, shares, strict=True)) + "."


def em(predictions: Predictions, prior: Mix, temperature: float = 1.0) -> dict[str, float]:
    """The mix of these photos, labels unseen: the likeliest under the network's probabilities (Saerens et al. 2002, section 2.2).

    `prior` is the mix the network counts on (`trained_mix`). Probabilities that are too sure mislead it: calibrate first (Alexandari et
    al. 2020). It needs no validation.
    """
    some_photos(predictions)
    before = shares_of(prior, predictions.classes, "the prior")
    with np.errstate(divide="ignore"):
        logs = np.where(before > 0, log_probabilities(predictions, temperature) - np.log(before), -np.inf)
    likely = np.exp(logs - logs.max(1, keepdims=True))  # (N, K) of each class, but for a factor a photo
    mix = before.copy()
    for _ in range(ROUNDS_OF_EM):
        now = likely * mix
        mix, last = (now / now.sum(1, keepdims=True)).mean(0), mix
        if np.abs(mix - last).max() < CLOSE:
            break
    return dict(zip(predictions.classes, mix.tolist(), strict=True))


def bbse(predictions: Predictions, validation: Predictions) -> dict[str, float]:
    """The mix of these photos, labels unseen: the one that explains how often each class was called (Lipton et al. 2018, BBSE).

    How often which class is called which is taken from validation. Where those rates cannot tell classes apart, or would have a share
    fall below 0, the nearest answer is taken, cut at 0. A class without photos in validation gets the share 0.
    """
    some_photos(predictions)
    some_photos(validation)
    if predictions.classes != validation.classes:
        raise UsageError(f"validation has the classes {', '.join(validation.classes)}; these photos {', '.join(predictions.classes)}.")
    rates = share(validation.confusion, validation.confusion.sum(1, keepdims=True))  # (K, K) of each true class (row)
    called = np.bincount(predictions.called, minlength=len(rates)) / len(predictions)
    mix = np.maximum(np.linalg.lstsq(rates.T, called, rcond=1e-6)[0], 0)
    mix = mix / mix.sum() if mix.any() else called
    return dict(zip(predictions.classes, mix.tolist(), strict=True))


def corrected(predictions: Predictions, prior: Mix, mix: Mix, temperature: float = 1.0) -> Predictions:
    """The same photos with their probabilities put right for another mix: as Bayes has it, times mix / prior.

    Scores become the logarithms of probabilities, so that calibration and everything else can be asked of them.
    """
    before, now = (shares_of(one, predictions.classes) for one in (prior, mix))
    scores = log_probabilities(predictions, temperature) + np.log(np.maximum(now, LEAST)) - np.log(np.maximum(before, LEAST))
    return replace(predictions, scores=scores)


def correction_table(
    results: Results,
    priors: Mapping[str, Mix],
    temperatures: Temperatures | None = None,
    validations: Results | None = None,
    margins: Collection[str] = (),
) -> Table:
    """What each model takes the photos' mix to be, labels unseen, and what it reaches with its calls put right for that mix.

    `priors` is the mix each model counts on. BBSE is asked where `validations` has photos; EM where scores are probabilities.
    """
    classes = classes_of(results)
    measured = [measure(name, classes) for name in ("accuracy", "macro_f1")]
    rows: list[tuple[Cell, ...]] = []
    for name, runs in results.items():
        if not rows and runs:
            rows.append(("The truth", "", None, None, *map(float, shares_of(own_mix(runs[0]), classes))))
        seen = (validations or {}).get(name, ())
        heats = of_each_seed((temperatures or {}).get(name), name, runs) or [1.0] * len(runs)
        unsure = name in margins and not (temperatures or {}).get(name)
        ways: dict[str, list[Mix]] = {"as it is": [priors[name]] * len(runs)}
        if not unsure:
            ways["EM"] = [em(run, priors[name], heat) for run, heat in zip(runs, heats, strict=True)]
        if seen:
            ways["BBSE"] = [bbse(run, validation) for run, validation in zip(runs, seen, strict=True)]
        for way, mixes in ways.items():
            now = [corrected(run, priors[name], mix, heat) for run, mix, heat in zip(runs, mixes, heats, strict=True)]
            told = now and (way == "as it is" or not unsure)
            values = [fmean(float(one(run.confusion)) for run in now) if told else None for one in measured]
            shares = np.mean([shares_of(mix, classes) for mix in mixes], 0) if now and way != "as it is" else [None] * len(classes)
            rows.append((name, way, *values, *(None if part is None else float(part) for part in shares)))
    bare = [name for name in margins if results.get(name) and not (temperatures or {}).get(name)]
    said = [*notes(results, spread=False), CORRECTING]
    said += [f"Margins are no probabilities, and no temperature was fitted on validation: {', '.join(bare)}."] if bare else []
    said += [] if validations else ["BBSE needs photos of validation, and no split was set aside for that here; EM needs none."]
    columns = ("Model", "Mix from", "Accuracy", "Macro F1", *(f"Share {name}" for name in classes))
    return Table("Calls put right for the class mix", columns, tuple(rows), tuple(said))


CORRECTING = (
    "As it is: the calls of a network that counts on the mix it was trained in. EM and BBSE find the mix without looking at labels."
)
