"""Explanations: where a network looks, (B, C, S, S) pictures and their classes (B,) -> maps (B, h, w), the largest place at 1.

No weight moves, frozen or not: gradients stop at the feature maps, and every module stays in the mode it was in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from modiste.models.attention import CBAM
from modiste.models.backbones import through
from modiste.models.variants import Classifier
from modiste.records.errors import ModisteError

POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
WINDOWS = 7  # of an occlusion window side by side in a picture; the window moves by half of itself


@dataclass(frozen=True)
class Gates:
    """What one CBAM let through: `places` (B, H, W) and `channels` (B, C), both in (0, 1)."""

    places: Tensor
    channels: Tensor


def grad_cam(network: Classifier, pictures: Tensor, classes: Tensor) -> Tensor:
    """Which places of the last convolutional stage raise a class's score: (B, h, w) in [0, 1] (Selvaraju et al. 2017, eqs. 1 and 2).

    A channel weighs as much as the score's mean gradient to it; what lowers the score is cut off at 0.
    """
    features, gradients = last_features(network, pictures, classes)
    return scaled(weighted(features, gradients.mean((2, 3))))


def grad_cam_plus_plus(network: Classifier, pictures: Tensor, classes: Tensor) -> Tensor:
    """Grad-CAM with each place's rising gradient weighed by its share in the score: (B, h, w) in [0, 1] (Chattopadhay et al. 2018, eq. 19).

    The exponential that the paper puts on the score makes its higher derivatives powers of the gradient, and falls out of the ratio.
    """
    features, gradients = last_features(network, pictures, classes)
    below = 2 * gradients**2 + features.sum((2, 3), keepdim=True) * gradients**3
    shares = torch.where(below != 0, gradients**2 / torch.where(below != 0, below, 1), 0)
    return scaled(weighted(features, (shares * gradients.relu()).sum((2, 3))))


def attention(network: Classifier, pictures: Tensor, _classes: Tensor) -> Tensor:
    """What the gates of places of all CBAMs let through together, above the least place: (B, h, w) in [0, 1]; they know of no class.

    The gates are multiplied, as they are in the network, each enlarged to the finest: one that is the same everywhere, as a late
    one may be, changes nothing.
    """
    gates = [gate.places for gate in attention_maps(network, pictures).values()]
    if not gates:
        raise ModisteError("this network has no CBAM whose gates could be shown. Ask for grad_cam or occlusion.")
    finest = max(gate.shape[-1] for gate in gates)
    places = torch.stack([enlarged(gate, finest) for gate in gates]).prod(0)
    return scaled(places - places.amin((1, 2), keepdim=True))


def attention_maps(network: nn.Module, pictures: Tensor) -> dict[str, Gates]:
    """The gates of every CBAM for these pictures, by the module's name, in the order they are passed."""
    found: dict[str, Gates] = {}

    def keep(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def hook(module: nn.Module, given: tuple[Tensor, ...]) -> None:
            assert isinstance(module, CBAM)
            channels = module.channel_gate(given[0])
            found[name] = Gates(module.place_gate(given[0] * channels)[:, 0], channels[:, :, 0, 0])

        return hook

    handles = [module.register_forward_pre_hook(keep(name)) for name, module in cbams(network).items()]
    try:
        with evaluating(network), torch.no_grad():
            network(pictures)
    finally:
        for handle in handles:
            handle.remove()
    return found


def occlusion(
    network: Classifier, pictures: Tensor, classes: Tensor, *, window_px: int | None = None, stride_px: int | None = None, batch: int = 64
) -> Tensor:
    """How far a class's score falls when a window is greyed, a pixel's mean over its windows: (B, S, S) in [0, 1] (Zeiler & Fergus 2014).

    Grey is 0, the mean of the normalised pictures. The window is a seventh of the side and moves by half of itself where nothing is said.
    """
    side = pictures.shape[-1]
    window = window_px or max(2, side // WINDOWS)
    starts = starts_of(side, window, stride_px or max(1, window // 2))
    drops, covered = pictures.new_zeros(len(pictures), side, side), pictures.new_zeros(side, side)
    with evaluating(network), torch.no_grad():
        scores = score_of(network(pictures), classes)
        for top, left in ((top, left) for top in starts for left in starts):
            greyed = pictures.clone()
            greyed[:, :, top : top + window, left : left + window] = 0
            found = torch.cat([network(part) for part in torch.split(greyed, batch)])
            drops[:, top : top + window, left : left + window] += (scores - score_of(found, classes))[:, None, None]
            covered[top : top + window, left : left + window] += 1
    return scaled((drops / covered).relu())


def starts_of(side: int, window: int, stride: int) -> list[int]:
    """Where windows begin, so that the last ends at the picture's edge and none leaves a gap.

    >>> starts_of(10, 4, 4)
    [0, 4, 6]
    """
    if not 0 < window <= side or not 0 < stride <= window:
        raise ModisteError(f"occlusion: a window of {window} px that moves by {stride} px does not cover a picture of {side} px.")
    return [*range(0, side - window, stride), side - window]


def last_features(network: Classifier, pictures: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """What the last convolutional stage gives, and the gradient of each picture's class score to it: (B, C, h, w) both."""
    stages = network.stages()
    before = convolutional(stages)
    with evaluating(network):
        with torch.no_grad():
            features = through(stages[:before], pictures)
        features.requires_grad_(True)
        with torch.enable_grad():
            scores = score_of(through(stages[before:], features), classes)
            gradients = torch.autograd.grad(scores.sum(), features)[0]
    return features.detach(), gradients


def convolutional(stages: list[nn.Module]) -> int:
    """How many stages stand before the pools that end the convolutional part: those that give maps with places."""
    maps = [*takewhile(lambda stage: not isinstance(stage, nn.Flatten), stages)]
    while isinstance(maps[-1], POOLS):
        maps.pop()
    return len(maps)


def score_of(scores: Tensor, classes: Tensor) -> Tensor:
    """Each picture's score for its class: (B, K), (B,) -> (B,)."""
    return scores.gather(1, classes[:, None])[:, 0]


def weighted(features: Tensor, weights: Tensor) -> Tensor:
    """The sum of channels, each times its weight (B, C), where it is above 0: (B, h, w)."""
    return (features * weights[:, :, None, None]).sum(1).relu()


def scaled(maps: Tensor) -> Tensor:
    """Maps of 0 and more with their largest place at 1; a map of nothing stays 0."""
    most = maps.amax((1, 2), keepdim=True)
    return torch.where(most > 0, maps / torch.where(most > 0, most, 1), 0)


def enlarged(maps: Tensor, side: int) -> Tensor:
    """Maps (B, h, w) as large as the pictures, (B, S, S), straight lines between their places."""
    if maps.shape[1:] == (side, side):
        return maps
    return interpolate(maps[:, None], (side, side), mode="bilinear", align_corners=False)[:, 0]


def cbams(network: nn.Module) -> dict[str, CBAM]:
    """Every CBAM of a network by its name, in order."""
    return {name: module for name, module in network.named_modules() if isinstance(module, CBAM)}


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Dropout and batch-norm as in use; afterwards every module is in the mode that it was in."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


Explanation = Callable[[Classifier, Tensor, Tensor], Tensor]
EXPLANATIONS: dict[str, Explanation] = {
    "grad_cam": grad_cam,
    "grad_cam_plus_plus": grad_cam_plus_plus,
    "attention": attention,
    "occlusion": occlusion,
}
