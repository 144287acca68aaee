"""A study that chooses among rates on validation: its table and its claims speak of the chosen ones alone."""

from dataclasses import replace
from pathlib import Path

from modiste.evaluation.claims import Claim
from modiste.models.variants import VARIANTS
from modiste.records.catalogue import Catalogue
from modiste.records.recipe import Pixels, Recipe
from modiste.studies.definitions import STUDIES, Study
from modiste.studies.finish import finish


def test_each_network_is_chosen_on_validation_and_claims_are_about_the_chosen(drawn: Catalogue, tmp_path: Path) -> None:
    bare = replace(VARIANTS["Resnet (baseline)"], weights="none", frozen=False)
    networks = {"bare": bare, "cbam": replace(bare, attention="cbam")}
    recipe = Recipe(pixels=Pixels(side=32), epochs=1, validation=0.25)
    recipes = {f"{name}, lr {lr:g}": replace(recipe, network=one, lr=lr) for name, one in networks.items() for lr in (1e-6, 1e-3)}
    choices = {name: tuple(one for one in recipes if one.startswith(name)) for name in networks}
    claim = Claim("CBAM is better", of="cbam", over="bare")
    done = finish(Study("rates", "Which?", recipes, tables=("fair-lr",), claims=(claim,), choices=choices), drawn, tmp_path)
    fair, claims = done.tables
    assert [row[0] for row in fair.rows] == ["bare", "cbam"]
    assert {row[1] for row in fair.rows} <= {"lr 1e-06", "lr 0.001"}
    assert claims.rows[0][0] == "CBAM is better"
    assert claims.rows[0][-2] == 1, "one seed of each was compared"
    assert (done.folder / "tables" / "fair-lr.html").is_file()


def test_fair_lr_tries_every_rate_for_every_network_and_judges_none_on_test() -> None:
    study = STUDIES["fair-lr"]()
    assert len(study.recipes) == 4 * len(VARIANTS)
    assert {recipe.validation for recipe in study.recipes.values()} == {0.15}
    assert all(study.recipes[one].network == VARIANTS[name] for name, some in study.choices.items() for one in some)
