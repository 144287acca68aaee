"""What a decoding process does: `python -m modiste.data.opening.worker` reads tasks, opens photos, writes answers, until its input ends.

A message is the length of its header (4 bytes), a JSON header, and the bytes of the array that it tells of. Nothing is
pickled, so that a decoder that a file has taken over can send a wrong picture and no more.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from modiste.data.opening.containers import container_in, opened
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.stores import read_photo
from modiste.records.errors import ModisteError

KEPT_BYTES = 8 << 20  # more than a photo scaled down takes, less than the parts of 16 MiB in which Pillow holds large ones
LENGTH = struct.Struct(">I")


def main() -> None:
    """Serve over the standard streams; whatever a decoder prints goes nowhere."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", 0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    warnings.simplefilter("ignore")
    bytes(KEPT_BYTES)  # freed at once: glibc now keeps what is freed, where it gave it back after each photo; half the time
    with suppress(BrokenPipeError):  # the program that asked is gone
        serve(requests, answers)
    os._exit(0)  # nothing to tidy, and closing `answers` would raise once more


def serve(requests: BinaryIO, answers: IO[bytes]) -> None:
    """A task opens with an empty answer once its job is imported and its archives are indexed; then comes one answer a photo."""
    index_bytes = 0
    while header := requests.read(LENGTH.size):
        task = json.loads(requests.read(*LENGTH.unpack(header)))
        try:
            job = found(task)
        except Exception as error:
            send(answers, {"mistake": "ImportError", "message": f"the job {task['job']} cannot be imported: {error!r}"})
            continue
        limit_memory(None)
        index_bytes += index_archives(Path(task["root"]), task["paths"])
        limit_memory(task["memory_bytes"] + index_bytes)
        send(answers, {})
        for path in task["paths"]:
            set_alarm(task["seconds"] + 5)
            send(answers, *outcome(job, task, path))
        set_alarm(0)


def found(task: Mapping[str, Any]) -> Callable[..., Any]:
    """The function that 'module:name' stands for, found where the asking program would find it."""
    sys.path[:] = task["import_from"]
    module, _, name = task["job"].partition(":")
    job: Callable[..., Any] = getattr(import_module(module), name)
    return job


def outcome(job: Callable[..., Any], task: Mapping[str, Any], path: str) -> tuple[dict[str, Any], bytes | memoryview]:
    """The header and the bytes that tell what came of one photo."""
    try:
        made = np.asarray(job(read_photo(Path(task["root"]), path), where=path, **task["options"]), order="C")
        kind = np.lib.format.dtype_to_descr(made.dtype)
        return {"kind": kind, "shape": made.shape}, made.reshape(-1).view(np.uint8).data
    except PhotoRefused as refused:
        return {"where": refused.where, "reason": refused.reason, "detail": refused.detail}, b""
    except ModisteError as mistake:
        return {"mistake": type(mistake).__name__, "message": str(mistake)}, b""
    except MemoryError:
        return {"where": path, "reason": "out_of_memory", "detail": ""}, b""
    except Exception as error:  # a job is to give reasons; what it forgot must not end the work
        return {"where": path, "reason": "decoder_crashed", "detail": f"{type(error).__name__}: {error}"[:500]}, b""


def send(to: IO[bytes], header: Mapping[str, Any], data: bytes | memoryview = b"") -> None:
    """One message; names that are not UTF-8 travel as JSON escapes."""
    text = json.dumps(header).encode("ascii")
    for part in (LENGTH.pack(len(text)) + text, data):
        rest = memoryview(part)
        while len(rest):
            rest = rest[to.write(rest) :]


def index_archives(root: Path, paths: Sequence[str]) -> int:
    """Index the zip, tar or Parquet files that photos stand in, before any photo's clock runs; the bytes of memory that took.

    An archive that cannot be opened is complained of by the first photo in it.
    """
    before = held_bytes()
    for path in paths:
        with suppress(ModisteError, OSError, ValueError):
            if inside := container_in(root / path):
                opened(inside[0])
    return max(0, held_bytes() - before)


def held_bytes() -> int:
    """The memory of its own that this process holds (Linux; elsewhere 0)."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[5]) * os.sysconf("SC_PAGESIZE")
    return 0


def limit_memory(most_bytes: int | None) -> None:
    """Make the system refuse a process more memory of its own than that, None for no limit (Linux; elsewhere it may not hold)."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (hard if most_bytes is None else most_bytes, hard))


def set_alarm(seconds: float) -> None:
    """End this process after so long: where the asking program was killed, nobody else ends a photo that hangs."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    main()
