"""An index on disk: a vector a photo, what is known of each, and a sealed page that says what belongs together.

    shop.index/
    ├── index.json            sealed, written last: the network, and the files with their checksums
    ├── vectors-1f0c….f32     (N, F) float32 of length 1, memory-mapped, a checksum every `BLOCK` rows
    ├── rows-77ab….bin        (N,) records: SHA-256 of the photo's bytes, class called, its probability, where its name ends
    └── names-e032….txt       the photos' paths in order, a NUL behind each

Files are named by their content, so that an index is changed by the renaming of index.json alone.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modiste.records.disk import sync_folder
from modiste.records.errors import Damaged, MachineError, ModisteError
from modiste.records.plain import to_plain
from modiste.records.seal import read_sealed, write_sealed

VERSION = 1
ABOUT = "index.json"
BLOCK = 4096  # rows of vectors with a checksum of their own
SPAN = 64  # blocks that are multiplied at a time: on a busy machine, threads that meet often wait long
ROW = np.dtype([("sha256", "u1", (32,)), ("confidence", "<f4"), ("label", "<i4"), ("end", "<i8")])
ENDINGS = {"vectors": "f32", "rows": "bin", "names": "txt"}
AGAIN = "Build it again: `modiste search --in` the same source does that, and scores the photos anew."
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Part:
    """Some photos of an index: vectors (B, F), rows (B,) but for where names end, and B names."""

    vectors: Floats
    rows: NDArray[np.void]
    names: Sequence[str]


@dataclass(frozen=True)
class About:
    """What an index says of itself."""

    model: str  # the network's name and 12 digits of its file's SHA-256
    identity: str  # all that must be the same for the same bytes to have the same vector
    classes: tuple[str, ...]
    photos: int = 0
    width: int = 0
    refused: tuple[tuple[str, str], ...] = ()  # path and reason of photos that have no vector
    files: Mapping[str, str] = field(default_factory=dict)  # vectors, rows, names -> file
    sums: tuple[int, ...] = ()  # CRC-32 of each block of vectors


@dataclass(frozen=True, eq=False)
class Stored:
    """An index that was opened: nothing of its vectors is in memory."""

    folder: Path
    about: About
    vectors: Floats  # (N, F)
    rows: NDArray[np.void]  # (N,)
    names: mmap.mmap
    whole: set[int] = field(default_factory=set)  # blocks whose checksum was looked at

    def __len__(self) -> int:
        return self.about.photos

    def blocks(self) -> Iterator[tuple[slice, Floats]]:
        """The vectors, many rows at a time, each checksum looked at when its block is first read."""
        for start in range(0, len(self.about.sums), SPAN):
            for number in range(start, min(start + SPAN, len(self.about.sums))):
                self.block(number)
            rows = slice(start * BLOCK, (start + SPAN) * BLOCK)
            yield rows, self.vectors[rows]

    def block(self, number: int) -> Floats:
        vectors = self.vectors[number * BLOCK : (number + 1) * BLOCK]
        if number not in self.whole:
            if zlib.crc32(vectors.data) != self.about.sums[number]:
                raise Damaged(f"{self.folder / self.about.files['vectors']} is damaged: a checksum fails. {AGAIN}")
            self.whole.add(number)
        return vectors

    def at(self, rows: NDArray[np.int64]) -> Floats:
        """The vectors of some rows, (M, F)."""
        for number in np.unique(rows // BLOCK):
            self.block(int(number))
        return self.vectors[rows]

    def name(self, row: int) -> str:
        start = int(self.rows["end"][row - 1]) if row else 0
        return self.names[start : int(self.rows["end"][row]) - 1].decode("utf-8", "surrogateescape")

    def row(self, name: str) -> int | None:
        """The row of a photo by its path; None where there is none."""
        wanted = coded(name)
        if self.names[: len(wanted)] == wanted:
            return 0
        at = self.names.find(b"\0" + wanted)
        return self.around(at) if at >= 0 else None

    def find(self, name: str) -> int | None:
        """The row of a photo by its path, or by the end of its path where no other ends so; None where there is none."""
        if (row := self.row(name)) is not None:
            return row
        at = self.names.find(b"/" + coded(name))
        return self.around(at) if at >= 0 and self.names.find(b"/" + coded(name), at + 1) < 0 else None

    def around(self, at: int) -> int:
        """The row whose name stands behind a place in the names, or goes on there."""
        return int(np.searchsorted(self.rows["end"], at + 1, side="right"))


def coded(name: str) -> bytes:
    """A photo's path as it stands among the names."""
    return name.encode("utf-8", "surrogateescape") + b"\0"


