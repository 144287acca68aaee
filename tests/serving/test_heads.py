"""Heads put on graphs by bytes alone: onnx finds them whole, onnxruntime says what NumPy says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest

from modiste.records.errors import ModisteError
from modiste.serving.bundle import graph_of, read_bundle
from modiste.serving.graphs import answering, open_graph
from modiste.serving.heads import Head, beside, with_head

OWN = np.array([[0.5, 0], [0, 2], [-1, 0.25]])


def head_with(own: np.ndarray | None, inputs: int = 3) -> Head:
    rng = np.random.default_rng(1)
    return Head(rng.normal(size=(inputs, 2)), rng.normal(size=2), 1.7, own)


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)


def said(graph: bytes, pixels: np.ndarray):
    onnx.checker.check_model(onnx.load_from_string(graph), full_check=True)
    return answering(open_graph(graph, "it", 1), "it")(pixels)


@pytest.mark.parametrize("strange", [True, False])
@pytest.mark.parametrize("own", [None, OWN], ids=["alone", "beside the network's own"])
def test_a_graph_with_another_head_says_what_numpy_says_and_its_features_stay(tiny, numpy_says, pixels, own, strange) -> None:
    head = head_with(own)
    found, before = said(with_head(graph_of(read_bundle(tiny(strange=strange)).data), head), pixels), numpy_says(pixels)
    scores = head.scores(before["features"], before["scores"])
    powers = np.exp(scores / 1.7)
    np.testing.assert_allclose(found.features, before["features"], rtol=1e-5)
    np.testing.assert_allclose(found.scores, scores, atol=1e-5)
    np.testing.assert_allclose(found.probabilities, powers / powers.sum(1, keepdims=True), atol=1e-6)
    assert (found.strangeness is not None) == strange
    if strange:
        np.testing.assert_allclose(found.strangeness, before["strangeness"], rtol=1e-5)


def test_untouched_classes_keep_their_probability_and_the_others_share_the_rest(tiny, numpy_says, pixels) -> None:
    untouched = np.array([False, True, False])
    rng = np.random.default_rng(2)
    head = Head(rng.normal(size=(3, 3)) * ~untouched, rng.normal(size=3) * ~untouched, 1.0, np.eye(3) / 2, untouched)
    before, found = numpy_says(pixels), said(with_head(graph_of(read_bundle(tiny()).data), head), pixels)
    np.testing.assert_allclose(found.probabilities[:, 1], before["probabilities"][:, 1], atol=1e-6)
    np.testing.assert_allclose(found.scores, head.scores(before["features"], before["scores"]), atol=1e-4)
    free = replace(head, untouched=None).scores(before["features"], before["scores"])
    np.testing.assert_allclose(found.scores[:, 0] - found.scores[:, 2], free[:, 0] - free[:, 2], atol=1e-4)


def test_an_untouched_class_that_is_certain_leaves_finite_scores() -> None:
    made = beside(np.zeros((1, 3)), np.array([[0.0, 900.0, 0.0]]), np.array([False, True, False]))
    assert np.isfinite(made).all()
    assert made.argmax() == 1


def test_heads_may_be_put_on_heads_and_nothing_of_no_use_is_kept(tiny, numpy_says, pixels) -> None:
    graph, before = graph_of(read_bundle(tiny()).data), numpy_says(pixels)
    scores = before["scores"]
    for own in (OWN, np.eye(2), np.eye(2)):
        head = head_with(own)
        graph, scores = with_head(graph, head), head.scores(before["features"], scores)
    np.testing.assert_allclose(said(graph, pixels).scores, scores, atol=1e-5)
    model = onnx.load_from_string(graph)
    used = {name for node in model.graph.node for name in node.input} | {output.name for output in model.graph.output}
    assert [node.op_type for node in model.graph.node].count("Softmax") == 1
    assert {tensor.name for tensor in model.graph.initializer} <= used
    assert len({node.name for node in model.graph.node if node.name}) == len([node for node in model.graph.node if node.name])


def test_a_head_that_stands_alone_leaves_nothing_of_the_old_one(tiny) -> None:
    model = onnx.load_from_string(with_head(graph_of(read_bundle(tiny()).data), head_with(None)))
    assert "weights" not in {tensor.name for tensor in model.graph.initializer}
    assert [node.op_type for node in model.graph.node].count("MatMul") == 0


def test_the_same_head_gives_the_same_bytes(tiny) -> None:
    graph = graph_of(read_bundle(tiny()).data)
    assert with_head(graph, head_with(OWN)) == with_head(graph, head_with(OWN)) != with_head(graph, head_with(None))


def test_a_graph_without_features_is_refused(saved, foreign) -> None:
    with pytest.raises(ModisteError, match="no features and no scores"):
        with_head(saved(foreign()).read_bytes(), head_with(None))


def test_scores_used_in_a_branch_are_refused_rather_than_mixed_up(tiny) -> None:
    model = onnx.load_from_string(graph_of(read_bundle(tiny(strange=True)).data))
    kept = model.graph.node.pop()  # strangeness
    branches = [
        onnx.helper.make_graph(
            [onnx.helper.make_node("ReduceMax", ["scores", "channel"], [f"{name}_most"], keepdims=0)],
            name,
            [],
            [onnx.helper.make_tensor_value_info(f"{name}_most", onnx.TensorProto.FLOAT, None)],
        )
        for name in ("one", "other")
    ]
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node.append(onnx.helper.make_node("If", ["yes"], kept.output, then_branch=branches[0], else_branch=branches[1]))
    with pytest.raises(ModisteError, match="branch or a loop"):
        with_head(model.SerializeToString(), head_with(OWN))
