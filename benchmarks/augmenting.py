"""How long a batch takes to be augmented and made the network's input, beside torchvision: `python benchmarks/augmenting.py`.

Torchvision means the transform of the same meaning, picture after picture, grey repeated to three channels before, and the plain
formula on the result. Both run in turn, in one process, on the same pictures.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

from modiste.data.augment import AUGMENTATIONS, augment
from modiste.data.batches import to_input
from modiste.data.decoded import Pictures
from modiste.records.table import Table

ROUNDS = 15
BATCH, SIDE = 32, 224
MEAN, STD = [0.45] * 3, [0.22] * 3
WHITE = 255
TORCHVISION: dict[str, Callable[[Tensor], Tensor]] = {
    "flip": v2.RandomHorizontalFlip(),
    "crop": v2.RandomResizedCrop(SIDE, scale=(0.7, 1.0), antialias=True),
    "rotate": v2.RandomRotation(15, interpolation=v2.InterpolationMode.BILINEAR, fill=WHITE),
    "shift": v2.RandomAffine(0, translate=(0.1, 0.1), fill=WHITE),
    "colour": v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.02),
    "grey": v2.RandomGrayscale(0.2),
    "blur": v2.RandomApply([v2.GaussianBlur(5, (0.1, 2.0))], p=0.3),
    "erase": v2.RandomErasing(p=0.25, value=WHITE),
    "randaugment": v2.RandAugment(fill=WHITE),
    "trivialaugment": v2.TrivialAugmentWide(fill=WHITE),
}


def plain_input(pixels: np.ndarray, name: str = "") -> Tensor:
    """As a loop over transforms makes it: three channels from the start."""
    pictures = torch.from_numpy(pixels).permute(0, 3, 1, 2).expand(-1, 3, -1, -1)
    if name:
        pictures = torch.stack([TORCHVISION[name](picture) for picture in pictures])
    shape = (1, 3, 1, 1)
    scaled = pictures.contiguous(memory_format=torch.channels_last).float()
    return scaled.sub_(255 * torch.tensor(MEAN).view(shape)).div_(255 * torch.tensor(STD).view(shape))


def milliseconds(*ways: Callable[[], object]) -> list[float]:
    """Median of each way, the ways in turn so that a busy moment meets all of them."""
    took: list[list[float]] = [[] for _ in ways]
    for _ in range(ROUNDS):
        for way, times in zip(ways, took, strict=True):
            begun = time.perf_counter()
            way()
            times.append(1000 * (time.perf_counter() - begun))
    return [statistics.median(times) for times in took]


def augmenting(pixels: np.ndarray, title: str) -> Table:
    pictures = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    three, rows = pictures.expand(-1, 3, -1, -1), []
    for name in AUGMENTATIONS:
        theirs, ours = milliseconds(
            lambda name=name: torch.stack([TORCHVISION[name](picture) for picture in three]), lambda name=name: augment(pictures, [name])
        )
        rows.append((name, theirs, ours, theirs / ours))
    return Table(f"Augmenting {title}", ("augmentation", "torchvision, ms", "modiste, ms", "ratio"), tuple(rows), digits=1)


def making_input(pixels: np.ndarray, title: str) -> Table:
    rows = []
    for words, fold in (("as it is", False), ("folded", True)):
        theirs, ours = milliseconds(lambda: plain_input(pixels), lambda fold=fold: to_input(pixels, 3, MEAN, STD, fold=fold))
        rows.append((words, theirs, ours, theirs / ours))
    return Table(f"Input from {title}", ("channels", "plain, ms", "modiste, ms", "ratio"), tuple(rows), digits=1)


def gathering(pixels: np.ndarray, title: str) -> Table:
    pictures = Pictures.of([""] * len(pixels), pixels, np.zeros(len(pixels), np.int64))
    rng = np.random.default_rng(0)
    (took,) = milliseconds(lambda: pictures.at(rng.integers(0, len(pixels), BATCH)))
    return Table(f"Gathering {title}", ("photos", "ms"), ((BATCH, took),), digits=2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    torch.set_num_threads(parser.parse_args().threads)
    rng = np.random.default_rng(0)
    for title, channels in (("grey", 1), ("rgb", 3)):
        pixels = rng.integers(0, 256, (BATCH, SIDE, SIDE, channels), np.uint8)
        shown = f"{BATCH} {title} pictures of {SIDE} px, {torch.get_num_threads()} threads"
        for table in (augmenting(pixels, shown), making_input(pixels, shown), gathering(pixels, shown)):
            print(table.text())


if __name__ == "__main__":
    main()
