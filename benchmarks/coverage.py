"""Whether the intervals hold what they promise: the share of simulated studies whose 95 % interval holds the true value.

    python benchmarks/coverage.py [--studies 1000] [--rounds 2000] [--out OUT]

A simulated study tests two networks on the paper's test mix (146, 372, 312 and 157 photos), or on many classes of few photos. A photo is
hard or easy for both, a class has an accuracy of its own, and a wrong photo goes to a class with a chance of its own. A seed moves all of
a network's accuracies. What is true is then known: the measure of the expected counts, averaged over all seeds that might have been
drawn. For one seed beside one, the truth is that of these very networks, since one seed says nothing of others. Percentile and
bias-corrected intervals (Efron 1981) of the same draws stand beside ours. The result: OUT/coverage.md, .json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from scipy.stats import norm

from modiste.evaluation.measures import measure
from modiste.evaluation.statistics.estimates import differing, estimated
from modiste.evaluation.statistics.resampling import Sample, sampled_each
from modiste.records.predictions import Predictions
from modiste.records.table import Table

MIX = (146, 372, 312, 157)
LONG_TAIL = tuple(max(1, int(400 / (place + 1) ** 1.3)) for place in range(141))  # 1,234 photos, 72 classes of one
MEASURES = ("accuracy", "macro_recall", "macro_f1")
MISTAKEN = np.array([[0, 0.3, 0.4, 0.3], [0.1, 0, 0.6, 0.3], [0.2, 0.4, 0, 0.4], [0.1, 0.3, 0.6, 0]])  # where a wrong photo goes
Interval = tuple[float, float]


@dataclass(frozen=True)
class Setting:
    """Two networks by the share they get right, and how far a seed moves it (both about the same photo's difficulty)."""

    ours: float
    than: float
    seeds: tuple[int, int]
    moved: float = 0.0  # standard deviation of a seed's effect, on the probit scale
    hard: float = 1.0  # how much of what decides a photo both networks share: 1 is half of it
    classes: tuple[int, ...] = MIX  # photos of each

    @property
    def mistaken(self) -> NDArray[np.float64]:
        """Where a wrong photo of each class goes, (K, K); of other classes than the paper's to any other alike."""
        many = len(self.classes)
        return MISTAKEN if self.classes == MIX else (1 - np.eye(many)) / (many - 1)

    @property
    def words(self) -> str:
        return {MIX: "the paper's", LONG_TAIL: "141, of 400 to 1"}.get(self.classes, f"{len(self.classes)} of {self.classes[0]}")


SETTINGS = (
    Setting(0.80, 0.80, (1, 1)),
    Setting(0.85, 0.87, (1, 1)),
    Setting(0.90, 0.90, (1, 1)),
    Setting(0.93, 0.95, (1, 1)),
    Setting(0.98, 0.98, (1, 1)),
    Setting(0.90, 0.92, (2, 2), 0.03),
    Setting(0.85, 0.87, (3, 3), 0.03),
    Setting(0.85, 0.87, (3, 3), 0.08),
    Setting(0.93, 0.95, (3, 3), 0.0),
    Setting(0.93, 0.95, (3, 3), 0.08),
    Setting(0.98, 0.98, (3, 3), 0.08),
    Setting(0.85, 0.87, (5, 5), 0.08),
    Setting(0.93, 0.95, (5, 5), 0.03),
    Setting(0.98, 0.98, (5, 5), 0.08),
    Setting(0.90, 0.92, (3, 1), 0.08),
    Setting(0.70, 0.70, (1, 1), classes=(1,) * 20),
    Setting(0.70, 0.70, (1, 1), classes=(2,) * 20),
    Setting(0.80, 0.85, (1, 1), classes=(5,) * 20),
    Setting(0.80, 0.85, (1, 1), classes=LONG_TAIL),
)


def margins(right: float, hard: float, classes: int) -> NDArray[np.float64]:
    """How far each class lies on the right side, on the scale of a photo's own chance, so that `right` of all are: (K,)."""
    own = norm.ppf(right) + np.resize([0.3, 0.1, -0.25, -0.05], classes)  # shoes are easy, accessories hard
    margin: NDArray[np.float64] = own * np.sqrt(1 + hard**2)
    return margin


def study(setting: Setting, rng: np.random.Generator) -> tuple[dict[str, list[Predictions]], dict[str, dict[str, float]]]:
    """What two networks said in one study, and what is true of each: network -> measure -> value."""
    truth = np.repeat(np.arange(len(setting.classes)), setting.classes)
    hardness = rng.normal(size=len(truth))
    said: dict[str, list[Predictions]] = {}
    true: dict[str, dict[str, float]] = {}
    for name, right, seeds in zip(("ours", "than"), (setting.ours, setting.than), setting.seeds, strict=True):
        margin = margins(right, setting.hard, len(setting.classes))
        effects = rng.normal(size=seeds) * setting.moved * np.sqrt(1 + setting.hard**2)
        said[name] = [tested(truth, (margin + effect)[truth] + setting.hard * hardness, setting, rng) for effect in effects]
        fixed = effects if setting.seeds == (1, 1) else None
        true[name] = {one: expected(one, margin, setting, fixed) for one in MEASURES}
    return said, true


def tested(truth: NDArray[np.int64], lead: NDArray[np.float64], setting: Setting, rng: np.random.Generator) -> Predictions:
    wrong = (rng.random((len(truth), 1)) > setting.mistaken.cumsum(1)[:, :-1][truth]).sum(1)
    called = np.where(lead + rng.normal(size=len(truth)) > 0, truth, wrong)
    return Predictions.of(truth.tolist(), called.tolist(), names(setting))


def expected(measured: str, margin: NDArray[np.float64], setting: Setting, effects: NDArray[np.float64] | None) -> float:
    """The measure of the expected counts, averaged over the seeds: over these, or over all that might be drawn."""
    places, weights = hermegauss(15)
    if effects is not None:
        places, weights = effects, np.ones(len(effects))
    else:
        places = places * setting.moved * np.sqrt(1 + setting.hard**2)
    recall = norm.cdf((margin + places[:, None]) / np.sqrt(1 + setting.hard**2))  # (seeds, K)
    of_class = np.array(setting.classes)[:, None]
    counts = of_class * (recall[..., None] * np.eye(len(of_class)) + (1 - recall[..., None]) * setting.mistaken)
    return float(np.average(measure(measured, names(setting))(counts), weights=weights))


def names(setting: Setting) -> tuple[str, ...]:
    return tuple(f"class {place}" for place in range(len(setting.classes)))


def ours(samples: Mapping[str, Sample], level: float) -> Iterator[Interval]:
    """Our intervals: of the one network, and of the difference."""
    alone, two = estimated(samples["ours"], level), differing(samples["ours"], samples["than"], level)
    yield from ((alone.low, alone.high), (two.low, two.high))


def percentile(samples: Mapping[str, Sample], level: float) -> Iterator[Interval]:
    for drawn in (samples["ours"].drawn, samples["ours"].drawn - samples["than"].drawn):
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
        yield float(low), float(high)


def bias_corrected(samples: Mapping[str, Sample], level: float) -> Iterator[Interval]:
    two = samples["ours"].values - samples["than"].values
    for value, drawn in ((samples["ours"].values, samples["ours"].drawn), (two, samples["ours"].drawn - samples["than"].drawn)):
        below = ((drawn < value).mean() + (drawn <= value).mean()) / 2
        shift = norm.ppf(min(max(below, 1e-4), 1 - 1e-4))
        low, high = np.quantile(drawn, norm.cdf(2 * shift + norm.ppf([(1 - level) / 2, (1 + level) / 2])))
        yield float(low), float(high)


WAYS: dict[str, Callable[[Mapping[str, Sample], float], Iterator[Interval]]] = {
    "ours": ours,
    "percentile": percentile,
    "bias-corrected": bias_corrected,
}


def covered(setting: Setting, studies: int, rounds: int, ways: Sequence[str], level: float = 0.95) -> dict[tuple[str, str, str], float]:
    """The share of studies whose interval holds the truth: (way, measure, of what) -> share."""
    held: dict[tuple[str, str, str], int] = {}
    for number in range(studies):
        said, true = study(setting, np.random.default_rng([number, *setting.seeds, round(1000 * setting.ours)]))
        for measured, samples in sampled_each(said, MEASURES, rounds, number).items():
            truths = (true["ours"][measured], true["ours"][measured] - true["than"][measured])
            for way in ways:
                for what, value, (low, high) in zip(("value", "difference"), truths, WAYS[way](samples, level), strict=True):
                    held[way, measured, what] = held.get((way, measured, what), 0) + (low <= value <= high)
    return {key: count / studies for key, count in held.items()}


COLUMNS = tuple((measured, what) for measured in MEASURES for what in ("value", "difference"))


def row(setting: Setting, way: str, shares: Mapping[tuple[str, str, str], float]) -> tuple[Any, ...]:
    words = f"{setting.ours:.2f} and {setting.than:.2f}"
    return (
        setting.words,
        words,
        "{} and {}".format(*setting.seeds),
        f"{setting.moved:g}",
        way,
        *(shares[way, *column] for column in COLUMNS),
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--studies", type=int, default=1000)
    asked.add_argument("--rounds", type=int, default=2000)
    asked.add_argument("--out", type=Path)
    given = asked.parse_args()
    rows = []
    for setting in SETTINGS:
        ways = tuple(WAYS) if setting.seeds == (1, 1) else ("ours",)
        shares = covered(setting, given.studies, given.rounds, ways)
        rows += [row(setting, way, shares) for way in ways]
        print(*rows[-len(ways) :], sep="\n", flush=True)
    measured = (word for one in ("Accuracy", "Macro recall", "Macro F1") for word in (one, "Difference of it"))
    headings = ("Classes", "Accuracies", "Seeds", "Seed effect", "Interval", *measured)
    notes = (f"{given.studies:,} simulated studies each, {given.rounds:,} rounds of the bootstrap, level 0.95.",)
    table = Table("Share of studies whose interval holds the truth", headings, tuple(rows), notes, digits=3)
    show(table, "coverage", given.out)


def show(table: Table, name: str, out: Path | None) -> None:
    """The table on standard output, and in a folder for people and for programs."""
    print(table.markdown())
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{name}.md").write_text(table.markdown(), encoding="utf-8")
        (out / f"{name}.json").write_text(json.dumps(table.plain(), indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
