"""Models that can be set beside one another, whatever they are: runs by torch, bundles and others' ONNX files, OpenVINO's files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modiste.exporting.asking import by_onnxruntime, by_openvino
from modiste.records.disk import digest
from modiste.records.errors import Damaged, ModisteError, UsageError
from modiste.records.labels import Classes
from modiste.records.recipe import Pixels
from modiste.serving.bundle import Card, read_bundle
from modiste.serving.graphs import Ask, fields_of
from modiste.serving.labeller import is_bundle, load

FLOATS = 1, 10  # ONNX's numbers for float32 and float16; 3 and 2 are int8 and uint8
WEIGHTS = (*FLOATS, 2, 3)
WHOLE = "Copy all three files again (.xml, .bin and .json), or export the run again."


@dataclass(frozen=True, eq=False)
class Contender:
    """A model that was opened."""

    path: Path
    how: str  # what runs it
    size: int  # bytes on disk
    parameters: int | None
    classes: Classes
    pixels: Pixels
    ask: Ask
    shown: str = ""  # how photos are shown to it, where that had to be said


def open_contender(
    path: Path, threads: int | None = None, classes: Sequence[str] | None = None, pixels: Pixels | Mapping[str, Any] | None = None
) -> Contender:
    """The model at a place on so many threads (None: one a processor); `classes` and `pixels` for ONNX files that do not say theirs."""
    kind = "run" if path.is_dir() else path.suffix.lower()
    if kind in OPENERS:
        return OPENERS[kind](path, threads)
    shown = ""
    if is_bundle(path):
        bundle = read_bundle(path)
        known = bundle.card.classes, bundle.card.pixels, by_onnxruntime(bundle.data, threads)
    else:
        labeller = load(path, classes=classes, pixels=pixels, threads=threads)
        known, shown = (labeller.classes, labeller.pixels, labeller.ask), labeller.shown
    return Contender(path, "onnxruntime", path.stat().st_size, parameters_in(path.read_bytes()), *known, shown)


def open_run(path: Path, threads: int | None) -> Contender:
    """A run, answered by torch in fp32 as it is evaluated."""
    import torch

    from modiste.exporting.by_torch import by_torch
    from modiste.records.run import Run
    from modiste.training.model import open_model

    if threads is not None:
        torch.set_num_threads(threads)
    run = Run(path)
    model = open_model(run)
    size = run.weights.stat().st_size
    count = sum(weight.numel() for weight in model.network.parameters())
    return Contender(path, "torch", size, count, model.classes, model.eyes.pixels, by_torch(model))


def open_openvino(path: Path, threads: int | None) -> Contender:
    """OpenVINO's files with the card that `modiste export --to openvino` wrote beside them."""
    beside = path.with_suffix(".json")
    try:
        card = Card.parse(json.loads(beside.read_text(encoding="utf-8")), str(beside))
    except (OSError, ValueError) as error:
        raise ModisteError(f"{beside} cannot be read ({error}). `modiste export RUN --to openvino` writes it beside the .xml.") from error
    size = sum(checked(path.with_suffix(f".{suffix}"), sha) for suffix, sha in zip(("xml", "bin"), hashes_of(path), strict=True))
    return Contender(path, "OpenVINO", size, None, card.classes, card.pixels, by_openvino(path, threads))


def hashes_of(path: Path) -> tuple[str, str]:
    """The SHA-256 of the .xml and of the .bin, as the card beside them has them."""
    said = hashes_beside(path)
    if not {"xml", "bin"} <= said.keys():
        raise Damaged(f"{path.with_suffix('.json')} does not say which {path.name} and .bin belong to it. {WHOLE}")
    return said["xml"], said["bin"]


def hashes_beside(path: Path) -> dict[str, str]:
    """The SHA-256 of an .xml and its .bin as the .json beside them has them; {} where none does."""
    try:
        said = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["sha256"]
        return {str(name): str(value) for name, value in said.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def checked(file: Path, sha: str) -> int:
    """The size of a file of an export in bytes; refused where it is another one than the card was written for."""
    try:
        found, size = digest(file), file.stat().st_size
    except OSError as error:
        raise ModisteError(f"{file} cannot be read: {error.strerror}. {WHOLE}") from error
    if found != sha:
        raise Damaged(
            f"{file} is not the file that {file.with_suffix('.json')} was written with: it is damaged, or of another export. {WHOLE}"
        )
    return size


OPENERS: dict[str, Callable[[Path, int | None], Contender]] = {"run": open_run, ".xml": open_openvino}


def parameters_in(data: bytes) -> int:
    """Weights in an ONNX file: the values of its tensors of numbers, scales and zero points of eight bits among them."""
    graphs = inside(memoryview(data), 7)
    return sum(values_in(tensor) for graph in graphs for tensor in inside(graph, 5))


def inside(message: memoryview, wanted: int) -> list[memoryview]:
    """The messages in a field of a message."""
    return [value for number, value in fields_of(message) if number == wanted and isinstance(value, memoryview)]


def values_in(tensor: memoryview) -> int:
    """How many weights a tensor has; 0 for one that holds shapes or axes."""
    count, kind = 1, 0
    for number, value in fields_of(tensor):
        if number == 1:  # a dimension, or several packed
            for size in [value] if isinstance(value, int) else packed(value):
                count *= size
        elif number == 2 and isinstance(value, int):
            kind = value
    return count if kind in WEIGHTS else 0


def packed(values: memoryview) -> list[int]:
    """Whole numbers in sevens of bits, one behind another.

    >>> packed(memoryview(bytes([3, 0x80, 1])))
    [3, 128]
    """
    found, number, shift = [], 0, 0
    for byte in values:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            found.append(number)
            number, shift = 0, 0
    return found


def check_threads(threads: int | None) -> None:
    if threads is not None and threads < 1:
        raise UsageError(f"--threads {threads}: must be 1 or more.")
