"""A network's graph, opened by onnxruntime: pixels in, answers out. Opening one never runs code and never opens another file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modiste.records.errors import ModisteError

GIVEN = ("probabilities", "scores", "features", "strangeness")  # what a bundle's graph gives, the last where it can tell
Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
EXTERNAL = 13, 14  # fields of ONNX's TensorProto: external_data, data_location
INSIDE: dict[str, dict[int, str]] = {  # message -> its fields that lead to tensors, and the message that stands there
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network says of N photos."""

    probabilities: Floats  # (N, K), calibrated; each row sums to 1
    scores: Floats  # (N, K), as the head gives them
    features: Floats  # (N, F), what the head is given; F is 0 for a network that does not tell
    strangeness: Floats | None = None  # (N,): the higher, the less a photo is like those that were learnt from

    @property
    def called(self) -> NDArray[np.int64]:
        """Code of the most probable class, (N,)."""
        called: NDArray[np.int64] = self.probabilities.argmax(1)
        return called

    @property
    def confidence(self) -> Floats:
        """Probability of the class called, (N,) in [0, 1]."""
        confidence: Floats = self.probabilities.max(1)
        return confidence

    def __len__(self) -> int:
        return len(self.probabilities)

    def __getitem__(self, rows: slice) -> Answers:
        return Answers(*(None if values is None else values[rows] for values in columns_of(self)))  # type: ignore[arg-type]


Ask: TypeAlias = Callable[[Bytes], Answers]  # pixels uint8 (N, S, S, C), N at least 1


def columns_of(answers: Answers) -> Iterator[Floats | None]:
    return (getattr(answers, field.name) for field in fields(answers))


def joined(parts: list[Answers]) -> Answers:
    """The answers of several batches as one."""
    columns = zip(*map(columns_of, parts), strict=True)
    return Answers(*(None if column[0] is None else np.concatenate(column) for column in columns))  # type: ignore[arg-type]


def open_graph(data: bytes, where: str, threads: int) -> Any:
    """An onnxruntime session on so many threads; errors open with `where`."""
    refuse_external(data, where)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # what goes wrong is raised, and said once
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # those who wait leave the processors to those who decode
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        for one in (*session.get_inputs(), *session.get_outputs()):
            _ = one.name, one.type, one.shape  # fails here, not later, where a name is no UTF-8
        _ = session.get_modelmeta().custom_metadata_map
        return session
    except Exception as error:  # onnxruntime's own errors have no common ancestor
        raise refusal(error, where) from error


def refusal(error: Exception, where: str) -> ModisteError:
    """Why onnxruntime does not open a file, in our words."""
    text = " ".join(str(error).split())
    if "not a registered function/op" in text or "No Op registered" in text or "NOT_IMPLEMENTED" in text or "custom" in text.lower():
        return ModisteError(
            f"{where} asks for operators that onnxruntime does not have, and modiste loads none from elsewhere. "
            f"Export the network again with standard operators only ({text[:300]})."
        )
    if "opset" in text.lower() or "IR version" in text:
        return ModisteError(
            f"{where} is written in a newer ONNX than the onnxruntime here knows. Export it for an older opset, or install a newer "
            f"onnxruntime ({text[-300:]})."
        )
    return ModisteError(f"{where} is no network that onnxruntime opens: damaged, or no ONNX. Copy or export it again ({text[:300]}).")


def refuse_external(data: bytes, where: str) -> None:
    """Refuse a file whose weights stand in other files: nothing is opened but what was asked for."""
    if b"location" not in data:  # the word that names such a file
        return
    try:
        found = has_external("model", memoryview(data))
    except (ValueError, RecursionError) as error:
        raise ModisteError(f"{where} is damaged, or no ONNX: {error}. Copy or export it again.") from error
    if found:
        raise ModisteError(f"{where} keeps weights in other files, and modiste opens none but the one it is given. Export it as one file.")


def has_external(message: str, data: memoryview) -> bool:
    """Whether any tensor inside a message of ONNX stands elsewhere."""
    if message == "tensor":
        return any(number in EXTERNAL and value != 0 for number, value in fields_of(data))
    return any(
        isinstance(value, memoryview) and has_external(INSIDE[message][number], value)
        for number, value in fields_of(data)
        if number in INSIDE[message]
    )


def fields_of(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a protobuf message: number, and a whole number or the bytes that stand there.

    >>> [(number, bytes(value)) for number, value in fields_of(memoryview(bytes([0x12, 2, 97, 98])))]
    [(2, b'ab')]
    """
    at = 0
    while at < len(data):
        tag, at = whole_number(data, at)
        kind = tag & 7
        value: int | memoryview
        if kind == 0:
            value, at = whole_number(data, at)
        elif kind in (1, 2, 5):
            length, at = (8 if kind == 1 else 4, at) if kind != 2 else whole_number(data, at)
            value, at = data[at : at + length], at + length
        else:
            raise ValueError(f"protobuf has no fields of kind {kind}")
        if at > len(data):
            raise ValueError("it ends in the middle of a field")
        yield tag >> 3, value


def whole_number(data: memoryview, at: int) -> tuple[int, int]:
    """A number in sevens of bits, and where it ends."""
    number = 0
    for place in range(10):
        if at + place >= len(data):
            raise ValueError("it ends in the middle of a number")
        byte = data[at + place]
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number, at + place + 1
    raise ValueError("a number has more than 64 bits")


def answering(session: Any, where: str) -> Ask:
    """What asks a bundle's graph: pixels (N, S, S, C) in, answers out."""
    names = {output.name for output in session.get_outputs()}
    if missing := (set(GIVEN[:3]) | {"pixels"}) - names - {given.name for given in session.get_inputs()}:
        raise ModisteError(f"{where}: its graph lacks {', '.join(sorted(missing))}. Export it again with `modiste export`.")
    wanted = [name for name in GIVEN if name in names]

    return lambda pixels: Answers(*run(session, wanted, "pixels", pixels, where))


def run(session: Any, wanted: list[str], name: str, values: NDArray[Any], where: str) -> list[Any]:
    """The outputs that a session gives for its one input; where it gives none, a person is told."""
    try:
        made: list[Any] = session.run(wanted, {name: values})
    except Exception as error:  # onnxruntime's own errors have no common ancestor
        text = " ".join(str(error).split())[:300]
        raise ModisteError(f"{where} fails on {name} {values.shape}: copy or export it again ({text}).") from error
    return made
