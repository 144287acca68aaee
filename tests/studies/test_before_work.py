"""Before any work: a plan measures each kind of step once, and what would fail is told before a photo is read."""

from dataclasses import replace
from pathlib import Path

import pytest

from modiste.records.catalogue import Catalogue
from modiste.records.errors import ModisteError
from modiste.records.recipe import Network, Pixels, Recipe
from modiste.studies import finish as finishing
from modiste.studies import plan as planning
from modiste.studies.definitions import Study
from modiste.training import fit as fitting
from modiste.training.fit import Manner

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
