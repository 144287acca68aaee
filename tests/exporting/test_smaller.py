"""Smaller kinds: half the bytes with the same arithmetic; eight bits everywhere but in the head and in attention's gates."""

from collections import Counter

import numpy as np
import onnx
import pytest
from torch import nn

from modiste.data.decoded import decode
from modiste.exporting.asking import answers, by_onnxruntime
from modiste.exporting.graph import export_graph
from modiste.exporting.halves import halved
from modiste.exporting.kinds import EXPORTS, spread
from modiste.exporting.quantise import EXACT, behind, first_convolutions, gates, quantised
from modiste.exporting.tail import finished
from modiste.models.variants import VARIANTS
from modiste.records.errors import ModisteError
from modiste.records.recipe import Network


@pytest.fixture(scope="module")
def model(made):
    """With weights so large that photos make a difference to its features (He et al. 2015)."""
    found = made(VARIANTS["Alex-CBAM(8&5)"])
    for module in found.network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    return found


@pytest.fixture(scope="module")
def graph(model):
    return export_graph(model)


@pytest.fixture(scope="module")
def pictures(model, drawn):
    return decode(drawn, model.eyes.pixels, None)


@pytest.fixture(scope="module")
def eight(graph, pictures):
    return quantised(graph, pictures)


def said(graph, pictures):
    return answers(by_onnxruntime(finished(graph, 1.0), 1), pictures)


def test_halves_are_half_as_large_and_say_the_same(graph, pictures):
    half = halved(graph)
    assert half.ByteSize() < 0.62 * graph.ByteSize()  # small tensors stay whole
    whole, found = said(graph, pictures), said(half, pictures)
    np.testing.assert_allclose(found.scores, whole.scores, atol=5e-3 * np.abs(whole.scores).max())
    assert np.abs(found.scores - whole.scores).max() > 0


def test_a_tensor_with_a_value_beyond_half_precision_stays_whole(graph):
    changed = onnx.ModelProto()
    changed.CopyFrom(graph)
    tensor = next(one for one in changed.graph.initializer if one.name == "backbone.fc7.weight")
    values = onnx.numpy_helper.to_array(tensor).copy()
    values[0, 0] = 70_000
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    kinds = {one.name: one.data_type for one in halved(changed).graph.initializer}
    assert kinds["backbone.fc7.weight"] == onnx.TensorProto.FLOAT
    assert kinds["backbone.fc6.weight"] == onnx.TensorProto.FLOAT16


def test_eight_bits_say_nearly_the_same_and_are_smaller(graph, eight, pictures):
    """Photo by photo: the features that move together before move so afterwards."""
    whole, found = (said(one, pictures).features for one in (graph, eight))
    assert eight.ByteSize() < 0.7 * graph.ByteSize()  # a quarter, were the network not so narrow
    before, after = (features - features.mean(0) for features in (whole, found))
    alike = (before * after).sum() / np.sqrt((before**2).sum() * (after**2).sum())
    assert alike > 0.9
    assert np.abs(found - whole).max() > 0


def test_quantising_leaves_the_graph_that_was_given(graph, eight):
    assert "QuantizeLinear" not in {node.op_type for node in graph.graph.node}
    assert not any(tensor.external_data for tensor in graph.graph.initializer)
    assert "QuantizeLinear" in {node.op_type for node in eight.graph.node}


def test_what_follows_the_features_and_attentions_gates_stay_exact(graph, eight):
    kept = behind(graph, {"features"}) | gates(graph)
    makers = {output: node for node in eight.graph.node for output in node.output}
    weights = {
        node.name: makers[node.input[1]].op_type if node.input[1] in makers else "whole"
        for node in eight.graph.node
        if node.op_type in ("Conv", "Gemm")
    }
    assert {name for name, kind in weights.items() if kind == "whole"} == kept & set(weights)
    assert Counter(weights.values()) == {"DequantizeLinear": 5 + 2, "whole": 3 * 5 + 1}  # five convolutions, fc6, fc7; CBAM's; the head


def test_a_gate_reaches_from_where_the_map_is_reduced_to_the_product(graph):
    kinds = Counter(node.op_type for node in graph.graph.node if node.name in gates(graph))
    assert kinds == {"ReduceMean": 6, "ReduceMax": 6, "Conv": 15, "Relu": 6, "Add": 3, "Concat": 3, "Sigmoid": 6, "Mul": 6}


def test_weights_in_eight_bits_take_seven(eight):
    """With all eight, sums of two products overflow where a processor lacks VNNI."""
    held = [
        onnx.numpy_helper.to_array(one) for one in eight.graph.initializer if one.data_type == onnx.TensorProto.INT8 and len(one.dims) > 1
    ]
    assert len(held) == 7
    assert max(int(np.abs(values.astype(int)).max()) for values in held) <= 64


def test_eight_bits_without_photos_are_refused(graph):
    with pytest.raises(ModisteError, match=r"chance pixels calibrate nothing.*--data"):
        EXPORTS["onnx-int8"].make(graph, None)


def test_rows_are_spread_over_all():
    assert spread(3, 10) == [0, 1, 2]
    assert (spread(1000, 4), len(set(spread(1000, 256)))) == ([0, 250, 500, 750], 256)


def test_the_first_convolutions_stay_exact_where_channels_are_looked_at_apart(made):
    apart = export_graph(made(Network("efficientnet_lite0", dropout=0.2), colour="rgb"))
    convolutions = [node.name for node in apart.graph.node if node.op_type == "Conv"]
    assert first_convolutions(apart) == set(convolutions[:EXACT])
    assert first_convolutions(export_graph(made(Network("resnet18")))) == set()
