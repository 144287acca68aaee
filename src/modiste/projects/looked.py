"""What a network says of every photo of a source: asked once a photo's bytes, kept on disk, and there at once the next time."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modiste.data.layouts.sources import Source, own_label
from modiste.data.opening.hashed import content_hash
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.suggest import Taxonomy
from modiste.records.disk import write_bytes
from modiste.records.errors import ModisteError
from modiste.records.kept import Kept
from modiste.records.labels import Classes
from modiste.records.progress import Progress, Tell
from modiste.serving.asking import each_answer
from modiste.serving.graphs import Answers
from modiste.serving.labeller import Labeller

VERSION = "1"  # raised whenever the same bytes and the same network may give another answer, or the files look different
FIRST, GROWTH = 200, 8  # photos after which what is known so far is given, and how many times as many after that
Floats = NDArray[np.float32]
Codes = NDArray[np.int64]
Stop = Callable[[], None]  # raises `Stopped` where that was asked for


@dataclass(frozen=True, slots=True)
class Listed:
    """A photo as its source speaks of it."""

    path: str
    product: str
    own: int  # code of the class that the source speaks of; -1: of none


@dataclass(frozen=True, eq=False)
class Looked:
    """N photos in the order of their source, and what one network says of each."""

    model: str  # the network's id
    photos: tuple[Listed, ...]
    shas: NDArray[np.uint8]  # (N, 32), of their bytes; zeros where there are none
    reasons: tuple[str, ...]  # (N,): why the network could not be asked; '' where it was
    places: Codes  # (N,): where its answer is kept; -1: nowhere
    probabilities: Floats  # (N, K), of the network's classes; NaN where it was not asked
    strangeness: Floats  # (N,); NaN where it cannot tell
    kept: Path
    start: int  # bytes before the first record of `kept`
    width: int  # numbers of a photo's features
    waiting: tuple[str, ...] = ()  # paths of the photos that come after these

    def __len__(self) -> int:
        return len(self.photos)

    @property
    def total(self) -> int:
        """Photos of the source, of which these are the first."""
        return len(self.photos) + len(self.waiting)

    @cached_property
    def features(self) -> Floats:
        """What the network saw in the photos whose answers are kept (M, F), memory-mapped: `places` leads from a photo to its row."""
        record = record_of(self.probabilities.shape[1], self.width)
        many = max(0, self.kept.stat().st_size - self.start) // record.itemsize if self.kept.is_file() else 0
        if not many:
            return np.zeros((0, self.width), np.float32)
        vectors: Floats = np.memmap(self.kept, record, "r", self.start, (many,))["vector"]
        return vectors

    @cached_property
    def heads(self) -> Codes:
        """For each kept answer the first photo that has it, (M,); -1 where no photo has it any more."""
        first = np.full(int(self.places.max(initial=-1)) + 1, -1)
        there = np.flatnonzero(self.places >= 0)[::-1]
        first[self.places[there]] = there
        return first

    @cached_property
    def copies(self) -> dict[int, list[int]]:
        """Photos of the same bytes, by the place of their answer, where there are two or more."""
        order = np.argsort(self.places, kind="stable")
        starts = np.flatnonzero(np.diff(self.places[order], prepend=-2))
        groups = np.split(order, starts[1:])
        return {int(self.places[group[0]]): group.tolist() for group in groups if len(group) > 1 and self.places[group[0]] >= 0}


def record_of(classes: int, width: int) -> np.dtype[np.void]:
    return Kept(Path(), b"", fields_of(classes, width)).record


def fields_of(classes: int, width: int) -> list[tuple[object, ...]]:
    """What is kept of a photo."""
    return [("probabilities", "<f4", (classes,)), ("strangeness", "<f4"), ("vector", "<f4", (width,))]


@dataclass(eq=False)
class Look:
    """One look at a source, while it is taken."""

    source: Source
    labeller: Labeller
    classes: Classes  # those of `Listed.own`
    taxonomy: Taxonomy
    folder: Path
    tell: Tell
    stop: Stop
    refused: dict[bytes | int, str] = field(default_factory=dict)

    def taken(self) -> Iterator[Looked]:
        """What is known after the first photos, after more, and after all, which is kept for the next time."""
        listed = self.listed()
        kept = Kept(self.folder / f"{key(self.labeller)}.bin", line_of(self.labeller, self.width), fields_of(*self.shape))
        self.take_up(kept)
        shas: list[bytes | None] = []
        done, most = 0, FIRST
        while done < len(listed):
            some = listed[done : done + most]
            shas += self.asked(some, kept, done, len(listed))
            done, most = done + len(some), GROWTH * (done + len(some))
            made = self.looked(listed, shas, kept)
            if done == len(listed):
                write_bytes(snapshot(self.folder, self.labeller), packed(made))
            yield made

    def take_up(self, kept: Kept) -> None:
        """Read what is kept; where some of it was damaged, places of the last look lead nowhere, or to another photo's answer soon."""
        size = kept.path.stat().st_size if kept.path.is_file() else 0
        kept.read()
        if kept.path.stat().st_size < size and seen_before(self.folder, self.labeller) is None:
            snapshot(self.folder, self.labeller).unlink(missing_ok=True)

    @cached_property
    def width(self) -> int:
        side, channels = self.labeller.pixels.side, 3 if self.labeller.pixels.colour == "rgb" else 1
        return int(self.labeller.score(np.zeros((1, side, side, channels), np.uint8)).features.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.labeller.classes), self.width

    def listed(self) -> list[Listed]:
        """The photos of the source, each path once."""
        found: dict[str, Listed] = {}
        for number, said in enumerate(self.source.photos(), 1):
            if said.path not in found:
                own = own_label(said, self.classes, self.taxonomy)
                found[said.path] = Listed(said.path, said.product, -1 if own is None else own)
            if number % 1000 == 0:
                self.stop()
                self.tell(Progress("listing", number, number + 1))
        if not found:
            raise ModisteError(
                f"{self.source.where}: no pictures in it. Give a folder with photos, an archive, or a table that names them."
            )
        in_order = sorted(found, key=coded) if self.source.sort else list(found)
        return [found[path] for path in in_order]

    def asked(self, some: list[Listed], kept: Kept, before: int, total: int) -> list[bytes | None]:
        """SHA-256 of some photos' bytes, once what was not known of them is kept."""
        known = self.hashes(some, before, total) if kept.places else [None] * len(some)
        lacking = [place for place, sha in enumerate(known) if sha is None or (sha not in kept.places and sha not in self.refused)]
        shas, done = list(known), before + len(some) - len(lacking)
        try:
            for place, sha, answers in self.answers(some, lacking, kept):
                shas[place] = sha
                if isinstance(answers, PhotoRefused):
                    self.refused[before + place if sha is None else sha] = answers.reason
                elif answers is not None and sha is not None:
                    strange = np.float32(np.nan) if answers.strangeness is None else answers.strangeness[0]
                    kept.add(sha, answers.probabilities[0], strange, answers.features[0])
                done += 1
                if done % 16 == 0:
                    self.stop()
                    self.tell(Progress("looking at photos", done, total, note=self.note))
            self.tell(Progress("looking at photos", done, total, note=self.note))
        finally:
            kept.flush()  # stopped too, all that is known is on the disk
        return shas

    def hashes(self, some: list[Listed], before: int, total: int) -> list[bytes | None]:
        """SHA-256 of some photos' bytes, by which it is known of which of them there are answers; None where they cannot be read."""
        made: list[bytes | None] = []
        for done, one in enumerate(some, before + 1):
            made.append(content_hash(self.source.root, one.path))
            if done % 16 == 0:
                self.stop()
                self.tell(Progress("reading the photos", done, total))
        return made

    def answers(self, some: list[Listed], rows: list[int], kept: Kept) -> Iterator[tuple[int, bytes | None, Answers | PhotoRefused | None]]:
        photos = ((row, some[row].path) for row in rows)
        return each_answer(self.source.root, photos, self.labeller, known=kept.places.__contains__)

    @property
    def note(self) -> str:
        return f"{len(self.refused):,} could not be read" if self.refused else ""

    def looked(self, every: list[Listed], shas: list[bytes | None], kept: Kept) -> Looked:
        """What is known of the first photos, of which there are hashes."""
        listed, waiting = every[: len(shas)], tuple(one.path for one in every[len(shas) :])
        places = np.array([-1 if sha is None else kept.places.get(sha, -1) for sha in shas], np.int64)
        reasons = tuple(
            "" if place >= 0 else self.refused.get(number if sha is None else sha, "unreadable")
            for number, (sha, place) in enumerate(zip(shas, places.tolist(), strict=True))
        )
        records, there = kept.records(), places >= 0
        probabilities = np.full((len(listed), self.shape[0]), np.nan, np.float32)
        strangeness = np.full(len(listed), np.nan, np.float32)
        probabilities[there] = records["probabilities"][places[there]]
        strangeness[there] = records["strangeness"][places[there]]
        digests = np.array([np.frombuffer(sha or bytes(32), np.uint8) for sha in shas])
        rest = (kept.path, len(kept.of), self.width, waiting)
        return Looked(self.labeller.id, tuple(listed), digests, reasons, places, probabilities, strangeness, *rest)


