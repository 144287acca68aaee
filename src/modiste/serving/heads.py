"""Another head for a bundle's graph, by bytes alone: no package for ONNX is needed, and the rest of the graph stays what it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from modiste.records.errors import ModisteError
from modiste.serving.bundle import field_of
from modiste.serving.graphs import GIVEN, fields_of, whole_number

Floats = NDArray[np.float64]
PROBABILITIES, SCORES, FEATURES, STRANGENESS = GIVEN
GRAPH = 7  # of ModelProto
NODE, INITIALIZER, INPUT, OUTPUT, VALUE_INFO = 1, 5, 11, 12, 13  # of GraphProto
NODE_INPUT, NODE_OUTPUT, NODE_NAME, NODE_KIND, NODE_ATTRIBUTE = 1, 2, 3, 4, 5
TENSOR_NAME = 8
FLOAT32 = 1
FAR, LEAST = 1e4, 1e-30  # a score so much lower has no share; the least share whose logarithm is taken
NAMES = (
    *("weights", "bias", "temperature", "own", "linear", "kept", "tempered", "added", "untouched", "touched", "far", "mass", "least"),
    *("was", "shares", "sum", "sum_above_0", "left", "apart", "logs", "lowered", "new", "old"),
)


@dataclass(frozen=True, eq=False)
class Head:
    """Scores from features, linear: `scores = features @ weights + bias`, and `own` of what the network's own head says beside them.

    Classes that are `untouched` keep the probability that the network's own head gives them; the others share what is left.
    """

    weights: Floats  # (F, K)
    bias: Floats  # (K,)
    temperature: float = 1.0  # what scores are divided by before they become probabilities
    own: Floats | None = None  # (K of the network, K): how much of each of its scores goes into each new one; None: nothing
    untouched: NDArray[np.bool_] | None = None  # (K,); None: no class is

    def scores(self, features: NDArray[np.floating], own: NDArray[np.floating]) -> Floats:
        """What the head says of features (N, F) and the network's own scores of them: (N, K)."""
        made: Floats = features.astype(np.float64) @ self.weights + self.bias
        if self.own is None:
            return made
        before = own.astype(np.float64) @ self.own
        return made + before if self.untouched is None else beside(made + before, before, self.untouched)


def beside(scores: Floats, before: Floats, untouched: NDArray[np.bool_]) -> Floats:
    """Scores (N, K) that leave untouched classes the probability they had `before`, and share the rest as they would share all of it."""
    was, logs = log_softmax(before), log_softmax(np.where(untouched, scores - FAR, scores))
    left = np.log(np.maximum(np.exp(was)[:, ~untouched].sum(1, keepdims=True), LEAST))
    made: Floats = np.where(untouched, was, logs + left)
    return made


def log_softmax(scores: Floats) -> Floats:
    scores = scores - scores.max(1, keepdims=True)
    made: Floats = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    return made


@dataclass(frozen=True)
class Node:
    """A node of a graph: its bytes, what it takes and gives, and every name that graphs inside it use."""

    raw: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    inside: frozenset[str] = field(default_factory=frozenset)


def with_head(graph: bytes, head: Head) -> bytes:
    """A bundle's graph with another head on its features; what led to its old probabilities alone is gone."""
    made = bytearray()
    for number, raw, value in parts(graph):
        made += field_of(0x3A, headed(value, head)) if number == GRAPH else raw
    return bytes(made)


