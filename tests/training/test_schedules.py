"""Schedules: those that recipes name, bounded, and torch's own schedulers written as functions of the step."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, OneCycleLR

from modiste.records import recipe
from modiste.records.errors import UsageError
from modiste.training.schedules import SCHEDULES, lr_factor


def test_the_schedules_are_those_that_a_recipe_may_name():
    assert tuple(SCHEDULES) == recipe.SCHEDULES


def torch_s(scheduler, steps):
    """The factors that one of torch's schedulers gives step after step, for an lr of 1."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule, found = scheduler(optimiser), []
    for _ in range(steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return found


def ours(schedule, steps, warmup=0.0):
    return [lr_factor(schedule, step, steps, warmup) for step in range(steps)]


@pytest.mark.parametrize("steps", [1, 2, 7, 100, 1862])
def test_cosine_is_torch_s(steps):
    assert ours("cosine", steps) == pytest.approx(torch_s(lambda sgd: CosineAnnealingLR(sgd, steps), steps), abs=1e-9)


def one_cycle_of_torch(total, climb):
    return lambda sgd: OneCycleLR(sgd, 1.0, total, pct_start=climb, div_factor=25, final_div_factor=1e12, cycle_momentum=False)


@pytest.mark.parametrize("steps", [2, 7, 100, 1862])
def test_one_cycle_is_torch_s_with_0_one_step_after_the_last(steps):
    """Torch's last step learns nothing and its top stands a step early; given a step more and its top moved, it is ours."""
    theirs = torch_s(one_cycle_of_torch(steps + 1, (0.3 * steps + 1) / (steps + 1)), steps)
    assert ours("one_cycle", steps) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("steps", [100, 1862])
def test_one_cycle_is_torch_s_as_it_is_used_to_within_a_step(steps):
    """The climb, the steeper side, takes 0.3 of the steps, and half a wave moves by up to pi / 2 of its height over its length."""
    theirs = torch_s(one_cycle_of_torch(steps, 0.3), steps)
    assert ours("one_cycle", steps) == pytest.approx(theirs, abs=math.pi / 2 / (0.3 * steps - 1))


@pytest.mark.parametrize("warmup", [1, 5, 40])
def test_warm_up_is_torch_s_then_the_schedule_begins(warmup):
    theirs = torch_s(lambda sgd: LinearLR(sgd, 1 / (warmup + 1), 1.0, warmup), 50)
    assert ours("constant", 50, warmup) == pytest.approx(theirs, abs=1e-9)
    for schedule in SCHEDULES:
        assert ours(schedule, 50, warmup)[warmup:] == ours(schedule, 50 - warmup)


lengths = st.integers(1, 3000).flatmap(
    lambda steps: st.tuples(st.just(steps), st.integers(0, 100 * steps - 1).map(lambda cents: cents / 100), st.integers(0, steps - 1))
)


@given(st.sampled_from(list(SCHEDULES)), lengths)
def test_no_step_is_without_a_learning_rate_or_above_the_recipe_s(schedule, length):
    steps, warmup, step = length
    assert 0 < lr_factor(schedule, step, steps, warmup) <= 1


@given(st.sampled_from(list(SCHEDULES)), lengths)
def test_warm_up_only_climbs_and_ends_below_where_the_schedule_begins(schedule, length):
    steps, warmup, _ = length
    climb = [lr_factor(schedule, step, steps, warmup) for step in range(math.ceil(warmup))]
    assert climb == sorted(climb)
    assert len(set(climb)) == len(climb)
    assert not climb or climb[-1] < SCHEDULES[schedule](0.0)


def test_an_unknown_schedule_is_told_the_near_name():
    with pytest.raises(UsageError, match=r"no schedule called 'cosin'.*Did you mean 'cosine'"):
        lr_factor("cosin", 0, 10)
