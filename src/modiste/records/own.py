"""What may be written over: an earlier result of the same command, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from modiste.records.errors import MachineError, ModisteError

BEGINNING = 2000  # bytes
MARK = '<meta name="generator" content="modiste">'  # stands in every page


def refuse_others(path: Path, is_own: Callable[[Path], bool], command: str, option: str = "--output") -> None:
    """Refuse a place where something stands that a command did not write; asked before anything is computed."""
    try:
        taken = path.exists() and not (path.is_file() and (path.stat().st_size == 0 or is_own(path)))
    except OSError as error:
        raise MachineError(f"{path} cannot be looked at: {error.strerror}. Give another {option}.") from error
    if taken:
        raise ModisteError(f"{path} is there already, and `{command}` did not write it. Move it away, or give another {option}.")


def is_page(path: Path, title: str) -> bool:
    """Whether a file is a page of modiste's whose title begins so."""
    return begins_with(path, MARK, f"<title>{title}")


def begins_with(path: Path, *marks: str) -> bool:
    """Whether all of some words stand at the beginning of a file."""
    with path.open("rb") as file:
        beginning = file.read(BEGINNING)
    return all(mark.encode() in beginning for mark in marks)
