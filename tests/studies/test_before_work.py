"""Before any work: a plan measures each kind of step once, and what would fail is told before a photo is read."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from modiste.api import prepared, train
from modiste.records.catalogue import Catalogue
from modiste.records.errors import ModisteError
from modiste.records.recipe import Network, Pixels, Recipe
from modiste.studies import finish as finishing
from modiste.studies import plan as planning
from modiste.studies.checks import check_carving
from modiste.studies.definitions import Study
from modiste.studies.files import read_study
from modiste.training import fit as fitting
from modiste.training.fit import Manner

LEAST = "epochs = 1, pixels.side = 64"
SMALL = Recipe(network=Network(backbone="resnet18"), pixels=Pixels(side=32), epochs=2, validation=0.25, precision="fp32")


def test_steps_that_take_as_long_are_measured_once(drawn: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another learning rate, or another way to choose an epoch, makes no step longer; another picture size does."""
    measured = []
    monkeypatch.setattr(planning, "measure", lambda *asked: measured.append(asked) or planning.Pace(0.1, 0.01, 0.0, 0.01))
    alike = [SMALL, replace(SMALL, lr=1e-2, schedule="cosine"), replace(SMALL, select="best", patience=1, label_smoothing=0.1)]
    recipes = {str(number): recipe for number, recipe in enumerate([*alike, replace(SMALL, pixels=Pixels(side=48))])}
    planned = planning.plan(Study("alike", "Which?", recipes), drawn, tmp_path)
    assert len(measured) == 2
    assert "In all: at most" in planned.tables[-1].notes[0]  # patience may end one of them sooner
    assert "In all: about" in planning.plan(Study("plain", "Which?", {"0": SMALL}), drawn, tmp_path).tables[-1].notes[0]


def test_a_plan_says_of_each_variant_how_its_photos_are_drawn(drawn: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "measure", lambda *_: planning.Pace(0.1, 0.01, 0.0, 0.01))
    recipes = {"a": SMALL, "b": replace(SMALL, sampling="shuffled"), "c": replace(SMALL, lr=0.01)}
    _, weighted, shuffled, _ = planning.plan(Study("drawing", "Which?", recipes), drawn, tmp_path).tables
    assert [(table.title, table.notes) for table in (weighted, shuffled)] == [
        ("Sampler: weighted", ("Of a, c.",)),
        ("Sampler: shuffled", ("Of b.",)),
    ]


@pytest.mark.parametrize(
    ("recipe", "log", "words"), [(SMALL, ("tensorbord",), "tensorboard"), (replace(SMALL, optimiser="adm"), (), "'adam'")]
)
def test_a_wrong_name_is_told_before_a_photo_is_read(
    drawn: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: Recipe, log: tuple[str, ...], words: str
) -> None:
    def read(*_: object) -> None:
        raise AssertionError("photos were read")

    for room in (fitting, finishing, planning):
        monkeypatch.setattr(room, "used_contents", read)
    manner, study = Manner(log=log), Study("wrong", "Which?", {"one": recipe})
    for work in (
        lambda: fitting.fit(recipe, drawn, tmp_path, manner),
        lambda: finishing.finish(study, drawn, tmp_path, manner),
        lambda: planning.plan(study, drawn, tmp_path, manner),
    ):
        with pytest.raises(ModisteError, match=words):
            work()


@pytest.mark.parametrize("key", ["validation", "split_seed"])
def test_a_carving_that_was_asked_for_beside_a_validation_split_is_refused_before_work(drawn: Catalogue, tmp_path: Path, key: str) -> None:
    """The split is taken whole, whatever share is asked for; the share of a preset, which nobody gave by name, means any split."""
    own = drawn.with_photos(replace(photo, split="validation") if photo.split == "test" else photo for photo in drawn.photos)
    file = tmp_path / "own.toml"
    file.write_text(
        f'variants = ["AlexNet (baseline)"]\nrecipe = {{ validation = 0.15, split_seed = 0, {LEAST} }}\n'.replace(
            "validation = 0.15, " if key == "split_seed" else "split_seed = 0, ", ""
        )
    )
    asked = prepared("sound", settings={"recipe." + key: 0.15 if key == "validation" else 0})
    runs = tmp_path / "runs"
    for study in (asked, read_study(file)):
        for work in (lambda study=study: finishing.finish(study, own, runs), lambda study=study: planning.plan(study, own, runs)):
            with pytest.raises(ModisteError, match=f"{key}=.* would do nothing, for the catalogue has a validation split of its own"):
                work()
    check_carving(prepared("sound", settings={"epochs": 1}), own)
    check_carving(asked, drawn)
    settings = {key: 0.15 if key == "validation" else 0}
    with pytest.raises(ModisteError, match=f"{key}=.* would do nothing"):
        train("AlexNet (baseline)", own, runs, preset="sound", settings=settings)
    assert not runs.exists()


def test_an_svm_on_a_network_whose_weights_are_gone_is_refused_before_the_others_are_trained(
    drawn: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    svm = replace(SMALL, network=replace(SMALL.network, head="svm"))
    study = Study("lost", "Which?", {"another": replace(SMALL, lr=0.01), "with an SVM": svm})
    below = fitting.fit(SMALL, drawn, tmp_path)
    below.weights.unlink()
    monkeypatch.setattr(finishing, "fit", lambda *_: pytest.fail("a network was trained"))
    words = f"{below.weights} is missing, and with an SVM, seed 0, is fitted on that network"
    for work in (finishing.finish, planning.plan):
        with pytest.raises(ModisteError, match=re.escape(words)):
            work(study, drawn, tmp_path)
    below.folder.rename(tmp_path.parent / "away")
    assert planning.plan(study, drawn, tmp_path).tables[-1].rows[1][2] == "to train"  # as the error says


def test_nothing_is_left_behind_by_weights_that_are_not_at_hand(drawn: Catalogue, tmp_path: Path) -> None:
    gone = replace(SMALL, network=replace(SMALL.network, weights="sha256:" + "0f" * 32))
    with pytest.raises(ModisteError, match="no file 'sha256:0f0f"):
        fitting.fit(gone, drawn, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
