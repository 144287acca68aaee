"""A taxonomy: which class a product type belongs to, read from an editable file, given as a suggestion."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from modiste.records.catalogue import Suggestion
from modiste.records.errors import ModisteError, unknown
from modiste.records.labels import Classes

PACKAGED = Path(__file__).with_name("taxonomy.toml")


@dataclass(frozen=True)
class Taxonomy:
    """Product types as they are written, and the class of each."""

    name: str
    classes: Classes
    types: Mapping[str, str]

    def suggest(self, word: str) -> str | None:
        """The class of a product type, whatever its capitals, hyphens and plural; None for a word that is not there.

        >>> read_taxonomy(None).suggest("SNEAKERS")
        'Shoes'
        """
        return next((self.by_key[key] for key in keys(word) if key in self.by_key), None)

    def suggestion(self, word: str, classes: Classes | None = None) -> Suggestion | None:
        """A label nobody has confirmed, in the codes of `classes`, that says where it comes from.

        >>> read_taxonomy(None).suggestion("Pants")
        Suggestion(label=1, by='taxonomy fashion: Pants')
        """
        classes = classes or self.classes
        name = self.suggest(word)
        if name is None or name not in classes.names:
            return None
        return Suggestion(classes.code(name), f"taxonomy {self.name}: {word}")

    @cached_property
    def by_key(self) -> dict[str, str]:
        """Each type's key, then its key without a plural s where that is still free."""
        known = [(name, name) for name in self.classes.names] + list(self.types.items())
        shorter = {key: name for word, name in known for key in keys(word)[1:]}
        return shorter | {keys(word)[0]: name for word, name in known}


def keys(word: str) -> list[str]:
    """The spellings under which a word is looked up, the closest first.

    >>> keys("T-Shirts")
    ['tshirts', 'tshirt']
    """
    key = "".join(letter for letter in word.casefold() if letter.isalnum())
    return [key, *(key[: -len(end)] for end in ("s", "es") if key.endswith(end) and len(key) > len(end) + 1)]


def read_taxonomy(path: Path | str | None) -> Taxonomy:
    """The taxonomy in a TOML file, or the packaged one; an error names the line and the near name."""
    file = Path(path) if path is not None else PACKAGED
    try:
        text = file.read_bytes().decode("utf-8-sig")
        plain = tomllib.loads(text)
    except OSError as error:
        raise ModisteError(f"{file}: {error.strerror}. Copy the packaged taxonomy from {PACKAGED} and change it.") from error
    except ValueError as error:  # not UTF-8, or not TOML: the message says at which line
        raise ModisteError(f"{file}: {error}") from error
    return checked(plain, text, str(file))


def checked(plain: Mapping[str, Any], text: str, file: str) -> Taxonomy:
    """The taxonomy in a TOML table; `text` is searched for the lines that errors name."""
    known = ("name", "classes", "types")
    for key in plain:
        if key not in known:
            raise ModisteError(f"{file}{line(text, key)}: {unknown('key', key, known)}")
    name, types = plain.get("name", Path(file).stem), plain.get("types", {})
    if not isinstance(name, str) or not isinstance(types, Mapping):
        raise ModisteError(f'{file}: name must be a text and types a table: [types], then lines such as Shoes = ["Boot", "Sandal"].')
    names = words(plain.get("classes"), f"{file}{line(text, 'classes')}: classes")
    return Taxonomy(name, Classes(names), class_of_type(types, Classes(names), text, file))


def class_of_type(types: Mapping[str, Any], classes: Classes, text: str, file: str) -> dict[str, str]:
    """The class of each type; a type under two classes, or under an unknown class, is an error."""
    found: dict[str, str] = {}
    by_key = {keys(name)[0]: name for name in classes.names}
    for name, listed in types.items():
        if name not in classes.names:
            raise ModisteError(f"{file}{line(text, name)}: {unknown('class', name, classes.names)}")
        for word in words(listed, f"{file}{line(text, name)}: types.{name}"):
            key = keys(word)[0]
            if not key:
                raise ModisteError(f"{file}{line(text, word)}: {word!r} has neither letter nor digit; a type is a word.")
            if by_key.setdefault(key, name) != name:
                raise ModisteError(f"{file}{line(text, word)}: '{word}' stands under {by_key[key]} and under {name}. Keep one of them.")
            found[word] = name
    return found


def words(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise ModisteError(f'{where} must be a list of words, such as ["Boot", "Sandal"]; it is {value!r}.')
    return tuple(value)


def line(text: str, word: str) -> str:
    """', line N' for the last line that holds the word whole, to point at; '' when none does."""
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
    found = [number for number, content in enumerate(text.splitlines(), 1) if pattern.search(content.partition("#")[0])]
    return f", line {found[-1]}" if found else ""
