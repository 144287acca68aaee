"""Studies that are built in, and studies from files."""

from pathlib import Path

import pytest

from modiste.models.variants import VARIANTS
from modiste.records.errors import ModisteError
from modiste.records.recipe import Recipe
from modiste.records.run import run_id
from modiste.studies.definitions import STUDIES, Study
from modiste.studies.files import find, read_study
from modiste.training.fit import check_before_work


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_can_be_built_and_its_runs_differ(name: str) -> None:
    study = STUDIES[name]().starting_from("none")
    assert study.name == name
    for recipe in study.recipes.values():
        check_before_work(recipe)
    ids = [run_id(recipe, "data") for _, recipe in study.planned()]
    assert len(set(ids)) == len(ids)


def test_the_paper_study_is_the_papers_protocol() -> None:
    """Adam at 1e-4, batch 32, 19 epochs, 224 px, grey, weighted sampling, last weights (sections 4.1.3 and 4.4)."""
    for recipe in STUDIES["paper"]().recipes.values():
        said = recipe.optimiser, recipe.lr, recipe.batch, recipe.epochs, recipe.sampling, recipe.select, recipe.augment
        assert said == ("adam", 1e-4, 32, 19, "weighted", "last", ())
        assert (recipe.pixels.side, recipe.pixels.colour) == (224, "grey3")


def test_without_weights_the_pretrained_variants_learn_whole_and_the_study_says_so() -> None:
    study = STUDIES["paper"]().starting_from("none")
    assert not any(recipe.network.frozen for recipe in study.recipes.values())
    assert "Resnet (baseline), Resnet-CBAM started from no weights" in study.notes[0]


def test_with_a_file_only_the_pretrained_variants_start_from_it() -> None:
    study = STUDIES["paper"]().starting_from("own.safetensors")
    assert {name for name, recipe in study.recipes.items() if recipe.network.weights == "own.safetensors"} == {
        "Resnet (baseline)",
        "Resnet-CBAM",
    }
    assert study.recipes["Resnet-CBAM"].network.frozen


TOML = """
question = "Does the ratio matter?"
preset = "sound"
seeds = [0, 5]
recipe = { epochs = 3, pixels.side = 96 }
variants = [
  "AlexNet (baseline)",
  { name = "ratio 4", like = "Alex-CBAM(16&7)", set = { network.ratio = 4 } },
]
"""
YAML = """
question: Does the ratio matter?
preset: sound
seeds: [0, 5]
recipe: {epochs: 3, pixels: {side: 96}}
variants:
  - AlexNet (baseline)
  - {name: ratio 4, like: Alex-CBAM(16&7), set: {network.ratio: 4}}
"""


def written(tmp_path: Path, text: str, name: str = "study.toml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_toml_and_yaml_say_the_same(tmp_path: Path) -> None:
    one, other = read_study(written(tmp_path, TOML)), read_study(written(tmp_path, YAML, "study.yaml"))
    assert one == other
    assert one.seeds == (0, 5)
    assert one.recipes["ratio 4"].network == VARIANTS["Alex-CBAM(16&7)"].__class__(attention="cbam", ratio=4)
    assert {(recipe.epochs, recipe.pixels.side, recipe.select) for recipe in one.recipes.values()} == {(3, 96, "best")}
    assert find(str(tmp_path / "study.toml")) == one


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("question", "qestion", "Did you mean 'question'?"),
        ("recipe = ", "recipee = ", "Did you mean 'recipe'?"),
        ("seeds =", "name = '../up'\nseeds =", "becomes a folder"),
        ("seeds =", "name = 'paper'\nseeds =", "modiste's own"),
        ("seeds =", "tables = '7'\nseeds =", "is not a list"),
        ("epochs = 3", "seed = 3", "seeds = [0, 5]"),
        ("set = { network.ratio = 4 }", "set = 'epochs'", "is not a table"),
        ('"sound"', '"sond"', "Did you mean 'sound'?"),
        ("epochs = 3", "epoch = 3", "Did you mean 'epochs'?"),
        ("epochs = 3", 'epochs = "three"', "'three' is not a whole number"),
        ("epochs = 3", "epochs = 0", "must be 1 or more"),
        ("side = 96", "size = 96", "Did you mean 'pixels.side'?"),
        ("AlexNet (baseline)", "AlexNet (base)", "Did you mean 'AlexNet (baseline)'?"),
        ("like = ", "as = ", "no key called 'as'"),
        ("network.ratio", "network.rato", "Did you mean 'network.ratio'?"),
        ("[0, 5]", "[0, 0]", "seeds must be different"),
        ("seeds = [0, 5]", "seeds = [0, 5", "not TOML"),
        ("variants = [", "variants = []\nothers = [", "'variants' must list"),
        ('name = "ratio 4"', 'name = "AlexNet (baseline)"', "two variants are called"),
    ],
)
def test_a_mistake_in_a_study_file_is_named_with_the_near_name(tmp_path: Path, before: str, after: str, words: str) -> None:
    assert before in TOML
    with pytest.raises(ModisteError, match=r"study|recipe") as error:
        read_study(written(tmp_path, TOML.replace(before, after, 1)))
    assert words in str(error.value)


def test_an_unknown_study_offers_the_near_one() -> None:
    with pytest.raises(ModisteError, match="Did you mean 'pilot'"):
        find("pilt")


def test_settings_reach_every_recipe_and_bad_ones_are_refused() -> None:
    study = STUDIES["paper"]().changed({"recipe.lr": "0.01"})
    assert {recipe.lr for recipe in study.recipes.values()} == {0.01}
    with pytest.raises(ModisteError, match="Did you mean 'lr'"):
        study.changed({"lrr": 1})


def test_a_study_needs_variants_and_seeds() -> None:
    with pytest.raises(ModisteError, match="no variants"):
        Study("empty", "", {})
    with pytest.raises(ModisteError, match="seeds"):
        Study("seedless", "", {"a": Recipe()}, seeds=())
