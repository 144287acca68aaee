"""Every file of the corpus gives pixels of the right colours or the right reason, in bounds of time and memory."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest
from odd_files import Outcome, check, corpus, looked, main, table, write

from modiste.data.opening import crew
from modiste.data.opening.refusals import REASONS, SECONDS

FROM_WORKERS = {"timeout", "out_of_memory", "decoder_crashed"}  # see test_workers.py


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("odd")
    odds = list(corpus())
    write(root, odds)
    return root, odds


@pytest.fixture(scope="module")
def outcomes(written) -> list[Outcome]:
    try:
        return check(*written)
    finally:
        crew.close()


def test_every_odd_file_gives_what_is_expected(outcomes):
    assert [f"{outcome.odd.name}: {outcome.wrong}" for outcome in outcomes if outcome.wrong] == []


def test_the_corpus_is_large_and_has_every_reason_and_enough_right_photos(outcomes):
    came = Counter(outcome.came for outcome in outcomes)
    assert len(outcomes) >= 500
    assert came["pixels"] >= 200
    assert set(came) - {"pixels"} == set(REASONS) - FROM_WORKERS


def test_no_odd_file_takes_long_or_grows_its_worker(outcomes):
    assert max(outcome.seconds for outcome in outcomes) < SECONDS
    assert max(outcome.peak_bytes for outcome in outcomes) < 1 << 30


def test_a_program_that_makes_errors_of_warnings_gets_the_same(written, outcomes):
    """This test run is one; the workers hush warnings."""
    root, _ = written
    there = [outcome for outcome in outcomes if isinstance(outcome.odd.make, bytes)]
    here = [str(looked((root / outcome.odd.name).read_bytes(), "x")["reason"]) for outcome in there]
    assert here == [outcome.came for outcome in there]


def test_photos_are_never_written_to(tmp_path):
    odds = [odd for odd in corpus() if odd.category in ("names", "sizes")]
    write(tmp_path, odds)
    before = tree(tmp_path)
    check(tmp_path, odds)
    assert tree(tmp_path) == before


def tree(root: Path) -> dict[Path, tuple[str, int]]:
    return {path: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}


def test_a_wrong_outcome_would_be_noticed(written, outcomes):
    """The control: with other expectations the same outcomes fail."""
    from odd_files import wrong

    red = next(outcome.odd for outcome in outcomes if outcome.odd.name == "sizes/PNG-1x1.jpg")
    pixels = looked((written[0] / red.name).read_bytes(), "x")["pixels"]
    assert wrong(red, "pixels", "", pixels) == ""
    assert "not (255, 0, 0)" in wrong(red, "pixels", "", 255 - pixels)
    assert wrong(red, "corrupt", "", None)
    assert wrong(red, "ValueError", "", None)


def test_the_table_counts_every_file(outcomes):
    last = table(outcomes).rows[-1]
    assert last[:3] == ("all", len(outcomes), sum(not outcome.wrong for outcome in outcomes))


@pytest.mark.slow
def test_pictures_of_49_megapixels_stay_within_a_gigabyte(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["odd_files.py", str(tmp_path), "--check", "--large"])
    assert main() == 0
    assert "large" in capsys.readouterr().out
