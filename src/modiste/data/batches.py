"""From a catalogue's photos to batches: decoded once, drawn by a sampler, augmented, normalised."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms import v2

from modiste.data.decoded import Pictures, decode
from modiste.records.errors import unknown
from modiste.records.recipe import Pixels

__all__ = ["Pictures", "augmentation", "constants", "decode", "draw_order", "expected_draws", "sampling_weights", "to_input"]

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def constants(pixels: Pixels, pretrained: bool, train: Pictures) -> tuple[list[float], list[float]]:
    """Mean and standard deviation a channel, for pixels in [0, 1]: ImageNet's, the training photos' own, or 0 and 1."""
    normalise = pixels.normalise
    if normalise == "auto":
        normalise = "imagenet" if pretrained else "data"
    if normalise == "none":
        return [0.0] * pixels.channels, [1.0] * pixels.channels
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


def to_input(pixels: NDArray[np.uint8], channels: int, mean: Sequence[float], std: Sequence[float], augment: Sequence[str] = ()) -> Tensor:
    """Pixels (B, S, S, C) as the network's input: (B, channels, S, S), normalised, grey repeated, channels last in memory."""
    pictures = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2)  # a copy: the cache is read-only
    if pictures.shape[1] < channels:
        pictures = pictures.expand(-1, channels, -1, -1)
    if augment:
        change = augmentation(tuple(augment), pictures.shape[-1])
        pictures = torch.stack([change(picture) for picture in pictures])
    scaled = pictures.contiguous(memory_format=torch.channels_last).float()
    shape = (1, channels, 1, 1)
    return scaled.sub_(255 * torch.tensor(mean).view(shape)).div_(255 * torch.tensor(std).view(shape))


def augmentation(names: Sequence[str], side: int) -> v2.Transform:
    """The named augmentations one after another, on a uint8 picture; chance comes from torch's generator."""
    for name in names:
        if name not in AUGMENTATIONS:
            raise unknown("augmentation", name, AUGMENTATIONS)
    return v2.Compose([AUGMENTATIONS[name](side) for name in names]) if names else v2.Identity()


WHITE = 255  # what shows beside a turned or shifted picture: shops photograph on white
AUGMENTATIONS: dict[str, Callable[[int], v2.Transform]] = {  # picture side -> transform of (C, S, S) uint8
    "flip": lambda _side: v2.RandomHorizontalFlip(),
    "crop": lambda side: v2.RandomResizedCrop(side, scale=(0.7, 1.0), antialias=True),
    "rotate": lambda _side: v2.RandomRotation(15, interpolation=v2.InterpolationMode.BILINEAR, fill=WHITE),
    "shift": lambda _side: v2.RandomAffine(0, translate=(0.1, 0.1), fill=WHITE),
    "colour": lambda _side: v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.02),
    "grey": lambda _side: v2.RandomGrayscale(0.2),
    "blur": lambda _side: v2.RandomApply([v2.GaussianBlur(5, (0.1, 2.0))], p=0.3),
    "erase": lambda _side: v2.RandomErasing(p=0.25, value=WHITE),
    "randaugment": lambda _side: v2.RandAugment(fill=WHITE),
    "trivialaugment": lambda _side: v2.TrivialAugmentWide(fill=WHITE),
}
