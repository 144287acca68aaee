"""What a network says of labelled photos: scores and features, computed once a photo and kept on disk by the hash of its bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modiste.data.decoded import DIGEST_BYTES, digest_and_pixels, digests_of
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.workers import each_photo
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.kept import Kept
from modiste.records.progress import Progress, Tell
from modiste.serving.graphs import BATCH
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


def see(labeller: Labeller, catalogue: Catalogue, kept: Path, tell: Tell, stop: Stop) -> Seen:
    """Ask a network about every photo of a catalogue, but for those whose bytes it was asked about before."""
    side, channels = labeller.pixels.side, 3 if labeller.pixels.colour == "rgb" else 1
    blank = labeller.score(np.zeros((1, side, side, channels), np.uint8))
    parts = (blank.scores.shape[1], blank.features.shape[1], 0 if blank.strangeness is None else 1)
    answers = Kept(kept, line_of(labeller, parts), [("numbers", "<f4", (sum(parts),))])
    answers.read()
    digests = digests_of(catalogue, tell)
    lacking = [photo.path for photo in catalogue.photos if bytes.fromhex(digests.get(photo.path, "")) not in answers.places]
    refused = ask(labeller, catalogue, lacking, digests, answers, tell, stop)
    bad = {one.where for one in refused}
    photos = [photo for photo in catalogue.photos if photo.path not in bad]
    places = np.array([answers.places[bytes.fromhex(digests[photo.path])] for photo in photos], np.int64)
    values = np.array(answers.records()["numbers"][places])
    scores, features, strange = np.split(values, np.cumsum(parts)[:2], axis=1)
    return Seen(
        tuple(photos), tuple(digests[photo.path] for photo in photos), scores, features, strange[:, 0] if parts[2] else None, tuple(refused)
    )


def line_of(labeller: Labeller, parts: Sequence[int]) -> bytes:
    """Whose answers they are: the same bytes and another of these may give other numbers."""
    return json.dumps([VERSION, labeller.identity, *parts]).encode("ascii") + b"\n"


def ask(
    labeller: Labeller, catalogue: Catalogue, paths: Sequence[str], digests: dict[str, str], answers: Kept, tell: Tell, stop: Stop
) -> list[PhotoRefused]:
    """Decode and score what is lacking, some photos at a time; the refused are given back, `digests` is of the bytes that were decoded."""
    pixels, refused = labeller.pixels, list[PhotoRefused]()
    options = {"side": pixels.side, "colour": pixels.colour, "fit": pixels.fit, "strict": pixels.strict}
    made, done = zip(paths, each_photo(catalogue.root, paths, digest_and_pixels, options), strict=True), 0
    shape = (pixels.side, pixels.side, 3 if pixels.colour == "rgb" else 1)
    while batch := list(islice(made, BATCH)):
        stop_after(answers, stop)
        refused += [PhotoRefused(path, one.reason, one.detail) for path, one in batch if isinstance(one, PhotoRefused)]
        seen = [(path, one) for path, one in batch if not isinstance(one, PhotoRefused)]
        if seen:
            said = labeller.score(np.stack([one[DIGEST_BYTES:].reshape(shape) for _, one in seen]))
            strange = np.zeros((len(seen), 0), np.float32) if said.strangeness is None else said.strangeness[:, None]
            for (path, one), values in zip(seen, np.concatenate([said.scores, said.features, strange], axis=1), strict=True):
                digests[path] = one[:DIGEST_BYTES].tobytes().hex()
                answers.add(one[:DIGEST_BYTES].tobytes(), values)
        done += len(batch)
        tell(Progress("looking at photos", done, len(paths), note=f"{len(refused):,} could not be read" if refused else ""))
    answers.flush()
    return refused


def stop_after(answers: Kept, stop: Stop) -> None:
    """Stop where that was asked for, with everything that is known on the disk."""
    try:
        stop()
    except BaseException:
        answers.flush()
        raise
