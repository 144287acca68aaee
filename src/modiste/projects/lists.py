"""Lists of photos that stay as they were asked for, while somebody goes through them and speaks of the photos in them."""

from __future__ import annotations

import secrets
import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from modiste.projects.guesses import Guesses

KEPT = 64


@dataclass(frozen=True)
class One:
    who: str
    found: weakref.ref[Guesses]  # rows are numbers of its photos
    rows: NDArray[np.int32]


@dataclass(eq=False)
class Lists:
    """The lists that were asked for or read from last, by their names."""

    kept: OrderedDict[str, One] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, who: str, found: Guesses, rows: NDArray[np.int64]) -> str:
        """A name under which the rest of a list can be asked for."""
        name = secrets.token_hex(8)
        with self.lock:
            self.kept[name] = One(who, weakref.ref(found), rows.astype(np.int32))
            while len(self.kept) > KEPT:
                self.kept.popitem(last=False)
        return name

    def rows(self, name: str, who: str, found: Guesses) -> NDArray[np.int64] | None:
        """The list as it was; None where it is kept no more, is somebody else's, or is of what another network said."""
        with self.lock:
            one = self.kept.get(name)
            if one is None or one.who != who or one.found() is not found:
                return None
            self.kept.move_to_end(name)
            return one.rows.astype(np.int64)
