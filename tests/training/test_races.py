"""Processes that train one run at the same moment: one does, the others are refused in words, and the run is whole."""

from __future__ import annotations

import os
import re
import shutil

import pytest
from asking import Asked
from racing import RECIPE

from modiste.records.run import Run
from modiste.training.fit import fit
from modiste.training.model import open_model

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked, to begin at the same moment")
RACES, RACERS = 50, 3


@pytest.fixture(scope="module")
def racing(tmp_path_factory):
    with Asked("racing.py", tmp_path_factory.mktemp("racing")) as ask:
        yield ask


@pytest.fixture
def race(racing, drawn, decoded, tmp_path):
    """How each racer said that it ended, and the run they raced for."""

    def of(quick):
        runs, ends = tmp_path / "runs", tmp_path / "ends"
        for folder in (runs, ends):
            shutil.rmtree(folder, ignore_errors=True)
        ends.mkdir()
        shutil.copytree(decoded, runs / "cache")
        codes = racing(photos=drawn.root, runs=runs, ends=ends, racers=RACERS, quick=quick)
        assert codes == " ".join(["0"] * RACERS), racing.said
        (folder,) = runs.glob("alexnet*")
        return [end.read_text() for end in ends.iterdir()], Run(folder)

    return of


@pytest.fixture(scope="module")
def alone(drawn, tmp_path_factory):
    return fit(RECIPE, drawn, tmp_path_factory.mktemp("alone"))


@pytest.fixture(scope="module")
def decoded(alone):
    return alone.folder.parent / "cache"


def won_once(ends):
    """One won, and was named to each of the others."""
    (winner,) = [end for end in ends if end.endswith(" won")]
    refused = [end for end in ends if end != winner]
    assert len(refused) == RACERS - 1
    words = re.compile(rf".*alexnet-seed0-\w+ is being worked on by {winner.removesuffix(' won')} on .*\. Wait for it to end, or stop it\.")
    assert all(words.fullmatch(end) for end in refused), ends


def test_of_fifty_races_each_has_one_winner_and_leaves_a_whole_run(race, alone):
    for _ in range(RACES):
        ends, run = race(quick=True)
        won_once(ends)
        assert run.finished
        assert open_model(run).classes == open_model(alone).classes
        assert {split: len(run.predictions(split)) for split in run.splits} == {"test": 16}
        assert not list(run.folder.parent.rglob(".*"))  # no lock, nothing half written


def test_a_race_changes_no_bit_of_what_the_winner_learns(race, alone, outcome):
    ends, run = race(quick=False)
    won_once(ends)
    assert outcome(run) == outcome(alone)