def headed(graph: memoryview, head: Head) -> bytes:
    """The graph inside a model, with the head."""
    entries = list(parts(graph))
    nodes = [node_of(value) for number, _, value in entries if number == NODE]
    named = {name for node in nodes for name in (*node.outputs, *node.inside)} | {
        name_of(value, TENSOR_NAME) for value in of(entries, INITIALIZER)
    }
    outputs = {name_of(value, 1): raw for number, raw, value in entries if number == OUTPUT}
    if missing := {FEATURES, SCORES} - set(outputs):
        raise ModisteError(f"its graph gives no {' and no '.join(sorted(missing))}: no head can be put on it.")
    wanted = {FEATURES, *({SCORES} if head.own is not None else ()), *({STRANGENESS} & set(outputs))}
    before = fresh("own_scores", named)
    kept = [renamed(node, {SCORES: before, PROBABILITIES: fresh("own_probabilities", named)}) for node in needed(nodes, wanted)]
    used = {name for node in kept for name in (*node.inputs, *node.outputs, *node.inside)}
    tensors, tail = tail_of(head, before, named | used)
    made = bytearray()
    for number, raw, value in entries:
        drop = number in (NODE, OUTPUT, VALUE_INFO) or (number == INITIALIZER and name_of(value, TENSOR_NAME) not in used)
        made += b"" if drop else raw
    classes = len(head.bias)
    told = [
        value_info(PROBABILITIES, classes),
        value_info(SCORES, classes),
        *(outputs[name] for name in (FEATURES, STRANGENESS) if name in outputs),
    ]
    return bytes(made) + b"".join([*(field_of(0x0A, node.raw) for node in kept), *tensors, *tail, *told])


def tail_of(head: Head, before: str, taken: set[str]) -> tuple[list[bytes], list[bytes]]:
    """The tensors and the nodes from features to probabilities."""
    names = {name: fresh(f"head.{name}", taken) for name in NAMES}
    values = {"weights": head.weights, "bias": head.bias, "temperature": np.array(head.temperature)}
    linear = SCORES if head.own is None else names["linear"]
    nodes = [node("Gemm", [FEATURES, names["weights"], names["bias"]], linear)]
    if head.own is not None:
        values["own"] = head.own
        added = SCORES if head.untouched is None else names["added"]
        nodes += [node("MatMul", [before, names["own"]], names["kept"]), node("Add", [linear, names["kept"]], added)]
    if head.own is not None and head.untouched is not None:
        some = {"untouched": head.untouched, "touched": ~head.untouched, "far": -FAR * head.untouched, "mass": ~head.untouched[:, None]}
        values |= {name: value.astype(np.float64) for name, value in some.items()} | {"least": np.array(LEAST)}
        nodes += nodes_beside(names)
    nodes += [node("Div", [SCORES, names["temperature"]], names["tempered"]), node("Softmax", [names["tempered"]], PROBABILITIES, axis=1)]
    return [tensor(names[name], value) for name, value in values.items()], nodes


def nodes_beside(names: dict[str, str]) -> list[bytes]:
    """`beside` as nodes that every version of ONNX has."""
    steps = [
        ("LogSoftmax", ["kept"], "was"),
        ("Exp", ["was"], "shares"),
        ("MatMul", ["shares", "mass"], "sum"),
        ("Max", ["sum", "least"], "sum_above_0"),
        ("Log", ["sum_above_0"], "left"),
        ("Add", ["added", "far"], "apart"),
        ("LogSoftmax", ["apart"], "logs"),
        ("Add", ["logs", "left"], "lowered"),
        ("Mul", ["lowered", "touched"], "new"),
        ("Mul", ["was", "untouched"], "old"),
    ]
    made = [
        node(kind, [names[name] for name in inputs], names[output], **({"axis": 1} if kind == "LogSoftmax" else {}))
        for kind, inputs, output in steps
    ]
    return [*made, node("Add", [names["new"], names["old"]], SCORES)]


def needed(nodes: Sequence[Node], wanted: set[str]) -> list[Node]:
    """The nodes that lead to some tensors, in their order."""
    kept, asked = [], set(wanted)
    for one in reversed(nodes):
        if asked & set(one.outputs):
            kept.append(one)
            asked |= set(one.inputs) | one.inside
    return kept[::-1]


def renamed(node: Node, names: dict[str, str]) -> Node:
    """The node with other names for some tensors, and then without a name of its own, which the new one may have."""
    if node.inside & set(names):
        raise ModisteError("its graph uses its scores in a branch or a loop: no head can be put on it.")
    if not {*node.inputs, *node.outputs} & set(names):
        return node
    raw = bytearray()
    for number, part, value in parts(memoryview(node.raw)):
        word = bytes(value).decode() if number in (NODE_INPUT, NODE_OUTPUT) else ""
        raw += field_of(number << 3 | 2, names[word].encode()) if word in names else b"" if number == NODE_NAME else part
    inputs, outputs = (tuple(names.get(name, name) for name in some) for some in (node.inputs, node.outputs))
    return replace(node, raw=bytes(raw), inputs=inputs, outputs=outputs)


