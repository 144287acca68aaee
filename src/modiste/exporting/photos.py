"""The photos that an export works with, by what they are for. None of those it is judged by was learnt from."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from modiste.data.decoded import Pictures, decode
from modiste.data.samples.drawn import draw
from modiste.data.split import limit
from modiste.exporting.rejecting import answers_without, without_class
from modiste.records.catalogue import TEST, TRAIN, VALIDATION, Catalogue, Photo
from modiste.records.errors import ModisteError, UsageError
from modiste.records.predictions import Predictions
from modiste.records.progress import Tell
from modiste.records.recipe import Pixels
from modiste.records.run import Run
from modiste.training.model import Model

SPLITS = (VALIDATION, TEST)  # that evidence may come from
MOST_LEARNT, MOST_JUDGED, MOST_COMPARED = 1000, 5000, 1000
DRAWN = 64


@dataclass(frozen=True, eq=False)
class Photos:
    """Pictures, decoded as the model sees them."""

    learnt: Pictures | None  # of train: they calibrate eight bits, and say what is usual
    judged: Pictures | None  # of the split that evidence comes from
    stored: Predictions | None  # what the run said of that split, where it kept that
    compared: Pictures  # the gate's: before and after
    drawn: bool  # whether those are pictures that modiste drew, for want of photos


def photos_for(run: Run, model: Model, catalogue: Catalogue | None, split: str, reject: str | None, tell: Tell) -> Photos:
    """Photos for an export of a run: from a catalogue, or, without one, drawn pictures that can show only whether outputs agree."""
    if split not in SPLITS:
        raise UsageError(f"--evidence {split}: evidence comes from validation, or from test when that is asked for.")
    stored = run.predictions(split) if split in run.splits else None
    if reject is not None:
        stored = None if stored is None else answers_without(stored, reject)
        catalogue = None if catalogue is None else without_class(catalogue, reject)
    pixels = model.eyes.pixels
    if catalogue is None:
        return Photos(None, None, stored, drawn_pictures(pixels, tell), drawn=True)
    if catalogue.classes != model.classes:
        raise ModisteError(f"{run.folder} knows the classes {model.classes}; {catalogue.root} declares {catalogue.classes}.")
    held_out = {path for name in run.splits for path in run.predictions(name).photos}
    learnt = catalogue.with_photos(photo for photo in catalogue.split(TRAIN).photos if photo.path not in held_out)
    judged, others = judged_photos(catalogue, stored, split), catalogue.split(TEST)
    compared = judged.with_photos(once([*some(judged, MOST_COMPARED // 2), *some(others, MOST_COMPARED // 2)]))
    if not len(compared):
        compared = learnt.with_photos(some(learnt, MOST_COMPARED))
    if not len(compared):
        raise ModisteError(f"{catalogue.root}: no labelled photo in its splits train, validation and test to export with.")
    parts = {"learnt": some(learnt, MOST_LEARNT), "judged": some(judged, MOST_JUDGED), "compared": compared.photos}
    found = decoded(catalogue, parts, pixels, tell)
    assert found["compared"] is not None
    return Photos(found["learnt"], found["judged"], stored, found["compared"], drawn=False)


def judged_photos(catalogue: Catalogue, stored: Predictions | None, split: str) -> Catalogue:
    """The catalogue's photos that the run kept its answers for; else those of the split."""
    if stored is not None:
        truth = dict(zip(stored.photos, stored.truth.tolist(), strict=True))
        known = catalogue.with_photos(
            photo for photo in catalogue.photos if photo.label is not None and truth.get(photo.path) == photo.label
        )
        if len(known):
            return known
    return catalogue.split(split)


def some(catalogue: Catalogue, most: int) -> tuple[Photo, ...]:
    """At most so many photos, classes in their proportions."""
    if len(catalogue) <= most:
        return catalogue.photos
    one = catalogue.with_photos(replace(photo, split="") for photo in catalogue.photos)
    kept = {photo.path for photo in limit(one, most).photos}
    return tuple(photo for photo in catalogue.photos if photo.path in kept)


def once(photos: Iterable[Photo]) -> tuple[Photo, ...]:
    """Photos without their repeats."""
    return tuple({photo.path: photo for photo in photos}.values())


def decoded(catalogue: Catalogue, parts: Mapping[str, Sequence[Photo]], pixels: Pixels, tell: Tell) -> dict[str, Pictures | None]:
    """Each part's pictures, a photo that stands in several decoded once; None for a part without photos."""
    whole = decode(catalogue.with_photos(once(photo for photos in parts.values() for photo in photos)), pixels, None, tell=tell)
    place = {path: row for row, path in enumerate(whole.paths)}
    return {name: rows_of(whole, [place[photo.path] for photo in photos]) if photos else None for name, photos in parts.items()}


def rows_of(pictures: Pictures, rows: list[int]) -> Pictures:
    chosen = np.array(rows, np.int64)
    return Pictures(tuple(pictures.paths[row] for row in rows), pictures.labels[chosen], pictures.places[chosen], pictures.store)


def drawn_pictures(pixels: Pixels, tell: Tell) -> Pictures:
    """Garments that modiste draws, as the model would see them; what they are is nobody's business, for its classes may be others."""
    with tempfile.TemporaryDirectory(prefix="modiste-") as scratch:
        return decode(draw(Path(scratch) / "drawn", DRAWN, min(96, pixels.side)), pixels, None, tell=tell)
