import pytest

from modiste.records.errors import Damaged, ModisteError
from modiste.records.labels import Classes
from modiste.records.recipe import Pixels
from modiste.serving.bundle import Card, Evidence, graph_of, read_bundle, write_bundle

CARD = Card(
    "small",
    Classes(("Shoes", "Bags")),
    Pixels(side=64),
    1.5,
    Evidence((0, 1), (True, False), (0.9, 0.6), (0.1, 2.0)),
    3.0,
    {"recipe": {"lr": 0.1}, "seed": 1},
    "# Small\n\nA model “card”.\n",
)


def test_a_bundle_is_read_as_it_was_written(tmp_path):
    written = write_bundle(tmp_path / "small.onnx", b"\x08\x09the graph", CARD)
    read = read_bundle(tmp_path / "small.onnx")
    assert read.card == CARD
    assert (read.id, read.data) == (written.id, written.data)
    assert graph_of(read.data) == b"\x08\x09the graph"
    assert read.id.startswith("small-")


def test_any_changed_bit_of_a_bundle_is_noticed(tmp_path):
    path = tmp_path / "small.onnx"
    whole = write_bundle(path, bytes(range(200)), CARD).data
    for place in range(len(whole)):
        for bit in (0, 7):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            with pytest.raises(ModisteError, match=r"small\.onnx"):
                read_bundle(path)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9])
def test_a_cut_bundle_is_refused(tmp_path, share):
    path = tmp_path / "small.onnx"
    whole = write_bundle(path, bytes(range(200)), CARD).data
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModisteError, match=r"small\.onnx"):
        read_bundle(path)


def test_a_file_that_is_no_bundle_says_what_makes_one(tmp_path):
    (tmp_path / "other.onnx").write_bytes(b"\x08\x09 some other ONNX file")
    with pytest.raises(ModisteError, match="modiste export"):
        read_bundle(tmp_path / "other.onnx")


def test_evidence_of_unequal_lengths_is_refused():
    with pytest.raises(ModisteError, match="one value a photo"):
        Evidence((0, 1), (True,), (0.5, 0.5))


@pytest.mark.parametrize("change", [{"classes": [1, 2]}, {"pixels": 3}, {"pixels": [1]}, {"evidence": [1]}])
def test_a_card_of_something_else_is_refused_in_words(change):
    with pytest.raises(ModisteError, match="here"):
        Card.parse({**CARD.plain(), **change}, "here")


def test_damage_is_called_damage(tmp_path):
    path = tmp_path / "small.onnx"
    whole = write_bundle(path, bytes(200), CARD).data
    path.write_bytes(whole[:-1] + b"\x01")
    with pytest.raises(Damaged):
        read_bundle(path)
