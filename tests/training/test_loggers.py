"""Loggers: what is read back is the history, once each, however often the run was stopped; and what they say when they cannot."""

import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from modiste.records.errors import MachineError, UsageError
from modiste.records.recipe import Network, Recipe
from modiste.records.run import Epoch, Run
from modiste.training import loggers
from modiste.training.loggers import LOGGERS, check_loggers, numbers, open_loggers

RECIPE = Recipe(network=Network(backbone="resnet18"), lr=3e-4, augment=("flip",))
HISTORY = [Epoch(epoch, 1 / epoch, 0.5, "validation", 2 / epoch, 0.25, 0.125 * epoch, 31.5, 60.0 * epoch) for epoch in range(1, 6)]
ABOUT = {"kept_epoch": 5, "precision": "fp32", "data": {"hash": "0f3a"}}
CURVES = {name: [(epoch.epoch, numbers(epoch)[name]) for epoch in HISTORY] for name in numbers(HISTORY[0])}

here = [
    pytest.param(name, marks=pytest.mark.skipif(not all(map(find_spec, packages)), reason=f"extra '{name}' is not installed"))
    for name, (packages, _) in LOGGERS.items()
]
each = pytest.mark.parametrize("name", here)


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return Run(tmp_path / "runs" / "resnet18-seed0-0123456789ab")


def seen_by_tensorboard(run: Run):
    """Curves, words, and the times of the first curve, as TensorBoard's own reader has them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(run.folder.parent / "tensorboard" / run.folder.name)).Reload()
    curves = {tag: [(point.step, point.value) for point in read.Scalars(tag)] for tag in read.Tags()["scalars"]}
    words = {
        tag.split("/")[0]: [event.tensor_proto.string_val[0].decode() for event in read.Tensors(tag)] for tag in read.Tags()["tensors"]
    }
    return curves, words, [point.wall_time for point in read.Scalars("train/loss")]


def client_of(run: Run):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{run.folder.parent.resolve()}/mlflow.db")


def in_mlflow(run: Run):
    client = client_of(run)
    (found,) = client.search_runs([client.get_experiment_by_name("modiste").experiment_id], f"tags.`modiste.run` = '{run.folder.name}'")
    return client, found


def seen_by_mlflow(run: Run):
    """Curves, words, and the times of the first curve, as MLflow's own client has them."""
    client, found = in_mlflow(run)
    points = {name: sorted(client.get_metric_history(found.info.run_id, name), key=lambda point: point.step) for name in found.data.metrics}
    curves = {name: [(point.step, point.value) for point in line] for name, line in points.items()}
    words = {"recipe": [found.data.params], "about": [found.data.tags]}
    return curves, words, [point.timestamp / 1000 for point in points["train/loss"]]


ASKED = """
import sys
from pathlib import Path
from modiste.records.recipe import Recipe
from modiste.records.run import Run
from modiste.training.loggers import open_loggers

open_loggers(["mlflow"], Run(Path(sys.argv[1]) / "a"), Recipe(), [])
from mlflow.telemetry.client import get_telemetry_client
from mlflow.telemetry.utils import is_telemetry_disabled
print(is_telemetry_disabled(), get_telemetry_client())
"""
SEEN = {"tensorboard": seen_by_tensorboard, "mlflow": seen_by_mlflow}


@each
def test_what_is_read_back_is_the_history(name, run):
    logger = open_loggers([name], run, RECIPE, [])
    for epoch in HISTORY:
        logger.tell(epoch)
    logger.close(ABOUT)
    curves, _, _ = SEEN[name](run)
    assert curves == {tag: [(step, pytest.approx(value, rel=1e-6)) for step, value in line] for tag, line in CURVES.items()}


@each
@pytest.mark.parametrize(
    "sittings",
    [
        [(0, [1, 2]), (2, [3, 4, 5])],  # stopped between two epochs
        [(0, [1, 2, 3]), (2, [3, 4, 5])],  # stopped after an epoch was told, before its checkpoint: it is told again
        [(0, [1]), (3, [4, 5])],  # stopped between history and logger, or first opened later: it lacks what history has
        [(0, []), (0, [1]), (0, []), (4, []), (4, [5]), (5, [])],
    ],
)
def test_a_run_that_was_stopped_is_logged_as_one_that_was_not(name, run, sittings):
    for done, told in sittings:
        logger = open_loggers([name], run, RECIPE, HISTORY[:done])
        for epoch in told:
            logger.tell(HISTORY[epoch - 1])
    logger.close(ABOUT)
    curves, words, _ = SEEN[name](run)
    assert curves == {tag: [(step, pytest.approx(value, rel=1e-6)) for step, value in line] for tag, line in CURVES.items()}
    assert len(words["recipe"]) == len(words["about"]) == 1


@each
def test_a_run_that_goes_on_with_weights_that_were_moved_is_logged_as_one(name, run):
    """It is one run, for a file of weights counts by its content."""
    for done, weights in ((0, "resnet18.pth"), (2, "/elsewhere/resnet18.pth")):
        logger = open_loggers([name], run, replace(RECIPE, network=replace(RECIPE.network, weights=weights)), HISTORY[:done])
        for epoch in HISTORY[done : done + 3]:
            logger.tell(epoch)
    curves, _, _ = SEEN[name](run)
    assert curves == {tag: [(step, pytest.approx(value, rel=1e-6)) for step, value in line] for tag, line in CURVES.items()}


