"""An export from end to end: what stands in the bundle, where its evidence comes from, and that a refused one is not left behind."""

import json
import sys
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from modiste import cli
from modiste.data.decoded import decode
from modiste.evaluation.statistics.calibration import probabilities, temperature
from modiste.exporting import contenders, kinds
from modiste.exporting.asking import answers, by_onnxruntime, by_openvino
from modiste.exporting.contenders import open_contender
from modiste.exporting.export import export
from modiste.exporting.graph import export_graph
from modiste.exporting.parity import Limits
from modiste.exporting.tail import finished
from modiste.records.catalogue import TRAIN
from modiste.records.errors import Damaged, ModisteError, UsageError
from modiste.serving.bundle import Card, graph_of, read_bundle, write_bundle
from modiste.training.model import open_model


@pytest.fixture(scope="module", autouse=True)
def graph_made_once(run):
    """Torch's exporter takes seconds, and gives the same each time (test_graph.py, and below)."""
    module = import_module("modiste.exporting.export")
    graph = export_graph(open_model(run))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "export_graph", lambda _model: graph)
        yield


@pytest.fixture(scope="module")
def bare(run, tmp_path_factory):
    """Without photos."""
    return export(run, output=tmp_path_factory.mktemp("bare") / "bare.onnx")


@pytest.fixture(scope="module")
def full(run, drawn, tmp_path_factory):
    """With the catalogue the run was trained on."""
    return export(run, output=tmp_path_factory.mktemp("full") / "full.onnx", catalogue=drawn, usual=0.9)


def test_without_photos_evidence_is_what_the_run_kept_of_validation(run, bare):
    card, kept = read_bundle(bare.written).card, run.predictions("validation")
    assert card.temperature == pytest.approx(temperature(kept))
    assert card.evidence.called == tuple(kept.called)
    assert card.evidence.right == tuple(kept.called == kept.truth)
    np.testing.assert_allclose(card.evidence.confidence, probabilities(kept, card.temperature).max(1), atol=1e-6)
    assert (card.evidence.strangeness, card.reject_above) == ((), None)
    assert bare.gate.drawn
    assert not bare.gate.failures


def test_with_photos_evidence_is_the_same_and_strangeness_is_known(run, drawn, bare, full):
    card = read_bundle(full.written).card
    assert card.temperature == pytest.approx(bare.card.temperature, rel=1e-3)
    paths = run.predictions("validation").photos
    photos = {photo.path: photo for photo in drawn.photos}
    pictures = decode(drawn.with_photos(photo for path, photo in photos.items() if path in paths), card.pixels, None)
    said = answers(by_onnxruntime(read_bundle(full.written).data), pictures)
    np.testing.assert_allclose(sorted(said.strangeness), sorted(card.evidence.strangeness), rtol=1e-3)
    np.testing.assert_allclose(sorted(said.confidence), sorted(card.evidence.confidence), atol=1e-4)
    assert (said.strangeness <= card.reject_above + 1e-3).mean() == pytest.approx(0.9, abs=0.1)
    assert card.facts["strangeness"] == {"learnt_from": len(drawn.split(TRAIN)) - len(paths), "usual": 0.9}
    assert not full.gate.drawn


def test_a_bundle_says_what_it_was_made_of_and_names_no_folder(run, full):
    card = read_bundle(full.written).card
    assert {"recipe", "data_hash", "seed", "exported_with", "trained_with", "test", "gate", "evidence"} <= set(card.facts)
    assert card.facts["data_hash"] == run.about["data"]["hash"]
    assert card.facts["test"]["photos"] == len(run.predictions("test"))
    assert card.facts["gate"]["passed"]
    text = json.dumps(card.plain())
    assert str(run.folder.parent) not in text
    for words in ("# alexnet-cbam-16-7", "Shoes, Clothing, Accessories, Bags", "## Limits", "of validation", "Macro"):
        assert words.lower() in card.text.lower()


def test_evidence_from_test_only_when_asked_and_then_said(run, tmp_path, full):
    made = export(run, output=tmp_path / "asked.onnx", evidence="test")
    assert made.card.facts["evidence"]["split"] == "test"
    assert len(made.card.evidence.called) == len(run.predictions("test"))
    assert "thresholds taken from them look better than they are" in made.card.text
    assert "look better" not in full.card.text
    with pytest.raises(UsageError, match="--evidence train"):
        export(run, output=tmp_path / "asked.onnx", evidence="train")


