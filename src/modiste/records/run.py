"""A run: one folder that holds a trained network, its history, what it said of each photo, and what made it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from modiste.records.disk import digest, write_json, write_text
from modiste.records.errors import Damaged, MachineError, ModisteError, UsageError, nearest
from modiste.records.plain import fingerprint
from modiste.records.predictions import Predictions
from modiste.records.recipe import Network, Recipe
from modiste.records.seal import read_sealed, write_sealed

AGAIN = "Copy it again from where it was made, or delete the folder and train the run again."
ONLY_WHILE_TRAINING = ("checkpoint.safetensors", "best.safetensors")
UNLISTED = ("about.json", *ONLY_WHILE_TRAINING)
CONTENT = re.compile("sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Epoch:
    """One pass over train. The watched split is validation, or else test: looked at for the curves, never to choose."""

    epoch: int
    train_loss: float
    train_accuracy: float
    watched: str
    loss: float
    accuracy: float
    macro_f1: float
    photos_per_second: float
    seconds: float


@dataclass(frozen=True)
class Run:
    """A run's folder. It is finished when about.json stands there: that file is written last."""

    folder: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))  # a text will do

    @property
    def finished(self) -> bool:
        return (self.folder / "about.json").is_file()

    @property
    def weights(self) -> Path:
        """The file of its trained network."""
        return self.folder / "weights.safetensors"

    @cached_property
    def recipe(self) -> Recipe:
        plain = self.read_json("recipe.json")
        try:
            return Recipe.parse(plain, str(self.folder / "recipe.json"))
        except UsageError as error:  # an unknown setting, mostly: this modiste has never heard of it
            raise ModisteError(
                f"{error} If a newer modiste made this run, bring this one up to date: pip install --upgrade modiste"
            ) from error

    @cached_property
    def about(self) -> dict[str, Any]:
        """What made it: data hash, versions, machine, time, parameters."""
        return self.read_sealed("about.json")

    @property
    def splits(self) -> list[str]:
        """The splits that predictions stand here for."""
        return sorted(path.stem for path in (self.folder / "predictions").glob("*.csv"))

    def predictions(self, split: str = "test") -> Predictions:
        """What the network said of each photo of a split; refused where the run is not finished, for nothing then vouches for them."""
        if self.splits and not self.finished:
            raise ModisteError(f"{self.folder} is not finished: about.json is missing. The command that began it goes on with it.")
        if split not in self.splits:
            held = f"It has predictions for: {', '.join(self.splits)}." if self.splits else "Is this the folder of one run?"
            raise self.no_run(f"has no predictions for '{split}'. {held}")
        return Predictions.read(self.as_written(f"predictions/{split}.csv"))

    def history(self) -> list[Epoch]:
        """The epochs so far, in order."""
        if not (self.folder / "history.csv").is_file():
            return []
        path = self.as_written("history.csv")
        kinds = {"int": int, "float": float, "str": str}
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            return [Epoch(**{field.name: kinds[str(field.type)](row[field.name]) for field in fields(Epoch)}) for row in rows]
        except (KeyError, ValueError, TypeError, csv.Error) as error:
            raise ModisteError(f"{path} is damaged ({error!r}). Delete the folder and train the run again.") from error

    def as_written(self, name: str) -> Path:
        """A file of the run; refused when the run is finished and the file is not the one that it wrote."""
        path = self.folder / name
        if self.finished and path.is_file() and digest(path) != self.about.get("files", {}).get(name):
            raise Damaged(f"{path} is not what the run wrote: its SHA-256 is not the one in about.json. {AGAIN}")
        return path

    def write_history(self, epochs: Sequence[Epoch]) -> Path:
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        names = [field.name for field in fields(Epoch)]
        rows.writerow(names)
        rows.writerows([getattr(epoch, name) for name in names] for epoch in epochs)
        return write_text(self.folder / "history.csv", text.getvalue())

    def write_recipe(self, recipe: Recipe) -> Path:
        return write_json(self.folder / "recipe.json", recipe.plain())

    def read_sealed(self, name: str) -> dict[str, Any]:
        """A table of settings that was sealed; an altered one is refused."""
        try:
            return read_sealed(self.folder / name, AGAIN)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self.no_run(f"is not a finished run: {name} is missing. `modiste train` or `modiste study` makes one.") from error

    def no_run(self, words: str) -> ModisteError:
        """What is wrong with a folder that is none; where nothing is, the run beside it that was probably meant."""
        if self.folder.exists():
            return ModisteError(f"{self.folder} {words}")
        beside = [path.parent.name for path in sorted(self.folder.parent.glob("*/recipe.json"))]
        begun = [name for name in beside if name.startswith(self.folder.name)]
        meant = begun[0] if begun else nearest(self.folder.name, beside)
        hint = f"Did you mean {self.folder.parent / meant}?" if meant else "`modiste train` or `modiste study` makes a run."
        return ModisteError(f"{self.folder}: nothing is there. {hint}")

    def write_about(self, about: Mapping[str, Any]) -> Path:
        """Declare the run finished: what made it, and the SHA-256 of each of its files."""
        files = (path for path in sorted(self.folder.rglob("*")) if path.is_file() and path.suffix in (".csv", ".json", ".safetensors"))
        names = {path.relative_to(self.folder).as_posix(): path for path in files}
        listed = {name: digest(path) for name, path in names.items() if name not in UNLISTED}
        return write_sealed(self.folder / "about.json", {**about, "files": listed})

    def read_json(self, name: str) -> dict[str, Any]:
        path = self.as_written(name)
        try:
            plain = json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
            if not isinstance(plain, dict):
                raise ValueError("it holds no table of settings")
            return plain
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self.no_run(f"is not the folder of a run: {name} is missing.") from error
        except ValueError as error:
            raise ModisteError(f"{path} is damaged ({error}). Delete the folder and train the run again.") from error


