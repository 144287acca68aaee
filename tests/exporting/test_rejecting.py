"""A class that is no product: not called, and its log-odds are the strangeness."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp, softmax

from modiste.exporting.asking import by_onnxruntime
from modiste.exporting.export import export
from modiste.exporting.graph import export_graph
from modiste.exporting.rejecting import answers_without, rejecting, without_class
from modiste.exporting.tail import finished
from modiste.models.heads import RBF
from modiste.records.errors import ModisteError, UsageError
from modiste.records.predictions import Predictions
from modiste.records.recipe import Network
from modiste.serving.labeller import load


def test_the_graph_says_what_numpy_says_of_the_whole_network(made):
    model = made(Network("efficientnet_lite0", dropout=0.2), colour="rgb")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), np.uint8)
    whole = by_onnxruntime(finished(export_graph(model), 1.0))(pixels).scores.astype(float)  # Shoes, Clothing, Accessories, Bags
    said = by_onnxruntime(finished(export_graph(rejecting(model, "Accessories")), 2.0))(pixels)
    kept = whole[:, [0, 1, 3]]
    np.testing.assert_allclose(said.scores, kept, atol=1e-5)
    np.testing.assert_allclose(said.probabilities, softmax(kept / 2, axis=1), atol=1e-5)
    np.testing.assert_allclose(said.strangeness, whole[:, 2] - logsumexp(kept, axis=1), atol=1e-5)


def test_an_export_rejects_by_its_class(run, drawn, tmp_path):
    made = export(run, "onnx", tmp_path / "three.onnx", drawn, reject="Bags", usual=0.9, anyway=True)
    labeller = load(tmp_path / "three.onnx")
    assert labeller.classes.names == ("Shoes", "Clothing", "Accessories")
    assert made.card.facts["strangeness"] == {"class": "Bags", "usual": 0.9}
    assert made.gate.apart < 1e-4
    evidence = made.card.evidence
    assert set(evidence.called) <= {0, 1, 2}
    assert np.mean(np.array(evidence.strangeness) > made.card.reject_above) == pytest.approx(0.1, abs=0.1)
    assert "Bags" not in {row[0] for row in made.card.facts["test"]["rows"]}
    assert "class Bags" in made.card.text


def test_predictions_and_catalogue_close_up_over_the_gap(drawn):
    said = Predictions(tuple("abc"), tuple("1234"), np.array([0, 1, 2, 2]), np.arange(12.0).reshape(4, 3))
    left = answers_without(said, "b")
    assert left.classes == ("a", "c")
    assert left.photos == ("1", "3", "4")
    assert left.truth.tolist() == [0, 1, 1]
    assert left.scores.tolist() == [[0, 2], [6, 8], [9, 11]]
    fewer = without_class(drawn, "Clothing")
    names = {photo.path: drawn.classes.names[photo.label] for photo in drawn.photos}
    assert all(fewer.classes.names[photo.label] == names[photo.path] != "Clothing" for photo in fewer.photos)
    assert len(fewer) == sum(name != "Clothing" for name in names.values())


def test_what_cannot_be_left_out_is_refused(made):
    model = made(Network())
    with pytest.raises(UsageError, match="Bags"):
        rejecting(model, "Bag")
    with pytest.raises(ModisteError, match="margins"):
        rejecting(made(Network(head="rbf_svm"), head=RBF(4096, 4, 3)), "Bags")


def test_the_network_that_was_given_still_knows_all(made):
    model = made(Network())
    picture = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        before = model.network(picture)
        rejecting(model, "Bags")
        assert torch.equal(model.network(picture), before)
