"""How good a search is, on photos whose kind is known: how often the nearest are of the same kind, and how surely that is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modiste.data.layouts.sources import Source
from modiste.records.errors import ModisteError, UsageError, unknown
from modiste.records.progress import Progress, Tell, silent
from modiste.records.table import Table
from modiste.searching.nearest import unit
from modiste.searching.stored import BLOCK, Stored

DEPTHS = (1, 5, 10)
MEASURES = (*(f"recall@{depth}" for depth in DEPTHS), "mAP")
ROUNDS, SEED = 2000, 0
MOST_ASKED = 10_000  # photos that are asked for, by chance where there are more
CELLS = 20_000_000  # similarities in memory at once
Numbers = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Quality:
    """What each of Q photos got that were asked for: values (Q, 4) in the order of `MEASURES`, what chance gives, their kinds (Q,)."""

    by: str
    kinds: tuple[str, ...]
    kind: Places  # (Q,)
    values: Numbers
    chance: Numbers  # (Q, 4)
    searched: int
    alone: int  # photos that were not asked for: none other is of their kind

    def tables(self, most_kinds: int = 40) -> list[Table]:
        """The means over photos and over kinds with 95 % intervals, and a line a kind."""
        return [self.overall(), self.each_kind(most_kinds)]

    def overall(self) -> Table:
        low, high = self.intervals()
        means, chance, kinds = self.values.mean(0), self.chance.mean(0), self.by_kind().mean(0)
        columns = ("measure", "mean of photos", "from", "to", "by chance", f"mean of {len(np.unique(self.kind))} kinds")
        rows = tuple(
            (name, float(means[at]), float(low[at]), float(high[at]), float(chance[at]), float(kinds[at]))
            for at, name in enumerate(MEASURES)
        )
        asked = f"{len(self.values):,} photos asked for, among {self.searched:,}; each left out of its own results, with its exact copies."
        notes = (
            f"{asked} recall@k: the share of them that have one of the same {self.by} among the first k.",
            f"From, to: 95 % intervals, photos drawn anew within each {self.by} {ROUNDS:,} times.",
        )
        lone = (f"{self.alone:,} photos are alone of their {self.by}: they are searched among and not asked for.",) if self.alone else ()
        return Table(f"Search by {self.by}", columns, rows, (*notes, *lone))

    def by_kind(self) -> Numbers:
        """The mean of each kind that was asked for, (kinds, 4)."""
        return np.stack([self.values[self.kind == kind].mean(0) for kind in np.unique(self.kind)])

    def each_kind(self, most: int) -> Table:
        many = np.bincount(self.kind, minlength=len(self.kinds))
        shown = [kind for kind in np.argsort(-many, kind="stable")[:most].tolist() if many[kind]]
        rows = tuple((self.kinds[kind], int(many[kind]), *map(float, self.values[self.kind == kind].mean(0))) for kind in shown)
        left = int((many > 0).sum()) - len(shown)
        notes = (f"{left:,} more kinds with fewer photos are in the means above.",) if left else ()
        return Table(f"Each {self.by}", (self.by, "photos", *MEASURES), rows, notes)

    def intervals(self) -> tuple[Numbers, Numbers]:
        """The 2.5 % and 97.5 % points of the means over photos, each (4,)."""
        low, high = np.quantile(redrawn(self.values, self.kind), (0.025, 0.975), axis=0)
        return low, high

    def plain(self) -> dict[str, object]:
        return {"by": self.by, "asked": len(self.values), "searched": self.searched, "tables": [one.plain() for one in self.tables(10_000)]}


def redrawn(values: Numbers, kind: Places, rounds: int = ROUNDS, seed: int = SEED) -> Numbers:
    """The means of values (Q, M) in each round, (rounds, M): as many photos of each kind as there are, drawn with replacement."""
    rng, order = np.random.default_rng(seed), np.argsort(kind, kind="stable")
    _, first, many = np.unique(kind[order], return_index=True, return_counts=True)
    start, size = np.repeat(first, many), np.repeat(many, many)
    means = np.empty((rounds, values.shape[1]))
    for number in range(rounds):
        means[number] = values[order[start + (rng.random(len(kind)) * size).astype(np.int64)]].mean(0)
    return means


def kinds_in(source: Source, by: str, only: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What the source says of its photos under a column, by their paths; those it says nothing of, and that `only` leaves out, are none."""
    said = {one.path: dict(one.details) for one in source.photos()}
    columns = sorted({name for details in said.values() for name in details})
    for name in (by, *only):
        if name not in columns:
            if not columns:
                raise ModisteError(f"{source.where} says nothing of its photos but where they are: there is no column '{name}' in it.")
            raise unknown("column", name, columns)
    for name, words in only.items():
        there = {details.get(name, "") for details in said.values()}
        for word in words:
            if word not in there:
                raise unknown(f"value of {name}", word, there - {""})
    taken = {path: details for path, details in said.items() if all(details.get(name, "") in words for name, words in only.items())}
    return {path: kind for path, details in taken.items() if (kind := details.get(by))}


