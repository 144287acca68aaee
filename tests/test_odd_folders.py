"""Splits too small, folders that something else has touched: refused in words, or put right, never half used."""

from dataclasses import replace
from pathlib import Path

import pytest

from modiste.data.split import limit
from modiste.records.catalogue import Catalogue
from modiste.records.errors import ModisteError
from modiste.records.progress import Progress
from modiste.records.recipe import Network, Pixels, Recipe
from modiste.records.run import Run
from modiste.training.fit import Manner, fit

SMALL = Recipe(network=Network(backbone="resnet18"), pixels=Pixels(side=32), epochs=3, batch=16, precision="fp32")


class Stopped(Exception):
    pass


def stopped_in_the_last_epoch(drawn: Catalogue, runs: Path, recipe: Recipe) -> Path:
    """The folder of a run that was stopped with a checkpoint in its third epoch."""

    def tell(told: Progress) -> None:
        if told.stage == "training" and told.done > 2 * told.total / 3 + 16:
            raise Stopped

    with pytest.raises(Stopped):
        fit(recipe, drawn, runs, Manner(tell=tell, checkpoint_seconds=0))
    (folder,) = (path for path in runs.iterdir() if path.name != "cache")
    return folder


def test_validation_never_takes_a_whole_class_out_of_train(drawn: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(ModisteError, match=r"no photo of .* in split 'train'|so few photos"):
        fit(SMALL.changed({"validation": 0.8}), limit(drawn, 1), tmp_path)


def test_a_limit_leaves_out_splits_without_labels(drawn: Catalogue) -> None:
    bare = [replace(photo, path=f"bare/{photo.path}", label=None, split="extra") for photo in drawn.photos[:3]]
    cut = limit(drawn.with_photos([*drawn.photos, *bare]), 8)
    assert {photo.split for photo in cut.photos} == {"train", "test"}


def test_best_weights_that_are_gone_are_missed_in_words(drawn: Catalogue, tmp_path: Path) -> None:
    recipe = SMALL.changed({"select": "best", "validation": 0.25})
    folder = stopped_in_the_last_epoch(drawn, tmp_path / "runs", recipe)
    (folder / "best.safetensors").unlink()
    with pytest.raises(ModisteError, match="its best weights are gone"):
        fit(recipe, drawn, tmp_path / "runs")


def test_a_damaged_history_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text("epoch,train_loss\n1,x\n")
    with pytest.raises(ModisteError, match=r"history\.csv is damaged"):
        Run(tmp_path).history()


def test_a_run_killed_before_its_last_sweep_is_swept_when_it_is_asked_for(drawn: Catalogue, tmp_path: Path) -> None:
    run = fit(SMALL.changed({"epochs": 1}), drawn, tmp_path)
    (run.folder / "checkpoint.safetensors").write_bytes(b"left")
    assert fit(SMALL.changed({"epochs": 1}), drawn, tmp_path) == run
    assert not (run.folder / "checkpoint.safetensors").exists()
