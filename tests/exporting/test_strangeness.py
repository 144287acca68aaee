"""Strangeness is Mahalanobis' distance from the nearest class, in NumPy as in the graph."""

import numpy as np
import onnx
import onnxruntime
import pytest
from scipy.spatial.distance import mahalanobis

from modiste.exporting.strangeness import SHRINK, directions, fit_strangeness
from modiste.exporting.tail import finished
from modiste.records.errors import ModisteError


def clouds(photos=300, width=6, classes=3, seed=0):
    """Features around a middle a class, more spread in some directions than in others, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(photos) % classes
    shape = rng.normal(size=(width, width)) * np.linspace(0.2, 2, width)
    return 4 * rng.normal(size=(classes, width))[labels] + rng.normal(size=(photos, width)) @ shape + 9, labels


@pytest.mark.parametrize("unit", [False, True])
def test_it_is_scipys_distance(unit):
    features, labels = clouds()
    found = fit_strangeness(features, labels, unit=unit).of(features[:20])
    if unit:
        features = features / np.linalg.norm(features, axis=1, keepdims=True)
    middles = np.stack([features[labels == code].mean(0) for code in range(3)])
    within = sum(np.cov(features[labels == code].T) * ((labels == code).sum() - 1) for code in range(3)) / (len(labels) - 3)
    shrunk = (1 - SHRINK) * within + SHRINK * np.eye(6) * np.trace(within) / 6
    inverse = np.linalg.inv(shrunk)
    expected = [min(mahalanobis(row, middle, inverse) for middle in middles) for row in features[:20]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("unit", [False, True])
def test_the_graph_computes_it(unit):
    features, labels = clouds(width=4)
    whole = np.abs(features).clip(0, 20).round() * 12
    strangeness = fit_strangeness(whole, labels, unit=unit)
    session = onnxruntime.InferenceSession(finished(pixels_as_features(), 2.0, strangeness), providers=["CPUExecutionProvider"])
    pixels = np.concatenate([whole[:30], np.zeros((1, 4))]).astype(np.uint8).reshape(-1, 2, 2, 1)  # nothing at all is no division by 0
    probabilities, scores, said, strange = session.run(None, {"pixels": pixels})
    np.testing.assert_array_equal(said, pixels.reshape(-1, 4))
    np.testing.assert_allclose(strange, strangeness.of(said.astype(np.float64)), rtol=1e-4)
    powers = np.exp(scores / 2 - (scores / 2).max(1, keepdims=True))
    np.testing.assert_allclose(probabilities, powers / powers.sum(1, keepdims=True), atol=1e-6)


def pixels_as_features():
    """A graph whose features are its four pixels, and whose scores are a third of the first two."""
    helper = onnx.helper
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=1),
        helper.make_node("Flatten", ["floats"], ["features"]),
        helper.make_node("MatMul", ["features", "weight"], ["scores"]),
    ]
    outputs = [helper.make_tensor_value_info(name, 1, ["N", width]) for name, width in (("scores", 2), ("features", 4))]
    weight = onnx.numpy_helper.from_array(np.eye(4, 2, dtype=np.float32) / 3, "weight")
    given = [helper.make_tensor_value_info("pixels", 2, ["N", 2, 2, 1])]
    graph = helper.make_graph(nodes, "pixels", given, outputs, [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_what_lies_far_from_every_class_is_stranger():
    features, labels = clouds()
    strangeness = fit_strangeness(features, labels, unit=False)
    usual, strange = strangeness.of(features), strangeness.of(np.random.default_rng(1).normal(size=(50, 6)) * 60)
    assert strange.min() > np.quantile(usual, 0.99)
    assert (usual >= 0).all()


def test_few_photos_of_wide_features_have_the_directions_of_the_wide_product():
    """Both products have the same directions where both can be taken."""
    few = np.random.default_rng(0).normal(size=(5, 12)) * np.linspace(1, 3, 12)
    centred = few - few.mean(0)
    by_rows = directions(centred, 4)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    np.testing.assert_allclose(np.abs(by_rows.T @ vectors[:, ::-1][:, :4]), np.eye(4), atol=1e-6)
    assert values[-5] < 1e-9 * values[-1]
    assert directions(centred, 64).shape == (12, 4)


def test_too_few_photos_or_features_that_never_change_are_refused():
    with pytest.raises(ModisteError, match="5 photos of 3 classes are too few"):
        fit_strangeness(*(part[:5] for part in clouds()))
    with pytest.raises(ModisteError, match="the same features for every photo"):
        fit_strangeness(np.ones((40, 3)), np.arange(40) % 2)
