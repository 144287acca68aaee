"""What long work tells while it goes on: one small value, whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


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


def following(items: Sequence[T], tell: Tell, stage: str, unit: str = "photos") -> Iterator[T]:
    """The items one after another, told of now and then, and once the last is done.

    >>> list(following("ab", lambda told: print(told.done, "of", told.total), "spelling"))
    2 of 2
    ['a', 'b']
    """
    for number, item in enumerate(items, 1):
        yield item
        if number % 64 == 0 or number == len(items):
            tell(Progress(stage, number, len(items), unit))
