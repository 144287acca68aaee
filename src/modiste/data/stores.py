"""From a catalogue's root and a photo's path to its bytes: the one place where photo files are opened."""

from __future__ import annotations

import stat
from pathlib import Path

from modiste.data.refusals import PhotoRefused


def find_photo(root: Path, path: str) -> Path:
    """The regular file at `path` ('/' between folders) under `root`, links followed; refused when it is not inside."""
    if Path(path).is_absolute() or ".." in Path(path).parts or "\0" in path:
        raise PhotoRefused(path, "outside_root")
    try:
        real = (root / path).resolve()
        if not real.is_relative_to(root.resolve()):
            raise PhotoRefused(path, "outside_root", f"a link to {real}")
        kind = real.stat().st_mode
    except FileNotFoundError as error:
        raise PhotoRefused(path, "missing", f"in {root}") from error
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead to each other
        raise PhotoRefused(path, "unreadable", str(error)) from error
    if not stat.S_ISREG(kind):
        raise PhotoRefused(path, "not_a_regular_file")
    return real


def read_photo(root: Path, path: str) -> bytes:
    """The bytes of a photo under a catalogue's root."""
    real = find_photo(root, path)
    try:
        return real.read_bytes()
    except OSError as error:
        raise PhotoRefused(path, "unreadable", str(error)) from error
