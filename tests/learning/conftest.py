"""A tiny network that knows three colours, and photos of a shop that calls some of them otherwise."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from modiste.records.labels import Classes
from modiste.records.recipe import Pixels
from modiste.serving.bundle import Bundle, Card, write_bundle

SIDE = 32
OWN = Classes(("Red", "Green", "Blue"))
COLOURS = {"Red": (200, 40, 40), "Green": (40, 200, 40), "Blue": (40, 40, 200), "Orange": (220, 120, 30), "Grey": (120, 120, 120)}
FEATURES = np.concatenate([np.eye(3), [[0.5, 0.5, 0], [0, 0.5, 0.5], [0.5, 0, 0.5]]]).T.astype(np.float32)  # (3, 6) of the mean colour


def graph_of_colours() -> bytes:
    """Pixels -> features, six mixtures of the mean colour; scores, the colour itself; strangeness, its darkness."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "places"], ["means"], keepdims=0),
        helper.make_node("Div", ["means", "top"], ["colour"]),
        helper.make_node("MatMul", ["colour", "mixtures"], ["features"]),
        helper.make_node("MatMul", ["features", "head"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        helper.make_node("ReduceMin", ["features", "channel"], ["strangeness"], keepdims=0),
    ]
    head = np.zeros((6, 3), np.float32)
    head[:3] = 6 * np.eye(3)
    constants = {"places": np.array([1, 2]), "channel": np.array([1]), "top": np.float32(255), "mixtures": FEATURES, "head": head}
    given = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIDE, SIDE, 3])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size]) for name, size in OUTPUTS.items()]
    outputs.append(helper.make_tensor_value_info("strangeness", TensorProto.FLOAT, ["n"]))
    kept = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "colours", [given], outputs, kept)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


OUTPUTS = {"probabilities": 3, "scores": 3, "features": 6}


@pytest.fixture
def base(tmp_path: Path) -> Bundle:
    """A bundle that calls colours."""
    card = Card("colours", OWN, Pixels(side=SIDE, colour="rgb"), reject_above=0.01, facts={"licence": "free"})
    return write_bundle(tmp_path / "colours.onnx", graph_of_colours(), card)


@pytest.fixture
def painted(tmp_path: Path) -> Callable[..., Path]:
    """Paints so many noisy photos of each colour into a folder, and writes a table with the label that each colour is given."""

    def made(labels: dict[str, str], many: int = 20, column: str = "right_label", folder: str = "shop", seed: int = 0) -> Path:
        rng, rows = np.random.default_rng(seed), list[Sequence[str]]()
        to = tmp_path / folder
        (to / "photos").mkdir(parents=True)
        for colour, label in labels.items():
            for number in range(many):
                pixels = np.array(COLOURS[colour]) + rng.normal(0, 25, 3) + rng.normal(0, 8, (SIDE, SIDE, 3))
                name = f"{colour}-{number}.png"
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(to / "photos" / name)
                rows.append((name, label))
        with (to / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("photo", column), *rows])
        return to / "labels.csv"

    return made
