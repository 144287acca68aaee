"""Losses, and how each answers a class imbalance: (scores (B, K), labels (B,)) -> a number to lower."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from modiste.records.errors import ModisteError, unknown

Loss = Callable[[Tensor, Tensor], Tensor]
FOCUS = 2.0  # gamma in Lin et al. 2017, section 3.2
BETA = 0.999  # Cui et al. 2019, section 4: between 0.9 and 0.9999


def loss(name: str, counts: Sequence[int], smoothing: float = 0.0) -> Loss:
    """The loss of that name for training photos of so many a class; `smoothing` of the truth is spread over all classes.

    Smoothing is for training (Szegedy et al. 2016, section 7): a loss that is watched or compared is measured without it.
    """
    if name not in LOSSES:
        raise unknown("loss", name, LOSSES)
    return LOSSES[name](counts, smoothing)


def cross_entropy(_counts: Sequence[int], smoothing: float) -> Loss:
    return partial(functional.cross_entropy, label_smoothing=smoothing)


def class_weighted(counts: Sequence[int], smoothing: float) -> Loss:
    """Cross-entropy, each class weighed by one over its number of photos."""
    return weighed(one_over_count(counts), smoothing)


def effective_number(counts: Sequence[int], smoothing: float) -> Loss:
    """Cross-entropy, each class weighed by one over its effective number of photos (Cui et al. 2019, equation 2)."""
    return weighed(one_over_effective_number(counts), smoothing)


def one_over_count(counts: Sequence[int]) -> list[float]:
    return [1 / max(count, 1) for count in counts]


def one_over_effective_number(counts: Sequence[int]) -> list[float]:
    return [(1 - BETA) / (1 - BETA ** max(count, 1)) for count in counts]


def masses(name: str, counts: Sequence[int]) -> NDArray[np.float64]:
    """What a photo of each class weighs in the mean that a loss takes over a batch: a batch in parts is put together by it."""
    weigh = {"class_weighted": one_over_count, "effective_number": one_over_effective_number}.get(name)
    return np.array(weigh(counts)) if weigh else np.ones(len(counts))


def focal(_counts: Sequence[int], smoothing: float) -> Loss:
    """Cross-entropy that counts a photo less the surer it is right: (1 - p)^2 (Lin et al. 2017, equation 4).

    The paper knows no smoothing. Smoothed, each class counts by its share of the truth and less the surer it is: (1 - p)^2
    with its own p, as in MONAI's softmax focal loss for truths that are shares.
    """

    def focused(scores: Tensor, labels: Tensor) -> Tensor:
        entropy = functional.cross_entropy(scores, labels, reduction="none")
        return ((1 - torch.exp(-entropy)) ** FOCUS * entropy).mean()

    def smoothed(scores: Tensor, labels: Tensor) -> Tensor:
        logs = functional.log_softmax(scores, 1)
        every = -((1 - logs.exp()) ** FOCUS) * logs  # (B, K)
        return (1 - smoothing) * every.gather(1, labels[:, None]).mean() + smoothing * every.mean()

    return smoothed if smoothing else focused


def hinge(_counts: Sequence[int], smoothing: float) -> Loss:
    """A multi-class SVM's margin loss, trained through the whole network."""
    if smoothing:
        raise ModisteError(
            f"recipe: label_smoothing = {smoothing:g}: label_smoothing means nothing for hinge, which counts margins to one true class. "
            "Set it to 0, or train with a cross-entropy."
        )
    return functional.multi_margin_loss


def weighed(weights: Sequence[float], smoothing: float) -> Loss:
    """Cross-entropy with class weights of mean 1."""
    weight = torch.tensor(weights) * len(weights) / sum(weights)
    return lambda scores, labels: functional.cross_entropy(
        scores, labels, weight.to(scores.device, scores.dtype), label_smoothing=smoothing
    )


LOSSES: dict[str, Callable[[Sequence[int], float], Loss]] = {  # photos a class, share of the truth that is spread -> loss
    "cross_entropy": cross_entropy,
    "class_weighted": class_weighted,
    "focal": focal,
    "effective_number": effective_number,
    "hinge": hinge,
}
