"""A network that diverges leaves the others of its study to be trained; the study says which and why, and ends with 6."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from modiste.models.variants import VARIANTS
from modiste.records.catalogue import Catalogue
from modiste.records.errors import TrainingDiverged
from modiste.records.recipe import Recipe
from modiste.studies import finish
from modiste.studies.definitions import Study
from modiste.training.fit import USUAL

STUDY = """
seeds = [0]
recipe = { epochs = 2, batch = 16, pixels.side = 32, precision = "fp32", network.backbone = "resnet18" }
variants = [
  { name = "wild", set = { lr = 1e30, optimiser = "sgd" } },
  { name = "wild SVM", set = { lr = 1e30, optimiser = "sgd", network.head = "svm", network.svm_c = 0.01 } },
  { name = "tame", set = { lr = 1e-3 } },
]
[[claims]]
text = "Wild is better"
of = "wild"
over = "tame"
"""


def test_the_others_go_on_and_the_end_is_6(drawn: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "wild.toml").write_text(STUDY)
    line = ["study", "wild.toml", "--data", str(drawn.root), "--name", "second", "--json"]
    done = subprocess.run([sys.executable, "-m", "modiste", *line], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 6, done.stderr
    said = json.loads(done.stdout)
    assert said["unfinished"] == 2
    assert [one.partition(": ")[0] for one in said["diverged"]] == ["wild, seed 0", "wild SVM, seed 0"]
    assert "Try a smaller lr than 1e+30" in said["diverged"][0]
    assert "stands on a network that diverged" in said["diverged"][1]
    report = tmp_path / "runs" / "studies" / "second" / "report.html"
    assert "Diverged: wild, seed 0" in report.read_text()
    assert sorted(path.name for path in (tmp_path / "runs" / "studies").iterdir()) == ["second"]
    claims = json.loads((report.parent / "study.json").read_text())["claims"]
    assert [(one["verdict"], one["why"]) for one in claims] == [("cannot be told", "No run of wild is finished.")]


def test_a_network_that_diverged_under_its_svms_name_is_told_with_its_cause(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The SVM stands first, so that its network diverges in its name."""

    def diverge(*_: object) -> None:
        raise TrainingDiverged("the loss is no number.")

    monkeypatch.setattr(finish, "fit", diverge)
    recipes = {name: replace(Recipe(), network=VARIANTS[name]) for name in ("3Conv_SVM", "3Conv_Softmax")}
    left = finish.train_what_is_lacking(Study("wild", "Which?", recipes), None, tmp_path, USUAL, None)  # type: ignore[arg-type]
    assert left.diverged == ("3Conv_SVM, seed 0: the loss is no number.", "3Conv_Softmax, seed 0: it is a network that diverged.")
