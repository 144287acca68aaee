"""A bundle: a network in one ONNX file, with its classes, pixels, calibration and card sealed inside. Reading it never runs code.

Its graph takes `pixels` uint8 (N, S, S, C), as `data.opening.images.to_pixels` gives them, and normalises them itself. It gives

- `probabilities` float32 (N, K), calibrated: the softmax of scores divided by the temperature;
- `scores` float32 (N, K), as the head gives them;
- `features` float32 (N, F), what the head is given: for search, and to learn from;
- `strangeness` float32 (N,), where the bundle can tell: the higher, the less a photo is like those it learnt from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modiste.records.disk import write_bytes
from modiste.records.errors import Damaged, ModisteError
from modiste.records.labels import Classes
from modiste.records.plain import from_plain, to_plain
from modiste.records.recipe import Pixels
from modiste.records.seal import UNSEALED, check_seal, sealed

KEY = "modiste"
AGAIN = "Copy it again from where it was made, or export it again with `modiste export`."
METADATA = 0x72  # field 14 of ONNX's ModelProto, a message: metadata_props


@dataclass(frozen=True)
class Evidence:
    """What photos that the network did not learn from got: thresholds are taken from here. M photos."""

    called: tuple[int, ...]  # code of the class called
    right: tuple[bool, ...]
    confidence: tuple[float, ...]  # calibrated probability of the class called, in [0, 1]
    strangeness: tuple[float, ...] = ()  # empty where the bundle cannot tell

    def __post_init__(self) -> None:
        lengths = {len(self.called), len(self.right), len(self.confidence), len(self.strangeness) or len(self.called)}
        if len(lengths) > 1:
            raise ModisteError(f"a bundle's evidence must have one value a photo everywhere; it has {sorted(lengths)}.")


@dataclass(frozen=True)
class Card:
    """What belongs to a network beside its graph. `facts` are plain values: recipe, data hash, seed, versions, figures, licence."""

    name: str
    classes: Classes
    pixels: Pixels
    temperature: float = 1.0  # already inside `probabilities`
    evidence: Evidence | None = None
    reject_above: float | None = None  # a stranger photo is no fashion product; None: cannot be told
    facts: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""  # the model card, in markdown

    def plain(self) -> dict[str, Any]:
        """The card as plain values, for JSON."""
        evidence = None if self.evidence is None else to_plain(self.evidence)
        return {
            "name": self.name,
            "classes": list(self.classes.names),
            "pixels": to_plain(self.pixels),
            "temperature": self.temperature,
            "evidence": evidence,
            "reject_above": self.reject_above,
            "facts": dict(self.facts),
            "text": self.text,
        }

    @classmethod
    def parse(cls, plain: Mapping[str, Any], where: str) -> Card:
        """The card that `plain` gave; an error opens with `where`."""
        try:
            evidence = plain["evidence"]
            return cls(
                plain["name"],
                Classes(tuple(plain["classes"])),
                from_plain(Pixels, plain["pixels"], where),
                float(plain["temperature"]),
                None if evidence is None else Evidence(**{key: tuple(values) for key, values in evidence.items()}),
                plain["reject_above"],
                plain["facts"],
                plain["text"],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModisteError(f"{where}: another version wrote this bundle ({error!r}). {AGAIN}") from error


@dataclass(frozen=True, eq=False)
class Bundle:
    """A bundle in memory: the whole file, its card, and the name that stands in every result."""

    data: bytes
    card: Card
    id: str  # the card's name and 12 digits of the file's SHA-256


def write_bundle(path: Path, graph: bytes, card: Card) -> Bundle:
    """A graph and its card in one file, sealed and renamed into place; the same values give the same bytes."""
    text = json.dumps({"seal": UNSEALED, "format": 1, **card.plain()}, ensure_ascii=True, allow_nan=False)
    entry = field_of(0x0A, KEY.encode()) + field_of(0x12, text.encode())
    data = sealed(field_of(METADATA, entry) + graph)  # protobuf takes fields in any order: the seal stands at the beginning
    write_bytes(path, data)
    return Bundle(data, card, name_of(card, data))


def read_bundle(path: Path) -> Bundle:
    """The bundle that was written; a file with one changed bit is refused."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModisteError(f"{path} cannot be read: {error.strerror}.") from error
    text = card_in(data)
    if text is None:
        raise ModisteError(f"{path} is not a bundle of modiste: it has no card. `modiste export` makes one of a run.")
    check_seal(path, data, AGAIN)
    try:
        plain = json.loads(text)
    except ValueError as error:
        raise Damaged(f"{path} is damaged ({error}). {AGAIN}") from error
    card = Card.parse(plain, str(path))
    return Bundle(data, card, name_of(card, data))


def card_in(data: bytes) -> bytes | None:
    """The JSON text of the card that a file opens with; None where it opens with something else."""
    if not data or data[0] != METADATA:
        return None
    entry = taken(data, 1)
    if entry is None or not entry[0].startswith(field_of(0x0A, KEY.encode())):
        return None
    value = taken(entry[0], len(field_of(0x0A, KEY.encode())) + 1)
    return None if value is None else value[0]


def graph_of(data: bytes) -> bytes:
    """The graph alone, without the card before it."""
    entry = taken(data, 1) if data[:1] == bytes([METADATA]) else None
    return data if entry is None else data[entry[1] :]


def name_of(card: Card, data: bytes) -> str:
    return f"{card.name}-{hashlib.sha256(data).hexdigest()[:12]}"


def field_of(tag: int, value: bytes) -> bytes:
    """A protobuf field of bytes: tag, length in sevens of bits, value.

    >>> list(field_of(0x0A, b"ab"))
    [10, 2, 97, 98]
    """
    length, size = len(value), bytearray()
    while length > 0x7F:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([tag, *size, length]) + value


def taken(data: bytes, at: int) -> tuple[bytes, int] | None:
    """The value of a field of bytes whose length stands at `at`, and where the next field begins; None where it is cut."""
    length = 0
    for place in range(10):
        if at + place >= len(data):
            return None
        byte = data[at + place]
        length |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            start = at + place + 1
            return (data[start : start + length], start + length) if start + length <= len(data) else None
    return None
