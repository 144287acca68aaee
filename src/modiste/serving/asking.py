"""Many photos asked about: decoded in processes that may die, scored in threads, each alone: no answer depends on another photo."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from modiste.data.opening.crew import processors
from modiste.data.opening.hashed import content_hash, opened
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.workers import each_photo
from modiste.serving.graphs import Answers, Bytes
from modiste.serving.labeller import Labeller

PASSING = ("decoder_crashed", "out_of_memory", "timeout")  # reasons that need not come again: a worker may have been killed
Found = tuple[bytes | None, Answers | PhotoRefused | None]
Photo = TypeVar("Photo")


def each_answer(
    root: Path,
    photos: Iterable[tuple[Photo, str]],
    labeller: Labeller,
    *,
    threads: int | None = None,
    workers: int | None = None,
    known: Callable[[bytes], bool] = lambda _sha: False,
) -> Iterator[tuple[Photo, bytes | None, Answers | PhotoRefused | None]]:
    """Of each photo, given as anything and its path under `root`: the SHA-256 of its bytes, and what the network says of it.

    In order, but that a photo whose decoder failed for the moment is asked about once more when all others are done. A refusal says why
    a photo cannot be asked about: what has no bytes has no hash. None stands for what is `known` of these bytes, which are not asked
    about. Take a labeller of one thread: so many photos are scored side by side (`threads`; None: one a processor).
    """
    again, given = list[tuple[Photo, str]](), deque[tuple[Photo, str]]()

    def paths(some: Iterable[tuple[Photo, str]]) -> Iterator[str]:
        for one in some:
            given.append(one)
            yield one[1]

    for sha, said in each_found(root, paths(photos), labeller, threads or processors(), workers, known):
        one = given.popleft()
        if isinstance(said, PhotoRefused) and said.reason in PASSING:
            again.append(one)
        else:
            yield one[0], sha, said
    for sha, said in each_found(root, paths(again), labeller, threads or processors(), workers, known):
        yield given.popleft()[0], sha, said


def each_found(
    root: Path, paths: Iterable[str], labeller: Labeller, threads: int, workers: int | None, known: Callable[[bytes], bool]
) -> Iterator[Found]:
    """The same, each photo asked about once, in order."""
    waiting = deque[tuple[bytes | None, Future[Answers] | PhotoRefused | None]]()
    with ThreadPoolExecutor(threads, "scores") as pool:
        try:
            for sha, what in each_opened(root, paths, labeller, workers, known):
                waiting.append((sha, what if isinstance(what, PhotoRefused | None) else pool.submit(labeller.score, what)))
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
) -> Iterator[tuple[bytes | None, Bytes | PhotoRefused | None]]:
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
            yield content_hash(root, path), PhotoRefused(path, one.reason, one.detail)
            continue
        sha, reason = bytes(one["sha256"]), bytes(one["reason"][()]).decode()
        if reason:
            yield sha, PhotoRefused(path, reason, bytes(one["detail"][()]).decode("utf-8", "ignore"))
        else:
            yield sha, None if known(sha) else one["pixels"][None]


def finished(sha: bytes | None, what: Future[Answers] | PhotoRefused | None) -> Found:
    return sha, what.result() if isinstance(what, Future) else what
