"""One run, from a recipe and a catalogue to a finished folder."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modiste.data.batches import Pictures, augmentation, constants, decode, sampling_weights
from modiste.data.describe import data_hash as hash_of
from modiste.data.split import carve
from modiste.models.heads import HEADS
from modiste.models.variants import build, check, parameters
from modiste.records.catalogue import TEST, TRAIN, VALIDATION, Catalogue
from modiste.records.disk import digest, write_json
from modiste.records.errors import ModisteError, unknown
from modiste.records.progress import Progress, Tell, silent
from modiste.records.recipe import Recipe
from modiste.records.run import Run, run_folder
from modiste.training.loop import OPTIMISERS, Lesson, Watched, learn
from modiste.training.losses import loss
from modiste.training.machine import circumstances, device, precision
from modiste.training.model import Eyes, Model, open_model, outputs, predict, save_model


@dataclass(frozen=True)
class Splits:
    """The photos of a run by what they are for, and the hash that stands for them all."""

    train: Catalogue
    validation: Catalogue | None
    test: Catalogue | None
    data_hash: str

    def named(self) -> dict[str, Catalogue]:
        """The splits there are, by name."""
        found = {TRAIN: self.train, VALIDATION: self.validation, TEST: self.test}
        return {name: part for name, part in found.items() if part is not None}


def fit(
    recipe: Recipe,
    catalogue: Catalogue,
    runs: Path = Path("runs"),
    *,
    where: str = "auto",
    tell: Tell = silent,
    data_hash: str | None = None,
    checkpoint_seconds: float = 60.0,
) -> Run:
    """The finished run of a recipe on a catalogue: found in `runs`, gone on with where it was stopped, or trained.

    The catalogue needs labelled photos in split 'train'; those in 'validation' and 'test' are used if they are there.
    """
    splits = divided(catalogue, recipe, data_hash or used_hash(catalogue, tell))
    run = Run(run_folder(runs, recipe, splits.data_hash))
    if run.finished:
        sweep(run)
        return run
    check_before_work(recipe, where)
    begun = time.monotonic()
    device_used = device(where)
    pictures = {name: decode(part, recipe.pixels, splits.data_hash, runs / "cache", tell) for name, part in splits.named().items()}
    if HEADS[recipe.network.head] is None:
        model, facts = trained(recipe, splits, pictures, run, device_used, tell, checkpoint_seconds)
    else:
        trunk = fit(
            without_second_stage(recipe),
            catalogue,
            runs,
            where=where,
            tell=tell,
            data_hash=splits.data_hash,
            checkpoint_seconds=checkpoint_seconds,
        )
        begun = time.monotonic()  # the trunk's time stands in the trunk's own folder
        model, facts = second_stage(recipe, trunk, pictures, run, device_used, tell)
    save_model(run.folder, model, recipe.network)
    for name, part in pictures.items():
        if name != TRAIN:
            predict(model, part, device_used, tell, f"predicting {name}").write(run.folder / "predictions" / f"{name}.csv")
    write_about(run, recipe, splits, model, device_used, facts, time.monotonic() - begun)
    sweep(run)
    return run


def sweep(run: Run) -> None:
    """Take away what only an unfinished run needs; a run killed just before this is swept when it is next asked for."""
    for leftover in ("checkpoint.safetensors", "best.safetensors"):
        (run.folder / leftover).unlink(missing_ok=True)


def check_before_work(recipe: Recipe, where: str = "auto") -> None:
    """Refuse what would only fail after minutes: names that nobody knows, a device or a network that cannot be."""
    device(where)
    check(recipe.network)
    if recipe.optimiser not in OPTIMISERS:
        raise unknown("optimiser", recipe.optimiser, OPTIMISERS)
    with torch.device("meta"):  # takes neither memory nor time: can it be built?
        build(replace(recipe.network, weights="none", frozen=False), 2, recipe.pixels.channels)
    augmentation(recipe.augment, recipe.pixels.side)
    loss(recipe.loss, [1])
    if recipe.network.backbone == "resnet18" and not recipe.network.frozen and recipe.batch == 1:
        raise ModisteError("batch = 1: ResNet-18's batch-norm needs 2 photos or more in a batch.")
    if recipe.network.backbone == "alexnet" and recipe.pixels.side < 63:
        raise ModisteError(f"pixels.side = {recipe.pixels.side}: AlexNet's three pools need 63 px or more.")


def used_hash(catalogue: Catalogue, tell: Tell = silent) -> str:
    """The hash of the photos that a study can use: labelled ones in train, validation and test."""
    used = [photo for photo in catalogue.photos if photo.split in (TRAIN, VALIDATION, TEST) and photo.label is not None]
    return hash_of(catalogue.with_photos(used), lambda done, total: tell(Progress("reading photos", done, total)))


def divided(catalogue: Catalogue, recipe: Recipe, data_hash: str) -> Splits:
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
    return Splits(train, validation, test if len(test) else None, data_hash)


def check_classes(catalogue: Catalogue, train: Catalogue) -> None:
    """Refuse a class that the network would never see."""
    lacking = [name for name, count in zip(catalogue.classes.names, train.counts(), strict=True) if count == 0]
    if lacking:
        raise ModisteError(
            f"{catalogue.root}: no photo of {', '.join(lacking)} in split 'train' ({len(train)} labelled photos there). "
            "Label some, or declare only the classes there are with --classes."
        )


def trained(
    recipe: Recipe, splits: Splits, pictures: Mapping[str, Pictures], run: Run, where: torch.device, tell: Tell, checkpoint_seconds: float
) -> tuple[Model, dict[str, Any]]:
    """A network trained from its first step to its last, or from its checkpoint on."""
    mean, std = constants(recipe.pixels, recipe.network.weights != "none", pictures[TRAIN])
    torch.manual_seed(recipe.seed)
    network = build(recipe.network, len(splits.train.classes), recipe.pixels.channels)
    model = Model(splits.train.classes, Eyes(recipe.pixels, tuple(mean), tuple(std)), network)
    watched = VALIDATION if VALIDATION in pictures else TEST
    bf16 = precision(recipe.precision, where) == "bf16"
    loss_name = "hinge" if recipe.network.head == "hinge" else recipe.loss
    lesson = Lesson(
        model,
        recipe,
        loss(loss_name, splits.train.counts()),
        pictures[TRAIN],
        Watched(watched, pictures[watched]),
        where,
        bf16,
        tell,
        checkpoint_seconds,
    )
    run.write_recipe(recipe)
    kept = learn(lesson, run)
    learnt = round(sum(epoch.seconds for epoch in run.history()), 2)  # of all its sittings, where it was stopped
    return model, {"kept_epoch": kept, "precision": "bf16" if bf16 else "fp32", "training_seconds": learnt}


def second_stage(
    recipe: Recipe, trunk: Run, pictures: Mapping[str, Pictures], run: Run, where: torch.device, tell: Tell
) -> tuple[Model, dict[str, Any]]:
    """The trunk's network with an SVM, fitted on its features of the training photos, in the place of its last layer."""
    model, train = open_model(trunk), pictures[TRAIN]
    fit_head = HEADS[recipe.network.head]
    assert fit_head is not None

    def features(name: str) -> Tensor:
        return outputs(model.network.backbone, model.eyes, pictures[name], where, tell, f"features of {name}")

    balance = sampling_weights(train.labels) if recipe.sampling == "weighted" else np.ones(len(train))
    of_train = features(TRAIN).double().numpy()
    tell(Progress("fitting the SVM", 0, 1, "fit"))
    fitted = fit_head(of_train, train.labels, balance / balance.mean(), recipe.network.svm_c, recipe.seed)
    model.network.head = fitted.layer
    told = next(name for name in (TEST, VALIDATION) if name in pictures)
    of_told = features(told)
    with torch.inference_mode():
        folded = fitted.layer(of_told).argmax(1).numpy()
    same = int((fitted.decide(of_told.double().numpy()).argmax(1) == folded).sum())
    run.write_recipe(recipe)
    run.write_history(trunk.history())
    svm = {"c": fitted.c, "agrees_with_scikit_learn": f"{same} of {len(folded)} photos of {told}"}
    return model, {**{key: trunk.about[key] for key in ("kept_epoch", "precision")}, "trunk": trunk.folder.name, "svm": svm}


def without_second_stage(recipe: Recipe) -> Recipe:
    """The recipe of the softmax network that an SVM stands on: shared with the study's own softmax variant."""
    return replace(recipe, network=replace(recipe.network, head="softmax", svm_c=None))


def write_about(
    run: Run, recipe: Recipe, splits: Splits, model: Model, where: torch.device, facts: Mapping[str, Any], seconds: float
) -> None:
    """What made the run; with it the run is finished."""
    trainable, frozen = parameters(model.network)
    about = {
        **facts,
        "seconds": round(max(seconds, facts.get("training_seconds", 0.0)), 2),
        "parameters": {"trainable": trainable, "frozen": frozen},
        "data": {"hash": splits.data_hash, "photos": {name: len(part) for name, part in splits.named().items()}},
        "classes": list(model.classes.names),
        "started_from": started_from(recipe),
        "made_with": circumstances(where),
    }
    write_json(run.folder / "about.json", about)


def started_from(recipe: Recipe) -> str:
    """Where the first weights came from: none, imagenet, or a file with its SHA-256."""
    weights = recipe.network.weights
    return weights if weights in ("none", "imagenet") else f"{weights} sha256:{digest(Path(weights))}"
