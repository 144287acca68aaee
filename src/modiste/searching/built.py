"""From a source to its index: each photo's bytes are asked about once, and a build that was stopped goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modiste.data.layouts.sources import Source
from modiste.data.opening.crew import processors
from modiste.data.opening.hashed import content_hash
from modiste.data.opening.refusals import PhotoRefused
from modiste.records.errors import ModisteError, Stopped, UsageError
from modiste.records.kept import Kept
from modiste.records.lock import locked
from modiste.records.own import refuse_inside
from modiste.records.progress import Progress, Tell, silent
from modiste.searching.nearest import unit
from modiste.searching.stored import BLOCK, ENDINGS, ROW, About, Part, Stored, is_index, open_stored, sweep, write_stored
from modiste.serving.asking import each_answer
from modiste.serving.labeller import Labeller
from modiste.training.stopping import stoppable

VERSION = "1"  # raised whenever the same bytes and the same network may give another vector
KEPT = "kept.bin"
NOWHERE = np.iinfo(np.int64).max
GOES_ON = "The same command goes on from there."


@dataclass(frozen=True, eq=False)
class Built:
    """An index, and what it took."""

    stored: Stored
    scored: int  # photos that the network was asked about
    notes: tuple[str, ...] = ()


@dataclass(eq=False)
class Work:
    """A build while it is done. `where` says for each photo its row in the old index, or -1 - its place among the kept."""

    source: Source
    paths: Sequence[str]
    labeller: Labeller
    kept: Kept
    old: Stored | None
    tell: Tell
    stop: Callable[[int], None]
    where: NDArray[np.int64]
    refused: dict[int, str] = field(default_factory=dict)
    done: int = 0
    scored: int = 0

    def finish(self, place: int, where: int = NOWHERE, reason: str = "") -> None:
        self.where[place] = where
        if reason:
            self.refused[place] = reason
        self.done += 1
        if self.done % 16 == 0 or self.done == len(self.paths):
            note = f"{len(self.refused):,} could not be read" if self.refused else ""
            self.tell(Progress("indexing", self.done, len(self.paths), note=note))

    def place_of(self, sha: bytes, known: Known) -> int | None:
        """Where the vector of a photo's bytes stands; None where there is none."""
        row = known.row(sha)
        if row is not None:
            return row
        return -1 - self.kept.places[sha] if sha in self.kept.places else None


def default_folder(where: Path) -> Path:
    """Where the index of a source stands: photos.index beside photos."""
    full = where.expanduser().resolve()
    if not full.name:
        raise UsageError(f"{where} has no name that an index could be called by. Give a folder with --output.")
    return full.with_name(f"{full.name}.index")


def build(
    source: Source, folder: Path, labeller: Labeller, tell: Tell = silent, *, threads: int | None = None, workers: int | None = None
) -> Built:
    """The index of all photos of a source, in its order, in a folder; what is there already is not asked about again.

    However often it was stopped, and whatever was added, changed and taken away in between, the files end with the same bytes. `labeller`
    is asked about each photo alone: take one with a thread, and so many at a time as there are `threads` (None: one a processor).
    """
    check(source, folder)
    paths = listed(source, tell)
    width = width_of(labeller)
    about = About(labeller.id, identity(labeller), labeller.classes.names)
    with locked(folder / ".lock", str(folder)), stoppable() as wish:
        kept = Kept(folder / KEPT, f"{about.identity}\n".encode(), fields_of(width))
        kept.read()
        old, notes = usable(folder, about)

        def stop(done: int) -> None:
            if wish.reason is not None:
                kept.flush()
                raise Stopped(f"stopped by {wish.reason[0]} after {done:,} photos, which are kept. {GOES_ON}", wish.reason[1])

        work = Work(source, paths, labeller, kept, old, tell, stop, np.full(len(paths), NOWHERE))
        answer_all(work, threads or processors(), workers)
        stored = written(work, folder, about)
        kept.path.unlink(missing_ok=True)
    return Built(stored, work.scored, (*notes, *source.passed_over()))


def check(source: Source, folder: Path) -> None:
    """Refuse a single photo, which is like none other of its source, and a place that is not for an index."""
    if source.is_one:
        raise ModisteError(f"{source.where} is one photo: there is none beside it to be found. Give the folder or archive it stands in.")
    if source.where.is_dir():
        refuse_inside(folder, source.where, "--output")
    if folder.exists() and not folder.is_dir():
        raise ModisteError(f"{folder} is no folder: an index is a folder. Give another place with --output.")
    if folder.is_dir() and not is_index(folder) and any(not is_ours(one.name) for one in folder.iterdir()):
        raise ModisteError(f"{folder} is there already, and is no index. Move it away, or give another place with --output.")


def is_ours(name: str) -> bool:
    """Whether a file is what a build leaves that was ended before its index was whole."""
    return name in (KEPT, ".lock") or name.endswith(".part") or name.partition("-")[0] in ENDINGS


def listed(source: Source, tell: Tell) -> list[str]:
    """The photos of a source, each path once, in its order."""
    found = dict[str, None]()
    for number, said in enumerate(source.photos(), 1):
        found[said.path] = None
        if number % 1000 == 0:
            tell(Progress("listing", number, number + 1))
    if not found:
        raise ModisteError("\n".join([f"{source.where}: no pictures in it.", *source.passed_over()]))
    return sorted(found, key=lambda path: path.encode("utf-8", "surrogateescape")) if source.sort else list(found)


