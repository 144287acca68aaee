"""Labels that stand in a file already, as decisions of somebody."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from modiste.annotating.decisions import LABEL, Decision
from modiste.annotating.standing import Standing
from modiste.records.catalogue import Catalogue
from modiste.records.labels import Classes


@dataclass(frozen=True)
class Imported:
    """Decisions to save, one batch; how many said what stands already; and paths of labelled photos that are not known here."""

    decisions: tuple[Decision, ...]
    same: int
    unknown: tuple[str, ...]


def imported(catalogue: Catalogue, who: str, photos: Iterable[str], classes: Classes, standing: Standing) -> Imported:
    """The labels of a catalogue as decisions of `who` on photos of one's own, in the names of one's own classes.

    A photo is found by its path, below images/ first as readers do ('./' in front: there only), or by the one path that ends in it, or
    that it ends in. A class that is not one's own is refused.
    """
    codes = {photo.label for photo in catalogue.photos if photo.label is not None}
    names = {code: classes.names[classes.code(catalogue.classes.names[code])] for code in codes}
    known, batch = Paths(photos), uuid.uuid4().hex
    decisions, unknown, same = [], [], 0
    for photo in catalogue.photos:
        if photo.label is None:
            continue
        path, label = known.find(photo.path), names[photo.label]
        said = None if path is None else standing.said(path, who)
        if path is None:
            unknown.append(photo.path)
        elif said is not None and said.label == label:
            same += 1
        else:
            decisions.append(Decision(uuid.uuid4().hex, path, LABEL, label, who, "import", batch=batch))
    return Imported(tuple(decisions), same, tuple(unknown))


class Paths:
    """Paths that are found by how they end, too."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.all = set(paths)
        self.by_end: dict[str, list[str]] = defaultdict(list)  # every end of every path
        for path in self.all:
            for end in ends(path):
                self.by_end[end].append(path)

    def find(self, path: str) -> str | None:
        """The path itself, or the only one that ends in it, or that is an end of it, the longest first; None where there is none."""
        plain = path.removeprefix("./")
        for spelled in (plain,) if path.startswith("./") else (f"images/{path}", path):
            if spelled in self.all:
                return spelled
        path = plain
        longer = self.by_end.get(path, [])
        if len(longer) == 1:
            return longer[0]
        return next((end for end in ends(path) if end in self.all), None) if not longer else None


def ends(path: str) -> list[str]:
    """What is left of a path as its folders are taken away from the front.

    >>> ends("a/b/c.jpg")
    ['b/c.jpg', 'c.jpg']
    """
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(1, len(parts))]
