"""Findings come back as they were written; what was dismissed stays dismissed."""

from __future__ import annotations

from pathlib import Path

import pytest

from modiste.records.errors import ModisteError
from modiste.records.findings import DISMISSED, FILE, Finding, dismiss, dismissed, read_findings, write_findings

ODD = Finding(
    "a1", "near_duplicate", "images/=1+1\n.jpg", "images/\u202eé'.jpg", "train, test", "-Hats", "@Gloves", 0.5, '"quoted", detail'
)
PLAIN = Finding("b2", "blank", "images/2.jpg", split="train", label="Hats", score=0.25, detail="spread 0.01")


def test_findings_come_back_as_they_were_written(tmp_path: Path) -> None:
    write_findings(tmp_path, [ODD, PLAIN])
    assert read_findings(tmp_path) == [ODD, PLAIN]


def test_no_cell_of_findings_reaches_a_spreadsheet_as_a_formula(tmp_path: Path) -> None:
    write_findings(tmp_path, [Finding("c3", "blank", "=cmd|x", label="+1", detail="@x")])
    assert "c3,blank,'=cmd|x,,,'+1,,1.0000,'@x" in (tmp_path / FILE).read_text()


def test_a_dismissed_finding_stays_dismissed_once_however_often_it_is_said(tmp_path: Path) -> None:
    write_findings(tmp_path, [ODD, PLAIN])
    assert dismissed(tmp_path) == set()
    assert dismiss(tmp_path, ["a1"], "=not the same shoe") == [ODD]
    dismiss(tmp_path, ["a1", "b2", "b2"])
    assert dismissed(tmp_path) == {"a1", "b2"}
    lines = (tmp_path / DISMISSED).read_text().splitlines()
    assert len([line for line in lines if line.startswith(("a1,", "b2,"))]) == 2
    assert "'=not the same shoe" in (tmp_path / DISMISSED).read_text()


def test_an_unknown_finding_is_answered_with_the_near_one_and_nothing_is_remembered(tmp_path: Path) -> None:
    write_findings(tmp_path, [Finding("4f3a9b21", "blank", "1.jpg")])
    with pytest.raises(ModisteError, match=r"no finding '4f3a9b22'\. Did you mean '4f3a9b21'"):
        dismiss(tmp_path, ["4f3a9b21", "4f3a9b22"])
    assert not (tmp_path / DISMISSED).exists()


def test_a_folder_without_an_audit_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModisteError, match=r"findings\.csv: no such file; `modiste data audit` writes it"):
        dismiss(tmp_path, ["a1"])


def test_a_damaged_file_is_answered_in_words(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("id,kind\na1,blank\n")
    with pytest.raises(ModisteError, match="row 1: it lacks a cell"):
        read_findings(tmp_path)


@pytest.mark.parametrize("name", [FILE, DISMISSED])
def test_a_file_with_a_cell_that_nothing_wrote_is_called_damaged(name: str, tmp_path: Path) -> None:
    write_findings(tmp_path, [PLAIN])
    dismiss(tmp_path, ["b2"])
    with (tmp_path / name).open("a") as file:
        file.write("x" * 140_000 + "\n")
    with pytest.raises(ModisteError, match=rf"{name} is damaged: field larger than field limit"):
        dismiss(tmp_path, ["b2"])
