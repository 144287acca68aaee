"""Where a trained model looks, and the checks of it: maps of photos, curves, and maps of networks that were made ignorant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from modiste.evaluation.explained import CENTRE, CHANCE, Checked, Gate
from modiste.evaluation.maps import Floats, Mask, another, rank_correlation, sure
from modiste.models.explain import EXPLANATIONS, attention_maps, cbams, enlarged
from modiste.models.faithful import cascade, centre, chance, deletion, insertion, shuffled_gates, words
from modiste.models.variants import Classifier
from modiste.records.errors import ModisteError, unknown
from modiste.records.progress import Progress, Tell
from modiste.training.given import Given

BATCH = 16  # photos at once; each batch meets another shuffle of the layers
OFTEN = ("occlusion",)  # maps that take hundreds of passes a photo: not made again for every layer that is shuffled
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Viewer:
    """A network in evaluation, on its device, with the pictures it is given: what is looked through."""

    network: Classifier
    given: Given
    where: torch.device
    seed: int
    tell: Tell

    def batches(self, rows: Rows, stage: str) -> Iterator[tuple[slice, Tensor]]:
        """The pictures of some rows, a batch at a time, and where they stand among the rows."""
        for start in range(0, len(rows), BATCH):
            part = slice(start, min(start + BATCH, len(rows)))
            yield part, self.given.see(rows[part]).to(self.where)
            self.tell(Progress(stage, part.stop, len(rows)))

    def noise(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed)


def methods_for(network: nn.Module, asked: Sequence[str]) -> tuple[str, ...]:
    """The maps to make: those asked for, or Grad-CAM and the gates where the network has some."""
    for name in asked:
        if name not in EXPLANATIONS:
            raise unknown("explanation", name, EXPLANATIONS)
    if "attention" in asked and not cbams(network):
        raise ModisteError("this run's network has no CBAM whose gates could be shown. Leave attention out of --methods.")
    return tuple(dict.fromkeys(asked)) or ("grad_cam", *(["attention"] if cbams(network) else []))


def maps_of(viewer: Viewer, rows: Rows, classes: Rows, method: str, stage: str) -> Floats:
    """A map a row for the class beside it, as fine as the method makes them: (R, h, w)."""
    made = []
    for part, pictures in viewer.batches(rows, stage):
        made.append(EXPLANATIONS[method](viewer.network, pictures, codes(classes[part], viewer)).cpu().double().numpy())
    return np.concatenate(made)


def large(maps: Floats, side: int) -> Floats:
    """Maps as large as the pictures: (R, h, w) -> (R, S, S)."""
    made: Floats = enlarged(torch.from_numpy(maps), side).numpy()
    return made


def codes(classes: Rows, viewer: Viewer) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(classes)).to(viewer.where)


def check(viewer: Viewer, rows: Rows, classes: Rows, maps: Mapping[str, Floats]) -> Checked:
    """Both checks of the maps of some rows: do they rank pixels well, and does another network give others?"""
    chances = chances_of(maps)
    gone, come = (
        curves(viewer, rows, classes, maps, chances, exchange, stage)
        for exchange, stage in ((deletion, "deleting"), (insertion, "inserting"))
    )
    cascaded = {name: shuffled_likeness(viewer, rows, classes, name, found) for name, found in maps.items() if name not in OFTEN}
    neighbours = {name: rank_correlation(maps[name], another(maps[name])) for name in cascaded}
    return Checked(gone, come, chances, cascaded, neighbours)


def chances_of(maps: Mapping[str, Floats]) -> dict[str, str]:
    """The chance that each map is held against: random places as coarse as its own, for fine noise hides a picture sooner than coarse.

    >>> chances_of({"grad_cam": np.zeros((1, 7, 7)), "occlusion": np.zeros((1, 14, 14))})
    {'grad_cam': 'chance, 7 × 7', 'occlusion': 'chance, 14 × 14'}
    """
    sizes = {name: " × ".join(map(str, found.shape[1:])) for name, found in maps.items()}
    return {name: CHANCE if len(set(sizes.values())) == 1 else f"{CHANCE}, {size}" for name, size in sizes.items()}


def curves(
    viewer: Viewer,
    rows: Rows,
    classes: Rows,
    maps: Mapping[str, Floats],
    chances: Mapping[str, str],
    exchange: Callable[..., Tensor],
    stage: str,
) -> dict[str, Floats]:
    """A curve a row for every map, every chance that one is held against, and the middle first: (R, P)."""
    rng, like = viewer.noise(), {chances[name]: coarse for name, coarse in maps.items()}
    found: dict[str, list[Floats]] = {name: [] for name in (*maps, *like, CENTRE)}
    for part, pictures in viewer.batches(rows, stage):
        for name, parts in found.items():
            if name == CENTRE:
                own = centre(pictures[:, 0])
            else:
                own = torch.from_numpy({**maps, **like}[name][part]).to(viewer.where, torch.float32)
                own = own if name in maps else chance(own, rng)
            parts.append(exchange(viewer.network, pictures, codes(classes[part], viewer), own, rng).cpu().double().numpy())
    return {name: np.concatenate(parts) for name, parts in found.items()}


def shuffled_likeness(viewer: Viewer, rows: Rows, classes: Rows, method: str, trained: Floats) -> dict[str, Floats]:
    """How alike the maps of the network shuffled down to each layer are to the trained one's: layer -> (R,)."""
    rng = viewer.noise()
    found: dict[str, list[Floats]] = {}
    for part, pictures in viewer.batches(rows, f"shuffling layers for {method}"):
        for layer, network in cascade(viewer.network, rng):
            maps = EXPLANATIONS[method](network, pictures, codes(classes[part], viewer)).cpu().double().numpy()
            found.setdefault(layer, []).append(rank_correlation(trained[part], maps))
    return {layer: np.concatenate(parts) for layer, parts in found.items()}


def gates_of(viewer: Viewer, rows: Rows, masks: Mask) -> dict[str, Gate]:
    """Every CBAM's gates over some rows; `masks` (R, S, S) says where the products stand."""
    rng, known = viewer.noise(), np.array([sure(mask) for mask in masks])
    found: dict[str, list[tuple[Floats, ...]]] = {}
    for part, pictures in viewer.batches(rows, "reading CBAM's gates"):
        alone, gates = shuffled_gates(viewer.network, pictures, rng), attention_maps(viewer.network, pictures)
        for name, gate in gates.items():
            places, channels = gate.places.cpu().double().numpy(), gate.channels.cpu().double().numpy()
            kept, other = (one.cpu().double().numpy() for one in alone[name])
            on = contrast(large(places, masks.shape[-1]), masks[part], known[part])
            spreads = places.max((1, 2)) - places.min((1, 2)), channels.max(1) - channels.min(1)
            one = places.mean((1, 2)), spreads[0], on, channels.mean(1), spreads[1], rank_correlation(kept, other)
            found.setdefault(words(name), []).append(one)
    return {name: Gate(*(np.concatenate(parts) for parts in zip(*listed, strict=True))) for name, listed in found.items()}


def contrast(maps: Floats, masks: Mask, known: Mask) -> Floats:
    """A map's mean on the product less its mean beside it: (R,); NaN where the mask is unsure."""
    inside, outside = masks.sum((1, 2)), (~masks).sum((1, 2))
    found: Floats = (maps * masks).sum((1, 2)) / inside.clip(1) - (maps * ~masks).sum((1, 2)) / outside.clip(1)
    return np.where(known, found, np.nan)
