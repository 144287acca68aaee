"""The classes of a task and their codes: declared once, stored with everything, never guessed from folder order."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from modiste.records.errors import ModisteError, unknown


@dataclass(frozen=True)
class Classes:
    """K class names; a class's code is its place, 0..K-1.

    >>> Classes(("Hats", "Gloves")).code("Gloves")
    1
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.names) < 2:
            raise ModisteError(f"a task needs two classes or more; declared: {', '.join(self.names) or 'none'}.")
        if "" in self.by_name or len(self.by_name) < len(self.names):
            raise ModisteError(f"class names must differ and must not be empty; declared: {', '.join(self.names)}.")

    @classmethod
    def parse(cls, text: str) -> Classes:
        """Classes from a line such as 'Shoes,Clothing,Accessories,Bags', in the order of their codes."""
        return cls(tuple(name.strip() for name in text.split(",")))

    @classmethod
    def of(cls, said: Classes | Sequence[str] | str) -> Classes:
        """Classes however a caller names them: as they are, as names, or as a line.

        >>> Classes.of(["Hats", "Gloves"]) == Classes.of("Hats, Gloves")
        True
        """
        if isinstance(said, str):
            return cls.parse(said)
        return said if isinstance(said, Classes) else cls(tuple(said))

    def __len__(self) -> int:
        return len(self.names)

    def __str__(self) -> str:
        return ", ".join(f"{code} {name}" for code, name in enumerate(self.names))

    @cached_property
    def by_name(self) -> dict[str, int]:
        """The code of each name as `folded` spells it."""
        return {folded(name): code for code, name in enumerate(self.names)}

    def find(self, name: str) -> int | None:
        """The code of a class name, however it is spelled; None where there is no such class."""
        return self.by_name.get(folded(name))

    def code(self, name: str) -> int:
        """The code of a class name, however it is spelled; a `UsageError` with the near name otherwise."""
        code = self.find(name)
        if code is None:
            raise unknown("class", name, self.names)
        return code


def folded(name: str) -> str:
    r"""A name as names are compared: whatever its capitals, spaces around it, and whether its accents stand apart, as macOS has them.

    >>> folded(" Gu\u0308rtel") == folded("G\u00dcRTEL")
    True
    """
    return unicodedata.normalize("NFC", name.strip().casefold())


PAPER_CLASSES = Classes(("Shoes", "Clothing", "Accessories", "Bags"))  # Fig. 6: codes 0, 1, 2, 3
