"""README's Python, as a user would type it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import modiste
from modiste.api import prepared
from modiste.records.catalogue import Catalogue
from modiste.records.errors import UsageError
from modiste.studies.definitions import Study


def test_the_python_of_the_readme_runs(drawn: Catalogue, tmp_path: Path) -> None:
    """Train, report, evaluate on other photos; a small ResNet stands in for the README's AlexNet."""
    catalogue = modiste.read(drawn.root)
    recipe = modiste.Recipe(network=modiste.Network(backbone="resnet18"), pixels=modiste.Pixels(side=32), epochs=1)
    run = modiste.train(recipe, catalogue, tmp_path / "runs")
    assert "Macro avg" in modiste.report(run.predictions("test")).markdown()
    stored, again = run.predictions("test"), modiste.evaluate(run, catalogue.split("test"))
    scores = dict(zip(again.photos, again.scores, strict=True))
    assert np.array([scores[photo] for photo in stored.photos]) == pytest.approx(stored.scores, abs=1e-4)
    assert modiste.evaluate(run, catalogue).confusion.sum() == 64
    assert modiste.evaluate(str(run.folder), str(drawn.root)).confusion.sum() == 64
    assert len(modiste.robustness(run, str(drawn.root), str(tmp_path / "kept"), corruptions=["blur"], severities=[1]).clean) == 64
    assert modiste.reproduce(run, str(drawn.root), str(tmp_path / "again")).repeat.folder.is_relative_to(tmp_path / "again")
    assert modiste.train(recipe, str(drawn.root), tmp_path / "runs") == run


def test_a_photo_without_a_label_is_not_scored_as_if_it_had_one(drawn: Catalogue, tmp_path: Path) -> None:
    recipe = modiste.Recipe(network=modiste.Network(backbone="resnet18"), pixels=modiste.Pixels(side=32), epochs=1)
    run = modiste.train(recipe, drawn, tmp_path / "runs")
    bare = drawn.with_photos([*drawn.photos[:3], modiste.Photo(drawn.photos[3].path)])
    assert len(modiste.evaluate(run, bare)) == 3
    own = Study("own", "Good?", {"small": recipe})
    told = modiste.study(own, drawn, tmp_path / "runs", seeds=2, report_only=True, called="trial", note="A trial of two seeds.")
    assert (told.lacking, told.folder.name) == (1, "trial"), "nothing is trained where only a report is asked for"
    assert "A trial of two seeds." in told.report.read_text()
    with pytest.raises(UsageError, match="write over"):
        modiste.study(own, drawn, tmp_path / "runs", called="paper")


def test_a_preset_beside_a_recipe_is_refused(drawn: Catalogue, tmp_path: Path) -> None:
    """A recipe has all its settings: the preset would be dropped without a word."""
    with pytest.raises(UsageError, match="preset='sound' beside a recipe"):
        modiste.train(modiste.Recipe(), drawn, tmp_path / "runs", preset="sound")


def test_settings_within_settings_are_those_of_dotted_names() -> None:
    """Also where a study looks for a setting by its name: the side of each variant, its seed, its weights."""
    nested, dotted = ({"pixels": {"side": 112}, "lr": 0.1}, {"pixels.side": 112, "lr": 0.1})
    for study in ("paper", "stand-in"):
        assert prepared(study, settings=nested).recipes == prepared(study, settings=dotted).recipes
    with pytest.raises(UsageError, match="they are one setting"):
        prepared("paper", settings={"network": {"weights": "none"}}, weights="none")
    with pytest.raises(UsageError, match="seed is not changed so"):
        prepared("paper", settings={"recipe": {"seed": 3}})


WITHOUT = """
import json, pydoc, sys
for name in {hidden}:
    sys.modules[name] = None
import modiste
words = {{}}
for word in modiste.__all__:
    try:
        getattr(modiste, word)
    except ModuleNotFoundError as error:
        words[word] = str(error)
print(json.dumps([words, dir(modiste), pydoc.plain(pydoc.render_doc(modiste))]))
"""


def test_without_the_extras_help_works_and_each_word_that_takes_one_says_which() -> None:
    hidden = ["torch", "torchvision", "scipy", "sklearn", "matplotlib", "safetensors"]
    done = subprocess.run([sys.executable, "-c", WITHOUT.format(hidden=hidden)], capture_output=True, text=True, check=True)
    words, listed, shown = json.loads(done.stdout)
    assert set(words) == set(modiste.EXTRAS)
    assert set(listed) == set(modiste.__all__) - set(modiste.EXTRAS)
    assert "class Labeller" in shown
    assert words["compare"] == "modiste.compare needs the package 'scipy'. Install it with: pip install \"modiste[learn]\""
    assert all(said.endswith(f'pip install "modiste[{modiste.EXTRAS[word]}]"') for word, said in words.items())


def test_a_text_does_for_a_place_and_for_classes(drawn: Catalogue, tmp_path: Path) -> None:
    names = drawn.classes.names
    assert modiste.read(str(drawn.root), classes=",".join(names)) == modiste.read(drawn.root, classes=names) == modiste.read(drawn.root)
    made = modiste.Predictions.of([0, 1], [1, 1])
    assert modiste.Predictions.read(str(made.write(str(tmp_path / "said.csv")))).called.tolist() == [1, 1]


def test_a_large_catalogue_an_index_and_a_network_are_shown_in_a_line(drawn: Catalogue, tmp_path: Path) -> None:
    assert repr(drawn) == f"<Catalogue of 64 photos in '{drawn.root}': Shoes, Clothing, Accessories, Bags>"
    assert repr(modiste.Predictions.of([0, 1], [1, 1])) == "<Predictions of 2 photos: class 0, class 1>"
    index = modiste.index(drawn.root, tmp_path / "index")
    assert repr(index) == f"<Index of 64 photos in '{tmp_path / 'index'}'>"
    network = modiste.load(threads=1)
    assert repr(network) == f"<Labeller {network.id}: Shoes, Clothing, Accessories, Bags>"


def test_a_type_checker_sees_a_misspelt_word(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import modiste\n\nlabels: list[modiste.Label] = modiste.load().label('1.jpg')\nmodiste.lod()\n")
    project = Path(__file__).parent.parent  # whose settings and cache of types make it quick
    checked = [sys.executable, "-m", "mypy", str(script)]
    said = subprocess.run(checked, capture_output=True, text=True, check=False, cwd=project).stdout
    assert 'script.py:4: error: Module has no attribute "lod"' in said
    assert "Found 1 error" in said
