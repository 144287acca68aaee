"""The worker processes: started when needed, kept for the next photos, asked and heard with a limit of time."""

from __future__ import annotations

import atexit
import json
import math
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.worker import LENGTH
from modiste.records.errors import MachineError, ModisteError, UsageError

MOST_HEADER_BYTES, MOST_ANSWER_BYTES = 1 << 20, 1 << 30
COMMAND = (sys.executable, "-P", "-m", "modiste.data.opening.worker")
Made = NDArray[Any] | PhotoRefused


@dataclass(frozen=True, eq=False)
class Worker:
    """A process, what it is told through and what it answers through."""

    process: subprocess.Popen[bytes]
    tasks: FileIO
    answers: FileIO


class WorkerLost(Exception):
    """A worker that says no more, and the reason to give for the photo it was at."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(detail)


def hire(import_from: Sequence[str]) -> tuple[Worker, bool]:
    """A worker, and whether it is fresh."""
    return (start(import_from), True) if not IDLE else (IDLE.pop(), False)


def start(import_from: Sequence[str]) -> Worker:
    """A fresh worker, out of reach of the terminal's Ctrl-C, on one thread, that imports what this program would."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    around = os.environ | threads | {"PYTHONPATH": os.pathsep.join(import_from)}
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    try:
        process = subprocess.Popen(COMMAND, bufsize=0, stdin=pipe, stdout=pipe, stderr=nowhere, env=around, start_new_session=True)  # noqa: S603
    except OSError as error:
        raise MachineError(f"a process that decodes photos could not be started: {' '.join(COMMAND)} ({error.strerror})") from error
    widen(process.stdout)
    return Worker(process, cast(FileIO, process.stdin), cast(FileIO, process.stdout))


def widen(pipe: IO[bytes] | None) -> None:
    """Room for whole pictures in a pipe, so that a worker goes on while its last one is fetched (Linux)."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(cast(FileIO, pipe), fcntl.F_SETPIPE_SZ, 1 << 20)


def keep(worker: Worker) -> bool:
    """Leave a worker to whoever asks next, unless enough wait already."""
    if len(IDLE) >= processors() or worker.process.poll() is not None:
        return False
    IDLE.append(worker)
    return True


def end(worker: Worker) -> None:
    """Kill a worker and wait for it, but not for one that the system cannot kill (a disk that hangs)."""
    worker.process.kill()
    with suppress(subprocess.TimeoutExpired):
        worker.process.wait(1)
    for pipe in (worker.tasks, worker.answers):
        pipe.close()


def answer(worker: Worker, seconds: float) -> Made:
    """The next thing a worker says, within so many seconds; what it says is checked, for it may be broken."""
    until = time.monotonic() + seconds
    try:
        (length,) = LENGTH.unpack(received(worker, LENGTH.size, until))
        if length > MOST_HEADER_BYTES:
            raise ValueError(f"a header of {length} bytes")
        header = json.loads(received(worker, length, until))
        if "mistake" in header:
            raise MISTAKES.get(header["mistake"], ModisteError)(header["message"])
        if "reason" in header:
            return PhotoRefused(header["where"], header["reason"], header["detail"])
        made = room_for(header)
        fill(made.reshape(-1).view(np.uint8).data, worker, until)
    except TimeoutError as error:
        raise WorkerLost("timeout", f"{seconds:g} s") from error
    except EOFError as error:
        raise WorkerLost("decoder_crashed", death(worker)) from error
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, MemoryError) as error:
        raise WorkerLost("decoder_crashed", f"its process answered nonsense: {error}") from error
    return made


def received(worker: Worker, length: int, until: float) -> bytearray:
    data = bytearray(length)
    fill(memoryview(data), worker, until)
    return data


def fill(rest: memoryview, worker: Worker, until: float) -> None:
    """Read from a worker until `rest` is full; where a system cannot wait on pipes (Windows) there is no limit of time."""
    while rest:
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(worker.answers, select.POLLIN)
            if not poll.poll(1000 * max(0.0, until - time.monotonic())):
                raise TimeoutError
        read = worker.answers.readinto(rest)
        if not read:
            raise EOFError
        rest = rest[read:]


def room_for(header: Mapping[str, Any]) -> NDArray[Any]:
    """An array of the kind and shape that a header tells; the first answer to a task tells none."""
    kind, shape = np.dtype(kind_of(header.get("kind", "|u1"))), header.get("shape", [0])
    if kind.hasobject or math.prod(shape) * kind.itemsize > MOST_ANSWER_BYTES:
        raise ValueError(f"an array {shape} of {kind}")
    room: NDArray[Any] = np.empty(shape, kind)
    return room


def kind_of(plain: Any) -> Any:
    """NumPy's description of an array's items, whose tuples became lists in JSON.

    >>> kind_of([["x", "<f4"], ["y", "<f4", [2]]])
    [('x', '<f4'), ('y', '<f4', (2,))]
    """
    if isinstance(plain, str):
        return plain
    return [(name, kind_of(kind), *map(tuple, shape)) for name, kind, *shape in plain]


def death(worker: Worker) -> str:
    """How a worker ended: the signal's name, or its exit code."""
    try:
        code = worker.process.wait(1)
    except subprocess.TimeoutExpired:
        return "its process closed its output"
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def close() -> None:
    """End the workers that wait for work; the next photo starts fresh ones."""
    with LOCK:
        ended, IDLE[:] = list(IDLE), []
    for worker in ended:
        end(worker)


def forget() -> None:
    """In a forked copy of this program: its parent's workers are not its own."""
    LOCK.release()
    for worker in IDLE:
        worker.process.returncode = 0  # else Popen would warn that they still run
    IDLE.clear()


MISTAKES: dict[str, type[Exception]] = {"UsageError": UsageError, "MachineError": MachineError, "ImportError": ImportError}
LOCK = threading.Lock()  # held by whoever touches IDLE, or who works
IDLE: list[Worker] = []  # kept for the process: starting one takes a fifth of a second
atexit.register(close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=forget)
