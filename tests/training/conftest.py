"""A short recipe, an AlexNet narrow enough to be trained in a test, and what of a run must be equal in two of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modiste.records.recipe import Network, Pixels, Recipe
from modiste.records.run import Run

sys.path.insert(0, str(Path(__file__).parent))  # what the processes of some tests run is imported by name


@pytest.fixture(scope="module", autouse=True)
def narrowed(narrow):
    """Every network here is narrow."""


@pytest.fixture(scope="session")
def short() -> Recipe:
    """Two epochs of six steps on 48 photos of 64 px."""
    return Recipe(pixels=Pixels(side=64), batch=8, epochs=2, lr=1e-3, precision="fp32")


@pytest.fixture(scope="session")
def short_resnet(short: Recipe) -> Recipe:
    return replace(short, network=Network(backbone="resnet18"))


@pytest.fixture(scope="session")
def outcome() -> Callable[[Run], dict[str, Any]]:
    """All of a run that chance and time must not touch: weights and predictions byte for byte, history without its clock."""

    def of(run: Run) -> dict[str, Any]:
        files: dict[str, Any] = {path.name: path.read_bytes() for path in (run.folder / "predictions").iterdir()}
        files |= {name: (run.folder / name).read_bytes() for name in ("weights.safetensors", "model.json", "recipe.json")}
        files["history"] = [replace(epoch, seconds=0.0, photos_per_second=0.0) for epoch in run.history()]
        files["about"] = {**run.read_sealed("about.json"), "finished_at": "", "seconds": 0, "training_seconds": 0, "features_seconds": 0}
        files["about"]["files"] = {name: sha for name, sha in files["about"]["files"].items() if name != "history.csv"}  # has a clock
        files["left"] = sorted(path.name for path in run.folder.iterdir())
        return files

    return of


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"
