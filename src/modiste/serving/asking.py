"""Many photos asked about: decoded in processes that may die, scored in threads, each alone: no answer depends on another photo."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from modiste.data.opening.crew import processors
from modiste.data.opening.hashed import content_hash, opened
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.workers import each_photo
from modiste.serving.graphs import Answers
from modiste.serving.labeller import Labeller

Found = tuple[
    bytes | None, Answers | str
]  # SHA-256 of a photo's bytes, and what the network says of it, or the reason why it cannot be asked


def each_answer(root: Path, paths: Iterable[str], labeller: Labeller, *, threads: int | None = None) -> Iterator[Found]:
    """What a network says of each photo under `root`, in order. Take a labeller of one thread: so many photos are scored side by side."""
    pixels, threads = labeller.pixels, threads or processors()
    options = {"side": pixels.side, "colour": pixels.colour, "fit": pixels.fit}
    given, waiting = deque[str](), deque[tuple[bytes | None, Future[Answers] | str]]()

    def noted() -> Iterator[str]:
        for path in paths:
            given.append(path)
            yield path

    with ThreadPoolExecutor(threads, "scores") as pool:
        try:
            for one in each_photo(root, noted(), opened, options):
                path = given.popleft()
                if isinstance(one, PhotoRefused):
                    waiting.append((content_hash(root, path), one.reason))
                else:
                    reason = bytes(one["reason"][()]).decode()
                    waiting.append((bytes(one["sha256"]), reason or pool.submit(labeller.score, one["pixels"][None])))
                if len(waiting) > 2 * threads:
                    yield finished(*waiting.popleft())
            while waiting:
                yield finished(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def finished(sha: bytes | None, what: Future[Answers] | str) -> Found:
    return sha, what if isinstance(what, str) else what.result()
