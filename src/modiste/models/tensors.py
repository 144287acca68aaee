"""Named tensors on disk: safetensors, sealed with their own SHA-256. Reading them never runs code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from modiste.records.disk import write_bytes
from modiste.records.errors import Damaged
from modiste.records.seal import UNSEALED, check_seal, sealed


def write_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any] | None = None) -> Path:
    """Tensors and plain facts in one file, flushed, sealed, and renamed into place; the same values give the same bytes."""
    flat = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    about = json.dumps({"seal": UNSEALED, **(facts or {})})  # one entry, for safetensors keeps no order among several
    return write_bytes(path, sealed(save(flat, metadata={"modiste": about})))


def read_tensors(path: Path, remedy: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and facts that were written; a file with one changed bit is refused, and `remedy` says what to do."""
    data = path.read_bytes()
    check_seal(path, data, remedy)
    try:
        return load(data), {key: value for key, value in facts_of(data).items() if key != "seal"}
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{path} is damaged ({error}). {remedy}") from error


def facts_of(data: bytes) -> dict[str, Any]:
    """What was written beside the tensors: safetensors opens with the length of its JSON header."""
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    facts: dict[str, Any] = json.loads(header["__metadata__"]["modiste"])
    return facts
