"""The bootstrap: what a measure would have been on other photos of the same kind, for many networks on the same draws.

Photos are drawn anew, with replacement, within each true class (Efron and Tibshirani 1993, chapters 6 and 8): how many photos of a
class a test set holds was decided, not drawn. Every network sees the same draws, so that two networks are compared photo by photo.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from modiste.evaluation.measures import Measure, check_photos, measure
from modiste.evaluation.statistics.seeds import Spread, spreads
from modiste.evaluation.tables import Results, classes_of
from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions

ROUNDS = 2000
CELLS = 4_000_000  # numbers in memory at once, in each of a few arrays


@dataclass(frozen=True, eq=False)
class Sample:
    """A measure of one network: its value for each seed (S,), and for each seed in each round of the bootstrap (S, rounds).

    `steps` (K,) are the most that one photo of each class called otherwise would move it; `right` is the share of seeds that call each
    photo rightly, in the order of the paths; `spread` how far seeds lie apart, None where nothing is known; `others_apart` is what `apart`
    is of networks of several seeds, for one of a single seed.
    """

    values: NDArray[np.float64]
    drawn: NDArray[np.float64]
    steps: NDArray[np.float64]
    right: NDArray[np.float64]
    spread: Spread | None = None
    others_apart: float = 0.0

    @property
    def seeds(self) -> int:
        return len(self.values)

    @property
    def step(self) -> float:
        """The most that one photo called otherwise would move it."""
        return float(self.steps.max(initial=0.0))

    @property
    def photos(self) -> int:
        return len(self.right)

    @property
    def unseen(self) -> float:
        """The variance that draws within classes cannot show, were every photo a toss: of n photos they show n - 1 parts in n."""
        return float((self.steps**2).sum())

    @property
    def mean(self) -> float:
        return float(self.values.mean())

    @property
    def apart(self) -> float:
        """The variance of one seed about the mean of all over draws of photos: each errs on photos of its own, which the bootstrap sees."""
        if self.seeds == 1:
            return self.others_apart
        own = self.drawn - self.drawn.mean(1, keepdims=True)
        return float(own.var(axis=0, ddof=1).mean())


def sampled(results: Results, measured: str, rounds: int = ROUNDS, seed: int = 0) -> dict[str, Sample]:
    """A sample for each network that has predictions; refused where two were not tested on the same photos, or a class on none."""
    return sampled_each(results, (measured,), rounds, seed)[measured]


def sampled_each(
    results: Results, measures: Sequence[str], rounds: int = ROUNDS, seed: int = 0, only: Sequence[str] = ()
) -> dict[str, dict[str, Sample]]:
    """`sampled` for several measures of the same draws: measure -> network -> sample.

    With `only`, samples of some networks: the others lend what they know of seeds, and are not drawn, which is what takes long.
    """
    shown = {name: tuple(runs) for name, runs in results.items() if runs}
    if not shown:
        raise ModisteError("there is nothing to compare: no run has predictions yet. Finish one and ask again.")
    classes_of(shown)  # refuses results of two test sets
    found: dict[str, dict[str, Sample]] = {name: {} for name in measures}
    every = tuple(run for name, runs in shown.items() if name in (only or shown) for run in runs)
    for name in measures:
        check_photos(name, every[0].classes, every[0].confusion.sum(1).tolist())
    drawn = redrawn(every, tuple(measures), rounds, seed)  # (measures, runs, rounds)
    rights = {name: right(runs) for name, runs in shown.items()}
    for place, name in enumerate(measures):
        measuring, at = measure(name, every[0].classes), 0
        counts = {model: np.stack([run.confusion for run in runs]) for model, runs in shown.items()}
        values = {model: measuring(of_seeds) for model, of_seeds in counts.items()}
        spread = spreads(values)
        for model, of_seeds in counts.items():
            if only and model not in only:
                continue
            steps = steps_of(measuring, of_seeds)
            found[name][model] = Sample(values[model], drawn[place, at : at + len(of_seeds)], steps, rights[model], spread[model])
            at += len(of_seeds)
        several = [one.apart for one in found[name].values() if one.seeds > 1]
        if several:
            found[name] = {model: replace(one, others_apart=float(np.mean(several))) for model, one in found[name].items()}
    return found


@lru_cache(maxsize=16)  # tables and figures ask the same of the same runs; predictions never change
def redrawn(runs: tuple[Predictions, ...], measures: tuple[str, ...], rounds: int, seed: int) -> NDArray[np.float64]:
    """Each measure of each run in each round: (measures, runs, rounds). The draws depend on the truth, the rounds and the seed alone."""
    truth, called = aligned(runs)
    classes = len(runs[0].classes)
    cells = [cells_of(truth * classes + row, classes * classes) for row in called]
    measuring = [measure(name, runs[0].classes) for name in measures]
    values = np.empty((len(measures), len(runs), rounds))
    at = 0
    for weights in draws(truth, rounds, seed, at_once(len(truth), classes * classes)):
        now = slice(at, at := at + weights.shape[1])
        for place, photos_in in enumerate(cells):
            counts = np.ascontiguousarray((photos_in @ weights).T).reshape(-1, classes, classes)
            for row, one in enumerate(measuring):
                values[row, place, now] = one(counts)
    values.flags.writeable = False  # shared by all who ask
    return values


def aligned(runs: Sequence[Predictions]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The truth (N,) and what each run called (runs, N), by the photos' paths in order, whatever order each run has them in."""
    for run in runs:
        photo, times = Counter(run.photos).most_common(1)[0] if len(run) else ("", 0)
        if times > 1:
            raise ModisteError(f"'{photo}' stands twice among the predictions: a photo may be counted once. Leave one of the rows out.")
    orders = [np.argsort(np.array(run.photos)) for run in runs]
    return runs[0].truth[orders[0]], np.stack([run.called[order] for run, order in zip(runs, orders, strict=True)])


