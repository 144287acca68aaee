"""One flipped bit in 400 places of a run's files: refused in words each time, and the untouched files answer as before."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from modiste.models.tensors import read_tensors, write_tensors
from modiste.models.variants import build
from modiste.records.errors import ModisteError, Stopped
from modiste.records.recipe import Network
from modiste.records.run import Run
from modiste.training.averaging import Average
from modiste.training.checkpoint import Learner, load_checkpoint
from modiste.training.fit import Manner, fit
from modiste.training.loop import optimiser_of
from modiste.training.model import evaluate, open_model

CPU = torch.device("cpu")
FLIPS = 400
REFUSED = re.compile(r"(is damaged|has no seal).*(Copy it again|[Dd]elete)", re.DOTALL)


@pytest.fixture(scope="module")
def recipe(short):
    return replace(short, network=Network(attention="cbam"), ema=0.9, epochs=1)


@pytest.fixture(scope="module")
def finished(recipe, drawn, tmp_path_factory):
    return fit(recipe, drawn, tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="module")
def checkpoint(recipe, drawn, tmp_path_factory):
    """Of a run that had no time for more than one step."""
    runs = tmp_path_factory.mktemp("stopped")
    with pytest.raises(Stopped):
        fit(recipe, drawn, runs, Manner("cpu", deadline=0.0))
    (path,) = runs.glob("*/checkpoint.safetensors")
    return path


@pytest.fixture
def copy(finished, tmp_path):
    return Run(shutil.copytree(finished.folder, tmp_path / "copy"))


def places(content, count, rng):
    """(byte, bit) to flip: a quarter where the header is, a quarter about the seal, the others anywhere."""
    seal = re.search(rb'seal\\?": \\?"', content).end()
    header = 8 + int.from_bytes(content[:8], "little") if content[8:9] == b"{" else len(content)
    bytes_ = [*rng.integers(0, header, count // 4), *rng.integers(max(0, seal - 20), seal + 70, count // 4)]
    bytes_ += list(rng.integers(0, len(content), count - len(bytes_)))
    return [(int(byte), int(bit)) for byte, bit in zip(bytes_, rng.integers(0, 8, count), strict=True)]


def flip(path, content, byte, bit):
    path.write_bytes(content[:byte] + bytes([content[byte] ^ 1 << bit]) + content[byte + 1 :])


def test_a_model_with_one_flipped_bit_is_never_opened(copy, drawn):
    """200 places in the weights, 200 in the card beside them."""
    tested, rng = drawn.split("test"), np.random.default_rng(0)
    before = evaluate(copy, tested)
    refused = 0
    for name in ("weights.safetensors", "model.json"):
        path = copy.folder / name
        content = path.read_bytes()
        for byte, bit in places(content, FLIPS // 2, rng):
            flip(path, content, byte, bit)
            with pytest.raises(ModisteError) as told:
                open_model(copy)
            assert name in str(told.value)
            assert REFUSED.search(str(told.value)), told.value
            refused += 1
        path.write_bytes(content)
    assert refused == FLIPS
    assert np.array_equal(evaluate(copy, tested).scores, before.scores)


def learner_for(recipe, seed=1):
    torch.manual_seed(seed)
    network = build(recipe.network, 4).to(memory_format=torch.channels_last)
    return Learner(network, optimiser_of(recipe, network, CPU), Average(network, recipe.ema))


def test_a_checkpoint_with_one_flipped_bit_is_never_gone_on_from(checkpoint, recipe, tmp_path):
    content, path, learner = checkpoint.read_bytes(), tmp_path / "checkpoint.safetensors", learner_for(recipe)
    untouched = {name: value.clone() for name, value in learner.network.state_dict().items()}
    for byte, bit in places(content, FLIPS, np.random.default_rng(1)):
        flip(path, content, byte, bit)
        with pytest.raises(ModisteError) as told:
            load_checkpoint(path, learner)
        assert REFUSED.search(str(told.value)), told.value
    assert all(torch.equal(value, untouched[name]) for name, value in learner.network.state_dict().items())
    path.write_bytes(content)
    position, epochs = load_checkpoint(path, learner)
    assert (position.epoch, position.step, epochs) == (0, 1, [])
    held = read_tensors(path, "")[0]
    assert all(torch.equal(value, held[f"network.{name}"]) for name, value in learner.network.state_dict().items())


def test_without_a_seal_most_flipped_bits_would_have_passed(checkpoint):
    """What the seal is for: safetensors itself notices a bit only where its header breaks."""
    content, passed = save(load(checkpoint.read_bytes())), 0
    rng = np.random.default_rng(2)
    for byte, bit in zip(rng.integers(0, len(content), 100), rng.integers(0, 8, 100), strict=True):
        try:
            load(content[:byte] + bytes([content[byte] ^ 1 << int(bit)]) + content[byte + 1 :])
            passed += 1
        except (SafetensorError, KeyError, ValueError, RuntimeError):  # what a broken header leads to
            continue
    assert passed > 80


def test_fit_itself_refuses_a_damaged_checkpoint_and_starts_anew_once_it_is_gone(checkpoint, recipe, drawn, finished, tmp_path, outcome):
    runs = Path(shutil.copytree(checkpoint.parent.parent, tmp_path / "runs"))
    (path,) = runs.glob("*/checkpoint.safetensors")
    content = path.read_bytes()
    flip(path, content, len(content) // 2, 3)
    with pytest.raises(ModisteError, match=r"checkpoint.safetensors is damaged.* Delete it, and the run starts from its first epoch\."):
        fit(recipe, drawn, runs)
    assert not Run(path.parent).finished
    path.unlink()
    assert outcome(fit(recipe, drawn, runs)) == outcome(finished)


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda tensors, facts: tensors.pop(next(iter(tensors))), "is not a checkpoint of this run"),
        (lambda tensors, facts: tensors.update({"network.head.weight": torch.zeros(3, 3)}), "is not a checkpoint of this run"),
        (lambda tensors, facts: tensors.update({"optimiser.999.exp_avg": torch.zeros(3)}), "is not a checkpoint of this run"),
        (lambda tensors, facts: tensors.update({"optimiser.odd": torch.zeros(3)}), "is not a checkpoint of this run"),
        (lambda tensors, facts: tensors.pop("average.n_averaged"), "is not a checkpoint of this run"),
        (lambda tensors, facts: facts.pop("position"), "is not a checkpoint of this run"),
        (lambda tensors, facts: facts["position"].update(hat=1), "is not a checkpoint of this run"),
        (lambda tensors, facts: facts.update(epochs=[{"epoch": 1}]), "is not a checkpoint of this run"),
        (lambda tensors, facts: facts.update(epochs=None), "is not a checkpoint of this run"),
        (
            lambda tensors, facts: tensors.pop("optimiser.3.exp_avg_sq"),
            "is not a checkpoint of this run .moments of some weights are missing",
        ),
        (lambda tensors, facts: tensors.update({"optimiser.0.exp_avg": torch.zeros(2, 2)}), r"moments \(2, 2\) of weights"),
    ],
)
def test_a_whole_file_of_another_network_is_refused_with_a_reason(checkpoint, recipe, tmp_path, change, words):
    """Sealed and unbroken, but not this run's."""
    tensors, facts = read_tensors(checkpoint, "")
    change(tensors, facts)
    path = write_tensors(tmp_path / "checkpoint.safetensors", tensors, facts)
    with pytest.raises(ModisteError, match=rf"{words}.* Delete it, and the run starts from its first epoch\."):
        load_checkpoint(path, learner_for(recipe))


def test_the_weights_of_another_run_are_refused_though_each_file_is_whole(copy, recipe, drawn, tmp_path):
    other = fit(replace(recipe, seed=1), drawn, tmp_path / "other")
    shutil.copy(other.folder / "weights.safetensors", copy.folder / "weights.safetensors")
    with pytest.raises(ModisteError, match=r"weights.safetensors is damaged: its SHA-256 is not the one in model.json"):
        open_model(copy)


def test_predictions_with_one_flipped_bit_are_refused(copy):
    path = copy.folder / "predictions" / "test.csv"
    content, before = path.read_bytes(), copy.predictions()
    for byte, bit in zip(*(np.random.default_rng(3).integers(0, most, 50) for most in (len(content), 8)), strict=True):
        flip(path, content, int(byte), int(bit))
        with pytest.raises(ModisteError, match=r"test.csv is not what the run wrote"):
            Run(copy.folder).predictions()
    path.write_bytes(content)
    assert np.array_equal(Run(copy.folder).predictions().scores, before.scores)
