"""The pilot recommends from validation alone."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from modiste.evaluation.pilot import pilot, recommendation
from modiste.models.variants import VARIANTS
from modiste.records.catalogue import Catalogue
from modiste.records.errors import ModisteError
from modiste.records.recipe import Pixels, Recipe
from modiste.records.run import Epoch
from modiste.studies.definitions import STUDIES, Study
from modiste.studies.finish import finish
from modiste.studies.in_words import other_than_paper


def history(*f1: float) -> list[Epoch]:
    return [Epoch(number, 0.5, 0.8, "validation", 0.6, 0.7, value, 100.0, 1.0) for number, value in enumerate(f1, start=1)]


def test_the_best_choice_and_its_first_best_epoch_are_recommended() -> None:
    histories = {"none": [history(0.5, 0.6)], "flip": [history(0.4, 0.9, 0.9, 0.7)]}
    assert "Recommended: flip, 2 epochs (best macro F1 0.9000)" in recommendation(histories)
    assert "0.3000 less" in recommendation(histories)
    assert pilot(histories).rows[0][:4] == ("flip", 0.9, 2, 0.7)
    assert "  2  " in pilot(histories).text(), "an epoch of one seed is a whole number"


def test_one_seed_is_called_chance_and_several_are_averaged() -> None:
    assert "Recommended: none, 1 epoch (best macro F1 0.5000). One seed" in recommendation({"none": [history(0.5)]})
    assert "cannot tell from chance" in recommendation({"none": [history(0.5)]})
    twice = {"none": [history(0.5, 0.7), history(0.9, 0.1)]}
    assert pilot(twice).rows[0][:3] == ("none", 0.8, 1.5)


def test_the_pilot_runs_and_reports_without_looking_at_test(drawn: Catalogue, tmp_path: Path) -> None:
    study = STUDIES["pilot"]()
    small = replace(next(iter(study.recipes.values())).network, backbone="resnet18")
    assert VARIANTS["AlexNet (baseline)"] == next(iter(study.recipes.values())).network
    recipes = {
        name: replace(recipe, network=small).changed({"pixels.side": 32, "epochs": 2, "validation": 0.25})
        for name, recipe in study.recipes.items()
        if name in ("none", "flip + crop")
    }
    done = finish(replace(study, recipes=recipes), drawn, tmp_path)
    assert {row[0] for row in done.tables[0].rows} == {"none", "flip + crop"}
    assert {epoch.watched for runs in done.runs.values() for epoch in runs[0].history()} == {"validation"}
    assert "Recommended" in done.report.read_text(encoding="utf-8")


def test_a_pilot_without_validation_is_refused_before_it_chooses_by_test(drawn: Catalogue, tmp_path: Path) -> None:
    recipe = Recipe(network=replace(VARIANTS["AlexNet (baseline)"], backbone="resnet18"), pixels=Pixels(side=32), epochs=1)
    with pytest.raises(ModisteError, match=r"'pilot' chooses on validation, and there is none. Set validation=0.15"):
        finish(Study("mine", "Which?", {"none": recipe}, tables=("pilot",)), drawn, tmp_path)
    assert not list(tmp_path.glob("resnet18*"))


def test_a_study_of_svms_alone_has_a_report_without_curves(drawn: Catalogue, tmp_path: Path) -> None:
    network = replace(VARIANTS["AlexNet (baseline)"], backbone="resnet18", head="svm")
    recipe = Recipe(network=network, pixels=Pixels(side=32), epochs=1)
    done = finish(Study("svms", "One SVM?", {"svm": recipe}), drawn, tmp_path)
    assert done.report.is_file()
    trunk = done.runs["svm"][0].about["trunk"]
    shutil.rmtree(tmp_path / trunk)  # the softmax run it stood on may go: the SVM is whole
    assert finish(Study("svms", "One SVM?", {"svm": recipe}), drawn, tmp_path).lacking == 0


def test_the_report_says_where_a_network_is_not_the_papers() -> None:
    changed = STUDIES["paper"]().changed({"network.dropout": 0.2})
    assert other_than_paper(changed) == ["network.dropout 0.2 instead of 0.5"]
    assert other_than_paper(STUDIES["paper"]().starting_from("none")) == []
    from_file = STUDIES["paper"]().starting_from("own.safetensors")
    assert other_than_paper(from_file) == []
    assert other_than_paper(from_file.changed({"network.frozen": False})) == ["network.frozen False instead of True"]


def test_a_report_of_test_photos_has_temperatures_fitted_on_validation(drawn: Catalogue, tmp_path: Path) -> None:
    network = replace(VARIANTS["AlexNet (baseline)"], backbone="resnet18")
    recipe = Recipe(network=network, pixels=Pixels(side=32), epochs=1, validation=0.25)
    done = finish(Study("warm", "How warm?", {"softmax": recipe}, seeds=(0, 1)), drawn, tmp_path)
    calibration = (done.folder / "tables" / "calibration.csv").read_text(encoding="utf-8").splitlines()
    temperatures = {line.split(",")[2] for line in calibration[1:]}
    assert len(temperatures) == 2, "once as it is, once at its temperature"
    assert "1.0" in temperatures
