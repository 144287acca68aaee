"""A network whose features are a photo in 8 x 8 squares, and photos to look for."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from modiste.records.labels import Classes
from modiste.records.recipe import Pixels
from modiste.searching.index import index
from modiste.serving.bundle import Card, write_bundle
from modiste.serving.labeller import load

WIDTH = 192


def squares_bundle(path: Path, seed: int = 0, name: str = "squares") -> Path:
    """Features: the mean colours of 8 x 8 squares (192,), less 128; scores: a random product with them."""
    weights = np.random.default_rng(seed).normal(0, 0.01, (WIDTH, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["pixels"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["real"], ["channels"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["channels"], ["pooled"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Sub", ["flat", "middle"], ["features"]),
        helper.make_node("MatMul", ["features", "weights"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    given = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", 64, 64, 3])
    shapes = {"probabilities": ["N", 3], "scores": ["N", 3], "features": ["N", WIDTH]}
    gives = [helper.make_tensor_value_info(what, TensorProto.FLOAT, shape) for what, shape in shapes.items()]
    held = [
        helper.make_tensor("middle", TensorProto.FLOAT, [1], [128.0]),
        helper.make_tensor("weights", TensorProto.FLOAT, [WIDTH, 3], weights.ravel()),
    ]
    graph = helper.make_graph(nodes, name, [given], gives, held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    write_bundle(path, model.SerializeToString(), Card(name, Classes(("Shoes", "Bags", "Hats")), Pixels(side=64, colour="rgb")))
    return path


def painted(seed: int) -> Image.Image:
    """A photo of 4 x 4 random colours."""
    colours = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(colours.repeat(20, 0).repeat(20, 1))


def jpeg(picture: Image.Image, quality: int = 90) -> bytes:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality)
    return data.getvalue()


@pytest.fixture(scope="session")
def bundle(tmp_path_factory) -> Path:
    return squares_bundle(tmp_path_factory.mktemp("bundle") / "squares.onnx")


@pytest.fixture(scope="session")
def squares(bundle):
    return load(bundle, threads=1)


@pytest.fixture
def photos(tmp_path) -> Path:
    """24 photos in two folders, two of them damaged."""
    folder = tmp_path / "photos"
    for number in range(24):
        path = folder / ("a", "b")[number % 2] / f"{number:02}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(painted(number)))
    (folder / "a" / "04.jpg").write_bytes(b"")
    (folder / "b" / "05.jpg").write_bytes(jpeg(painted(5))[:300])
    return folder


@pytest.fixture
def indexed(photos, squares, tmp_path):
    """The index of the photos, made or brought up to date."""

    def made(to: str = "photos.index", where: Path = photos, model=squares, **options):
        return index(where, tmp_path / to, model=model, **options)

    return made


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
