"""Writing: the old file or the new one, and nothing beside it."""

import errno
import hashlib
import json
import os
import stat
from pathlib import Path

import pytest

from modiste.records.disk import append_bytes, digest, write_bytes, write_json, write_text
from modiste.records.errors import MachineError


def names(folder):
    return [path.name for path in folder.iterdir()]


def full_disk(*_args):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step):
    path = write_bytes(tmp_path / "hats.csv", b"old")
    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), full_disk)
    with pytest.raises(MachineError, match=r"hats.csv could not be written: No space left on device. What stood there before still stands"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["hats.csv"]


def test_a_stop_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    """Ctrl-C is no OSError."""

    def interrupted(_file):
        raise KeyboardInterrupt

    path = write_bytes(tmp_path / "hats.csv", b"old")
    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(path, b"new")
    assert (path.read_bytes(), names(tmp_path)) == (b"old", ["hats.csv"])


def test_content_is_on_disk_before_the_name_is_given(tmp_path, monkeypatch):
    """Renamed before it is flushed, a file could be empty after a power loss."""
    done = []
    fsync, rename = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda file: (done.append("flush"), fsync(file))[1])
    monkeypatch.setattr(Path, "replace", lambda path, target: (done.append("rename"), rename(path, target))[1])
    write_bytes(tmp_path / "hats.csv", b"new")
    assert done == ["flush", "rename", "flush"]  # the file, its name, the folder


@pytest.mark.skipif(os.name != "posix", reason="folders are flushed on POSIX alone")
def test_a_share_whose_folders_cannot_be_flushed_is_written_to(tmp_path, monkeypatch):
    fsync = os.fsync

    def flushed(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", flushed)
    assert write_bytes(tmp_path / "hats.csv", b"new").read_bytes() == b"new"
    assert append_bytes(tmp_path / "hats.csv", b"er").read_bytes() == b"newer"


def test_folders_are_made_on_the_way(tmp_path):
    assert write_bytes(tmp_path / "a" / "b" / "c.txt", b"x").read_bytes() == b"x"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MachineError, match=r"run.json could not be written"):
        write_bytes(tmp_path / "file" / "run.json", b"x")


def test_text_keeps_its_line_ends_and_bytes_that_are_not_utf_8(tmp_path):
    assert write_text(tmp_path / "x", "é\r\n\udcff\n").read_bytes() == "é".encode() + b"\r\n\xff\n"


def test_json_keeps_order_and_letters_and_refuses_what_json_has_not(tmp_path):
    path = write_json(tmp_path / "x.json", {"b": "é", "a": [1, None]})
    assert path.read_text(encoding="utf-8").index('"b"') < path.read_text(encoding="utf-8").index('"a"')
    assert json.loads(path.read_text(encoding="utf-8")) == {"b": "é", "a": [1, None]}
    with pytest.raises(ValueError):
        write_json(path, {"x": float("nan")})
    assert json.loads(path.read_text(encoding="utf-8"))["b"] == "é"


def test_the_digest_is_sha_256(tmp_path):
    data = os.urandom(3_000_000)
    (tmp_path / "x").write_bytes(data)
    assert digest(tmp_path / "x") == hashlib.sha256(data).hexdigest()
