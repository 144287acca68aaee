"""The whole study, small: every network of Table 7 trained, stopped, gone on with, tabled."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from modiste.api import prepared
from modiste.evaluation.claims import Claim
from modiste.evaluation.pages.tables import FORMATS
from modiste.evaluation.tables import PAPER_TABLES
from modiste.models.variants import PAPER_VARIANTS, VARIANTS
from modiste.records.catalogue import Catalogue
from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions
from modiste.records.run import Run
from modiste.studies.claimed import PAPER_CLAIMS
from modiste.studies.definitions import Study
from modiste.studies.finish import Finished, finish
from modiste.studies.outcome import predictions_of
from modiste.studies.plan import plan

pytestmark = pytest.mark.timeout(900)  # thirteen networks, on a machine that may be busy

NARROWED = """
from modiste.models import backbones

backbones.ALEXNET_WIDTHS["torchvision"] = (8, 16, 16, 16, 16, 16)
backbones.ALEXNET_FEATURES = backbones.AlexNet.width = 32
from modiste.cli import main

main()
"""  # the command itself, of networks as narrow as the fixture makes them here
SMALL = ["--image-size", "64", "--epochs", "1", "--weights", "none", "--set", "batch=16"]
SETTINGS = {"pixels.side": 64, "epochs": 1, "batch": 16}


@pytest.fixture(scope="module", autouse=True)
def narrowed(narrow: None) -> None:
    """Every AlexNet here is narrow."""


@pytest.fixture(scope="module")
def runs(drawn: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of a study that was killed without warning after three networks, then started again and finished."""
    where = tmp_path_factory.mktemp("study") / "runs"
    command = [sys.executable, "-c", NARROWED, "study", "paper", "--data", str(drawn.root), "--runs", str(where), *SMALL]
    killed = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while len(list(where.glob("*/about.json"))) < 3:
        assert killed.poll() is None, "the study ended before it could be killed"
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    finished_before = {path: path.stat().st_mtime_ns for path in where.glob("*/about.json")}
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert {path: path.stat().st_mtime_ns for path in finished_before} == finished_before, "a finished run was trained again"
    (where / "printed.txt").write_text(again.stdout)
    return where


@pytest.fixture(scope="module")
def study(runs: Path, drawn: Catalogue) -> Finished:
    """The finished study, read back without training."""
    return finish(prepared("paper", None, SETTINGS, "none"), drawn, runs, train=False)


def test_every_variant_of_table_7_and_5conv_svm_is_trained_and_none_is_missing(study: Finished) -> None:
    assert list(study.runs) == [*PAPER_VARIANTS, "5Conv_SVM"] == list(VARIANTS)
    assert study.lacking == 0
    assert all(run.finished for runs in study.runs.values() for run in runs)


def test_nothing_half_written_is_left_behind(runs: Path) -> None:
    left = [path for path in runs.rglob("*") if path.name.endswith(".part") or path.name in ("checkpoint.safetensors", "best.safetensors")]
    assert not left


def test_an_svm_variant_stands_on_the_softmax_run_of_its_depth(study: Finished) -> None:
    for depth in ("3", "4", "6"):
        assert study.runs[f"{depth}Conv_SVM"][0].about["trunk"] == study.runs[f"{depth}Conv_Softmax"][0].folder.name
    assert study.runs["5Conv_SVM"][0].about["trunk"] == study.runs["AlexNet (baseline)"][0].folder.name


def test_the_folded_svm_agrees_with_scikit_learn_on_every_test_photo(study: Finished) -> None:
    for name in ("3Conv_SVM", "4Conv_SVM", "5Conv_SVM", "6Conv_SVM"):
        assert study.runs[name][0].about["svm"]["agrees_with_scikit_learn"] == "16 of 16 photos of test"


def test_every_number_of_table_7_is_scikit_learns_from_the_stored_predictions(study: Finished) -> None:
    table = PAPER_TABLES[7](predictions_of(study.runs))
    place = {heading: table.columns.index(heading) for heading in ("Recall", "Precision", "F1")}
    for row in table.rows:
        said = Predictions.read(study.runs[str(row[0])][0].folder / "predictions" / "test.csv")
        precision, recall, f1, _ = precision_recall_fscore_support(said.truth, said.called, average="macro", zero_division=0)
        assert [row[place[name]] for name in ("Precision", "Recall", "F1")] == pytest.approx([precision, recall, f1], abs=1e-12)


