"""What all photos of a catalogue show: each opened once and kept on disk, so that a stopped audit goes on where it was."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modiste.data.auditing.look import SIDE, SMALL, look
from modiste.data.auditing.lookbook import Writer, books, find, new_book, refusal
from modiste.data.opening.containers import container_in
from modiste.data.opening.refusals import LASTING, PhotoRefused
from modiste.data.opening.workers import each_photo
from modiste.records.progress import Progress, Tell, silent


@dataclass(frozen=True, eq=False)
class Looks:
    """What each of N photos shows: `small` (N,) has every field of SMALL, all 0 where a photo was refused."""

    root: Path
    paths: tuple[str, ...]
    small: NDArray[np.void]
    refused: dict[int, PhotoRefused]  # by place in `paths`
    shelf: tuple[NDArray[np.uint8], ...]  # thumbnails on disk, book by book, each (M, S, S, 3)
    book: NDArray[np.int32]  # (N,) which book holds a photo's thumbnail, -1 where it was refused
    row: NDArray[np.int64]  # (N,) and in which of its rows

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(N,) whether a photo was not refused."""
        return self.book >= 0

    def thumbs(self, which: Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint8]:
        """The thumbnails (M, S, S, 3) of some photos by their places, read from disk; white where a photo was refused."""
        chosen = np.asarray(which, np.int64)
        found = np.full((len(chosen), SIDE, SIDE, 3), 255, np.uint8)
        for number, thumbs in enumerate(self.shelf):
            here = np.flatnonzero(self.book[chosen] == number)
            here = here[np.argsort(self.row[chosen[here]], kind="stable")]  # a disk reads forwards
            found[here] = thumbs[self.row[chosen[here]]]
        return found


def looks(root: Path, paths: Sequence[str], cache: Path | None = None, tell: Tell = silent, workers: int | None = None) -> Looks:
    """Look at every photo under a root; one that the cache knows, of the same size and time of change, is not opened again.

    The cache is a folder that many catalogues and programs may use at once; deleting it loses nothing but time.
    """
    folder = cache or Path(tempfile.mkdtemp(prefix="modiste-"))
    owner = blake2b(os.fsencode(root.resolve()), digest_size=6).hexdigest()
    keys = np.array([key_of(path, stamp) for path, stamp in stamps(root, paths)], "S16")
    new = np.flatnonzero(find(keys, books(folder, owner))[0] < 0)
    passing = look_at(root, paths, new, keys, new_book(folder, owner), tell, workers)
    found = gathered(folder, owner, root, paths, keys, passing)
    if cache is None:
        weakref.finalize(found, shutil.rmtree, folder, ignore_errors=True)
    return found


def look_at(
    root: Path,
    paths: Sequence[str],
    new: NDArray[np.int64],
    keys: NDArray[np.bytes_],
    book: Writer,
    tell: Tell,
    workers: int | None,
) -> dict[int, PhotoRefused]:
    """Write down what some photos show; what is refused for a reason of the moment only is given back."""
    known, passing = len(paths) - len(new), dict[int, PhotoRefused]()

    def tell_all(told: Progress) -> None:
        tell(replace(told, done=known + told.done, total=len(paths)))

    made = each_photo(root, [paths[place] for place in new], look, workers=workers, tell=tell_all, stage="looking")
    for place, one in zip(new, made, strict=True):
        if isinstance(one, PhotoRefused) and one.reason not in LASTING:
            passing[int(place)] = one
        else:
            book.add(keys[place], one)
    book.write()
    return passing


def gathered(
    folder: Path, owner: str, root: Path, paths: Sequence[str], keys: NDArray[np.bytes_], passing: dict[int, PhotoRefused]
) -> Looks:
    """The looks of all photos from the books, in the photos' order."""
    kept = books(folder, owner)
    book, row = find(keys, kept)
    small, refused = np.zeros(len(paths), SMALL), dict(passing)
    for number, one in enumerate(kept):
        here = np.flatnonzero(book == number)
        small[here] = one.lines["small"][row[here]]
        for place in here[one.lines["reason"][row[here]] != b""]:
            refused[int(place)] = refusal(one.lines[row[place]], paths[place])
    book[list(refused)] = -1
    return Looks(root, tuple(paths), small, dict(sorted(refused.items())), tuple(one.thumbs for one in kept), book, row)


def stamps(root: Path, paths: Sequence[str]) -> Iterator[tuple[str, tuple[int, int] | None]]:
    """Each path with the size and the time of change of the file it is in; None where there is no such file."""
    inside = container_in(root)
    if inside:
        stamp = stamp_of(inside[0])
        yield from ((path, stamp) for path in paths)
        return
    folder = f"{root}{os.sep}"
    for path in paths:
        stamp = stamp_of(folder + path)
        if stamp is None and (inside := container_in(root / path)):
            stamp = stamp_of(inside[0])
        yield path, stamp


def stamp_of(file: Path | str) -> tuple[int, int] | None:
    try:
        found = os.stat(file)  # noqa: PTH116  a Path for each of a million photos takes longer than the question
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns


def key_of(path: str, stamp: tuple[int, int] | None) -> bytes:
    """16 bytes that stand for a photo as it is now; of one without a stamp, bytes that never come again."""
    if stamp is None:
        return secrets.token_bytes(16)
    return blake2b(f"{stamp[0]}-{stamp[1]}-".encode() + os.fsencode(path), digest_size=16).digest()
