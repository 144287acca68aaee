"""What asking in the right order saves, and what a grid saves: people who label photos, simulated on a catalogue whose labels are known.

    python benchmarks/annotating.py --data CATALOGUE --out OUT

The photos of split `train`, in the paper's imbalance, are labelled 20 at a time by each queue (from 400 on, 100 at a time). Then a head is
learnt anew on features of EfficientNet-Lite0 as ImageNet left it, and judged on split `test`. *Labels needed*: the first number at which
the macro F1 is 0.95 or more and stays so when the next have come. The first 20 are drawn at random by the seed, the same for every queue.

*Key presses*: all photos of `train` are labelled one by one, and in grids of 24 that the head guesses to be of one class, surest first.
One by one a photo takes one press: the suggestion is accepted, or a class's digit typed. In a grid each wrong photo takes one, one
confirms the rest, and a wrong one is then labelled singly, with one more. Heads are learnt anew after each 200 labels.

Features are computed once, into OUT; a stopped benchmark goes on where it was. The result: OUT/annotating.md and .json.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
from learning import bare_bundle, codes, macro_f1, progress
from numpy.typing import NDArray
from scipy.stats import t as student
from threadpoolctl import threadpool_limits

import modiste
from modiste.annotating.queues import QUEUES, Pool, ask
from modiste.learning.fitting import Candidate, Material, Space, fitted, space_of
from modiste.learning.seen import Seen, see
from modiste.records.disk import write_json, write_text
from modiste.records.table import Table
from modiste.serving.labeller import labeller_of

GOAL, AT_ONCE, MANY, AT_ONCE_LATER, SEEDS = 0.95, 20, 400, 100, range(5)
PENALTY, BALANCE = 1e-4, 0.5
GRID, ANEW = 24, 200
WIDTH = 256  # directions in which the photos vary most: heads learnt there are as good, and learnt sooner
SHOWN = (20, 40, 60, 80, 100, 140, 200, 300, 400, 800, 1600)


@dataclass(frozen=True, eq=False)
class Shop:
    """Photos to be labelled, photos to be judged by, and the space that heads are learnt in."""

    pool: Seen
    test: Seen
    space: Space

    def head(self, rows: NDArray[np.int64], start: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Weights (D + 1, K) learnt from some of the pool's labels."""
        labels = codes(self.pool)[rows]
        points = self.space.of(self.pool.features[rows])
        return fitted(Material(points, labels, rows, None, 4, BALANCE), Candidate(True, PENALTY), start)


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float32]:
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return (powers / powers.sum(1, keepdims=True)).astype(np.float32)


def shop_of(asked: Any) -> Shop:
    catalogue = modiste.read(asked.data)
    some = catalogue.with_photos(photo for photo in catalogue.photos if photo.label is not None and photo.split in ("train", "test"))
    bundle = bare_bundle(asked.out / "bare.onnx")
    seen = see(labeller_of(bundle, bundle.id, 1), some, asked.out / f"{bundle.id}.bin", progress, lambda: None)
    splits = np.array([photo.split for photo in seen.photos])
    pool, test = (seen[np.flatnonzero(splits == split)] for split in ("train", "test"))
    space = space_of(pool.features)
    return Shop(pool, test, replace(space, turn=space.turn[:, -WIDTH:]))


def curve(shop: Shop, points: NDArray[np.float64], by: str, seed: int) -> list[tuple[int, float]]:
    """Labels and macro F1 on the test photos, as a queue is worked off."""
    truth, test_points = codes(shop.pool), shop.space.of(shop.test.features)
    labelled = np.full(len(truth), -1)
    rows = ask("random", pool_of(shop, None, labelled), AT_ONCE, seed)
    found, weights = [], None
    while True:
        labelled[rows] = truth[rows]
        have = np.flatnonzero(labelled >= 0)
        weights = shop.head(have, weights)
        found.append((len(have), macro_f1(test_points @ weights, codes(shop.test))))
        if len(have) == len(truth) or reached(found) is not None:
            return found
        some = AT_ONCE if len(have) < MANY else AT_ONCE_LATER
        rows = ask(by, pool_of(shop, softmax(points @ weights), labelled), some, seed)


def pool_of(shop: Shop, probabilities: NDArray[np.float32] | None, labelled: NDArray[np.int64]) -> Pool:
    blank = np.full((len(labelled), 4), 0.25, np.float32)
    return Pool(blank if probabilities is None else probabilities, shop.pool.features, labelled < 0, labelled)


def reached(found: Sequence[Sequence[float]]) -> int | None:
    """The labels at which the goal was reached, and kept with the next."""
    for (labels, value), (_, after) in pairwise(found):
        if value >= GOAL and after >= GOAL:
            return int(labels)
    return None


