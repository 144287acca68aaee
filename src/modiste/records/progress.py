"""What long work tells while it goes on: one small value, whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` units of one stage are done; `note` says how it stands ('epoch 3 of 19, loss 0.21')."""

    stage: str
    done: int
    total: int
    unit: str = "photos"
    note: str = ""


Tell = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """Nobody listens."""
