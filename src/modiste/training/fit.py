"""One run, from a recipe and a catalogue to a finished folder."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from modiste.data.augment import check_augmentations
from modiste.data.batches import constants, sampling_weights
from modiste.data.decoded import Pictures, decode
from modiste.data.describe import Contents
from modiste.data.describe import contents as contents_of
from modiste.data.split import carve
from modiste.models.heads import HEADS
from modiste.models.variants import Classifier, build, check, measures_batches, parameters, sketch, without_norms
from modiste.records.catalogue import TEST, TRAIN, VALIDATION, Catalogue
from modiste.records.errors import MachineError, ModisteError, unknown
from modiste.records.launch import launched
from modiste.records.lock import locked
from modiste.records.progress import Progress, Tell, silent
from modiste.records.recipe import PRESETS, Recipe
from modiste.records.run import ONLY_WHILE_TRAINING, Run, first_weights, no_weights, run_folder
from modiste.records.words import counted
from modiste.training.given import Eyes, Given, computed, cut_off, features_of, pictures_of
from modiste.training.loggers import check_loggers
from modiste.training.loop import OPTIMISERS, Lesson, Watched, learn
from modiste.training.losses import loss, masses
from modiste.training.machine import circumstances, device, fp32_whole, memory_kept, precision
from modiste.training.model import Model, open_model, predict, save_model, whole_on
from modiste.training.team import Team, gather


@dataclass(frozen=True)
class Splits:
    """The photos of a run by what they are for, and what stands for the content of them all."""

    train: Catalogue
    validation: Catalogue | None
    test: Catalogue | None
    contents: Contents

    def named(self) -> dict[str, Catalogue]:
        """The splits there are, by name."""
        found = {TRAIN: self.train, VALIDATION: self.validation, TEST: self.test}
        return {name: part for name, part in found.items() if part is not None}


@dataclass(frozen=True)
class Manner:
    """How runs are trained, which decides nothing of what comes out: where, whom to tell, when to keep and to stop, what to log to."""

    where: str = "auto"
    tell: Tell = silent
    checkpoint_seconds: float = 60.0
    deadline: float | None = None  # on the clock time.monotonic: stop after the step that passes it
    log: tuple[str, ...] = ()  # names of LOGGERS


USUAL = Manner()


def fit(recipe: Recipe, catalogue: Catalogue, runs: Path = Path("runs"), manner: Manner = USUAL, contents: Contents | None = None) -> Run:
    """The finished run of a recipe on a catalogue: found in `runs`, gone on with where it was stopped, or trained.

    The catalogue needs labelled photos in split 'train'; those in 'validation' and 'test' are used if they are there.
    `Busy` where another process trains the same run; `Stopped` when it was asked to stop.
    """
    check_before_work(recipe, manner.where)
    check_loggers(manner.log)
    splits = divided(catalogue, recipe, contents or used_contents(catalogue, manner.tell))
    check_shares(splits, launched()[0])
    began = first_weights(recipe)  # read once: the id and about.json speak of one file, whatever becomes of it meanwhile
    run = Run(run_folder(runs, recipe, splits.contents.data_hash, began))
    team = gather(device(manner.where))
    if not team.agree(run.finished):
        if began.startswith("sha256:") and not Path(recipe.network.weights).is_file():
            raise no_weights(recipe.network.weights)
        refuse_carving(recipe, catalogue)
        with memory_kept(), fp32_whole(), sole_writer(run, team, manner.tell):
            if not team.agree(run.finished):  # by the process that had the lock until now
                finish(recipe, catalogue, splits, run, began, manner, team)
    if team.leads:
        sweep(run)
    return run


@contextmanager
def sole_writer(run: Run, team: Team, tell: Tell) -> Iterator[None]:
    """The run is this team's until the block ends; what an earlier process left half written is taken away."""
    with ExitStack() as held:
        team.by_the_leader(lambda: held.enter_context(locked(run.folder / ".lock", str(run.folder), tell=tell)))
        for leftover in run.folder.rglob(".*.part") if team.leads else ():
            leftover.unlink(missing_ok=True)
        yield


