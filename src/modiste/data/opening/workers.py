"""Photos through processes of their own (`worker.py`), so that no file can stop, hang or grow the program that asks."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from inspect import signature
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from modiste.data.opening.crew import COMMAND, LOCK, Made, Worker, WorkerLost, answer, end, hire, keep, processors
from modiste.data.opening.refusals import SECONDS, PhotoRefused
from modiste.data.opening.worker import send
from modiste.records.errors import MachineError, UsageError
from modiste.records.progress import Progress, Tell, silent

CHUNK = 8  # photos a message: hides the way there and back
AHEAD = 2  # chunks on their way or waiting for the caller, for each worker
START_SECONDS = 600  # for a worker to import what it needs and to index an archive, on a busy machine
NOTHING: Mapping[str, Any] = MappingProxyType({})
Job = Callable[..., NDArray[Any]]


def each_photo(
    root: Path,
    paths: Sequence[str] | Iterable[str],
    job: Job,
    options: Mapping[str, Any] = NOTHING,
    *,
    workers: int | None = None,
    seconds: float = SECONDS,
    memory_bytes: int = 1 << 30,
    tell: Tell = silent,
    stage: str = "decoding",
) -> Iterator[Made]:
    """`job(data, where=path, **options)` of every photo under `root`, or why there is none, in the order of `paths`.

    The job is a function at the top of a module and runs in worker processes: a photo that takes longer than `seconds`, kills its
    worker or asks for more than `memory_bytes` (where the system can limit it) is refused alone. Options are plain JSON values.
    """
    shift = shift_of(root, job, options, seconds, memory_bytes)
    total = len(paths) if isinstance(paths, Sized) else 0
    return told(in_order(shift, paths, workers or processors()), total, tell, stage)


def one_photo(root: Path, path: str, job: Job, options: Mapping[str, Any] = NOTHING, *, memory_bytes: int = 1 << 30) -> Made:
    """`each_photo` of one, without threads of its own: for callers who have some."""
    (made,) = one_chunk(shift_of(root, job, options, SECONDS, memory_bytes), [path])
    return made


def shift_of(root: Path, job: Job, options: Mapping[str, Any], seconds: float, memory_bytes: int) -> Shift:
    """A call's task, as its workers are told it."""
    signature(job).bind(b"", where="", **options)  # a wrong option is no fault of a photo
    task = {
        "job": address(job),
        "options": dict(options),
        "root": str(root.absolute()),
        "import_from": [str(Path(place or ".").absolute()) for place in sys.path],
        "memory_bytes": memory_bytes,
        "seconds": seconds,
    }
    return Shift(task, seconds)


def address(job: Job) -> str:
    """Where a worker finds the job: 'module:name'."""
    if job.__module__ == "__main__" or "." in job.__qualname__:
        raise UsageError(f"{job.__module__}.{job.__qualname__} cannot run in a worker: it must be a function at the top of a module.")
    return f"{job.__module__}:{job.__qualname__}"


def told(made: Generator[Made, None, None], total: int, tell: Tell, stage: str) -> Iterator[Made]:
    with closing(made):
        for number, one in enumerate(made, 1):
            yield one
            if total and (number % 64 == 0 or number == total):
                tell(Progress(stage, number, total))


@dataclass(frozen=True, eq=False)
class Shift:
    """One call of `each_photo`: what its workers do, which are at it, and whether the caller has had enough."""

    task: Mapping[str, Any]
    seconds: float
    at_work: set[Worker] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)


def in_order(shift: Shift, paths: Iterable[str], workers: int) -> Generator[Made, None, None]:
    """Chunks go out to as many threads as there are workers and come back in order, `AHEAD` a worker at a time."""
    waiting: deque[Future[list[Made]]] = deque()
    pool = ThreadPoolExecutor(workers, "photos")
    try:
        for chunk in chunks(paths, workers):
            waiting.append(pool.submit(one_chunk, shift, chunk))
            if len(waiting) >= AHEAD * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        shift.over.set()
        with LOCK:
            for worker in shift.at_work:
                worker.process.kill()
        pool.shutdown(cancel_futures=True)


def chunks(paths: Iterable[str], workers: int) -> Iterator[list[str]]:
    """Chunks of `CHUNK` paths, smaller where there are too few for all workers to have some.

    >>> list(chunks(["1.jpg", "2.jpg", "3.jpg"], workers=2))
    [['1.jpg', '2.jpg'], ['3.jpg']]
    """
    rest = iter(paths)
    first = list(islice(rest, CHUNK * workers))
    size = max(1, -(-len(first) // workers))
    rest = chain(first, rest)
    while chunk := list(islice(rest, size)):
        yield chunk


def one_chunk(shift: Shift, paths: list[str]) -> list[Made]:
    """What comes of some photos; the one that costs a worker its life is refused, and the rest goes to another worker."""
    made: list[Made] = []
    while len(made) < len(paths) and (worker := at_work(shift, paths[len(made) :])):
        try:
            while len(made) < len(paths):
                made.append(answer(worker, shift.seconds))
        except WorkerLost as lost:
            made.append(PhotoRefused(paths[len(made)], lost.reason, lost.detail))
        finally:
            let_go(shift, worker, done=len(made) == len(paths))
    return made


def at_work(shift: Shift, paths: list[str]) -> Worker | None:
    """A worker that has begun with `paths`: one that waited, or a fresh one; None when the shift is over."""
    while True:
        with LOCK:  # whoever ends the shift kills those at work under this lock: nobody may begin behind that
            if shift.over.is_set():
                return None
            worker, fresh = hire(shift.task["import_from"])
            shift.at_work.add(worker)
        try:
            send(worker.tasks, {**shift.task, "paths": paths})
            answer(worker, START_SECONDS)
        except (WorkerLost, OSError) as lost:
            let_go(shift, worker, done=False)
            if fresh and not shift.over.is_set():
                raise MachineError(f"a process that decodes photos could not be started: {' '.join(COMMAND)} ({lost})") from lost
        except BaseException:
            let_go(shift, worker, done=False)
            raise
        else:
            return worker


def let_go(shift: Shift, worker: Worker, done: bool) -> None:
    """Leave a worker that has done its task to the next shift, end another."""
    with LOCK:
        shift.at_work.discard(worker)
        if done and keep(worker):
            return
    end(worker)
