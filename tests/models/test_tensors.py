"""Tensors on disk: the same bits back, the same bytes for the same values, and refused when a bit changed."""

from __future__ import annotations

import struct

import pytest
import torch
from safetensors.torch import load_file, save_file

from modiste.models.tensors import read_tensors, write_tensors
from modiste.records.errors import Damaged, ModisteError
from modiste.records.seal import UNSEALED, sealed

KINDS = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.uint8, torch.bool)
FACTS = {"position": {"epoch": 3, "loss_sum": 0.1 + 0.2}, "classes": ["Röcke", '"seal": "'], "none": None}


@pytest.fixture
def tensors():
    made = {f"of {kind}": (torch.randn(3, 2) * 100).to(kind) for kind in KINDS}
    odd = torch.tensor([0.0, -0.0, 1e-45, float("inf"), float("nan")])
    return made | {"none": torch.empty(0, 4), "one": torch.tensor(7.0), "odd": odd, "channels last": torch.rand(2, 3, 4, 5)}


def bits(tensor):
    return tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()


def test_tensors_and_facts_come_back_to_the_last_bit(tmp_path, tensors):
    tensors["channels last"] = tensors["channels last"].contiguous(memory_format=torch.channels_last)
    found, facts = read_tensors(write_tensors(tmp_path / "x.safetensors", tensors, FACTS), "")
    assert facts == FACTS
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        assert (found[name].dtype, found[name].shape) == (value.dtype, value.shape), name
        assert bits(found[name]) == bits(value), name


def test_any_program_reads_the_file(tmp_path, tensors):
    path = write_tensors(tmp_path / "x.safetensors", tensors)
    assert load_file(path).keys() == tensors.keys()


def test_equal_values_give_equal_bytes(tmp_path, tensors):
    """Whatever their order and layout in memory."""
    one = write_tensors(tmp_path / "one.safetensors", tensors, FACTS).read_bytes()
    other = {name: value.t().contiguous().t() if value.ndim == 2 else value for name, value in reversed(tensors.items())}
    assert write_tensors(tmp_path / "other.safetensors", other, FACTS).read_bytes() == one


def test_each_flipped_bit_is_refused(tmp_path, tensors):
    path = write_tensors(tmp_path / "x.safetensors", tensors, FACTS)
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :])
        with pytest.raises(ModisteError, match=r"x.safetensors (is damaged|has no seal).* Mend it\."):
            read_tensors(path, "Mend it.")
    path.write_bytes(content)
    assert read_tensors(path, "")[1] == FACTS


def test_a_file_of_another_program_is_refused(tmp_path, tensors):
    save_file(tensors, tmp_path / "x.safetensors")
    with pytest.raises(ModisteError, match=r"has no seal: it is damaged, or modiste did not write it"):
        read_tensors(tmp_path / "x.safetensors", "")


TOO_LONG = b'{"__metadata__": {"modiste": "{}"}, "a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}'


@pytest.mark.parametrize("header", [b"{", b"[]", b"{}", TOO_LONG])
def test_a_seal_that_fits_makes_no_tensors_of_nonsense(tmp_path, header):
    """A seal says that nothing changed, not that what was sealed is good."""
    body = header + b' "seal": "%s"' % UNSEALED.encode()
    (tmp_path / "x.safetensors").write_bytes(sealed(struct.pack("<Q", len(header)) + body))
    with pytest.raises(Damaged, match="is damaged"):
        read_tensors(tmp_path / "x.safetensors", "")
