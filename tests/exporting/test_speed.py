"""Models beside one another: each is what it says it is, and the figures are of the right photos."""

import sys
from contextlib import suppress
from dataclasses import replace

import numpy as np
import onnx
import pytest

from modiste import cli
from modiste.exporting.contenders import open_contender, parameters_in
from modiste.exporting.export import export
from modiste.exporting.speed import Settings, benchmark
from modiste.models.variants import parameters
from modiste.records.errors import MachineError, ModisteError, UsageError
from modiste.records.recipe import Pixels
from modiste.training.model import open_model


@pytest.fixture(scope="module")
def bundle(run, tmp_path_factory):
    return export(run, output=tmp_path_factory.mktemp("bundle") / "shop.onnx").written


@pytest.fixture
def at_once(monkeypatch):
    """A process of its own takes seconds to start, and would not know the narrow network of these tests."""
    from modiste.exporting import speed

    def stand_in(one, _contender, _settings):
        one.open.append(1.0)
        one.memory.append(10**8)

    monkeypatch.setattr(speed, "start_fresh", stand_in)


def test_a_run_and_its_export_agree_and_are_measured(run, bundle, drawn, at_once):
    table = benchmark([run.folder, bundle], drawn, Settings(threads=1, rounds=2))
    first, second = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    assert (first["By"], second["By"], second["Same label, %"], first["× the first"]) == ("torch", "onnxruntime", 100.0, 1.0)
    said = run.predictions("test")
    assert first["Accuracy, %"] == pytest.approx(100 * (said.called == said.truth).mean())
    assert first["Accuracy, %"] == second["Accuracy, %"]
    assert second["MB"] == pytest.approx(bundle.stat().st_size / 1e6)
    assert all(row["p95, ms"] >= row["One photo, ms"] > 0 < row["Photos/s"] for row in (first, second))


def test_a_fresh_process_answers_and_says_its_memory(bundle):
    """Without torch, which takes more than that alone."""
    table = benchmark([bundle], None, Settings(threads=1, rounds=1))
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert 20 < row["Memory, MB"] < 400
    assert row["First answer, s"] > 0
    assert "Accuracy, %" not in row


def test_weights_are_counted_as_onnx_counts_them(run, bundle):
    graph = onnx.load(bundle)
    counted = sum(int(np.prod(one.dims)) for one in graph.graph.initializer if one.data_type == onnx.TensorProto.FLOAT)
    assert parameters_in(bundle.read_bytes()) == counted
    assert open_contender(run.folder, 1).parameters == sum(parameters(open_model(run).network))


def test_a_model_that_dies_in_its_process_is_named(bundle, tmp_path, monkeypatch):
    from modiste.exporting import speed

    monkeypatch.setattr(speed, "FRESH_COMMAND", (*speed.FRESH_COMMAND[:1], "-c", "raise ValueError('it broke')"))
    with pytest.raises(MachineError, match=r"shop\.onnx does not open in a process of its own: ValueError: it broke"):
        benchmark([bundle], None, Settings(rounds=1))


def test_a_model_that_never_answers_is_not_waited_for(bundle, monkeypatch):
    from modiste.exporting import speed

    monkeypatch.setattr(speed, "START_SECONDS", 0.5)
    monkeypatch.setattr(speed, "FRESH_COMMAND", (*speed.FRESH_COMMAND[:1], "-c", "import time; time.sleep(600)"))
    with pytest.raises(MachineError, match=r"shop\.onnx does not open in a process of its own: it says nothing in \d+ s"):
        benchmark([bundle], None, Settings(rounds=1))


def test_a_model_whose_answers_are_no_numbers_is_not_timed(bundle, at_once, monkeypatch):
    """NaN is quick to compute with, too."""
    from modiste.exporting import speed

    real = speed.open_contender

    def broken(*asked):
        contender = real(*asked)
        return replace(contender, ask=lambda pixels: replace(contender.ask(pixels), scores=np.full((len(pixels), 4), np.nan)))

    monkeypatch.setattr(speed, "open_contender", broken)
    with pytest.raises(ModisteError, match=r"shop\.onnx gives values that are no numbers"):
        benchmark([bundle], None, Settings(rounds=1))


def test_the_table_goes_to_a_new_file_or_over_an_earlier_one(run, bundle, drawn, at_once, tmp_path, monkeypatch, capsys):
    own, theirs = tmp_path / "table.csv", tmp_path / "labels.csv"
    theirs.write_text("Image_Name,Label,Attribute\n1.jpg,0,Shoes\n")

    def ended(output):
        command = ["modiste", "benchmark", str(run.folder), str(bundle), "--rounds", "1", "-o", str(output), "--data", str(drawn.root)]
        monkeypatch.setattr(sys, "argv", command)
        with suppress(SystemExit) if output == own else pytest.raises(SystemExit):
            cli.main()
        return capsys.readouterr().err

    assert "labels.csv is there already" in ended(theirs)
    assert theirs.read_text() == "Image_Name,Label,Attribute\n1.jpg,0,Shoes\n"
    assert "inside" in ended(run.folder / "table.csv")
    assert "which is never written to" in ended(drawn.root / "table.csv")
    for _ in range(2):  # the second time over the first
        assert not ended(own)
        assert own.read_text().startswith("Model,By,MB,")


def test_what_would_be_ignored_or_cannot_be_is_refused(bundle, drawn, tmp_path, at_once):
    with pytest.raises(UsageError, match="--set is for ONNX files"):
        benchmark([bundle], None, Settings(pixels=Pixels()))
    with pytest.raises(UsageError, match="name a model"):
        benchmark([], None, Settings())
    with pytest.raises(UsageError, match="--threads 0"):
        Settings(threads=0)
    with pytest.raises(UsageError, match="--rounds 0"):
        Settings(rounds=0)
    with pytest.raises(ModisteError, match=r"nowhere\.onnx cannot be read"):
        benchmark([tmp_path / "nowhere.onnx"], None, Settings())
    with pytest.raises(ModisteError, match="no labelled photos"):
        benchmark([bundle], drawn.with_photos([]), Settings(rounds=1))
