"""A checkpoint: all that a run needs to go on from a step as if it had never stopped, in one safetensors file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from modiste.models.tensors import read_tensors, write_tensors
from modiste.models.variants import Classifier
from modiste.records.errors import ModisteError, TrainingDiverged
from modiste.records.run import Epoch
from modiste.training.averaging import Average


@dataclass
class Position:
    """Where training stands: `step` steps of `epoch` are done, with what they added up to."""

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    hits: int = 0
    seen: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Learner:
    """What changes while training goes on: the network, its optimiser, and the running mean of its weights if one is kept."""

    network: Classifier
    optimiser: torch.optim.Optimizer
    average: Average | None = None

    @property
    def kept(self) -> Classifier:
        """The network that is measured, and that the run keeps."""
        kept = self.network if self.average is None else self.average.network
        assert isinstance(kept, Classifier)
        return kept


def save_checkpoint(path: Path, position: Position, epochs: Sequence[Epoch], learner: Learner) -> None:
    """Chance needs no place here: what is random in a step follows from seed, epoch and step alone."""
    tensors = {f"network.{name}": value for name, value in learner.network.state_dict().items()}
    for number, state in learner.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{key}": value for key, value in state.items() if value is not None}
    if learner.average is not None:
        tensors |= {f"average.{name}": value for name, value in learner.average.tensors().items()}
    if not are_numbers(tensors):
        raise TrainingDiverged("the weights are no longer numbers")
    write_tensors(path, tensors, {"position": asdict(position), "epochs": [asdict(epoch) for epoch in epochs]})


def are_numbers(tensors: Mapping[str, Tensor]) -> bool:
    """Whether no value is infinite or no number."""
    return all(bool(torch.isfinite(value.sum())) for value in tensors.values() if value.is_floating_point())


def load_checkpoint(path: Path, learner: Learner) -> tuple[Position, list[Epoch]]:
    """Put the learner where it was, in place, and say where that is and what its epochs were."""
    remedy = "Delete it, and the run starts from its first epoch."
    tensors, facts = read_tensors(path, remedy)
    try:
        position, epochs = Position(**facts["position"]), [Epoch(**epoch) for epoch in facts["epochs"]]
        put_back(within(tensors, "network"), within(tensors, "optimiser"), learner)
        if learner.average is not None:
            learner.average.put_back(within(tensors, "average"))
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
        why = " ".join(str(error).split())[:150]
        raise ModisteError(f"{path} is not a checkpoint of this run ({why} ...). {remedy}") from error
    return position, epochs


def within(tensors: Mapping[str, Tensor], room: str) -> dict[str, Tensor]:
    """The tensors whose name opens with `room.`, without it."""
    return {name.removeprefix(f"{room}."): value for name, value in tensors.items() if name.startswith(f"{room}.")}


def put_back(network: Mapping[str, Tensor], moments: Mapping[str, Tensor], learner: Learner) -> None:
    """Weights and moments from a checkpoint's tensors."""
    learner.network.load_state_dict(network)
    states: dict[int, dict[str, Tensor]] = {}
    weights = [weight for group in learner.optimiser.param_groups for weight in group["params"]]
    for name, value in moments.items():
        number, key = name.split(".")
        states.setdefault(int(number), {})[key] = laid_out_like(weights[int(number)], value)
    if len({frozenset(state) for state in states.values()}) > 1:
        raise ValueError("moments of some weights are missing")
    learner.optimiser.load_state_dict({"state": states, "param_groups": learner.optimiser.state_dict()["param_groups"]})


def laid_out_like(weight: Tensor, value: Tensor) -> Tensor:
    """A fused optimiser walks weight and moments side by side in memory, so they must lie alike (channels last)."""
    if not value.ndim:
        return value  # a count of steps
    if value.shape != weight.shape:
        raise ValueError(f"moments {tuple(value.shape)} of weights {tuple(weight.shape)}")
    return torch.empty_like(weight, dtype=value.dtype).copy_(value)
