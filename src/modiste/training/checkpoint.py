"""A checkpoint: all that a run needs to go on from a step as if it had never stopped, in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from modiste.records.disk import write_bytes
from modiste.records.errors import ModisteError


@dataclass
class Position:
    """Where training stands: `step` steps of `epoch` are done, with what they added up to."""

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    hits: int = 0
    seen: int = 0
    seconds: float = 0.0


def save_checkpoint(path: Path, position: Position, network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Chance needs no place here: what is random in a step follows from seed, epoch and step alone."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{key}": value for key, value in state.items() if value is not None}
    flat = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    write_bytes(path, save(flat, metadata={"position": json.dumps(asdict(position))}))


def load_checkpoint(path: Path, network: nn.Module, optimiser: torch.optim.Optimizer) -> Position:
    """Put network and optimiser where they were, in place, and say where that is."""
    try:
        with safe_open(path, framework="pt") as file:
            position = Position(**json.loads(file.metadata()["position"]))
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        put_back(tensors, network, optimiser)
    except (SafetensorError, KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
        raise ModisteError(f"{path} is damaged ({error}). Delete it, and the run starts from its first epoch.") from error
    return position


def put_back(tensors: Mapping[str, Tensor], network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Weights and moments from a checkpoint's tensors."""
    network.load_state_dict({name.removeprefix("network."): value for name, value in tensors.items() if name.startswith("network.")})
    states: dict[int, dict[str, Tensor]] = {}
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    for name, value in tensors.items():
        if name.startswith("optimiser."):
            _, number, key = name.split(".")
            states.setdefault(int(number), {})[key] = laid_out_like(weights[int(number)], value)
    optimiser.load_state_dict({"state": states, "param_groups": optimiser.state_dict()["param_groups"]})


def laid_out_like(weight: Tensor, value: Tensor) -> Tensor:
    """A fused optimiser walks weight and moments side by side in memory, so they must lie alike (channels last)."""
    if value.shape != weight.shape:
        return value
    return torch.empty_like(weight, dtype=value.dtype).copy_(value)
