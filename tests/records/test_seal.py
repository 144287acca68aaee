"""A seal: every changed bit of a file is noticed, wherever it is, and an untouched file is read as it was written."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modiste.records.errors import Damaged, ModisteError
from modiste.records.seal import UNSEALED, check_seal, has_seal, read_sealed, sealed, unbroken, write_sealed

PLAIN = {
    "classes": ["Röcke", "\udcff of a file name", '"seal": "' + "a" * 64 + '"'],
    "lr": 1e-4,
    "none": None,
    "name\n": "=cmd",
}  # "\udcff" is a byte that is not UTF-8
plains = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_each_flipped_bit_is_refused_in_words(tmp_path):
    path = write_sealed(tmp_path / "model.json", PLAIN)
    content = path.read_bytes()
    for place in range(len(content)):
        for bit in range(8):
            changed = content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]
            with pytest.raises(ModisteError, match=r"model.json (is damaged: its SHA-256 is not the one it|has no seal).* Mend it\."):
                check_seal(path, changed, "Mend it.")
    assert read_sealed(path, "") == PLAIN


@pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: c + b"\n", lambda c: c[: len(c) // 2], lambda c: b"", lambda c: b" " + c])
def test_a_cut_and_a_longer_file_are_refused(tmp_path, change):
    path = write_sealed(tmp_path / "model.json", PLAIN)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ModisteError, match=r"is damaged|has no seal"):
        read_sealed(path, "")


@given(st.dictionaries(st.text(max_size=8).filter(lambda key: key != "seal"), plains, max_size=4))
def test_what_is_sealed_is_read_as_it_was_written(tmp_path_factory, plain):
    path = write_sealed(tmp_path_factory.getbasetemp() / "sealed.json", plain)
    assert read_sealed(path, "") == plain


def test_equal_values_give_equal_bytes_wherever_they_lie(tmp_path):
    one, other = (write_sealed(tmp_path / name, PLAIN).read_bytes() for name in ("a.json", "b.json"))
    assert one == other
    assert json.loads(one.decode("utf-8", "surrogateescape"))["classes"] == PLAIN["classes"]  # any program reads it


def test_a_seal_is_the_first_and_no_other(tmp_path):
    """A class named like a seal changes nothing."""
    content = write_sealed(tmp_path / "model.json", PLAIN).read_bytes()
    assert unbroken(content)
    assert b"a" * 64 in content
    assert not unbroken(content.replace(b"a" * 64, b"b" * 64))


def test_a_seal_of_zeros_was_never_sealed(tmp_path):
    data = json.dumps({"seal": UNSEALED}).encode()
    assert has_seal(data)
    assert not unbroken(data)
    with pytest.raises(ValueError, match="no place for a seal"):
        sealed(sealed(data))  # a seal is set once
    with pytest.raises(ValueError, match="no place for a seal"):
        sealed(b"{}")


def test_a_file_that_was_never_sealed_is_told_from_one_that_was_changed(tmp_path):
    path = tmp_path / "about.json"
    path.write_text("{}")
    with pytest.raises(ModisteError, match=r"about.json has no seal: it is damaged, or modiste did not write it. Try again.") as told:
        read_sealed(path, "Try again.")
    assert not isinstance(told.value, Damaged)
    path.write_bytes(write_sealed(path, PLAIN).read_bytes().replace(b"0.0001", b"0.0002"))
    with pytest.raises(Damaged, match=re.escape("about.json is damaged: its SHA-256 is not the one it was sealed with. Try again.")):
        read_sealed(path, "Try again.")


@pytest.mark.parametrize("text, words", [('["seal", {"seal": "%s"}]', "holds no table of settings"), ('{"seal": "%s"', "is damaged")])
def test_sealed_bytes_that_are_no_table_are_refused(tmp_path, text, words):
    path = tmp_path / "model.json"
    path.write_bytes(sealed((text % UNSEALED).encode()))
    with pytest.raises(Damaged, match=words):
        read_sealed(path, "")


def test_numbers_that_are_none_are_not_sealed(tmp_path):
    with pytest.raises(ValueError):
        write_sealed(tmp_path / "model.json", {"lr": float("nan")})
    assert not list(tmp_path.iterdir())