def node_of(data: memoryview) -> Node:
    """A node as it stands in a graph."""
    inputs, outputs = (tuple(bytes(value).decode() for value in of(list(parts(data)), number)) for number in (NODE_INPUT, NODE_OUTPUT))
    attributes = of(list(parts(data)), NODE_ATTRIBUTE)
    return Node(bytes(data), inputs, outputs, frozenset(name for attribute in attributes for name in names_inside(attribute)))


def names_inside(attribute: memoryview) -> Iterator[str]:
    """Every tensor that the graphs in an attribute (fields 6 and 11) name."""
    for number, _, graph in parts(attribute):
        if number in (6, 11):
            for inner in of(list(parts(graph)), NODE):
                found = node_of(inner)
                yield from (*found.inputs, *found.outputs, *found.inside)


def of(entries: Sequence[tuple[int, bytes, memoryview]], wanted: int) -> list[memoryview]:
    """The values of one field."""
    return [value for number, _, value in entries if number == wanted]


def parts(data: bytes | memoryview) -> Iterator[tuple[int, bytes, memoryview]]:
    """The fields of a message: number, the field's bytes with its tag, and its value's bytes (of a number: none)."""
    view, at = memoryview(data), 0
    while at < len(view):
        tag, start = whole_number(view, at)
        end = ends_at(view, tag & 7, start)
        number, value = next(fields_of(view[at:end]))
        yield number, bytes(view[at:end]), value if isinstance(value, memoryview) else view[:0]
        at = end


def ends_at(view: memoryview, kind: int, start: int) -> int:
    """Where a field's value ends."""
    if kind == 0:
        return whole_number(view, start)[1]
    if kind == 2:
        length, inner = whole_number(view, start)
        return inner + length
    return start + (8 if kind == 1 else 4)


def name_of(message: memoryview, number: int) -> str:
    return next((bytes(value).decode() for value in of(list(parts(message)), number)), "")


def fresh(name: str, taken: set[str]) -> str:
    """A name that nothing in the graph has, or had: heads put on one another do not clash.

    >>> fresh("head.bias", {"head.bias"})
    'head.bias.2'
    """
    tries = (name if number == 1 else f"{name}.{number}" for number in count(1))
    return next(one for one in tries if one not in taken)


def node(kind: str, inputs: Sequence[str], output: str, **settings: int) -> bytes:
    """A node as a field of a graph, named for what it gives."""
    words = [*(field_of(0x0A, name.encode()) for name in inputs), field_of(0x12, output.encode())]
    words += [field_of(0x1A, f"node_{output}".encode()), field_of(0x22, kind.encode())]
    words += [field_of(0x2A, field_of(0x0A, name.encode()) + bytes([0x18, value, 0xA0, 0x01, 2])) for name, value in settings.items()]
    return field_of(0x0A, b"".join(words))


def tensor(name: str, values: Floats) -> bytes:
    """Numbers as a float32 tensor of a graph."""
    dims = b"".join(b"\x08" + seven_bits(size) for size in values.shape)
    raw = np.ascontiguousarray(values, "<f4").tobytes()
    return field_of(0x2A, dims + bytes([0x10, FLOAT32]) + field_of(0x42, name.encode()) + field_of(0x4A, raw))


def value_info(name: str, classes: int) -> bytes:
    """An output float32 (N, K) of a graph."""
    dims = field_of(0x0A, field_of(0x12, b"N")) + field_of(0x0A, b"\x08" + seven_bits(classes))
    kind = field_of(0x0A, bytes([0x08, FLOAT32]) + field_of(0x12, dims))
    return field_of(0x62, field_of(0x0A, name.encode()) + field_of(0x12, kind))


def seven_bits(number: int) -> bytes:
    """A number in sevens of bits.

    >>> list(seven_bits(300))
    [172, 2]
    """
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*made, number])
