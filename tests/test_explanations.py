"""Explanations from the door: what is written for a small run, that it holds together, and what is refused in words."""

from __future__ import annotations

import json
import shutil

import pytest

from modiste import explanations
from modiste.api import train
from modiste.explanations import explain
from modiste.records.catalogue import Catalogue
from modiste.records.errors import ModisteError, UsageError
from modiste.records.run import Run

SETTINGS = {"pixels.side": 64, "epochs": 2, "batch": 8, "lr": 0.001, "precision": "fp32"}


@pytest.fixture(scope="module", autouse=True)
def narrowed(narrow):
    """Every network here is narrow."""


@pytest.fixture(scope="module")
def attended(drawn: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train("Alex-CBAM(16&7)", drawn, tmp_path_factory.mktemp("runs"), settings=SETTINGS, device="cpu")


@pytest.fixture(scope="module")
def plain(drawn: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train("3Conv_SVM", drawn, tmp_path_factory.mktemp("runs"), settings=SETTINGS, device="cpu")


def test_a_run_with_cbam_is_explained_and_checked_and_is_itself_untouched(attended, drawn, tmp_path):
    before = {path: path.read_bytes() for path in attended.folder.rglob("*") if path.is_file()}
    stages: set[str] = set()
    done = explain(
        attended, drawn, tmp_path / "out", photos=2, checked=10, maps=True, device="cpu", tell=lambda told: stages.add(told.stage)
    )
    assert {path: path.read_bytes() for path in attended.folder.rglob("*") if path.is_file()} == before
    found = json.loads((done.folder / "explained.json").read_text())
    assert found["run"]["data_hash"] == attended.about["data"]["hash"]
    assert found["run"]["recipe"] == attended.recipe.plain()
    assert list(found["areas"]["deletion"]) == ["grad_cam", "attention", "chance", "centre"]
    assert list(found["gates"]) == ["attention3", "attention4", "attention5"]
    assert next(iter(found["randomised"]["grad_cam"])) == "head"
    assert list(found["randomised"]["grad_cam"])[-1] == "conv1"
    assert found["randomised"]["attention"]["head"]["value"] == pytest.approx(1), "a gate does not know of the head"
    assert sum(photo["drawn"] for photo in found["looked_at"]) == 10
    assert len(done.tables) == 5
    html = done.page.read_text()
    assert "<script" not in html
    assert "Sure and right" in html
    shown = {one["photo"] for listed in found["shown"].values() for rows in listed.values() for one in rows}
    assert len(list((done.folder / "maps" / "grad_cam").iterdir())) == len(shown)
    assert {"looking by grad_cam", "deleting", "shuffling layers for attention"} <= stages


def test_the_same_seed_gives_the_same_numbers(attended, drawn, tmp_path):
    first, again = (explain(attended, drawn, tmp_path / name, photos=1, checked=6, device="cpu", by="class").plain for name in "ab")
    for key in ("curves", "areas", "randomised", "gates", "looked_at", "shown"):
        assert first[key] == again[key]


def test_an_svm_is_explained_and_has_no_gates_to_show(plain, drawn, tmp_path):
    done = explain(plain, drawn, tmp_path / "out", photos=1, checked=6, methods=("grad_cam_plus_plus", "occlusion"), device="cpu")
    areas = done.plain["areas"]["insertion"]
    own, finer = [name for name in areas if name.startswith("chance")]
    assert list(areas) == ["grad_cam_plus_plus", "occlusion", own, finer, "centre"], "each map is held against chance as coarse as itself"
    turned = explain(plain, drawn, tmp_path / "turned", photos=1, checked=6, methods=("occlusion", "grad_cam_plus_plus"), device="cpu")
    assert own in turned.tables[1].markdown(), "whichever was asked for first"
    assert finer in turned.tables[1].markdown()
    assert list(done.plain["randomised"]) == ["grad_cam_plus_plus"], "occlusion would take too long"
    with pytest.raises(ModisteError, match="no CBAM"):
        explain(plain, drawn, tmp_path / "other", methods=("attention",))
    assert not (tmp_path / "other").exists()


def test_what_cannot_be_meant_is_refused_in_words(plain, drawn, tmp_path):
    for options, words in (
        ({"methods": ("gradcam",)}, "Did you mean 'grad_cam'"),
        ({"split": "validation"}, "It has: test, train"),
        ({"by": "classes"}, "Did you mean 'class'"),
    ):
        with pytest.raises(ModisteError, match=words):
            explain(plain, drawn, tmp_path / "out", device="cpu", **options)
    with pytest.raises(UsageError, match="--checked 1"):
        explain(plain, drawn, tmp_path / "out", checked=1)
    with pytest.raises(ModisteError, match="never written to"):
        explain(plain, drawn, drawn.root / "out")
    assert not (tmp_path / "out").exists()


def test_a_page_that_would_be_too_large_shows_fewer_photos_and_says_so(plain, drawn, tmp_path, monkeypatch):
    whole = explain(plain, drawn, tmp_path / "whole", photos=6, checked=4, device="cpu", by="class")
    monkeypatch.setattr(explanations, "MOST_BYTES", len(whole.page.read_bytes()) // 2)
    fewer = explain(plain, drawn, tmp_path / "fewer", photos=6, checked=4, device="cpu", by="class")
    html = fewer.page.read_text()
    assert "photos stand under a heading" in html
    assert len(html.encode()) < explanations.MOST_BYTES
    assert 0 < html.count("data:image/jpeg") < whole.page.read_text().count("data:image/jpeg")


def test_a_folder_that_is_no_run_is_named(drawn, tmp_path):
    with pytest.raises(ModisteError, match="nothing: nothing is there"):
        explain(tmp_path / "nothing", drawn, tmp_path / "out")


def test_the_command_explains(attended, drawn, tmp_path, capsys):
    from modiste.cli.runs import explain as command

    command(attended.folder, data=drawn.root, photos=1, checked=4, by="mistake", methods="grad-cam", output=tmp_path / "out", device="cpu")
    said = capsys.readouterr().out
    assert f"Page: {tmp_path / 'out' / 'explained.html'}" in said
    assert "Grad-CAM" in said
    shutil.rmtree(tmp_path / "out")
    command(attended.folder, data=drawn.root, photos=1, checked=4, output=tmp_path / "out", device="cpu", json=True)
    assert json.loads(capsys.readouterr().out)["classes"] == list(drawn.classes.names)
