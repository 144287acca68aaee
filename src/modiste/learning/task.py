"""Which classes are learnt, what of them the network knows already, and whether there are photos enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from modiste.records.catalogue import Catalogue
from modiste.records.errors import ModisteError, nearest
from modiste.records.labels import Classes

FEWEST = 5  # photos of a class that is learnt from nothing


@dataclass(frozen=True, eq=False)
class Task:
    """Photos with codes of `classes`; `own` is the network's code of each class, None where it does not know them all."""

    catalogue: Catalogue
    classes: Classes
    own: NDArray[np.int64] | None  # (K,)
    notes: tuple[str, ...] = ()

    def checked(self, labels: Iterable[int]) -> tuple[str, ...]:
        """Refuse labels that nothing can be learnt from; what is said of those that are few."""
        counts = Counter(labels)
        names, few = self.classes.names, [code for code in range(len(self.classes)) if counts[code] < FEWEST]
        if len(counts) < 2:
            only = f"all are {names[next(iter(counts))]}" if counts else "none is left"
            raise ModisteError(f"{counts.total():,} labelled photos to learn from, and {only}: label photos of two classes or more.")
        told = ", ".join(f"{names[code]} {counts[code]}" for code in few)
        if few and self.own is None:
            near = [nearest(names[code], [name for name in names if name != names[code]]) for code in few]
            hint = f" Is {names[few[0]]} a slip for {near[0]}?" if near[0] else ""
            raise ModisteError(
                f"a class that is new to the network takes {FEWEST} photos or more; too few: {told}.{hint} Label more, or leave them out."
            )
        return (
            (f"Few labelled photos, so that little is learnt of them and they are seldom labelled automatically: {told}.",) if few else ()
        )


def task_of(catalogue: Catalogue, own: Classes, declared: bool) -> Task:
    """What is to be learnt from a catalogue's labels by a network that knows `own`.

    Labels that speak of the network's own classes alone leave it all of them, also those without a label, unless others are declared.
    """
    named = [name for name, count in zip(catalogue.classes.names, catalogue.counts(), strict=True) if count]
    known = [name for name in named if own.find(name) is not None]
    if len(known) == len(named) and not declared:
        return recoded(catalogue, own, np.arange(len(own)), ())
    if len(named) < 2 and not declared:
        raise ModisteError(
            f"{catalogue.root}: all labelled photos are {', '.join(named) or 'of no class'}: label photos of two classes or more."
        )
    wanted = catalogue.classes if declared else Classes(tuple(named))
    places = [own.find(name) for name in wanted.names]
    lost = [name for name in own.names if wanted.find(name) is None]
    notes = (f"The new network does not know what the one before knew: {', '.join(lost)}.",) if lost else ()
    known_codes = [place for place in places if place is not None]
    return recoded(catalogue, wanted, np.array(known_codes) if len(known_codes) == len(places) else None, notes)


def recoded(catalogue: Catalogue, classes: Classes, own: NDArray[np.int64] | None, notes: tuple[str, ...]) -> Task:
    """The labelled photos with codes of `classes`."""
    names = catalogue.classes.names
    photos = tuple(replace(photo, label=classes.code(names[photo.label])) for photo in catalogue.photos if photo.label is not None)
    return Task(Catalogue(catalogue.root, classes, photos, catalogue.notes), classes, own, (*catalogue.notes, *notes))
