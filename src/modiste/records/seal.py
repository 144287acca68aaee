"""A seal: a file's own SHA-256 inside it, so that one changed bit is noticed, wherever the file was moved to."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modiste.records.disk import write_bytes
from modiste.records.errors import Damaged, ModisteError

UNSEALED = "0" * 64  # what stands in the seal's place while the seal is computed
SEAL = re.compile(rb'seal\\?": ?\\?"([0-9a-f]{64})\\?"')  # in JSON, or in JSON within JSON
WITHIN = 1 << 20  # bytes from the beginning in which the seal stands


def sealed(data: bytes) -> bytes:
    """The same bytes, with their SHA-256 in the place of the zeros of `"seal": "000..."`."""
    place = SEAL.search(data, 0, WITHIN)
    if place is None or place[1] != UNSEALED.encode():
        raise ValueError("these bytes have no place for a seal")
    return data[: place.start(1)] + hashlib.sha256(data).hexdigest().encode() + data[place.end(1) :]


def has_seal(data: bytes) -> bool:
    return SEAL.search(data, 0, WITHIN) is not None


def unbroken(data: bytes) -> bool:
    """Whether the bytes are those that were sealed.

    >>> whole = sealed(b'{"seal": "%s", "lr": 1}' % UNSEALED.encode())
    >>> unbroken(whole), unbroken(whole.replace(b"1}", b"2}"))
    (True, False)
    """
    place = SEAL.search(data, 0, WITHIN)
    if place is None:
        return False
    view = memoryview(data)
    mixed = hashlib.sha256(view[: place.start(1)])
    mixed.update(UNSEALED.encode())
    mixed.update(view[place.end(1) :])
    return mixed.hexdigest().encode() == place[1]


def write_sealed(path: Path, value: Mapping[str, Any]) -> Path:
    """`write_json` with a seal as the first key."""
    text = json.dumps({"seal": UNSEALED, **value}, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return write_bytes(path, sealed(text.encode("utf-8", "surrogateescape")))


def read_sealed(path: Path, remedy: str) -> dict[str, Any]:
    """The values that were sealed; a changed file is refused, and `remedy` says what to do."""
    data = path.read_bytes()
    check_seal(path, data, remedy)
    try:
        value = json.loads(data.decode("utf-8", "surrogateescape"))
    except ValueError as error:
        raise Damaged(f"{path} is damaged ({error}). {remedy}") from error
    if not isinstance(value, dict):
        raise Damaged(f"{path} is damaged: it holds no table of settings. {remedy}")
    return {key: inner for key, inner in value.items() if key != "seal"}


def check_seal(path: Path, data: bytes, remedy: str) -> None:
    """Refuse bytes that were changed since they were sealed, or never were."""
    if unbroken(data):
        return
    if has_seal(data):
        raise Damaged(f"{path} is damaged: its SHA-256 is not the one it was sealed with. {remedy}")
    raise ModisteError(f"{path} has no seal: it is damaged, or modiste did not write it. {remedy}")
