"""A model on corrupted photos: clean is what it always says, nothing is done twice, and a stop costs what was at work alone."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from modiste.cli.runs import evaluate, parse_severities
from modiste.cli.runs import robustness as command
from modiste.data import decoded
from modiste.data.corruptions import chance_of, corrupted, in_colour
from modiste.data.decoded import Pictures, decode, portions
from modiste.evaluation.closer import counted_on, found_mix_of
from modiste.records.errors import ModisteError, Stopped, UsageError
from modiste.training import model as trained
from modiste.training import robustness as room
from modiste.training.fit import fit
from modiste.training.model import evaluate as score
from modiste.training.model import open_model, predict, whole_on
from modiste.training.robustness import robustness
from modiste.training.stopping import Wish
from modiste.training.team import Team


@pytest.fixture(scope="module")
def run(short, drawn, tmp_path_factory):
    return fit(replace(short, epochs=1), drawn, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def in_colours(short, drawn, tmp_path_factory):
    recipe = replace(short, epochs=1, pixels=replace(short.pixels, colour="rgb"))
    return fit(recipe, drawn, tmp_path_factory.mktemp("runs"))


@pytest.fixture
def tested(drawn):
    return drawn.split("test")


def test_clean_photos_are_called_what_the_run_calls_them(run, in_colours, tested, tmp_path):
    """To the bit for a network that sees colours; one that sees grey is given grey made a step later."""
    for one, most in ((in_colours, 1e-6), (run, 0.05)):
        clean = robustness(one, tested, tmp_path, corruptions=["blur"], severities=[1]).clean
        plain = score(one, tested)
        assert clean.photos == plain.photos
        assert (clean.called == plain.called).all()
        np.testing.assert_allclose(clean.scores, plain.scores, atol=most)


def test_a_cell_is_the_model_on_photos_corrupted_one_by_one(run, tested, tmp_path):
    found = robustness(run, tested, tmp_path, corruptions=["noise"], severities=[4], seed=3).corrupted["noise"][4]
    model = open_model(run)
    coloured = decode(tested, replace(model.eyes.pixels, colour="rgb"), None)
    rows = range(len(coloured))
    made = [corrupted("noise", coloured.at(slice(n, n + 1))[0], 4, chance_of(3, "noise", coloured.paths[n])) for n in rows]
    pictures = Pictures.of(coloured.paths, in_colour(np.stack(made), "grey3"), coloured.labels)
    again = predict(model, *whole_on(model, pictures), Team(torch.device("cpu")))
    np.testing.assert_allclose(found.scores, again.scores, atol=1e-5)


def test_the_order_of_the_photos_changes_nothing(run, tested, tmp_path):
    one, back = (
        robustness(run, tested.with_photos(photos), tmp_path, corruptions=["noise"], severities=[5]).corrupted["noise"][5]
        for photos in (tested.photos, tested.photos[::-1])
    )
    scores = dict(zip(back.photos, back.scores, strict=True))
    np.testing.assert_allclose(one.scores, [scores[path] for path in one.photos], atol=1e-5)


def test_a_stopped_call_goes_on_where_it_was(run, tested, tmp_path, monkeypatch):
    done = []

    def counted(*given, **how):
        done.append(1)
        return predict(*given, **how)

    monkeypatch.setattr(room, "predict", counted)
    asked = {"corruptions": ["blur", "jpeg"], "severities": [1, 5]}
    monkeypatch.setattr(Wish, "reason", property(lambda _: ("Ctrl-C", 130) if len(done) >= 3 else None))
    with pytest.raises(Stopped, match=r"stopped by Ctrl-C after 2 of 5") as stopped:
        robustness(run, tested, tmp_path, **asked)
    assert stopped.value.exit_code == 130
    monkeypatch.undo()
    monkeypatch.setattr(room, "predict", counted)
    done.clear()
    whole = robustness(run, tested, tmp_path, **asked)
    assert len(done) == 3
    assert [list(cells) for cells in whole.corrupted.values()] == [[1, 5], [1, 5]]
    robustness(run, tested, tmp_path, **asked)
    assert len(done) == 3


def test_other_photos_another_seed_and_another_network_are_kept_apart(run, in_colours, tested, tmp_path):
    for one, photos, seed in (
        (run, tested, 0),
        (run, tested, 1),
        (run, tested.with_photos(tested.photos[:9]), 0),
        (in_colours, tested, 0),
    ):
        robustness(one, photos, tmp_path, corruptions=["jpeg"], severities=[5], seed=seed)
    assert len(list(tmp_path.iterdir())) == 4


def test_what_cannot_be_done_is_refused_before_anything_is_decoded(run, tested, drawn, tmp_path):
    with pytest.raises(ModisteError, match="Did you mean 'blur'"):
        robustness(run, tested, tmp_path, corruptions=["blurr"])
    with pytest.raises(ModisteError, match="severities are 1 to 5"):
        robustness(run, tested, tmp_path, severities=[0])
    with pytest.raises(ModisteError, match="one corruption and one severity"):
        robustness(run, tested, tmp_path, severities=[])
    with pytest.raises(ModisteError, match="no labelled photos"):
        robustness(run, drawn.split("validation"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_command_writes_tables_curves_and_predictions(run, in_colours, drawn_folder, tmp_path, capsys):
    asked = {"data": drawn_folder, "corruptions": "blur,colour-cast", "severities": "5,1", "measure": "accuracy", "device": "cpu"}
    command((run.folder, in_colours.folder), **asked, output=tmp_path / "robust", json=True)
    said = json.loads(capsys.readouterr().out)
    (table, *_), names = said["tables"].values(), list(said["tables"])
    assert table["columns"][-2:] == ["Blur", "Colour cast"]
    assert len(table["rows"]) == len({row[0] for row in table["rows"]}) == 2
    written = {path.name for path in (tmp_path / "robust").iterdir()}
    assert {"curves.svg", "curves.png", "predictions", *(f"{name}.csv" for name in names)} <= written


def test_what_is_wrong_with_the_last_run_is_told_before_the_first_is_asked(run, drawn_folder, tmp_path):
    with pytest.raises(ModisteError, match="nothing is there"):
        command((run.folder, tmp_path / "gone"), data=drawn_folder, corruptions="blur", output=tmp_path / "robust", device="cpu")
    assert not (tmp_path / "robust").exists()


def test_a_network_counts_on_the_mix_it_was_trained_in(short, drawn, tmp_path):
    classes, counts = drawn.classes.names, drawn.split("train").counts()
    weighted = fit(replace(short, epochs=1), drawn, tmp_path)
    assert counted_on(weighted) == dict.fromkeys(classes, 0.25)
    shuffled = fit(replace(short, epochs=1, sampling="shuffled"), drawn, tmp_path)
    assert list(counted_on(shuffled).values()) == pytest.approx([count / sum(counts) for count in counts])
    both = SimpleNamespace(recipe=replace(short, loss="class_weighted"), about=shuffled.about)
    inverse = np.array([1 / count for count in counts])
    assert list(counted_on(both).values()) == pytest.approx(inverse / inverse.sum()), "a loss comes on top of the drawing"
    with pytest.raises(UsageError, match="the loss focal"):
        counted_on(SimpleNamespace(recipe=replace(short, loss="focal"), about=shuffled.about, folder="runs/one"))
    with pytest.raises(UsageError, match="learnt from validation"):
        found_mix_of(weighted, weighted.predictions("test"), "validation")


@pytest.mark.parametrize("text", ["one", "1,,3", ""])
def test_severities_that_are_none_are_refused(text):
    with pytest.raises(UsageError, match="from 1 to 5"):
        parse_severities(text)


def test_a_large_catalogue_is_decoded_in_whole_batches_that_fit(run, drawn, monkeypatch):
    pixels = run.recipe.pixels
    slot = pixels.side**2
    for room_bytes, most in ((1, 64), (130 * slot, 128)):
        monkeypatch.setattr(decoded, "AT_ONCE_BYTES", room_bytes)
        many = drawn.with_photos(replace(photo, path=f"{n}/{photo.path}") for n in range(3) for photo in drawn.photos)  # 192
        assert [len(some) for some in portions(many, pixels)] == [most, *([64] * ((192 - most) // 64))]


def test_corruptions_are_made_a_portion_of_photos_at_a_time_and_go_on_there(run, drawn, tmp_path, monkeypatch):
    asked = {"corruptions": ["noise"], "severities": [3]}
    whole, decoded_at_once, told = robustness(run, drawn, tmp_path / "whole", **asked), [], []
    monkeypatch.setattr(decoded, "most_at_once", lambda _pixels: 24)
    monkeypatch.setattr(room, "decode", lambda some, *rest, **more: decoded_at_once.append(len(some)) or decode(some, *rest, **more))
    monkeypatch.setattr(Wish, "reason", property(lambda _: ("Ctrl-C", 130) if len(decoded_at_once) > 1 else None))
    with pytest.raises(Stopped, match=r"after 0 of 2 for photos 25 to 48 of 64;"):
        robustness(run, drawn, tmp_path / "parts", **asked)
    monkeypatch.setattr(Wish, "reason", None)
    done = robustness(run, drawn, tmp_path / "parts", **asked, tell=told.append)
    assert decoded_at_once == [24, 24, 24, 24, 16]
    for one, other in ((done.clean, whole.clean), (done.corrupted["noise"][3], whole.corrupted["noise"][3])):
        assert (one.photos, one.truth.tolist()) == (other.photos, other.truth.tolist())
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-4)
    counts = [one.done for one in told if one.stage == "corrupted photos"]
    assert counts == sorted(counts)
    assert counts[0] > 24 * 2, "the first portion stood there"
    assert counts[-1] == 64 * 2


def test_more_photos_than_memory_holds_are_evaluated_in_portions(run, drawn, monkeypatch):
    whole, decoded_at_once = score(run, drawn), []
    monkeypatch.setattr(decoded, "most_at_once", lambda _pixels: 24)
    monkeypatch.setattr(trained, "decode", lambda some, *rest, **more: decoded_at_once.append(len(some)) or decode(some, *rest, **more))
    parts = score(run, drawn)
    assert decoded_at_once == [24, 24, 16]
    assert (parts.photos, parts.truth.tolist()) == (whole.photos, whole.truth.tolist())
    np.testing.assert_allclose(parts.scores, whole.scores, atol=1e-4)


def test_evaluate_looks_closer_when_asked(run, drawn_folder, tmp_path, capsys):
    mix = "Shoes=1,Clothing=1,Accessories=1,Bags=1"
    evaluate(run.folder, data=drawn_folder, by="class", mix=(mix,), find_mix=True, confidence=True, device="cpu", json=True)
    said = json.loads(capsys.readouterr().out)
    assert {row[0] for row in said["slices"]["rows"]} == {"Shoes", "Clothing", "Accessories", "Bags"}
    assert said["mixes"]["rows"][1][1] == pytest.approx(said["metrics"]["macro_recall"])
    assert len(said["calibration"]["rows"]) == 1
    assert [row[1] for row in said["found_mix"]["rows"]] == ["", "as it is", "EM"]
    assert said["people"][0].startswith("For at most 1 % errors: ")
    with pytest.raises(UsageError, match="Give it with --data"):
        evaluate(run.folder, by="colour")
