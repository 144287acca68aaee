"""Mixing and growing: torchvision's own mixes where the draws are the same, shares that are true, sides that only grow."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional
from torchvision.transforms import v2

from modiste.training.losses import LOSSES, loss
from modiste.training.mixing import at_side, drawn_box, grown_side, mixed, mixed_loss

CLASSES = 4


def batch(photos=6, side=32, channels=3):
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randn(photos, channels, side, side, generator=generator).contiguous(memory_format=torch.channels_last)
    return pictures, torch.arange(photos) % CLASSES


def truths(labels, partners, share):
    """(B, K): the share of each class in each picture."""
    return share * functional.one_hot(labels, CLASSES) + (1 - share) * functional.one_hot(partners, CLASSES)


@pytest.mark.parametrize("alpha", [0.2, 1.0])
@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_a_mix_is_torchvision_s_of_the_same_seed(kind, alpha):
    pictures, labels = batch()
    theirs = (v2.MixUp if kind == "mixup" else v2.CutMix)(alpha=alpha, num_classes=CLASSES)
    shares = set()
    for seed in range(20):
        torch.manual_seed(seed)
        found, partners, share = mixed(pictures, labels, **{"mixup": 0.0, "cutmix": 0.0, kind: alpha})
        torch.manual_seed(seed)
        wanted, wanted_truths = theirs(pictures, labels)
        torch.testing.assert_close(found, wanted)
        torch.testing.assert_close(truths(labels, partners, share), wanted_truths)
        shares.add(share)
    assert len(shares) > 10


def test_without_mixing_nothing_is_touched_and_no_chance_is_used():
    pictures, labels = batch()
    torch.manual_seed(0)
    found, partners, share = mixed(pictures, labels, 0.0, 0.0)
    assert found is pictures
    assert partners is labels
    assert share == 1.0
    after = torch.rand(3)
    torch.manual_seed(0)
    assert torch.equal(after, torch.rand(3))


def test_a_patch_s_share_is_its_area_and_the_rest_is_untouched():
    pictures, labels = batch()
    for seed in range(40):
        torch.manual_seed(seed)
        found, _, share = mixed(pictures, labels, 0.0, 1.0)
        patched = (found != pictures).any(1)  # (B, S, S)
        assert (patched == patched[0]).all()
        assert 1 - patched[0].double().mean().item() == pytest.approx(share, abs=1e-12)
        assert torch.equal(found.where(patched[:, None], 0.0), pictures.roll(1, 0).where(patched[:, None], 0.0))


@given(st.integers(1, 300), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_a_box_lies_in_the_picture_and_is_never_larger_than_its_share(side, share, seed):
    torch.manual_seed(seed)
    top, left, bottom, right = drawn_box(side, share)
    assert 0 <= top <= bottom <= side
    assert 0 <= left <= right <= side
    assert (bottom - top) * (right - left) <= (1 - share) * side**2 + 1e-6


def test_where_both_are_set_each_comes_half_of_the_time():
    """A patch keeps most pixels as they were, a blend keeps none."""
    pictures, labels = batch()
    blends = 0
    for seed in range(400):
        torch.manual_seed(seed)
        found, _, share = mixed(pictures, labels, 1.0, 1.0)
        kept = (found == pictures).double().mean().item()
        blends += kept < 0.01 and share > 0.01
    assert abs(blends - 200) < 4 * math.sqrt(100)


@pytest.mark.parametrize("alphas", [(1.0, 0.0), (0.0, 1.0)])
def test_mixes_keep_channels_last_and_leave_the_batch_as_it_was(alphas):
    pictures, labels = batch()
    before = pictures.clone()
    torch.manual_seed(1)
    found, _, _ = mixed(pictures, labels, *alphas)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(pictures, before)


def test_a_mixed_loss_is_the_cross_entropy_to_the_shares():
    scores, (_, labels) = torch.randn(6, CLASSES), batch()
    partners = labels.roll(1, 0)
    for share in (0.0, 0.3, 1.0):
        for smoothing in (0.0, 0.1):
            found = mixed_loss(loss("cross_entropy", [1] * CLASSES, smoothing), scores, labels, partners, share)
            wanted = functional.cross_entropy(scores, truths(labels, partners, share), label_smoothing=smoothing)
            torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("name", LOSSES)
def test_a_mixed_loss_goes_from_one_truth_to_the_other(name):
    scores, (_, labels) = torch.randn(6, CLASSES), batch()
    partners, way = labels.roll(1, 0), loss(name, [4, 60, 1, 15])
    one, other = way(scores, labels), way(scores, partners)
    assert torch.equal(mixed_loss(way, scores, labels, partners, 1.0), one)
    torch.testing.assert_close(mixed_loss(way, scores, labels, partners, 0.0), other)
    torch.testing.assert_close(mixed_loss(way, scores, labels, partners, 0.25), 0.25 * one + 0.75 * other)


@given(st.integers(1, 60), st.integers(32, 512), st.integers(0, 512))
def test_sides_only_grow_by_32_from_the_first_to_the_last(epochs, first, more):
    side = first + more
    sides = [grown_side(epoch, epochs, first, side) for epoch in range(epochs)]
    assert sides == sorted(sides)
    assert set(sides) <= {first, side} | set(range(32 * math.ceil(first / 32), side, 32))
    assert sides[0] == (first if epochs > 1 else side)
    assert all(found == side for found in sides[epochs * 3 // 4 :])
    assert sides[-1] == side
    line = np.linspace(first, side, epochs * 3 // 4 + 1)[:-1]
    assert np.abs(np.array(sides[: len(line)]) - line).max(initial=0) < 33


def test_pictures_that_do_not_grow_are_at_full_size_from_the_first_epoch():
    assert [grown_side(epoch, 8, None, 224) for epoch in range(8)] == [224] * 8


def test_smaller_pictures_are_pillow_s():
    pictures, _ = batch(2, side=96)
    small = at_side(pictures, 64)
    for picture, found in zip(pictures.flatten(0, 1), small.flatten(0, 1), strict=True):
        wanted = np.asarray(Image.fromarray(picture.numpy(), "F").resize((64, 64), Image.Resampling.BILINEAR))
        np.testing.assert_allclose(found.numpy(), wanted, atol=1e-5)


def test_smaller_pictures_keep_their_mean_and_channels_last():
    pictures, _ = batch(3, side=96)
    small = at_side(pictures, 32)
    assert small.shape == (3, 3, 32, 32)
    assert small.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(small[..., 4:-4, 4:-4].mean(), pictures[..., 12:-12, 12:-12].mean(), atol=0.01, rtol=0)
    assert at_side(pictures, 96) is pictures
