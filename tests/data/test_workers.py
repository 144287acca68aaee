"""Photos in worker processes: in order, each alone with its fate, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import killers
import numpy as np
import pytest

from modiste.data.opening import crew, workers
from modiste.data.opening.images import to_pixels
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.workers import each_photo
from modiste.records.errors import MachineError, UsageError
from modiste.records.progress import Progress

HERE = str(Path(__file__).parent)
FATES = {  # what a photo orders -> the reason for it, and a word of the detail
    "exit": ("decoder_crashed", "exit code 3"),
    "segfault": ("decoder_crashed", "SIGSEGV"),
    "sleep": ("timeout", "1 s"),
    "grow": ("out_of_memory", ""),
    "raise": ("decoder_crashed", "KeyError"),
    "refuse": ("corrupt", "as ordered"),
    "lie": ("decoder_crashed", "nonsense"),
    "leave": ("decoder_crashed", "exit code 1"),
}


@pytest.fixture(autouse=True)
def workers_of_our_own():
    yield
    crew.close()


def lay(root: Path, orders: list[str]) -> list[str]:
    """Files that order something, of different lengths."""
    for number, order in enumerate(orders):
        (root / f"{number}.jpg").write_bytes(order.encode() + b" " + bytes(number))
    return [f"{number}.jpg" for number in range(len(orders))]


def lengths(made: list[object]) -> list[object]:
    return [one.reason if isinstance(one, PhotoRefused) else int(np.ravel(one)[0]) for one in made]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(pids: set[int], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(map(alive, pids))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_killers_are_refused_alone_and_all_others_come_in_order(tmp_path, workers):
    orders = [name for fate in FATES for name in ("good", fate, "good", "print")] + ["good"] * 20
    paths = lay(tmp_path, orders)
    made = list(each_photo(tmp_path, paths, killers.job, {"factor": 10}, workers=workers, seconds=1, memory_bytes=1 << 29))
    for number, (order, one) in enumerate(zip(orders, made, strict=True)):
        if order in FATES:
            assert (one.reason, one.where in (f"{number}.jpg", "here")) == (FATES[order][0], True)
            assert FATES[order][1] in one.detail
        else:
            assert one.tolist() == [10 * (len(order) + 1 + number)]


def test_killers_side_by_side_leave_nobody_else_without_an_answer(tmp_path):
    orders = ["exit", "segfault", "exit", "good"] * 6
    made = list(each_photo(tmp_path, lay(tmp_path, orders), killers.job, workers=2))
    assert [isinstance(one, PhotoRefused) for one in made] == [order != "good" for order in orders]


def test_a_worker_gives_what_the_job_gives_here(tmp_path, paint):
    paths = [f"{number}.jpg" for number in range(30)]
    paint(tmp_path, *paths)
    options = {"side": 32, "colour": "rgb", "fit": "squash"}
    for path, made in zip(paths, each_photo(tmp_path, paths, to_pixels, options), strict=True):
        assert np.array_equal(made, to_pixels((tmp_path / path).read_bytes(), where=path, **options))
        assert made.flags.writeable


def test_arrays_of_any_plain_kind_come_through(tmp_path):
    paths = lay(tmp_path, ["a", "b"])
    (one, two) = each_photo(tmp_path, paths, killers.structured)
    assert one.dtype == np.dtype([("path", "U20"), ("length", "i8"), ("pair", "f4", (2,))])
    assert one.tolist()[0][:2] == ("0.jpg", 2)
    assert two["pair"].tolist() == [[1.5, 2.5]]
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "large.jpg").write_bytes(bytes(range(256)) * 20_000)
    empty, large = each_photo(tmp_path, ["empty.jpg", "large.jpg"], killers.bytes_of)
    assert empty.shape == (0,)
    assert large.tobytes() == bytes(range(256)) * 20_000


def test_names_of_any_bytes_reach_the_file(tmp_path, jpeg):
    names = [
        b"new\nline.jpg",
        b"quote'\".jpg",
        b"=cmd.jpg",
        b"\xff\xfe.jpg",
        "\u202egpj.jpg".encode(),
        "\U0001f45a.jpg".encode(),
        b"%s{}.jpg",
    ]
    paths = [os.fsdecode(name) for name in names]
    for path in paths:
        (tmp_path / path).write_bytes(jpeg(path))
    options = {"side": 32, "colour": "rgb", "fit": "squash"}
    made = list(each_photo(tmp_path, [*paths, "\udcff.jpg"], to_pixels, options))
    for path, one in zip(paths, made[:-1], strict=True):
        assert np.array_equal(one, to_pixels(jpeg(path), where=path, **options))
    assert (made[-1].where, made[-1].reason) == ("\udcff.jpg", "missing")


def test_mistakes_of_the_caller_are_raised_as_they_are(tmp_path):
    paths = lay(tmp_path, ["a"])
    with pytest.raises(UsageError, match=r"^no colour called 'gray'$"):
        list(each_photo(tmp_path, paths, killers.mistaken))
    with pytest.raises(TypeError, match="missing a required argument: 'side'"):
        each_photo(tmp_path, paths, to_pixels)
    with pytest.raises(UsageError, match="at the top of a module"):
        each_photo(tmp_path, paths, lambda data, where: np.zeros(1))
    assert lengths(list(each_photo(tmp_path, paths, killers.job))) == [2]  # the control, with the workers that are left


def test_no_more_paths_are_taken_than_a_few_chunks(tmp_path):
    """A million paths need no more memory than a hundred."""
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield "0.jpg"

    lay(tmp_path, ["a"])
    made = each_photo(tmp_path, endless(), killers.job, workers=2)
    for _ in range(50):
        next(made)
    made.close()
    assert 50 <= taken <= 50 + 4 * 2 * workers.CHUNK


def test_workers_are_kept_for_the_next_call_and_few_photos_start_few(tmp_path):
    crew.close()
    paths = lay(tmp_path, ["a"] * 40)
    first = set(lengths(list(each_photo(tmp_path, paths[:1], killers.pid, workers=2))))
    assert len(first) == 1
    assert set(lengths(list(each_photo(tmp_path, paths[:1], killers.pid, workers=2)))) == first
    assert len(crew.IDLE) == 1
    crew.close()
    assert gone(first)


def test_a_worker_that_died_while_it_waited_costs_no_photo(tmp_path):
    paths = lay(tmp_path, ["a"])
    (pid,) = lengths(list(each_photo(tmp_path, paths, killers.pid)))
    os.kill(pid, signal.SIGKILL)
    assert lengths(list(each_photo(tmp_path, paths, killers.job))) == [2]


def test_closing_early_ends_the_work_at_once(tmp_path):
    """Whoever sleeps is not waited for."""
    paths = ["0.jpg"] * 16 + lay(tmp_path, ["good"] + ["sleep"] * 60)
    begun = time.monotonic()
    each_photo(tmp_path, paths, killers.job).close()  # nothing was asked yet
    made = each_photo(tmp_path, paths, killers.job, workers=2)
    assert lengths([next(made)]) == [5]
    made.close()
    assert time.monotonic() - begun < 5  # a sleeper would take 10 s


def test_an_archive_is_indexed_outside_a_photo_s_time_and_memory(tmp_path, jpeg):
    """30,000 members of long names take more than the photo may have."""
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        archive.writestr("1.jpg", jpeg("1.jpg"))
        for number in range(30_000):
            archive.writestr(f"{number:05}{'n' * 900}", b"")
    options = {"side": 32, "colour": "rgb", "fit": "squash"}
    made = list(
        each_photo(tmp_path / "shop.zip", ["1.jpg", "none.jpg"], to_pixels, options, workers=1, seconds=0.5, memory_bytes=100 << 20)
    )
    assert made[0].shape == (32, 32, 3)
    assert made[1].reason == "missing"


def test_a_system_that_starts_no_process_is_told_in_words(tmp_path, monkeypatch):
    paths = lay(tmp_path, ["a"])
    for command, words in (
        (("/no/such/python",), "could not be started: /no/such/python"),
        (("/bin/false",), "could not be started: /bin/false"),
    ):
        monkeypatch.setattr(crew, "COMMAND", command)
        monkeypatch.setattr(workers, "COMMAND", command)
        crew.close()
        with pytest.raises(MachineError, match=words):
            list(each_photo(tmp_path, paths, killers.job))


def test_two_threads_may_ask_at_once(tmp_path):
    orders = ["good", "exit", "good", "good"] * 10
    paths = lay(tmp_path, orders)
    expected = lengths(list(each_photo(tmp_path, paths, killers.job)))
    with ThreadPoolExecutor(3) as pool:
        for made in pool.map(lambda _: lengths(list(each_photo(tmp_path, paths, killers.job, workers=2))), range(6)):
            assert made == expected
    assert len(crew.IDLE) <= crew.processors()


def test_progress_is_told_now_and_then_and_at_the_end(tmp_path):
    told: list[Progress] = []
    list(each_photo(tmp_path, lay(tmp_path, ["a"] * 70), killers.job, tell=told.append, stage="looking"))
    assert [(one.stage, one.done, one.total) for one in told] == [("looking", 64, 70), ("looking", 70, 70)]


SCRIPT = """
import sys
sys.path.insert(0, {here!r})
import killers, os, time
from modiste.data.opening.workers import each_photo
from pathlib import Path
pids = {{int(made) for made in each_photo(Path({root!r}), ["0.jpg"] * 40, killers.pid, workers=2)}}
print(*pids, flush=True)
{then}
"""
ENDINGS = {
    "returns": ("pass", None),
    "fails": ("raise SystemExit(3)", None),
    "leaves at once": ("os._exit(0)", None),
    "killed": ("time.sleep(60)", signal.SIGKILL),
    "interrupted at work": ("list(each_photo(Path({root!r}), ['1.jpg'] * 40, killers.job))", signal.SIGINT),
    "killed at work": ("list(each_photo(Path({root!r}), ['1.jpg'] * 40, killers.job, seconds=1))", signal.SIGKILL),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_workers_end_with_the_program_however_it_ends(tmp_path, ending):
    """No guard on __main__ is needed, and Ctrl-C shows no traceback of a worker's."""
    lay(tmp_path, ["a", "sleep"])
    then, sent = ENDINGS[ending]
    script = SCRIPT.format(here=HERE, root=str(tmp_path), then=then.format(root=str(tmp_path)))
    (tmp_path / "script.py").write_text(script)
    asking = subprocess.Popen([sys.executable, str(tmp_path / "script.py")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    pids = {int(word) for word in asking.stdout.readline().split()}
    assert pids
    if sent:
        time.sleep(0.3)
        asking.send_signal(sent)
    _, complaints = asking.communicate(timeout=20)
    assert gone(pids, 25)
    assert complaints.count("Traceback") == (1 if sent == signal.SIGINT else 0)


def test_a_forked_copy_of_the_program_has_workers_of_its_own(tmp_path):
    paths = lay(tmp_path, ["a"] * 3)
    ours = set(lengths(list(each_photo(tmp_path, paths, killers.pid, workers=1))))
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        theirs = set(lengths(list(each_photo(tmp_path, paths, killers.pid, workers=1))))
        crew.close()
        os.write(writing, b"apart" if theirs.isdisjoint(ours) else b"shared")
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as heard:
        assert heard.read() == b"apart"
    assert set(lengths(list(each_photo(tmp_path, paths, killers.pid, workers=1)))) == ours