def test_the_summary_has_scikit_learns_accuracy(study: Finished) -> None:
    table = next(table for table in study.tables if "Accuracy" in table.columns)
    for row in table.rows:
        said = study.runs[str(row[0])][0].predictions("test")
        assert row[table.columns.index("Accuracy")] == pytest.approx(accuracy_score(said.truth, said.called), abs=1e-12)


def test_tables_stand_printed_and_in_every_format_and_in_the_report(study: Finished, runs: Path) -> None:
    printed, report = (runs / "printed.txt").read_text(), study.report.read_text(encoding="utf-8")
    for table in study.tables:
        assert table.text() in printed
        assert table.html() in report
    written = {path.name for path in (study.folder / "tables").iterdir()}
    beside = ("claims", "intervals", "beside-paper", "ranks", "power", "winners", "calibration", "selective", "costs")
    assert written == {f"{name}.{kind}" for name in (*(f"table-{n}" for n in range(3, 8)), "summary", *beside) for kind in FORMATS}
    drawn = [{path.stem for path in (study.folder / "figures").glob(f"*.{kind}")} for kind in ("svg", "png", "pdf")]
    assert drawn[0] == drawn[1] == drawn[2]
    assert len(drawn[0]) == 10


def test_the_report_answers_first_and_tells_each_claims_verdict(study: Finished) -> None:
    report = study.report.read_text(encoding="utf-8")
    assert report.index("not from ImageNet") < report.index("Best model") < report.index("<table")
    claims = json.loads((study.folder / "study.json").read_text(encoding="utf-8"))["claims"]
    assert len(claims) == len(PAPER_CLAIMS)
    assert report.count('<span class="chip ') == len(claims)


def test_the_report_shows_every_photo_that_a_model_got_wrong(study: Finished, drawn: Catalogue) -> None:
    report = study.report.read_text(encoding="utf-8")
    wrong = {
        photo
        for runs in study.runs.values()
        for photo, truth, called in zip(*(getattr(runs[0].predictions(), name) for name in ("photos", "truth", "called")), strict=True)
        if truth != called
    }
    folder = {photo.rpartition("/")[0] for photo in wrong}
    assert len(folder) == 1
    for photo in wrong:
        assert f"<b>{photo.rpartition('/')[2]}</b>" in report or f"<b>{photo}</b>" in report
    pictures = report.count("background-image:url(data:image/jpeg;base64,")
    assert len(wrong) <= pictures <= len(drawn.split("test"))


def test_a_report_made_again_is_the_same_to_the_last_byte(study: Finished, drawn: Catalogue, runs: Path) -> None:
    before = {path: path.read_bytes() for path in study.folder.rglob("*") if path.is_file()}
    finish(prepared("paper", None, SETTINGS, "none"), drawn, runs, train=False)
    assert {path: path.read_bytes() for path in study.folder.rglob("*") if path.is_file()} == before


def test_an_svm_costs_what_its_network_cost_too_and_answers_as_fast(study: Finished) -> None:
    costs = json.loads((study.folder / "costs.json").read_text(encoding="utf-8"))["costs"]
    for depth in ("3", "4", "6"):
        svm, softmax = costs[f"{depth}Conv_SVM"], costs[f"{depth}Conv_Softmax"]
        assert svm["training_seconds"] > softmax["training_seconds"]
        assert {key: svm[key] for key in ("parameters", "flops", "latency_ms")} == {
            key: softmax[key] for key in ("parameters", "flops", "latency_ms")
        }
    assert costs["Resnet-CBAM"]["parameters"] == sum(study.runs["Resnet-CBAM"][0].about["parameters"].values())


def test_the_report_says_what_it_was_made_with_and_that_imagenet_was_not_used(study: Finished) -> None:
    report = study.report.read_text(encoding="utf-8")
    for fact in (
        study.runs["Resnet-CBAM"][0].about["data"]["hash"],
        "torch",
        "64 px",
        "not from ImageNet",
        "epochs 1 instead of 19",
        "pixels.side 64 instead of 224",
    ):
        assert fact in report
    assert "http://" not in report.replace("http://www.w3.org", "")
    assert "<script" not in report


