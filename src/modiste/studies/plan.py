"""A plan: what a study would do, before it does it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from modiste.data.batches import IMAGENET_MEAN, IMAGENET_STD, expected_draws
from modiste.data.decoded import Pictures
from modiste.data.describe import describe
from modiste.models.heads import HEADS
from modiste.models.variants import parameters, sketch
from modiste.records.catalogue import Catalogue
from modiste.records.progress import Progress
from modiste.records.recipe import Recipe
from modiste.records.run import Run, run_folder
from modiste.records.table import Cell, Table
from modiste.studies.checks import check_carving, check_claims, check_judged_alike, check_pilot, check_trunks
from modiste.studies.definitions import Study
from modiste.training.fit import USUAL, Manner, Splits, check_before_work, divided, lesson_of, used_contents, whole, without_second_stage
from modiste.training.given import Eyes
from modiste.training.loggers import check_loggers
from modiste.training.loop import epoch_batches, learner_of, step
from modiste.training.machine import device, fp32_whole, memory_kept
from modiste.training.model import Model
from modiste.training.team import Team

WARM, TIMED = 1, 4  # steps
COST_NOTHING = ("seed", "split_seed", "validation", "lr", "schedule", "label_smoothing", "select", "patience")  # settings, of a step
PREDICTING = 0.5  # a fp32 prediction costs about half a bf16 training step a photo


@dataclass(frozen=True)
class Plan:
    """Tables for people, and what the study will still take: seconds of this machine and bytes of disk."""

    tables: tuple[Table, ...]
    seconds: float
    disk_bytes: int

    def plain(self) -> dict[str, object]:
        return {"tables": [table.plain() for table in self.tables], "seconds": round(self.seconds), "disk_bytes": self.disk_bytes}


def plan(study: Study, catalogue: Catalogue, runs: Path = Path("runs"), manner: Manner = USUAL) -> Plan:
    """What `finish` would do: photos, draws, runs with parameters, steps, measured time, disk. Trains nothing."""
    for recipe in study.recipes.values():
        check_before_work(recipe, manner.where)
    check_loggers(manner.log)
    check_claims(study, catalogue)
    check_carving(study, catalogue)
    contents = used_contents(catalogue, manner.tell)
    splits = {name: divided(catalogue, recipe, contents) for name, recipe in study.recipes.items()}
    check_pilot(study, list(splits.values()))
    check_judged_alike(study, list(splits.values()))
    check_trunks(study, runs, contents.data_hash)
    rows, seconds, disk = [], 0.0, 0
    timed: dict[Recipe, Pace] = {}
    seen: dict[Path, str] = {}
    for number, (name, recipe) in enumerate(study.planned()):
        manner.tell(Progress("measuring", number, len(study.planned()), "variants", name))
        row, takes, bytes_ = run_row(name, recipe, splits[name], runs, manner.where, timed, seen)
        rows.append(row)
        seconds, disk = seconds + takes, disk + bytes_
    some_splits = next(iter(splits.values()))
    disk += cache_bytes(study, splits)
    columns = ("Run", "Seed", "State", "Trainable", "Frozen", "Steps", "Seconds a step", "Minutes", "MB")
    how = "at most" if any(recipe.patience for recipe in study.recipes.values()) else "about"
    note = f"In all: {how} {minutes(seconds)} on this machine and {disk / 1e9:.1f} GB of disk, decoded photos included."
    table = Table("Runs", columns, tuple(rows), (note, *study.notes), digits=2)
    return Plan((describe(used(catalogue, some_splits)), *draws_of(study, splits), table), seconds, disk)


def used(catalogue: Catalogue, splits: Splits) -> Catalogue:
    """The photos that the study reads, under the split names it uses them for."""
    return catalogue.with_photos(replace(photo, split=name) for name, part in splits.named().items() for photo in part.photos)


def draws_of(study: Study, splits: Mapping[str, Splits]) -> list[Table]:
    """A table a sampler, with the variants that draw by it where there are others."""
    names: dict[str, list[str]] = {}
    for name, recipe in study.recipes.items():
        names.setdefault(recipe.sampling, []).append(name)
    return [draws(splits[of[0]], sampling, of if len(names) > 1 else ()) for sampling, of in names.items()]


def draws(splits: Splits, sampling: str, of: Sequence[str] = ()) -> Table:
    """What the sampler makes of the class imbalance."""
    counts = splits.train.counts()
    expected = expected_draws(counts, sampling)
    rows = [
        (name, count, round(draw, 1), round(draw / count, 2))
        for name, count, draw in zip(splits.train.classes.names, counts, expected, strict=True)
    ]
    columns = ("Class", "Photos in train", "Draws an epoch", "Times each photo")
    return Table(f"Sampler: {sampling}", columns, tuple(rows), (f"Of {', '.join(of)}.",) if of else (), digits=2)


def run_row(
    name: str, recipe: Recipe, splits: Splits, runs: Path, where: str, timed: dict[Recipe, Pace], seen: dict[Path, str]
) -> tuple[tuple[Cell, ...], float, int]:
    """One line of the plan, the seconds it will take and the bytes it will leave.

    `seen` has the folders of the lines before, each with the variant it is of; none where it is trained for an SVM alone.
    """
    classes = len(splits.train.classes)
    with torch.device("meta"):  # counted, not filled
        trainable, frozen = parameters(sketch(recipe.network, classes, recipe.pixels.channels))
    folder = run_folder(runs, recipe, splits.contents.data_hash)
    second = HEADS[recipe.network.head] is not None
    trunk = run_folder(runs, without_second_stage(recipe), splits.contents.data_hash) if second else folder
    state = state_of(Run(folder), Run(trunk), seen)
    steps = recipe.epochs * len(epoch_batches(np.array(splits.train.labels()), recipe, 0))
    if state == "finished" or seen.get(folder):
        return (name, recipe.seed, state, trainable, frozen, 0, None, 0.0, 0), 0.0, 0
    trains = trunk not in seen and not Run(trunk).finished  # whichever of the two comes first, the other shares it
    seen[folder] = name
    seen.setdefault(trunk, "")
    pace = seconds_a_step(recipe, splits, where, timed)
    done = len(Run(trunk).history()) / recipe.epochs if (trunk / "checkpoint.safetensors").is_file() else 0.0
    photos, watched = len(splits.train), len(splits.validation or splits.test or ())
    watching = watched * pace.photo * recipe.epochs
    training = (steps * pace.step + watching) * (1 - done) + (photos + watched) * pace.once if trains else 0.0
    predicting = PREDICTING * pace.whole * (watched + (2 * photos if second else 0))
    size = 4 * (trainable + frozen) * (2 if second and trains else 1)
    takes = training + predicting
    row: tuple[Cell, ...] = (name, recipe.seed, state, trainable, frozen, steps if trains else 0, pace.step, takes / 60, round(size / 1e6))
    return row, takes, size


def state_of(run: Run, trunk: Run, seen: Mapping[Path, str]) -> str:
    if run.finished:
        return "finished"
    if run.folder in seen:
        return f"the same run as {seen[run.folder]}" if seen[run.folder] else "trained for the SVM of its depth"
    if trunk.finished or trunk.folder in seen:
        return "fits an SVM on the softmax run of its depth"
    done = trunk.history() if (trunk.folder / "checkpoint.safetensors").is_file() else []
    return f"goes on after epoch {done[-1].epoch}" if done else "to train"


@dataclass(frozen=True)
class Pace:
    """Seconds: of a training step; to look at a photo after an epoch; for a photo's features, once; for a photo, all of it."""

    step: float
    photo: float
    once: float
    whole: float


