"""Heads: a second stage stands in the network as layers and decides as scikit-learn does."""

import numpy as np
import pytest
import torch
from torch import nn

from modiste.models.heads import CHOICES_OF_C, HEADS, choose_c, fit_svm
from modiste.models.variants import VARIANTS, build, restore
from modiste.records.errors import ModisteError
from modiste.records.recipe import Network

FITTED = [name for name, fit in HEADS.items() if fit]
WIDTH = 24


def rows(classes, count=60, seed=0):
    """Features of clouds that overlap, on scales that differ, one of them dead as a ReLU may be; uneven classes."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate(
        [np.arange(classes), np.arange(classes), np.arange(classes), rng.integers(0, classes, count - 3 * classes) ** 2 % classes]
    )
    centres = np.random.default_rng(99).normal(size=(classes, WIDTH))
    features = (centres[labels] + rng.normal(size=(count, WIDTH)) * 1.5) * np.logspace(-2, 2, WIDTH) + 5
    features[:, 0] = 0
    return features.astype(np.float32).astype(np.float64), labels


def test_every_head_is_known_by_a_variant_or_offered_beside_them():
    assert {network.head for network in VARIANTS.values()} <= set(HEADS)
    assert set(FITTED) == {"svm", "rbf_svm"}


@pytest.mark.parametrize("c", [None, 0.01])
@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("name", FITTED)
def test_a_fitted_layer_decides_as_scikit_learn_on_photos_it_has_not_seen(name, classes, c):
    (features, labels), (others, _) = rows(classes), rows(classes, 300, seed=1)
    fitted = HEADS[name](features, labels, np.ones(len(labels)), c, 0)
    with torch.inference_mode():
        scores = fitted.layer(torch.from_numpy(others).float()).double().numpy()
    expected = fitted.decide(others)
    assert scores.shape == expected.shape == (300, classes)
    np.testing.assert_allclose(scores, expected, atol=1e-4 * np.abs(expected).max())
    near = np.sort(expected, 1)[:, -2:] @ [-1, 1] < 2e-4 * np.abs(expected).max()  # a tie to four digits may fall either way
    assert ((scores.argmax(1) == expected.argmax(1)) | near).all()
    assert near.mean() < 0.05
    assert fitted.c == c or c is None
    assert fitted.c in (*CHOICES_OF_C, c)


@pytest.mark.parametrize("name", FITTED)
def test_a_fitted_layer_is_right_where_classes_lie_apart(name):
    features, labels = rows(3)
    features += 100 * np.eye(WIDTH)[labels + 5] * features.std(0)
    fitted = HEADS[name](features, labels, np.ones(len(labels)), None, 0)
    assert (fitted.layer(torch.from_numpy(features).float()).argmax(1).numpy() == labels).all()


def test_the_linear_svm_is_one_linear_layer():
    features, labels = rows(4)
    layer = fit_svm(features, labels, np.ones(len(labels)), 0.01, 0).layer
    assert type(layer) is nn.Linear
    assert (layer.in_features, layer.out_features) == (WIDTH, 4)


@pytest.mark.parametrize("name", FITTED)
def test_a_fit_is_the_same_each_time(name):
    features, labels = rows(4)
    one, other = (HEADS[name](features, labels, np.ones(len(labels)), None, 3) for _ in range(2))
    assert one.c == other.c
    assert all(torch.equal(a, b) for a, b in zip(one.layer.state_dict().values(), other.layer.state_dict().values(), strict=True))


@pytest.mark.parametrize("name", FITTED)
def test_a_photo_of_weight_two_counts_as_two_photos(name):
    """How weighted sampling enters the second stage. Each row has its mirror, so that doubling rows moves no mean."""
    half = np.random.default_rng(0).normal(size=(12, 6))
    features, labels = np.concatenate([half, -half]), np.arange(24) % 3
    features /= np.sqrt((features**2).mean(0))  # every column of variance 1, before and after
    ring = np.concatenate([features, features])
    once = HEADS[name](features, labels, np.full(24, 2.0), 0.1, 0).decide(features)
    twice = HEADS[name](ring, np.concatenate([labels, labels]), np.ones(48), 0.1, 0).decide(features)
    np.testing.assert_allclose(once, twice, atol=2e-3)
    plain = HEADS[name](features, labels, np.ones(24), 0.1, 0).decide(features)
    assert np.abs(plain - twice).max() > 1e-2


def test_c_is_chosen_by_macro_f1_and_of_equals_the_smallest():
    labels = np.array([0, 1, 2] * 6)
    perfect_from = {c: c >= 1e-3 for c in CHOICES_OF_C}

    def scores(c, _rest, fold):
        return np.eye(3)[labels[fold] if perfect_from[c] else np.zeros(len(fold), int)]

    assert choose_c(scores, labels, 0) == 1e-3


def test_every_photo_is_judged_once_by_a_fit_that_has_not_seen_it():
    labels, judged = np.array([0, 1] * 9), []

    def scores(c, rest, fold):
        assert not set(rest) & set(fold)
        assert set(labels[rest]) == {0, 1}
        if c == CHOICES_OF_C[0]:
            judged.extend(fold)
        return np.eye(2)[labels[fold]]

    choose_c(scores, labels, 0)
    assert sorted(judged) == list(range(18))


@pytest.mark.parametrize("name", FITTED)
def test_c_cannot_be_chosen_from_a_single_photo_of_a_class(name):
    features, labels = rows(3)
    labels[labels == 2] = 1
    labels[0] = 2
    with pytest.raises(ModisteError, match=r"a single photo in train. Set network.svm_c"):
        HEADS[name](features, labels, np.ones(len(labels)), None, 0)
    assert HEADS[name](features, labels, np.ones(len(labels)), 0.1, 0).c == 0.1


@pytest.mark.parametrize("name", HEADS)
def test_every_head_fits_a_network_and_comes_back_from_its_weights(name):
    network = build(Network(backbone="resnet18", head=name), 3).eval()
    if fit := HEADS[name]:
        features = np.random.default_rng(0).normal(size=(30, 512))
        network.head = fit(features, np.arange(30) % 3, np.ones(30), 0.1, 0).layer
    again = restore(Network(backbone="resnet18", head=name), 3, 3, network.state_dict()).eval()
    x = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        assert network(x).shape == (2, 3)
        assert torch.equal(again(x), network(x))