def evaluate(stored: Stored, kinds: Sequence[str | None], by: str, most: int = MOST_ASKED, tell: Tell = silent) -> Quality:
    """Ask for each photo whose kind is known among all others whose kind is known, and look what comes: kinds has N values."""
    if len(kinds) != len(stored):
        raise UsageError(f"{len(kinds):,} kinds for an index of {len(stored):,} photos: give one each.")
    rows = np.flatnonzero([kind is not None for kind in kinds])
    names = sorted({kind for kind in kinds if kind is not None})
    codes = {name: code for code, name in enumerate(names)}
    kind = np.array([codes[kind] for kind in kinds if kind is not None], np.int64)
    hashes = np.unique(stored.rows["sha256"][rows], axis=0, return_inverse=True)[1].ravel()
    asked = asked_for(kind, hashes, most)
    if not len(asked):
        raise ModisteError(f"no two photos have the same {by}: there is nothing to be found.")
    values, chance, done = np.empty((len(asked), len(MEASURES))), np.empty((len(asked), len(MEASURES))), 0
    for some in np.array_split(asked, max(1, -(-len(asked) * len(rows) // CELLS))):
        for scores, place in zip(compared(stored, rows[some], rows), some.tolist(), strict=True):
            same = kind == kind[place]
            others = hashes != hashes[place]
            values[done], chance[done] = measured(scores[others], same[others]), by_chance(int(same[others].sum()), int(others.sum()))
            done += 1
        tell(Progress("asking", done, len(asked)))
    return Quality(by, tuple(names), kind[asked], values, chance, len(rows), alone(kind, hashes))


def asked_for(kind: Places, hashes: Places, most: int) -> Places:
    """Places of the photos that are asked for: those that are not alone of their kind; by chance where there are too many."""
    places = np.flatnonzero(~is_alone(kind, hashes))
    return np.sort(np.random.default_rng(SEED).permutation(places)[:most])


def is_alone(kind: Places, hashes: Places) -> NDArray[np.bool_]:
    """Whether no photo of other bytes is of the same kind, (N,)."""
    different = np.unique(np.stack([kind, hashes], 1), axis=0)[:, 0]
    lone: NDArray[np.bool_] = np.bincount(different, minlength=int(kind.max(initial=0)) + 1)[kind] < 2
    return lone


def alone(kind: Places, hashes: Places) -> int:
    return int(is_alone(kind, hashes).sum())


def compared(stored: Stored, asked: Places, rows: Places) -> Iterator[NDArray[np.float32]]:
    """The similarities of some rows to all of `rows`, a row at a time."""
    found, vectors = np.empty((len(asked), len(rows)), np.float32), unit(stored.at(asked))
    for start in range(0, len(rows), BLOCK):
        found[:, start : start + BLOCK] = vectors @ stored.at(rows[start : start + BLOCK]).T
    yield from found


def measured(scores: NDArray[np.floating], same: NDArray[np.bool_]) -> Numbers:
    """Whether one of the same kind is among the first 1, 5 and 10, and the average precision of the whole order; (4,).

    >>> measured(np.array([0.9, 0.8, 0.7, 0.6]), np.array([False, True, False, True])).tolist()
    [0.0, 1.0, 1.0, 0.5]
    """
    order = np.argsort(-scores, kind="stable")
    ordered, right = scores[order], np.cumsum(same[order])
    ranks = np.flatnonzero(same[order])  # of those of the same kind, from 0
    ends = np.searchsorted(-ordered, -ordered[ranks], side="right")  # where those equally similar end: no order among them counts
    return np.array([*(float(ranks[0] < depth) for depth in DEPTHS), (right[ends - 1] / ends).mean()])


def by_chance(same: int, others: int) -> Numbers:
    """What an order by chance gives where `same` of so many others are of the same kind; of mAP, its limit for many."""
    recalls = []
    for depth in DEPTHS:
        drawn = np.arange(min(depth, others))
        recalls.append(1 - float(np.prod(np.clip((others - same - drawn) / (others - drawn), 0, 1))))
    return np.array([*recalls, same / others])
