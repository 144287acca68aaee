"""The nearest neighbours of many short vectors without comparing all pairs: random trees whose leaves are compared in full."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

LEAF = 48  # vectors of a leaf, at least; twice that at most
TREES = 12
NOBODY = np.iinfo(np.int64).max


def nearest(
    vectors: NDArray[np.int8], count: int, radius: float, rng: np.random.Generator, trees: int = TREES
) -> Iterator[NDArray[np.int64]]:
    """After each tree, (N, count): for each of N vectors the nearest that were found so far, as `packed` distance and place.

    Distances are whole numbers, so two trees that meet the same pair agree to the last bit and the result hangs on `rng` alone.
    """
    best = np.full((len(vectors), count), NOBODY)
    for _ in range(trees):
        leaves = grown(vectors, rng)
        for some in np.array_split(leaves, max(1, leaves.size * leaves.shape[1] // 4_000_000)):
            places, found = within(vectors, some, count, radius)
            best[places] = merged(best[places], found)
        yield best


def grown(vectors: NDArray[np.int8], rng: np.random.Generator) -> NDArray[np.int64]:
    """One tree's leaves (M, L) of places: halved at the middle, level by level, along a difference of two random vectors.

    The last places stand twice where N does not divide into M leaves.
    """
    depth = max(0, int(np.log2(max(1, len(vectors) / LEAF))))
    ends = rng.integers(0, len(vectors), (2, depth))
    directions = (vectors[ends[0]].astype(np.float32) - vectors[ends[1]]).T
    heights = np.concatenate([vectors[start : start + 65536] @ directions for start in range(0, len(vectors), 65536)])
    order = rng.permutation(len(vectors))
    order = np.concatenate([order, order[: -len(order) % 2**depth]])
    for level in range(depth):
        nodes = order.reshape(2**level, -1)
        halved = np.argpartition(heights[nodes, level], nodes.shape[1] // 2, axis=1)
        order = np.take_along_axis(nodes, halved, 1)
    return order.reshape(2**depth, -1)


def within(vectors: NDArray[np.int8], leaves: NDArray[np.int64], count: int, radius: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The nearest neighbours inside each leaf: places (P,) and their neighbours, packed (P, count)."""
    held = vectors[leaves].astype(np.float32)  # (M, L, D)
    squares = np.einsum("mld,mld->ml", held, held)
    distances = squares[:, :, None] + squares[:, None] - 2 * (held @ held.transpose(0, 2, 1))
    keys = packed(distances.astype(np.int64), leaves[:, None])
    keys[(leaves[:, :, None] == leaves[:, None]) | (distances > radius**2)] = NOBODY
    near = np.partition(keys, min(count, keys.shape[2] - 1), axis=2)[:, :, :count]
    found = np.full((*leaves.shape, count), NOBODY)
    found[:, :, : near.shape[2]] = near
    places, first = np.unique(leaves, return_index=True)
    return places, found.reshape(-1, count)[first]


def merged(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """The nearest of two lists a row, each neighbour once."""
    both = np.sort(np.concatenate([one, other], 1), axis=1)
    both[:, 1:][both[:, 1:] == both[:, :-1]] = NOBODY
    return np.sort(both, axis=1)[:, : one.shape[1]]


def packed(squares: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """A squared distance and a place in one number that sorts by distance first."""
    return (squares << 32) | places


def pairs(best: NDArray[np.int64]) -> NDArray[np.int64]:
    """Neighbours (N, count) as pairs of places (P, 2), the lower first, each once, in order."""
    one, which = np.nonzero(best != NOBODY)
    other = best[one, which] & 0xFFFFFFFF
    found = np.unique((np.minimum(one, other) << 32) | np.maximum(one, other))
    return np.stack([found >> 32, found & 0xFFFFFFFF], 1)
