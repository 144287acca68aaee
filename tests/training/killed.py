"""What a process runs that is to be killed: it trains a run, and kills itself where it is told to.

As a program it reads orders, a line of JSON each, and forks a process for each, so that torch is imported once.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from modiste.data import decoded, slots
from modiste.data.layouts.readers import read
from modiste.models import backbones
from modiste.records.progress import Progress, Tell, silent
from modiste.records.recipe import Network, Pixels, Recipe
from modiste.records.run import ONLY_WHILE_TRAINING, Run
from modiste.training import fit, loop

NARROW = (8, 16, 16, 16, 16, 16)  # AlexNet's widths: 57 million parameters become 25 thousand
SHORT = {"pixels": Pixels(side=64), "batch": 8, "epochs": 2, "lr": 1e-3, "precision": "fp32"}
Die = Callable[[], None]
Arm = Callable[[Die], Tell]  # what makes a process die at its point, and may hear of progress for it


def eventful(_weights: str) -> Recipe:
    """All that is random, remembered or changed on the way, at once: 3 epochs of 5 steps, each of 2 batches."""
    network = Network(attention="cbam", gate_norm=True, identity_at_init=True)
    every = {"augment": ("flip", "crop", "colour", "erase"), "mixup": 0.2, "ema": 0.9, "label_smoothing": 0.1, "first_side": 63}
    chosen = {"validation": 0.15, "select": "best", "patience": 3, "weight_decay": 1e-3, "schedule": "cosine", "warmup_epochs": 0.5}
    return Recipe(**{**SHORT, "network": network, "batch": 4, "accumulate": 2, "epochs": 3, **every, **chosen})


def frozen(weights: str) -> Recipe:
    """A still backbone, whose features are computed once, and sgd's momentum."""
    return Recipe(**{**SHORT, "network": Network(weights=weights, frozen=True), "optimiser": "sgd"})


def svm(_weights: str) -> Recipe:
    """A second stage on a softmax network, which is a run of its own."""
    return Recipe(**{**SHORT, "network": Network(head="svm", svm_c=0.01)})


RECIPES = {"eventful": eventful, "frozen": frozen, "svm": svm}


def train(recipe: Recipe, photos: Path, runs: Path, tell: Tell = silent) -> Run:
    """The finished run, with a checkpoint after each step; what is swept is kept aside first, to be compared."""
    sweep = fit.sweep

    def aside(run: Run) -> None:
        for name in ONLY_WHILE_TRAINING:
            if (run.folder / name).exists():
                (runs / "aside").mkdir(exist_ok=True)
                shutil.copy(run.folder / name, runs / "aside" / f"{run.folder.name}.{name}")
        sweep(run)

    fit.sweep = aside
    try:
        return fit.fit(recipe, read(photos, "paper"), runs, fit.Manner("cpu", tell, checkpoint_seconds=0))
    finally:
        fit.sweep = sweep


def calling(module: Any, name: str, call: int = 1, after: bool = False) -> Arm:
    """Die at a call of a function, counted from 1: before it does its work, or after."""

    def arm(die: Die) -> Tell:
        real, calls = getattr(module, name), itertools.count(1)

        def function(*args: Any, **settings: Any) -> Any:
            mine = next(calls) == call
            if mine and not after:
                die()
            made = real(*args, **settings)
            if mine:
                die()
            return made

        setattr(module, name, function)
        return silent

    return arm


def telling(stage: str, done: int) -> Arm:
    """Die when so much of a stage is told to be done."""

    def arm(die: Die) -> Tell:
        def tell(event: Progress) -> None:
            if event.stage == stage and event.done >= done:
                die()

        return tell

    return arm


