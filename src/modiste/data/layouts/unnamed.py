"""Pictures that lie beside a table and that no row of it names: they are none of its photos, and are counted."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np

from modiste.data.layouts.names import NOT_READ, PICTURES
from modiste.data.opening.stores import Store
from modiste.records.errors import ModisteError

WHAT = "pictures passed over, as no row names them"


def hashes(paths: Iterable[str]) -> array[int]:
    """What stands for paths: 8 bytes each, however many there are."""
    return array("q", map(hash, paths))


def unnamed(below: Iterable[str], named: array[int]) -> int:
    """How many of the files below a root are pictures by their name and none of those that are `named`."""
    there = hashes(path for path in below if path.lower().endswith((*PICTURES, *NOT_READ)))
    return int(np.isin(there, named, invert=True).sum())


def told_unnamed(store: Store, paths: Iterable[str]) -> tuple[str, ...]:
    """The same of a store and the paths of its photos, in words; nothing where one table was asked for alone."""
    if store.chosen:
        return ()
    try:
        many = unnamed(Store(store.root, "", store.scan, lenient=True).below(), hashes(paths))
    except ModisteError:  # what lies beside the photos spoils no catalogue
        return ()
    return (f"{WHAT}: {many:,}.",) if many else ()
