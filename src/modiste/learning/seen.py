"""What a network says of labelled photos: scores and features, computed once a photo and kept on disk by the hash of its bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modiste.data.decoded import digests_of
from modiste.data.opening.refusals import PhotoRefused
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.kept import Kept
from modiste.records.progress import Progress, Tell
from modiste.serving.asking import each_answer
from modiste.serving.graphs import Answers
from modiste.serving.labeller import Labeller

VERSION = "1"  # raised whenever the same bytes and the same network may give other numbers
Floats = NDArray[np.float32]
Stop = Callable[[], None]  # raises `Stopped` where that was asked for


@dataclass(frozen=True, eq=False)
class Seen:
    """What a network says of N photos, and the photos it could not be asked about."""

    photos: tuple[Photo, ...]
    digests: tuple[str, ...]  # SHA-256 of each photo's bytes
    scores: Floats  # (N, K), as its head gives them
    features: Floats  # (N, F)
    strangeness: Floats | None  # (N,); None where it cannot tell
    refused: tuple[PhotoRefused, ...] = ()

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, rows: NDArray[np.int64]) -> Seen:
        strange = None if self.strangeness is None else self.strangeness[rows]
        photos, digests = tuple(self.photos[row] for row in rows), tuple(self.digests[row] for row in rows)
        return Seen(photos, digests, self.scores[rows], self.features[rows], strange)


def see(labeller: Labeller, catalogue: Catalogue, kept: Path, tell: Tell, stop: Stop, threads: int | None = None) -> Seen:
    """Ask a network about every photo of a catalogue, but for those whose bytes it was asked about before.

    `labeller` is asked about each photo alone: take one of one thread, and so many photos at a time as `threads` (None: one a
    processor).
    """
    side, channels = labeller.pixels.side, 3 if labeller.pixels.colour == "rgb" else 1
    blank = labeller.score(np.zeros((1, side, side, channels), np.uint8))
    parts = (blank.scores.shape[1], blank.features.shape[1], 0 if blank.strangeness is None else 1)
    answers = Kept(kept, line_of(labeller, parts), [("numbers", "<f4", (sum(parts),))])
    answers.read()

    def heard(told: Progress) -> None:
        stop()
        tell(told)

    digests = digests_of(catalogue, heard)
    lacking = [photo.path for photo in catalogue.photos if bytes.fromhex(digests.get(photo.path, "")) not in answers.places]
    refused = Asking(labeller, catalogue, digests, answers, tell, stop, threads).ask(lacking)
    photos = [photo for photo in catalogue.photos if photo.path not in refused]
    places = np.array([answers.places[bytes.fromhex(digests[photo.path])] for photo in photos], np.int64)
    values = np.array(answers.records()["numbers"][places])
    scores, features, strange = np.split(values, np.cumsum(parts)[:2], axis=1)
    bad = tuple(refused[photo.path] for photo in catalogue.photos if photo.path in refused)
    return Seen(tuple(photos), tuple(digests[photo.path] for photo in photos), scores, features, strange[:, 0] if parts[2] else None, bad)


def line_of(labeller: Labeller, parts: Sequence[int]) -> bytes:
    """Whose answers they are: the same bytes and another of these may give other numbers."""
    return json.dumps([VERSION, labeller.identity, *parts]).encode("ascii") + b"\n"


@dataclass(frozen=True, eq=False)
class Asking:
    """A network that is asked about photos; `digests`, which are of the bytes that were asked about, and `answers` grow on the way."""

    labeller: Labeller
    catalogue: Catalogue
    digests: dict[str, str]
    answers: Kept
    tell: Tell
    stop: Stop
    threads: int | None

    def ask(self, paths: Sequence[str]) -> dict[str, PhotoRefused]:
        """Have the answers for some photos kept; those that cannot be asked about, by path."""
        refused, known = dict[str, PhotoRefused](), self.answers.places.__contains__
        photos = ((path, path) for path in paths)
        each = each_answer(self.catalogue.root, photos, self.labeller, threads=self.threads, known=known)
        for done, (path, sha, said) in enumerate(each, 1):
            stop_after(self.answers, self.stop)
            if isinstance(said, PhotoRefused):
                refused[path] = said
            elif sha is not None:
                self.digests[path] = sha.hex()
                if said is not None:
                    self.answers.add(sha, numbers_of(said))
            if done % 16 == 0 or done == len(paths):
                note = f"{len(refused):,} could not be read" if refused else ""
                self.tell(Progress("looking at photos", done, len(paths), note=note))
        self.answers.flush()
        return refused


def numbers_of(said: Answers) -> Floats:
    """What is kept of what a network says of one photo."""
    strange = [] if said.strangeness is None else [said.strangeness]
    made: Floats = np.concatenate([said.scores[0], said.features[0], *strange])
    return made


def stop_after(answers: Kept, stop: Stop) -> None:
    """Stop where that was asked for, with everything that is known on the disk."""
    try:
        stop()
    except BaseException:
        answers.flush()
        raise
