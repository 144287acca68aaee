"""A stored model: the same answers when it is opened, and refused when it is not the one that was stored."""

import json
import os
import shutil
from dataclasses import replace
from importlib import metadata

import numpy as np
import pytest
import torch

import modiste
from modiste.data.batches import constants
from modiste.data.decoded import decode
from modiste.records.errors import MachineError, ModisteError
from modiste.records.run import Run
from modiste.records.seal import write_sealed
from modiste.training.fit import fit
from modiste.training.given import computed, pictures_of
from modiste.training.machine import circumstances, device, multiplies_bf16, precision
from modiste.training.model import open_model, predict, whole_on
from modiste.training.team import Team

CPU = torch.device("cpu")
ALONE = Team(CPU)


@pytest.fixture(scope="module")
def stored(short, drawn, tmp_path_factory):
    return fit(replace(short, epochs=1), drawn, tmp_path_factory.mktemp("runs"))


@pytest.fixture
def copy(stored, tmp_path):
    return Run(shutil.copytree(stored.folder, tmp_path / "copy"))


@pytest.fixture(scope="module")
def tested_pictures(stored, drawn):
    photos = sorted(drawn.split("test").photos, key=lambda photo: photo.path)
    return decode(drawn.with_photos(photos), stored.recipe.pixels, None)


def test_an_opened_model_says_what_the_run_said(copy, tested_pictures):
    """Wherever its folder was moved to."""
    model = open_model(copy)
    said, then = predict(model, *whole_on(model, tested_pictures), ALONE), copy.predictions()
    assert (said.photos, said.classes) == (then.photos, then.classes)
    np.testing.assert_allclose(said.scores, then.scores, atol=1e-6)


def test_a_model_brings_its_eyes_and_classes_along(copy, drawn):
    model = open_model(copy)
    train = decode(drawn.split("train"), copy.recipe.pixels, None)
    assert [list(model.eyes.mean), list(model.eyes.std)] == [pytest.approx(values) for values in constants(model.eyes.pixels, False, train)]
    assert model.eyes.pixels == copy.recipe.pixels
    assert model.classes == drawn.classes


def test_an_answer_does_not_hang_on_the_batch(stored, tested_pictures):
    model = open_model(stored)
    given = pictures_of(tested_pictures, model.eyes, model.network)
    together, apart = (computed(model.network, given, ALONE, lambda _: None, "x", batch=size) for size in (16, 3))
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-5)


def test_predicting_tells_of_every_photo_once(stored, tested_pictures):
    told = []
    model = open_model(stored)
    predict(model, *whole_on(model, tested_pictures), ALONE, told.append, "looking")
    assert (told[-1].stage, told[-1].done, told[-1].total) == ("looking", 16, 16)


@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_one_flipped_bit_is_noticed(copy, place):
    path = copy.folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModisteError, match=r"weights.safetensors is damaged: its SHA-256 is not the one in model.json"):
        open_model(copy)


def test_a_cut_file_is_noticed(copy):
    os.truncate(copy.folder / "weights.safetensors", 1000)
    with pytest.raises(ModisteError, match="is damaged"):
        open_model(copy)


@pytest.mark.parametrize("name, words", [("weights.safetensors", "has lost its weights"), ("model.json", r"model.json is missing")])
def test_a_missing_file_is_named(copy, name, words):
    (copy.folder / name).unlink()
    with pytest.raises(ModisteError, match=words):
        open_model(copy)


def test_a_card_of_another_network_is_refused(copy):
    card = copy.read_sealed("model.json")
    card["network"]["convs"] = 3
    write_sealed(copy.folder / "model.json", card)
    with pytest.raises(ModisteError, match="these weights are not those of the recipe beside them"):
        open_model(copy)


def test_pixels_are_seen_as_they_were_measured(stored):
    eyes = open_model(stored).eyes
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 1), np.uint8)
    expected = (pixels.transpose(0, 3, 1, 2) / 255 - eyes.mean[0]) / eyes.std[0]
    np.testing.assert_allclose(eyes.see(pixels).numpy(), np.repeat(expected, 3, 1), atol=1e-5)


def test_auto_takes_a_device_that_is_there():
    assert device("auto").type in ("cpu", "cuda", "mps")
    assert device("cpu") == CPU
    with pytest.raises(MachineError, match=r"device 'gpu' is not on this machine. There are: .*cpu"):
        device("gpu")


def test_auto_precision_is_bf16_only_where_the_processor_multiplies_it(monkeypatch):
    for able in (False, True):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: {"amx_bf16": able})
        assert multiplies_bf16(CPU) == able
        assert precision("auto", CPU) == ("bf16" if able else "fp32")
        assert (precision("fp32", CPU), precision("bf16", CPU)) == ("fp32", "bf16")
    assert not multiplies_bf16(torch.device("mps"))


def test_circumstances_are_plain_values():
    found = circumstances(CPU)
    assert json.loads(json.dumps(found)) == found
    assert {"modiste", "torch", "python", "threads", "device"} <= set(found)


def test_no_run_is_lost_for_a_package_without_a_version(monkeypatch):
    """About.json is written last: what cannot be told there, as while packages are installed anew, would throw all the training away."""

    def gone(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", gone)
    found = circumstances(CPU)
    assert found["numpy"] == "unknown"
    assert found["modiste"] == modiste.__version__
