"""A trial finds what the machine and the photos give, keeps nothing of it, and is remembered where it decides a run."""

from dataclasses import replace

import pytest

from modiste.models.heads import HEADS
from modiste.records.recipe import Network
from modiste.records.run import run_id
from modiste.training import trying
from modiste.training.finding import FoundBatch, FoundRate
from modiste.training.trying import batch_for, rate_for, remembered_batch


def test_a_rate_is_found_and_no_run_is_left(short, drawn, runs):
    found = rate_for(replace(short, batch=4), drawn, runs)
    assert isinstance(found, FoundRate)
    assert 1e-7 < found.lr < 10
    assert [path.name for path in runs.iterdir()] == ["cache"]


def test_the_same_trial_finds_the_same_rate(short, drawn, runs):
    assert rate_for(short, drawn, runs) == rate_for(short, drawn, runs)


@pytest.mark.parametrize("head", HEADS)
def test_every_head_has_a_rate(head, short, drawn, runs):
    assert rate_for(replace(short, network=Network(head=head)), drawn, runs).lr > 0


def test_batches_are_tried_up_to_the_photos_there_are(short, drawn, runs, monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(trying, "time", type("Clock", (), {"perf_counter": staticmethod(lambda: next(clock))}))
    found = batch_for(replace(short, accumulate=3), drawn, runs)  # each step takes one tick, so the largest batch is the quickest
    assert [row[0] for row in found.table.rows] == ["8", "16", "32"]  # of 48 photos
    assert found.batch == 32


def test_a_batch_that_was_found_is_remembered_for_other_seeds_and_not_for_other_networks(short, drawn, runs, monkeypatch):
    """A run that goes on would else be another run when the machine was busier."""
    asked = []
    monkeypatch.setattr(trying, "batch_for", lambda recipe, *_: (asked.append(recipe), FoundBatch(8 * len(asked), None))[1])
    first = remembered_batch(short, drawn, runs)
    assert [remembered_batch(replace(short, seed=seed, batch=16), drawn, runs) for seed in (0, 1)] == [first, first] == [8, 8]
    assert remembered_batch(replace(short, network=Network(convs=3)), drawn, runs) == 16
    assert run_id(replace(short, batch=first), "") != run_id(replace(short, batch=16), "")
