"""What a recipe may ask the machine to find: a learning rate that the loss falls at, a batch that the machine is quick with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from modiste.records.errors import MachineError, ModisteError
from modiste.records.table import Table

MEMORY = 0.98  # of the smoothed loss, as in fastai
BLOWN = 4.0  # times the best smoothed loss: from there on every step only makes it worse (Smith's rule in fastai)
ENOUGH = 0.95  # of the best rate


@dataclass(frozen=True)
class FoundRate:
    """A learning rate to train with, and the smoothed loss at each that was tried."""

    lr: float
    table: Table


@dataclass(frozen=True)
class FoundBatch:
    """A batch size to train with, and the photos a second of each that was tried."""

    batch: int
    table: Table


def find_lr(step_at: Callable[[float], float], lowest: float = 1e-7, highest: float = 10.0, steps: int = 100) -> FoundRate:
    """The learning rate from the longest valley of the loss, while each step is taken at a higher rate (Smith 2017, section 3.3).

    `step_at` takes one training step at a rate and gives its loss. It ends early where the loss has blown up.
    """
    lrs: list[float] = []
    losses: list[float] = []
    mean = 0.0
    for number, lr in enumerate(np.geomspace(lowest, highest, steps).tolist(), 1):
        mean = MEMORY * mean + (1 - MEMORY) * float(step_at(lr))
        smoothed = mean / (1 - MEMORY**number)  # for the mean began at 0
        if not smoothed <= BLOWN * min(losses, default=math.inf):  # also where it is no number
            break
        lrs.append(lr)
        losses.append(smoothed)
    if (place := valley(losses)) is None:
        raise ModisteError(f"the loss fell at none of the learning rates from {lowest:g} to {highest:g}. Are the labels right?")
    rows = tuple((f"{lr:.3g}", loss) for lr, loss in zip(lrs, losses, strict=True))
    ended = f" The loss blew up at {lr:.3g}." if len(lrs) < steps else ""
    note = f"Suggested: lr = {lrs[place]:.2g}, two thirds down the longest valley of the smoothed loss.{ended}"
    return FoundRate(float(f"{lrs[place]:.2g}"), Table("Loss by learning rate", ("lr", "loss"), rows, (note,)))


def valley(losses: Sequence[float]) -> int | None:
    """The place two thirds down the longest fall of the loss, or None if it never falls.

    Rather than the steepest place, which noise in two neighbours may move anywhere: all of the fall has a say, as in fastai's
    `valley`. The lowest loss itself would be too high a rate, for there the fall has ended.
    """
    fall = longest_fall(losses)
    return fall[len(fall) * 2 // 3] if len(fall) > 1 else None


def longest_fall(losses: Sequence[float]) -> list[int]:
    """The places of the longest row of ever lower losses; those between them may be higher.

    >>> longest_fall([5, 6, 4, 7, 3, 8])
    [0, 2, 4]
    """
    falls: list[list[int]] = []
    for place, loss in enumerate(losses):
        longest = max((fall for fall in falls if losses[fall[-1]] > loss), key=len, default=[])
        falls.append([*longest, place])
    return max(falls, key=len, default=[])


def best_batch(seconds_a_step: Callable[[int], float], sizes: Sequence[int] = (8, 16, 32, 64, 128, 256, 512)) -> FoundBatch:
    """The smallest batch within 5 % of the best rate: a larger one costs memory, and steps an epoch, for nothing.

    `seconds_a_step` measures a step with so many photos. Trying ends where memory does, or when two sizes in a row gained nothing.
    """
    rates: dict[int, float] = {}
    note = ""
    for size in sorted(sizes):
        try:
            rates[size] = size / seconds_a_step(size)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            note = f" A batch of {size} does not fit into memory."
            break
        if gained_nothing(list(rates.values())):
            break
    if not rates:
        raise MachineError(f"not even a batch of {min(sizes)} fits into memory. Make pixels.side or the network smaller.")
    best = next(size for size, rate in rates.items() if rate >= ENOUGH * max(rates.values()))
    rows = tuple((str(size), rate) for size, rate in rates.items())
    said = f"Suggested: batch = {best}, the smallest within {1 - ENOUGH:.0%} of the best rate.{note}"
    return FoundBatch(best, Table("Photos a second by batch", ("batch", "photos/s"), rows, (said,), digits=1))


def gained_nothing(rates: Sequence[float]) -> bool:
    """Whether the last two are no better than the best before them."""
    return len(rates) > 2 and max(rates[-2:]) <= max(rates[:-2])


def out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out: on the processor torch has no type of its own for it."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    said = str(error).lower()
    return any(words in said for words in ("out of memory", "can't allocate memory", "alloc_failed"))
