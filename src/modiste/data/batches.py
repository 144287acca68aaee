"""From a catalogue's photos to batches: decoded once, drawn by a sampler, augmented, normalised."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from modiste.data.augment import augment as augmented
from modiste.data.decoded import Pictures
from modiste.records.recipe import Pixels

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF_MEAN, HALF_STD = 127 / 255, 128 / 255  # as EfficientNet-Lite0 was trained


def constants(pixels: Pixels, pretrained: bool, train: Pictures) -> tuple[list[float], list[float]]:
    """Mean and standard deviation a channel, for pixels in [0, 1]: given, ImageNet's, the training photos' own, a half, or 0 and 1."""
    if pixels.constants:
        return pixels.constants
    normalise = pixels.normalise
    if normalise == "auto":
        normalise = "imagenet" if pretrained else "data"
    if normalise == "none":
        return [0.0] * pixels.channels, [1.0] * pixels.channels
    if normalise == "half":
        return [HALF_MEAN] * pixels.channels, [HALF_STD] * pixels.channels
    if normalise == "imagenet":
        mean, std = list(IMAGENET_MEAN), list(IMAGENET_STD)
        return (mean, std) if pixels.channels == 3 else ([sum(mean) / 3], [sum(std) / 3])
    sums = np.zeros((2, train.store.shape[3]))
    for start in range(0, len(train), 256):  # in parts: the pixels may be a file larger than memory
        part = train.at(slice(start, start + 256)).astype(np.float64) / 255
        sums += [part.mean((1, 2)).sum(0), (part**2).mean((1, 2)).sum(0)]
    mean_of, square_of = sums / len(train)
    std_of = np.sqrt(np.maximum(square_of - mean_of**2, 1e-12))
    times = pixels.channels // len(mean_of)  # grey3: one measured channel stands for three
    return [float(value) for value in mean_of] * times, [float(value) for value in std_of] * times


def sampling_weights(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """One over the number of photos of a photo's class: what WeightedRandomSampler is given (paper, 4.1.3)."""
    return 1 / np.bincount(labels)[labels]


def draw_order(labels: NDArray[np.int64], sampling: str, rng: np.random.Generator) -> NDArray[np.int64]:
    """The photos of one epoch, as many as there are: by inverse class frequency with replacement, or each once."""
    if sampling == "shuffled":
        return rng.permutation(len(labels))
    weights = sampling_weights(labels)
    return rng.choice(len(labels), len(labels), p=weights / weights.sum())


def expected_draws(counts: Sequence[int], sampling: str) -> list[float]:
    """How often an epoch draws each class, on average.

    >>> expected_draws([90, 10], "weighted")
    [50.0, 50.0]
    """
    if sampling == "shuffled":
        return [float(count) for count in counts]
    present = sum(count > 0 for count in counts)
    return [sum(counts) / present if count else 0.0 for count in counts]


def to_input(
    pixels: NDArray[np.uint8], channels: int, mean: Sequence[float], std: Sequence[float], augment: Sequence[str] = (), fold: bool = False
) -> Tensor:
    """Pixels (B, S, S, C) as the network's input: (B, channels, S, S), augmented, normalised, grey repeated, channels last in memory.

    With `fold`, three equal channels come as the one they are: (B, 1, S, S).
    """
    pictures = torch.from_numpy(np.require(pixels, requirements=("C", "W")))  # a copy where they may only be read
    if augment:
        pictures = augmented(pictures.permute(0, 3, 1, 2), augment).permute(0, 2, 3, 1).contiguous()
    if pictures.shape[3] == channels:
        return normalised(pictures, mean, std).permute(0, 3, 1, 2)
    if fold and len(set(mean)) == len(set(std)) == 1:
        return normalised(pictures, mean[:1], std[:1]).permute(0, 3, 1, 2)
    return repeated(pictures, mean, std).permute(0, 3, 1, 2)


def normalised(pictures: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(pixel / 255 - mean) / std of (B, S, S, C)."""
    means, stds = row_of(mean, pictures.shape[2]), row_of(std, pictures.shape[2])
    return pictures.flatten(2).float().sub_(means).div_(stds).view(pictures.shape)


def repeated(pictures: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Grey (B, S, S, 1) in as many channels as there are constants, normalised; a picture at a time, while it is in the cache."""
    side, channels = pictures.shape[2], len(mean)
    means, stds = row_of(mean, side), row_of(std, side)
    made, columns = torch.empty(*pictures.shape[:3], channels), torch.arange(side).repeat_interleave(channels)
    for picture, rows in zip(pictures[..., 0], made.flatten(2), strict=True):
        torch.index_select(picture.float(), 1, columns, out=rows)
        rows.sub_(means).div_(stds)
    return made


def row_of(constants: Sequence[float], side: int) -> Tensor:
    """255 times a constant a channel, (C,), for each value of a picture's row, (S * C,): a row at a time is three times as fast."""
    return (255 * torch.tensor(constants, dtype=torch.float64)).repeat(side).float()
