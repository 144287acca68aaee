"""Finding a learning rate on made-up losses, and a batch on made-up machines."""

import csv
import io
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modiste.records.errors import MachineError, ModisteError
from modiste.training.finding import best_batch, find_lr, longest_fall, out_of_memory, valley


def landscape(bottom=3e-2, top=2.0, noise=0.0, seed=0):
    """A loss that is flat up to 1e-4, falls in a straight line over log(lr) to half at `bottom`, then shoots up."""
    rng = np.random.default_rng(seed)

    def step_at(lr):
        fallen = np.clip(math.log(lr / 1e-4) / math.log(bottom / 1e-4), 0, 1)
        return top * (1 - fallen / 2) * max(1.0, (lr / bottom) ** 3) + noise * rng.standard_normal()

    return step_at


@pytest.mark.parametrize("bottom", [1e-2, 3e-2, 0.3])
def test_the_suggestion_lies_where_the_loss_falls(bottom):
    found = find_lr(landscape(bottom))
    assert 1e-4 < found.lr < bottom
    assert f"lr = {found.lr:.2g}" in found.table.notes[0]


def test_noise_hardly_moves_the_suggestion():
    quiet = find_lr(landscape()).lr
    assert all(quiet / 4 < find_lr(landscape(noise=0.2, seed=seed)).lr < 4 * quiet for seed in range(20))


def test_the_unit_of_the_loss_does_not_matter():
    assert find_lr(landscape(top=2.0)).lr == find_lr(landscape(top=256.0)).lr


def test_the_rates_rise_by_one_factor_from_the_lowest_to_the_highest():
    tried = []
    find_lr(lambda lr: tried.append(lr) or 1 - 0.001 * len(tried), 1e-6, 1.0, steps=25)
    assert len(tried) == 25
    assert tried[0] == pytest.approx(1e-6)
    assert tried[-1] == pytest.approx(1.0)
    factors = [later / sooner for sooner, later in itertools.pairwise(tried)]
    assert factors == pytest.approx([factors[0]] * 24)


def told(step_at, steps=100):
    tried = []
    found = find_lr(lambda lr: tried.append(lr) or step_at(lr), steps=steps)
    return tried, found


def test_a_loss_that_blows_up_ends_the_search_and_is_left_out():
    tried, found = told(landscape())
    losses = [row[1] for row in found.table.rows]
    assert len(tried) == len(losses) + 1 < 100
    assert max(losses) <= 4 * min(losses)
    assert "blew up" in found.table.notes[0]


@pytest.mark.parametrize("nothing", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_search_at_once(nothing):
    tried, found = told(lambda lr: nothing if lr > 1e-3 else 2 - 1e3 * lr)
    assert sum(lr > 1e-3 for lr in tried) == 1
    assert len(found.table.rows) == len(tried) - 1
    assert found.lr < 1e-3


def test_the_smoothed_loss_of_a_steady_loss_is_that_loss():
    _, found = told(lambda lr: 0.75 if lr < 5 else 0.7)
    assert [row[1] for row in found.table.rows][:-5] == pytest.approx([0.75] * (len(found.table.rows) - 5))


@pytest.mark.parametrize("step_at", [lambda lr: math.nan, lambda lr: 1 + lr])
def test_a_loss_that_never_falls_suggests_nothing(step_at):
    with pytest.raises(ModisteError, match=r"the loss fell at none of the learning rates from 1e-07 to 10"):
        find_lr(step_at)


@given(st.lists(st.integers(0, 6), max_size=9))
def test_the_longest_fall_is_one_and_none_is_longer(losses):
    fall = longest_fall(losses)
    assert all(sooner < later and losses[sooner] > losses[later] for sooner, later in itertools.pairwise(fall))
    rows = (row for size in range(len(losses) + 1) for row in itertools.combinations(losses, size))
    assert len(fall) == max(len(row) for row in rows if all(one > other for one, other in itertools.pairwise(row)))
    assert (valley(losses) is None) == (len(fall) < 2)


def test_the_valley_is_two_thirds_down_its_fall():
    losses = [9, 9, *range(9, 0, -1), 20]
    assert losses[valley(losses)] == 3


SIZES = (8, 16, 32, 64, 128, 256, 512)


def machine(overhead=0.0, each=0.01, room=10**9, error=MemoryError):
    """So many seconds a step before the first photo and for each; no room for more photos than `room`."""

    def seconds_a_step(size):
        if size > room:
            raise error
        return overhead + each * size

    return seconds_a_step


@given(st.floats(0, 10), st.floats(1e-4, 1), st.integers(8, 1000))
def test_no_batch_that_fits_is_much_quicker_and_no_smaller_one_is_as_quick(overhead, each, room):
    found = best_batch(machine(overhead, each, room))
    fitting = {size: size / machine(overhead, each)(size) for size in SIZES if size <= room}
    assert fitting[found.batch] >= 0.95 * max(fitting.values())
    assert all(rate < 0.95 * max(fitting.values()) for size, rate in fitting.items() if size < found.batch)


def test_a_machine_that_gains_nothing_by_size_takes_the_smallest_and_is_soon_asked_no_more():
    asked = []
    assert best_batch(lambda size: asked.append(size) or 0.01 * size).batch == 8
    assert asked == [8, 16, 32]


def test_a_machine_that_slows_down_with_large_batches_takes_its_best():
    seconds = {8: 1.0, 16: 1.0, 32: 1.0, 64: 4.0, 128: 9.0}
    assert best_batch(seconds.__getitem__).batch == 32


OUT = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
]


@pytest.mark.parametrize("error", OUT, ids=repr)
def test_where_memory_ends_so_does_the_search(error):
    found = best_batch(machine(overhead=5.0, room=64, error=error))
    assert found.batch == 64
    assert [row[0] for row in found.table.rows] == ["8", "16", "32", "64"]
    assert "A batch of 128 does not fit into memory" in found.table.notes[0]


def test_the_processor_s_own_lack_of_memory_is_recognised():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(10**15)
    assert out_of_memory(caught.value)


def test_another_error_is_not_taken_for_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes"):
        best_batch(machine(room=16, error=RuntimeError("mat1 and mat2 shapes cannot be multiplied")))


def test_where_not_even_the_smallest_fits_that_is_said():
    with pytest.raises(MachineError, match="not even a batch of 8 fits into memory"):
        best_batch(machine(room=4))


@pytest.mark.parametrize("found", [find_lr(landscape()), best_batch(machine(1.0))], ids=["lr", "batch"])
def test_what_was_tried_can_be_read_from_the_table(found):
    assert "Suggested" in found.table.markdown()
    read = list(csv.DictReader(io.StringIO(found.table.csv())))
    assert [tuple(map(float, row.values())) for row in read] == [tuple(map(float, row)) for row in found.table.rows]
