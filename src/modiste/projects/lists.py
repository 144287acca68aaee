"""Lists of photos that stay as they were asked for, while somebody goes through them and speaks of the photos in them."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from modiste.projects.guesses import Guesses

KEPT = 64


@dataclass(frozen=True)
class Rows:
    paths: list[str]
    found: weakref.ref[Guesses]  # of whose photos these are the numbers
    rows: NDArray[np.int32]


@dataclass(eq=False)
class Lists:
    """The lists that were made or read last, by whose they are and the names that were given to them."""

    kept: OrderedDict[tuple[str, str], Rows] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def rows(self, who: str, name: str, found: Guesses, make: Callable[[], NDArray[np.int64]]) -> NDArray[np.int64]:
        """The list as it was the first time, without photos that are gone; made anew where it is kept no more.

        What is found changes with each look; somebody who goes through a list comes to every photo of it all the same.
        """
        with self.lock:
            one = self.kept.get((who, name))
        if one is not None and one.found() is found:
            made = one.rows.astype(np.int64)
        elif one is not None:
            made = np.array([found.by_path[path] for path in one.paths if path in found.by_path], np.int64)
        else:
            made = make()
        if one is None or one.found() is not found:
            paths = [found.looked.photos[row].path for row in made.tolist()] if one is None else one.paths
            one = Rows(paths, weakref.ref(found), made.astype(np.int32))
        with self.lock:
            self.kept[who, name] = one
            self.kept.move_to_end((who, name))
            while len(self.kept) > KEPT:
                self.kept.popitem(last=False)
        return made
