"""A run that was stopped, wherever it was, ends with the same bits as one that was not."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from modiste.models import backbones
from modiste.records import disk
from modiste.records.recipe import Network
from modiste.records.run import Run
from modiste.training import checkpoint, fit, loop


class Killed(BaseException):
    """No `except Exception` on the way may catch it."""


def deadly(patch, module, name, call, after):
    """Let the call of that number to a function kill: before it does its work, or after."""
    real, calls = getattr(module, name), itertools.count(1)

    def function(*args, **kwargs):
        mine = next(calls) == call
        if mine and not after:
            raise Killed
        made = real(*args, **kwargs)
        if mine:
            raise Killed
        return made

    patch.setattr(module, name, function)


BEFORE, AFTER = False, True
POINTS = {  # in a run of 3 epochs of 5 steps
    "at the very first step": (loop, "step", 1, BEFORE),
    "after the first step, before its checkpoint": (loop, "step", 1, AFTER),
    "at the second step": (loop, "step", 2, BEFORE),
    "at the last step of the first epoch": (loop, "step", 5, BEFORE),
    "after the last step of the first epoch": (loop, "step", 5, AFTER),
    "at the first step of the second epoch": (loop, "step", 6, BEFORE),
    "in the middle of the second epoch": (loop, "step", 8, AFTER),
    "at the very last step": (loop, "step", 15, BEFORE),
    "before the first checkpoint": (loop, "save_checkpoint", 1, BEFORE),
    "after the first checkpoint": (loop, "save_checkpoint", 1, AFTER),
    "before an epoch's last checkpoint": (loop, "save_checkpoint", 10, BEFORE),
    "after an epoch's last checkpoint": (loop, "save_checkpoint", 10, AFTER),
    "while a checkpoint is written": (checkpoint, "write_bytes", 7, BEFORE),
    "before the first epoch is measured": (loop, "measured", 1, BEFORE),
    "after the second epoch is measured, before its history": (loop, "measured", 2, AFTER),
    "before the best weights are first kept": (loop, "keep", 1, BEFORE),
    "after the best weights are first kept": (loop, "keep", 1, AFTER),
    "after training, before anything is stored": (fit, "save_model", 1, BEFORE),
    "after the model is stored": (fit, "save_model", 1, AFTER),
    "before the first predictions": (fit, "predict", 1, BEFORE),
    "between predictions": (fit, "predict", 2, BEFORE),
    "before the run is declared finished": (fit, "write_about", 1, BEFORE),
    "after the run is declared finished": (fit, "write_about", 1, AFTER),
    "before any photo is decoded": (fit, "decode", 1, BEFORE),
    "between the decoding of two splits": (fit, "decode", 2, BEFORE),
}


@pytest.fixture(scope="module")
def eventful(short):
    """Everything random at once: dropout, augmentation, weighted draws, a carved validation split, the best epoch kept."""
    network = Network(attention="cbam", gate_norm=True, identity_at_init=True)
    return replace(short, network=network, augment=("flip", "crop", "colour", "erase"), epochs=3, batch=9,
                   weight_decay=1e-3, validation=0.15, select="best", patience=3)  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(eventful, drawn, tmp_path_factory, outcome):
    return outcome(fit.fit(eventful, drawn, tmp_path_factory.mktemp("undisturbed"), checkpoint_seconds=0))


@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_at_a_named_point_ends_with_the_same_bits(point, eventful, drawn, runs, undisturbed, outcome):
    with pytest.MonkeyPatch.context() as patch:
        deadly(patch, *POINTS[point])
        with pytest.raises(Killed):  # shows that the kill landed
            fit.fit(eventful, drawn, runs, checkpoint_seconds=0)
    folder = next((path for path in runs.glob("alexnet*")), None)
    assert folder is None or Run(folder).finished == (point == "after the run is declared finished")
    found = outcome(fit.fit(eventful, drawn, runs, checkpoint_seconds=0))
    if point == "after the run is declared finished":
        found["left"] = [name for name in found["left"] if name not in ("checkpoint.safetensors", "best.safetensors")]
    assert found == undisturbed


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_killed_again_and_again_ends_with_the_same_bits(precision, eventful, drawn, tmp_path, outcome):
    recipe = replace(eventful, precision=precision)
    whole = outcome(fit.fit(recipe, drawn, tmp_path / "whole"))
    assert whole["about"]["precision"] == precision
    for _ in range(4):
        with pytest.MonkeyPatch.context() as patch:
            deadly(patch, loop, "step", 4, BEFORE)
            with pytest.raises(Killed):
                fit.fit(recipe, drawn, tmp_path / "killed", checkpoint_seconds=0)
    assert outcome(fit.fit(recipe, drawn, tmp_path / "killed")) == whole


def test_two_threads_are_as_repeatable_as_one(eventful, drawn, tmp_path, outcome):
    torch.set_num_threads(2)
    try:
        whole = outcome(fit.fit(replace(eventful, epochs=1), drawn, tmp_path / "whole"))
        with pytest.MonkeyPatch.context() as patch:
            deadly(patch, loop, "step", 3, BEFORE)
            with pytest.raises(Killed):
                fit.fit(replace(eventful, epochs=1), drawn, tmp_path / "killed", checkpoint_seconds=0)
        assert outcome(fit.fit(replace(eventful, epochs=1), drawn, tmp_path / "killed")) == whole
    finally:
        torch.set_num_threads(1)


def test_checkpoints_change_no_bit(eventful, drawn, runs, undisturbed, outcome):
    assert outcome(fit.fit(eventful, drawn, runs, checkpoint_seconds=1e9)) == undisturbed


def test_steps_that_a_checkpoint_holds_are_not_done_again(short, drawn, runs):
    with pytest.MonkeyPatch.context() as patch:
        deadly(patch, loop, "step", 9, BEFORE)
        with pytest.raises(Killed):
            fit.fit(short, drawn, runs, checkpoint_seconds=0)
    told = []
    fit.fit(short, drawn, runs, tell=told.append)
    assert [event.done for event in told if event.stage == "training"] == [8 * step for step in range(9, 13)]


def test_every_step_has_a_chance_of_its_own(short, drawn, runs, monkeypatch):
    """Dropout and augmentation are never the same twice."""
    seeds, step = [], loop.step
    monkeypatch.setattr(loop, "step", lambda *args: (seeds.append(torch.initial_seed()), step(*args))[1])
    fit.fit(short, drawn, runs)
    assert len(set(seeds)) == len(seeds) == 12


def test_checkpoints_are_written_however_short_epochs_are(short, drawn, runs, monkeypatch):
    """By the clock, not by the epoch: a run of many epochs of seconds must not lose them all."""
    clock, written = itertools.count(), []
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(loop, "save_checkpoint", lambda _path, position, *_: written.append((position.epoch, position.step)))
    run = fit.fit(replace(short, epochs=6), drawn, runs, checkpoint_seconds=40)
    assert max(epoch.seconds for epoch in run.history()) < 40
    assert 1 <= len(written) <= 3


def test_a_resnet_goes_on_with_the_same_bits(short_resnet, drawn, tmp_path, outcome):
    """Batch-norm statistics, moments and their layout in memory all go through the checkpoint."""
    recipe = replace(short_resnet, weight_decay=1e-3, epochs=1, augment=("flip", "crop"))
    whole = outcome(fit.fit(recipe, drawn, tmp_path / "whole"))
    with pytest.MonkeyPatch.context() as patch:
        deadly(patch, loop, "save_checkpoint", 3, AFTER)
        with pytest.raises(Killed):
            fit.fit(recipe, drawn, tmp_path / "killed", checkpoint_seconds=0)
    assert outcome(fit.fit(recipe, drawn, tmp_path / "killed")) == whole


def test_an_svm_whose_softmax_network_was_stopped_ends_with_the_same_bits(short, drawn, tmp_path, outcome):
    recipe = replace(short, network=Network(head="svm", svm_c=0.01))
    whole = outcome(fit.fit(recipe, drawn, tmp_path / "whole"))
    for module, name, call in ((loop, "step", 8), (fit, "open_model", 1), (fit, "save_model", 1)):
        with pytest.MonkeyPatch.context() as patch:
            deadly(patch, module, name, call, BEFORE)
            with pytest.raises(Killed):
                fit.fit(recipe, drawn, tmp_path / "killed", checkpoint_seconds=0)
    assert outcome(fit.fit(recipe, drawn, tmp_path / "killed")) == whole


def test_a_full_disk_stops_a_run_that_then_goes_on(short, drawn, tmp_path, outcome, monkeypatch):
    whole = outcome(fit.fit(short, drawn, tmp_path / "whole"))
    fsync, calls = os.fsync, itertools.count()

    def filling(file):
        if next(calls) > 12:
            raise OSError(28, "No space left on device")
        fsync(file)

    with monkeypatch.context() as patch:
        patch.setattr(disk.os, "fsync", filling)
        with pytest.raises((fit.ModisteError, OSError), match="No space left"):
            fit.fit(short, drawn, tmp_path / "full", checkpoint_seconds=0)
    assert outcome(fit.fit(short, drawn, tmp_path / "full")) == whole


CHILD = """
    import sys
    from pathlib import Path

    import torch

    from modiste.data.layouts.readers import read
    from modiste.records.recipe import Network, Pixels, Recipe
    from modiste.training.fit import fit

    torch.set_num_threads(1)
    photos, runs = map(Path, sys.argv[1:])
    recipe = Recipe(network=Network(backbone="resnet18"), pixels=Pixels(side=64), batch=16, epochs=2, lr=1e-3, precision="fp32")
    fit(recipe, read(photos, "paper"), runs, checkpoint_seconds=0, tell=lambda event: print(event.stage, event.done, flush=True))