def finish(recipe: Recipe, catalogue: Catalogue, splits: Splits, run: Run, began: str, manner: Manner, team: Team) -> None:
    """Train the run, or fit its second stage, then store the model, what it says of each photo, and what made it."""
    begun = time.monotonic()
    tell = manner.tell
    pictures = pictures_for(recipe, splits, run.folder.parent, team, tell)
    looked_at: dict[str, tuple[nn.Module, Given]] = {}
    if HEADS[recipe.network.head] is None:
        lesson, facts = trained(recipe, splits, pictures, run, began, manner, team)
        model, looked_at = lesson.model, {lesson.watched.name: (lesson.part(lesson.model.network), lesson.watched.given)}
    else:
        trunk = fit(without_second_stage(recipe), catalogue, run.folder.parent, manner, splits.contents)
        refuse_others(recipe, began, str(trunk.about.get("started_from", began)).rpartition(" ")[2])
        begun = time.monotonic()  # the trunk's time stands in the trunk's own folder
        model, facts = second_stage(recipe, trunk, pictures, run, team, tell)
    said = {
        name: predict(model, *(looked_at.get(name) or whole_on(model, part)), team, tell, f"predicting {name}")
        for name, part in pictures.items()
        if name != TRAIN
    }

    def store() -> None:
        run.write_recipe(recipe)
        save_model(run.folder, model, recipe.network)
        for name, predictions in said.items():
            predictions.write(run.folder / "predictions" / f"{name}.csv")
        run.write_about(about(recipe, splits, model, began, team, facts, time.monotonic() - begun))

    team.by_the_leader(store)


def pictures_for(recipe: Recipe, splits: Splits, runs: Path, team: Team, tell: Tell) -> dict[str, Pictures]:
    """Each split decoded, through the cache of this folder of runs."""

    def decoded(part: Catalogue) -> Pictures:
        return team.first_the_leader(lambda: decode(part, recipe.pixels, runs / "cache", splits.contents.digests, tell))

    return {name: decoded(part) for name, part in splits.named().items()}


def sweep(run: Run) -> None:
    """Take away what only an unfinished run needs; a run killed just before this is swept when it is next asked for."""
    for leftover in (*ONLY_WHILE_TRAINING, ".lock"):  # who holds the lock of a finished run only looks, and finds it finished
        (run.folder / leftover).unlink(missing_ok=True)


def check_before_work(recipe: Recipe, where: str = "auto") -> None:
    """Refuse what would only fail after minutes: names that nobody knows, a device or a network that cannot be."""
    device(where)
    check(recipe.network)
    recipe.pixels.check_constants()
    if recipe.optimiser not in OPTIMISERS:
        raise unknown("optimiser", recipe.optimiser, OPTIMISERS)
    with torch.device("meta"):  # takes neither memory nor time: can it be built?
        check_batch(recipe, measures_batches(sketch(recipe.network, 2, recipe.pixels.channels)), launched()[0])
    check_augmentations(recipe.augment)
    loss(recipe.loss, [1])
    loss("hinge" if recipe.network.head == "hinge" else recipe.loss, [1], recipe.label_smoothing)
    if recipe.network.head == "hinge" and recipe.loss not in (Recipe().loss, "hinge"):
        raise ModisteError(f"loss = {recipe.loss}: network.head=hinge has a loss of its own. Leave loss away, or set network.head=softmax.")
    least = min(recipe.pixels.side, recipe.first_side or recipe.pixels.side)
    if recipe.network.backbone == "alexnet" and least < 63:
        key = "pixels.side" if least == recipe.pixels.side else "first_side"
        raise ModisteError(f"{key} = {least}: AlexNet's three pools need 63 px or more.")


def check_batch(recipe: Recipe, measured: bool, processes: int) -> None:
    """Refuse a step that leaves a process without a photo, or with one where batch-norm has a spread to measure."""
    least = 2 if measured else 1
    if recipe.batch * recipe.accumulate >= least * processes:
        return
    why = "this network's batch-norm needs 2 photos or more in a batch" if measured else "each process needs a photo of a batch"
    shared = f", and {processes} processes divide it. Set batch={least * processes} or more, or start fewer" if processes > 1 else ""
    raise ModisteError(f"batch = {recipe.batch}: {why}{shared}.")


def check_shares(splits: Splits, processes: int) -> None:
    """Refuse a team in which a process would get no photo of a split, or in training a single one."""
    for name, part in splits.named().items():
        least = processes * (2 if name == TRAIN else 1)
        if processes > 1 and len(part) < least:
            raise ModisteError(f"{counted(len(part), 'photo')} in split '{name}', but {processes} processes need {least}. Start fewer.")


def refuse_carving(recipe: Recipe, catalogue: Catalogue, given: Iterable[str] = ()) -> None:
    """Refuse settings of a carving where the catalogue has a validation split, which is taken whole.

    A preset's share means any split, unless it was `given` by name.
    """
    usual, own = {preset().validation for preset in PRESETS.values()}, len(catalogue.split(VALIDATION))
    named = {key.removeprefix("recipe.") for key in given}
    idle = {"validation": recipe.validation not in usual, "split_seed": recipe.split_seed != 0}
    for key in (key for key, is_set in idle.items() if own and (is_set or key in named)):
        raise ModisteError(
            f"{catalogue.root}: {key}={getattr(recipe, key):g} would do nothing, for the catalogue has a validation split of its own, "
            f"of {counted(own, 'photo')}. Leave {key} away, or put that split into train."
        )


