"""Whether a map can be believed: what the network says as pixels go or come in its order, and the map of a network that knows nothing."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import torch
from torch import Tensor, nn

from modiste.models.explain import attention_maps, cbams, enlarged, evaluating, score_of
from modiste.models.variants import Classifier

STEPS = 16  # at which the network is asked, evenly over the share of the pixels


def deletion(network: Classifier, pictures: Tensor, classes: Tensor, maps: Tensor, rng: torch.Generator, steps: int = STEPS) -> Tensor:
    """The class's probability as pixels turn grey, highest first: (B, steps + 1), at 0, 1/steps ... 1 of them (Petsiuk et al. 2018).

    A map that ranks pixels well has a small mean: the class is soon gone. Grey is 0, the mean of the normalised pictures.
    """
    return exchanged(network, pictures, torch.zeros_like(pictures), classes, maps, rng, steps)


def insertion(network: Classifier, pictures: Tensor, classes: Tensor, maps: Tensor, rng: torch.Generator, steps: int = STEPS) -> Tensor:
    """The class's probability as a grey picture's pixels become the photo's, highest first: (B, steps + 1) (Petsiuk et al. 2018).

    A map that ranks pixels well has a large mean: the class is soon there. Theirs begins with a blurred picture: a garment's blurred
    outline alone is known, which leaves nothing to be found.
    """
    return exchanged(network, torch.zeros_like(pictures), pictures, classes, maps, rng, steps)


def exchanged(
    network: Classifier, old: Tensor, new: Tensor, classes: Tensor, maps: Tensor, rng: torch.Generator, steps: int = STEPS
) -> Tensor:
    """The class's probability (a softmax of the scores) as pixels of `old` become those of `new`, highest in the maps first."""
    ranks = ranked(enlarged(maps, old.shape[-1]), rng)
    curve = []
    with evaluating(network), torch.no_grad():
        for step in range(steps + 1):
            gone = (ranks < step / steps)[:, None]
            curve.append(score_of(network(torch.where(gone, new, old)).softmax(1), classes))
    return torch.stack(curve, 1)


def ranked(maps: Tensor, rng: torch.Generator) -> Tensor:
    """Each place's rank as a share in [0, 1), the highest first; equal places fall as chance has it."""
    flat = maps.flatten(1)
    shuffled = torch.rand(flat.shape, generator=rng).argsort(1).to(flat.device)
    order = shuffled.gather(1, flat.gather(1, shuffled).argsort(dim=1, descending=True, stable=True))
    shares = torch.arange(flat.shape[1], device=flat.device, dtype=torch.float32).expand_as(flat) / flat.shape[1]
    return torch.empty_like(shares).scatter_(1, order, shares).view_as(maps)


def chance(maps: Tensor, rng: torch.Generator) -> Tensor:
    """Maps of the same size that know nothing: random places, as coarse as the others are."""
    return torch.rand(maps.shape, generator=rng).to(maps.device)


def centre(maps: Tensor) -> Tensor:
    """Maps that know where photographers put things: the nearer the middle the higher, 1 there and 0 in the corners."""
    along = [torch.linspace(-1, 1, side, device=maps.device) for side in maps.shape[1:]]
    return (1 - torch.hypot(*torch.meshgrid(*along, indexing="ij")) / 2**0.5).expand_as(maps)


def cascade(network: Classifier, rng: torch.Generator) -> Iterator[tuple[str, Classifier]]:
    """The network with its layers made ignorant one after another from the head down, and which came last (Adebayo et al. 2018).

    It is one copy that changes. A layer's own values are dealt out anew among their places, so that sizes stay and knowledge goes.
    """
    copy = deepcopy(network)
    names = {id(module): name for name, module in copy.named_modules()}
    for stage in reversed(copy.stages()):
        if any(True for _ in stage.parameters()) or any(True for _ in stage.buffers()):
            shuffle(stage, rng)
            yield words(names[id(stage)]), copy


def shuffle(module: nn.Module, rng: torch.Generator) -> None:
    """Deal a module's values out anew, each tensor's among its own places."""
    with torch.no_grad():
        for values in (*module.parameters(), *module.buffers()):
            if values.is_floating_point() and values.ndim:
                flat = values.flatten()
                values.copy_(flat[torch.randperm(len(flat), generator=rng).to(flat.device)].view_as(values))


def shuffled_gates(network: Classifier, pictures: Tensor, rng: torch.Generator) -> dict[str, tuple[Tensor, Tensor]]:
    """Each CBAM's gate of places, as trained and with its own values dealt out anew while all other modules stay: (B, H, W) both."""
    trained = attention_maps(network, pictures)
    copy = deepcopy(network)
    found = {}
    for name, module in cbams(copy).items():
        kept = deepcopy(module.state_dict())
        shuffle(module, rng)
        found[name] = trained[name].places, attention_maps(copy, pictures)[name].places
        module.load_state_dict(kept)
    return found


def words(name: str) -> str:
    """A layer's name as people say it.

    >>> words("backbone.features.conv5"), words("backbone.body.layer4.1.block")
    ('conv5', 'layer4.1')
    """
    return name.removeprefix("backbone.").removeprefix("features.").removeprefix("body.").removesuffix(".block")
