"""Records kept by the hash of a photo's bytes: whole ones are taken, and none is there twice."""

import numpy as np

from modiste.records.kept import Kept


def test_what_was_kept_is_taken_up_to_the_first_record_that_is_not_whole(tmp_path):
    def opened():
        kept = Kept(tmp_path / "kept.bin", b"a network\n", [("label", "<i4"), ("confidence", "<f4"), ("vector", "<f4", (3,))])
        kept.read()
        return kept

    kept = opened()
    for number in range(5):
        kept.add(bytes([number] * 32), number, 0.5, np.full(3, number, np.float32))
    kept.flush()
    data, size = kept.path.read_bytes(), kept.record.itemsize
    assert len(opened().places) == 5
    kept.path.write_bytes(data[:-1])
    assert len(opened().places) == 4
    broken = bytearray(data)
    broken[10 + 2 * size + 40] ^= 1
    kept.path.write_bytes(broken)
    again = opened()
    assert len(again.places) == 2
    again.add(b"x" * 32, 7, 0.5, np.full(3, 7, np.float32))
    assert again.records()["label"].tolist() == [0, 1, 7]
    kept.path.write_bytes(data.replace(b"a network", b"b network"))
    assert not opened().places


def test_what_is_known_is_not_kept_again(tmp_path):
    kept = Kept(tmp_path / "kept.bin", b"a network\n", [("numbers", "<f4", (2,))])
    kept.read()
    for sha, number in ((b"a" * 32, 1), (b"b" * 32, 2), (b"a" * 32, 3), (b"c" * 32, 4)):
        kept.add(sha, np.full(2, number, np.float32))
    records = kept.records()
    assert {sha[:1]: float(records["numbers"][place, 0]) for sha, place in kept.places.items()} == {b"a": 1, b"b": 2, b"c": 4}
    assert [bytes(row) for row in records["sha256"]] == [b"a" * 32, b"b" * 32, b"c" * 32]


def test_what_another_network_said_is_written_away(tmp_path):
    for line in (b"one\n", b"other\n"):
        kept = Kept(tmp_path / "kept.bin", line, [("numbers", "<f4", (1,))])
        kept.read()
        assert kept.places == {}
        kept.add(b"a" * 32, np.ones(1, np.float32))
        kept.flush()


def test_a_photo_that_stands_twice_moves_no_other(tmp_path):
    """Two programs that added to one file, as no command of ours does."""
    kept = Kept(tmp_path / "kept.bin", b"a network\n", [("number", "<i4")])
    kept.read()
    kept.add(b"a" * 32, 1)
    kept.flush()
    data = kept.path.read_bytes()
    kept.path.write_bytes(data + data[len(kept.of) :])
    again = Kept(kept.path, kept.of, kept.fields)
    again.read()
    again.add(b"b" * 32, 2)
    assert [int(again.records()["number"][again.places[sha * 32]]) for sha in (b"a", b"b")] == [1, 2]
