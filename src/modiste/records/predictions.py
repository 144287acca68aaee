"""Predictions: what a network said of each photo of a split. Every table, figure and statistic starts here."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modiste.records.disk import write_text
from modiste.records.errors import ModisteError, unknown


@dataclass(frozen=True, eq=False)
class Predictions:
    """Truth (N,) and scores (N, K) of N photos; the class called is the one with the highest score.

    Scores are whatever the head gives: log-odds before the softmax, or an SVM's margins.
    """

    classes: tuple[str, ...]
    photos: tuple[str, ...]
    truth: NDArray[np.int64]
    scores: NDArray[np.float64]

    def __post_init__(self) -> None:
        shape = (len(self.photos), len(self.classes))
        if self.truth.shape != shape[:1] or self.scores.shape != shape:
            found = f"truth {self.truth.shape}, scores {self.scores.shape}"
            raise ModisteError(f"predictions do not fit: {shape[0]} photos and {shape[1]} classes, but {found}.")
        if not np.isfinite(self.scores).all():
            raise ModisteError("predictions hold scores that are not numbers; the network that gave them is broken.")
        if shape[0] and (self.truth.min() < 0 or self.truth.max() >= shape[1]):
            raise ModisteError(f"predictions hold a true class outside 0..{shape[1] - 1}.")

    @classmethod
    def of(cls, truth: Sequence[int], called: Sequence[int], classes: Sequence[str] = ()) -> Predictions:
        """Predictions from class codes alone, for examples and tests: score 1 for the class called, 0 for the others."""
        count = len(classes) or max(*truth, *called) + 1
        names = tuple(classes) or tuple(f"class {code}" for code in range(count))
        return cls(names, tuple(f"photo {n}" for n in range(len(truth))), np.array(truth, np.int64), np.eye(count)[np.array(called)])

    def __len__(self) -> int:
        return len(self.photos)

    def __repr__(self) -> str:
        return f"<Predictions of {len(self):,} photos: {', '.join(self.classes)}>"

    @cached_property
    def called(self) -> NDArray[np.int64]:
        """The class called for each photo: (N,)."""
        codes: NDArray[np.int64] = self.scores.argmax(1).astype(np.int64)
        return codes

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """How many photos of each class (row) were called each class (column): (K, K).

        >>> Predictions.of(truth=[0, 0, 1], called=[0, 1, 1]).confusion.tolist()
        [[1, 1], [0, 1]]
        """
        count = len(self.classes)
        counts: NDArray[np.int64] = np.bincount(self.truth * count + self.called, minlength=count * count).reshape(count, count)
        return counts

    def write(self, path: Path | str) -> Path:
        """One line a photo: its path, true class, class called, and each class's score, exact to the last bit."""
        text = io.StringIO()
        odd = any("\r" in name for name in (*self.photos, *self.classes))  # older Pythons leave a bare CR unquoted
        rows = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL)
        rows.writerow(["photo", "truth", "called", *(f"score {name}" for name in self.classes)])
        for photo, truth, called, scores in zip(self.photos, self.truth, self.called, self.scores, strict=True):
            rows.writerow([photo, self.classes[truth], self.classes[called], *(repr(float(score)) for score in scores)])
        return write_text(Path(path), text.getvalue())

    @classmethod
    def read(cls, path: Path | str) -> Predictions:
        """What `write` wrote, bit for bit."""
        path = Path(path)
        if not path.is_file():
            raise ModisteError(f"{path}: no predictions there.")
        try:
            with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
                header, *rows = list(csv.reader(file))
        except (ValueError, csv.Error) as error:
            raise ModisteError(f"{path}: not a file of predictions ({error}).") from error
        if header[:3] != ["photo", "truth", "called"] or len(header) < 5:
            raise ModisteError(f"{path}: a file of predictions opens with photo,truth,called and a 'score NAME' a class, two or more.")
        classes = tuple(name.removeprefix("score ") for name in header[3:])
        lines = [(f"{path}, row {number}", row) for number, row in enumerate(rows, 2)]
        truth = np.array([code_of(row, 1, classes, where) for where, row in lines], np.int64)
        scores = np.array([scores_of(row, where) for where, row in lines], np.float64).reshape(len(rows), len(classes))
        for (where, row), own in zip(lines, scores, strict=True):
            if code_of(row, 2, classes, where) != own.argmax():
                ties = ", as the first of several," if (own == own.max()).sum() > 1 else ""
                raise ModisteError(
                    f"{where}: called '{row[2]}', but '{classes[own.argmax()]}'{ties} has the highest score. "
                    "Where there are no scores, write 1 for the class called and 0 for the others."
                )
        return cls(classes, tuple(row[0] for row in rows), truth, scores)


def code_of(row: list[str], place: int, classes: tuple[str, ...], where: str) -> int:
    """The code of the class in a cell."""
    if len(row) != len(classes) + 3:
        raise ModisteError(f"{where}: {len(row)} cells for {len(classes) + 3} columns.")
    if row[place] not in classes:
        raise ModisteError(f"{where}: {unknown('class with a score', row[place], classes)}")
    return classes.index(row[place])


def scores_of(row: list[str], where: str) -> list[float]:
    try:
        found = [float(score) for score in row[3:]]
    except ValueError as error:
        raise ModisteError(f"{where}: a score is no number ({error}).") from error
    if not np.isfinite(found).all():
        raise ModisteError(f"{where}: a score is not finite: {', '.join(row[3:])}.")
    return found
