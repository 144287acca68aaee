"""Losses: each pulls towards the right class, and agrees with its formula written another way."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from modiste.records.errors import ModisteError, UsageError
from modiste.training import losses
from modiste.training.losses import LOSSES, loss

COUNTS = [4, 60, 1, 15]


def batch(photos=32):
    generator = torch.Generator().manual_seed(0)
    scores = 2 * torch.randn(photos, 4, generator=generator, dtype=torch.float64)
    return scores, torch.randint(0, 4, (photos,), generator=generator)


def shares(scores, labels):
    """The softmax's share of the right class, by NumPy."""
    powers = np.exp(scores.numpy())
    return (powers / powers.sum(1, keepdims=True))[np.arange(len(labels)), labels.numpy()]


def weighed(weights, scores, labels):
    """Each photo's cross-entropy by the weight of its class, over the sum of those weights."""
    each = np.array(weights)[labels.numpy()]
    return float((each * -np.log(shares(scores, labels))).sum() / each.sum())


@pytest.mark.parametrize("name", LOSSES)
def test_a_step_down_a_loss_lifts_the_right_class(name):
    scores, labels = batch()
    scores.requires_grad_()
    before = loss(name, COUNTS)(scores, labels)
    (slope,) = torch.autograd.grad(before, scores)
    assert before.shape == ()
    assert (slope.gather(1, labels[:, None]) <= 0).all()
    assert slope.sum(1).abs().max() < 1e-12 or name == "hinge"
    assert loss(name, COUNTS)(scores - 0.1 * slope, labels) < before


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_never_below_0_and_next_to_nothing_for_sure_and_right_answers(name):
    scores, labels = batch()
    assert loss(name, COUNTS)(scores, labels) > 0.01
    assert 0 <= loss(name, COUNTS)(60 * torch.eye(4)[labels], labels) < 1e-6


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_does_not_know_the_order_of_a_batch(name):
    scores, labels = batch()
    torch.testing.assert_close(loss(name, COUNTS)(scores.flip(0), labels.flip(0)), loss(name, COUNTS)(scores, labels))


def test_cross_entropy_is_the_mean_of_minus_log():
    scores, labels = batch()
    assert loss("cross_entropy", COUNTS)(scores, labels).item() == pytest.approx(-np.log(shares(scores, labels)).mean())


def test_class_weighted_weighs_by_one_over_the_count():
    scores, labels = batch()
    assert loss("class_weighted", COUNTS)(scores, labels).item() == pytest.approx(
        weighed([1 / n for n in COUNTS], scores, labels), rel=1e-6
    )


def test_effective_number_weighs_by_cui_s_formula():
    """E(n) = (1 - b^n) / (1 - b) = 1 + b + ... + b^(n-1), with b = .999."""
    scores, labels = batch()
    numbers = [sum(0.999**power for power in range(n)) for n in COUNTS]
    found = loss("effective_number", COUNTS)(scores, labels).item()
    assert found == pytest.approx(weighed([1 / number for number in numbers], scores, labels), rel=1e-6)


@pytest.mark.parametrize("name", ["class_weighted", "effective_number"])
def test_equal_counts_weigh_nothing(name):
    scores, labels = batch()
    torch.testing.assert_close(loss(name, [7, 7, 7, 7])(scores, labels), loss("cross_entropy", COUNTS)(scores, labels))


def test_a_class_without_photos_does_not_break_the_weights():
    scores, labels = batch()
    assert all(math.isfinite(loss(name, [0, 5, 5, 5])(scores, labels)) for name in LOSSES)


def test_focal_is_lin_s_formula_and_cross_entropy_without_its_focus(monkeypatch):
    scores, labels = batch()
    right = shares(scores, labels)
    assert loss("focal", COUNTS)(scores, labels).item() == pytest.approx(((1 - right) ** 2 * -np.log(right)).mean())
    monkeypatch.setattr(losses, "FOCUS", 0.0)
    torch.testing.assert_close(loss("focal", COUNTS)(scores, labels), loss("cross_entropy", COUNTS)(scores, labels))


