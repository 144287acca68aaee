"""From what people said to another network of the project, and how two networks differ."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from modiste.learning.bundles import Written, write
from modiste.learning.learnt import learn
from modiste.projects.guesses import Guesses
from modiste.projects.project import Model
from modiste.projects.studio import Stop, Studio
from modiste.records.catalogue import TEST, Catalogue, Photo
from modiste.records.errors import ModisteError
from modiste.records.progress import Tell


def learnt_from_labels(studio: Studio, tell: Tell, stop: Stop) -> str:
    """Learn another network from the labels of now; it is put beside the others, and asked about all photos."""
    with studio.lock:
        catalogue, base = labelled(studio), studio.project.bundle(studio.model)
        number = max(one.number for one in studio.models.models) + 1
    kept = studio.project.folder / "models" / "seen"
    declared = studio.classes.names != base.card.classes.names
    learnt = learn(catalogue, base, kept, declared=declared, tell=tell)  # telling stops it where that was asked for
    written = write(learnt, studio.project.folder / "models" / f"{number}.onnx")
    tried = sum(photo.split != TEST for photo in catalogue.photos)
    with studio.lock:
        made = studio.models if written.bundle is None else studio.models.with_model(model_of(number, written))
        studio.models = studio.project.write_models(replace(made, tried=tried))
        studio.changed()
    if written.bundle is None:
        return written.words[0]
    studio.look_with(number, tell, stop)
    honest = f" On the honest sample: {learnt.test.words}." if learnt.test is not None else ""
    return f"Network {number} is there: {learnt.verdict.words}.{honest}"


def labelled(studio: Studio) -> Catalogue:
    """The photos with a label that stands; those of the honest sample are judged by, never learnt from."""
    photos = []
    for one in studio.whole("Train").looked.photos:
        label = studio.standing.settled(one.path)
        if label is not None:
            split = TEST if studio.is_sample(one.path) else ""
            photos.append(Photo(one.path, studio.classes.code(label), product=one.product, split=split))
    if not photos:
        raise ModisteError("nothing is labelled yet: there is nothing to learn from.")
    return Catalogue(studio.source.root, studio.classes, tuple(photos))


def model_of(number: int, written: Written) -> Model:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    learnt = written.learnt
    verdict = learnt.verdict.words if learnt.test is None else f"on the honest sample: {learnt.test.words}"
    return Model(number, written.id or "", f"models/{number}.onnx", now, len(learnt.seen), verdict, written.words)


@dataclass(frozen=True)
class Differences:
    """Where two networks guess differently: rows of photos, the surest differences first, and how often which guess became which."""

    rows: list[int]
    same: int
    pairs: list[tuple[int, int, int]]  # guess of the one, of the other, photos


def differences(one: Guesses, other: Guesses) -> Differences:
    """Where two networks' guesses differ, of photos that both were asked about."""
    if one.looked.photos != other.looked.photos:
        places = other.by_path
        order = np.array([places.get(photo.path, -1) for photo in one.looked.photos])
    else:
        order = np.arange(len(one))
    there = (order >= 0) & (one.labels >= 0)
    labels = np.where(there, other.labels[order], -1)
    there &= labels >= 0
    rows = np.flatnonzero(there & (labels != one.labels))
    sure = np.minimum(one.confidence[rows], other.confidence[order[rows]])
    counted = Counter(zip(one.labels[rows].tolist(), labels[rows].tolist(), strict=True))
    pairs = [(first, second, many) for (first, second), many in counted.most_common()]
    return Differences(rows[np.argsort(-sure, kind="stable")].tolist(), int(there.sum()) - len(rows), pairs)