class Torn:
    """A file of whose first write only half arrives."""

    def __init__(self, file: Any, die: Die) -> None:
        self.file, self.die = file, die

    def __enter__(self) -> Torn:
        return self

    def __exit__(self, *_error: object) -> None:
        self.file.close()

    def write(self, data: bytes) -> None:
        self.file.write(data[: len(data) // 2])
        self.file.flush()
        self.die()


MOMENTS = ("half written", "not flushed", "not renamed", "renamed, its folder not flushed")


def writing(name: str, moment: str, call: int = 1) -> Arm:
    """Die in the middle of a write of the file of that name, counted from 1; only a file that is added to has its own name."""

    def arm(die: Die) -> Tell:
        opens, replaces, flushed = itertools.count(1), itertools.count(1), []
        real_open, real_fsync, real_replace = Path.open, os.fsync, Path.replace

        def opened(path: Path, mode: str = "r", *args: Any, **settings: Any) -> Any:
            file = real_open(path, mode, *args, **settings)
            ours = (mode == "wb" and path.name.startswith(f".{name}.")) or (mode == "ab" and path.name == name)
            if not ours or next(opens) != call:
                return file
            flushed.append(file.fileno())
            return Torn(file, die) if moment == MOMENTS[0] else file

        def fsync(handle: int) -> None:
            if moment == MOMENTS[1] and handle in flushed:
                die()
            real_fsync(handle)

        def replace(path: Path, target: Path) -> Path:
            mine = path.name.startswith(f".{name}.") and next(replaces) == call
            if mine and moment == MOMENTS[2]:
                die()
            made = real_replace(path, target)
            if mine and moment == MOMENTS[3]:
                die()
            return made

        Path.open, os.fsync, Path.replace = opened, fsync, replace  # type: ignore[method-assign, assignment]
        return silent

    return arm


def opening(name: str, call: int = 1) -> Arm:
    """Do it when the file of that name, or the one beside it that becomes it, is opened to be written, counted from 1."""

    def arm(die: Die) -> Tell:
        opens, real = itertools.count(1), Path.open

        def opened(path: Path, mode: str = "r", *args: Any, **settings: Any) -> Any:
            ours = (mode == "wb" and path.name.startswith(f".{name}.")) or (mode == "ab" and path.name == name)
            if ours and next(opens) == call:
                die()
            return real(path, mode, *args, **settings)

        Path.open = opened  # type: ignore[method-assign, assignment]
        return silent

    return arm


def taking_away(name: str) -> Arm:
    """Die once the file of that name was taken away."""

    def arm(die: Die) -> Tell:
        real = Path.unlink

        def unlink(path: Path, missing_ok: bool = False) -> None:
            real(path, missing_ok)
            if path.name == name:
                die()

        Path.unlink = unlink  # type: ignore[method-assign]
        return silent

    return arm


AFTER = True
POINTS: dict[str, tuple[str, Arm]] = {  # the recipe, and where its process dies
    "before any photo is decoded": ("eventful", calling(decoded, "fill")),
    "half of a photo's pixels are in the cache": ("eventful", writing("pixels.bin", MOMENTS[0])),
    "pixels are in the cache, their lines are not": ("eventful", calling(slots, "append_text")),
    "half of the lines are in the cache": ("eventful", writing("index.txt", MOMENTS[0])),
    "between the decoding of two splits": ("eventful", calling(fit, "decode", 2)),
    "before the first step": ("eventful", calling(loop, "step", 1)),
    "after the first step, before its checkpoint": ("eventful", calling(loop, "step", 1, AFTER)),
    "in the middle of the second epoch": ("eventful", telling("training", 64)),
    "at the last step of an epoch": ("eventful", calling(loop, "step", 5)),
    "after the last step of an epoch": ("eventful", calling(loop, "step", 5, AFTER)),
    "at the very last step": ("eventful", calling(loop, "step", 15)),
    "while validation is looked at": ("eventful", telling("looking at validation", 1)),
    "after an epoch is measured, before its line of history": ("eventful", calling(loop, "measured", 2, AFTER)),
    "between history and the best weights": ("eventful", calling(loop, "write_tensors", 1)),
    "between two epochs": ("eventful", calling(loop, "epoch_batches", 2)),
    "after the last epoch, before a prediction": ("eventful", calling(fit, "predict", 1)),
    "between two predictions": ("eventful", calling(fit, "predict", 2)),
    "between the model's card and predictions": ("eventful", writing("validation.csv", MOMENTS[0])),
    "between predictions and the last file": ("eventful", calling(Run, "write_about", 1)),
    "the last file stands, the lock too": ("eventful", calling(Run, "write_about", 1, AFTER)),
    "in the sweep": ("eventful", taking_away(ONLY_WHILE_TRAINING[0])),
    "after the sweep": ("eventful", taking_away(ONLY_WHILE_TRAINING[1])),
    "before the features of a still part": ("frozen", calling(fit, "features_of", 1)),
    "at the features of a still part": ("frozen", telling("features of train", 1)),
    "in the first epoch on features": ("frozen", telling("training", 24)),
    "in the second epoch on features": ("frozen", telling("training", 64)),
    "while the softmax network of an SVM learns": ("svm", telling("training", 64)),
    "in the sweep of an SVM's softmax network": ("svm", taking_away(ONLY_WHILE_TRAINING[0])),
    "between the softmax network and its SVM": ("svm", calling(fit, "second_stage")),
    "at the features for an SVM": ("svm", telling("features of train", 1)),
    "while an SVM is fitted": ("svm", telling("fitting the SVM", 0)),
    "between the history and the weights of an SVM": ("svm", calling(fit, "save_model", 2)),
    "half of the weights of an SVM": ("svm", writing("weights.safetensors", MOMENTS[0], 2)),
    "the card of an SVM is not renamed": ("svm", writing("model.json", MOMENTS[2], 2)),
    "half of the predictions of an SVM": ("svm", writing("test.csv", MOMENTS[0], 2)),
    **{f"a checkpoint is {moment}": ("eventful", writing("checkpoint.safetensors", moment, 8)) for moment in MOMENTS},
    **{f"the history is {moment}": ("eventful", writing("history.csv", moment, 2)) for moment in MOMENTS},
    **{f"the best weights are {moment}": ("eventful", writing("best.safetensors", moment)) for moment in MOMENTS},
    **{f"the weights are {moment}": ("eventful", writing("weights.safetensors", moment)) for moment in MOMENTS},
    **{f"the model's card is {moment}": ("eventful", writing("model.json", moment)) for moment in MOMENTS},
    **{f"predictions are {moment}": ("eventful", writing("test.csv", moment)) for moment in MOMENTS},
    **{f"the last file is {moment}": ("eventful", writing("about.json", moment)) for moment in MOMENTS},
}


def obey(order: dict[str, str]) -> None:
    """Train until the point, leave a mark that it was reached, and die of SIGKILL."""
    recipe, arm = POINTS[order["point"]]

    def die() -> None:
        with Path(order["mark"]).open("xb", buffering=0) as file:
            file.write(order["point"].encode())
        os.kill(os.getpid(), signal.SIGKILL)

    train(RECIPES[recipe](order["weights"]), Path(order["photos"]), Path(order["runs"]), arm(die))


def narrow() -> None:
    """AlexNet as it is, but for its widths."""
    backbones.ALEXNET_WIDTHS["torchvision"] = NARROW
    backbones.ALEXNET_FEATURES = backbones.AlexNet.width = 32


def main() -> None:
    """Fork for each order, and say how its process ended: below 0, the signal that killed it."""
    torch.set_num_threads(1)  # no thread has begun that a fork would lose
    narrow()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            code = 1
            try:
                obey(json.loads(line))
                code = 0
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
