"""README's Python, as a user would type it."""

from pathlib import Path

import numpy as np
import pytest

import modiste
from modiste.records.catalogue import Catalogue


def test_the_python_of_the_readme_runs(drawn: Catalogue, tmp_path: Path) -> None:
    """Train, report, evaluate on other photos; a small ResNet stands in for the README's AlexNet."""
    catalogue = modiste.read(drawn.root)
    recipe = modiste.Recipe(network=modiste.Network(backbone="resnet18"), pixels=modiste.Pixels(side=32), epochs=1)
    run = modiste.train(recipe, catalogue, tmp_path / "runs")
    assert "Macro avg" in modiste.report(run.predictions("test")).markdown()
    stored, again = run.predictions("test"), modiste.evaluate(run, catalogue.split("test"))
    scores = dict(zip(again.photos, again.scores, strict=True))
    assert np.array([scores[photo] for photo in stored.photos]) == pytest.approx(stored.scores, abs=1e-4)
    assert modiste.evaluate(run, catalogue).confusion.sum() == 64
    assert modiste.train(recipe, str(drawn.root), tmp_path / "runs") == run


def test_a_photo_without_a_label_is_not_scored_as_if_it_had_one(drawn: Catalogue, tmp_path: Path) -> None:
    recipe = modiste.Recipe(network=modiste.Network(backbone="resnet18"), pixels=modiste.Pixels(side=32), epochs=1)
    run = modiste.train(recipe, drawn, tmp_path / "runs")
    bare = drawn.with_photos([*drawn.photos[:3], modiste.Photo(drawn.photos[3].path)])
    assert len(modiste.evaluate(run, bare)) == 3