def right(runs: Sequence[Predictions]) -> NDArray[np.float64]:
    """The share of seeds that call each photo rightly, (N,), in the order of the paths."""
    truth, called = aligned(runs)
    shares: NDArray[np.float64] = (called == truth).mean(0)
    return shares


def at_once(*numbers: int) -> int:
    """How many rounds are done together, each with arrays of so many numbers."""
    return max(1, CELLS // max(numbers))


def turns(rounds: int, chunk: int) -> Iterator[int]:
    """Rounds in turns of `chunk`, and what is left.

    >>> list(turns(7, 3))
    [3, 3, 1]
    """
    yield from (min(chunk, rounds - began) for began in range(0, rounds, chunk))


def draws(truth: NDArray[np.int64], rounds: int, seed: int, chunk: int) -> Iterator[NDArray[np.float32]]:
    """How often each photo is drawn in each round, some rounds at a time: (N, up to `chunk`); as many of each class as there are."""
    rng = np.random.default_rng(seed)
    by_class = np.argsort(truth, kind="stable")
    first, photos = np.unique(truth[by_class], return_index=True, return_counts=True)[1:]
    start, many = np.repeat(first, photos), np.repeat(photos, photos)  # of each photo's class, photos in the order of `by_class`
    for now in turns(rounds, chunk):
        taken = by_class[start + (rng.random((now, len(truth))) * many).astype(np.int64)]
        places = taken * now + np.arange(now)[:, None]
        yield np.bincount(places.ravel(), minlength=len(truth) * now).reshape(len(truth), now).astype(np.float32)


def cells_of(cell: NDArray[np.int64], cells: int) -> csr_array:
    """Which photos lie in each cell of the count matrix: (cells, N) of zeros and ones."""
    photos = len(cell)
    return csr_array((np.ones(photos, np.float32), (cell, np.arange(photos))), shape=(cells, photos))


def steps_of(measuring: Measure, of_seeds: NDArray[np.int64]) -> NDArray[np.float64]:
    """The most that one photo of each class moves a measure of any seed: (K,), from counts (S, K, K)."""
    most: NDArray[np.float64] = np.max([one_photo(measuring, counts) for counts in of_seeds], axis=0)
    return most


def one_photo(measuring: Measure, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The most a measure moves when one photo of a class is called otherwise: (K,); 0 for a class without photos.

    It is moved between right and the class's likeliest mistake; and for each class that may be called, a photo of the commonest answer
    that is another's is called it: the precision of a class that nothing is taken for yet would move too.

    >>> from modiste.evaluation.measures import accuracy
    >>> one_photo(accuracy, np.array([[3, 1], [0, 4]]))
    array([0.125, 0.125])
    """
    true, diagonal = np.flatnonzero(counts.sum(1)), np.eye(len(counts), dtype=bool)
    wrong = np.where(diagonal, -1, counts).argmax(1)[true]
    right = counts[true, true] > 0
    moves = [np.stack([true, np.where(right, true, wrong), np.where(right, wrong, true)])]  # of a class, called so, to be called so
    for called in range(len(counts)):
        others = np.where((np.arange(len(counts)) != called)[:, None] & (np.arange(len(counts)) != called), counts, 0)
        of, before = np.unravel_index(others.argmax(), others.shape)
        if others[of, before]:
            moves.append(np.array([[of], [before], [called]]))
    of, before, after = np.concatenate(moves, axis=1)
    moved = np.repeat(counts[None], len(of), axis=0)
    moved[np.arange(len(of)), of, before] -= 1
    moved[np.arange(len(of)), of, after] += 1
    steps = np.zeros(len(counts))
    np.maximum.at(steps, of, np.abs(measuring(moved) - measuring(counts)))
    return steps
