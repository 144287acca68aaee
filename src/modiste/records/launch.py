"""Launchers: how many processes torchrun or Slurm started together, as their environment says."""

from __future__ import annotations

import os

# processes in all, on this machine, and the number of this one
STARTED = {
    "torchrun": ("WORLD_SIZE", "LOCAL_WORLD_SIZE", "RANK"),
    "slurm": ("SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_PROCID"),
}


def launched() -> tuple[int, int]:
    """How many processes a launcher started in all, and on this machine."""
    for everywhere, here, _number in STARTED.values():
        if int(os.environ.get(everywhere, "1")) > 1:
            return int(os.environ[everywhere]), int(os.environ.get(here, os.environ[everywhere]))
    return 1, 1


def follows() -> bool:
    """Whether another process of the team writes and speaks for this one."""
    return any(int(os.environ.get(all_, "1")) > 1 and int(os.environ.get(number, "0")) > 0 for all_, _here, number in STARTED.values())
