"""A disk that is full: said in words, the last good state kept, nothing half written, and the same bits once there is room."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

pytest.importorskip("resource", reason="no limit can be set on what a process writes")

from asking import Asked
from signalled import FULL

from modiste.models.tensors import read_tensors
from modiste.records.run import Run

SETTINGS = ("--image-size", "64", "--epochs", "2", "--set", "batch=8", "--set", "lr=0.001", "--set", "precision=fp32",
            "--set", "validation=0.15", "--set", "select=best", "--set", "ema=0.9")  # fmt: skip


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    with Asked("signalled.py", tmp_path_factory.mktemp("filling")) as ask:
        yield ask


@pytest.fixture(scope="module")
def command(asked, drawn, tmp_path_factory):
    """Exit code and standard error of `modiste train`, which at a point may write no more than so many bytes a file."""
    folder = tmp_path_factory.mktemp("said")

    def run(runs, point="", most_bytes=""):
        arguments = ["train", "AlexNet (baseline)", "--data", str(drawn.root), "--runs", str(runs), *SETTINGS]
        out, err = folder / "out.txt", folder / "err.txt"
        code = asked(point=point, signals="", most_bytes=most_bytes, often="yes", arguments=json.dumps(arguments), out=out, err=err)
        said = err.read_text()
        assert said.startswith("[landed]\n") == bool(point), said
        progress, prefix, words = said.partition("modiste: ")
        assert "Traceback" not in progress
        return int(code), prefix + words

    return run


def the_run(runs):
    (folder,) = runs.glob("alexnet*")
    return Run(folder)


@pytest.fixture(scope="module")
def whole(command, tmp_path_factory, outcome):
    runs = tmp_path_factory.mktemp("whole")
    assert command(runs) == (0, "")
    return outcome(the_run(runs))


@pytest.mark.parametrize("point", FULL)
def test_where_no_more_can_be_written_words_say_so_and_the_same_command_goes_on(point, command, whole, tmp_path, outcome):
    runs = tmp_path / "runs"
    code, err = command(runs, point, 100)  # of which the first arrive
    assert code == 5, err
    kept = "What was decoded before is kept" if point == "pixels in the cache" else "What stood there before still stands"
    assert re.fullmatch(rf"modiste: \S+ could not be written: File too large\. {kept}\.\n", err)
    assert not list(runs.rglob(".*"))
    for path in runs.glob("*/*.safetensors"):
        read_tensors(path, "")  # whole, whatever stands there
    if point not in ("pixels in the cache", "lines in the cache", "the first recipe", "the first checkpoint"):
        assert (the_run(runs).folder / "checkpoint.safetensors").is_file()
    assert command(runs) == (0, "")
    assert outcome(the_run(runs)) == whole


@pytest.fixture
def small_disk(tmp_path):
    """A disk of so many kB, which can be made larger."""
    folder = tmp_path / "small"
    folder.mkdir()

    def mounted(options):
        return (
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], capture_output=True, check=False).returncode == 0
        )

    if not mounted("size=64k"):
        pytest.skip("only root may mount a disk")
    yield folder, lambda kb: mounted(f"remount,size={kb}k")
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("kb", [64, 300, 600, 900, 1200])
def test_a_disk_that_fills_up_stops_a_run_that_goes_on_once_there_is_room(kb, small_disk, command, whole, outcome):
    folder, resize = small_disk
    assert resize(kb)
    runs = folder / "runs"
    code, err = command(runs)
    assert code == 5, err
    assert re.fullmatch(r"modiste: \S+ could not be written: No space left on device\. What .*(is kept|still stands)\.\n", err)
    assert not list(runs.rglob(".*"))
    assert resize(20_000)
    assert command(runs) == (0, "")
    assert outcome(the_run(runs)) == whole
