"""A lock on a file, which the system lets go of when its holder ends, however it ends."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from modiste.records.errors import Busy, MachineError
from modiste.records.progress import Progress, Tell, silent

POLL_SECONDS = 0.1
MOMENTS, MOMENT_SECONDS = 10, 0.02  # between taking a lock and saying who has it


@contextmanager
def locked(path: Path, what: str, *, wait: bool = False, tell: Tell = silent) -> Iterator[None]:
    """Hold the lock at `path` while the block runs; `what` is being worked on, in words, for whoever comes second.

    Where another process holds it: `Busy` says which, or, with `wait`, this returns once that one has ended.
    """
    while (held := taken(path)) is None:
        name = holder(path)
        if name is None:  # it has just ended
            continue
        if not wait:
            raise Busy(f"{what} is being worked on by {name}. Wait for it to end, or stop it.")
        tell(Progress("waiting", 0, 1, "turns", f"for {name}, which works on {what}"))
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows keeps an open file; an empty lock that nobody holds is no hindrance
            path.unlink()
        held.close()


def taken(path: Path) -> IO[bytes] | None:
    """The file that holds the lock while it is open, or None where another process has it."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("ab+", buffering=0)
        except OSError as error:
            raise MachineError(f"{path} could not be opened: {error.strerror}.") from error
        try:
            ours = claim(file)
        except OSError as error:  # a share without locks
            file.close()
            raise MachineError(f"{path} could not be locked: {error.strerror}. A file on a local disk can be.") from error
        if not ours:
            file.close()
            return None
        if still_there(file, path):
            break
        file.close()
    with suppress(OSError):  # on a full disk, the lock holds without words
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}".encode())
    return file


def still_there(file: IO[bytes], path: Path) -> bool:
    """Whether this file is the one that others will find: its last holder took it away when done."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def holder(path: Path) -> str | None:
    """Who holds the lock, as it said itself, for which it is given a moment; None where nobody holds it any more."""
    for _ in range(MOMENTS):
        time.sleep(MOMENT_SECONDS)
        try:
            if said := path.read_text(encoding="utf-8"):
                return said
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            break
    return "another process"


if os.name == "posix":
    import fcntl

    def claim(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

else:
    import msvcrt

    def claim(file: IO[bytes]) -> bool:
        file.seek(1 << 20)  # a byte far behind the words, which others may then read
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
