"""Numbers of maps: how much of one lies on the product, how alike two rank their places, what a curve's area is; a mean's interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, stats

from modiste.records.table import DASH

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

DIFFERENT = 20  # of 255: what stands out from the border further than noise and JPEG's ripples do
COMPANION = 0.25  # of the largest region's size: the other shoe of a pair is kept, a crumb is not
LEAST, MOST = 0.03, 0.95  # of the picture: outside these a mask is taken for a failure
LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean over photos with its bootstrap interval."""

    value: float
    low: float
    high: float
    photos: int

    def interval(self, digits: int = 3) -> str:
        """Its ends in words; of no photos a dash.

        >>> Mean(0.5, 0.41, 0.59, 100).interval(2)
        '0.41 to 0.59'
        >>> Mean(0.0, -0.0001, 0.02, 100).interval(2)
        '0.00 to 0.02'
        """
        return f"{self.low:z.{digits}f} to {self.high:z.{digits}f}" if self.photos else DASH


def product_mask(pixels: NDArray[np.uint8]) -> Mask:
    """Where the product stands in a studio photo: (S, S, C) -> (S, S), True on it.

    What differs from the border's median colour, its holes filled: the largest region, and others of a quarter of its size or more.
    A white shirt on white is found by its outline, and where that is broken, not whole.
    """
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    apart = np.abs(pixels.astype(np.int16) - np.median(border, axis=0)).max(2) > DIFFERENT
    regions, count = ndimage.label(ndimage.binary_fill_holes(apart))
    if not count:
        return np.zeros_like(apart)
    sizes = np.bincount(regions.ravel())[1:]
    kept: Mask = np.isin(regions, 1 + np.flatnonzero(sizes >= COMPANION * sizes.max()))
    return kept


def sure(mask: Mask) -> bool:
    """Whether a mask covers so much and so little of the picture that it may well be the product."""
    return bool(LEAST <= mask.mean() <= MOST)


def share_on(maps: Floats, masks: Mask) -> Floats:
    """How much of each map's mass lies on the product: (N, S, S) twice -> (N,) in [0, 1]; NaN for a map of nothing."""
    mass = maps.sum((1, 2))
    shares: Floats = np.divide((maps * masks).sum((1, 2)), mass, out=np.full(len(maps), np.nan), where=mass > 0)
    return shares


def another(maps: Floats) -> Floats:
    """For each photo the map of another, half the list away: neighbours in a catalogue are often of a kind."""
    return np.roll(maps, len(maps) // 2, axis=0)


def rank_correlation(ours: Floats, theirs: Floats) -> Floats:
    """How alike two maps rank their places, map by map: (N, ...) twice -> (N,) in [-1, 1] (Spearman 1904).

    NaN where ours is the same everywhere: it ranks nothing, so nothing can be like it. 0 where theirs is.
    """
    ranks = [stats.rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (ours, theirs)]
    one, other = (rank - rank.mean(1, keepdims=True) for rank in ranks)
    spread = np.sqrt((one**2).sum(1) * (other**2).sum(1))
    nothing = np.where(one.any(1), 0.0, np.nan)
    found: Floats = np.divide((one * other).sum(1), spread, out=nothing, where=spread > 0)
    return found


def area_under(curves: Floats) -> Floats:
    """The mean height of curves over evenly spaced places, (N, P) -> (N,), by trapezoids."""
    area: Floats = (curves[:, 1:] + curves[:, :-1]).mean(1) / 2
    return area


def mean_of(values: Floats, rounds: int = 2000, seed: int = 0) -> Mean:
    """The mean of a number a photo, (N,), with the 95 % interval of a bootstrap over photos; photos without a number are left out."""
    values = values[np.isfinite(values)]
    return ratio_of(values, np.ones_like(values), rounds, seed)


def ratio_of(over: Floats, under: Floats, rounds: int = 2000, seed: int = 0) -> Mean:
    """The mean of one number a photo over the mean of another, (N,) twice, drawn together."""
    there = np.isfinite(over) & np.isfinite(under)
    over, under = over[there], under[there]
    if not len(over):
        return Mean(np.nan, np.nan, np.nan, 0)
    drawn = np.random.default_rng(seed).integers(0, len(over), (rounds, len(over)))
    low, high = np.quantile(over[drawn].mean(1) / under[drawn].mean(1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Mean(float(over.mean() / under.mean()), float(low), float(high), len(over))
