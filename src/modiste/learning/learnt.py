"""The job: labels read, features kept, a head chosen by photos left out, a verdict, a bundle. `modiste train --from` does this."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from modiste.data.split import bound_together
from modiste.evaluation.statistics.calibration import log_probabilities
from modiste.learning.fitting import (
    FOLDS,
    Bools,
    Candidate,
    Codes,
    Floats,
    Material,
    Space,
    candidates,
    chosen,
    folds_of,
    left_out,
    losses_of,
    path,
    scores_of,
    space_of,
)
from modiste.learning.seen import Seen, Stop, see
from modiste.learning.task import Task, task_of
from modiste.learning.verdict import Verdict, verdict
from modiste.records.catalogue import TEST, Catalogue
from modiste.records.errors import ModisteError, Stopped
from modiste.records.lock import locked
from modiste.records.predictions import Predictions
from modiste.records.progress import Progress, Tell, silent
from modiste.serving.bundle import Bundle
from modiste.serving.heads import Head
from modiste.serving.labeller import Labeller, labeller_of
from modiste.training.stopping import stoppable

BALANCE = 0.5  # between every photo and every class counting the same (docs/learn.md)
SMALL = 1_000_000  # numbers that one thread is as quick with as two
FEW, MISTAKES = 10, 0.05  # of so many labels or more, so small a share of right calls is no chance
SPREAD = 0.5  # how far from 1 the logarithm of a temperature usually lies
HEATS = np.exp(np.linspace(-3, 3, 601))
USUAL = 0.99  # of the labelled photos are not to be rejected as strange


@dataclass(frozen=True, eq=False)
class Learnt:
    """What was learnt from labels, and how good it is; `head` is None where the network is best left as it is."""

    base: Bundle
    task: Task
    seen: Seen  # the photos that were learnt from
    candidate: Candidate
    head: Head | None
    temperature: float
    left_out: Predictions  # of the photos learnt from, each by a head that did not see it
    verdict: Verdict
    test: Verdict | None  # on photos of split test
    labels_hash: str
    seed: int
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def reject_above(self) -> float | None:
        """How strange a photo may be: as the network has it, or more where the labelled photos are stranger."""
        least, strange = self.base.card.reject_above, self.seen.strangeness
        return least if least is None or strange is None else max(least, round(float(np.quantile(strange, USUAL)), 6))


def learn(
    catalogue: Catalogue,
    base: Bundle,
    kept: Path,
    *,
    declared: bool = False,
    threads: int | None = None,
    seed: int = 0,
    tell: Tell = silent,
) -> Learnt:
    """Learn a new head for a bundle from the labelled photos of a catalogue; photos of its split `test` are judged by, never learnt from,
    nor are those of the same bytes, product or twins.

    What the network says of photos is kept in the folder `kept`: the same call goes on from there. `declared` says that the catalogue's
    classes are those wanted; else labels that speak of the bundle's own classes alone leave it all of them.
    """
    task = task_of(catalogue, base.card.classes, declared)
    with at_work(kept) as stop:
        labeller = labeller_of(base, base.id, 1)  # photos are scored side by side, so that no answer hangs on how many at a time
        refuse_featureless(labeller)
        seen = see(labeller, task.catalogue, kept / "features.bin", tell, stop, threads)
        is_test = np.array([photo.split == TEST for photo in seen.photos], bool)
        groups = groups_of(seen)
        bound = ~is_test & np.isin(groups, groups[is_test])
        train, test = seen[np.flatnonzero(~is_test & ~bound)], seen[np.flatnonzero(is_test)]
        labels = [photo.label for photo in train.photos if photo.label is not None]
        notes = (*told_bound(int(bound.sum())), *told_in_two_ways(train), *task.checked(labels))
        with threadpool_limits(1 if train.features.size < SMALL else None, "blas"):
            return learnt_from(train, test, replace(task, notes=(*task.notes, *notes)), base, seed, tell, stop, seen)


@contextmanager
def at_work(kept: Path) -> Iterator[Stop]:
    """The folder is ours while the block runs, and Ctrl-C is heard."""
    with locked(kept / ".lock", str(kept)), stoppable() as wish:

        def stop() -> None:
            if wish.reason is not None:
                raise Stopped(
                    f"stopped by {wish.reason[0]}. What was seen of photos is kept; the same command goes on from there.", wish.reason[1]
                )

        yield stop


def told_bound(many: int) -> tuple[str, ...]:
    """That some photos were left aside for those that are judged by, in words."""
    return (f"Not learnt from, as photos of split test have their bytes, product or twins: {many:,}.",) if many else ()


def told_in_two_ways(train: Seen) -> tuple[str, ...]:
    """That copies of one picture bear different labels, in words."""
    labels: dict[str, set[int | None]] = {}
    for photo, digest in zip(train.photos, train.digests, strict=True):
        labels.setdefault(digest, set()).add(photo.label)
    many = sum(len(labels[digest]) > 1 for digest in train.digests)
    return (f"Learnt from, though a copy of the same bytes has another label: {many:,}.",) if many else ()


def refuse_featureless(labeller: Labeller) -> None:
    side, channels = labeller.pixels.side, 3 if labeller.pixels.colour == "rgb" else 1
    if not labeller.score(np.zeros((1, side, side, channels), np.uint8)).features.shape[1]:
        raise ModisteError(f"{labeller.id} gives no features to learn from. Export its run with `modiste export`.")


def learnt_from(train: Seen, test: Seen, task: Task, base: Bundle, seed: int, tell: Tell, stop: Stop, seen: Seen) -> Learnt:
    """The head, and its verdicts."""
    space = space_of(train.features)
    own_heat = own_heat_of(train, task, base)
    material = material_of(train, space, task, own_heat, untouched(train, task))
    refuse_mistakes(material)
    tried = candidates(material)
    fold = folds_of(material.labels, material.groups, folds_for(material), seed)
    scores = np.zeros((len(tried), len(train), len(task.classes)))
    for number, found in left_out(material, tried, fold):
        scores[:, fold == number] = found
        tell(Progress("learning", number + 1, int(fold.max()) + 2, "rounds"))
        stop()
    losses, folds = losses_of(scores, material.labels), range(int(fold.max()) + 1)
    picks = {number: chosen(losses[:, fold != number], material.weights[fold != number], tried) for number in folds}
    honest = scores[[picks[number] for number in fold], np.arange(len(train))]  # no photo had a part in choosing its own head
    candidate = tried[chosen(losses, material.weights, tried)]
    if not right_on_more(honest, material):
        candidate, honest = tried[0], scores[0]
    weights = last(path(material, tried[: tried.index(candidate) + 1]))
    tell(Progress("learning", int(fold.max()) + 2, int(fold.max()) + 2, "rounds"))
    after, own = predictions(train, task, honest, material.labels), own_of(task, base, own_heat)
    heat = heat_of(after)
    return Learnt(
        base,
        task,
        train,
        candidate,
        None if candidate.penalty == np.inf else head_of(space, weights, candidate, material, own, heat),
        heat,
        after,
        verdict(after, before_of(train, task, material), f"On {len(train):,} labelled photos, each by a head that did not see it"),
        tested(test, space, weights, candidate, task, own_heat, material.untouched),
        labels_hash(train, task),
        seed,
        tuple(str(one) for one in seen.refused),
        task.notes,
    )


def refuse_mistakes(material: Material) -> None:
    """Labels of mistakes alone would have the network unlearn what it is right about."""
    photos = len(material.labels)
    right = photos if material.before is None else int((material.before.argmax(1) == material.labels).sum())
    if photos >= FEW and right <= MISTAKES * photos:
        raise ModisteError(
            f"the network is right on {right} of the {photos:,} labelled photos: were its mistakes alone labelled? It would unlearn "
            "what it is right about, and nothing could be said of it. Label photos that it was right on too."
        )


def right_on_more(scores: Floats, material: Material) -> bool:
    """Whether scores call more photos rightly than the network did; to be surer alone is no reason to change it."""
    if material.before is None:
        return True
    new, old = ((one.argmax(1) == material.labels).sum() for one in (scores, material.before))
    return bool(new > old)


def last(learnt: Iterator[tuple[Candidate, Floats]]) -> Floats:
    return list(learnt)[-1][1]


def own_heat_of(seen: Seen, task: Task, base: Bundle) -> float:
    """The temperature of the network's own scores on these photos: how sure it is shall not be mistaken for what it has to learn."""
    if task.own is None:
        return 1.0
    scores = seen.scores[:, task.own].astype(np.float64) / base.card.temperature
    return base.card.temperature * heat_of(predictions(seen, task, scores, labels_of(seen)))


