"""The classes of a task and their codes: declared once, stored with everything, never guessed from folder order."""

from __future__ import annotations

from dataclasses import dataclass

from modiste.records.errors import ModisteError, unknown


@dataclass(frozen=True)
class Classes:
    """K class names; a class's code is its place, 0..K-1.

    >>> Classes(("Hats", "Gloves")).code("Gloves")
    1
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        folded = [name.strip().casefold() for name in self.names]
        if len(self.names) < 2:
            raise ModisteError(f"a task needs two classes or more; declared: {', '.join(self.names) or 'none'}.")
        if "" in folded or len(set(folded)) < len(folded):
            raise ModisteError(f"class names must differ and must not be empty; declared: {', '.join(self.names)}.")

    @classmethod
    def parse(cls, text: str) -> Classes:
        """Classes from a line such as 'Shoes,Clothing,Accessories,Bags', in the order of their codes."""
        return cls(tuple(name.strip() for name in text.split(",")))

    def __len__(self) -> int:
        return len(self.names)

    def __str__(self) -> str:
        return ", ".join(f"{code} {name}" for code, name in enumerate(self.names))

    def code(self, name: str) -> int:
        """The code of a class name, whatever its capitals; a `UsageError` with the near name otherwise."""
        folded = name.strip().casefold()
        for code, known in enumerate(self.names):
            if known.casefold() == folded:
                return code
        raise unknown("class", name, self.names)


PAPER_CLASSES = Classes(("Shoes", "Clothing", "Accessories", "Bags"))  # Fig. 6: codes 0, 1, 2, 3