def key(labeller: Labeller) -> str:
    """The name of the files that hold a network's answers."""
    return hashlib.sha256(f"{VERSION} {labeller.identity}".encode()).hexdigest()[:24]


def line_of(labeller: Labeller, width: int) -> bytes:
    return json.dumps([VERSION, labeller.identity, width]).encode("ascii") + b"\n"


def snapshot(folder: Path, labeller: Labeller) -> Path:
    return folder / f"{key(labeller)}.npz"


def coded(text: str) -> bytes:
    """Text as UTF-8, or as the bytes of a file's name."""
    return text.encode("utf-8", "surrogateescape")


def packed(looked: Looked) -> bytes:
    """All but the features as one file, behind the SHA-256 of the rest."""
    data, lines = io.BytesIO(), [(one.path, one.product, one.own) for one in looked.photos]
    text = json.dumps([looked.model, looked.reasons, lines, looked.start, looked.width]).encode("ascii")
    arrays = {name: getattr(looked, name) for name in ("shas", "places", "probabilities", "strangeness")}
    np.savez(data, allow_pickle=False, text=np.frombuffer(text, np.uint8), **arrays)
    return hashlib.sha256(data.getbuffer()).digest() + data.getvalue()


def hashes_before(folder: Path) -> dict[str, bytes]:
    """SHA-256 of the photos of the last looks, by their paths; zeros where a photo could not be read."""
    found: dict[str, bytes] = {}
    for file in sorted(folder.glob("*.npz"), key=lambda one: one.stat().st_mtime):
        if (arrays := unpacked(file)) is not None:
            lines = json.loads(arrays["text"].tobytes())[2]
            found |= {path: sha.tobytes() for (path, *_), sha in zip(lines, arrays["shas"], strict=True)}
    return found


def unpacked(file: Path) -> dict[str, Any] | None:
    """What was packed into a file; None where there is none, or it is damaged."""
    try:
        data = memoryview(file.read_bytes())
    except OSError:
        return None
    if hashlib.sha256(data[32:]).digest() != data[:32]:
        return None
    with np.load(io.BytesIO(data[32:]), allow_pickle=False) as held:
        return {name: held[name] for name in held.files}


def seen_before(folder: Path, labeller: Labeller) -> Looked | None:
    """What the last whole look gave; None where there is none, or it is damaged: it is taken again."""
    arrays = unpacked(snapshot(folder, labeller))
    if arrays is None:
        return None
    model, reasons, lines, start, width = json.loads(arrays.pop("text").tobytes())
    photos = tuple(Listed(*line) for line in lines)
    kept = folder / f"{key(labeller)}.bin"
    made = Looked(model, photos, reasons=tuple(reasons), kept=kept, start=start, width=width, **arrays)
    return made if len(made.features) > int(made.places.max(initial=-1)) else None
