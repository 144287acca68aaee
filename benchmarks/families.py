"""Whether many networks of few seeds are told apart rightly: coverage of all differences, errors over a whole family, and power.

    python benchmarks/families.py [--studies 300] [--rounds 300] [--out OUT]

The simulated studies of coverage.py, with four to twelve networks of three seeds each, whose seeds vary alike or not; of some families
half have a single seed. Each study is judged twice: with each network's own seed variance, and with the one drawn towards all
(evaluation/statistics/seeds.py).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from coverage import MIX, Setting, expected, margins, show, tested  # the benchmark beside this one

from modiste.evaluation.statistics.estimates import differing, estimated
from modiste.evaluation.statistics.pairs import holm
from modiste.evaluation.statistics.resampling import Sample, sampled
from modiste.records.predictions import Predictions
from modiste.records.table import Table

MEASURE, SEEDS = "macro_f1", 3


@dataclass(frozen=True)
class Family:
    """Networks by the share they get right and by how far a seed moves each (on the probit scale)."""

    words: str
    right: tuple[float, ...]
    moved: tuple[float, ...]
    alone: int = 0  # so many of the last have one seed


UNEVEN = tuple(float(value) for value in 0.1 * np.exp(0.6 * np.random.default_rng(1).normal(size=12)))
SPREAD = (0.85,) * 2 + (0.90,) * 4 + (0.93,) * 4 + (0.96,) * 2
FAMILIES = (
    Family("12 alike, seeds move little", (0.93,) * 12, (0.05,) * 12),
    Family("12 alike, seeds move much", (0.93,) * 12, (0.15,) * 12),
    Family("12 from .85 to .96", SPREAD, (0.1,) * 12),
    Family("the same, seeds move them unevenly", SPREAD, UNEVEN),
    Family("12 alike, one moves four times as far", (0.93,) * 12, (0.3,) + (0.07,) * 11),
    Family("4 from .90 to .95", (0.90, 0.90, 0.93, 0.95), (0.1,) * 4),
    Family("12 alike, seeds move much, 6 have one", (0.93,) * 12, (0.15,) * 12, 6),
    Family("12 from .85 to .96, 6 have one", SPREAD[::2] * 2, (0.1,) * 12, 6),
)


def study(family: Family, rng: np.random.Generator) -> tuple[dict[str, list[Predictions]], dict[str, float]]:
    """What each network said with each seed, and what is true of each over all seeds."""
    truth, hard = np.repeat(np.arange(len(MIX)), MIX), rng.normal(size=sum(MIX))
    said: dict[str, list[Predictions]] = {}
    true: dict[str, float] = {}
    several = len(family.right) - family.alone
    for place, (right, moved) in enumerate(zip(family.right, family.moved, strict=True)):
        setting = Setting(right, right, (SEEDS, SEEDS), moved)
        margin, effects = margins(right, 1.0, len(MIX)), rng.normal(size=SEEDS if place < several else 1) * moved * np.sqrt(2)
        said[str(place)] = [tested(truth, (margin + effect)[truth] + hard, setting, rng) for effect in effects]
        true[str(place)] = expected(MEASURE, margin, setting, None)
    return said, true


def judged(samples: Mapping[str, Sample], true: Mapping[str, float], most: str) -> tuple[float, ...]:
    """Of one study: values covered, that of network `most`, differences covered, mean width, any false verdict, share told."""
    values = {name: (one := estimated(sample)).low <= true[name] <= one.high for name, sample in samples.items()}
    pairs = [(true[a] - true[b], differing(samples[a], samples[b])) for a, b in combinations(samples, 2)]
    told = [p < 0.05 for p in holm([found.p for _, found in pairs])]
    false = any(said and abs(gap) < 1e-9 for (gap, _), said in zip(pairs, told, strict=True))
    found = [said for (gap, _), said in zip(pairs, told, strict=True) if abs(gap) > 1e-9]
    held = np.mean([one.low <= gap <= one.high for gap, one in pairs])
    width = np.mean([one.high - one.low for _, one in pairs])
    power = float(np.mean(found)) if found else float("nan")
    return float(np.mean([*values.values()])), float(values[most]), float(held), float(width), float(false), power


def rows(family: Family, studies: int, rounds: int) -> list[tuple[Any, ...]]:
    results: dict[str, list[tuple[float, ...]]] = {"own": [], "drawn to all": []}
    for number in range(studies):
        said, true = study(family, np.random.default_rng([number, len(family.right), FAMILIES.index(family)]))
        samples = sampled(said, MEASURE, rounds, number)
        most = str(int(np.argmax(family.moved)))
        results["drawn to all"].append(judged(samples, true, most))
        results["own"].append(judged({name: replace(one, spread=None) for name, one in samples.items()}, true, most))
    means = {way: np.mean(np.array(found), axis=0) for way, found in results.items()}  # nothing to find is nothing in every study
    return [(family.words, way, *map(float, found)) for way, found in means.items()]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--studies", type=int, default=300)
    asked.add_argument("--rounds", type=int, default=300)
    asked.add_argument("--out", type=Path)
    given = asked.parse_args()
    made = []
    for family in FAMILIES:
        made += rows(family, given.studies, given.rounds)
        print(*made[-2:], sep="\n", flush=True)
    columns = (
        "Networks",
        "Seed variance",
        "Values covered",
        "That of the most moved",
        "Differences covered",
        "Mean width",
        "Studies with a false verdict",
        "True differences told",
    )
    notes = (
        f"{given.studies:,} simulated studies each, three seeds or one, macro F1 on 987 photos, level 0.95, {given.rounds:,} rounds.",
        "Verdicts are Holm-adjusted over all pairs. A dash: there is nothing to tell, or nothing that could be told falsely.",
    )
    table = Table("Families of networks", columns, tuple(made), notes, digits=3)
    show(table, "families", given.out)


if __name__ == "__main__":
    main()
