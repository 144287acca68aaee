"""Weights in half precision: half the file, the same arithmetic, for they are made whole again when the graph is loaded."""

from __future__ import annotations

from typing import Any

import numpy as np

from modiste.exporting.graph import onnx_modules

LEAST_VALUES = 256  # a tensor with fewer stays as it is: it saves nothing
LARGEST = float(np.finfo(np.float16).max)


def halved(graph: Any) -> Any:
    """The graph with its large weights as float16, a Cast behind each; one that holds a value beyond 65504 stays whole."""
    onnx = onnx_modules()
    made = onnx.ModelProto()
    made.CopyFrom(graph)
    casts, whole = [], {}
    for tensor in made.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < LEAST_VALUES or np.abs(values).max() > LARGEST:
            continue
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), tensor.name))
        whole[tensor.name] = f"{tensor.name}.whole"
        casts.append(onnx.helper.make_node("Cast", [tensor.name], [whole[tensor.name]], f"whole_{tensor.name}", to=onnx.TensorProto.FLOAT))
    nodes = list(made.graph.node)
    for node in nodes:
        inputs = [whole.get(name, name) for name in node.input]
        del node.input[:]
        node.input.extend(inputs)
    del made.graph.node[:]
    made.graph.node.extend([*casts, *nodes])
    return made
