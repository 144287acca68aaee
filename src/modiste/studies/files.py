"""Studies of the user's own: a TOML or YAML file, checked key by key."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import combinations
from operator import attrgetter
from pathlib import Path
from typing import Any

import yaml

from modiste.evaluation.claims import Claim
from modiste.models.variants import VARIANTS
from modiste.records.errors import ModisteError, UsageError, unknown
from modiste.records.plain import all_keys, flat, from_plain
from modiste.records.recipe import PRESETS, Recipe
from modiste.studies.definitions import STUDIES, Study
from modiste.studies.settings import at_work, refuse_seed


@dataclass(frozen=True)
class Variant:
    """One row of the study: a network of Table 7, and what is changed in it."""

    name: str
    like: str = ""
    set: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StudyFile:
    """What a study file may hold."""

    question: str = ""
    name: str = ""
    preset: str = "paper"
    seeds: tuple[int, ...] = (0,)
    tables: tuple[str, ...] = ("summary",)


def find(name: str) -> Study:
    """A study modiste knows, or the one in a file of that name."""
    if name in STUDIES:
        return STUDIES[name]()
    path = Path(name)
    if path.suffix in (".toml", ".yaml", ".yml"):
        return read_study(path)
    raise UsageError(f"{unknown('study', name, STUDIES)}\nA study of your own is a file: modiste study my-study.toml")


def read_study(path: Path) -> Study:
    """The study in a TOML or YAML file; an unknown key or name is an error that offers the near one."""
    plain = parsed(path)
    try:
        with told_of(str(path)):
            return study_of(plain, path)
    except RecursionError:
        raise ModisteError(f"{path}: an alias (*) stands within what it stands for. Write that out.") from None


def study_of(plain: dict[str, Any], path: Path) -> Study:
    """The study that a file's settings state."""
    shared, rows = plain.pop("recipe", {}), plain.pop("variants", None)
    if not isinstance(rows, list) or not rows:
        raise ModisteError(f"{path}: 'variants' must list one variant or more: names of Table 7, or tables with name, like and set.")
    tables = plain.get("tables", ["summary"])
    if not isinstance(tables, list):
        raise UsageError(f"{path}: tables = {tables!r} is not a list, such as ['summary', '7'].")
    plain["tables"] = [str(table) for table in tables]
    claims = [claim_of(row, number, path) for number, row in enumerate(listed(plain.pop("claims", []), path), 1)]
    for key in plain:
        if key not in StudyFile.__dataclass_fields__:
            raise UsageError(f"{path}: {unknown('setting', str(key), [*StudyFile.__dataclass_fields__, 'recipe', 'variants', 'claims'])}")
    head = from_plain(StudyFile, plain, str(path))
    if head.preset not in PRESETS:
        raise UsageError(f"{path}: {unknown('preset', head.preset, PRESETS)}")
    if (head.name or path.stem) in STUDIES:
        raise ModisteError(
            f"{path}: '{head.name or path.stem}' is a study of modiste's own. Give this one another name, in the file: name = \"...\"."
        )
    recipe = PRESETS[head.preset]().changed(dotted(shared, f"{path}, recipe"), f"{path}, recipe")
    given = {*dotted(shared, f"{path}, recipe")}
    recipes: dict[str, Recipe] = {}
    for row in rows:
        variant = Variant(row) if isinstance(row, str) else variant_of(row, path)
        if variant.name in recipes:
            raise ModisteError(f"{path}: two variants are called '{variant.name}'.")
        recipes[variant.name] = recipe_of(variant, recipe, shared, path)
        given |= {*dotted(variant.set, str(path))}
    refuse_twice(recipes, path)
    for claim in claims:
        for name in claim.names:
            if name not in recipes:
                raise UsageError(f"{path}, claim '{claim.text}': {unknown('variant', name, recipes)}")
    question = head.question or f"The study in {path.name}."
    named = frozenset(key.removeprefix("recipe.") for key in given)
    return Study(head.name or path.stem, question, recipes, head.seeds, head.tables, claims=tuple(claims), given=named)


def refuse_twice(recipes: Mapping[str, Recipe], path: Path) -> None:
    """Refuse two names of one network: it would be judged beside itself, and every gain be excluded with certainty."""
    for one, other in combinations(recipes, 2):
        if at_work(recipes[one]) == at_work(recipes[other]):
            apart = [key for key in all_keys(Recipe) if attrgetter(key)(recipes[one]) != attrgetter(key)(recipes[other])]
            why = f"what they differ in, {', '.join(apart)}, is read by neither" if apart else "they do not differ in any setting"
            raise UsageError(f"{path}: the variants '{one}' and '{other}' are one network: {why}. Leave one of them away.")


