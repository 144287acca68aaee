"""A lock: one holder at a time however many come, named to the others, and free as soon as its holder ends."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from modiste.records import lock
from modiste.records.errors import Busy, MachineError
from modiste.records.lock import locked

COMER = """
    import os, sys, time
    from pathlib import Path

    from modiste.records.errors import Busy
    from modiste.records.lock import locked

    folder, rounds, wait = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "wait"
    done = {"was in": 0, "was refused": 0}
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(rounds):
        try:
            with locked(folder / ".lock", "a hat", wait=wait):
                os.close(os.open(folder / "inside", os.O_CREAT | os.O_EXCL))  # an error where another is inside
                with (folder / "visits").open("ab", buffering=0) as visits:
                    visits.write(b"x")
                (folder / "inside").unlink()
            done["was in"] += 1
        except Busy as error:
            assert "is being worked on by process " in str(error), error
            done["was refused"] += 1
    print(done["was in"], done["was refused"], flush=True)
"""

HOLDER = """
    import subprocess, sys
    from pathlib import Path

    from modiste.records.lock import locked

    with locked(Path(sys.argv[1]), "a hat"):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        print(child.pid, flush=True)
        sys.stdin.readline()
"""


def started(program, *arguments):
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def comers(tmp_path, monkeypatch):
    """What each of some processes did that came to one lock at the same time, again and again."""

    def of(count, rounds, how):
        processes = [started(COMER, tmp_path, rounds, how) for _ in range(count)]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate(timeout=100)[0].split() for process in processes]
        assert [process.returncode for process in processes] == [0] * count
        return [(int(was_in), int(refused)) for was_in, refused in said]

    return of


def test_never_two_are_inside(comers, tmp_path):
    """The file is taken away by each holder and made anew by the next: whoever opened the old one must not think it holds the lock."""
    done = comers(6, 150, "or leave")
    assert sum(was_in + refused for was_in, refused in done) == 6 * 150
    assert sum(was_in for was_in, _ in done) == (tmp_path / "visits").stat().st_size
    assert sum(refused for _, refused in done) > 0
    assert not (tmp_path / ".lock").exists()


def test_whoever_waits_gets_in(comers, tmp_path):
    assert comers(4, 5, "wait") == [(5, 0)] * 4
    assert (tmp_path / "visits").stat().st_size == 20


def test_a_lock_is_free_at_once_when_its_holder_is_killed(tmp_path):
    """Though a process that the holder started lives on."""
    path = tmp_path / "runs" / ".lock"
    with started(HOLDER, path) as process:
        child = int(process.stdout.readline())
        with (
            pytest.raises(Busy, match=rf"a hat is being worked on by process {process.pid} on .*\. Wait for it to end, or stop it\."),
            locked(path, "a hat"),
        ):
            pytest.fail("two hold the lock")
        process.kill()
    try:
        os.kill(child, 0)  # it lives
        begun = time.monotonic()
        with locked(path, "a hat"):
            assert time.monotonic() - begun < 0.5
            assert f"process {os.getpid()} on " in path.read_text()
    finally:
        os.kill(child, signal.SIGTERM)
    assert not path.exists()


def test_a_lock_holds_where_the_disk_has_no_room_for_words(tmp_path, monkeypatch):
    path = tmp_path / ".lock"

    class Full:
        def __init__(self, file):
            self.file = file

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, _words):
            raise OSError(28, "No space left on device")

    opened = type(path).open
    monkeypatch.setattr(
        type(path), "open", lambda self, mode="r", *a, **b: (Full if "+" in mode else lambda file: file)(opened(self, mode, *a, **b))
    )
    with locked(path, "a hat"), pytest.raises(Busy, match="is being worked on by another process"), locked(path, "a hat"):
        pytest.fail("two hold the lock")
    assert not path.exists()


def test_an_error_inside_lets_go(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path / ".lock", "a hat"):
        raise ZeroDivisionError
    with locked(tmp_path / ".lock", "a hat"):
        pass


def test_a_place_that_cannot_be_locked_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MachineError, match=r"\.lock could not be opened: "), locked(tmp_path / "file" / ".lock", "a hat"):
        pass


def test_a_share_without_locks_is_named(tmp_path, monkeypatch):
    def refused(_file):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock, "claim", refused)
    with pytest.raises(MachineError, match=r"\.lock could not be locked: No locks available"), locked(tmp_path / ".lock", "a hat"):
        pass


def test_whoever_waits_is_told_for_whom(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(lock, "POLL_SECONDS", 0)
    with started(HOLDER, tmp_path / ".lock") as process:
        child = int(process.stdout.readline())

        def tell(event):
            told.append(event)
            process.kill()

        with locked(tmp_path / ".lock", "a hat", wait=True, tell=tell):
            assert f"for process {process.pid} on " in told[0].note
            assert "which works on a hat" in told[0].note
        os.kill(child, signal.SIGTERM)
