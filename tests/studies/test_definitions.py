"""Studies that are built in, and studies from files."""

from pathlib import Path
from typing import Any

import pytest

from modiste.api import prepared
from modiste.evaluation.claims import Claim
from modiste.models.variants import VARIANTS
from modiste.records.errors import ModisteError, UsageError
from modiste.records.recipe import Network, Recipe
from modiste.records.run import run_id
from modiste.studies.definitions import STUDIES, Study
from modiste.studies.files import find, read_study
from modiste.training.fit import check_before_work


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_can_be_built_and_its_runs_differ(name: str) -> None:
    study = STUDIES[name]()
    assert study.name == name
    for recipe in study.recipes.values():
        check_before_work(recipe)
    ids = [run_id(recipe, "data") for _, recipe in study.planned()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", STUDIES)
def test_every_claim_of_a_study_names_what_the_study_has(name: str) -> None:
    study = STUDIES[name]()
    known = study.choices or study.recipes
    assert [claim for claim in study.claims if set(claim.names) - set(known)] == []
    assert {one for some in study.choices.values() for one in some} == (set(study.recipes) if study.choices else set())
    same = study.changed({"epochs": 2}).starting_from(None)
    assert (same.claims, same.choices) == (study.claims, study.choices)


def test_a_study_of_freezing_cannot_do_without_weights() -> None:
    with pytest.raises(ModisteError, match="frozen and unfrozen would be one network under two names"):
        STUDIES["attention-vs-unfreezing"]().starting_from("none")
    from_file = STUDIES["attention-vs-unfreezing"]().starting_from("own.safetensors")
    assert {recipe.network.weights for recipe in from_file.recipes.values()} == {"own.safetensors"}
    frozen = {name: recipe.network.frozen for name, recipe in from_file.recipes.items()}
    assert frozen == {name: not name.startswith("unfrozen") for name in frozen}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("sensitivity", {"pixels.colour": "rgb"}),
        ("fair-lr", {"lr": 0.001}),
        ("pilot", {"recipe.augment": "flip"}),
        ("attention-vs-unfreezing", {"network.frozen": "false"}),
        ("paper", {"network.head": "softmax"}),
    ],
)
def test_a_setting_that_makes_two_variants_one_network_is_refused(name: str, settings: dict[str, Any]) -> None:
    """The report would judge a network beside itself: a gain is then excluded as surely as anything can be."""
    with pytest.raises(UsageError, match="would be one network under two names"):
        STUDIES[name]().changed(settings)


def test_variants_that_differ_in_what_no_network_reads_become_one_too() -> None:
    cbam = Recipe(network=Network(attention="cbam", kernel=3))
    study = Study("own", "Which?", {"plain": Recipe(), "cbam": cbam})
    with pytest.raises(UsageError, match="plain and cbam would be one network under two names"):
        study.changed({"network.attention": "none"})


@pytest.mark.parametrize(
    "settings",
    [
        {"network.kernel": "3"},
        {"recipe.network.svm_c": 1.0},
        {"split_seed": 7},
        {"network.widths": "2012", "network.backbone": "resnet18"},
    ],
)
def test_a_setting_that_no_variant_reads_is_refused(settings: dict[str, Any]) -> None:
    """And it is taken where one of them reads it, or where what it belongs to is given with it."""
    with pytest.raises(UsageError, match=r"would change nothing: plain does not read it"):
        Study("own", "Which?", {"plain": Recipe()}).changed(settings)
    with pytest.raises(UsageError, match="would change nothing"):
        prepared(Study("own", "Which?", {"a": Recipe(), "b": Recipe(lr=0.01)}), settings=settings)
    read = {"network.attention": "cbam", "network.kernel": 3, "validation": 0.2, "split_seed": 7}
    assert Study("own", "Which?", {"plain": Recipe()}).changed(read).recipes["plain"].network.kernel == 3
    assert STUDIES["sensitivity"]().changed({"network.svm_c": 2.0}).given == {"network.svm_c"}


def test_where_networks_start_is_given_once_and_from_imagenet_means_that() -> None:
    frozen = Recipe(network=Network(backbone="resnet18", weights="own.safetensors", frozen=True))
    own = Study("own", "Which?", {"from a file": frozen})
    assert own.starting_from("imagenet").recipes["from a file"].network.weights == "imagenet"
    assert not own.starting_from("imagenet").notes
    with pytest.raises(UsageError, match="one setting"):
        prepared("paper", weights="own.safetensors", settings={"network.weights": "another.safetensors"})


