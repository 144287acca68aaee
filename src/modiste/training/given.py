"""What a network learns from: pictures, or the features of its still part, computed once where nothing before them changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from modiste.data.batches import to_input
from modiste.data.decoded import Pictures
from modiste.models.backbones import FirstConv2d
from modiste.models.variants import Classifier, still_part
from modiste.records.launch import launched
from modiste.records.progress import Progress, Tell
from modiste.records.recipe import Pixels, Recipe
from modiste.training.machine import fp32_whole, memory_bytes
from modiste.training.team import Team

SHARE_OF_MEMORY = 0.25  # that features of all processes here may take; a network whose are larger computes them anew in each step


@dataclass(frozen=True)
class Eyes:
    """How a model sees: pixels settings with the normalisation that was measured or looked up, mean and std a channel."""

    pixels: Pixels
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def see(self, pixels: NDArray[np.uint8], augment: tuple[str, ...] = (), fold: bool = False) -> Tensor:
        """(B, S, S, C) uint8 -> (B, C, S, S), what the network is given; with `fold`, one channel where all are equal."""
        return to_input(pixels, self.pixels.channels, self.mean, self.std, augment, fold=fold)


@dataclass(frozen=True)
class Given:
    """What the learning part of a network is given for each photo, by row: `see(rows)` is (B, ...)."""

    paths: tuple[str, ...]
    labels: NDArray[np.int64]
    see: Callable[[NDArray[np.int64]], Tensor]

    def __len__(self) -> int:
        return len(self.labels)


def pictures_of(pictures: Pictures, eyes: Eyes, network: nn.Module, augment: tuple[str, ...] = ()) -> Given:
    """The photos' pictures, as the network's eyes see them."""
    fold = folds(network)
    return Given(pictures.paths, pictures.labels, lambda rows: eyes.see(pictures.at(rows), augment, fold))


def features_of(part: nn.Module, pictures: Given, team: Team, bf16: bool, tell: Tell, stage: str) -> Given:
    """What a still part of a network makes of the pictures, held in memory."""
    held = computed(part, pictures, team, tell, stage, bf16=bf16)
    return Given(pictures.paths, pictures.labels, lambda rows: held[torch.from_numpy(rows)])


@torch.no_grad()
@fp32_whole()
def computed(
    part: nn.Module,
    given: Given,
    team: Team,
    tell: Tell,
    stage: str,
    *,
    batch: int = 64,
    bf16: bool = False,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """What a part of a network gives for each photo, on the processor: (N, ...), in `dtype` or the part's own."""
    part = part.to(team.where).eval()
    mine = team.mine(np.arange(len(given)))
    made = torch.empty(0)
    for start in range(0, len(mine), batch):
        rows = mine[start : start + batch]
        with torch.autocast(team.where.type, torch.bfloat16, enabled=bf16):
            found = part(moved(given.see(rows), team.where))
        if not start:
            made = torch.empty(len(mine), *found.shape[1:], dtype=dtype or found.dtype)
        made[start : start + len(rows)] = found
        done = min((start + len(rows)) * team.size, len(given))
        tell(Progress(stage, done, len(given)))
    return made if team.size == 1 else team.whole(made.to(team.where), len(given)).cpu()


def moved(made: Tensor, where: torch.device) -> Tensor:
    """A batch on the device; to a GPU from pinned memory, so that the processor goes on meanwhile."""
    return made.pin_memory().to(where, non_blocking=True) if where.type == "cuda" else made.to(where)


def unchanging(recipe: Recipe) -> bool:
    """Whether a photo looks the same to the network in every epoch."""
    return not (recipe.augment or recipe.mixup or recipe.cutmix or recipe.first_side)


def cut_off(network: Classifier, recipe: Recipe, photos: int, channels: int, team: Team) -> nn.Sequential | None:
    """The first part of the network, where what it makes of so many photos can be computed once and held in memory.

    Each process of a team holds it all, and all do or none: on one machine they share its memory, and machines may differ.
    """
    still = still_part(network)
    if not len(still) or not unchanging(recipe):
        return None
    with torch.inference_mode():
        one = still.eval()(torch.zeros(1, channels, recipe.pixels.side, recipe.pixels.side))
    _, here = launched()
    too_large = one.numel() * one.element_size() * photos * here > SHARE_OF_MEMORY * memory_bytes()
    return None if any(team.total(float(too_large))) else still


def folds(network: nn.Module) -> bool:
    """Whether the network takes one channel for three equal ones: its first layer says so."""
    return isinstance(next(module for module in network.modules() if not list(module.children())), FirstConv2d)
