"""Many photos asked about: decoded in processes that may die, scored in threads, each alone: no answer depends on another photo."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from modiste.data.opening.crew import processors
from modiste.data.opening.hashed import content_hash, opened
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.workers import each_photo
from modiste.serving.graphs import Answers, Bytes
from modiste.serving.labeller import Labeller

PASSING = ("decoder_crashed", "out_of_memory", "timeout")  # reasons that need not come again
Found = tuple[bytes | None, Answers | str | None]


def each_answer(
    root: Path,
    paths: Iterable[str],
    labeller: Labeller,
    *,
    threads: int | None = None,
    workers: int | None = None,
    known: Callable[[bytes], bool] = lambda _sha: False,
    refused: Callable[[PhotoRefused], object] = lambda _refused: None,
) -> Iterator[Found]:
    """Of each photo under `root`, in order: the SHA-256 of its bytes, and what the network says or the reason why it cannot be asked.

    None stands for what is `known` of these bytes, which are not asked about. Take a labeller of one thread: so many photos are scored
    side by side. What has no bytes has no hash. `refused` is told of each photo that cannot be asked about, before its turn comes.
    """
    threads = threads or processors()
    waiting = deque[tuple[bytes | None, Future[Answers] | str | None]]()
    with ThreadPoolExecutor(threads, "scores") as pool:
        try:
            for sha, what in each_opened(root, paths, labeller, workers, known, refused):
                waiting.append((sha, pool.submit(labeller.score, what) if not isinstance(what, str | None) else what))
                if len(waiting) > 2 * threads:
                    yield finished(*waiting.popleft())
            while waiting:
                yield finished(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def each_opened(
    root: Path,
    paths: Iterable[str],
    labeller: Labeller,
    workers: int | None,
    known: Callable[[bytes], bool],
    refused: Callable[[PhotoRefused], object],
) -> Iterator[tuple[bytes | None, Bytes | str | None]]:
    """The same with pixels uint8 (1, S, S, C) in the place of answers."""
    eyes, given = labeller.pixels, deque[str]()
    options = {"side": eyes.side, "colour": eyes.colour, "fit": eyes.fit, "strict": eyes.strict}

    def noted() -> Iterator[str]:
        for path in paths:
            given.append(path)
            yield path

    for one in each_photo(root, noted(), opened, options, workers=workers):
        path = given.popleft()
        if isinstance(one, PhotoRefused):
            refused(PhotoRefused(path, one.reason, one.detail))
            yield content_hash(root, path), one.reason
            continue
        sha, reason = bytes(one["sha256"]), bytes(one["reason"][()]).decode()
        if reason:
            refused(PhotoRefused(path, reason, bytes(one["detail"][()]).decode("utf-8", "ignore")))
        yield sha, reason or (None if known(sha) else one["pixels"][None])


def finished(sha: bytes | None, what: Future[Answers] | str | None) -> Found:
    return sha, what.result() if isinstance(what, Future) else what
