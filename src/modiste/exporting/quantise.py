"""Eight bits: a graph with int8 weights, a scale a channel, and uint8 activations, measured on photos the network learnt from."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from modiste.data.decoded import Pictures
from modiste.exporting.graph import FEATURES, PIXELS, onnx_modules
from modiste.serving.graphs import Bytes

BATCH = 16
QUANTISED = (
    "Conv",
    "Gemm",
    "MatMul",
    "Add",
    "Relu",
    "Clip",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "ReduceMean",
    "Concat",
    "Reshape",
)
GATES = ("Sigmoid", "HardSigmoid")
EXACT = 4  # first convolutions of a network that looks at channels apart: eight bits there cost most of what they cost at all


def quantised(graph: Any, pictures: Pictures, **changes: Any) -> Any:
    """The graph in eight bits but for its head, its attention's gates and some first convolutions: these stay as exact as they were.

    Weights take 7 of the 8 bits: with all 8, processors without VNNI overflow, and say other things than those that have it.
    `changes` are settings of onnxruntime's `quantize_static`, for trials.
    """
    onnx = onnx_modules()
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    usual: dict[str, Any] = {
        "quant_format": QuantFormat.QDQ,
        "op_types_to_quantize": list(QUANTISED),
        "nodes_to_exclude": sorted(behind(graph, {FEATURES}) | gates(graph) | first_convolutions(graph)),
        "per_channel": True,
        "reduce_range": True,
        "activation_type": QuantType.QUInt8,
        "weight_type": QuantType.QInt8,
        "calibrate_method": CalibrationMethod.MinMax,
        "extra_options": {},
    }
    with tempfile.TemporaryDirectory(prefix="modiste-") as scratch, quiet_root():
        path, copy = Path(scratch) / "int8.onnx", onnx.ModelProto()
        copy.CopyFrom(graph)  # it moves the weights of what it is given into a file of its own
        quantize_static(copy, path, Reader(pictures), **usual | changes)
        return onnx.load(path)


@contextmanager
def quiet_root() -> Iterator[None]:
    """onnxruntime's quantiser advises through the root logger; that is not for whoever exports a run."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


class Reader:
    """Pictures for onnxruntime's calibration, a batch at a time."""

    def __init__(self, pictures: Pictures) -> None:
        self.pictures, self.starts = pictures, iter(range(0, len(pictures), BATCH))

    def get_next(self) -> dict[str, Bytes] | None:
        """The next batch as the graph's input; None behind the last."""
        start = next(self.starts, None)
        return None if start is None else {PIXELS: np.ascontiguousarray(self.pictures.at(slice(start, start + BATCH)))}


def first_convolutions(graph: Any) -> set[str]:
    """Names of the first convolutions, where some convolution looks at each channel apart; else none."""
    convolutions = [node for node in graph.graph.node if node.op_type == "Conv"]
    apart = any(setting.name == "group" and setting.i > 1 for node in convolutions for setting in node.attribute)
    return {node.name for node in convolutions[:EXACT]} if apart else set()


def behind(graph: Any, tensors: set[str]) -> set[str]:
    """Names of the nodes that follow from some tensors."""
    found, reached = set(), set(tensors)
    for node in graph.graph.node:  # in order: a node stands behind those it needs
        if reached & set(node.input):
            found.add(node.name)
            reached |= set(node.output)
    return found


def gates(graph: Any) -> set[str]:
    """Names of the nodes between a map and itself times its gate: from where it is reduced to a mean or a peak to the product."""
    makers = {output: node for node in graph.graph.node for output in node.output}
    found, waiting = set[str](), [node for node in graph.graph.node if node.op_type in GATES]
    products = behind_one(graph, {output for node in waiting for output in node.output})
    while waiting:
        node = waiting.pop()
        if node.name not in found:
            found.add(node.name)
            waiting += [] if node.op_type.startswith("Reduce") else [makers[name] for name in node.input if name in makers]
    return found | products


def behind_one(graph: Any, tensors: set[str]) -> set[str]:
    """Names of the products that take one of some tensors."""
    return {node.name for node in graph.graph.node if node.op_type == "Mul" and tensors & set(node.input)}