def used_contents(catalogue: Catalogue, tell: Tell = silent) -> Contents:
    """What stands for the photos that a study can use: labelled ones in train, validation and test."""
    used = [photo for photo in catalogue.photos if photo.split in (TRAIN, VALIDATION, TEST) and photo.label is not None]
    return contents_of(catalogue.with_photos(used), lambda done, total: tell(Progress("reading photos", done, total)))


def divided(catalogue: Catalogue, recipe: Recipe, contents: Contents) -> Splits:
    """The splits a recipe asks for; validation is the catalogue's own, or carved from train where the recipe says so.

    Photos stand by path, for draws go by place: the order of a catalogue's rows changes nothing.
    """
    catalogue = catalogue.with_photos(sorted(catalogue.photos, key=lambda photo: photo.path))
    train = catalogue.split(TRAIN)
    own, test = catalogue.split(VALIDATION), catalogue.split(TEST)
    validation = own if len(own) else None
    if validation is None and recipe.validation > 0:
        check_classes(catalogue, train)
        train, validation = carve(train, recipe.validation, recipe.split_seed)
        if not len(validation):
            raise ModisteError(f"{catalogue.root}: validation={recipe.validation:g} of so few photos is none. Give more, or validation=0.")
    check_classes(catalogue, train)
    if HEADS.get(recipe.network.head) is not None and recipe.network.svm_c is None and min(train.counts()) < 2:
        raise ModisteError("An SVM's C is chosen by cross-validation, but a class has one photo in train. Set network.svm_c.")
    if validation is None and (recipe.select == "best" or recipe.patience):
        raise ModisteError("select=best and patience choose by a validation split. Set validation=0.15, or give the catalogue one.")
    if validation is None and not len(test):
        raise ModisteError(f"{catalogue.root}: neither split 'test' nor 'validation' has labelled photos, so nothing could be measured.")
    return Splits(train, validation, test if len(test) else None, contents)


def check_classes(catalogue: Catalogue, train: Catalogue) -> None:
    """Refuse a class that the network would never see."""
    lacking = [name for name, count in zip(catalogue.classes.names, train.counts(), strict=True) if count == 0]
    if lacking:
        raise ModisteError(
            f"{catalogue.root}: no photo of {', '.join(lacking)} in split 'train' ({len(train)} labelled photos there). "
            "Label some, or declare only the classes there are with --classes."
        )


def trained(
    recipe: Recipe, splits: Splits, pictures: Mapping[str, Pictures], run: Run, began: str, manner: Manner, team: Team
) -> tuple[Lesson, dict[str, Any]]:
    """A network trained from its first step to its last, or from its checkpoint on."""
    team.by_the_leader(lambda: run.write_recipe(recipe))
    begun = time.monotonic()
    lesson = first_lesson(recipe, splits, pictures, manner, team)
    refuse_others(recipe, began, first_weights(recipe))
    prepared = time.monotonic() - begun
    kept = learn(lesson, run)
    learnt = round(sum(epoch.seconds for epoch in run.history()), 2)  # of all its sittings, where it was stopped
    facts = {"kept_epoch": kept, "precision": "bf16" if lesson.bf16 else "fp32", "training_seconds": learnt}
    return lesson, {**facts, "features_seconds": round(prepared, 2)} if lesson.part is not whole else facts


def refuse_others(recipe: Recipe, began: str, found: str) -> None:
    """Refuse weights that are not those which the run's id stands for: another file took their place meanwhile."""
    if found != began:
        raise MachineError(
            f"network.weights: '{recipe.network.weights}' was replaced while the run was prepared. The same command takes the new file."
        )


def first_lesson(recipe: Recipe, splits: Splits, pictures: Mapping[str, Pictures], manner: Manner, team: Team) -> Lesson:
    """A fresh network, as its seed makes it, before what it has to learn."""
    mean, std = constants(recipe.pixels, recipe.network.weights != "none", pictures[TRAIN])
    torch.manual_seed(recipe.seed)
    network = build(recipe.network, len(splits.train.classes), recipe.pixels.channels)
    model = Model(splits.train.classes, Eyes(recipe.pixels, tuple(mean), tuple(std)), network)
    watched = VALIDATION if VALIDATION in pictures else TEST
    return lesson_of(recipe, model, pictures[TRAIN], watched, pictures[watched], team, manner)


