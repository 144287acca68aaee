"""Launchers: how many processes torchrun or Slurm's srun started together, as their environment says."""

from __future__ import annotations

import os


def launched() -> tuple[int, int]:
    """How many processes a launcher started in all, and on this machine."""
    if number("WORLD_SIZE") > 1:
        return number("WORLD_SIZE"), number("LOCAL_WORLD_SIZE", number("WORLD_SIZE"))
    if by_srun() and number("SLURM_NTASKS") > 1:
        return number("SLURM_NTASKS"), number("SLURM_NTASKS") // number("SLURM_NNODES")
    return 1, 1


def follows() -> bool:
    """Whether another process of the team writes and speaks for this one."""
    return launched()[0] > 1 and number("RANK" if number("WORLD_SIZE") > 1 else "SLURM_PROCID", 0) > 0


def by_srun() -> bool:
    """Whether srun started this process: inside an allocation alone, others are named that nobody started."""
    return "SLURM_STEP_ID" in os.environ


def number(name: str, otherwise: int = 1) -> int:
    """A number that the environment holds."""
    said = os.environ.get(name, "")
    return int(said) if said.isdecimal() else otherwise
