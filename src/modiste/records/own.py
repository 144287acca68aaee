"""Where a result may go: not among what is only read, and over an earlier result of the same command alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from modiste.records.errors import MachineError, ModisteError

BEGINNING, BOM = 2000, b"\xef\xbb\xbf"  # bytes, and those that some programs set before a text
MARK = '<meta name="generator" content="modiste">'  # stands in every page


def refuse_others(path: Path, is_own: Callable[[Path], bool], command: str, option: str = "--output") -> None:
    """Refuse a place where something stands that a command did not write; asked before anything is computed."""
    try:
        taken = path.exists() and not (path.is_file() and (path.stat().st_size == 0 or is_own(path)))
    except OSError as error:
        raise MachineError(f"{path} cannot be looked at: {error.strerror}. Give another {option}.") from error
    if taken:
        raise ModisteError(f"{path} is there already, and `{command}` did not write it. Move it away, or give another {option}.")


def refuse_inside(path: Path, read: Path, option: str = "") -> None:
    """Refuse a place within a folder of photos or a run, which are only read."""
    if path.resolve().is_relative_to(read.resolve()):
        how = f" with {option}" if option else ""
        raise ModisteError(f"{path} stands inside {read}, which is never written to. Give another place{how}.")


def is_page(path: Path, title: str) -> bool:
    """Whether a file is a page of modiste's whose title begins so."""
    return says(path, MARK, f"<title>{title}")


def says(path: Path, *marks: str) -> bool:
    """Whether all of some words stand somewhere in the beginning of a file."""
    beginning = beginning_of(path)
    return all(mark.encode() in beginning for mark in marks)


def begins_with(path: Path, mark: str) -> bool:
    """Whether a file begins with these words: a table that somebody gave another column in front is theirs."""
    return beginning_of(path).removeprefix(BOM).startswith(mark.encode())


def beginning_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BEGINNING)
