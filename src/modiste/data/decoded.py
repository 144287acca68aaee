"""Photos decoded once, for all runs of a study and all studies on one folder of runs: from a catalogue to pictures."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modiste.data.describe import each_digest
from modiste.data.opening.images import to_pixels
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.workers import each_photo
from modiste.data.slots import Slots, append, kept, make_room, mend, touch
from modiste.records.catalogue import Catalogue
from modiste.records.errors import MachineError, ModisteError
from modiste.records.lock import locked
from modiste.records.progress import Progress, Tell, silent
from modiste.records.recipe import Pixels

DECODING = 3  # one more when the same photo gives other pixels than before, so that no old cache is read
LIMIT_BYTES = 20 * 10**9  # of one folder of decoded photos
PORTION, PORTION_BYTES, PORTION_SECONDS = 256, 64 << 20, 2.0  # what a kill may cost, whichever is reached first
DIGEST_BYTES = 32
AT_ONCE_BYTES, BATCH = 256 << 20, 64  # of photos that are decoded into memory to be asked about
Groups = Mapping[str, Sequence[str]]  # what stands for a photo's bytes -> the paths where they lie


@dataclass(frozen=True, eq=False)
class Pictures:
    """Decoded photos: path, label (-1 for none) and place of each one's pixels in a store (M, S, S, C) that others may share.

    C is 1 for both greys.
    """

    paths: tuple[str, ...]
    labels: NDArray[np.int64]  # (N,)
    places: NDArray[np.int64]  # (N,)
    store: NDArray[np.uint8]

    @classmethod
    def of(cls, paths: Sequence[str], pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> Pictures:
        """Pictures from pixels in memory, (N, S, S, C)."""
        return cls(tuple(paths), labels, np.arange(len(pixels)), pixels)

    def __len__(self) -> int:
        return len(self.places)

    def at(self, rows: slice | NDArray[np.int64]) -> NDArray[np.uint8]:
        """The pixels of some rows, (B, S, S, C): a copy, to be changed at will."""
        return np.take(np.asarray(self.store), self.places[rows], axis=0)  # as plain memory: a mapping stays a mapping, and is slower


def decode(
    catalogue: Catalogue,
    pixels: Pixels,
    cache: Path | None,
    digests: Mapping[str, str] | None = None,
    tell: Tell = silent,
    *,
    limit_bytes: int = LIMIT_BYTES,
) -> Pictures:
    """Every photo of a catalogue as pixels, from the cache where it holds them; all refused photos are named at once.

    `digests` gives the SHA-256 of each photo's bytes by path, where that is known. Photos of equal bytes share a place.
    """
    if digests is None:
        digests = {} if cache is None else digests_of(catalogue, tell)
    groups: dict[str, list[str]] = {}
    for path in dict.fromkeys(photo.path for photo in catalogue.photos):
        groups.setdefault(digests.get(path) or f"of {path}", []).append(path)
    if cache is None:
        store, places = in_memory(catalogue, pixels, groups, tell)
    else:
        store, places = through(cache, catalogue, pixels, groups, tell, limit_bytes)
    place_of = {path: places[key] for key, paths in groups.items() for path in paths}
    labels = np.array([-1 if photo.label is None else photo.label for photo in catalogue.photos], np.int64)
    in_order = np.array([place_of[photo.path] for photo in catalogue.photos], np.int64)
    return Pictures(tuple(photo.path for photo in catalogue.photos), labels, in_order, store)


def digests_of(catalogue: Catalogue, tell: Tell) -> dict[str, str]:
    """The SHA-256 of each photo's bytes by path; none for one that cannot be read, which decoding will say with all others."""
    found = each_digest(catalogue, lambda done, total: tell(Progress("reading photos", done, total)))
    pairs = zip(catalogue.photos, found, strict=True)
    return {photo.path: digest for photo, digest in pairs if not isinstance(digest, PhotoRefused)}


def through(
    cache: Path, catalogue: Catalogue, pixels: Pixels, groups: Groups, tell: Tell, limit_bytes: int
) -> tuple[NDArray[np.uint8], dict[str, int]]:
    """The store of these pixels settings, and each group's place in it once what was lacking is decoded.

    One process builds at a time; whoever waited for it finds its photos there.
    """
    slots = slots_of(cache, pixels)
    store, places = kept(slots, set(groups))
    if len(places) == len(groups):
        touch(slots)
        return store, places
    with locked(cache / "decoding.lock", "the decoded photos", wait=True, tell=tell):
        mend(slots)
        places = kept(slots, set(groups))[1]
        if not make_room(slots, len(groups) - len(places), len(groups), limit_bytes):
            tell(Progress("decoding", 0, len(groups), note=f"into memory: {cache} has no room for so many"))
            return in_memory(catalogue, pixels, groups, tell)
        if not slots.index.exists():  # this setting's other photos had to make room too
            places = {}
        names = fill(slots, catalogue, pixels, {key: paths for key, paths in groups.items() if key not in places}, tell)
        touch(slots)
        store, places = kept(slots, {names.get(key, key) for key in groups})
    found = {key: places[names.get(key, key)] for key in groups if names.get(key, key) in places}
    if len(found) < len(groups):
        raise MachineError(f"{slots.pixels}: the disk gives back other bytes than were written. Give another disk with --runs.")
    return store, found