def labels_of(seen: Seen) -> Codes:
    return np.array([photo.label for photo in seen.photos], np.int64)


def untouched(seen: Seen, task: Task) -> Bools | None:
    """The classes that no photo tells of, (K,); None where there is none."""
    absent = np.bincount(labels_of(seen), minlength=len(task.classes)) == 0
    return absent if absent.any() else None


def material_of(seen: Seen, space: Space, task: Task, own_heat: float, apart: Bools | None) -> Material:
    """Photos as they are learnt from."""
    labels = labels_of(seen)
    before = None if task.own is None else logs_of(seen.scores[:, task.own] / own_heat)
    return Material(space.of(seen.features), labels, groups_of(seen), before, len(task.classes), BALANCE, apart)


def logs_of(scores: NDArray[np.floating]) -> Floats:
    """Scores (N, K) as logarithms of probabilities."""
    names, photos = tuple(map(str, range(scores.shape[1]))), tuple(map(str, range(len(scores))))
    return log_probabilities(Predictions(names, photos, np.zeros(len(scores), np.int64), scores.astype(np.float64)))


def groups_of(seen: Seen) -> Codes:
    """Photos that stay together: of one product, of one group of twins, or of the same bytes: (N,)."""
    groups = bound_together(seen.photos)
    place = {photo.path: number for number, group in enumerate(groups) for photo in group}
    leader, owner = list(range(len(groups))), dict[str, int]()

    def first(group: int) -> int:
        while leader[group] != group:
            leader[group] = group = leader[leader[group]]
        return group

    for photo, digest in zip(seen.photos, seen.digests, strict=True):
        group = first(place[photo.path])
        leader[group] = first(owner.setdefault(digest, group))
    return np.array([first(place[photo.path]) for photo in seen.photos], np.int64)


