"""Recorded results: a page says what stands in its folder, and the README repeats it to the digit."""

import csv
import json
import re
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

from modiste.records.disk import digest
from modiste.records.predictions import Predictions
from modiste.records.run import Run

ROOT = Path(__file__).parent.parent
STUDIES = sorted(path.parent for path in (ROOT / "results").glob("*/study.json"))
REPEATED = re.findall(r"<!-- (results/\S+\.md) -->\n(.*?)<!-- end -->", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


RUNS = sorted(path.parent for path in (ROOT / "results" / "runs").glob("*/about.json"))


def recorder():
    loader = SourceFileLoader("record", str(ROOT / "script" / "record"))
    module = module_from_spec(spec_from_loader("record", loader))
    loader.exec_module(module)
    return module


def name(folder: Path) -> str:
    return folder.name


@pytest.mark.parametrize("folder", STUDIES, ids=name)
def test_a_page_is_what_its_folder_makes(folder: Path) -> None:
    assert (folder / "README.md").read_text(encoding="utf-8") == recorder().readme(folder)


@pytest.mark.parametrize("folder", STUDIES, ids=name)
def test_a_table_for_people_shows_the_numbers_of_the_one_for_programs(folder: Path) -> None:
    for path in (folder / "tables").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))[1:]
        lines = [line for line in path.with_suffix(".md").read_text(encoding="utf-8").splitlines() if line.startswith("|")][2:]
        assert len(lines) == len(rows), path
        for line, row in zip(lines, rows, strict=True):
            shown = [cell.strip().replace("\\", "") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for text, cell in zip(shown, row, strict=True):
                if re.fullmatch(r"[+-]?\d+\.\d+", text) and re.fullmatch(r"-?[\d.]+(e-?\d+)?", cell):
                    places = len(text.partition(".")[2])
                    assert float(text) == pytest.approx(float(cell), abs=0.51 * 10**-places), path


@pytest.mark.parametrize("folder", RUNS, ids=name)
def test_a_kept_run_says_what_it_said(folder: Path) -> None:
    run = Run(folder)
    assert len(run.history()) > 0 or run.recipe.network.head.endswith("svm")
    for split in run.splits:
        assert len(run.predictions(split)) > 0


@pytest.mark.parametrize("folder", STUDIES, ids=name)
def test_a_kept_run_is_the_one_that_its_study_names(folder: Path) -> None:
    facts = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    for model, names in facts["runs"].items():
        for run, said in zip(names, facts["predictions"][model], strict=True):
            kept = ROOT / "results" / "runs" / run / "predictions" / "test.csv"
            assert not kept.parent.is_dir() or digest(kept) == said, run


def test_what_is_kept_of_a_run_can_be_reported_on(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "small-seed0-0123"
    (run / "predictions").mkdir(parents=True)
    Predictions.of([0, 1, 1], [0, 1, 0]).write(run / "predictions" / "test.csv")
    (run / "weights.safetensors").write_bytes(b"weights")
    Run(run).write_about({"photos": 3})
    recorder().keep(run, tmp_path / "kept")
    assert len(Run(tmp_path / "kept").predictions()) == 3
    assert not (tmp_path / "kept" / "weights.safetensors").exists()


def test_the_readme_repeats_a_recorded_table() -> None:
    assert REPEATED, "the README shows no recorded result"


@pytest.mark.parametrize("path, shown", REPEATED, ids=[path for path, _ in REPEATED])
def test_a_table_in_the_readme_is_the_recorded_one(path: str, shown: str) -> None:
    assert shown.strip() == (ROOT / path).read_text(encoding="utf-8").strip()