def test_another_seed_and_another_size_are_other_runs(drawn: Catalogue, runs: Path) -> None:
    for seeds, settings in (([1], SETTINGS), ([0], {**SETTINGS, "pixels.side": 72})):
        with pytest.raises(ModisteError, match="nothing to report"):
            finish(prepared("paper", seeds, settings, "none"), drawn, runs, train=False)
    both = finish(prepared("paper", [0, 1], SETTINGS, "none"), drawn, runs, train=False)
    assert both.lacking == 13


def test_a_plan_of_a_finished_study_takes_no_time_and_writes_nothing(drawn: Catalogue, runs: Path) -> None:
    before = sorted(path for path in runs.rglob("*"))
    made = plan(prepared("paper", None, SETTINGS, "none"), drawn, runs)
    assert made.seconds == 0
    assert {row[2] for row in made.tables[2].rows} == {"finished"}
    assert sorted(path for path in runs.rglob("*")) == before


def test_a_plan_counts_what_finishing_does(drawn: Catalogue, tmp_path: Path) -> None:
    """Three rows, two networks trained of 3 steps each, the SVM shares one; photos and draws are those of the catalogue."""
    study = prepared("paper", None, SETTINGS, "none")
    some = {name: study.recipes[name] for name in ("3Conv_Softmax", "3Conv_SVM", "Resnet-CBAM")}
    made = plan(replace(study, recipes=some), drawn, tmp_path / "runs")
    photos, draws, runs_table = made.tables
    assert [row[runs_table.columns.index("Steps")] for row in runs_table.rows] == [3, 0, 3]
    assert made.seconds > 0
    turned = plan(replace(study, recipes={name: some[name] for name in ("3Conv_SVM", "3Conv_Softmax")}), drawn, tmp_path / "runs")
    assert [row[runs_table.columns.index("Steps")] for row in turned.tables[2].rows] == [3, 0], "trained once, in either order"
    assert photos.rows[-1][-1] == len(drawn)
    assert sum(row[2] for row in draws.rows) == pytest.approx(48)
    assert not (tmp_path / "runs").exists()


def test_a_plan_says_which_variants_are_one_run(drawn: Catalogue, tmp_path: Path) -> None:
    """It is trained once and takes the disk once."""
    resnet = prepared("paper", None, SETTINGS, "none").recipes["Resnet-CBAM"]
    one, two = (plan(Study("same", "", dict.fromkeys(names, resnet)), drawn, tmp_path / "runs") for names in (("a",), ("a", "b")))
    assert [row[2] for row in two.tables[2].rows] == ["to train", "the same run as a"]
    assert two.disk_bytes == one.disk_bytes


def test_a_plan_refuses_a_claim_that_the_study_would_refuse(drawn: Catalogue, tmp_path: Path) -> None:
    study = prepared("paper", None, SETTINGS, "none")
    claimed = replace(study, claims=(Claim("Hats are found", "recall of Hats", of="3Conv_SVM"),))
    with pytest.raises(ModisteError, match=r"claim 'Hats are found': .* no class called 'Hats'"):
        plan(claimed, drawn, tmp_path / "runs")


def test_stored_predictions_are_what_the_stored_weights_say(study: Finished, drawn_folder: Path) -> None:
    """`modiste evaluate` on the same photos gives the same scores, through decoding, weights and head."""
    for name in ("3Conv_SVM", "Resnet-CBAM"):
        run = study.runs[name][0]
        command = [sys.executable, "-c", NARROWED, "evaluate", str(run.folder), "--data", str(drawn_folder), "--json"]
        said = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ})
        stored = run.predictions("test")
        assert json.loads(said.stdout)["confusion"] == stored.confusion.tolist()


def test_a_run_knows_its_recipe(study: Finished) -> None:
    run: Run = study.runs["Alex-CBAM(8&5)"][0]
    assert (run.recipe.network.ratio, run.recipe.network.kernel, run.recipe.epochs, run.recipe.pixels.side) == (8, 5, 1, 64)
