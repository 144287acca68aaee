"""The loop's parts: which photos a step sees, which epoch is best, when patience ends, and what an optimiser moves."""

import itertools
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modiste.data.decoded import Pictures
from modiste.models.variants import build
from modiste.records.errors import UsageError
from modiste.records.labels import Classes
from modiste.records.progress import silent
from modiste.records.recipe import Network, Pixels, Recipe
from modiste.records.run import Epoch
from modiste.training.given import Eyes, pictures_of
from modiste.training.loop import (
    OPTIMISERS,
    RAREST_SECONDS,
    Keeper,
    Lesson,
    Watched,
    best_epoch,
    chance,
    epoch_batches,
    learner_of,
    optimiser_of,
    out_of_patience,
    pieces,
    step,
)
from modiste.training.losses import LOSSES, loss, masses
from modiste.training.model import Model
from modiste.training.team import Team

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    "seconds, took, since, due",
    [
        (60, 0.1, 59, False),
        (60, 0.1, 61, True),
        (60, 6.0, 299, False),  # 2 % of the time
        (60, 6.0, 301, True),
        (60, 900.0, RAREST_SECONDS + 1, True),  # the machine was held while one was written: the next would come in half a day
        (3600, 0.1, RAREST_SECONDS + 1, False),  # as it was asked for
        (0, 900.0, 0, True),  # after every step
    ],
)
def test_a_checkpoint_is_due_by_the_clock_and_by_what_the_last_one_cost(monkeypatch, seconds, took, since, due):
    keeper = Keeper(None, SimpleNamespace(team=Team(CPU), checkpoint_seconds=seconds), None, [])
    keeper.took = took
    now = keeper.saved + since
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert keeper.due is due


@given(st.integers(2, 200), st.integers(1, 40), st.integers(0, 3), st.integers(0, 3), st.sampled_from(["weighted", "shuffled"]))
def test_the_batches_of_an_epoch_hold_as_many_photos_as_there_are(photos, size, seed, epoch, sampling):
    """None is empty, none larger than asked but for the last, which takes in a single photo left over."""
    labels, recipe = np.arange(photos) % 2, Recipe(batch=size, seed=seed, sampling=sampling)
    batches = epoch_batches(labels, recipe, epoch)
    sizes = [len(batch) for batch in batches]
    assert sum(sizes) == photos
    assert all(found == size for found in sizes[:-1])
    assert 1 <= sizes[-1] <= size + 1
    assert sizes[-1] > 1 or (size == 1 and len(sizes) == 1)
    if sampling == "shuffled":
        assert sorted(np.concatenate(batches)) == list(range(photos))
    again = epoch_batches(labels, recipe, epoch)
    assert all((one == other).all() for one, other in zip(batches, again, strict=True))


