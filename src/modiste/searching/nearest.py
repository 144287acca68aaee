"""The nearest vectors, exactly: cosine similarity by a matrix product in parts, the best picked out, copies put under one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Places = NDArray[np.int64]
SAME = 0.993  # photos more similar than this show the same picture: docs/search.md says what was looked at
SLACK = 1e-5  # what two ways of adding the same numbers may differ by, and more
FEW = 50  # of so many rows, one is gathered rather than go over all
AT_ONCE = 4096  # vectors gathered at a time


class Vectors(Protocol):
    """N vectors of length 1 that need not be in memory."""

    def __len__(self) -> int: ...

    def blocks(self) -> Iterator[tuple[slice, Floats]]: ...

    def at(self, rows: Places) -> Floats: ...


@dataclass(frozen=True, eq=False)
class Group:
    """A result: the row that is most similar to what was asked for, and the rows that show the same picture."""

    row: int
    copies: tuple[int, ...]  # the most similar to what was asked for first


def unit(vectors: Floats) -> Floats:
    """Vectors (..., F) brought to length 1; what has no length stays as it is."""
    exact = vectors.astype(np.float64)
    lengths = np.linalg.norm(exact, axis=-1, keepdims=True)
    return (exact / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def similarities(vectors: Vectors, asked: Floats) -> Floats:
    """Cosine similarity of each of N vectors to what is asked for (F,) or (Q, F): (N,) or (N, Q)."""
    found = np.empty((len(vectors), *asked.shape[:-1]), np.float32)
    for rows, some in vectors.blocks():
        found[rows] = some @ asked.T
    return found


def best(scores: Floats, most: int) -> Places:
    """The rows of the highest scores (N,), at most so many, the highest first, equal ones in the order of rows; -inf is none.

    >>> best(np.array([0.1, 0.9, 0.5, 0.9], np.float32), 3)
    array([1, 3, 2])
    """
    most = min(most, len(scores))
    if most < 1:
        return np.zeros(0, np.int64)
    cut = np.partition(scores, len(scores) - most)[len(scores) - most]
    found = np.flatnonzero((scores >= cut) & (scores > -np.inf))
    return found[np.lexsort((found, -scores[found]))][:most]


def grouped(vectors: Vectors, scores: Floats, hashes: NDArray[np.uint8], k: int, same: float = SAME) -> list[Group]:
    """The k best results: row by row from the best, each joins the first result it is a copy of, or becomes one of its own."""
    heads, most = Heads(vectors, hashes, k, same), 4 * k + 32
    while not heads.take(rows := best(scores, most)) and len(rows) == most:
        most *= 4
    heads.take_copies(scores)
    return [Group(row, tuple(sorted(copies, key=lambda at: (-scores[at], at)))) for row, copies in heads.found.items()]


class Heads:
    """Results while they are found. Copies are photos of the same bytes, or more similar than `same`."""

    def __init__(self, vectors: Vectors, hashes: NDArray[np.uint8], k: int, same: float) -> None:
        self.vectors, self.hashes, self.k, self.same = vectors, hashes, k, same
        self.found: dict[int, list[int]] = {}
        self.held = np.zeros((0, 0), np.float32)  # (heads, F)
        self.seen = 0

    def take(self, rows: Places) -> bool:
        """Go on along rows in the order of their scores, those that were seen before passed over; whether there are k results."""
        fresh = rows[self.seen :]
        for row, vector in zip(fresh.tolist(), self.vectors.at(fresh), strict=True):
            if len(self.found) == self.k:
                break
            self.seen += 1
            head = self.head_of(np.array([row]), vector[None])[0]
            if head >= 0:
                self.found[list(self.found)[head]].append(row)
            else:
                self.found[row] = []
                self.held = np.concatenate([self.held.reshape(-1, len(vector)), vector[None]])
        return len(self.found) == self.k

    def head_of(self, rows: Places, vectors: Floats) -> Places:
        """Which result each of some rows is a copy of, counted from the best; -1 for none."""
        if not self.found:
            return np.full(len(rows), -1)
        near = vectors @ self.held.T >= self.same  # (M, heads)
        near |= (self.hashes[rows][:, None] == self.hashes[list(self.found)][None]).all(2)
        return np.where(near.any(1), near.argmax(1), -1)

    def take_copies(self, scores: Floats) -> None:
        """The copies that stand behind the last result: no more than the angle of a copy from one."""
        if not self.found:
            return
        least = float(scores[list(self.found)].min())
        angle = math.acos(max(-1.0, min(1.0, least))) + math.acos(min(1.0, self.same))
        reach = math.cos(min(math.pi, angle)) - SLACK
        taken = np.fromiter((row for head, copies in self.found.items() for row in (head, *copies)), np.int64)
        near = (scores >= reach) & (scores > -np.inf)
        if near.sum() > len(scores) / FEW:  # gathering many vectors costs more than going over all
            near &= self.perhaps(scores)
        rows = np.setdiff1d(np.flatnonzero(near), taken)
        names = list(self.found)
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            heads = self.head_of(some, self.vectors.at(some))
            for row, head in zip(some[heads >= 0].tolist(), heads[heads >= 0].tolist(), strict=True):
                self.found[names[head]].append(row)

    def perhaps(self, scores: Floats) -> NDArray[np.bool_]:
        """Which rows may be copies of a result, (N,): of other bytes and similar to it, or of the same, and then as similar as it is."""
        found = np.zeros(len(scores), bool)
        for rows, some in self.vectors.blocks():
            found[rows] = (some @ self.held.T).max(1) >= self.same - SLACK
        for head in self.found:
            found |= np.abs(np.where(scores > -np.inf, scores, 9) - scores[head]) <= SLACK
        return found
