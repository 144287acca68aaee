"""Standard output and standard error, whatever they are: another encoding, closed, full, a terminal that obeys what it is shown."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

MODISTE = [sys.executable, "-m", "modiste"]
OTHERS = [{"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}, {"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "utf-8"}]
NAMES = ["Gürtel Δ Belt".encode(), b"bad\xff Belt"]
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("environment", OTHERS, ids=str)
def test_an_answer_is_printed_whatever_the_output_can_spell(environment: dict[str, str], name: bytes) -> None:
    command = [*MODISTE, "data", "taxonomy", name]
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, **environment})
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Accessories" in done.stdout


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("environment", OTHERS, ids=str)
def test_json_is_utf_8_whatever_the_output_and_the_names_are(environment: dict[str, str], name: bytes) -> None:
    for asked, code in (("taxonomy", 0), ("describe", 4)):
        command = [*MODISTE, "data", asked, name, "--json"]
        done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, **environment})
        assert done.returncode == code, done.stderr
        assert json.loads(done.stdout.decode("utf-8", "strict"))


@needs_full
@pytest.mark.parametrize(
    "typed", [["nothing", "--json"], ["data", "formats", "--json"], ["data", "formats"], ["data", "formats", "--json=true"]]
)
def test_a_full_standard_output_is_told_in_words(typed: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*MODISTE, *typed], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == (2 if typed[0] == "nothing" else 5)
    assert done.stderr.startswith("modiste: ")
    assert "Traceback" not in done.stderr


@needs_full
def test_a_full_standard_error_leaves_the_exit_code() -> None:
    with Path("/dev/full").open("w") as full:
        assert subprocess.run([*MODISTE, "nothing"], stderr=full, check=False).returncode == 2


def test_an_error_that_nobody_reads_as_json_is_told_in_words() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*MODISTE, "nothing", "--json"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.returncode == 2
    assert done.stderr.startswith('modiste: Unknown command "nothing"')


def test_json_is_asked_for_in_either_spelling() -> None:
    done = subprocess.run([*MODISTE, "data", "describe", "nowhere", "--json=true"], capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "nowhere" in json.loads(done.stdout)["error"]


def test_a_terminal_obeys_no_name(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "\x1b[31mred.jpg").touch()
    done = subprocess.run([*MODISTE, "search", "--in", "photos"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "red.jpg" in done.stdout + done.stderr
    done = subprocess.run([*MODISTE, "data", "describe", "\x1b[31mnowhere"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "nowhere: no such file" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_a_stopped_command_says_so_in_json_where_json_was_asked_for(drawn_folder: Path, tmp_path: Path) -> None:
    command = [*MODISTE, "label", str(drawn_folder), "-o", str(tmp_path / "labels.csv"), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as job:
        while not (tmp_path / "labels.csv.state").is_dir() and job.poll() is None:
            time.sleep(0.05)
        job.send_signal(signal.SIGTERM)
        said, _ = job.communicate()
    assert job.returncode == 143
    assert "kept" in json.loads(said)["error"]  # in the words of the program or, once it labels, of the job
