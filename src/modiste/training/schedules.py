"""Schedules: the learning rate from the step alone, so that a run that is stopped and goes on has nothing to remember."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi

from modiste.records.errors import unknown

CLIMB = 0.3  # share of the steps in which one_cycle climbs; this and START are torch's OneCycleLR's
START = 1 / 25  # where one_cycle begins


def lr_factor(schedule: str, step: int, steps: int, warmup: float = 0.0) -> float:
    """What the recipe's lr is multiplied by in step `step` (the first is 0) of `steps`, in (0, 1].

    For the first `warmup` steps, a number that need not be whole, it climbs in a straight line to where the schedule begins.

    >>> [lr_factor("constant", step, 6, warmup=3) for step in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    >>> [round(lr_factor("cosine", step, 4), 3) for step in range(4)]
    [1.0, 0.854, 0.5, 0.146]
    """
    if schedule not in SCHEDULES:
        raise unknown("schedule", schedule, SCHEDULES)
    if step < warmup:
        return SCHEDULES[schedule](0.0) * (step + 1) / (warmup + 1)
    return SCHEDULES[schedule]((step - warmup) / (steps - warmup))


def constant(_done: float) -> float:
    return 1.0


def cosine(done: float) -> float:
    """Half a wave from 1 to 0, which no step is left to see (Loshchilov and Hutter 2017, equation 5, without restarts)."""
    return between(1.0, 0.0, done)


def one_cycle(done: float) -> float:
    """Half a wave up, a longer one down (Smith and Topin 2018)."""
    return between(START, 1.0, done / CLIMB) if done < CLIMB else between(1.0, 0.0, (done - CLIMB) / (1 - CLIMB))


def between(start: float, end: float, done: float) -> float:
    """From start to end on half a cosine wave."""
    return end + (start - end) * (1 + cos(pi * done)) / 2


# share of the steps that are done, in [0, 1) -> share of the recipe's lr
SCHEDULES: dict[str, Callable[[float], float]] = {"constant": constant, "cosine": cosine, "one_cycle": one_cycle}
