"""Tiny networks as ONNX files, made node by node, whose answers NumPy can tell: the mean colour of a photo, times a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from modiste.records.labels import Classes
from modiste.records.recipe import Pixels
from modiste.serving.bundle import Card, write_bundle

SIDE = 32
WEIGHTS = np.array([[4, -2, 1], [-3, 5, 0.5], [1, 1, -6]], np.float32)  # (C, K)
CARD = Card("tiny", Classes(("Shoes", "Clothing", "Bags")), Pixels(side=SIDE, colour="rgb"), temperature=2.0)


def model_of(nodes: Sequence[Any], inputs: Any, outputs: Sequence[Any], constants: dict[str, np.ndarray], opsets: Any = (("", 18),)) -> Any:
    kept = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(list(nodes), "tiny", [inputs], list(outputs), kept)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid(*one) for one in opsets], ir_version=9)


def told(pixels: np.ndarray, weights: np.ndarray = WEIGHTS, temperature: float = 2.0) -> dict[str, np.ndarray]:
    """What the tiny bundle must say of pixels (N, S, S, 3), by NumPy alone."""
    features = pixels.astype(np.float64).mean((1, 2)) / 255
    scores = features @ weights
    powers = np.exp(scores / temperature)
    return {"features": features, "scores": scores, "probabilities": powers / powers.sum(1, keepdims=True), "strangeness": features.max(1)}


def tiny_graph(weights: np.ndarray = WEIGHTS, strange: bool = True) -> bytes:
    """A bundle's graph: uint8 (N, S, S, 3) -> probabilities, scores, features, strangeness."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "places"], ["means"], keepdims=0),
        helper.make_node("Div", ["means", "top"], ["features"]),
        helper.make_node("MatMul", ["features", "weights"], ["scores"]),
        helper.make_node("Div", ["scores", "temperature"], ["cooled"]),
        helper.make_node("Softmax", ["cooled"], ["probabilities"], axis=1),
        helper.make_node("ReduceMax", ["features", "channel"], ["strangeness"], keepdims=0),
    ]
    outputs = {"probabilities": 2, "scores": 2, "features": 2} | ({"strangeness": 1} if strange else {})
    constants = {
        "places": np.array([1, 2]),
        "channel": np.array([1]),
        "top": np.float32(255),
        "temperature": np.float32(2),
        "weights": weights.astype(np.float32),
    }
    kept = [node for node in nodes if strange or node.op_type != "ReduceMax"]
    if not strange:
        del constants["channel"]
    given = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIDE, SIDE, 3])
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *[None] * (rank - 1)]) for name, rank in outputs.items()]
    return model_of(kept, given, made, constants).SerializeToString()


def foreign_model(shape: Sequence[Any] = ("n", 3, SIDE, SIDE), softmax: bool = False, weights: np.ndarray = WEIGHTS) -> Any:
    """Another's network: float32 (N, C, S, S) -> the mean of each channel times a matrix, or the softmax of that."""
    nodes = [
        helper.make_node("ReduceMean", ["images", "places"], ["means"], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["values" if softmax else "output"]),
        *([helper.make_node("Softmax", ["values"], ["output"], axis=1)] if softmax else []),
    ]
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, list(shape))
    made = helper.make_tensor_value_info("output", TensorProto.FLOAT, [shape[0], weights.shape[1]])
    return model_of(nodes, given, [made], {"places": np.array([2, 3]), "weights": weights.astype(np.float32)})


@pytest.fixture
def tiny(tmp_path: Path) -> Any:
    """Writes the tiny bundle; words change its card."""

    def made(name: str = "tiny.onnx", weights: np.ndarray = WEIGHTS, strange: bool = True, **card: Any) -> Path:
        write_bundle(tmp_path / name, tiny_graph(weights, strange), replace(CARD, **card))
        return tmp_path / name

    return made


@pytest.fixture
def saved(tmp_path: Path) -> Any:
    """Writes an ONNX model of another's make, with metadata."""

    def made(model: Any, name: str = "other.onnx", **metadata: str) -> Path:
        helper.set_model_props(model, metadata)
        (tmp_path / name).write_bytes(model.SerializeToString())
        return tmp_path / name

    return made


@pytest.fixture
def numpy_says() -> Any:
    return told


@pytest.fixture
def foreign() -> Any:
    return foreign_model


@pytest.fixture
def custom() -> Any:
    """A network with an operator that nobody has."""
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])
    made = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", 3])
    node = helper.make_node("Magic", ["images"], ["output"], domain="my.ops")
    return model_of([node], given, [made], {}, (("", 18), ("my.ops", 1)))


@pytest.fixture
def elsewhere() -> Any:
    """Has a tensor stand in another file: of the weights, in a node, in a branch, or in a function."""

    def external(tensor: Any) -> Any:
        moved = TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims, data_location=TensorProto.EXTERNAL)
        moved.external_data.add(key="location", value="weights.bin")
        return moved

    def made(place: str) -> Any:
        model = foreign_model()
        tensor = external(numpy_helper.from_array(np.zeros(3, np.float32), "far"))
        constant = helper.make_node("Constant", [], ["far"], value=tensor)
        if place == "weights":
            model.graph.initializer.append(tensor)
        elif place == "node":
            model.graph.node.append(constant)
        elif place == "branch":
            branch = helper.make_graph([constant], "branch", [], [helper.make_tensor_value_info("far", TensorProto.FLOAT, [3])])
            model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
            model.graph.node.append(helper.make_node("If", ["yes"], ["if"], then_branch=branch, else_branch=branch))
        else:
            function = helper.make_function("own", "Far", [], ["far"], [constant], [helper.make_opsetid("", 18)])
            model.functions.append(function)
        return model

    return made
