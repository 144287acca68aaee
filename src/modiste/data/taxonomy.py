"""The file a taxonomy is written in: classes, groups below them, product types below those; every mistake named with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modiste.data.suggest import LEVELS, Taxonomy, keys
from modiste.records.disk import write_bytes
from modiste.records.errors import ModisteError, unknown
from modiste.records.labels import Classes

PACKAGED = Path(__file__).with_name("taxonomy.toml")
KEYS = ("name", "classes", "others", "parents", "types", "prefixes")


@dataclass(frozen=True)
class Tree:
    """A taxonomy at all its levels: what stands above each group, and each type's spellings with what it stands under."""

    name: str
    classes: tuple[str, ...]
    others: tuple[str, ...]
    parents: Mapping[str, str]  # group -> class or group
    types: tuple[
        tuple[tuple[str, ...], str], ...
    ]  # (spellings, its name first; what it stands under: if that is its name, other spellings of it)
    prefixes: Mapping[str, str]  # beginning of an id -> class, group or type

    def at(self, level: str) -> Taxonomy:
        """The classes of one level, and which of them each word belongs to.

        A word that is too general for a level ('Clothing' among groups) is not known there.
        """
        if level not in LEVELS:
            raise unknown("level of a taxonomy", level, LEVELS)
        words = {name: name for name in self.classes} | dict.fromkeys(self.parents, "")
        words = {name: self.lifted(name, level) or "" for name in words}
        for spellings, parent in self.types:
            name = spellings[0] if level == "type" and spellings[0] != parent else self.lifted(parent, level)
            words |= dict.fromkeys(spellings, name or "")
        known = {word: name for word, name in words.items() if name}
        prefixes = {prefix: known[word] for prefix, word in self.prefixes.items() if word in known}
        names = tuple(dict.fromkeys(known.values()))
        ordered = self.classes if level == "class" else names
        return Taxonomy(self.name, Classes(ordered), known | dict.fromkeys(self.others, ""), prefixes, level)

    def lifted(self, node: str, level: str) -> str | None:
        """The class or the outermost group that a class or group belongs to; None for a class where groups are asked for."""
        path = [node]
        while path[-1] in self.parents:
            path.append(self.parents[path[-1]])
        if level == "class":
            return path[-1]
        return path[-2] if level == "group" and len(path) > 1 else None

    def lines(self) -> Iterator[str]:
        """The tree as an indented list, a type's other spellings behind it."""
        for name in self.classes:
            yield from self.branch(name, "")

    def branch(self, node: str, indent: str) -> Iterator[str]:
        yield f"{indent}{node}"
        for spellings, parent in self.types:
            if parent == node != spellings[0]:
                yield f"{indent}  {spellings[0]}" + (f" ({', '.join(spellings[1:])})" if spellings[1:] else "")
        for group, parent in self.parents.items():
            if parent == node:
                yield from self.branch(group, indent + "  ")


def read_taxonomy(path: Path | str | None, level: str = "class") -> Taxonomy:
    """The taxonomy in a TOML file, or the packaged one, at a level; an error names the line and the near name."""
    return read_tree(path).at(level)


def read_tree(path: Path | str | None) -> Tree:
    """The taxonomy in a TOML file, or the packaged one."""
    file = Path(path) if path is not None else PACKAGED
    try:
        text = file.read_bytes().decode("utf-8-sig")
        plain = tomllib.loads(text)
    except OSError as error:
        raise ModisteError(f"{file}: {error.strerror}. `modiste data taxonomy --copy-to mine.toml` gives one to change.") from error
    except ValueError as error:  # not UTF-8, or not TOML: the message says at which line
        raise ModisteError(f"{file}: {error}") from error
    return checked(plain, text, str(file))


def copy_taxonomy(path: Path | str | None, to: Path) -> Path:
    """Write a copy of a taxonomy's file, or of the packaged one, under a name that is free."""
    read_tree(path)
    if to.exists():
        raise ModisteError(f"{to} is there already, and nothing is written over. Give another name.")
    return write_bytes(to, (Path(path) if path is not None else PACKAGED).read_bytes())


