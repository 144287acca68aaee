"""What a worker makes of a photo that a network is to be asked about: the SHA-256 of its bytes, and its pixels or why there are none."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modiste.data.opening.images import to_pixels
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.stores import read_photo

DETAIL = 200  # bytes of what a decoder says of a photo


def opened(data: bytes, side: int, colour: str, fit: str, where: str, strict: bool = True) -> NDArray[np.void]:
    """One record (): `sha256`, `reason` ('' for a photo that was decoded), its `detail`, and `pixels` (S, S, C)."""
    made = np.zeros((), record(side, colour))
    made["sha256"] = np.frombuffer(hashlib.sha256(data).digest(), np.uint8)
    try:
        made["pixels"] = to_pixels(data, side, colour, fit, where, strict)
    except PhotoRefused as refused:
        made["reason"], made["detail"] = refused.reason.encode(), refused.detail.encode("utf-8", "replace")[:DETAIL]
    return made


def record(side: int, colour: str) -> np.dtype[Any]:
    channels = 3 if colour == "rgb" else 1
    return np.dtype([("sha256", "u1", (32,)), ("reason", "S24"), ("detail", f"S{DETAIL}"), ("pixels", "u1", (side, side, channels))])


def content_hash(root: Path, path: str) -> bytes | None:
    """The SHA-256 of a photo's bytes; None where there are none to be had."""
    try:
        return hashlib.sha256(read_photo(root, path)).digest()
    except PhotoRefused:
        return None


def nothing(data: bytes, where: str) -> NDArray[np.uint8]:  # noqa: ARG001  (what a job is given)
    """A job that only has a worker start and import what it will need."""
    return np.zeros(1, np.uint8)