def open_stored(folder: Path) -> Stored:
    """The index in a folder; damage to what names photos is noticed now, damage to a vector when it is first read."""
    if not (folder / ABOUT).is_file():
        raise ModisteError(f"{folder} is no index of photos: it has no {ABOUT}. `modiste search --in SOURCE` builds one.")
    said = read_sealed(folder / ABOUT, AGAIN)
    try:
        return stored_of(folder, dict(said))
    except Damaged:
        if read_sealed(folder / ABOUT, AGAIN) == said:
            raise
        return open_stored(folder)  # another process put a new one in its place between the page and its files


def stored_of(folder: Path, said: dict[str, Any]) -> Stored:
    """The index that a page tells of."""
    if said.pop("version", None) != VERSION:
        raise ModisteError(f"{folder} was written by another version of modiste. {AGAIN}")
    said |= {name: tuple(said[name]) for name in ("classes", "sums")}
    about = About(**{**said, "refused": tuple((path, reason) for path, reason in said["refused"])})
    held = {kind: mapped(folder, name, check=kind != "vectors") for kind, name in about.files.items()}
    if len(held["vectors"]) != about.photos * about.width * 4:
        raise Damaged(f"{folder / about.files['vectors']} is damaged: it has {len(held['vectors']):,} bytes. {AGAIN}")
    vectors = np.frombuffer(held["vectors"], "<f4").reshape(about.photos, about.width)
    return Stored(folder, about, vectors, np.frombuffer(held["rows"], ROW), held["names"])


def is_index(folder: Path) -> bool:
    """Whether an index stands in a folder, be it damaged."""
    return (folder / ABOUT).is_file() and any(True for kind, ending in ENDINGS.items() for _ in folder.glob(f"{kind}-*.{ending}"))


def mapped(folder: Path, name: str, check: bool) -> mmap.mmap:
    """A file, memory-mapped; its name has the first digits of its SHA-256."""
    path = folder / name
    try:
        with path.open("rb") as file:
            held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # ValueError: an empty file
        raise Damaged(f"{path} is missing or cannot be read ({error}). {AGAIN}") from error
    if check and name_of(name.partition("-")[0], hashlib.sha256(held).hexdigest()) != name:
        raise Damaged(f"{path} is damaged: its SHA-256 is not the one it was written with. {AGAIN}")
    return held


def name_of(kind: str, digest: str) -> str:
    return f"{kind}-{digest[:32]}.{ENDINGS[kind]}"


def write_stored(folder: Path, parts: Iterable[Part], about: About) -> Stored:
    """An index of parts that have `BLOCK` photos each, the last one fewer; a crash leaves the old index or the new one."""
    sums, photos, width, end = list[int](), 0, 0, 0
    digests = {kind: hashlib.sha256() for kind in ENDINGS}
    try:
        with ExitStack() as stack:
            files = {kind: stack.enter_context((folder / f".{kind}.part").open("wb")) for kind in ENDINGS}
            for part in parts:
                names = [coded(name) for name in part.names]
                rows = part.rows.astype(ROW)
                rows["end"] = end + np.cumsum([len(name) for name in names])
                end, photos, width = int(rows["end"][-1]), photos + len(rows), part.vectors.shape[1]
                written = {"vectors": np.ascontiguousarray(part.vectors, "<f4").tobytes(), "rows": rows.tobytes(), "names": b"".join(names)}
                sums.append(zlib.crc32(written["vectors"]))
                for kind, data in written.items():
                    files[kind].write(data)
                    digests[kind].update(data)
            for file in files.values():
                file.flush()
                os.fsync(file.fileno())
        names_of = {kind: name_of(kind, digests[kind].hexdigest()) for kind in ENDINGS}
        for kind, name in names_of.items():
            (folder / f".{kind}.part").replace(folder / name)
        sync_folder(folder)
    except OSError as error:
        raise MachineError(f"{folder} could not be written: {error.strerror}. The index that stood there still stands.") from error
    plain = to_plain(About(about.model, about.identity, about.classes, photos, width, about.refused, names_of, tuple(sums)))
    write_sealed(folder / ABOUT, {"version": VERSION, **plain})
    sweep(folder, set(names_of.values()))
    return open_stored(folder)


def sweep(folder: Path, wanted: set[str]) -> None:
    """Take away what an earlier index or a crash left."""
    left: list[Any] = [path for kind, ending in ENDINGS.items() for path in (*folder.glob(f"{kind}-*.{ending}"), folder / f".{kind}.part")]
    for path in left:
        if path.name not in wanted:
            with suppress(OSError):  # Windows keeps a file that is mapped: the next build takes it away
                path.unlink()