def checked(plain: Mapping[str, Any], text: str, file: str) -> Tree:
    """The tree in a TOML table; `text` is searched for the lines that errors name."""
    for key in plain:
        if key not in KEYS:
            raise ModisteError(f"{file}{key_line(text, key)}: {unknown('key', key, KEYS)}")
    tables = [plain.get(key, {}) for key in ("parents", "types", "prefixes")]
    if not isinstance(plain.get("name", ""), str) or not all(isinstance(table, Mapping) for table in tables):
        raise ModisteError(
            f'{file}: name must be a text, and parents, types and prefixes tables: [types], then lines such as Shoes = ["Boot", "Sandal"].'
        )
    names = Classes(words(plain.get("classes"), f"{file}{line(text, 'classes')}: classes")).names
    parents = checked_parents(tables[0], names, text, file)
    types = checked_types(tables[1], (*names, *parents), text, file)
    known = (*names, *parents, *(spelling for spellings, _ in types for spelling in spellings))
    for prefix, word in tables[2].items():
        if word not in known:
            raise ModisteError(f"{file}{key_line(text, prefix)}: prefix '{prefix}': {unknown('class, group or type', str(word), known)}")
    others = words(plain.get("others", []), f"{file}{line(text, 'others')}: others")
    refuse_twins([*((name, name) for name in (*names, *parents)), *spelled(types), *((word, "others") for word in others)], text, file)
    return Tree(plain.get("name", Path(file).stem), names, others, parents, types, tables[2])


def checked_parents(plain: Mapping[str, Any], names: Sequence[str], text: str, file: str) -> dict[str, str]:
    """The group's parents: each a class or a group, and no group above itself."""
    known = (*names, *plain)
    for group, parent in plain.items():
        if parent not in known:
            raise ModisteError(f"{file}{key_line(text, group)}: {unknown('class or group', str(parent), known)}")
        if group in names:
            raise ModisteError(f"{file}{key_line(text, group)}: '{group}' is a class and cannot stand under {parent}.")
        above, steps = parent, 0
        while above in plain and steps <= len(plain):
            above, steps = plain[above], steps + 1
        if above not in names:
            raise ModisteError(f"{file}{key_line(text, group)}: '{group}' leads to no class: the groups above it go in a circle.")
    return dict(plain)


def checked_types(plain: Mapping[str, Any], known: Sequence[str], text: str, file: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    """Each type's spellings and the class or group it stands under."""
    found = []
    for node, listed in plain.items():
        if node not in known:
            raise ModisteError(f"{file}{key_line(text, node)}: {unknown('class or group', node, known)}")
        if not isinstance(listed, list):
            words(listed, f"{file}{line(text, node)}: types.{node}")
        for entry in listed:
            spellings = words(entry if isinstance(entry, list) else [entry], f"{file}{line(text, node)}: types.{node}")
            if spellings:
                found.append((spellings, node))
    return tuple(found)


def spelled(types: Sequence[tuple[tuple[str, ...], str]]) -> Iterator[tuple[str, str]]:
    for spellings, node in types:
        for spelling in spellings:
            yield spelling, node if spellings[0] == node else f"{node}: {spellings[0]}"


def refuse_twins(listed: Sequence[tuple[str, str]], text: str, file: str) -> None:
    """An error for a word without letters, or for one that stands in two places."""
    places: dict[str, str] = {}
    for word, place in listed:
        key = keys(word)[0]
        if not key:
            raise ModisteError(f"{file}{line(text, word)}: {word!r} has neither letter nor digit; a type is a word.")
        if places.setdefault(key, place) != place:
            here, there = (where.partition(":")[0] for where in (places[key], place))
            raise ModisteError(f"{file}{line(text, word)}: '{word}' stands under {here} and under {there}. Keep one of them.")


def words(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise ModisteError(f'{where} must be a list of words, such as ["Boot", "Sandal"]; it is {value!r}.')
    return tuple(value)


def line(text: str, word: str) -> str:
    """', line N' for the last line that holds the word whole, to point at; '' when none does."""
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
    found = [number for number, content in enumerate(text.splitlines(), 1) if pattern.search(content.partition("#")[0])]
    return f", line {found[-1]}" if found else ""


def key_line(text: str, key: str) -> str:
    """', line N' for the first line that sets a key, or opens a table of that name; else the last that holds it."""
    pattern = re.compile(rf"""\s*(?:\[\s*)?["']?{re.escape(key)}["']?\s*[=\]]""")
    found = [number for number, content in enumerate(text.splitlines(), 1) if pattern.match(content)]
    return f", line {found[0]}" if found else line(text, key)
