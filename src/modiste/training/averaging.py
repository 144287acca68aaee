"""The running mean of a network's weights over its steps, which is steadier than the weights themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class Average:
    """An exponential mean of all that a network remembers; `network` is the one to measure and to keep.

    It begins as the weights after the first step. Batch-norm's means and spreads are averaged too, its count of batches is copied.
    Make it of a network that lies where and as it is trained (device, channels last), for the mean lies alike.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.averaged = AveragedModel(network, multi_avg_fn=towards(decay), use_buffers=True)
        self.averaged.requires_grad_(False)

    @property
    def network(self) -> nn.Module:
        network: nn.Module = self.averaged.module
        return network

    def update(self, network: nn.Module) -> None:
        """Take in the weights after one more step."""
        self.averaged.update_parameters(network)

    def tensors(self) -> dict[str, Tensor]:
        """All there is to remember, by name: the mean, and of how many steps it is."""
        return dict(self.averaged.state_dict())

    def put_back(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from remembered tensors, to the same bits; a RuntimeError where they are another network's."""
        self.averaged.load_state_dict(dict(tensors))


def towards(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """How means go towards the values of one more step, after `times` steps: torch hands over tensors of one kind at a time."""

    @torch.no_grad()
    def step(means: Sequence[Tensor], values: Sequence[Tensor], times: Tensor | int) -> None:
        if means[0].is_floating_point():
            get_ema_multi_avg_fn(warmed(decay, int(times)))(tuple(means), tuple(values), times)  # type: ignore[no-untyped-call]
            return
        for mean, value in zip(means, values, strict=True):  # a mean of whole numbers would lag behind for ever
            mean.copy_(value)

    return step


def warmed(decay: float, steps: int) -> float:
    """The decay after so many steps: the mean of a few steps must not cling to the first of them.

    (1 + n) / (10 + n), as in TensorFlow's ExponentialMovingAverage, until the decay itself is smaller.

    >>> [round(warmed(0.999, steps), 3) for steps in (1, 10, 100, 100_000)]
    [0.182, 0.55, 0.918, 0.999]
    """
    return min(decay, (1 + steps) / (10 + steps))