def first_weights(recipe: Recipe) -> str:
    """What a network starts from: 'none', 'imagenet', or the content of a file as 'sha256:0f3a...'.

    A file that is not at hand may be named so too: enough to find the runs that started from it, not to train.
    """
    weights = recipe.network.weights
    if weights in ("none", "imagenet") or CONTENT.fullmatch(weights):
        return weights
    if not Path(weights).is_file():
        raise no_weights(weights)
    return f"sha256:{digest(Path(weights))}"


def no_weights(weights: str) -> MachineError:
    return MachineError(f"network.weights: no file '{weights}'. Give 'none', 'imagenet', or a .safetensors or .pth file.")


def run_id(recipe: Recipe, data_hash: str, began: str | None = None) -> str:
    """12 hex digits that stand for a recipe and the photos it saw: equal id, equal result.

    A file of weights counts by its content, so that moving it changes nothing; `began` is its `first_weights`, where they are known.
    """
    plain = meant(Recipe.parse(recipe.plain())).plain()  # parsed, so that lr=1 and lr=1.0 are one recipe
    plain["network"]["weights"] = began or first_weights(recipe)
    return fingerprint([differing(plain, Recipe().plain()), data_hash])[:12]


def differing(plain: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are not at their defaults: a setting that is added later, off by default, changes no id.

    >>> differing({"lr": 1, "network": {"convs": 3, "ratio": 16}}, {"lr": 1, "network": {"convs": 5, "ratio": 16}})
    {'network': {'convs': 3}}
    """
    found = {key: differing(value, usual[key]) if isinstance(value, Mapping) else value for key, value in plain.items()}
    return {key: value for key, value in found.items() if value != ({} if isinstance(value, Mapping) else usual[key])}


def meant(recipe: Recipe) -> Recipe:
    """The recipe with the settings that change nothing for its network at their defaults, so that equal runs have one id.

    A setting not named here counts: a new backbone or attention module that reads one is safe without a line here.
    """
    network, usual = recipe.network, Network()
    idle: set[str] = set()
    if network.attention == "none":
        idle |= {"ratio", "kernel", "after_convs", "place", "gate_norm", "identity_at_init"}
    if network.backbone == "alexnet":
        idle.add("place")
    if network.backbone == "resnet18":
        idle |= {"convs", "widths", "dropout", "after_convs"}
    if network.backbone == "efficientnet_lite0":
        idle |= {"convs", "widths", "after_convs", "place"}
    if not network.head.endswith("svm"):
        idle.add("svm_c")
    network = replace(network, **{key: getattr(usual, key) for key in idle})
    return replace(recipe, network=network, loss=Recipe().loss if network.head == "hinge" else recipe.loss)


def run_folder(runs: Path, recipe: Recipe, data_hash: str, began: str | None = None) -> Path:
    """Where a run lives: a name for people, then its id ('alexnet-cbam-16-7-seed0-0f3a...')."""
    return runs / f"{slug(recipe.network)}-seed{recipe.seed}-{run_id(recipe, data_hash, began)}"


def slug(network: Network) -> str:
    """A network in a few words, for a folder's name.

    >>> slug(Network(attention="cbam", head="svm"))
    'alexnet-cbam-16-7-svm'
    """
    words = [network.backbone]
    if network.backbone == "alexnet" and network.convs != 5:
        words.append(f"{network.convs}conv")
    if network.attention != "none":
        words.append(network.attention)
    if network.attention == "cbam":
        words.append(f"{network.ratio}-{network.kernel}")
    if network.frozen:
        words.append("frozen")
    if network.head != "softmax":
        words.append(network.head)
    return "-".join(words)
