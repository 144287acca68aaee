"""Mistakes a person can mend, each with an exit code, and the words that help to mend them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class ModisteError(Exception):
    """A mistake the user can mend: shown as its message alone, never with a traceback."""

    exit_code = 4  # the input was refused

    def __reduce__(self) -> tuple[Any, ...]:
        """So that it reaches another process whole, whatever its constructor takes."""
        return revived, (type(self), self.args, self.__dict__)


def revived(kind: type[ModisteError], args: tuple[Any, ...], facts: Mapping[str, Any]) -> ModisteError:
    """An error as it was in the process that sent it."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(facts)
    return error


class UsageError(ModisteError):
    """The command or the function was asked for something that does not exist."""

    exit_code = 2


class Damaged(ModisteError):
    """A file of ours is not what was written: a bit changed, or its end is missing."""


class Stopped(ModisteError):
    """Work was stopped on request, after the step it was at; what is done is kept and the same command goes on."""

    def __init__(self, words: str, exit_code: int) -> None:
        super().__init__(words)
        self.exit_code = exit_code  # as a shell gives it: 130 for Ctrl-C, 143 for SIGTERM; 0 when the time given was used up


class MachineError(ModisteError):
    """The machine lacks something: a package, a file, the network, disk."""

    exit_code = 5


class Busy(MachineError):
    """Another process is at work on the same thing; nothing was touched."""


class TrainingDiverged(ModisteError):
    """The loss is no longer a number; the last good state was kept."""

    exit_code = 6


@dataclass(frozen=True)
class BadRow:
    """One refused row: where it stands (1 is the line under the header), what it says, what is wrong and what would do."""

    row: int
    value: str
    problem: str


class BadRows(ModisteError):
    """A file of labels was refused; `rows` has every bad row, the message shows the first of them."""

    shown = 20

    def __init__(self, file: object, rows: Sequence[BadRow]) -> None:
        self.file, self.rows = str(file), tuple(rows)
        lines = [f"{self.file}, row {bad.row}: {bad.value!r} {bad.problem}" for bad in self.rows[: self.shown]]
        if len(self.rows) > self.shown:
            lines.append(f"... and {len(self.rows) - self.shown} more rows like these (all of them with --json)")
        lines.append(f"{len(self.rows)} bad {'row' if len(self.rows) == 1 else 'rows'} in {self.file}: nothing was read.")
        super().__init__("\n".join(lines))


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant, or None.

    >>> nearest("cbm", ["cbam", "none"])
    'cbam'
    """
    by_folded = {known.casefold(): known for known in names}
    found = difflib.get_close_matches(name.casefold(), list(by_folded), n=1, cutoff=0.5)
    return by_folded[found[0]] if found else None


def unknown(kind: str, name: str, names: Iterable[str]) -> UsageError:
    """The error for a name that is not in a list.

    >>> print(unknown("attention", "cbm", ["none", "cbam"]))
    no attention called 'cbm'. There are: cbam, none. Did you mean 'cbam'?
    """
    known = sorted(names)
    meant = nearest(name, known)
    hint = f" Did you mean '{meant}'?" if meant else ""
    return UsageError(f"no {kind} called '{name}'. There are: {', '.join(known)}.{hint}")


def missing_extra(package: str, extra: str, purpose: str) -> MachineError:
    """The error for a package that an optional part needs, with the line that installs it.

    >>> print(missing_extra("torch", "train", "training"))
    training needs the package 'torch'. Install it with: pip install "modiste[train]"
    """
    return MachineError(f"{purpose} needs the package '{package}'. Install it with: pip install \"modiste[{extra}]\"")
