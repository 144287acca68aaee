"""Numbers that are none: said in words with exit code 6, never written down, and the state before them can be gone on from."""

from __future__ import annotations

import itertools
import os
import signal
from dataclasses import replace

import pytest
import torch

from modiste.models.tensors import read_tensors
from modiste.records.errors import TrainingDiverged
from modiste.training import loop
from modiste.training.fit import Manner, fit

NONE = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}
OFTEN = Manner("cpu", checkpoint_seconds=0)


@pytest.fixture(scope="module")
def recipe(short):
    return replace(short, validation=0.15, select="best", ema=0.9)


@pytest.fixture(scope="module")
def whole(recipe, drawn, tmp_path_factory, outcome):
    return outcome(fit(recipe, drawn, tmp_path_factory.mktemp("whole")))


def spoilt_loss(patch, value, call):
    real, calls = loop.mixed_loss, itertools.count(1)
    patch.setattr(loop, "mixed_loss", lambda *args: real(*args) * (value if next(calls) == call else 1))


def spoiling(spoil):
    """After a step, something of the learner is no number, which its loss does not show."""

    def arm(patch, value, call):
        real, calls = loop.step, itertools.count(1)

        def step(lesson, learner, *args):
            made = real(lesson, learner, *args)
            if next(calls) == call:
                with torch.no_grad():
                    spoil(learner)[0, 0, 0, 0] = value
            return made

        patch.setattr(loop, "step", step)

    return arm


def first_weight(learner):
    return next(learner.network.parameters())


def first_moment(learner):
    return learner.optimiser.state[first_weight(learner)]["exp_avg"]


def first_mean(learner):
    return next(learner.average.network.parameters())


PLACES = {"loss": spoilt_loss, "weight": spoiling(first_weight), "moment": spoiling(first_moment), "mean": spoiling(first_mean)}


def numbers_only(runs):
    """Every file of tensors is whole and holds numbers only; where the checkpoint stands."""
    for path in runs.rglob("*.safetensors"):
        tensors, _ = read_tensors(path, "")
        assert all(torch.isfinite(value).all() for value in tensors.values() if value.is_floating_point()), path
    (path,) = runs.glob("*/checkpoint.safetensors")
    facts = read_tensors(path, "")[1]
    return facts["position"]["epoch"], facts["position"]["step"]


@pytest.mark.parametrize("value", NONE)
@pytest.mark.parametrize("place", PLACES)
def test_numbers_that_are_none_stop_a_run_whose_last_good_state_can_be_gone_on_from(place, value, recipe, drawn, runs, whole, outcome):
    with pytest.MonkeyPatch.context() as patch:
        PLACES[place](patch, NONE[value], 8)  # of 5 steps an epoch
        with pytest.raises(
            TrainingDiverged, match=r"(the loss became|no longer numbers).*\n*.*last good state stands in .*checkpoint"
        ) as told:
            fit(recipe, drawn, runs, OFTEN)
    assert told.value.exit_code == 6
    assert "Try a smaller lr than 0.001" in str(told.value)
    assert numbers_only(runs) == (1, 2)
    assert not list(runs.rglob(".*"))
    assert outcome(fit(recipe, drawn, runs)) == whole


@pytest.mark.parametrize("value", NONE)
@pytest.mark.parametrize("place, ema", [("weight", 0.0), ("mean", 0.9)])
def test_what_is_spoilt_in_the_very_last_step_is_not_kept(place, ema, value, recipe, drawn, runs):
    """No step and no checkpoint comes after it: what is measured is looked at, though a ReLU may hide it from the scores."""
    with pytest.MonkeyPatch.context() as patch:
        PLACES[place](patch, NONE[value], 10)
        with pytest.raises(TrainingDiverged, match=r"after epoch 2 the network's (scores|weights) are no longer numbers"):
            fit(replace(recipe, ema=ema), drawn, runs)
    assert not list(runs.rglob("weights.safetensors"))
    assert not list(runs.rglob("about.json"))


def test_a_weight_that_a_relu_hides_is_not_kept(recipe, drawn, runs):
    """A bias of -inf shuts its channel: every score is a number, and the model would be stored."""
    with pytest.MonkeyPatch.context() as patch:
        spoiling(lambda learner: learner.network.backbone.features.conv1.bias.view(-1, 1, 1, 1))(patch, NONE["-inf"], 10)
        with pytest.raises(TrainingDiverged, match="after epoch 2 the network's weights are no longer numbers"):
            fit(replace(recipe, ema=0.0), drawn, runs)
    assert not list(runs.rglob("about.json"))


def test_a_stop_asked_for_in_the_step_that_spoils_writes_nothing_down(recipe, drawn, runs):
    with pytest.MonkeyPatch.context() as patch:
        PLACES["weight"](patch, NONE["nan"], 8)
        real, calls = loop.step, itertools.count(1)

        def step(*args):
            made = real(*args)
            if next(calls) == 8:
                os.kill(os.getpid(), signal.SIGTERM)
            return made

        patch.setattr(loop, "step", step)
        with pytest.raises(TrainingDiverged, match="the weights are no longer numbers"):
            fit(recipe, drawn, runs, OFTEN)
    assert numbers_only(runs) == (1, 2)
