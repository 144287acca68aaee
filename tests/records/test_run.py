"""A run's folder: history, recipe, names, and when it counts as finished."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modiste.records.disk import write_json
from modiste.records.errors import MachineError, ModisteError, UsageError
from modiste.records.plain import all_keys
from modiste.records.recipe import Network, Recipe
from modiste.records.run import Epoch, Run, run_folder, run_id, slug

floats = st.floats(allow_nan=False)
epochs = st.lists(
    st.builds(Epoch, st.integers(1, 999), floats, floats, st.sampled_from(["test", "validation"]), floats, floats, floats, floats, floats)
)
OTHER = {  # another value for every setting of a recipe
    "network.backbone": "resnet18", "network.convs": 4, "network.widths": "2012", "network.attention": "cbam", "network.ratio": 8,
    "network.kernel": 5, "network.after_convs": (5,), "network.place": "inside", "network.gate_norm": True,
    "network.identity_at_init": True, "network.head": "svm", "network.svm_c": 0.1, "network.dropout": 0.1, "network.weights": "imagenet",
    "network.frozen": True, "pixels.side": 64, "pixels.colour": "rgb", "pixels.fit": "crop", "pixels.normalise": "none",
    "augment": ("flip",), "sampling": "shuffled", "loss": "focal", "optimiser": "sgd", "lr": 0.1, "weight_decay": 0.1, "batch": 8,
    "epochs": 2, "validation": 0.2, "select": "best", "patience": 3, "precision": "fp32", "seed": 1, "split_seed": 1,
    "pixels.strict": False, "schedule": "cosine", "warmup_epochs": 1.5, "accumulate": 2, "label_smoothing": 0.1, "mixup": 0.2,
    "cutmix": 1.0, "ema": 0.99, "first_side": 32,
}  # fmt: skip
CONSTANTS = {"pixels.mean": (0.4,), "pixels.std": (0.2, 0.2, 0.3)}  # which stand in the place of pixels.normalise
ATTENDED = {"network.attention": "cbam"}
WHERE_IT_COUNTS = {
    "network.ratio": ATTENDED,
    "network.kernel": ATTENDED,
    "network.after_convs": ATTENDED,
    "network.gate_norm": ATTENDED,
    "network.identity_at_init": ATTENDED,
    "network.place": {**ATTENDED, "network.backbone": "resnet18"},
    "network.svm_c": {"network.head": "svm"},
}
IN_ALEXNET = {key: OTHER[key] for key in ("network.convs", "network.widths", "network.dropout", "network.after_convs")}


@given(epochs)
def test_history_comes_back_to_the_last_bit(tmp_path_factory, epochs):
    run = Run(tmp_path_factory.mktemp("run"))
    run.write_history(epochs)
    assert run.history() == epochs


def test_a_recipe_with_a_setting_of_a_newer_modiste_is_told_apart_from_a_damaged_one(tmp_path):
    write_json(tmp_path / "recipe.json", {**Recipe().plain(), "attention_heads": 2})
    with pytest.raises(ModisteError, match=r"recipe\.json: .*'attention_heads'.* newer modiste") as told:
        _ = Run(tmp_path).recipe
    assert not isinstance(told.value, UsageError)  # no option of a command was wrong


def test_weights_that_are_not_at_hand_are_named_by_their_content(tmp_path):
    """Enough to find the runs that started from them, wherever the file lies or lay."""
    file = tmp_path / "stand-in.safetensors"
    file.write_bytes(b"weights")
    content = f"sha256:{hashlib.sha256(b'weights').hexdigest()}"
    ids = {run_id(Recipe(network=Network(backbone="resnet18", weights=name)), "data") for name in (str(file), content)}
    assert len(ids) == 1
    with pytest.raises(MachineError, match="no file 'sha256:0f3a'"):
        run_id(Recipe(network=Network(backbone="resnet18", weights="sha256:0f3a")), "data")


def test_a_run_that_has_not_begun_has_no_history(tmp_path):
    assert Run(tmp_path).history() == []
    assert Run(tmp_path).splits == []


def test_a_run_is_finished_by_about_json_alone(tmp_path):
    run = Run(tmp_path)
    run.write_recipe(Recipe())
    run.write_history([])
    assert not run.finished
    (tmp_path / "about.json").write_text("{}")
    assert run.finished


@pytest.mark.parametrize("settings", [OTHER, CONSTANTS])
def test_the_recipe_comes_back(tmp_path, settings):
    recipe = Recipe().changed(settings)
    Run(tmp_path).write_recipe(recipe)
    assert Run(tmp_path).recipe == recipe


@pytest.mark.parametrize("content", [None, "{", "\xff"])
def test_a_folder_that_is_no_run_says_so(tmp_path, content):
    if content is not None:
        (tmp_path / "about.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(ModisteError, match="is not a finished run: about.json is missing" if content is None else "is damaged"):
        _ = Run(tmp_path).about


@pytest.mark.parametrize(
    "asked, words",
    [
        ("alexnet-seed0", "Did you mean .*alexnet-seed0-2e91da838435"),
        ("resnet18-seed0-a7bdeae633d", "Did you mean .*resnet18-seed0-a7bdeae633d3"),
        ("hats", ".*makes a run"),
    ],
)
def test_of_a_run_that_is_not_there_the_one_that_was_meant_is_named(tmp_path, asked, words):
    for name in ("alexnet-seed0-2e91da838435", "resnet18-seed0-a7bdeae633d3"):
        Run(tmp_path / name).write_recipe(Recipe())
    for look in (lambda run: run.recipe, lambda run: run.about):
        with pytest.raises(ModisteError, match=f"{asked}: nothing is there. {words}"):
            look(Run(tmp_path / asked))


def test_a_file_is_no_run(tmp_path):
    (tmp_path / "notes.txt").write_text("hats")
    for look in (lambda run: run.recipe, lambda run: run.about):
        with pytest.raises(ModisteError, match=r"notes\.txt is not (the folder of a run|a finished run)"):
            look(Run(tmp_path / "notes.txt"))


@pytest.mark.parametrize("key", all_keys(Recipe))
def test_the_id_changes_with_every_setting_where_it_counts(key):
    """A setting left out of the id would let two results share one folder. A new setting fails here until it has a value above."""
    recipe = Recipe().changed(WHERE_IT_COUNTS.get(key, {}))
    assert run_id(recipe.changed({key: (OTHER | CONSTANTS)[key]}), "data") != run_id(recipe, "data")


@pytest.mark.parametrize("key", WHERE_IT_COUNTS)
def test_the_id_does_not_change_where_a_setting_does_nothing(key):
    """Equal runs are not trained twice."""
    assert run_id(Recipe().changed({key: OTHER[key]}), "data") == run_id(Recipe(), "data")


@pytest.mark.parametrize("key, idle", [("network.backbone", IN_ALEXNET), ("network.head", {"loss": "focal"})])
def test_settings_of_another_network_do_not_count(key, idle):
    recipe = Recipe().changed({key: {"network.backbone": "resnet18", "network.head": "hinge"}[key]})
    for name, value in idle.items():
        assert run_id(recipe.changed({name: value}), "data") == run_id(recipe, "data"), name


def test_the_id_is_the_same_for_equal_recipes_and_differs_with_the_data():
    assert run_id(Recipe(), "data") == run_id(Recipe.parse(json.loads(json.dumps(Recipe().plain()))), "data")
    assert run_id(Recipe(), "data") != run_id(Recipe(), "other data")


def test_a_file_of_weights_counts_by_its_content_and_not_by_its_path(tmp_path):
    for name, content in (("a.pth", b"1"), ("b.pth", b"1"), ("c.pth", b"2")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (run_id(Recipe(network=Network(weights=str(tmp_path / name))), "data") for name in ("a.pth", "b.pth", "c.pth"))
    assert a == b
    assert a != c
    with pytest.raises(MachineError, match=r"no file '.*d.pth'"):
        run_id(Recipe(network=Network(weights=str(tmp_path / "d.pth"))), "data")


def test_seeds_and_recipes_have_folders_of_their_own():
    recipes = [Recipe(), Recipe(seed=1), Recipe(lr=0.1), Recipe(network=Network(convs=3))]
    assert len({run_folder(Path("runs"), recipe, "data") for recipe in recipes}) == 4
    assert run_folder(Path("runs"), Recipe(seed=7), "data").name.startswith("alexnet-seed7-")


@pytest.mark.parametrize(
    "network, words",
    [
        (Network(), "alexnet"),
        (Network(convs=3, head="svm"), "alexnet-3conv-svm"),
        (Network(attention="cbam", ratio=8, kernel=5), "alexnet-cbam-8-5"),
        (Network(backbone="resnet18", convs=3, frozen=True), "resnet18-frozen"),
        (replace(Network(backbone="resnet18", attention="cbam"), head="hinge"), "resnet18-cbam-16-7-hinge"),
    ],
)
def test_a_folder_is_named_for_people(network, words):
    assert slug(network) == words
