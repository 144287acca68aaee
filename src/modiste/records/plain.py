"""Frozen dataclasses to and from plain JSON values, with errors that name the key and the near name."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
from collections.abc import Mapping
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from modiste.records.errors import UsageError, unknown

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """Dataclasses and tuples as dicts and lists, all the way down."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: type[T], plain: Mapping[str, Any], where: str) -> T:
    """A dataclass from a dict. Left-out keys take their defaults; `where` opens every error ('study.toml, recipe')."""
    hints = get_type_hints(kind)
    for key in plain:
        if key not in hints:
            raise UsageError(f"{where}: {unknown('setting', str(key), hints)}")
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name not in plain and field.default is field.default_factory is dataclasses.MISSING:
            raise UsageError(f"{where}: no {field.name} is given.")
    return kind(**{key: convert(hints[key], value, f"{where}: {key}") for key, value in plain.items()})


def changed(value: T, key: str, new: Any, where: str, inside: str = "") -> T:
    """The same dataclass with one setting changed; `key` may be dotted ('pixels.side'), `new` may be text ('112')."""
    first, _, rest = key.partition(".")
    hints = get_type_hints(type(value))
    if first not in hints:
        raise UsageError(f"{where}: {unknown('setting', inside + key, [inside + known for known in all_keys(type(value))])}")
    inner = getattr(value, first)
    if rest and not dataclasses.is_dataclass(inner):
        raise UsageError(f"{where}: '{inside}{first}' has no settings of its own, so '{inside}{key}' means nothing.")
    made = changed(inner, rest, new, where, f"{inside}{first}.") if rest else convert(hints[first], new, f"{where}: {inside}{key}")
    return dataclasses.replace(value, **{first: made})  # type: ignore[type-var]


def all_keys(kind: type) -> list[str]:
    """Every settable key, dotted: 'epochs', 'pixels.side', ..."""
    keys = []
    for name, hint in get_type_hints(kind).items():
        inner = all_keys(hint) if dataclasses.is_dataclass(hint) and isinstance(hint, type) else []
        keys += [f"{name}.{deeper}" for deeper in inner] or [name]
    return keys


def convert(hint: Any, value: Any, where: str) -> Any:
    """`value` as the type `hint` asks, from JSON, TOML or a command line; never a silent guess."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None or (isinstance(value, str) and value.lower() in ("none", "null")):
            return None
        return convert(next(arg for arg in args if arg is not type(None)), value, where)
    if origin is tuple:
        if isinstance(value, str):  # 'flip, crop', and 'none' for an empty list
            value = [] if value.strip().lower() == "none" else [item.strip() for item in value.split(",") if item.strip()]
        items = value
        if not isinstance(items, list | tuple):
            raise UsageError(f"{where} = {value!r} is not a list.")
        return tuple(convert(args[0], item, where) for item in items)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise UsageError(f"{where} = {value!r} is not a table of settings.")
        return from_plain(hint, value, where)
    return convert_one(hint, value, where)


def convert_one(hint: type, value: Any, where: str) -> Any:
    """A single number, text or yes/no."""
    if hint is bool:
        words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
        known = value if isinstance(value, bool) else words.get(str(value).lower())
        if known is None:
            raise UsageError(f"{where} = {value!r} is neither true nor false.")
        return known
    if hint is str and isinstance(value, str):
        return value
    if hint in (int, float) and isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = float(value) if hint is float else int(value)
        except (ValueError, OverflowError):
            number = None
        if number is not None and (isinstance(value, str) or number == value):
            return number
    wanted = {int: "a whole number", float: "a number", str: "a text"}.get(hint, hint.__name__)
    raise UsageError(f"{where} = {value!r} is not {wanted}.")


def flat(plain: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings within settings by their whole name.

    >>> flat({"lr": 0.1, "network": {"convs": 5}})
    {'lr': 0.1, 'network.convs': 5}
    """
    found: dict[str, Any] = {}
    for key, value in plain.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def fingerprint(plain: Any) -> str:
    """SHA-256 of plain values in one canonical spelling: equal values, equal digits."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()  # a path may hold bytes that are not UTF-8
