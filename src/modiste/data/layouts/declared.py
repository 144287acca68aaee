"""Which classes the codes of a data set mean: given, written in classes.txt, the paper's four, or said by the rows themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from modiste.data.opening.stores import Store
from modiste.records.disk import write_text
from modiste.records.errors import ModisteError
from modiste.records.labels import PAPER_CLASSES, Classes, folded

CLASSES_FILE = "classes.txt"
MOST_SHOWN = 60  # class names in an error
Pair = tuple[int | None, str]  # a row's code and its Attribute; None and '' where it has none


def read_classes(store: Store) -> Classes | None:
    """The classes in classes.txt, one name a line in the order of the codes; None without that file."""
    if not store.has(CLASSES_FILE):
        return None
    try:
        lines = store.read(CLASSES_FILE).decode("utf-8-sig").splitlines()
        return Classes(tuple(line.strip() for line in lines if line.strip()))
    except (ValueError, ModisteError) as error:
        raise ModisteError(f"{store.root / CLASSES_FILE}: {error} One class name a line, in UTF-8; the first has code 0.") from error


def write_classes(folder: Path, classes: Classes) -> Path:
    """Write classes.txt, so that the codes keep their meaning wherever the folder goes."""
    return write_text(folder / CLASSES_FILE, "".join(f"{name}\n" for name in classes.names))


def declared_by_rows(pairs: Sequence[Pair], where: object) -> Classes:
    """The classes that rows agree on: the paper's four, or the rows' own when code and Attribute go one to one from 0.

    Rows that mostly agree with the paper's four are read as such, so that the few others are listed as bad.
    """
    agreeing = sum(agrees_with_paper(pair) for pair in pairs)
    if agreeing == len(pairs):
        return PAPER_CLASSES
    largest = max((code for code, _ in pairs if code is not None), default=None)
    return (
        one_to_one(pairs)
        or (PAPER_CLASSES if agreeing > len(pairs) / 2 else None)
        or undeclared(where, likely_names(pairs), largest=largest)
    )


def agrees_with_paper(pair: Pair) -> bool:
    code, name = pair
    named = PAPER_CLASSES.find(name)
    return named is not None and code in (None, named)


def one_to_one(pairs: Iterable[Pair]) -> Classes | None:
    """The classes, when each code 0..K-1 has one Attribute and each Attribute one code, whatever the capitals."""
    spelled: dict[tuple[int | None, str], str] = {}
    for code, name in pairs:
        spelled.setdefault((code, folded(name)), name)
    codes = {code for code, _ in spelled}
    names = {name for _, name in spelled}
    if len(spelled) < 2 or not len(spelled) == len(codes) == len(names) or "" in names or codes != set(range(len(codes))):
        return None
    by_code = {code: name for (code, _), name in spelled.items()}
    return Classes(tuple(by_code[code] for code in range(len(by_code))))


def likely_names(pairs: Iterable[Pair]) -> list[str]:
    """What the person probably wants to declare: by code the commonest Attribute, else the Attributes in order."""
    seen = Counter(pairs)
    codes = [code for code, _ in seen if code is not None]
    if not codes:
        return sorted({name for _, name in seen})
    named: dict[int, str] = {}
    for (code, name), _ in seen.most_common():
        if code is not None and name and name not in named.values():
            named.setdefault(code, name)
    return [named.get(code, f"name of code {code}") for code in range(min(max(codes), MOST_SHOWN - 1) + 1)]


class Undeclared(ModisteError):
    """Codes, words or folders whose classes nobody declared: the names that were probably meant, and the largest code, if there are any."""

    def __init__(self, words: str, names: Sequence[str], largest: int | None) -> None:
        super().__init__(words)
        self.names, self.largest = tuple(names), largest

    @property
    def coded(self) -> bool:
        """Whether codes stand for the classes."""
        return self.largest is not None


def undeclared(where: object, names: Sequence[str], more: str = "", *, largest: int | None = None) -> NoReturn:
    """Raise the error that shows the declaration to give."""
    many = len(names) if largest is None else max(len(names), largest + 1)
    line = ",".join(names[:MOST_SHOWN]) + (f",... ({many} in all)" if many > MOST_SHOWN else "")
    raise Undeclared(
        f"{where}: its classes are not declared, and codes are never guessed.\n"
        f'Give them in the order of their codes, from 0:  --classes "{line}"\n'
        f"or write them into {CLASSES_FILE} beside it, one name a line (the first has code 0)." + (f"\n{more}." if more else ""),
        names,
        largest,
    )