def presses(shop: Shop, points: NDArray[np.float64], seed: int) -> dict[str, Any]:
    """Key presses to label all photos in grids; one by one it is one a photo."""
    truth = codes(shop.pool)
    labelled = np.full(len(truth), -1)
    first = ask("random", pool_of(shop, None, labelled), AT_ONCE, seed)
    labelled[first] = truth[first]
    pressed, since, wrong, grids, log = len(first), ANEW, 0, 0, []
    weights = None
    while (labelled < 0).any():
        if since >= ANEW:
            weights = shop.head(np.flatnonzero(labelled >= 0), weights)
            said, since = softmax(points @ weights), 0
            guess, sure = said.argmax(1), said.max(1)
        left = np.flatnonzero(labelled < 0)
        name = np.bincount(guess[left], minlength=4).argmax()
        some = left[guess[left] == name]
        shown = some[np.argsort(-sure[some], kind="stable")[:GRID]]
        mistakes = int((truth[shown] != name).sum())
        labelled[shown] = truth[shown]
        pressed, since = pressed + 1 + 2 * mistakes, since + len(shown)
        wrong, grids = wrong + mistakes, grids + 1
        log.append((int((labelled >= 0).sum()), pressed))
    half = next(pressed for done, pressed in log if done >= len(truth) / 2)
    return {"photos": len(truth), "presses": pressed, "wrong": wrong, "grids": grids, "presses of the first half": half}


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and its 95 % interval over seeds."""
    half = student.ppf(0.975, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return fmean(values), fmean(values) - half, fmean(values) + half


def needed_row(by: str, curves: dict[str, Any]) -> tuple[Any, ...]:
    ours, chance = ([reached(curves[f"{name}|{seed}"]) for seed in SEEDS] for name in (by, "random"))
    never = curves["random|0"][-1][0]  # all photos
    least = [one or never for one in ours]
    saved = [one - (other or never) for one, other in zip(least, chance, strict=True)]
    return (by, *spread(least), *spread(saved), sum(one is None for one in ours))


def curve_row(by: str, curves: dict[str, Any]) -> tuple[Any, ...]:
    """Mean macro F1 at some numbers of labels; a curve that ended at the goal stays out."""
    cells: list[float | None] = []
    for count in SHOWN:
        values = [value for seed in SEEDS for labels, value in curves[f"{by}|{seed}"] if labels == count]
        cells.append(fmean(values) if len(values) == len(SEEDS) else None)
    return (by, *cells)


def tables(answers: dict[str, Any]) -> list[Table]:
    needed = Table(
        f"Labels needed for a macro F1 of {GOAL}",
        ("Queue", "Labels", "low", "high", "Δ to random", "low ", "high ", "Not reached"),
        tuple(needed_row(by, answers["curves"]) for by in QUEUES),
        (f"Means over {len(SEEDS)} seeds with 95 % intervals (t); the goal not reached counts as all photos.",),
        1,
    )
    shown = Table("Macro F1 on test", ("Queue", *map(str, SHOWN)), tuple(curve_row(by, answers["curves"]) for by in QUEUES))
    all_of = list(answers["presses"].values())
    per = [one["presses"] / one["photos"] for one in all_of]
    half = [one["presses of the first half"] / (one["photos"] / 2) for one in all_of]
    wrong = [one["wrong"] / one["photos"] for one in all_of]
    rows = (("one by one", 1.0, None, None, None, None), ("in grids", *spread(per), fmean(half), fmean(wrong)))
    columns = ("Way", "Presses a photo", "low", "high", "First half", "Wrong guesses a photo")
    return [needed, shown, Table("Key presses", columns, rows, (f"{all_of[0]['photos']:,} photos, {len(all_of)} seeds.",))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    file = asked.out / "annotating.json"
    answers = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"curves": {}, "presses": {}}
    with threadpool_limits(1):
        shop = shop_of(asked)
        points = shop.space.of(shop.pool.features)
        for seed in SEEDS:
            if str(seed) not in answers["presses"]:
                answers["presses"][str(seed)] = presses(shop, points, seed)
            for by in QUEUES:
                if f"{by}|{seed}" not in answers["curves"]:
                    answers["curves"][f"{by}|{seed}"] = curve(shop, points, by, seed)
                    print(by, seed, reached(answers["curves"][f"{by}|{seed}"]), flush=True)
                write_json(file, answers)
    print(write_text(asked.out / "annotating.md", "\n\n".join(one.markdown() for one in tables(answers))).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
