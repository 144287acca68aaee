"""A worker that starts while all that is heavy is imported."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice

from modiste.data.layouts.sources import Source
from modiste.data.opening.hashed import nothing
from modiste.data.opening.workers import each_photo
from modiste.records.errors import ModisteError


@contextmanager
def ready(source: Source) -> Iterator[None]:
    """A worker starts while the block does something else, such as opening a network."""

    def start() -> None:
        with suppress(ModisteError):  # it is told once it matters
            paths = [said.path for said in islice(source.photos(), 1)]
            for _ in each_photo(source.root, paths, nothing, workers=1):
                pass

    thread = threading.Thread(target=start)
    thread.start()
    try:
        yield
    finally:
        thread.join()