def lesson_of(recipe: Recipe, model: Model, train: Pictures, watched: str, looked_at: Pictures, team: Team, manner: Manner) -> Lesson:
    """What there is to learn from: pictures, or the features of the network's still part, computed here once."""
    network, eyes, counts = model.network, model.eyes, np.bincount(train.labels, minlength=len(model.classes)).tolist()
    bf16 = precision(recipe.precision, team.where) == "bf16"
    loss_name = "hinge" if recipe.network.head == "hinge" else recipe.loss
    given = {TRAIN: pictures_of(train, eyes, network, recipe.augment), watched: pictures_of(looked_at, eyes, network)}
    still = cut_off(network, recipe, len(train) + len(looked_at), recipe.pixels.channels, team)
    if still is not None:
        quick = without_norms(still)
        quick.to(team.where, memory_format=torch.channels_last)  # type: ignore[call-overload]
        given = {  # of what is watched in full precision, for the predictions are made of them too
            name: features_of(quick, some, team, bf16 and name == TRAIN, manner.tell, f"features of {name}") for name, some in given.items()
        }
    return Lesson(
        model,
        recipe,
        loss(loss_name, counts, recipe.label_smoothing),
        given[TRAIN],
        Watched(watched, given[watched], loss(loss_name, counts)),
        team,
        bf16,
        manner.tell,
        whole if still is None else partial(behind, len(still)),
        manner.checkpoint_seconds,
        manner.deadline,
        manner.log,
        masses(loss_name, counts),
    )


def whole(network: Classifier) -> nn.Module:
    """All of a network learns, or works on pictures."""
    return network


def behind(stages: int, network: Classifier) -> nn.Module:
    """What of a network stands behind its first stages."""
    return nn.Sequential(*network.stages()[stages:])


def second_stage(
    recipe: Recipe, trunk: Run, pictures: Mapping[str, Pictures], run: Run, team: Team, tell: Tell
) -> tuple[Model, dict[str, Any]]:
    """The trunk's network with an SVM, fitted on its features of the training photos, in the place of its last layer."""
    model, train = open_model(trunk), pictures[TRAIN]
    fit_head = HEADS[recipe.network.head]
    assert fit_head is not None

    def features(name: str) -> Tensor:
        given = pictures_of(pictures[name], model.eyes, model.network)
        return computed(model.network.backbone, given, team, tell, f"features of {name}", dtype=torch.float32)

    balance = balance_of(recipe, train.labels, len(model.classes))
    of_train = features(TRAIN).double().numpy()
    tell(Progress("fitting the SVM", 0, 1, "fit"))
    fitted = fit_head(of_train, train.labels, balance / balance.mean(), recipe.network.svm_c, recipe.seed)
    model.network.head = fitted.layer
    told = next(name for name in (TEST, VALIDATION) if name in pictures)
    of_told = features(told)
    with torch.inference_mode():
        folded = fitted.layer(of_told).argmax(1).numpy()
    same = int((fitted.decide(of_told.double().numpy()).argmax(1) == folded).sum())
    team.by_the_leader(lambda: run.write_history(trunk.history()))
    svm = {"c": fitted.c, "agrees_with_scikit_learn": f"{same} of {len(folded)} photos of {told}"}
    return model, {**{key: trunk.about[key] for key in ("kept_epoch", "precision")}, "trunk": trunk.folder.name, "svm": svm}


def balance_of(recipe: Recipe, labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """What each photo weighs in an SVM: its chance to be drawn for the softmax network, times its weight in the loss (decision 0007)."""
    drawn = sampling_weights(labels) if recipe.sampling == "weighted" else np.ones(len(labels))
    return drawn * masses(recipe.loss, np.bincount(labels, minlength=classes).tolist())[labels]


def without_second_stage(recipe: Recipe) -> Recipe:
    """The recipe of the softmax network that an SVM stands on: shared with the study's own softmax variant."""
    return replace(recipe, network=replace(recipe.network, head="softmax", svm_c=None))


def about(recipe: Recipe, splits: Splits, model: Model, began: str, team: Team, facts: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """What made the run."""
    weights = recipe.network.weights
    trainable, frozen = parameters(model.network)
    return {
        **facts,
        "finished_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": round(max(seconds, facts.get("training_seconds", 0.0)), 2),
        "parameters": {"trainable": trainable, "frozen": frozen},
        "data": {
            "hash": splits.contents.data_hash,
            "photos": {name: len(part) for name, part in splits.named().items()},
            "of_train": dict(zip(splits.train.classes.names, splits.train.counts(), strict=True)),
        },
        "classes": list(model.classes.names),
        "started_from": weights if weights == began else f"{weights} {began}",
        "made_with": {**circumstances(team.where), "processes": team.size},
    }
