"""From a catalogue's photos to batches: decoded once, drawn by a sampler, augmented, normalised."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms import v2

from modiste.data.opening.images import to_pixels
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.workers import each_photo
from modiste.records.catalogue import Catalogue
from modiste.records.disk import sync_folder
from modiste.records.errors import ModisteError, unknown
from modiste.records.plain import fingerprint
from modiste.records.progress import Tell, silent
from modiste.records.recipe import Pixels

DECODING = 2  # one more when the same photo gives other pixels than before, so that no old cache is read
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, eq=False)
class Pictures:
    """Decoded photos: paths, pixels (N, S, S, C) uint8 (C = 1 for both greys), labels (N,) or -1."""

    paths: tuple[str, ...]
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.paths)


def decode(catalogue: Catalogue, pixels: Pixels, data_hash: str, cache: Path | None, tell: Tell = silent) -> Pictures:
    """Every photo of a catalogue as pixels, from the cache where it holds them; all refused photos are named at once.

    The cache is one .npy file a set of photos and pixels settings, memory-mapped; deleting it loses nothing but time.
    """
    colour = "rgb" if pixels.colour == "rgb" else "grey"
    paths = tuple(photo.path for photo in catalogue.photos)
    labels = np.array([-1 if photo.label is None else photo.label for photo in catalogue.photos], np.int64)
    shape = (len(paths), pixels.side, pixels.side, 3 if colour == "rgb" else 1)
    if cache is None:
        held: NDArray[np.uint8] = np.empty(shape, np.uint8)
        decode_into(held, catalogue, pixels, tell)
        return Pictures(paths, held, labels)
    key = fingerprint([data_hash, list(paths), pixels.side, colour, pixels.fit, pixels.strict, DECODING])[:16]
    file = cache / f"pixels-{pixels.side}-{colour}-{pixels.fit}-{key}.npy"
    if not file.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f".{file.name}.{os.getpid()}-{threading.get_ident()}.part")
        try:
            mapped = np.lib.format.open_memmap(beside, "w+", np.uint8, shape)
            decode_into(mapped, catalogue, pixels, tell)
            mapped.flush()
            beside.replace(file)
        finally:
            beside.unlink(missing_ok=True)
        sync_folder(cache)
    try:
        cached = np.load(file, mmap_mode="r")
    except (ValueError, EOFError):
        cached = np.empty(0)
    if cached.shape != shape:  # cut short by someone else; deleting it loses nothing but time
        file.unlink()
        return decode(catalogue, pixels, data_hash, cache, tell)
    return Pictures(paths, cached, labels)


def decode_into(target: NDArray[np.uint8], catalogue: Catalogue, pixels: Pixels, tell: Tell) -> None:
    """Decode on all processors, each photo in a process that it may kill; all refused photos are named at once."""
    options = {"side": pixels.side, "colour": pixels.colour, "fit": pixels.fit, "strict": pixels.strict}
    bad: list[PhotoRefused] = []
    for number, made in enumerate(each_photo(catalogue.root, [photo.path for photo in catalogue.photos], to_pixels, options, tell=tell)):
        if isinstance(made, PhotoRefused):
            bad.append(made)
        else:
            target[number] = made
    if bad:
        lines = [str(refused) for refused in bad[:20]] + ([f"... and {len(bad) - 20} more"] if len(bad) > 20 else [])
        remedy = f"`modiste data audit {catalogue.root} --fix CLEAN` writes a catalogue without them."
        raise ModisteError("\n".join([f"{len(bad)} of {len(target)} photos in {catalogue.root} cannot be used:", *lines, remedy]))


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
    sums = np.zeros((2, train.pixels.shape[3]))
    for start in range(0, len(train), 256):  # in parts: the pixels may be a file larger than memory
        part = train.pixels[start : start + 256].astype(np.float64) / 255
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