def test_hinge_counts_what_stands_within_one_of_the_right_score():
    scores, labels = batch()
    right = scores.gather(1, labels[:, None])
    margins = (1 - right + scores).clamp(min=0)
    margins[torch.arange(len(labels)), labels] = 0
    torch.testing.assert_close(loss("hinge", COUNTS)(scores, labels), margins.sum(1).mean() / 4)


def test_an_unknown_loss_is_told_the_near_name():
    with pytest.raises(UsageError, match=r"no loss called 'focl'.*Did you mean 'focal'"):
        loss("focl", COUNTS)


SMOOTHABLE = [name for name in LOSSES if name != "hinge"]


def soft(labels, smoothing):
    """The truth as shares: all but `smoothing` of it on the label, the rest on all four classes alike."""
    return (1 - smoothing) * torch.eye(4, dtype=torch.float64)[labels] + smoothing / 4


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_smoothed_cross_entropy_is_torch_s_and_that_to_a_truth_of_shares(smoothing):
    scores, labels = batch()
    found = loss("cross_entropy", COUNTS, smoothing)(scores, labels)
    assert torch.equal(found, functional.cross_entropy(scores, labels, label_smoothing=smoothing))
    torch.testing.assert_close(found, functional.cross_entropy(scores, soft(labels, smoothing)))


@pytest.mark.parametrize("name", ["class_weighted", "effective_number"])
def test_a_smoothed_weighed_loss_weighs_each_class_of_a_truth_of_shares(name):
    """By hand: every share times its class's weight, over the sum of the labels' weights."""
    scores, labels = batch()
    weights = np.array([1 / n if name == "class_weighted" else (1 - 0.999) / (1 - 0.999**n) for n in COUNTS])
    logs = functional.log_softmax(scores, 1).numpy()
    wanted = -(soft(labels, 0.1).numpy() * weights * logs).sum() / weights[labels.numpy()].sum()
    assert loss(name, COUNTS, 0.1)(scores, labels).item() == pytest.approx(wanted, rel=1e-6)


def test_smoothed_focal_focuses_each_class_and_is_smoothed_cross_entropy_without_its_focus(monkeypatch):
    scores, labels = batch()
    found = np.exp(scores.numpy()) / np.exp(scores.numpy()).sum(1, keepdims=True)
    wanted = (soft(labels, 0.1).numpy() * (1 - found) ** 2 * -np.log(found)).sum(1).mean()
    assert loss("focal", COUNTS, 0.1)(scores, labels).item() == pytest.approx(wanted)
    monkeypatch.setattr(losses, "FOCUS", 0.0)
    torch.testing.assert_close(loss("focal", COUNTS, 0.1)(scores, labels), loss("cross_entropy", COUNTS, 0.1)(scores, labels))


@pytest.mark.parametrize("name", SMOOTHABLE)
def test_a_smoothed_loss_asks_for_answers_that_are_not_quite_sure(name):
    """The best scores leave the other classes their share; without smoothing the surer the better."""
    labels = torch.arange(4)
    modest, sure = 3 * torch.eye(4)[labels], 30 * torch.eye(4)[labels]
    assert loss(name, COUNTS, 0.2)(modest, labels) < loss(name, COUNTS, 0.2)(sure, labels)
    assert loss(name, COUNTS)(modest, labels) > loss(name, COUNTS)(sure, labels)


@pytest.mark.parametrize("name", SMOOTHABLE)
def test_little_smoothing_changes_little(name):
    scores, labels = batch()
    torch.testing.assert_close(loss(name, COUNTS, 1e-9)(scores, labels), loss(name, COUNTS)(scores, labels), rtol=1e-7, atol=0)


def test_smoothing_a_hinge_is_refused():
    with pytest.raises(ModisteError, match=r"label_smoothing = 0.1: label_smoothing means nothing for hinge"):
        loss("hinge", COUNTS, 0.1)