def test_evidence_from_photos_that_are_not_the_runs_own_is_said_to_be(run, drawn, tmp_path, full):
    """Named from the folder above, the same photos have other paths: nothing says any more that the run did not learn from them."""
    photos = (replace(photo, path=f"{drawn.root.name}/{photo.path}") for photo in drawn.photos)
    others = replace(drawn, root=drawn.root.parent, photos=tuple(photos))
    made = export(run, output=tmp_path / "others.onnx", catalogue=others, evidence="test")
    words = "other ones than the run's own photos of test: see that it did not learn from them"
    assert words in made.words[1]
    assert words in made.card.text
    assert "other ones" not in full.card.text


def test_a_run_without_validation_has_no_evidence_and_says_so(run, drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(type(run), "splits", ["test"])
    made = export(run, output=tmp_path / "none.onnx", catalogue=drawn)
    assert (made.card.temperature, made.card.evidence, made.card.reject_above) == (1.0, None, None)
    assert "not calibrated" in made.card.text
    assert made.card.facts["evidence"] == {"split": "validation", "photos": 0, "source": "none"}
    assert "Confidence: not calibrated: that takes photos of validation, and there are none; --evidence test" in made.words[1]
    assert "Strangeness: no photo is rejected: that takes photos of validation" in made.words[2]


def test_the_same_run_gives_the_same_graph(run, bare):
    again = finished(export_graph(open_model(run)), bare.card.temperature)
    assert graph_of(bare.written.read_bytes()) == again


@pytest.mark.parametrize("kind", ["onnx-fp16", "onnx-int8"])
def test_smaller_kinds_pass_and_are_smaller(run, drawn, full, kind, tmp_path):
    made = export(run, kind, tmp_path / "small.onnx", drawn, anyway=True)
    assert made.written.stat().st_size < 0.75 * full.written.stat().st_size
    assert made.gate.same >= 0.95
    assert made.card.name == f"alexnet-cbam-16-7{kind.removeprefix('onnx')}"
    assert made.card.facts["calibrated_on"] == (None if kind == "onnx-fp16" else made.card.facts["strangeness"]["learnt_from"])


def test_openvino_is_three_files_that_say_the_same(run, drawn, tmp_path):
    pytest.importorskip("openvino", reason="an extra")
    made = export(run, "openvino", tmp_path / "shop.xml", drawn)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shop.bin", "shop.json", "shop.xml"]
    card = Card.parse(json.loads((tmp_path / "shop.json").read_text()), "shop.json")
    assert card.classes == drawn.classes
    assert "`modiste benchmark FILE.xml`" in card.text
    assert "--model FILE" not in card.text
    pictures = decode(drawn.split("test"), card.pixels, None)
    said = answers(by_openvino(made.written, 1), pictures)
    np.testing.assert_allclose(said.scores, run.predictions("test").scores, atol=2e-2 * np.abs(said.scores).max())


@pytest.fixture
def impossible(monkeypatch):
    monkeypatch.setitem(kinds.EXPORTS, "onnx", replace(kinds.EXPORTS["onnx"], limits=Limits(apart=-1.0)))


def test_a_refused_export_leaves_what_stood_there(run, bare, impossible, tmp_path):
    before = bare.written.read_bytes()
    (tmp_path / "shop.onnx").write_bytes(before)
    made = export(run, output=tmp_path / "shop.onnx")
    assert made.written is None
    assert [path.name for path in tmp_path.iterdir()] == ["shop.onnx"]
    assert (tmp_path / "shop.onnx").read_bytes() == before
    assert "Nothing was written" in made.words[-1]
    kept = export(run, output=tmp_path / "shop.onnx", anyway=True)
    assert not read_bundle(kept.written).card.facts["gate"]["passed"]
    assert "**It does not pass the gate: a probability differs by" in kept.card.text


def test_an_export_is_written_over_its_own_kind_alone(run, bare, drawn, tmp_path):
    """Also over a damaged one of its own, for to export again is what is advised there."""
    bundle = read_bundle(bare.written)
    facts = {name: value for name, value in bundle.card.facts.items() if name != "run"}
    write_bundle(tmp_path / "learnt.onnx", graph_of(bundle.data), replace(bundle.card, facts={**facts, "learnt": {}}))
    (tmp_path / "theirs.onnx").write_bytes(graph_of(bundle.data))
    (tmp_path / "shop.json").write_text('{"sha256": "of something else"}')
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for to, name, told in (
        ("onnx", "learnt.onnx", "learnt.onnx"),
        ("onnx", "theirs.onnx", "theirs.onnx"),
        ("openvino", "shop.xml", "shop.json"),
    ):
        with pytest.raises(ModisteError, match=f"{told} is there already"):
            export(run, to, tmp_path / name)
    with pytest.raises(ModisteError, match="never written to"):
        export(run, output=drawn.root / "new.onnx", catalogue=drawn)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    data = bytearray(bare.written.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "own.onnx").write_bytes(data)
    assert read_bundle(export(run, output=tmp_path / "own.onnx").written).card.name == bundle.card.name


def test_openvinos_files_are_those_that_belong_together(run, tmp_path, monkeypatch):
    monkeypatch.setattr(kinds, "convert", lambda graph, folder: written(folder / "model.xml", b"net", graph[:99]))
    monkeypatch.setattr(contenders, "by_openvino", lambda path, threads: path)
    monkeypatch.setitem(kinds.EXPORTS, "openvino", replace(kinds.EXPORTS["openvino"], ask=kinds.by_onnxruntime))
    path = export(run, "openvino", tmp_path / "shop.xml").written
    assert open_contender(path).size == 3 + 99
    assert export(run, "openvino", path).written == path  # its own it writes anew
    for suffix, words in ((".bin", "shop.bin is not the file"), (".xml", "shop.xml is not the file")):
        whole = path.with_suffix(suffix).read_bytes()
        path.with_suffix(suffix).write_bytes(b"of another export")
        with pytest.raises(Damaged, match=words):
            open_contender(path)
        path.with_suffix(suffix).write_bytes(whole)
    path.with_suffix(".bin").unlink()
    with pytest.raises(ModisteError, match=r"shop\.bin cannot be read: No such file"):
        open_contender(path)
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(ModisteError, match=r"shop\.json"):
        open_contender(path)


def written(made, network, weights):
    made.write_bytes(network)
    made.with_suffix(".bin").write_bytes(weights)
    return made


def test_the_command_ends_with_3_where_the_gate_refuses(run, impossible, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["modiste", "export", str(run.folder), "-o", str(tmp_path / "shop.onnx"), "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 3
    plain = json.loads(capsys.readouterr().out)
    assert (plain["written"], plain["gate"]["passed"]) == (None, False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"to": "onxx"}, "Did you mean 'onnx'"),
        ({"output": "shop.bin"}, r"ends in \.onnx"),
        ({"to": "openvino", "output": "shop.onnx"}, r"ends in \.xml"),
        ({"usual": 0.0}, "--usual 0.0"),
        ({"name": "../shop"}, "plain name"),
        ({"reject": "Bags"}, "--reject Bags: from where on a photo is rejected is learnt from photos. Give them with --data"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_work(run, settings, words):
    with pytest.raises(ModisteError, match=words):
        export(run, **settings)


@pytest.mark.parametrize("change", [{"loss": "hinge"}, {"network.head": "hinge"}, {"network.head": "svm"}])
def test_a_class_of_a_network_with_margins_is_not_made_strangeness(run, drawn, change, monkeypatch):
    """A linear SVM is a linear layer too, but its margins are no log-odds."""
    changed = run.recipe.changed(change)
    monkeypatch.setattr(type(run), "recipe", property(lambda _: changed))
    with pytest.raises(ModisteError, match="margins"):
        export(run, catalogue=drawn, reject="Bags")


def test_the_usual_place_may_be_beside_the_photos_and_a_named_one_may_not(run, drawn, monkeypatch):
    monkeypatch.chdir(drawn.root)
    monkeypatch.setattr(import_module("modiste.exporting.export"), "open_model", asked_for_the_model)
    with pytest.raises(Asked):
        export(run, catalogue=drawn)
    with pytest.raises(ModisteError, match="never written to"):
        export(run, output="shop.onnx", catalogue=drawn)


class Asked(Exception):
    """All that is refused before the model is opened was passed."""


def asked_for_the_model(_run):
    raise Asked


def test_photos_of_other_classes_are_refused(run, drawn, tmp_path):
    other = replace(drawn, classes=replace(drawn.classes, names=("Hats", "Gloves", "Scarves", "Belts")))
    with pytest.raises(ModisteError, match="knows the classes 0 Shoes"):
        export(run, output=tmp_path / "shop.onnx", catalogue=other)


def test_a_changed_bit_of_an_export_is_noticed(bare, tmp_path):
    data = bytearray(bare.written.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "bent.onnx").write_bytes(data)
    with pytest.raises(Damaged):
        read_bundle(tmp_path / "bent.onnx")
