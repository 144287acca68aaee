"""Batches: photos decoded once, drawn by class, augmented by torch's chance, normalised by the plain formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from modiste.data.augment import augment
from modiste.data.batches import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    constants,
    draw_order,
    expected_draws,
    sampling_weights,
    to_input,
)
from modiste.data.decoded import Pictures, decode
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.labels import PAPER_CLASSES
from modiste.records.recipe import NORMALISE, Pixels

PIXELS = arrays.arrays(np.uint8, arrays.array_shapes(min_dims=4, max_dims=4, max_side=5).map(lambda shape: (*shape[:3], 1)))
UNEVEN = np.repeat([0, 1, 2, 3], [10, 200, 60, 30])


@pytest.fixture
def shelf(tmp_path):
    """Six photos of random dots, wider than high."""
    rng = np.random.default_rng(0)
    photos = tuple(Photo(f"{number}.png", number % 4) for number in range(6))
    (tmp_path / "photos").mkdir()
    for photo in photos:
        Image.fromarray(rng.integers(0, 256, (40, 60, 3), np.uint8)).save(tmp_path / "photos" / photo.path)
    return Catalogue(tmp_path / "photos", PAPER_CLASSES, photos)


@given(PIXELS, st.floats(-1, 1), st.floats(0.1, 2))
def test_the_input_is_the_plain_formula(pixels, mean, std):
    """(pixel / 255 - mean) / std, channels before places."""
    expected = ((pixels / 255 - mean) / std).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(to_input(pixels, 1, [mean], [std]).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_each_channel_has_its_own_constants():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), np.uint8)
    expected = (pixels / 255 - IMAGENET_MEAN) / IMAGENET_STD
    np.testing.assert_allclose(to_input(pixels, 3, IMAGENET_MEAN, IMAGENET_STD).permute(0, 2, 3, 1).numpy(), expected, atol=1e-5)


def test_the_input_lies_channels_last_and_the_pixels_stay_as_they_were():
    pixels = np.full((2, 8, 8, 1), 7, np.uint8)
    pixels.flags.writeable = False
    made = to_input(pixels, 3, [0] * 3, [1] * 3, ["flip", "colour"])
    assert made.is_contiguous(memory_format=torch.channels_last)
    assert made.dtype == torch.float32
    assert (pixels == 7).all()


def test_grey3_is_grey_in_three_equal_channels():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)
    made = to_input(pixels, 3, [0.4] * 3, [0.2] * 3)
    assert made.shape == (3, 3, 8, 8)
    assert torch.equal(made[:, 0], made[:, 1])
    assert torch.equal(made[:, 0], made[:, 2])
    assert torch.equal(made[:, :1], to_input(pixels, 1, [0.4], [0.2]))


@pytest.mark.parametrize("photos", [1, 5, 300])
@pytest.mark.parametrize("channels", [1, 3])
def test_data_constants_are_the_mean_and_deviation_of_all_pixels(photos, channels):
    pixels = np.random.default_rng(0).integers(0, 200, (photos, 6, 6, channels), np.uint8)
    train = Pictures.of(("x",) * photos, pixels, np.zeros(photos, np.int64))
    mean, std = constants(Pixels(side=32, colour="rgb" if channels == 3 else "grey3", normalise="data"), False, train)
    found = pixels.reshape(-1, channels) / 255
    np.testing.assert_allclose(mean, np.broadcast_to(found.mean(0), 3), rtol=1e-9)
    np.testing.assert_allclose(std, np.broadcast_to(found.std(0), 3), rtol=1e-9)


def test_photos_of_one_shade_can_be_normalised():
    flat = Pictures.of(("x",), np.full((1, 32, 32, 1), 9, np.uint8), np.zeros(1, np.int64))
    mean, std = constants(Pixels(side=32, colour="grey1", normalise="data"), False, flat)
    assert np.isfinite(to_input(flat.store, 1, mean, std).numpy()).all()


def test_auto_constants_are_imagenet_s_for_pretrained_networks_and_the_data_s_from_scratch(shelf):
    train = decode(shelf, Pixels(side=32), None)
    assert constants(Pixels(side=32), True, train) == ([*IMAGENET_MEAN], [*IMAGENET_STD])
    assert constants(Pixels(side=32), False, train) == constants(Pixels(side=32, normalise="data"), True, train)
    assert constants(Pixels(side=32, normalise="none"), True, train) == ([0.0] * 3, [1.0] * 3)
    own = Pixels(side=32, mean=(0.5,), std=(0.1, 0.2, 0.3))
    assert constants(own, True, train) == constants(own, False, train) == ([0.5] * 3, [0.1, 0.2, 0.3])


@pytest.mark.parametrize("colour", ["grey1", "grey3", "rgb"])
@pytest.mark.parametrize("normalise", NORMALISE)
def test_every_normalisation_has_a_constant_a_channel(normalise, colour, shelf):
    pixels = Pixels(side=32, colour=colour, normalise=normalise)
    mean, std = constants(pixels, False, decode(shelf, pixels, None))
    assert len(mean) == len(std) == pixels.channels
    assert min(std) > 0


def test_weighted_draws_take_each_class_alike():
    """With fixed seeds: chi-square with three degrees of freedom passes 16.3 once in a thousand."""
    drawn = np.concatenate([UNEVEN[draw_order(UNEVEN, "weighted", np.random.default_rng(seed))] for seed in range(20)])
    found = np.bincount(drawn)
    expected = len(drawn) / 4
    assert ((found - expected) ** 2 / expected).sum() < 16.3


def test_weighted_draws_take_photos_of_one_class_alike():
    drawn = np.concatenate([draw_order(UNEVEN, "weighted", np.random.default_rng(seed)) for seed in range(200)])
    ten = np.bincount(drawn)[:10]  # the ten photos of class 0, each expected 200 * 300 / 4 / 10 times
    assert ((ten - 1500) ** 2 / 1500).sum() < 27.9  # nine degrees of freedom, once in a thousand


@given(arrays.arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 3)), st.integers(0, 9))
def test_shuffled_draws_each_photo_once_and_weighted_draws_as_many(labels, seed):
    assert sorted(draw_order(labels, "shuffled", np.random.default_rng(seed))) == list(range(len(labels)))
    order = draw_order(labels, "weighted", np.random.default_rng(seed))
    assert len(order) == len(labels)
    assert set(order) <= set(range(len(labels)))
    assert sampling_weights(labels).sum() == pytest.approx(len(set(labels)))


@pytest.mark.parametrize("sampling", ["weighted", "shuffled"])
@pytest.mark.parametrize("labels", [UNEVEN, np.repeat([0, 2, 3], [5, 90, 5])])
def test_expected_draws_are_the_mean_of_many_epochs(labels, sampling):
    epochs = [np.bincount(labels[draw_order(labels, sampling, np.random.default_rng(seed))], minlength=4) for seed in range(400)]
    counts = np.bincount(labels, minlength=4).tolist()
    error = 4 * np.std(epochs, axis=0).max() / 20 + 1e-9
    np.testing.assert_allclose(np.mean(epochs, axis=0), expected_draws(counts, sampling), atol=error)
    assert sum(expected_draws(counts, sampling)) == pytest.approx(len(labels))


@pytest.mark.parametrize("channels, measured", [(3, 3), (3, 1), (1, 1)])
def test_augmentations_come_before_grey_is_repeated_and_change_each_photo_apart(channels, measured):
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, measured), np.uint8).repeat(8, 0)
    torch.manual_seed(0)
    made = to_input(pixels, channels, [0.0] * channels, [1.0] * channels, ["flip", "colour", "shift"])
    assert len({tuple(one.flatten().tolist()) for one in made}) > 2
    torch.manual_seed(0)
    expected = augment(torch.from_numpy(pixels).permute(0, 3, 1, 2), ["flip", "colour", "shift"]).expand(-1, channels, -1, -1)
    torch.testing.assert_close(made, expected / 255)


@pytest.mark.parametrize("names", [(), ("rotate", "blur")])
def test_three_equal_channels_folded_are_one_of_them_to_the_bit(names):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 1), np.uint8)
    made = []
    for fold in (False, True):
        torch.manual_seed(0)
        made.append(to_input(pixels, 3, [0.41] * 3, [0.23] * 3, names, fold))
    assert made[1].shape == (4, 1, 32, 32)
    assert made[1].is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(made[0], made[1].expand(-1, 3, -1, -1))


def test_nothing_is_folded_that_is_not_equal():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    assert to_input(pixels, 3, [0.4] * 3, [0.2] * 3, fold=True).shape == (2, 3, 8, 8)
    grey = to_input(pixels[..., :1], 3, IMAGENET_MEAN, IMAGENET_STD, fold=True)
    torch.testing.assert_close(grey[:, 2:], to_input(pixels[..., :1], 1, IMAGENET_MEAN[2:], IMAGENET_STD[2:]))
    assert to_input(pixels[..., :1], 3, [0.4] * 3, [0.2, 0.2, 0.3], fold=True).shape == (2, 3, 8, 8)
