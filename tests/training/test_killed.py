"""A run killed by the system at a named point, and gone on with by another process, ends with the same bits."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import replace
from functools import cache

import pytest
import torch
from asking import Asked
from killed import POINTS, RECIPES, train

from modiste.models.tensors import read_tensors, write_tensors
from modiste.records.run import Run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no SIGKILL")


@pytest.fixture(scope="module")
def weights(short, drawn, tmp_path_factory):
    """A file of weights to start from, which is the model of a run."""
    runs = tmp_path_factory.mktemp("trunk")
    return str(train(replace(short, epochs=1), drawn.root, runs).folder / "weights.safetensors")


@pytest.fixture(scope="module")
def whole(drawn, weights, tmp_path_factory, outcome):
    """What a recipe gives where nothing disturbs it, and the folder of runs that it stands in."""

    @cache
    def of(name):
        runs = tmp_path_factory.mktemp(name)
        return everything(train(RECIPES[name](weights), drawn.root, runs), outcome), runs

    return of


@pytest.fixture(scope="module")
def forker(tmp_path_factory):
    """What forks a process for each order, and answers with how it ended."""
    with Asked("killed.py", tmp_path_factory.mktemp("forker")) as ask:
        yield ask


def everything(run, outcome):
    """All that must be equal: every file, and the last step's moments, mean and best weights to the last bit."""
    found = outcome(run)
    for path in sorted((run.folder.parent / "aside").iterdir()):
        tensors, facts = read_tensors(path, "")
        if "position" in facts:
            facts["position"].pop("seconds")
            facts["epochs"] = [{**epoch, "seconds": 0, "photos_per_second": 0} for epoch in facts["epochs"]]
        found[path.name] = {name: value.numpy().tobytes() for name, value in tensors.items()}, facts
    found["runs"] = {
        path.name: sorted(file.name for file in path.iterdir()) for path in run.folder.parent.iterdir() if path.name != "cache"
    }
    return found


FINISHED = ("the last file stands, the lock too", "the last file is renamed, its folder not flushed", "in the sweep", "after the sweep")


@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_at_a_named_point_ends_with_the_same_bits(point, forker, whole, weights, drawn, tmp_path, outcome):
    recipe = POINTS[point][0]
    expected, undisturbed = whole(recipe)
    runs, mark = tmp_path / "runs", tmp_path / "mark"
    if "cache" not in point and "decod" not in point:
        shutil.copytree(undisturbed / "cache", runs / "cache")
    code = forker(point=point, mark=mark, photos=drawn.root, runs=runs, weights=weights)
    assert (int(code), mark.exists() and mark.read_text()) == (-signal.SIGKILL, point), forker.said
    killed = max(runs.glob("alexnet*"), key=lambda path: "svm" in path.name, default=None)
    assert (killed is not None and Run(killed).finished) == (point in FINISHED)
    assert everything(train(RECIPES[recipe](weights), drawn.root, runs), outcome) == expected
    assert not list(runs.rglob(".*"))


@pytest.mark.parametrize("room", ["network", "optimiser", "average"])
def test_a_bit_lost_on_the_way_would_be_seen(room, forker, whole, weights, drawn, tmp_path, outcome):
    """The comparison is no comparison if a weight, a moment or a mean may change by a hundredth and nothing shows it."""
    runs, mark = tmp_path / "runs", tmp_path / "mark"
    forker(point="in the middle of the second epoch", mark=mark, photos=drawn.root, runs=runs, weights=weights)
    path = next(runs.glob("*/checkpoint.safetensors"))
    tensors, facts = read_tensors(path, "")
    name = next(name for name, value in tensors.items() if name.startswith(f"{room}.") and value.ndim == 4)
    tensors[name].view(torch.int32).bitwise_xor_(1 << 16)
    write_tensors(path, tensors, {key: value for key, value in facts.items() if key != "seal"})
    assert everything(train(RECIPES["eventful"](weights), drawn.root, runs), outcome) != whole("eventful")[0]