@pytest.mark.skipif(not find_spec("tensorboard"), reason="extra 'tensorboard' is not installed")
def test_a_tensorboard_that_is_open_forgets_what_a_stopped_run_had_logged(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = open_loggers(["tensorboard"], run, RECIPE, [])
    for epoch in HISTORY[:3]:
        logger.tell(epoch)
    watching = EventAccumulator(str(run.folder.parent / "tensorboard" / run.folder.name)).Reload()
    assert [point.step for point in watching.Scalars("train/loss")] == [1, 2, 3]
    logger = open_loggers(["tensorboard"], run, RECIPE, HISTORY[:1])
    for epoch in HISTORY[1:]:
        logger.tell(epoch)
    assert [point.step for point in watching.Reload().Scalars("train/loss")] == [1, 2, 3, 4, 5]


@each
def test_epochs_that_are_logged_later_keep_the_time_that_training_took(name, run):
    open_loggers([name], run, RECIPE, HISTORY).close(ABOUT)
    _, _, ended = SEEN[name](run)
    took = [later - sooner for sooner, later in itertools.pairwise(ended)]
    assert took == pytest.approx([epoch.seconds for epoch in HISTORY[1:]], abs=0.1)


@each
def test_every_setting_of_the_recipe_and_what_made_the_run_can_be_read(name, run):
    open_loggers([name], run, RECIPE, HISTORY).close(ABOUT)
    _, words, _ = SEEN[name](run)
    if name == "tensorboard":
        assert json.loads(words["recipe"][0]) == RECIPE.plain()
        assert json.loads(words["about"][0]) == ABOUT
    else:
        assert words["recipe"][0]["network.backbone"] == "resnet18"
        assert words["recipe"][0]["augment"] == '["flip"]'
        assert set(words["recipe"][0]) == set(loggers.flat(RECIPE.plain()))
        assert words["about"][0]["modiste.about.kept_epoch"] == "5"
        assert words["about"][0]["modiste.about.data.hash"] == "0f3a"


@each
def test_two_runs_are_two_and_nothing_is_left_beside_them(name, run):
    other = Run(run.folder.with_name("resnet18-seed1-ba9876543210"))
    for one in (run, other):
        open_loggers([name], one, RECIPE, HISTORY).close(ABOUT)
    assert SEEN[name](run)[0] == SEEN[name](other)[0]
    assert {path.name for path in run.folder.parent.iterdir()} == {"tensorboard" if name == "tensorboard" else "mlflow.db"}
    assert list(Path.cwd().iterdir()) == [run.folder.parent]


@pytest.mark.skipif(not find_spec("mlflow"), reason="extra 'mlflow' is not installed")
def test_mlflow_shows_whether_a_run_goes_on_was_stopped_or_is_finished(run):
    logger = open_loggers(["mlflow"], run, RECIPE, [])
    assert in_mlflow(run)[1].info.status == "RUNNING"
    logger.close(None)
    assert in_mlflow(run)[1].info.status == "KILLED"
    logger = open_loggers(["mlflow"], run, RECIPE, [])
    assert in_mlflow(run)[1].info.status == "RUNNING"
    logger.close(ABOUT)
    assert in_mlflow(run)[1].info.status == "FINISHED"


@pytest.mark.skipif(not find_spec("mlflow"), reason="extra 'mlflow' is not installed")
def test_mlflow_tells_nobody_outside_that_it_was_used(tmp_path):
    """In a process of its own, without the signs of a test or a CI by which MLflow would be silent anyway."""
    bare = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "SYSTEMROOT")}
    said = subprocess.run([sys.executable, "-c", ASKED, str(tmp_path)], env=bare, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["True", "None"]


@pytest.mark.skipif(not find_spec("mlflow"), reason="extra 'mlflow' is not installed")
def test_a_file_that_is_no_store_is_said_in_words(run):
    run.folder.parent.mkdir()
    (run.folder.parent / "mlflow.db").write_bytes(b"hats and caps " * 100)
    with pytest.raises(MachineError, match=r"mlflow\.db could not be used by MLflow: .*Train without logging to mlflow"):
        open_loggers(["mlflow"], run, RECIPE, [])


@each
def test_a_missing_package_is_told_with_the_line_that_installs_it(name, monkeypatch):
    monkeypatch.setattr(loggers, "find_spec", lambda package: None)
    with pytest.raises(MachineError, match=rf'needs the package .*pip install "modiste\[{name}\]"'):
        check_loggers([name])


def test_an_unknown_logger_is_told_the_near_name():
    with pytest.raises(UsageError, match=r"no logger called 'mlfow'.*Did you mean 'mlflow'"):
        check_loggers(["mlfow"])


def test_no_logger_is_a_logger_that_does_nothing(run):
    logger = open_loggers([], run, RECIPE, HISTORY)
    logger.tell(HISTORY[0])
    logger.close(None)
    assert not run.folder.parent.exists()
