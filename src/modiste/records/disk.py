"""Writing so that a reader finds the old file or the new one, never half of one."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from modiste.records.errors import MachineError


def write_bytes(path: Path, data: bytes) -> Path:
    """Write beside `path`, flush to disk, rename over it: a crash leaves the old file or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise MachineError(f"{path} could not be written: {error.strerror}. What stood there before still stands.") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    sync_folder(path.parent)
    return path


def write_text(path: Path, text: str) -> Path:
    """`write_bytes` for text, in UTF-8 with line ends kept; a photo's name keeps bytes that are not UTF-8."""
    return write_bytes(path, text.encode("utf-8", "surrogateescape"))


def append_text(path: Path, text: str) -> Path:
    """`append_bytes` for lines, in UTF-8."""
    return append_bytes(path, text.encode("utf-8", "surrogateescape"))


def append_bytes(path: Path, data: bytes) -> Path:
    """Add to a file, flushed to disk before this returns; a crash may leave what is added cut, never what stood before it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise MachineError(f"{path} could not be written: {error.strerror}. What stood there before still stands.") from error
    sync_folder(path.parent)
    return path


def write_json(path: Path, value: Any) -> Path:
    """`write_bytes` for plain values, indented for people, keys in the order given."""
    return write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power loss, where the system can: not on Windows, nor on some shares."""
    if os.name != "posix":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder that may be written into, but not looked into
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def digest(path: Path) -> str:
    """SHA-256 of a file's content, as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