"""


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
def test_a_process_that_is_killed_leaves_a_run_that_goes_on_with_the_same_bits(short_resnet, drawn, tmp_path, outcome):
    """A real SIGKILL, after which nothing is tidied up."""
    recipe = replace(short_resnet, batch=16)
    whole = outcome(fit.fit(recipe, drawn, tmp_path / "whole"))
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(drawn.root), str(tmp_path / "killed")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout:
            if line == "training 64\n":  # one step into the second epoch
                child.send_signal(signal.SIGKILL)
                break
    assert child.returncode == -signal.SIGKILL
    (folder,) = (tmp_path / "killed").glob("resnet18*")
    assert (folder / "checkpoint.safetensors").is_file()
    assert not Run(folder).finished
    assert len(Run(folder).history()) == 1
    found = outcome(fit.fit(recipe, drawn, tmp_path / "killed"))
    found["left"] = [name for name in found["left"] if not name.endswith(".part")]
    assert found == whole


@pytest.mark.slow
def test_an_alexnet_of_full_width_goes_on_with_the_same_bits(short, drawn, tmp_path, outcome, monkeypatch):
    monkeypatch.setitem(backbones.ALEXNET_WIDTHS, "torchvision", (64, 192, 384, 256, 256, 256))
    monkeypatch.setattr(backbones, "ALEXNET_FEATURES", 4096)
    monkeypatch.setattr(backbones.AlexNet, "width", 4096)
    recipe = replace(short, epochs=1, batch=16)
    whole = outcome(fit.fit(recipe, drawn, tmp_path / "whole"))
    with pytest.MonkeyPatch.context() as patch:
        deadly(patch, loop, "save_checkpoint", 1, AFTER)
        with pytest.raises(Killed):
            fit.fit(recipe, drawn, tmp_path / "killed", checkpoint_seconds=0)
    assert outcome(fit.fit(recipe, drawn, tmp_path / "killed")) == whole
    assert sum(path.stat().st_size for path in Path(tmp_path / "killed").rglob("weights.safetensors")) > 4 * 57e6
