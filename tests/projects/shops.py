"""Shops for tests: photos of colours that all differ, networks that know colours, and open projects of both."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from modiste.annotating.decisions import Decision
from modiste.projects.guesses import Guesses
from modiste.projects.project import opened, project_at
from modiste.projects.studio import Studio, studio
from modiste.records.labels import Classes
from modiste.records.progress import silent
from modiste.records.recipe import Pixels
from modiste.serving.bundle import Card, Evidence, write_bundle
from modiste.serving.labeller import Labeller, load

SIDE = 32
COLOURS = {"Red": (200, 40, 40), "Green": (40, 200, 40), "Blue": (40, 40, 200)}
OWN = Classes(tuple(COLOURS))
MIXTURES = np.concatenate([np.eye(3), [[0.5, 0.5, 0], [0, 0.5, 0.5], [0.5, 0, 0.5]]]).T.astype(np.float32)  # (3, 6) of the mean colour
OUTPUTS = {"probabilities": 3, "scores": 3, "features": 6}


def graph(heads: tuple[int, int, int] = (0, 1, 2), sharp: float = 6.0) -> bytes:
    """Pixels -> features, six mixtures of the mean colour; scores, the colour under another order; strangeness, the least of green."""
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
    head[:3] = sharp * np.eye(3)[:, list(heads)]
    constants = {"places": np.array([1, 2]), "channel": np.array([1]), "top": np.float32(255), "mixtures": MIXTURES, "head": head}
    given = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIDE, SIDE, 3])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size]) for name, size in OUTPUTS.items()]
    outputs.append(helper.make_tensor_value_info("strangeness", TensorProto.FLOAT, ["n"]))
    kept = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    made = helper.make_graph(nodes, "colours", [given], outputs, kept)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def network(to: Path, heads: tuple[int, int, int] = (0, 1, 2), sharp: float = 6.0, reject_above: float | None = 0.9) -> Path:
    """A bundle that calls colours; with other `heads`, wrongly."""
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.3, 1, 3000)
    said = Evidence(
        tuple(rng.integers(0, 3, 3000).tolist()), tuple((sure > 0.5).tolist()), tuple(sure.tolist()), tuple(rng.random(3000).tolist())
    )
    write_bundle(to, graph(heads, sharp), Card("colours", OWN, Pixels(side=SIDE, colour="rgb"), 1.0, said, reject_above))
    return to


def picture(colour: str, seed: int, spread: float = 25) -> Image.Image:
    rng = np.random.default_rng(seed)
    pixels = np.array(COLOURS[colour]) + rng.normal(0, spread, 3) + rng.normal(0, 8, (SIDE, SIDE, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def png(colour: str, seed: int, spread: float = 25) -> bytes:
    data = io.BytesIO()
    picture(colour, seed, spread).save(data, "PNG")
    return data.getvalue()


def fill(folder: Path, names: Iterable[str | bytes], seed: int = 0, spread: float = 25) -> Path:
    """Photos of these names, of each colour in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        path = os.path.join(os.fsencode(folder), os.fsencode(name))  # noqa: PTH118  (of bytes)
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(png(list(COLOURS)[number % 3], seed + number, spread))
    return folder


def shop(folder: Path, many: int = 12, seed: int = 0, spread: float = 25) -> Path:
    """A folder of so many photos: 000-Red.png, 001-Green.png ..."""
    return fill(folder, (f"{number:03d}-{list(COLOURS)[number % 3]}.png" for number in range(many)), seed, spread)


class Counted:
    """A network that counts what it is asked."""

    def __init__(self, path: Path) -> None:
        self.asked, found = list[int](), load(path, threads=1)  # a list is added to by threads as one
        self.labeller: Labeller = replace(found, ask=self.ask)
        self.found = found

    def ask(self, pixels: Any) -> Any:
        if pixels.any():  # a black picture is asked for how many numbers its features have
            self.asked.append(len(pixels))
        return self.found.ask(pixels)

    @property
    def photos(self) -> int:
        return sum(self.asked)


def never() -> None:
    """Nobody asks to stop."""


@contextmanager
def open_studio(place: Path, *, look: bool = True, **about: Any) -> Iterator[Studio]:
    """The project of some photos, looked at to the end, with nothing else at work."""
    with opened(project_at(place, **about)) as project, studio(project, print) as (made, jobs):
        jobs.close()
        if look:
            made.look(silent, never)
        yield made


def say(made: Studio, photo: str, label: str | None, who: str = "ada", kind: str | None = None, **rest: Any) -> None:
    """Somebody says something of a photo."""
    number = len(made.ledger.log)
    made.take([Decision(f"d{number}", photo, kind or ("label" if label else "unsure"), label, who, rest.pop("how", "single"), **rest)])


def paths(found: Guesses) -> list[str]:
    return [one.path for one in found.looked.photos]


def truth(path: str) -> str:
    """The class in a photo's name."""
    return path.rpartition("-")[2].removesuffix(".png")


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}
