"""Where a network looks, without torch: what becomes of a class's probability when a part of the photo is covered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modiste.serving.labeller import Labeller

STEPS, SPAN = 8, 2  # places along a side, and how many of them a cover spans
Floats = NDArray[np.float32]


def heat(labeller: Labeller, pixels: NDArray[np.uint8], code: int, steps: int = STEPS, span: int = SPAN) -> Floats:
    """How much of the probability of class `code` each place of a photo (S, S, C) holds up: (steps, steps), in [0, 1].

    It is what the probability loses when the place is covered, 0 where it gains. The cover is the photo's own mean colour and slides by a
    place, so that each place is covered span x span times (Zeiler & Fergus 2014, section 3).
    """
    side = pixels.shape[0]
    edges = np.linspace(0, side, steps + 1).round().astype(int)
    whole = float(labeller.score(pixels[None]).probabilities[0, code])
    grey = pixels.reshape(-1, pixels.shape[2]).mean(0).round().astype(np.uint8)
    starts = range(1 - span, steps)
    corners = [(top, left) for top in starts for left in starts]
    covered = np.stack([cover(pixels, edges, top, left, span, grey) for top, left in corners])
    lost = np.maximum(0, whole - labeller.score(covered).probabilities[:, code])
    found, many = np.zeros((steps, steps)), np.zeros((steps, steps))
    for (top, left), one in zip(corners, lost, strict=True):
        rows, columns = slice(max(0, top), top + span), slice(max(0, left), left + span)
        found[rows, columns] += one
        many[rows, columns] += 1
    made: Floats = (found / many).astype(np.float32)
    return made


def cover(
    pixels: NDArray[np.uint8], edges: NDArray[np.int64], top: int, left: int, span: int, grey: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The photo with a square of grey over some places."""
    made, last = pixels.copy(), len(edges) - 1
    rows, columns = slice(edges[max(0, top)], edges[min(last, top + span)]), slice(edges[max(0, left)], edges[min(last, left + span)])
    made[rows, columns] = grey
    return made
