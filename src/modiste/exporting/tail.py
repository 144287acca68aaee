"""The end of a bundle's graph, put behind any graph that gives scores and features: calibrated probabilities, and strangeness."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from modiste.exporting.graph import FEATURES, SCORES, STRANGENESS, onnx_modules
from modiste.exporting.strangeness import Strangeness

PROBABILITIES, TEMPERATURE = "probabilities", "temperature"


def finished(graph: Any, temperature: float, strangeness: Strangeness | None = None) -> bytes:
    """A graph with scores and features as the graph of a bundle: probabilities first, strangeness last where it is known."""
    onnx = onnx_modules()
    made = onnx.ModelProto()
    made.CopyFrom(graph)
    scores, features = (next(one for one in made.graph.output if one.name == name) for name in (SCORES, FEATURES))
    classes = scores.type.tensor_type.shape.dim[1].dim_value
    floats = onnx.TensorProto.FLOAT
    told = [one for one in made.graph.output if one.name == STRANGENESS]  # by the network itself
    outputs = [onnx.helper.make_tensor_value_info(PROBABILITIES, floats, ["N", classes]), scores, features, *told]
    made.graph.initializer.append(initializer(TEMPERATURE, np.array(temperature)))
    node(made, "Div", [SCORES, TEMPERATURE], "tempered")
    node(made, "Softmax", ["tempered"], PROBABILITIES, axis=1)
    if strangeness is not None:
        add_strangeness(made, strangeness)
        outputs.append(onnx.helper.make_tensor_value_info(STRANGENESS, floats, ["N"]))
    kept = [onnx.ValueInfoProto.FromString(output.SerializeToString()) for output in outputs]
    del made.graph.output[:]
    made.graph.output.extend(kept)
    onnx.checker.check_model(made)
    data: bytes = made.SerializeToString(deterministic=True)
    return data


def add_strangeness(graph: Any, strangeness: Strangeness) -> None:
    """`Strangeness.of` as nodes: whitened features, their squared distance from each class's middle, the root of the least."""
    parts = {"centre": strangeness.centre, "whitening": strangeness.whitening, "middles": strangeness.middles[None]}
    for name, values in parts.items():
        graph.graph.initializer.append(initializer(f"strangeness.{name}", values))
    for name, axis in (("classes", 1), ("directions", 2)):
        graph.graph.initializer.append(initializer(f"strangeness.{name}", np.array([axis]), np.int64))
    feed = FEATURES
    if strangeness.unit:
        graph.graph.initializer.append(initializer("strangeness.least", np.array(strangeness.LEAST)))
        node(graph, "ReduceL2", [FEATURES, "strangeness.classes"], "features_length", keepdims=1)
        node(graph, "Max", ["features_length", "strangeness.least"], "features_length_above_0")
        feed = node(graph, "Div", [FEATURES, "features_length_above_0"], "features_unit")
    node(graph, "Sub", [feed, "strangeness.centre"], "features_centred")
    node(graph, "MatMul", ["features_centred", "strangeness.whitening"], "features_white")
    node(graph, "Unsqueeze", ["features_white", "strangeness.classes"], "features_beside_classes")
    node(graph, "Sub", ["features_beside_classes", "strangeness.middles"], "features_from_classes")
    node(graph, "ReduceSumSquare", ["features_from_classes", "strangeness.directions"], "squared_distances", keepdims=0)
    node(graph, "ReduceMin", ["squared_distances", "strangeness.classes"], "least_squared_distance", keepdims=0)
    node(graph, "Sqrt", ["least_squared_distance"], STRANGENESS)


def node(graph: Any, kind: str, inputs: list[str], output: str, **settings: int) -> str:
    """Append a node that is named for what it gives."""
    graph.graph.node.append(onnx_modules().helper.make_node(kind, inputs, [output], name=f"node_{output}", **settings))
    return output


def initializer(name: str, values: NDArray[Any], kind: type = np.float32) -> Any:
    return onnx_modules().numpy_helper.from_array(np.asarray(values, kind), name)