@pytest.mark.parametrize(("side", "larger"), [(None, 244), (112, 122), ("64", 70)])
def test_another_picture_size_keeps_the_larger_pictures_larger(side: int | str | None, larger: int) -> None:
    study = STUDIES["sensitivity"]().changed({} if side is None else {"recipe.pixels.side": side})
    sides = {name: recipe.pixels.side for name, recipe in study.recipes.items()}
    assert sides.pop("larger pictures (244 for 224)") == larger
    assert set(sides.values()) == {int(side or 224)}


def test_the_sensitivity_study_changes_one_setting_at_a_time() -> None:
    recipes = STUDIES["sensitivity"]().recipes
    usual = flat(Recipe().plain())
    for name, recipe in recipes.items():
        changed = [key for key, value in flat(recipe.plain()).items() if value != usual[key]]
        assert len(changed) == (name != "AlexNet (baseline)")


def flat(plain: dict[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in plain.items():
        found |= flat(value, f"{before}{key}.") if isinstance(value, dict) else {before + key: value}
    return found


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


def test_a_file_that_is_not_at_hand_is_spoken_of_by_the_first_digits_of_its_sha_256() -> None:
    note = STUDIES["paper"]().starting_from(f"sha256:0123456789ab{52 * 'f'}").notes[0]
    assert note == "Resnet (baseline), Resnet-CBAM started from the weights in a file of SHA-256 0123456789ab…, not from ImageNet's."


def test_with_a_file_only_the_pretrained_variants_start_from_it() -> None:
    study = STUDIES["paper"]().starting_from("own.safetensors")
    assert {name for name, recipe in study.recipes.items() if recipe.network.weights == "own.safetensors"} == {
        "Resnet (baseline)",
        "Resnet-CBAM",
    }
    assert study.recipes["Resnet-CBAM"].network.frozen


CLAIMS = """
[[claims]]
text = "A smaller ratio is better"
of = "ratio 4"
over = "AlexNet (baseline)"
least = 0.01
[[claims]]
text = "Pair by pair"
measure = "recall of Bags"
pairs = [["ratio 4", "AlexNet (baseline)"]]
"""


def test_claims_of_a_file_are_those_it_states(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, TOML + CLAIMS))
    yaml = """
claims:
  - {text: A smaller ratio is better, of: ratio 4, over: AlexNet (baseline), least: 0.01}
  - {text: Pair by pair, measure: recall of Bags, pairs: [[ratio 4, AlexNet (baseline)]]}
"""
    assert study.claims == read_study(written(tmp_path, YAML + yaml, "study.yaml")).claims
    assert study.claims == (
        Claim("A smaller ratio is better", of="ratio 4", over="AlexNet (baseline)", least=0.01),
        Claim("Pair by pair", "recall of Bags", pairs=(("ratio 4", "AlexNet (baseline)"),)),
    )


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('of = "ratio 4"', 'of = "ratio 5"', "Did you mean 'ratio 4'?"),
        ('over = "AlexNet (baseline)"', 'over = "AlexNet"', "Did you mean 'AlexNet (baseline)'?"),
        ("least =", "leest =", "Did you mean 'least'?"),
        ("least = 0.01", "least = 'x'", "study.toml, claim 1: least = 'x' is not a number"),
        ('over = "AlexNet (baseline)"', 'among = ["ratio 4"]', "among names no other variant"),
        ("least = 0.01", "least = 2", "claim 1: claim 'A smaller ratio is better': least is a share"),
        ("pairs =", "trend = ['ratio 4']\npairs =", "one of the three"),
        ('text = "Pair by pair"', "", "claim 2: no text is given"),
        ("[[claims]]", "[claims]", "not TOML"),
    ],
)
def test_a_mistake_in_a_claim_is_named_with_the_near_name(tmp_path: Path, before: str, after: str, words: str) -> None:
    assert before in CLAIMS
    with pytest.raises(ModisteError, match=r"claim|TOML") as error:
        read_study(written(tmp_path, TOML + CLAIMS.replace(before, after, 1)))
    assert words in str(error.value)


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
        ("seeds =", f"name = '{'long' * 51}'\nseeds =", "at most 200 printable letters"),
        ("seeds =", 'name = "two\\nlines"\nseeds =', "at most 200 printable letters"),
        ("seeds =", "tables = '7'\nseeds =", "is not a list"),
        ("seeds =", "tables = ['summry']\nseeds =", "Did you mean 'summary'?"),
        ("seeds =", "name = 3\nseeds =", "study.toml: name = 3 is not a text"),
        ("seeds =", "tables = ['fair-lr']\nseeds =", "chooses nothing"),
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
        ("network.ratio = 4", "lr = -1", "study.toml, variant 'ratio 4': recipe: lr = -1.0"),
        ('name = "ratio 4"', "name = 4", "name = 4 is not a text. Put it in quotes"),
        ("[0, 5]", "[-1]", "a seed of -1 is none"),
        ("[0, 5]", "[0, 0]", "seeds must be different"),
        ("seeds = [0, 5]", "seeds = [0, 5", "not TOML"),
        ("variants = [", "variants = []\nothers = [", "'variants' must list"),
        ('name = "ratio 4"', 'name = "AlexNet (baseline)"', "two variants are called"),
        (
            'like = "Alex-CBAM(16&7)", set = { network.ratio = 4 }',
            "set = { network.ratio = 4 }",
            "'AlexNet (baseline)' and 'ratio 4' are one network: what they differ in, network.ratio, is read by neither",
        ),
    ],
)
def test_a_mistake_in_a_study_file_is_named_with_the_near_name(tmp_path: Path, before: str, after: str, words: str) -> None:
    assert before in TOML
    path = written(tmp_path, TOML.replace(before, after, 1))
    with pytest.raises(ModisteError) as error:
        read_study(path)
    assert words in str(error.value)
    assert str(error.value).startswith(str(path))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("recipe: {lr: 0.1}\n", "'recipe' stands twice in one table"),
        ("claims:\n  - {text: better, of: ratio 4, text: worse}\n", "'text' stands twice in one table"),
        ("name: &name [*name]\n", "name = .* is not a text"),
        ("claims: [{text: &text {deeper: *text}}]\n", "is not a text|an alias"),
    ],
)
def test_what_yaml_alone_can_say_is_refused_in_words(tmp_path: Path, more: str, words: str) -> None:
    """A key given twice: the first would be overwritten in silence. An alias of itself has no end."""
    with pytest.raises(ModisteError, match=words):
        read_study(written(tmp_path, YAML + more, "study.yaml"))


