"""What an exported network says of many pictures, a batch at a time, whatever runs it."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from modiste.data.decoded import Pictures
from modiste.data.opening.crew import processors
from modiste.records.errors import missing_extra
from modiste.records.progress import Progress, Tell, silent
from modiste.serving.graphs import GIVEN, Answers, Ask, Bytes, answering, joined, open_graph

BATCH = 16  # photos at once


def by_onnxruntime(graph: bytes, threads: int | None = None) -> Ask:
    """Ask a bundle's graph on so many threads (None: one a processor)."""
    return answering(open_graph(graph, "the exported graph", threads or processors()), "the exported graph")


def by_openvino(path: Path, threads: int | None = None) -> Ask:
    """Ask OpenVINO's two files; in full precision, for on some processors it would take less without a word."""
    settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino_module().compile_model(str(path), "CPU", settings | ({"INFERENCE_NUM_THREADS": threads} if threads else {}))
    places = [compiled.output(name) for name in GIVEN if any(name in output.get_names() for output in compiled.outputs)]

    def ask(pixels: Bytes) -> Answers:
        found = compiled({"pixels": pixels})
        return Answers(*(found[place].copy() for place in places))

    return ask


def openvino_module() -> Any:
    """The package `openvino`, or how to get it; kept from telling its maker that it was imported, and what of."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # as where it is not installed
    try:
        return import_module("openvino")
    except ModuleNotFoundError as error:
        raise missing_extra("openvino", "openvino", "OpenVINO's format") from error


def answers(ask: Ask, pictures: Pictures, tell: Tell = silent, stage: str = "asking the graph") -> Answers:
    """All that is said of pictures, in their order."""
    made, count = [], len(pictures)
    for start in range(0, count, BATCH):
        made.append(ask(pictures.at(slice(start, start + BATCH))))
        tell(Progress(stage, min(start + BATCH, count), count))
    return joined(made)
