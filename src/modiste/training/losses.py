"""Losses, and how each answers a class imbalance: (scores (B, K), labels (B,)) -> a number to lower."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from modiste.records.errors import unknown

Loss = Callable[[Tensor, Tensor], Tensor]
FOCUS = 2.0  # gamma in Lin et al. 2017, section 3.2
BETA = 0.999  # Cui et al. 2019, section 4: between 0.9 and 0.9999


def loss(name: str, counts: Sequence[int]) -> Loss:
    """The loss of that name for training photos of so many a class."""
    if name not in LOSSES:
        raise unknown("loss", name, LOSSES)
    return LOSSES[name](counts)


def cross_entropy(_counts: Sequence[int]) -> Loss:
    return functional.cross_entropy


def class_weighted(counts: Sequence[int]) -> Loss:
    """Cross-entropy, each class weighed by one over its number of photos."""
    return weighed([1 / max(count, 1) for count in counts])


def effective_number(counts: Sequence[int]) -> Loss:
    """Cross-entropy, each class weighed by one over its effective number of photos (Cui et al. 2019, equation 2)."""
    return weighed([(1 - BETA) / (1 - BETA ** max(count, 1)) for count in counts])


def focal(_counts: Sequence[int]) -> Loss:
    """Cross-entropy that counts a photo less the surer it is right: (1 - p)^2 (Lin et al. 2017)."""

    def focused(scores: Tensor, labels: Tensor) -> Tensor:
        entropy = functional.cross_entropy(scores, labels, reduction="none")
        return ((1 - torch.exp(-entropy)) ** FOCUS * entropy).mean()

    return focused


def hinge(_counts: Sequence[int]) -> Loss:
    """A multi-class SVM's margin loss, trained through the whole network."""
    return functional.multi_margin_loss


def weighed(weights: Sequence[float]) -> Loss:
    """Cross-entropy with class weights of mean 1."""
    weight = torch.tensor(weights) * len(weights) / sum(weights)
    return lambda scores, labels: functional.cross_entropy(scores, labels, weight.to(scores.device, scores.dtype))


LOSSES: dict[str, Callable[[Sequence[int]], Loss]] = {  # photos a class -> loss
    "cross_entropy": cross_entropy,
    "class_weighted": class_weighted,
    "focal": focal,
    "effective_number": effective_number,
    "hinge": hinge,
}
