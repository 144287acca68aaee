"""The kinds of export. To add one: what it makes of a graph, what it may cost, what runs it, how it is written; its line in EXPORTS."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from modiste.data.decoded import Pictures
from modiste.exporting.asking import by_onnxruntime, by_openvino, openvino_module
from modiste.exporting.contenders import hashes_beside
from modiste.exporting.halves import halved
from modiste.exporting.parity import Limits
from modiste.exporting.photos import rows_of
from modiste.exporting.quantise import quantised
from modiste.records.disk import write_bytes, write_json
from modiste.records.errors import Damaged, ModisteError
from modiste.records.own import refuse_others
from modiste.serving.bundle import Card, read_bundle, write_bundle
from modiste.serving.graphs import Ask
from modiste.serving.labeller import is_bundle

CALIBRATED_ON = 256  # photos


@dataclass(frozen=True)
class Kind:
    """A kind of export: `make` works on the graph that ends in scores and features, the rest on the finished one."""

    words: str  # for the card
    make: Callable[[Any, Pictures | None], Any]
    limits: Limits
    remedy: str  # where the gate refuses it
    suffix: str = ".onnx"
    ask: Callable[[bytes], Ask] = by_onnxruntime
    write: Callable[[Path, bytes, Card], None] = lambda path, graph, card: write_whole(path, graph, card)
    check: Callable[[Path], None] = lambda path: refuse_others(path, is_export, "modiste export")  # before anything is done


def as_it_is(graph: Any, _learnt: Pictures | None) -> Any:
    return graph


def in_halves(graph: Any, _learnt: Pictures | None) -> Any:
    return halved(graph)


def in_eight_bits(graph: Any, learnt: Pictures | None, **changes: Any) -> Any:
    """The graph in int8; refused without photos of train, for the ranges of activations cannot be guessed."""
    if learnt is None:
        raise ModisteError(
            "onnx-int8 is calibrated on photos that the network learnt from, for chance pixels calibrate nothing. "
            "Give the catalogue it was trained on with --data; its split train must have photos."
        )
    return quantised(graph, rows_of(learnt, spread(len(learnt), CALIBRATED_ON)), **changes)


def spread(count: int, most: int) -> list[int]:
    """At most so many of `count` rows, evenly spread.

    >>> spread(5, 2)
    [0, 2]
    """
    return [row * count // min(count, most) for row in range(min(count, most))]


def write_whole(path: Path, graph: bytes, card: Card) -> None:
    """A bundle, read again once it is written: what a full or failing disk made of it is noticed here."""
    write_bundle(path, graph, card)
    read_bundle(path)


def is_export(path: Path) -> bool:
    """Whether a file is a bundle that an export wrote, be it damaged: not one that was learnt from labels, nor another's network."""
    try:
        return is_bundle(path) and "run" in read_bundle(path).card.facts
    except Damaged:
        return True


def convert(graph: bytes, folder: Path) -> Path:
    """A graph as OpenVINO's two files in a folder, weights in half precision as is usual there."""
    openvino = openvino_module()
    onnx, made = folder / "model.onnx", folder / "model.xml"
    onnx.write_bytes(graph)
    openvino.save_model(openvino.convert_model(onnx), made, compress_to_fp16=True)
    return made


def ask_openvino(graph: bytes) -> Ask:
    """Ask what OpenVINO makes of a graph."""
    with tempfile.TemporaryDirectory(prefix="modiste-") as scratch:
        return by_openvino(convert(graph, Path(scratch)))


def write_openvino(path: Path, graph: bytes, card: Card) -> None:
    """NAME.json, NAME.bin and NAME.xml: the network in two files, and its card with their SHA-256; the .xml, which opens them, last."""
    with tempfile.TemporaryDirectory(prefix="modiste-") as scratch:
        made = convert(graph, Path(scratch))
        network, weights = made.read_bytes(), made.with_suffix(".bin").read_bytes()
    hashes = {suffix: hashlib.sha256(data).hexdigest() for suffix, data in (("xml", network), ("bin", weights))}
    write_json(path.with_suffix(".json"), {"format": 1, "sha256": hashes, **card.plain()})  # first: by it the others are known as ours
    write_bytes(path.with_suffix(".bin"), weights)
    write_bytes(path, network)


def check_openvino(path: Path) -> None:
    """The three files go to new places, or over those of an earlier export, which its .json names."""
    for place in (path, path.with_suffix(".bin"), path.with_suffix(".json")):
        refuse_others(place, lambda _: set(hashes_beside(path)) == {"xml", "bin"}, "modiste export --to openvino")


SMALLER = "Take --to onnx-fp16, which is half as large as onnx and says the same, or give more photos of train with --data."
OURS = "That is a fault of modiste or of a library under it, not of your run: please report it with these figures."
EXPORTS: dict[str, Kind] = {
    "onnx": Kind("weights and arithmetic in fp32", as_it_is, Limits(apart=1e-4), OURS),
    "onnx-fp16": Kind("weights kept in fp16, arithmetic in fp32", in_halves, Limits(apart=1e-2, same=0.999), "Take --to onnx."),
    "onnx-int8": Kind("weights in int8, activations in uint8", in_eight_bits, Limits(same=0.995, macro_f1=0.003), SMALLER),
    "onnx-int8-vnni": Kind(
        "weights in int8 (all 8 bits: for processors with VNNI, or ARM), activations in uint8",
        partial(in_eight_bits, reduce_range=False),
        Limits(same=0.995, macro_f1=0.003),
        SMALLER,
    ),
    "openvino": Kind(
        "OpenVINO's format, weights kept in fp16",
        as_it_is,
        Limits(apart=1e-2, same=0.999),
        "Take --to onnx.",
        ".xml",
        ask_openvino,
        write_openvino,
        check_openvino,
    ),
}