def width_of(labeller: Labeller) -> int:
    """How many numbers a network's features have."""
    side, channels = labeller.pixels.side, 3 if labeller.pixels.colour == "rgb" else 1
    width = int(labeller.score(np.zeros((1, side, side, channels), np.uint8)).features.shape[1])
    if not width:
        raise ModisteError(
            f"{labeller.id} gives no features, which photos are compared by. Take a bundle that `modiste export` made, or modiste's own."
        )
    return width


def fields_of(width: int) -> list[tuple[Any, ...]]:
    """What is kept of a photo: its class, the probability of that, its vector."""
    return [("label", "<i4"), ("confidence", "<f4"), ("vector", "<f4", (width,))]


def identity(labeller: Labeller) -> str:
    """What must be the same for the same bytes to have the same vector."""
    return f"{VERSION} {labeller.identity}"


def usable(folder: Path, about: About) -> tuple[Stored | None, list[str]]:
    """The index that stands there, all its checksums looked at; None where there is none, another network's, or a damaged one."""
    if not is_index(folder):
        return None, []
    try:
        old = open_stored(folder)
        if old.about.identity != about.identity:
            return None, [f"The index was of {old.about.model}: all photos were asked about anew."]
        for _ in old.blocks():
            pass
    except ModisteError as error:  # damaged, or of another version
        return None, [f"{str(error).partition('. ')[0]}. It was built anew."]
    return old, []


def answer_all(work: Work, threads: int, workers: int | None) -> None:
    """Have a vector for every photo, or why there is none."""
    known = Known(work.old)

    def lacking() -> Iterator[tuple[int, str]]:
        is_new = not work.old and not work.kept.places
        for place, path in enumerate(work.paths):
            work.stop(work.done)
            sha = None if is_new else content_hash(work.source.root, path)
            found = work.place_of(sha, known) if sha else None
            if found is None:
                yield place, path
            else:
                work.finish(place, found)

    def is_known(sha: bytes) -> bool:
        return work.place_of(sha, known) is not None

    for place, sha, said in each_answer(work.source.root, lacking(), work.labeller, threads=threads, workers=workers, known=is_known):
        work.stop(work.done)
        if isinstance(said, PhotoRefused):
            work.finish(place, reason=said.reason)
            continue
        assert sha is not None
        if said is not None and sha not in work.kept.places:
            work.kept.add(sha, int(said.called[0]), float(said.confidence[0]), unit(said.features[0]))
            work.scored += 1
        where = work.place_of(sha, known)
        assert where is not None
        work.finish(place, where)
    work.kept.flush()


class Known:
    """Which row of the old index has a photo's bytes: looked up by the first 8 bytes of their SHA-256, then by all."""

    def __init__(self, old: Stored | None) -> None:
        self.hashes = np.zeros((0, 32), np.uint8) if old is None else np.ascontiguousarray(old.rows["sha256"])
        keys = self.hashes[:, :8].copy().view("<u8")[:, 0]
        self.order = np.argsort(keys, kind="stable")
        self.keys = keys[self.order]

    def row(self, sha: bytes) -> int | None:
        at = int(np.searchsorted(self.keys, np.frombuffer(sha[:8], "<u8")[0]))
        if at < len(self.keys) and self.hashes[self.order[at]].tobytes() == sha:
            return int(self.order[at])
        return None


def written(work: Work, folder: Path, about: About) -> Stored:
    """The index of what was found out; where that is what stands there, nothing is written."""
    places = np.flatnonzero(work.where != NOWHERE)
    refused = tuple((work.paths[place], work.refused[place]) for place in sorted(work.refused))
    if not len(places):
        raise ModisteError(
            f"{work.source.where}: none of its {len(work.paths):,} photos could be read. The first: {refused[0][0]}: {refused[0][1]}."
        )
    if work.old is not None and is_same(work, places, refused):
        sweep(folder, set(work.old.about.files.values()))
        return work.old
    return write_stored(folder, parts(work, places), About(about.model, about.identity, about.classes, refused=refused))


def is_same(work: Work, places: NDArray[np.int64], refused: tuple[tuple[str, str], ...]) -> bool:
    old = work.old
    assert old is not None
    if old.about.refused != refused or len(old) != len(places) or not (work.where[places] == np.arange(len(places))).all():
        return False
    return all(old.name(row) == work.paths[place] for row, place in enumerate(places.tolist()))


def parts(work: Work, places: NDArray[np.int64]) -> Iterator[Part]:
    """The index, `BLOCK` photos at a time, from the old one and from what was kept."""
    fresh = work.kept.records()
    for start in range(0, len(places), BLOCK):
        work.stop(work.done)
        some = places[start : start + BLOCK]
        where, rows = work.where[some], np.zeros(len(some), ROW)
        vectors = np.zeros((len(some), work.kept.record["vector"].shape[0]), np.float32)
        from_old = where >= 0
        if work.old is not None:
            vectors[from_old] = work.old.at(where[from_old])
        taken = fresh[-1 - where[~from_old]]
        vectors[~from_old] = taken["vector"]
        for name in ("sha256", "confidence", "label"):
            rows[name][~from_old] = taken[name]
            if work.old is not None:
                rows[name][from_old] = work.old.rows[name][where[from_old]]
        yield Part(vectors, rows, [work.paths[place] for place in some.tolist()])
        work.tell(Progress("writing", min(start + BLOCK, len(places)), len(places)))
