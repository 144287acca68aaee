"""A trained model on disk and in memory: the network, its classes and its pixels, which belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from modiste.data.decoded import Pictures, decode, portions
from modiste.data.layouts.readers import read
from modiste.models.tensors import read_tensors, write_tensors
from modiste.models.variants import Classifier, restore
from modiste.records.catalogue import Catalogue
from modiste.records.disk import digest
from modiste.records.errors import Damaged, ModisteError
from modiste.records.labels import Classes
from modiste.records.plain import from_plain, to_plain
from modiste.records.predictions import Predictions
from modiste.records.progress import Tell, silent
from modiste.records.recipe import Network
from modiste.records.run import AGAIN, Run
from modiste.records.seal import write_sealed
from modiste.training.given import Eyes, Given, computed, pictures_of
from modiste.training.machine import device
from modiste.training.team import Team


@dataclass(frozen=True)
class Model:
    """A network that answers: pictures in by its own eyes, a score for each of its classes out."""

    classes: Classes
    eyes: Eyes
    network: Classifier


def save_model(folder: Path, model: Model, network: Network) -> None:
    """weights.safetensors, then model.json with their SHA-256: half a model is never taken for a whole one."""
    path = write_tensors(folder / "weights.safetensors", model.network.state_dict())
    card = {"classes": list(model.classes.names), "eyes": to_plain(model.eyes), "network": to_plain(network)}
    write_sealed(folder / "model.json", {**card, "weights_sha256": digest(path)})


def open_model(run: Run) -> Model:
    """The model in a run's folder; refused when its weights are not the ones that were saved."""
    run.about  # noqa: B018  (refuses one that is not finished)
    card, path = run.read_sealed("model.json"), run.weights
    if not path.is_file():
        raise ModisteError(
            f"{path} is missing: the run has lost its weights. Copy the file back, or move the folder away and train the run again."
        )
    if missing := {"classes", "eyes", "network", "weights_sha256"} - set(card):
        raise ModisteError(f"{run.folder / 'model.json'} lacks {', '.join(sorted(missing))}: another version wrote it. {AGAIN}")
    if digest(path) != card["weights_sha256"]:
        raise Damaged(f"{path} is damaged: its SHA-256 is not the one in model.json. Copy it again, or train the run again.")
    weights, _ = read_tensors(path, AGAIN)
    where = str(run.folder / "model.json")
    classes, eyes = Classes(tuple(card["classes"])), from_plain(Eyes, card["eyes"], where)
    network = from_plain(Network, card["network"], where)
    return Model(classes, eyes, restore(network, len(classes), eyes.pixels.channels, weights))


def whole_on(model: Model, pictures: Pictures) -> tuple[nn.Module, Given]:
    """All of a model's network, and pictures as it sees them: what `predict` puts together."""
    return model.network, pictures_of(pictures, model.eyes, model.network)


def predict(model: Model, part: nn.Module, given: Given, team: Team, tell: Tell = silent, stage: str = "predicting") -> Predictions:
    """The model's scores for labelled photos, in full precision, by the part of its network that works on what is given."""
    scores = computed(part, given, team, tell, stage, dtype=torch.float32)
    return Predictions(model.classes.names, given.paths, given.labels, scores.double().numpy())


def evaluate(run: Run | Path | str, catalogue: Catalogue | Path | str, where: str = "auto", tell: Tell = silent) -> Predictions:
    """What a run's model says of the labelled photos of any catalogue with the same classes."""
    run = run if isinstance(run, Run) else Run(Path(run))
    catalogue = catalogue if isinstance(catalogue, Catalogue) else read(catalogue)
    model = open_model(run)
    return scored(model, answerable(run, model, catalogue), Team(device(where)), tell)


def scored(model: Model, catalogue: Catalogue, team: Team, tell: Tell = silent) -> Predictions:
    """What a model says of a catalogue's labelled photos, a portion of them in memory at a time."""
    pixels = model.eyes.pixels
    return joined(
        [predict(model, *whole_on(model, decode(some, pixels, None, tell=tell)), team, tell) for some in portions(catalogue, pixels)]
    )


def joined(parts: Sequence[Predictions]) -> Predictions:
    """The predictions of several portions of photos as one."""
    truth, scores = (np.concatenate([getattr(one, name) for one in parts]) for name in ("truth", "scores"))
    return Predictions(parts[0].classes, tuple(path for one in parts for path in one.photos), truth, scores)


def answerable(run: Run, model: Model, catalogue: Catalogue) -> Catalogue:
    """The labelled photos of a catalogue that declares the classes which a run's model knows."""
    if catalogue.classes != model.classes:
        raise ModisteError(f"{run.folder} knows the classes {model.classes}; {catalogue.root} declares {catalogue.classes}.")
    catalogue = catalogue.with_photos(photo for photo in catalogue.photos if photo.label is not None)
    if not len(catalogue):
        raise ModisteError(f"{catalogue.root}: no labelled photos among those asked for.")
    return catalogue