def folds_for(material: Material) -> int:
    """How many times some photos are left out: five, or as many groups as there are."""
    groups = len(np.unique(material.groups))
    if groups < 2:
        raise ModisteError("all labelled photos are of one product: none can be left out to judge by. Label others too.")
    return min(FOLDS, groups)


def predictions(seen: Seen, task: Task, scores: Floats, labels: Codes) -> Predictions:
    return Predictions(task.classes.names, tuple(photo.path for photo in seen.photos), labels, scores)


def before_of(seen: Seen, task: Task, material: Material) -> Predictions | None:
    """What the network itself says of the photos, where it knows the classes."""
    return None if material.before is None else predictions(seen, task, material.before, material.labels)


def heat_of(found: Predictions) -> float:
    """The temperature with the least loss, drawn towards 1: a few photos without a mistake would have it fall to nothing."""
    losses = losses_of(np.stack([found.scores / heat for heat in HEATS[::10]]), found.truth).sum(1)
    best = int((losses + np.log(HEATS[::10]) ** 2 / (2 * SPREAD**2)).argmin()) * 10
    near = HEATS[max(0, best - 10) : best + 11]
    losses = losses_of(np.stack([found.scores / heat for heat in near]), found.truth).sum(1)
    return round(float(near[(losses + np.log(near) ** 2 / (2 * SPREAD**2)).argmin()]), 6)


def head_of(space: Space, weights: Floats, candidate: Candidate, material: Material, own: Floats | None, heat: float) -> Head:
    """What was learnt as a head for the network's features."""
    raw, bias = space.back(weights)
    return Head(raw, bias, heat) if candidate.anew or own is None else Head(raw, bias, heat, own, material.untouched)


def own_of(task: Task, base: Bundle, own_heat: float) -> Floats | None:
    """What of the network's own scores goes into each class's: (K of the network, K)."""
    if task.own is None:
        return None
    own = np.zeros((len(base.card.classes), len(task.classes)))
    own[task.own, np.arange(len(task.classes))] = 1 / own_heat
    return own


def tested(
    test: Seen, space: Space, weights: Floats, candidate: Candidate, task: Task, own_heat: float, apart: Bools | None
) -> Verdict | None:
    """The verdict on photos that were kept apart, where there are some."""
    if not len(test):
        return None
    material = material_of(test, space, task, own_heat, apart)
    after = predictions(test, task, scores_of(material, candidate, weights), material.labels)
    return verdict(after, before_of(test, task, material), f"On {len(test):,} photos of split test")


def labels_hash(seen: Seen, task: Task) -> str:
    """SHA-256 of which bytes were given which class, whatever files are called and whichever comes first."""
    names = task.classes.names
    lines = sorted(f"{digest} {names[photo.label or 0]}\n" for digest, photo in zip(seen.digests, seen.photos, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def plain_of(candidate: Candidate) -> dict[str, Any]:
    """A candidate as plain values."""
    return {"anew": candidate.anew, "penalty": None if candidate.penalty == np.inf else candidate.penalty}
