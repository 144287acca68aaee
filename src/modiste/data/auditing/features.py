"""What a classifier is told of a photo: where its edges run, in the whole frame and in what stands in it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from modiste.data.auditing.aligned import warped
from modiste.data.auditing.look import FINE, SIDE
from modiste.data.auditing.looks import Looks

CELL, TURNS = 6, 9  # places a side of a cell; directions between 0 and 180 degrees
CELLS = SIDE // CELL
Numbers = NDArray[np.floating[Any]]


def features(looks: Looks, which: NDArray[np.int64]) -> NDArray[np.float32]:
    """Histograms of the directions of edges (HOG) of some photos, (M, D): the frame's, then those of what stands on the ground."""
    colours = looks.thumbs(which).astype(np.float32) / 255
    box = looks.small["box"][which].astype(np.float32) / FINE
    view = np.stack([box[:, 2:] - box[:, :2], box[:, :2]], -1)  # (M, 2 axes, scale and shift)
    standing = np.stack([warped(colours[..., of], view) for of in range(3)], -1)
    return np.concatenate([edge_directions(colours), edge_directions(standing)], 1)


def edge_directions(colours: Numbers) -> NDArray[np.float32]:
    """HOG (M, 7 * 7 * 4 * TURNS) of pictures (M, S, S, 3): of three channels the steepest counts (Dalal and Triggs 2005)."""
    down, right = np.zeros_like(colours), np.zeros_like(colours)
    down[:, 1:-1], right[:, :, 1:-1] = colours[:, 2:] - colours[:, :-2], colours[:, :, 2:] - colours[:, :, :-2]
    steepest = np.argmax(down**2 + right**2, -1)[..., None]
    down, right = (np.take_along_axis(slope, steepest, -1)[..., 0] for slope in (down, right))
    turn = np.arctan2(down, right) % np.pi * (TURNS / np.pi)
    return blocks(histograms(np.hypot(down, right), turn)).reshape(len(colours), -1)


def histograms(steep: Numbers, turn: Numbers) -> Numbers:
    """How much edge runs in each direction in each cell, (M, CELLS, CELLS, TURNS); a direction between two counts for both."""
    count = len(steep)
    cells = np.arange(SIDE) // CELL
    cell = (np.arange(count)[:, None, None] * CELLS + cells[:, None]) * CELLS + cells
    low = np.floor(turn)
    found = np.zeros(count * CELLS * CELLS * TURNS)
    for direction, share in ((low, 1 - turn + low), (low + 1, turn - low)):
        at = cell * TURNS + direction.astype(np.int64) % TURNS
        found += np.bincount(at.ravel(), (steep * share).ravel(), len(found))
    return found.reshape(count, CELLS, CELLS, TURNS)


def blocks(cells: Numbers) -> NDArray[np.float32]:
    """Each 2 x 2 cells together, at one contrast, no direction more than 0.3 of it."""
    near = np.concatenate([cells[:, :-1, :-1], cells[:, 1:, :-1], cells[:, :-1, 1:], cells[:, 1:, 1:]], -1)
    near = near / np.sqrt((near**2).sum(-1, keepdims=True) + 0.01)
    found: NDArray[np.float32] = np.minimum(near, 0.3).astype(np.float32)
    return found