def test_every_epoch_and_every_seed_draws_anew():
    labels = np.arange(50) % 4
    orders = {tuple(np.concatenate(epoch_batches(labels, Recipe(seed=seed), epoch))) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


def test_no_two_steps_share_their_chance():
    assert len({chance(*place) for place in itertools.product(range(3), range(20), range(40))}) == 3 * 20 * 40


def history(*scores):
    return [Epoch(number, 1.0, 0.5, "validation", 1.0, 0.5, score, 1.0, 1.0) for number, score in enumerate(scores, 1)]


@pytest.mark.parametrize("scores, best", [((0.5,), 1), ((0.1, 0.3, 0.2), 2), ((0.1, 0.3, 0.3), 2), ((0.4, 0.3, 0.5), 3)])
def test_the_best_epoch_is_the_first_of_the_highest_macro_f1(scores, best):
    assert best_epoch(history(*scores)) == best


@pytest.mark.parametrize(
    "scores, patience, out",
    [
        ((), 1, False),
        ((0.5, 0.4), None, False),
        ((0.5, 0.4), 1, True),
        ((0.5, 0.4), 2, False),
        ((0.5, 0.4, 0.5), 2, True),  # as good is not better
        ((0.5, 0.4, 0.6), 2, False),
    ],
)
def test_patience_ends_after_so_many_epochs_without_a_better_one(scores, patience, out):
    assert out_of_patience(history(*scores), patience) == out


def lesson(optimiser="adam", bf16=False, loss_name="cross_entropy", counts=(4, 4), **settings):
    """Two classes that anyone can tell apart: dark and bright."""
    labels = np.arange(8) % 2
    pixels = (np.random.default_rng(0).integers(0, 60, (8, 32, 32, 1)) + 150 * labels[:, None, None, None]).astype(np.uint8)
    pictures = Pictures.of(tuple("abcdefgh"), pixels, labels)
    torch.manual_seed(0)
    network = Network(backbone="resnet18")
    model = Model(Classes(("dark", "bright")), Eyes(Pixels(side=32), (0.5,) * 3, (0.25,) * 3), build(network, 2))
    recipe = Recipe(network=network, optimiser=optimiser, lr=1e-3, **settings)
    given, told = pictures_of(pictures, model.eyes, model.network), loss(loss_name, counts)
    return Lesson(model, recipe, told, given, Watched("test", given, told), Team(CPU), bf16, silent, masses=masses(loss_name, counts))


def stepped(taught, times=1):
    """(loss sum, hits) of each of some steps on all eight photos."""
    learner = learner_of(taught)
    learner.network.train()
    return [step(taught, learner, learner.network, np.arange(8), 32) for _ in range(times)]


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_learns(name, bf16):
    taught = lesson(name, bf16)
    seen = stepped(taught, 6)
    assert seen[-1][0] < 0.7 * seen[0][0]
    assert seen[-1][1] == 8


@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_takes_lr_and_weight_decay_from_the_recipe(name):
    taught = lesson(name, weight_decay=0.01)
    (group,) = optimiser_of(taught.recipe, taught.model.network, CPU).param_groups
    assert (group["lr"], group["weight_decay"]) == (1e-3, 0.01)


def test_an_optimiser_holds_only_what_learns():
    taught = lesson()
    taught.model.network.backbone.requires_grad_(False)
    (group,) = optimiser_of(taught.recipe, taught.model.network, CPU).param_groups
    assert [tuple(weight.shape) for weight in group["params"]] == [(2, 512), (2,)]


def test_a_step_counts_what_was_right_before_it():
    taught = lesson()
    network = taught.model.network.train()
    with torch.no_grad():
        called = network(taught.train.see(np.arange(8))).argmax(1).numpy()
    (found,) = stepped(lesson())
    assert found[1] == (called == taught.train.labels).sum()


def test_an_unknown_optimiser_is_told_the_near_name():
    taught = lesson()
    with pytest.raises(UsageError, match=r"no optimiser called 'adma'.*Did you mean 'adam"):
        optimiser_of(replace(taught.recipe, optimiser="adma"), taught.model.network, CPU)


@pytest.mark.parametrize("loss_name", LOSSES)
def test_a_step_of_several_batches_is_the_step_of_one_large_one(loss_name):
    """Where nothing follows the batch: the gradient is the mean over all photos, however they are cut."""
    found = []
    for settings in ({"batch": 8}, {"batch": 3, "accumulate": 3}, {"batch": 1, "accumulate": 8}):
        taught = lesson("sgd", loss_name=loss_name, counts=(900, 10), **settings)
        learner = learner_of(taught)
        loss_sum, hits = step(taught, learner, learner.network.eval(), np.array([0, 1, 2, 4, 6, 2, 0, 3]), 32)  # classes 0 and 1, unevenly
        found.append((loss_sum, hits, torch.cat([weight.detach().flatten() for weight in learner.network.parameters()])))
    for loss_sum, hits, weights in found[1:]:
        assert hits == found[0][1]
        assert loss_name in ("class_weighted", "effective_number") or loss_sum == pytest.approx(found[0][0], rel=1e-5)
        torch.testing.assert_close(weights, found[0][2], rtol=1e-4, atol=1e-6)


def test_a_step_is_cut_only_where_batches_are_accumulated(monkeypatch):
    """The last batch may hold a photo more, which joined it; batch-norm sees it whole."""
    seen = []
    taught = lesson(batch=7)
    whole = replace(taught, train=replace(taught.train, see=lambda rows: (seen.append(len(rows)), taught.train.see(rows))[1]))
    stepped(whole)
    assert seen == [8]


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_every_process_of_a_team_cuts_a_step_into_as_many_parts_none_of_them_empty(processes):
    """One part more in one of them, and the team would wait for it for ever."""
    for photos in range(2 * processes, 80):
        for accumulate in (1, 2, 5):
            parts = pieces(photos, Recipe(batch=10, accumulate=accumulate), processes)
            shares = [np.array_split(np.arange(photos)[rank::processes], parts) for rank in range(processes)]
            assert min(len(part) for share in shares for part in share) >= 1
            assert parts <= accumulate