def slots_of(cache: Path, pixels: Pixels) -> Slots:
    """Where decoded photos of these settings lie: both greys together, everything else apart."""
    colour, channels = ("rgb", 3) if pixels.colour == "rgb" else ("grey", 1)
    strict = "strict" if pixels.strict else "lenient"
    folder = cache / f"pixels-{pixels.side}-{colour}-{pixels.fit}-{strict}-{DECODING}"
    return Slots(folder, (pixels.side, pixels.side, channels))


def fill(slots: Slots, catalogue: Catalogue, pixels: Pixels, groups: Groups, tell: Tell) -> dict[str, str]:
    """Decode and append a portion at a time; the SHA-256 of each group. The good photos are kept where others are refused."""
    names, bad = {}, list[PhotoRefused]()
    portion: list[tuple[str, NDArray[np.uint8]]] = []
    most, begun = max(1, min(PORTION, PORTION_BYTES // slots.slot_bytes)), time.monotonic()
    for key, digest, made in each_decoded(catalogue, pixels, groups, bad, tell):
        names[key] = digest
        portion.append((digest, made))
        if len(portion) >= most or time.monotonic() - begun > PORTION_SECONDS:
            append(slots, portion)
            portion, begun = [], time.monotonic()
    if portion:
        append(slots, portion)
    refuse(catalogue, bad)
    return names


def in_memory(catalogue: Catalogue, pixels: Pixels, groups: Groups, tell: Tell) -> tuple[NDArray[np.uint8], dict[str, int]]:
    """The groups' pixels in memory, and each one's place."""
    shape = (len(groups), *slots_of(Path(), pixels).shape)
    if prod(shape) > (free := free_memory_bytes()):
        raise MachineError(
            f"{len(groups):,} photos at {pixels.side} px take {prod(shape) / 1e9:.1f} GB decoded: more than there is room for, on disk or "
            f"in the {free / 1e9:.1f} GB of memory that are free. To train: set a smaller pixels.side, or give a disk with more room with "
            "--runs. Else take fewer photos."
        )
    store, bad = np.empty(shape, np.uint8), list[PhotoRefused]()
    places = {key: place for place, key in enumerate(groups)}
    for key, _, made in each_decoded(catalogue, pixels, groups, bad, tell):
        store[places[key]] = made
    refuse(catalogue, bad)
    return store, places


def portions(catalogue: Catalogue, pixels: Pixels) -> Iterator[Catalogue]:
    """A catalogue in parts that may stand decoded in memory: however many photos there are, they take no more of it.

    The parts do not depend on the machine, and hold whole batches.
    """
    most, photos = most_at_once(pixels), catalogue.photos
    return (catalogue.with_photos(photos[start : start + most]) for start in range(0, len(photos), most))


def most_at_once(pixels: Pixels) -> int:
    return BATCH * max(1, AT_ONCE_BYTES // prod(slots_of(Path(), pixels).shape) // BATCH)


def each_decoded(
    catalogue: Catalogue, pixels: Pixels, groups: Groups, bad: list[PhotoRefused], tell: Tell
) -> Iterator[tuple[str, str, NDArray[np.uint8]]]:
    """(group, SHA-256, pixels) of one photo a group, on all processors, each in a process that may be killed; `bad` gets the refused."""
    options = {"side": pixels.side, "colour": pixels.colour, "fit": pixels.fit, "strict": pixels.strict}
    made = each_photo(catalogue.root, [paths[0] for paths in groups.values()], digest_and_pixels, options, tell=tell)
    shape = slots_of(Path(), pixels).shape
    for (key, paths), one in zip(groups.items(), made, strict=True):
        if isinstance(one, PhotoRefused):
            bad += [PhotoRefused(path, one.reason, one.detail) for path in paths]
            continue
        digest = one[:DIGEST_BYTES].tobytes().hex()
        if key not in (digest, f"of {paths[0]}"):
            raise ModisteError(f"{paths[0]} in {catalogue.root} was changed since it was first read. Let nothing write there; start again.")
        yield key, digest, one[DIGEST_BYTES:].reshape(shape)


def digest_and_pixels(data: bytes, side: int, colour: str, fit: str, where: str, strict: bool) -> NDArray[np.uint8]:
    """The SHA-256 of the very bytes that were decoded, then the pixels: what a slot is found by is never another photo's."""
    made = to_pixels(data, side, colour, fit, where, strict)
    return np.concatenate([np.frombuffer(hashlib.sha256(data).digest(), np.uint8), made.ravel()])


def refuse(catalogue: Catalogue, bad: Sequence[PhotoRefused]) -> None:
    """One error that names all refused photos, where there are any."""
    if bad:
        lines = [str(refused) for refused in bad[:20]] + ([f"... and {len(bad) - 20} more"] if len(bad) > 20 else [])
        remedy = f"`modiste data audit {catalogue.root} --fix CLEAN` writes a catalogue without them."
        raise ModisteError("\n".join([f"{len(bad)} of {len(catalogue)} photos in {catalogue.root} cannot be used:", *lines, remedy]))


def free_memory_bytes() -> int:
    """Memory that could still be had: what the system says is available (Linux), else half of what there is."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2 if hasattr(os, "sysconf") else 4 << 30
