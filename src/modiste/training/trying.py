"""Trials before a run: which learning rate, which batch. They train a network of their own and keep nothing of it."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from modiste.models.heads import HEADS
from modiste.records.catalogue import TRAIN, Catalogue
from modiste.records.errors import ModisteError, UsageError
from modiste.records.launch import launched
from modiste.records.plain import fingerprint
from modiste.records.progress import Progress
from modiste.records.recipe import Recipe
from modiste.records.seal import read_sealed, write_sealed
from modiste.training.finding import FoundBatch, FoundRate, best_batch, find_lr
from modiste.training.fit import USUAL, Manner, check_before_work, divided, first_lesson, pictures_for, used_contents, without_second_stage
from modiste.training.loop import Lesson, chance, epoch_batches, learner_of, step
from modiste.training.machine import circumstances, device, fp32_whole, memory_kept
from modiste.training.team import Team

WARM, TIMED = 1, 3  # steps of each batch size


def rate_for(recipe: Recipe, catalogue: Catalogue, runs: Path = Path("runs"), manner: Manner = USUAL) -> FoundRate:
    """The learning rate to try first for a recipe on a catalogue: some hundred steps, each at a higher rate than the one before."""
    lesson = trial(recipe, catalogue, runs, manner)
    learner, part = learner_of(lesson), lesson.part(lesson.model.network)
    learner.network.train()
    batches = (rows for epoch in itertools.count() for rows in epoch_batches(lesson.train.labels, lesson.recipe, epoch))
    numbers = itertools.count()

    def step_at(lr: float) -> float:
        rows, number = next(batches), next(numbers)
        torch.manual_seed(chance(recipe.seed, 0, number))
        for group in learner.optimiser.param_groups:
            group["lr"] = lr
        loss_sum, _hits = step(lesson, learner, part, rows, recipe.pixels.side)
        manner.tell(Progress("finding lr", number + 1, 100, "steps", f"lr {lr:.2g}, loss {loss_sum / len(rows):.3f}"))
        return loss_sum / len(rows)

    with memory_kept(), fp32_whole():
        return find_lr(step_at)


def batch_for(recipe: Recipe, catalogue: Catalogue, runs: Path = Path("runs"), manner: Manner = USUAL) -> FoundBatch:
    """The smallest batch that this machine is about as quick with as with any, of 8, 16, 32 ... photos."""
    lesson = trial(replace(recipe, accumulate=1), catalogue, runs, manner)
    learner, part, photos = learner_of(lesson), lesson.part(lesson.model.network), len(lesson.train)
    learner.network.train()

    def seconds_a_step(size: int) -> float:
        manner.tell(Progress("finding batch", size, 512, "photos"))
        rows, took = np.resize(np.arange(photos), size), []
        for _ in range(WARM + TIMED):
            begun = time.perf_counter()
            step(replace(lesson, recipe=replace(lesson.recipe, batch=size)), learner, part, rows, recipe.pixels.side)
            took.append(time.perf_counter() - begun)
        return min(took[WARM:])

    with memory_kept(), fp32_whole():
        return best_batch(seconds_a_step, sizes(photos))


def remembered_batch(recipe: Recipe, catalogue: Catalogue, runs: Path = Path("runs"), manner: Manner = USUAL) -> int:
    """`batch_for`, found once for a network, its pixels and this machine: a run that goes on must not become another one."""
    machine = {key: value for key, value in circumstances(device(manner.where)).items() if key in ("processor", "cores", "device")}
    tried = sizes(sum(photo.split == TRAIN and photo.label is not None for photo in catalogue.photos))
    trunk = without_second_stage(recipe) if HEADS.get(recipe.network.head) is not None else recipe
    key = fingerprint([replace(trunk, batch=1, seed=0).plain(), tried, machine])[:16]
    path = runs / "cache" / "batches" / f"{key}.json"
    if launched()[0] > 1:
        raise UsageError("--auto-batch measures one process. Find the batch with one, then give all of them --set batch=N.")
    try:
        return int(read_sealed(path, "")["batch"])
    except (FileNotFoundError, ModisteError, KeyError, ValueError):
        found = batch_for(recipe, catalogue, runs, manner).batch
    write_sealed(path, {"batch": found})
    return found


def sizes(photos: int) -> list[int]:
    """The batches to try with so many photos to train on."""
    return [size for size in (8, 16, 32, 64, 128, 256, 512) if size <= max(8, photos)]


def trial(recipe: Recipe, catalogue: Catalogue, runs: Path, manner: Manner) -> Lesson:
    """The lesson that a run of this recipe would begin with."""
    check_before_work(recipe, manner.where)
    if HEADS[recipe.network.head] is not None:
        recipe = without_second_stage(recipe)
    team, splits = Team(device(manner.where)), divided(catalogue, recipe, used_contents(catalogue, manner.tell))
    return first_lesson(recipe, splits, pictures_for(recipe, splits, runs, team, manner.tell), manner, team)
