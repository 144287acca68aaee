"""Odd files by where they stand: names, links, pipes, devices, folders, sizes and rights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from painted import CORNERS, Odd, quarters, saved

NAMES = {
    "line end": b"new\nline.jpg",
    "quotes": b"'quoted\".jpg",
    "formula": b"=cmd|' /C calc'!A0.jpg",
    "not UTF-8": b"caf\xe9-\xff\xfe.jpg",
    "right to left": "gnp.\u202egpj.jpg".encode(),
    "emoji": "\U0001f457\U0001f45f.jpg".encode(),
    "long": b"l" * 250 + b".jpg",
    "markup": b"<script>alert(1)<!--script>.jpg",
    "shell": b"$(touch x);`id`&&.jpg",
    "spaces": b"  two  spaces .jpg ",
    "dash": b"-rf.jpg",
    "percent": b"%s%n%00.jpg",
    "braces": b"{0.__class__}.jpg",
    "backslash": b"a\\b.jpg",
    "colon": b"c:d.jpg",
    "control": b"\x01\x1b[31m\x7f.jpg",
    "decomposed": "e\u0301.jpg".encode(),
    "composed": "\xe9.jpg".encode(),
    "no suffix": b"photo",
    "many dots": b"...jpg",
    "star": b"*.jpg",
    "tab": b"\tt.jpg",
}


def names(_rng: np.random.Generator) -> Iterator[Odd]:
    photo = saved(quarters(), "JPEG")
    for name in NAMES.values():
        yield Odd("names", os.fsdecode(name), photo, ("pixels",), CORNERS)
    yield Odd("names", "/".join(["deep"] * 40) + "/1.jpg", photo, ("pixels",), CORNERS)


def linked(target: str | Path) -> object:
    return lambda path: path.symlink_to(target)


def places(_rng: np.random.Generator) -> Iterator[Odd]:
    photo = saved(quarters(), "JPEG")
    yield Odd("places", "pipe.jpg", os.mkfifo, ("not_a_regular_file",))
    yield Odd("places", "folder.jpg", Path.mkdir, ("not_a_regular_file",))
    yield Odd("places", "to-zero.jpg", linked("/dev/zero"), ("outside_root", "not_a_regular_file"))
    yield Odd("places", "to-passwd.jpg", linked("/etc/passwd"), ("outside_root",))
    yield Odd("places", "to-folder.jpg", linked("/etc"), ("outside_root",))
    yield Odd("places", "dangling.jpg", linked("nowhere.jpg"), ("missing",))
    yield Odd("places", "ring.jpg", linked("ring.jpg"), ("unreadable",))
    yield Odd("places", "inside.jpg", photo, ("pixels",), CORNERS)
    yield Odd("places", "to-inside.jpg", linked("inside.jpg"), ("pixels",), CORNERS)
    yield Odd("places", "to-pipe.jpg", linked("pipe.jpg"), ("not_a_regular_file",))
    yield Odd("places", "sparse-20-GiB.jpg", lambda path: sparse(path, 20 << 30), ("file_too_big",))
    yield Odd("places", "sparse-300-MB.jpg", lambda path: sparse(path, 300_000_000), ("file_too_big",))
    yield Odd("places", "sparse-100-MB.jpg", lambda path: sparse(path, 100_000_000), ("not_an_image",))
    yield Odd("places", "not-there.jpg", None, ("missing",))
    yield Odd("places", "inside.jpg/1.jpg", None, ("missing", "unreadable"))
    yield Odd("places", "../outside.jpg", None, ("outside_root",))
    yield Odd("places", "/etc/hostname", None, ("outside_root",))
    yield Odd("places", "nul\0l.jpg", None, ("outside_root",))
    yield Odd("places", "n" * 300 + ".jpg", None, ("missing", "unreadable"))
    if os.geteuid():
        yield Odd("places", "no-right.jpg", lambda path: (path.write_bytes(photo), path.chmod(0)), ("unreadable",))
    yield Odd("places", "._1.jpg", bytes.fromhex("00051607") + bytes(80), ("not_an_image",))
    yield Odd("places", "Thumbs.db", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(500), ("not_an_image",))
    yield Odd("places", ".DS_Store", b"\0\0\0\1Bud1" + bytes(100), ("not_an_image",))


def sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


PLACES = (names, places)
