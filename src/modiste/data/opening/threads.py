"""Work on many things in threads, results in order, with few taken ahead: a million photos take no more memory than a hundred."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")
AHEAD = 2  # photos a thread


def in_threads(job: Callable[[Given], Made], items: Iterable[Given], threads: int) -> Iterator[Made]:
    """The job's result of each item, in order; so many are worked on at once, and a few are taken ahead of who asks for results."""
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(threads, "photos") as pool:
        for item in items:
            waiting.append(pool.submit(job, item))
            if len(waiting) > AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
