"""Cost against what is reached: which networks nothing cheaper beats, and a table of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from modiste.evaluation.metrics import METRICS
from modiste.evaluation.tables import Results, mean
from modiste.records.table import Cell, Table


@dataclass(frozen=True)
class Cost:
    """What a network costs. None stands for what is not known here."""

    parameters: int  # all of them, the frozen ones too
    trainable: int
    flops: int  # of one photo, a multiplication and an addition counting as two
    training_seconds: float | None  # the mean of its runs, an SVM's with the network that it stands on
    latency_ms: float | None  # to answer for one photo alone, the median here and now


Costs = Mapping[str, Cost]


def front(reached: Mapping[str, float], spent: Mapping[str, float | None]) -> list[str]:
    """The Pareto front: the models that no other reaches or beats at the same cost or a lower one, the cheapest first.

    >>> front({"small": 0.8, "large": 0.9, "slow": 0.85}, {"small": 1, "large": 2, "slow": 3})
    ['small', 'large']
    """
    there = {name: cost for name in reached if (cost := spent.get(name)) is not None}
    best, found = -1.0, []
    for name in sorted(there, key=lambda name: (there[name], -reached[name])):
        if reached[name] > best:
            best = reached[name]
            found.append(name)
    return found


def reached(results: Results, measure: str = "macro_f1") -> dict[str, float]:
    """What each model that is trained reaches, the mean over its seeds, in [0, 1]."""
    means = {name: mean([METRICS[measure](run) for run in runs]) for name, runs in results.items()}
    return {name: value for name, value in means.items() if value is not None}


def costs_table(results: Results, costs: Costs, where: str = "") -> Table:
    """What each model costs beside what it reaches; `where` says what the latency was measured on."""
    f1 = reached(results)
    fronts = {words: front(f1, {name: of(cost) for name, cost in costs.items()}) for words, (_, of) in COSTS.items()}
    rows: list[tuple[Cell, ...]] = [
        (name, costs[name].trainable / 1e6, *(of(costs[name]) for _, of in COSTS.values()), f1[name], on_fronts(name, fronts))
        for name in f1
        if name in costs
    ]
    columns = ("Model", "Trainable (M)", *(heading for heading, _ in COSTS.values()), "Macro F1", "Nothing cheaper is as good by")
    notes = [
        "FLOPs are those of one photo through the convolutions and linear layers; a multiplication and an addition count as two.",
        "Training is the mean of a model's runs, each with the network it stands on; of networks trained on one machine they compare.",
        f"Latency is the median time to answer for one photo alone{f', on {where}' if where else ''}; reading the photo is not in it.",
    ]
    return Table("What each model costs", columns, tuple(rows), tuple(notes), digits=3)


def on_fronts(name: str, fronts: Mapping[str, list[str]]) -> str | None:
    """The costs at which nothing cheaper is as good, in words."""
    return ", ".join(words for words, names in fronts.items() if name in names) or None


COSTS: dict[str, tuple[str, Callable[[Cost], float | None]]] = {  # what it is called, the heading with its unit, the number
    "parameters": ("Parameters (M)", lambda cost: cost.parameters / 1e6),
    "arithmetic": ("GFLOPs", lambda cost: cost.flops / 1e9),
    "training": ("Training (min)", lambda cost: None if cost.training_seconds is None else cost.training_seconds / 60),
    "latency": ("Latency (ms)", lambda cost: cost.latency_ms),
}
