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
    found: weakref.ref[Guesses]  # of whose photos they are numbers
    rows: NDArray[np.int32]


@dataclass(eq=False)
class Lists:
    """The lists that were made or read last, by whose they are and the names that were given to them."""

    kept: OrderedDict[tuple[str, str], Rows] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def rows(self, who: str, name: str, found: Guesses, make: Callable[[], NDArray[np.int64]]) -> NDArray[np.int64]:
        """The list as it was the first time; made anew where it is kept no more, or is of what another network said."""
        with self.lock:
            one = self.kept.get((who, name))
            if one is not None and one.found() is found:
                self.kept.move_to_end((who, name))
                return one.rows.astype(np.int64)
        made = make()
        with self.lock:
            self.kept[who, name] = Rows(weakref.ref(found), made.astype(np.int32))
            self.kept.move_to_end((who, name))
            while len(self.kept) > KEPT:
                self.kept.popitem(last=False)
        return made