def test_an_alias_within_itself_is_refused_and_others_are_read(tmp_path: Path) -> None:
    shared = YAML.replace("recipe: {", "recipe: &all {").replace("{network.ratio: 4}", "{<<: *all, network.ratio: 4}")
    assert read_study(written(tmp_path, shared, "study.yaml")).recipes == read_study(written(tmp_path, YAML, "own.yaml")).recipes
    with pytest.raises(ModisteError, match="an alias"):
        read_study(written(tmp_path, YAML.replace("recipe: {", "recipe: &all {network: *all, "), "study.yaml"))


@pytest.mark.parametrize(("text", "name"), [(TOML, "study.toml"), (YAML, "study.yaml")])
def test_a_mark_of_byte_order_is_read_over(tmp_path: Path, text: str, name: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8-sig")
    assert read_study(file).seeds == (0, 5)


def test_a_date_that_is_none_in_yaml_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ModisteError, match="not YAML"):
        read_study(written(tmp_path, "question: 2026-13-01\n" + YAML, "study.yaml"))


def test_a_study_file_in_another_encoding_is_to_be_saved_as_utf_8(tmp_path: Path) -> None:
    file = written(tmp_path, TOML)
    file.write_text(TOML, encoding="utf-16")
    with pytest.raises(ModisteError, match=r"study.toml: not UTF-8 .* Save it as UTF-8"):
        read_study(file)


def test_constants_of_ones_own_stand_in_a_study_file_and_change_no_other_run(tmp_path: Path) -> None:
    plain = read_study(written(tmp_path, TOML)).recipes["ratio 4"]
    own = read_study(written(tmp_path, TOML.replace("epochs = 3", "epochs = 3, pixels.mean = [0.4], pixels.std = [0.2]"))).recipes[
        "ratio 4"
    ]
    assert own.pixels.constants == ([0.4] * 3, [0.2] * 3)
    assert plain.pixels.constants is None
    assert run_id(own, "data") != run_id(plain, "data") == "3778f7e2fccb"
    with pytest.raises(ModisteError, match="belong together"):
        check_before_work(plain.changed({"pixels.mean": "0.4"}))


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


@pytest.mark.parametrize("more", [{"claims": (Claim("b is better", of="b", over="a"),)}, {"tables": ("pilot", "summary")}])
def test_a_pilot_judges_nothing_on_test(more: dict[str, Any]) -> None:
    recipes = {"a": Recipe(validation=0.2), "b": Recipe(validation=0.2, lr=0.01)}
    with pytest.raises(ModisteError, match="a pilot looks at validation alone"):
        Study("tries", "", recipes, **{"tables": ("pilot",), **more})
