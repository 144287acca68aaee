"""The pilot recommends from validation alone."""

from dataclasses import replace
from pathlib import Path

from modiste.evaluation.pilot import pilot, recommendation
from modiste.models.variants import VARIANTS
from modiste.records.catalogue import Catalogue
from modiste.records.run import Epoch
from modiste.studies.definitions import STUDIES
from modiste.studies.finish import finish


def history(*f1: float) -> list[Epoch]:
    return [Epoch(number, 0.5, 0.8, "validation", 0.6, 0.7, value, 100.0, 1.0) for number, value in enumerate(f1, start=1)]


def test_the_best_choice_and_its_first_best_epoch_are_recommended() -> None:
    histories = {"none": [history(0.5, 0.6)], "flip": [history(0.4, 0.9, 0.9, 0.7)]}
    assert "Recommended: flip, 2 epochs (best macro F1 0.9000)" in recommendation(histories)
    assert "0.3000 less" in recommendation(histories)
    assert pilot(histories).rows[0][:4] == ("flip", 0.9, 2, 0.7)


def test_one_seed_is_called_chance_and_several_are_averaged() -> None:
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
