"""Jobs that go wrong with photos whose first bytes say so; every other photo gives its length."""

from __future__ import annotations

import ctypes
import os
import sys
import time

import numpy as np

from modiste.data.opening.images import to_pixels
from modiste.data.opening.refusals import PhotoRefused
from modiste.records.errors import UsageError


def job(data: bytes, where: str, factor: int = 1) -> np.ndarray:
    """The photo's length times `factor`, after whatever its first word orders."""
    ORDERS.get(data.split(b" ")[0], nothing)()
    return np.array([len(data) * factor], np.int64)


def structured(data: bytes, where: str) -> np.ndarray:
    return np.array([(where, len(data), [1.5, 2.5])], [("path", "U20"), ("length", "i8"), ("pair", "f4", (2,))])


def pid(data: bytes, where: str) -> np.ndarray:
    return np.array(os.getpid())


def mistaken(data: bytes, where: str) -> np.ndarray:
    raise UsageError("no colour called 'gray'")


def bytes_of(data: bytes, where: str) -> np.ndarray:
    return np.frombuffer(data, np.uint8)


def nothing() -> None:
    pass


def refuse() -> None:
    raise PhotoRefused("here", "corrupt", "as ordered")


def grow() -> None:
    held = []
    while True:
        held.append(np.empty(1 << 24, np.uint8))  # asked for, not touched: in no time, however busy the machine


def chatter() -> None:
    print("chatter on standard output", flush=True)
    os.write(1, b"\0\0\0\2{}")
    os.write(2, b"chatter on standard error")


def lie() -> None:
    """What a taken-over decoder may write where answers are expected."""
    for handle in range(3, 20):
        try:
            os.write(handle, b"\xff" * 4000)
        except OSError:
            continue
    os._exit(0)


def explode(data: bytes, side: int, colour: str, fit: str, where: str, strict: bool) -> np.ndarray:
    """A decoder that raises what nobody foresaw at one file in some, and else opens as it should."""
    if len(data) % 50 == 0:
        raise ZeroDivisionError("nobody foresaw this")
    return to_pixels(data, side, colour, fit, where, strict)


def crash(data: bytes, side: int, colour: str, fit: str, where: str, strict: bool) -> np.ndarray:
    if len(data) % 50 == 0:
        ctypes.string_at(0)
    return to_pixels(data, side, colour, fit, where, strict)


def hang(data: bytes, side: int, colour: str, fit: str, where: str, strict: bool) -> np.ndarray:
    if len(data) % 50 == 0:
        time.sleep(1000)
    return to_pixels(data, side, colour, fit, where, strict)


ORDERS = {
    b"exit": lambda: os._exit(3),
    b"segfault": lambda: ctypes.string_at(0),
    b"sleep": lambda: time.sleep(1000),
    b"grow": grow,
    b"raise": lambda: {}["nothing"],
    b"refuse": refuse,
    b"print": chatter,
    b"lie": lie,
    b"leave": lambda: sys.exit(1),
}
