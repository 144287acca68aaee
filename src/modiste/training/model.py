"""A trained model on disk and in memory: the network, its classes and its pixels, which belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from modiste.data.batches import Pictures, decode, to_input
from modiste.models.variants import Classifier, restore
from modiste.records.catalogue import Catalogue
from modiste.records.disk import digest, write_bytes, write_json
from modiste.records.errors import ModisteError
from modiste.records.labels import Classes
from modiste.records.plain import from_plain, to_plain
from modiste.records.predictions import Predictions
from modiste.records.progress import Progress, Tell, silent
from modiste.records.recipe import Network, Pixels
from modiste.records.run import Run
from modiste.training.machine import device


@dataclass(frozen=True)
class Eyes:
    """How a model sees: pixels settings with the normalisation that was measured or looked up, mean and std a channel."""

    pixels: Pixels
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def see(self, pixels: NDArray[np.uint8], augment: tuple[str, ...] = ()) -> Tensor:
        """(B, S, S, C) uint8 -> (B, C, S, S), what the network is given."""
        return to_input(pixels, self.pixels.channels, self.mean, self.std, augment)


@dataclass(frozen=True)
class Model:
    """A network that answers: pictures in by its own eyes, a score for each of its classes out."""

    classes: Classes
    eyes: Eyes
    network: Classifier


def save_model(folder: Path, model: Model, network: Network) -> None:
    """weights.safetensors, then model.json with their SHA-256: half a model is never taken for a whole one."""
    weights = {name: value.detach().cpu().contiguous() for name, value in model.network.state_dict().items()}
    path = write_bytes(folder / "weights.safetensors", save(weights))
    card = {"classes": list(model.classes.names), "eyes": to_plain(model.eyes), "network": to_plain(network)}
    write_json(folder / "model.json", {**card, "weights_sha256": digest(path)})


def open_model(run: Run) -> Model:
    """The model in a run's folder; refused when its weights are not the ones that were saved."""
    card: Mapping[str, Any] = run.read_json("model.json")
    path = run.folder / "weights.safetensors"
    if not path.is_file():
        raise ModisteError(f"{path} is missing: the run has lost its weights.")
    if missing := {"classes", "eyes", "network", "weights_sha256"} - set(card):
        raise ModisteError(f"{run.folder / 'model.json'} is damaged: it lacks {', '.join(sorted(missing))}. Train the run again.")
    if digest(path) != card["weights_sha256"]:
        raise ModisteError(f"{path} is damaged: its SHA-256 is not the one in model.json. Copy it again, or train the run again.")
    try:
        weights = load_file(path)
    except SafetensorError as error:
        raise ModisteError(f"{path}: not a safetensors file ({error}).") from error
    if not isinstance(card["classes"], list) or not all(isinstance(card[key], Mapping) for key in ("eyes", "network")):
        raise ModisteError(f"{run.folder / 'model.json'} is damaged: not what modiste wrote. Train the run again.")
    classes, eyes = Classes(tuple(card["classes"])), from_plain(Eyes, card["eyes"], str(run.folder / "model.json"))
    network = from_plain(Network, card["network"], str(run.folder / "model.json"))
    return Model(classes, eyes, restore(network, len(classes), eyes.pixels.channels, weights))


@torch.inference_mode()
def outputs(part: nn.Module, eyes: Eyes, pictures: Pictures, where: torch.device, tell: Tell, stage: str, batch: int = 64) -> Tensor:
    """What a part of a network (all of it, or its backbone) gives for each picture, in fp32: (N, ...)."""
    part = part.to(where).eval()
    made = []
    for start in range(0, len(pictures), batch):
        made.append(part(eyes.see(pictures.pixels[start : start + batch]).to(where)).float().cpu())
        tell(Progress(stage, min(start + batch, len(pictures)), len(pictures)))
    return torch.cat(made)


def predict(model: Model, pictures: Pictures, where: torch.device, tell: Tell = silent, stage: str = "predicting") -> Predictions:
    """The model's scores for labelled pictures, in full precision."""
    scores = outputs(model.network, model.eyes, pictures, where, tell, stage)
    return Predictions(model.classes.names, pictures.paths, pictures.labels, scores.double().numpy())


def evaluate(run: Run | Path | str, catalogue: Catalogue, where: str = "auto", tell: Tell = silent) -> Predictions:
    """What a run's model says of the labelled photos of any catalogue with the same classes."""
    run = run if isinstance(run, Run) else Run(Path(run))
    model = open_model(run)
    if catalogue.classes != model.classes:
        raise ModisteError(f"{run.folder} knows the classes {model.classes}; {catalogue.root} declares {catalogue.classes}.")
    catalogue = catalogue.with_photos(photo for photo in catalogue.photos if photo.label is not None)
    if not len(catalogue):
        raise ModisteError(f"{catalogue.root}: no labelled photos among those asked for.")
    return predict(model, decode(catalogue, model.eyes.pixels, "", None, tell), device(where), tell)