def parsed(path: Path) -> dict[str, Any]:
    """A file's table of settings."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        plain = tomllib.loads(text) if path.suffix == ".toml" else yaml.load(text, OnceEach)  # noqa: S506  (a SafeLoader)
    except FileNotFoundError as error:
        raise ModisteError(f"{path}: no such study file.") from error
    except UnicodeDecodeError as error:
        raise ModisteError(f"{path}: not UTF-8 (byte {error.start + 1}). Save it as UTF-8.") from error
    except (yaml.YAMLError, ValueError) as error:  # TOML's are ValueErrors, as is YAML's 2026-13-01
        raise ModisteError(f"{path}: not {'TOML' if path.suffix == '.toml' else 'YAML'}: {error}") from error
    if not isinstance(plain, dict):
        raise ModisteError(f"{path}: a study is a table of settings, such as question, seeds, recipe and variants.")
    return plain


class OnceEach(yaml.SafeLoader):
    """YAML in which a key that stands twice in a table is refused, as in TOML: else the first would be read over without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := [key for place, key in enumerate(keys) if key in keys[:place]]:
            raise yaml.MarkedYAMLError(problem=f"'{twice[0]}' stands twice in one table", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def variant_of(row: Any, path: Path) -> Variant:
    if not isinstance(row, Mapping) or "name" not in row:
        raise ModisteError(f"{path}: a variant is a name, or a table with at least a name; this is {row!r}.")
    for key in row:
        if key not in Variant.__dataclass_fields__:
            raise UsageError(f"{path}, variant '{row['name']}': {unknown('key', str(key), Variant.__dataclass_fields__)}")
    if not isinstance(row["name"], str):  # YAML takes off, no and 3 for other things than texts
        raise UsageError(f"{path}: a variant's name = {row['name']!r} is not a text. Put it in quotes.")
    if not isinstance(row.get("set", {}), Mapping):
        raise UsageError(f"{path}, variant '{row['name']}': set = {row['set']!r} is not a table of settings.")
    return Variant(row["name"], str(row.get("like", "")), dict(row.get("set", {})))


def listed(rows: Any, path: Path) -> list[Any]:
    if not isinstance(rows, list):
        raise UsageError(f"{path}: 'claims' must list claims: tables with text, of, over ...; this is {rows!r}.")
    return rows


def claim_of(row: Any, number: int, path: Path) -> Claim:
    """A claim from its table: text, measure, and of and over, or pairs, or trend."""
    where = f"{path}, claim {number}"
    if not isinstance(row, Mapping):
        raise UsageError(f"{where}: a claim is a table with text, of, over ...; this is {row!r}.")
    with told_of(where):
        return from_plain(Claim, row, where)


def recipe_of(variant: Variant, recipe: Recipe, shared: Mapping[str, Any], path: Path) -> Recipe:
    """The shared recipe, the network the variant is like, the shared network settings again, then its own changes."""
    where = f"{path}, variant '{variant.name}'"
    like = variant.like or variant.name
    if like not in VARIANTS:
        if variant.like or not variant.set:
            own = "" if variant.like else " A name of your own takes like = one of these, or set = { ... }."
            raise UsageError(f"{where}: {unknown('variant', like, VARIANTS)}{own}")
        like = "AlexNet (baseline)"
    over = {key: value for key, value in dotted(shared, where).items() if key.startswith("network.")}
    with told_of(where):
        refuse_seed([*dotted(shared, where), *dotted(variant.set, where)])
        return replace(recipe, network=VARIANTS[like]).changed(over, where).changed(dotted(variant.set, where), where)


@contextmanager
def told_of(where: str) -> Iterator[None]:
    """A mistake that is found within is said with the place of the file where it stands."""
    try:
        yield
    except ModisteError as error:
        raise error if str(error).startswith(where) else type(error)(f"{where}: {error}") from None


def dotted(settings: Any, where: str) -> dict[str, Any]:
    """Nested tables as dotted keys; what is no table is refused.

    >>> dotted({"pixels": {"side": 112}, "lr": 0.001}, "")
    {'pixels.side': 112, 'lr': 0.001}
    """
    if not isinstance(settings, Mapping):
        raise UsageError(f"{where}: {settings!r} is not a table of settings.")
    return flat(settings)