def seconds_a_step(recipe: Recipe, splits: Splits, where: str, timed: dict[Recipe, Pace]) -> Pace:
    """Measured on this machine, with made-up pictures of the right size; the same network is measured once."""
    key = replace(without_second_stage(recipe), **{name: getattr(Recipe(), name) for name in COST_NOTHING}, epochs=1, warmup_epochs=0.0)
    if key not in timed:
        with memory_kept(), fp32_whole():
            timed[key] = measure(key, splits, device(where))
    return timed[key]


def measure(recipe: Recipe, splits: Splits, where: torch.device) -> Pace:
    rng = np.random.default_rng(0)
    batch = min(recipe.batch * recipe.accumulate, len(splits.train))
    shape = (batch, recipe.pixels.side, recipe.pixels.side, 3 if recipe.pixels.colour == "rgb" else 1)
    classes = splits.train.classes
    pictures = Pictures.of(("",) * batch, rng.integers(0, 256, shape, np.uint8), rng.integers(0, len(classes), batch))
    grey = recipe.pixels.colour != "rgb"
    mean, std = ((0.5,), (0.25,)) if grey else (IMAGENET_MEAN, IMAGENET_STD)
    eyes = Eyes(recipe.pixels, mean * (recipe.pixels.channels // len(mean)), std * (recipe.pixels.channels // len(std)))
    network = sketch(recipe.network, len(classes), recipe.pixels.channels)
    begun = time.perf_counter()
    lesson = lesson_of(recipe, Model(classes, eyes, network), pictures, "", pictures, Team(where), Manner())
    features = (time.perf_counter() - begun) / (2 * batch)
    learner, rows, took = learner_of(lesson), np.arange(batch), []
    part = lesson.part(network)
    for _ in range(WARM + TIMED):
        begun = time.perf_counter()
        step(lesson, learner, part, rows, recipe.pixels.side)
        took.append(time.perf_counter() - begun)
    fastest = min(took[WARM:])  # of a machine that other work may disturb, the undisturbed step
    once = features if lesson.part is not whole else 0.0
    return Pace(fastest, PREDICTING * fastest / batch, once, max(once, fastest / batch))


def cache_bytes(study: Study, splits: Mapping[str, Splits]) -> int:
    """Bytes of decoded photos: one copy for all runs that look alike."""
    looks = {
        (recipe.pixels.side, recipe.pixels.colour == "rgb", recipe.pixels.fit): sum(len(part) for part in splits[name].named().values())
        for name, recipe in study.recipes.items()
    }
    return sum(count * side * side * (3 if rgb else 1) for (side, rgb, _fit), count in looks.items())


def minutes(seconds: float) -> str:
    """A length of time for people.

    >>> minutes(5400), minutes(20)
    ('1 h 30 min', '20 s')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"
