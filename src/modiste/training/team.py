"""The processes that train one run together: one alone, or as many as a launcher started. The only file that knows Fabric.

`torchrun --nproc-per-node 2 -m modiste train ...` starts two; torchrun and Slurm also start them on several machines, which
must share the folder of runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from modiste.records.errors import ModisteError, missing_extra
from modiste.records.launch import launched

if TYPE_CHECKING:
    from lightning_fabric import Fabric

T = TypeVar("T")


@dataclass(frozen=True)
class Team:
    """One process among those that train together: `rank` of `size`. All of them draw the same order and take turns in it."""

    where: torch.device
    fabric: Fabric | None = None  # None: alone

    @property
    def rank(self) -> int:
        return self.fabric.global_rank if self.fabric else 0

    @property
    def size(self) -> int:
        return self.fabric.world_size if self.fabric else 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def mine(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Every `size`-th of the rows, from `rank` on: together they are the rows, each once."""
        return rows[self.rank :: self.size]

    def joined(self, network: nn.Module) -> nn.Module:
        """The network as it is called in training: the gradients of a step become the mean over the team's."""
        if self.fabric is None:
            return network
        made: nn.Module = self.fabric.setup_module(network, move_to_device=False)
        return made

    def total(self, *values: float) -> list[float]:
        """Sums over the team."""
        if self.fabric is None:
            return list(values)
        summed = self.fabric.all_reduce(torch.tensor(values, dtype=torch.float64, device=self.where), reduce_op="sum")
        assert isinstance(summed, Tensor)
        found: list[float] = summed.tolist()
        return found

    def whole(self, part: Tensor, count: int) -> Tensor:
        """What `mine` divided, put together again: (n, ...) here and in each process -> (count, ...), in order, none twice."""
        if self.fabric is None:
            return part
        full = part.new_zeros(count, *part.shape[1:])
        full[self.rank :: self.size] = part
        summed = self.fabric.all_reduce(full, reduce_op="sum")  # each row from one process, and zeros from the others
        assert isinstance(summed, Tensor)
        return summed

    def by_the_leader(self, work: Callable[[], object]) -> None:
        """Work that the leader alone does, and the others wait for; what it is refused with is raised in every process."""
        refused: ModisteError | None = None
        if self.leads:
            try:
                work()
            except ModisteError as error:
                refused = error
        if (refused := self.agree(refused)) is not None:  # or the others would wait for ever
            raise refused

    def first_the_leader(self, work: Callable[[], T]) -> T:
        """The same work in each process, in the leader's before it begins in the others': it fills a cache for them."""
        made: list[T] = []
        self.by_the_leader(lambda: made.append(work()))
        return made[0] if made else work()

    def share_buffers(self, *networks: nn.Module) -> None:
        """The leader's batch-norm statistics in every process: each has gathered its own since the last step began."""
        if self.fabric is not None:
            for buffer in (buffer for network in networks for buffer in network.buffers()):
                buffer.copy_(self.fabric.broadcast(buffer))

    def agree(self, value: T) -> T:
        """The leader's value, in every process."""
        return self.fabric.broadcast(value) if self.fabric else value

    def wait(self) -> None:
        """Go on when all are here."""
        if self.fabric is not None:
            self.fabric.barrier()


def gather(where: torch.device) -> Team:
    """The team of this process: alone on the device, or with those that a launcher started beside it."""
    started, here = launched()
    if started == 1:
        return Team(where)
    try:
        from lightning_fabric import Fabric
    except ModuleNotFoundError as error:
        raise missing_extra("lightning_fabric", "distributed", "training with several processes") from error
    fabric = Fabric(accelerator=where.type, devices=here, num_nodes=started // here, strategy="ddp")
    fabric.launch()
    return Team(fabric.device, fabric)
