"""Strangeness: how far a photo's features lie from those of the classes the network learnt (Lee et al. 2018, section 2.1).

The features are turned onto the few directions in which they vary most, and each direction is scaled by how much photos vary in it
around the middle of their class. The distance from the nearest middle is then Mahalanobis' distance, with one covariance for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from modiste.records.errors import ModisteError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

MOST_DIRECTIONS = 64
SHRINK = 0.05  # of the covariance towards a ball: small classes do not tell every direction apart


@dataclass(frozen=True, eq=False)
class Strangeness:
    """The distance of features from the nearest class, in units of the spread within classes: `of` (N, F) is (N,)."""

    centre: Floats  # (F,)
    whitening: Floats  # (F, D): turns and scales
    middles: Floats  # (K, D): of each class, where its photos lie then
    unit: bool = True  # features are first brought to length 1, which tells strange photos better (docs/export.md)
    LEAST: ClassVar[float] = 1e-12

    def of(self, features: Floats) -> Floats:
        """The strangeness of some features, 0 or more: (N,)."""
        white = (lengthened(features, self.unit) - self.centre) @ self.whitening
        squares = ((white[:, None] - self.middles) ** 2).sum(2)  # (N, K)
        found: Floats = np.sqrt(squares.min(1))
        return found


def lengthened(features: Floats, unit: bool) -> Floats:
    """Features at length 1, or as they are."""
    if not unit:
        return features
    made: Floats = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), Strangeness.LEAST)
    return made


def fit_strangeness(features: Floats, labels: Codes, *, unit: bool = True, most: int = MOST_DIRECTIONS) -> Strangeness:
    """Learn from the features (N, F) of photos the network learnt from, and their classes (N,)."""
    codes = np.unique(labels)
    if len(labels) < 2 * len(codes) + 2:
        raise ModisteError(f"{len(labels)} photos of {len(codes)} classes are too few to learn what is usual from. Give more of train.")
    features = lengthened(features.astype(np.float64), unit)
    centre = features.mean(0)
    turned = directions(features - centre, most)  # (F, D)
    flat = (features - centre) @ turned
    middles = np.stack([flat[labels == code].mean(0) for code in codes])
    within = flat - middles[np.searchsorted(codes, labels)]
    covariance = within.T @ within / max(1, len(labels) - len(codes))
    ball = np.eye(len(covariance)) * np.trace(covariance) / len(covariance)
    if not covariance.trace() > 0:
        raise ModisteError("the network gives the same features for every photo of a class: nothing tells a strange one from them.")
    values, vectors = np.linalg.eigh((1 - SHRINK) * covariance + SHRINK * ball)
    white = vectors / np.sqrt(values)
    return Strangeness(centre, turned @ white, middles @ white, unit)


def directions(centred: Floats, most: int) -> Floats:
    """The directions of largest variance, (F, D), by the smaller of the two products; none in which nothing varies."""
    count, width = centred.shape
    gram = centred.T @ centred if width <= count else centred @ centred.T
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[::-1][:most], vectors[:, ::-1][:, :most]
    kept = values > 1e-10 * max(values[0], 1e-300)
    found: Floats = vectors[:, kept] if width <= count else centred.T @ vectors[:, kept] / np.sqrt(values[kept])
    return found * np.where(found[np.abs(found).argmax(0), np.arange(found.shape[1])] < 0, -1.0, 1.0)  # of two signs, always the same
