"""Recipes: presets, and every setting that is refused."""

import json
from dataclasses import replace
from math import inf, nan

import pytest

from modiste.records.errors import ModisteError
from modiste.records.plain import all_keys
from modiste.records.recipe import COLOURS, PRESETS, Network, Pixels, Recipe


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_comes_back_from_its_json(preset):
    recipe = PRESETS[preset]()
    assert Recipe.parse(json.loads(json.dumps(recipe.plain()))) == recipe


def test_the_paper_s_recipe_is_the_one_it_prints():
    """Sections 3.1.1, 4.1.3 and 4.4: 224 px, grey, Adam at 1e-4, batch 32, 19 epochs, weighted sampling, nothing chosen on test."""
    recipe = PRESETS["paper"]()
    assert (recipe.pixels.side, recipe.pixels.colour) == (224, "grey3")
    assert (recipe.optimiser, recipe.lr, recipe.batch, recipe.epochs) == ("adam", 1e-4, 32, 19)
    assert (recipe.sampling, recipe.augment, recipe.validation, recipe.select, recipe.patience) == ("weighted", (), 0.0, "last", None)


def test_the_sound_recipe_chooses_by_a_validation_split_and_changes_nothing_else():
    sound = PRESETS["sound"]()
    assert sound.validation > 0
    assert sound.select == "best"
    assert sound.patience
    assert replace(sound, validation=0.0, select="last", patience=None, epochs=19) == PRESETS["paper"]()


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"network.convs": 2}, "3, 4, 5 or 6 convolutions"),
        ({"network.convs": 7}, "network.convs = 7"),
        ({"network.kernel": 6}, "must be odd"),
        ({"network.kernel": -1}, "must be odd"),
        ({"network.ratio": 0}, "network.ratio = 0"),
        ({"network.dropout": 1.0}, "must be in"),
        ({"network.dropout": -0.1}, "must be in"),
        ({"network.dropout": nan}, "is not a number|must be in"),
        ({"network.svm_c": 0}, "must be above 0"),
        ({"network.svm_c": inf}, "must be above 0"),
        ({"network.place": "behind"}, "no network.place called 'behind'"),
        ({"pixels.side": 31}, "must be 32 to 1024"),
        ({"pixels.side": 1025}, "must be 32 to 1024"),
        ({"pixels.colour": "gray3"}, "Did you mean 'grey3'"),
        ({"pixels.fit": "stretch"}, "no pixels.fit called"),
        ({"pixels.normalise": "imagnet"}, "Did you mean 'imagenet'"),
        ({"pixels.mean": "123.7"}, "divide it by 255"),
        ({"pixels.std": "0"}, "of pixels from 0 to 1"),
        ({"pixels.mean": [nan]}, "is not a number"),
        ({"pixels.mean": "0.5,0.5"}, "one for each of 3 channels .pixels.colour=grey3"),
        ({"pixels.std": "0.5", "pixels.normalise": "half"}, "stands instead of pixels.normalise=half"),
        ({"sampling": "weihgted"}, "Did you mean 'weighted'"),
        ({"select": "first"}, "There are: best, last"),
        ({"precision": "fp16"}, "no precision called 'fp16'"),
        ({"lr": 0.0}, "lr = 0.0: must be above 0"),
        ({"lr": inf}, "lr = inf"),
        ({"lr": "nan"}, "lr = nan"),
        ({"weight_decay": -1e-4}, "weight_decay"),
        ({"weight_decay": inf}, "weight_decay"),
        ({"batch": 0}, "batch = 0"),
        ({"epochs": 0}, "epochs = 0"),
        ({"validation": 0.9}, "a share of train"),
        ({"validation": -0.1}, "a share of train"),
        ({"patience": 0}, "patience = 0"),
        ({"seed": -1}, "seed and split_seed"),
        ({"split_seed": -1}, "seed and split_seed"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_in_words(settings, words):
    with pytest.raises(ModisteError, match=words):
        Recipe().changed(settings)


def test_a_key_may_begin_with_recipe():
    assert Recipe().changed({"recipe.lr": 0.1, "recipe.network.convs": 3}) == Recipe(lr=0.1, network=Network(convs=3))


def test_changing_one_setting_leaves_the_others():
    recipe = Recipe(pixels=Pixels(side=64, colour="rgb"), epochs=3)
    assert recipe.changed({"pixels.side": 96}) == replace(recipe, pixels=Pixels(side=96, colour="rgb"))


@pytest.mark.parametrize("order", [1, -1])
def test_a_table_of_settings_changes_what_stands_in_it_and_leaves_the_others(order):
    recipe = Recipe(network=Network(backbone="resnet18", attention="cbam", weights="imagenet", frozen=True))
    nested = {"network": {"ratio": 8}, "pixels.colour": "rgb", "recipe": {"pixels": {"side": 112}}}
    assert recipe.changed(dict([*nested.items()][::order])) == replace(
        recipe, network=replace(recipe.network, ratio=8), pixels=Pixels(side=112, colour="rgb")
    )


def test_a_wrong_setting_in_a_table_is_told_its_whole_name():
    with pytest.raises(ModisteError, match=r"no setting called 'network\.ration'.*Did you mean 'network\.ratio'"):
        Recipe().changed({"network": {"ration": 8}})
    with pytest.raises(ModisteError, match="'lr' has no settings of its own"):
        Recipe().changed({"lr": {"start": 0.1}})


def test_every_setting_of_a_recipe_stands_in_its_json():
    plain = Recipe().plain()
    for key in all_keys(Recipe):
        here, _, inner = key.partition(".")
        assert inner in plain[here] if inner else here in plain


@pytest.mark.parametrize("colour", COLOURS)
def test_channels_follow_the_colour(colour):
    assert Pixels(colour=colour).channels == (1 if colour == "grey1" else 3)


def test_settings_that_are_right_together_are_taken_in_any_order():
    for settings in ({"first_side": 256, "pixels.side": 320}, {"pixels.side": 320, "first_side": 256}):
        assert Recipe().changed(settings).first_side == 256
    assert Recipe().changed({"warmup_epochs": 20, "epochs": 30}).warmup_epochs == 20
    with pytest.raises(ModisteError, match=r"first_side = 256: must be 32 to pixels\.side"):
        Recipe().changed({"first_side": 256, "lr": 0.1})
