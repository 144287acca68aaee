"""A table: titled rows and columns that can be printed, saved and set in a paper."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

Cell = str | int | float | None  # None stands for "not there": shown as a dash, an empty field in CSV


@dataclass(frozen=True)
class Table:
    """Columns and rows of cells; fractions are shown with `digits` places, CSV keeps them whole."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    digits: int = 4

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.title}: a row has {len(row)} cells for {len(self.columns)} columns: {row}")
