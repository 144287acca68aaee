"""Ctrl-C, SIGTERM and a used-up time stop the command in words, wherever it is, and the same command ends with the same bits."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip("resource", reason="there is no SIGTERM")

from asking import Asked
from signalled import POINTS

from modiste.models.tensors import read_tensors
from modiste.records.run import Run
from modiste.training.stopping import stoppable

CODES = {"SIGINT": (130, "Ctrl-C"), "SIGTERM": (143, "SIGTERM")}
IN_THE_LOOP = ("at the first step", "at a later step", "while the epoch's photos are looked at", "after the last epoch was measured")


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    with Asked("signalled.py", tmp_path_factory.mktemp("signalled")) as ask:
        yield ask


@pytest.fixture
def command(asked, drawn, tmp_path):
    """Exit code, standard output and standard error of `modiste train`, which is sent signals at a point."""

    def run(runs, point="", signals="", *more):
        settings = ("--image-size", "64", "--epochs", "2", "--set", "batch=8", "--set", "lr=0.001", "--set", "precision=fp32", *more)
        arguments = ["train", "AlexNet (baseline)", "--data", str(drawn.root), "--runs", str(runs), *settings]
        out, err = tmp_path / "out.txt", tmp_path / "err.txt"
        code = asked(point=point, signals=signals, most_bytes="", often="", arguments=json.dumps(arguments), out=out, err=err)
        said = err.read_text()
        assert said.startswith("[landed]\n") == bool(point), said
        return int(code), out.read_text(), said.removeprefix("[landed]\n")

    return run


@pytest.fixture(scope="module")
def whole(asked, drawn, tmp_path_factory):
    return tmp_path_factory.mktemp("whole")


def the_run(runs):
    (folder,) = runs.glob("*-seed0-*")
    return Run(folder)


def position(runs):
    facts = read_tensors(the_run(runs).folder / "checkpoint.safetensors", "")[1]
    return facts["position"]["epoch"], facts["position"]["step"]


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("point", POINTS)
def test_a_signal_stops_the_command_in_words_and_the_same_command_goes_on(point, name, command, whole, tmp_path, outcome):
    if not list(whole.iterdir()):
        assert command(whole)[0] == 0
    code, reason = CODES[name]
    runs = tmp_path / "runs"
    found, out, err = command(runs, point, name)
    assert found == code, err
    assert out == ""
    assert "Traceback" not in err
    assert not list(runs.rglob(".*"))  # neither lock nor half a file
    if point in IN_THE_LOOP:
        assert re.fullmatch(rf"modiste: stopped by {reason} after epoch \d of 2(, step \d)?; all of it is in .*checkpoint.safetensors\. "
                            r"The same command goes on from there\.\n", err)  # fmt: skip
        assert (the_run(runs).folder / "checkpoint.safetensors").is_file()
    else:
        assert err == "\nStopped. What was finished is kept; the same command goes on from there.\n"
    assert command(runs)[0] == 0
    assert outcome(the_run(runs)) == outcome(the_run(whole))


@pytest.mark.parametrize("name", CODES)
def test_a_second_signal_ends_at_once(name, command, tmp_path):
    code, out, err = command(tmp_path / "runs", "at a later step", f"{name} {name}")
    assert (code, out) == (CODES[name][0], "")
    assert err == "\nStopped. What was finished is kept; the same command goes on from there.\n"
    assert not list((tmp_path / "runs").rglob("checkpoint.safetensors"))
    assert not list((tmp_path / "runs").rglob(".*"))


def test_a_used_up_time_stops_after_a_step_and_each_sitting_gets_on(command, whole, tmp_path, outcome):
    """However short the time: a step a sitting, and what an epoch is measured with is never done in vain."""
    if not list(whole.iterdir()):
        assert command(whole)[0] == 0
    runs, places = tmp_path / "runs", []
    for _ in range(7):
        code, out, err = command(runs, "", "", "--max-time", "0.01s")
        assert (code, out) == (0, "")
        assert "stopped by the end of the time given after epoch" in err
        assert "Traceback" not in err
        places.append(position(runs))
    assert places == [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (0, 6), (1, 1)]
    assert command(runs)[0] == 0
    assert outcome(the_run(runs)) == outcome(the_run(whole))


def test_a_real_command_hears_a_signal_from_outside(drawn, tmp_path):
    runs = tmp_path / "runs"
    more = ("--image-size", "64", "--epochs", "500", "--set", "batch=16", "--set", "network.frozen=false", "--weights", "none")
    arguments = [sys.executable, "-m", "modiste", "train", "Resnet (baseline)", "--data", str(drawn.root), "--runs", str(runs), *more]
    around = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=around) as process:
        until = time.monotonic() + 120
        while not list(runs.glob("*/history.csv")) and time.monotonic() < until and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert "Traceback" not in err
    assert "stopped by SIGTERM after epoch" in err
    assert position(runs) >= (1, 0)


def test_handlers_are_given_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with stoppable() as wish:
        assert wish.reason is None
        os.kill(os.getpid(), signal.SIGTERM)
        assert wish.reason == ("SIGTERM", 143)
        with pytest.raises(KeyboardInterrupt) as second:
            os.kill(os.getpid(), signal.SIGTERM)
        assert second.value.args == (signal.SIGTERM,)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_deadline_is_a_reason_once_it_has_passed():
    with stoppable(time.monotonic() + 1000) as wish:
        assert wish.reason is None
    with stoppable(time.monotonic()) as wish:
        assert wish.reason == ("the end of the time given", 0)


def test_a_thread_that_hears_no_signals_may_have_a_deadline():
    found = []

    def work():
        with stoppable(time.monotonic()) as wish:
            found.append(wish.reason)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [("the end of the time given", 0)]


def test_a_background_job_stays_deaf_to_ctrl_c():
    """A shell starts it so, for Ctrl-C is meant for the job in front."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stoppable() as wish:
            signal.raise_signal(signal.SIGINT)
            assert wish.reason is None
            signal.raise_signal(signal.SIGTERM)
            assert wish.reason == ("SIGTERM", 143)
    finally:
        signal.signal(signal.SIGINT, before)
