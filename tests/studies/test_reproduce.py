"""A run is trained again from its folder to the same bits, is not touched by it, and what is other is told."""

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from modiste.models.variants import VARIANTS
from modiste.records.catalogue import Catalogue
from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions
from modiste.records.recipe import Pixels, Recipe
from modiste.records.run import Run
from modiste.studies.reproduce import BEYOND, BITS, CALLS, WITHIN, compared, reproduce
from modiste.training.fit import fit

NETWORK = replace(VARIANTS["Resnet (baseline)"], weights="none", frozen=False)
RECIPE = Recipe(network=NETWORK, pixels=Pixels(side=32), epochs=1, batch=16)


@pytest.fixture(scope="module")
def run(drawn: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return fit(RECIPE, drawn, tmp_path_factory.mktemp("runs"))


def bytes_of(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_run_is_repeated_to_the_same_bits_and_not_written_to(run: Run, drawn: Catalogue, tmp_path: Path) -> None:
    before = bytes_of(run.folder.parent)
    found = reproduce(run, drawn, tmp_path)
    assert [split.agreement for split in found.splits] == [BITS]
    assert (found.agrees, found.promised, found.trained, found.data, dict(found.circumstances)) == (True, True, True, "", {})
    assert (found.repeat.folder / "weights.safetensors").read_bytes() == (run.folder / "weights.safetensors").read_bytes()
    assert bytes_of(run.folder.parent) == before
    again = reproduce(run, drawn, tmp_path)
    assert not again.trained
    assert "was not trained again" in again.verdict


def test_an_svm_is_repeated_with_the_network_that_it_stands_on(drawn: Catalogue, tmp_path: Path) -> None:
    svm = fit(replace(RECIPE, network=replace(NETWORK, head="svm", svm_c=0.01)), drawn, tmp_path / "runs")
    found = reproduce(svm, drawn, tmp_path / "again")
    assert found.agrees
    assert (tmp_path / "again" / found.repeat.about["trunk"] / "about.json").is_file()


def test_other_photos_are_told_in_words_and_refused_unless_anyway(run: Run, drawn: Catalogue, tmp_path: Path) -> None:
    test = [photo for photo in drawn.photos if photo.split == "test"]
    other = {test[0].path: replace(test[0], label=(test[0].label or 0) - 1 if test[0].label else 1)}
    changed = drawn.with_photos(other.get(photo.path, photo) for photo in drawn.photos if photo != test[1])
    with pytest.raises(ModisteError, match=r"of test's photos 1 missing, 1 labelled otherwise; test has 15 photos instead of 16") as error:
        reproduce(run, changed, tmp_path)
    assert "--anyway" in str(error.value)
    found = reproduce(run, changed, tmp_path, anyway=True)
    assert found.splits[0].photos == 15
    assert not found.promised
    assert "photos are not those of the run" in found.verdict


def test_a_changed_photo_of_the_same_name_is_noticed(run: Run, drawn: Catalogue, tmp_path: Path) -> None:
    copy = replace(drawn, root=shutil.copytree(drawn.root, tmp_path / "photos"))
    one, other = (copy.root / photo.path for photo in copy.photos[:2])
    one.write_bytes(other.read_bytes())
    with pytest.raises(ModisteError, match="their number is the same, but the bytes"):
        reproduce(run, copy, tmp_path / "again")


def test_the_runs_own_folder_is_no_place_for_its_repeat(run: Run, drawn: Catalogue) -> None:
    with pytest.raises(ModisteError, match="needs a folder of its own"):
        reproduce(run, drawn, run.folder.parent)


def test_a_run_that_began_from_a_file_needs_that_file_wherever_it_lies_now(run: Run, drawn: Catalogue, tmp_path: Path) -> None:
    began = Path(shutil.copy(run.folder / "weights.safetensors", tmp_path / "began.safetensors"))
    later = fit(replace(RECIPE, network=replace(NETWORK, weights=str(began))), drawn, tmp_path / "runs")
    moved = began.rename(tmp_path / "moved.safetensors")
    with pytest.raises(ModisteError, match="--weights FILE"):
        reproduce(later, drawn, tmp_path / "again")
    assert reproduce(later, drawn, tmp_path / "again", weights=moved).agrees
    other = fit(replace(RECIPE, seed=1), drawn, tmp_path / "runs").folder / "weights.safetensors"
    with pytest.raises(ModisteError, match="SHA-256 is another"):
        reproduce(later, drawn, tmp_path / "again", weights=other)
    from_another = reproduce(later, drawn, tmp_path / "again", weights=other, anyway=True)
    assert not from_another.promised  # the same bits are nothing to expect
    assert list(from_another.circumstances) == ["starting weights"]
    with pytest.raises(ModisteError, match="did not begin from a file"):
        reproduce(run, drawn, tmp_path / "again", weights=moved)


def test_four_words_for_how_far_two_predictions_agree() -> None:
    truth = np.arange(200) % 4
    scores = np.eye(4)[truth] + np.random.default_rng(0).normal(0, 0.3, (200, 4))
    then = Predictions(("a", "b", "c", "d"), tuple(f"{n}.jpg" for n in range(200)), truth, scores)
    order = np.random.default_rng(1).permutation(200)
    turned = Predictions(then.classes, tuple(then.photos[row] for row in order), truth[order], scores[order])
    one_other = scores.copy()
    one_other[0] = np.roll(one_other[0], 1)
    assert compared("test", then, turned).agreement == BITS, "the order of photos is nothing"
    assert compared("test", then, replace(then, scores=scores * (1 + 1e-9))).agreement == CALLS
    assert compared("test", then, replace(then, scores=one_other)).agreement == WITHIN
    assert compared("test", then, replace(then, scores=one_other)).called_otherwise == 1
    assert compared("test", then, replace(then, scores=np.roll(scores, 1, axis=1))).agreement == BEYOND
    numbered = Predictions(("d", "a", "b", "c"), then.photos, (truth + 1) % 4, np.roll(scores, 1, axis=1))
    assert compared("test", then, numbered).agreement == CALLS, "the same names, under other numbers"
    assert compared("test", then, replace(then, classes=("d", "a", "b", "c"))).called_otherwise == 200, "other names under the same numbers"


def test_the_command_ends_with_0_where_it_agrees_and_3_where_it_does_not(run: Run, drawn: Catalogue, tmp_path: Path) -> None:
    def command(one: Run, into: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "modiste", "reproduce", str(one.folder), "--data", str(drawn.root), "--runs", str(tmp_path / into)]
        return subprocess.run([*line, "--device", "cpu", "--json"], capture_output=True, text=True, check=False)

    done = command(run, "again")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["splits"]["test"]["agreement"] in (BITS, CALLS, WITHIN)
    forged = Run(tmp_path / "runs" / run.folder.name)
    shutil.copytree(run.folder, forged.folder)
    said = run.predictions()
    replace(said, scores=np.eye(4)[(said.truth + 1) % 4]).write(forged.folder / "predictions" / "test.csv")
    forged.write_about({key: value for key, value in run.about.items() if key != "files"})
    done = command(forged, "again")
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["splits"]["test"]["agreement"] == BEYOND
