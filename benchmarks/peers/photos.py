"""Photos as most would load them: torchvision's ImageFolder and transforms, and a DataLoader with worker processes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, WeightedRandomSampler
from torchvision import datasets, models, transforms

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def folder(place: Path, side: int, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD) -> datasets.ImageFolder:
    """The photos of one split, grey in three equal channels, normalised."""
    steps = [transforms.Grayscale(3), transforms.Resize((side, side)), transforms.ToTensor(), transforms.Normalize(mean, std)]
    return datasets.ImageFolder(str(place), transforms.Compose(steps))


def loader(photos: datasets.ImageFolder, batch: int, workers: int, weighted: bool = False) -> DataLoader:
    """Batches to train on: each photo once in a random order, or drawn by inverse class frequency."""
    if not weighted:
        return DataLoader(photos, batch, shuffle=True, num_workers=workers)
    counts = torch.bincount(torch.tensor(photos.targets)).double()
    weights = (1 / counts)[photos.targets].tolist()
    return DataLoader(photos, batch, sampler=WeightedRandomSampler(weights, len(weights)), num_workers=workers)


def network(name: str, classes: int) -> nn.Module:
    """torchvision's ResNet-18 or AlexNet with a last layer for so many classes, from scratch."""
    made: nn.Module = getattr(models, name)(weights=None, num_classes=classes)
    return made
