"""A run that was stopped goes on with what it has, does nothing twice that it need not, and ends with the same bits."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from modiste.models import backbones
from modiste.models.tensors import read_tensors
from modiste.records.errors import ModisteError
from modiste.records.recipe import Network
from modiste.records.run import Run
from modiste.training import fit, loop

OFTEN, SELDOM = fit.Manner("cpu", checkpoint_seconds=0), fit.Manner("cpu", checkpoint_seconds=1e9)


class Killed(BaseException):
    """No `except Exception` on the way may catch it."""


def killed_at(module, name, call, *order):
    """Train until a function is called for so many times, and no further."""
    real, calls = getattr(module, name), itertools.count(1)

    def function(*args, **settings):
        if next(calls) == call:
            raise Killed
        return real(*args, **settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, function)
        with pytest.raises(Killed):  # shows that the kill landed
            fit.fit(*order, OFTEN)


@pytest.fixture(scope="module")
def eventful(short):
    """Everything random at once: dropout, augmentation, weighted draws, a carved validation split, the best epoch kept."""
    network = Network(attention="cbam", gate_norm=True, identity_at_init=True)
    return replace(short, network=network, augment=("flip", "crop", "colour", "erase"), epochs=3, batch=9,
                   weight_decay=1e-3, validation=0.15, select="best", patience=3)  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(eventful, drawn, tmp_path_factory, outcome):
    return outcome(fit.fit(eventful, drawn, tmp_path_factory.mktemp("undisturbed"), OFTEN))


def test_checkpoints_change_no_bit(eventful, drawn, runs, undisturbed, outcome):
    assert outcome(fit.fit(eventful, drawn, runs, SELDOM)) == undisturbed
    assert not list(runs.rglob("checkpoint*"))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_killed_again_and_again_ends_with_the_same_bits(precision, eventful, drawn, tmp_path, outcome):
    recipe = replace(eventful, precision=precision)
    whole = outcome(fit.fit(recipe, drawn, tmp_path / "whole"))
    assert whole["about"]["precision"] == precision
    for _ in range(4):
        killed_at(loop, "step", 4, recipe, drawn, tmp_path / "killed")
    assert outcome(fit.fit(recipe, drawn, tmp_path / "killed")) == whole


@pytest.fixture
def shutdown(eventful, drawn, runs):
    """The folder of a run that was killed in its last epoch, and its checkpoints by epoch and step; at step 0 one of a best epoch."""
    kept, save = {}, loop.save_checkpoint

    def saved(path, position, *state):
        save(path, position, *state)
        kept[position.epoch, position.step] = path.read_bytes()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", saved)
        killed_at(loop, "step", 14, eventful, drawn, runs)
    (folder,) = runs.glob("alexnet*")
    assert len(Run(folder).history()) == 2
    assert [place for place in kept if place[1]] == [(epoch, step) for epoch in (0, 1, 2) for step in (1, 2, 3, 4, 5)][:13]
    return folder, kept


@pytest.mark.parametrize("step", [1, 4, 5, 6, 9, 10, 13])
def test_history_and_best_weights_newer_than_the_checkpoint_do_no_harm(step, shutdown, eventful, drawn, runs, undisturbed, outcome):
    """Both are written more often than a checkpoint: after a kill they may tell of epochs that are yet to come."""
    folder, kept = shutdown
    (folder / "checkpoint.safetensors").write_bytes(kept[(step - 1) // 5, (step - 1) % 5 + 1])
    told = []
    found = outcome(fit.fit(eventful, drawn, runs, fit.Manner("cpu", told.append)))
    assert found == undisturbed
    assert len([event for event in told if event.stage == "training"]) == 15 - step


def test_best_weights_are_never_of_an_epoch_that_would_be_trained_again(eventful, drawn, runs):
    """Trained again on another machine it may come out otherwise, and another epoch be the best, whose weights are gone."""
    told, write = [], loop.write_tensors

    def written(path, tensors, facts):
        _, stands = read_tensors(path.parent / "checkpoint.safetensors", "")
        told.append((facts["epoch"], stands["position"]["epoch"], len(stands["epochs"])))
        write(path, tensors, facts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "write_tensors", written)
        fit.fit(eventful, drawn, runs, SELDOM)
    assert told
    assert [(epoch, epoch, epoch) for epoch, _, _ in told] == told


def test_killed_between_the_checkpoint_of_a_best_epoch_and_its_weights(shutdown, eventful, drawn, runs, undisturbed, outcome):
    folder, kept = shutdown
    (folder / "checkpoint.safetensors").write_bytes(kept[1, 0])
    (folder / "best.safetensors").unlink()
    assert outcome(fit.fit(eventful, drawn, runs)) == undisturbed


def test_a_run_whose_checkpoint_is_gone_starts_anew(shutdown, eventful, drawn, runs, undisturbed, outcome):
    (shutdown[0] / "checkpoint.safetensors").unlink()
    assert outcome(fit.fit(eventful, drawn, runs)) == undisturbed


def test_a_run_whose_best_weights_are_gone_says_so(shutdown, eventful, drawn, runs):
    """They are not in the checkpoint, and an epoch that is over is not done again."""
    (shutdown[0] / "best.safetensors").unlink()
    with pytest.raises(ModisteError, match=r"its best weights are gone. Delete the folder to train it again\."):
        fit.fit(eventful, drawn, runs)


def test_what_a_kill_left_half_written_is_swept(shutdown, eventful, drawn, runs, undisturbed, outcome):
    folder, _ = shutdown
    for name in (".checkpoint.safetensors.99.part", "predictions/.test.csv.99.part"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"half")
    assert outcome(fit.fit(eventful, drawn, runs)) == undisturbed
    assert not list(folder.rglob(".*"))


def test_a_run_is_gone_on_with_where_it_was_moved_to(shutdown, eventful, drawn, runs, tmp_path, undisturbed, outcome):
    moved = Path(shutil.move(runs, tmp_path / "elsewhere"))
    told = []
    assert outcome(fit.fit(eventful, drawn, moved, fit.Manner("cpu", told.append))) == undisturbed
    assert len([event for event in told if event.stage == "training"]) == 15 - 13


def test_two_threads_are_as_repeatable_as_one(eventful, drawn, tmp_path, outcome):
    recipe = replace(eventful, epochs=1)
    torch.set_num_threads(2)
    try:
        whole = outcome(fit.fit(recipe, drawn, tmp_path / "whole"))
        killed_at(loop, "step", 3, recipe, drawn, tmp_path / "killed")
        assert outcome(fit.fit(recipe, drawn, tmp_path / "killed")) == whole
    finally:
        torch.set_num_threads(1)


def test_steps_that_a_checkpoint_holds_are_not_done_again(short, drawn, runs):
    killed_at(loop, "step", 9, short, drawn, runs)
    told = []
    fit.fit(short, drawn, runs, fit.Manner("cpu", told.append))
    assert [event.done for event in told if event.stage == "training"] == [8 * step for step in range(9, 13)]


def test_a_finished_run_is_found_and_not_touched(short, drawn, runs, monkeypatch):
    run = fit.fit(short, drawn, runs)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in run.folder.rglob("*") if path.is_file()}
    monkeypatch.setattr(fit, "finish", lambda *_: pytest.fail("it was trained again"))
    assert fit.fit(short, drawn, runs) == run
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in run.folder.rglob("*") if path.is_file()} == before


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
    run = fit.fit(replace(short, epochs=20), drawn, runs, fit.Manner("cpu", checkpoint_seconds=100))
    assert max(epoch.seconds for epoch in run.history()) < 100
    assert 2 <= len(written) <= 10


def test_a_resnet_goes_on_with_the_same_bits(short_resnet, drawn, tmp_path, outcome):
    """Batch-norm statistics, moments and their layout in memory all go through the checkpoint."""
    recipe = replace(short_resnet, weight_decay=1e-3, epochs=1, augment=("flip", "crop"))
    whole = outcome(fit.fit(recipe, drawn, tmp_path / "whole"))
    killed_at(loop, "step", 4, recipe, drawn, tmp_path / "killed")
    assert outcome(fit.fit(recipe, drawn, tmp_path / "killed")) == whole


def test_an_svm_killed_in_each_of_its_stages_ends_with_the_same_bits(short, drawn, tmp_path, outcome):
    recipe = replace(short, network=Network(head="svm", svm_c=0.01))
    whole = outcome(fit.fit(recipe, drawn, tmp_path / "whole"))
    for module, name, call in ((loop, "step", 8), (fit, "open_model", 1), (fit, "save_model", 1)):
        killed_at(module, name, call, recipe, drawn, tmp_path / "killed")
    assert outcome(fit.fit(recipe, drawn, tmp_path / "killed")) == whole


@pytest.mark.parametrize("optimiser", loop.OPTIMISERS)
def test_every_optimiser_goes_on_with_the_same_bits(optimiser, short, drawn, tmp_path, outcome):
    recipe = replace(short, optimiser=optimiser, weight_decay=1e-3, epochs=1)
    whole = outcome(fit.fit(recipe, drawn, tmp_path / "whole"))
    killed_at(loop, "step", 5, recipe, drawn, tmp_path / "killed")
    (path,) = (tmp_path / "killed").glob("*/checkpoint.safetensors")
    assert any(name.startswith("optimiser.") for name in read_tensors(path, "")[0])
    assert outcome(fit.fit(recipe, drawn, tmp_path / "killed")) == whole


@pytest.mark.slow
def test_an_alexnet_of_full_width_goes_on_with_the_same_bits(short, drawn, tmp_path, outcome, monkeypatch):
    monkeypatch.setitem(backbones.ALEXNET_WIDTHS, "torchvision", (64, 192, 384, 256, 256, 256))
    monkeypatch.setattr(backbones, "ALEXNET_FEATURES", 4096)
    monkeypatch.setattr(backbones.AlexNet, "width", 4096)
    recipe = replace(short, epochs=1, batch=16)
    whole = outcome(fit.fit(recipe, drawn, tmp_path / "whole"))
    killed_at(loop, "step", 2, recipe, drawn, tmp_path / "killed")
    assert outcome(fit.fit(recipe, drawn, tmp_path / "killed")) == whole
    assert sum(path.stat().st_size for path in Path(tmp_path / "killed").rglob("weights.safetensors")) > 4 * 57e6
