"""Labels that stand in a file already, as decisions of somebody."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile

from modiste.annotating.decisions import LABEL, Decision
from modiste.annotating.standing import Standing
from modiste.records.catalogue import Catalogue
from modiste.records.errors import ModisteError
from modiste.records.labels import Classes, folded


@dataclass(frozen=True)
class Imported:
    """Labels that stood in a file, as decisions to save, one batch."""

    decisions: tuple[Decision, ...]
    taken: int  # labels that are new: their copies are not counted
    same: int  # that said what stands already
    unknown: tuple[str, ...]  # paths of labelled photos that are not known here


def alone(path: str) -> list[str]:
    """A photo without copies."""
    return [path]


def imported(
    catalogue: Catalogue,
    who: str,
    photos: Iterable[str],
    classes: Classes,
    standing: Standing,
    copies_of: Callable[[str], list[str]] = alone,
) -> Imported:
    """The labels of a catalogue as decisions of `who` on photos of one's own and on their copies, in the names of one's own classes.

    A class that is not one's own is refused, and so is a photo of which, or of whose copies, two rows say different things.
    """
    theirs = {photo.path: catalogue.classes.names[photo.label] for photo in catalogue.photos if photo.label is not None}
    names = {name: classes.names[classes.code(name)] for name in set(theirs.values())}
    found, batch = places(theirs, photos, classes), uuid.uuid4().hex
    decisions, taken, same, said_by = dict[str, Decision](), set[str](), 0, dict[str, str]()
    for path, name in theirs.items():
        here, label = found[path], names[name]
        if here is None:
            continue
        alike = copies_of(here)
        first = said_by.setdefault(min(alike), path)
        if names[theirs[first]] != label:
            told = f"both '{here}' here" if found[first] == here else "the same photo here, byte by byte"
            raise ModisteError(
                f"'{first}' ({names[theirs[first]]}) and '{path}' ({label}) are {told}. Leave one out, or write the paths as they are here."
            )
        lacking = [photo for photo in alike if (said := standing.said(photo, who)) is None or said.label != label]
        if here in lacking:
            taken.add(here)
        else:
            same += 1
        for photo in lacking:
            decisions.setdefault(photo, Decision(uuid.uuid4().hex, photo, LABEL, label, who, "import", batch=batch))
    return Imported(tuple(decisions.values()), len(taken), same, tuple(path for path in theirs if found[path] is None))


def places(theirs: Mapping[str, str], photos: Iterable[str], classes: Classes) -> dict[str, str | None]:
    """Which of one's own photos is meant by each path, of which the class is told; None where there is none.

    Found by the path, below images/ first as readers do ('./' in front: there only), or by the one path that ends in it. Where not one is
    found so, without the folders that all paths begin with; then without those that bear the name of a photo's class, too. A photo in the
    folder of another class is not the one that is meant, however its name is.
    """
    known = Paths(photos)
    found = {path: known.find(path) for path in theirs}
    if any(found.values()):
        return found
    inner = {path: behind(path, label) for path, label in theirs.items()}
    bare = {path: rest for path, rest in inner.items() if rest is not None}
    for rests in ({path: path for path in theirs}, bare if len(bare) == len(theirs) else {}):
        for many in range(len(shared(rests.values())) + 1):
            cut = {path: known.find("/".join(rest.split("/")[many:])) for path, rest in rests.items()}
            meant = {path: here if here and is_alike(path, here, classes) else None for path, here in cut.items()}
            if any(meant.values()):
                return meant
    return found


def is_alike(path: str, here: str, classes: Classes) -> bool:
    """Whether two paths do not stand in the folders of two classes."""
    inner = [
        next((code for name in reversed(one.split("/")[:-1]) if (code := classes.find(name)) is not None), None) for one in (path, here)
    ]
    return None in inner or inner[0] == inner[1]


def behind(path: str, label: str) -> str | None:
    """What of a path stands behind the folder that is called like its class; None where there is no such folder.

    >>> behind("train/shoes/red/1.jpg", "Shoes")
    'red/1.jpg'
    """
    parts = path.split("/")
    place = next((place for place in range(len(parts) - 2, -1, -1) if folded(parts[place]) == folded(label)), None)
    return None if place is None else "/".join(parts[place + 1 :])


def shared(paths: Iterable[str]) -> list[str]:
    """The folders that all paths begin with."""
    layers = zip(*(path.split("/")[:-1] for path in paths), strict=False)
    return [names[0] for names in takewhile(lambda names: len(set(names)) == 1, layers)]


class Paths:
    """Paths that are found by how they end, too."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.all = set(paths)
        self.by_end: dict[str, list[str]] = defaultdict(list)  # every end of every path
        for path in self.all:
            for end in ends(path):
                self.by_end[end].append(path)

    def find(self, path: str) -> str | None:
        """The path itself, or the only one that ends in it; None where there is none, or more."""
        plain = path.removeprefix("./")
        for spelled in (plain,) if path.startswith("./") else (f"images/{path}", path):
            if spelled in self.all:
                return spelled
        longer = self.by_end.get(plain, [])
        return longer[0] if len(longer) == 1 else None


def ends(path: str) -> list[str]:
    """What is left of a path as its folders are taken away from the front.

    >>> ends("a/b/c.jpg")
    ['b/c.jpg', 'c.jpg']
    """
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(1, len(parts))]
