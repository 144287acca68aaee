"""Jobs: one after another, each told of and stoppable; however one ends, that is said and the next begins."""

import threading
import time

import pytest

from modiste.projects.jobs import MISTAKE, Jobs
from modiste.records.errors import MachineError, ModisteError, Stopped
from modiste.records.progress import Progress


class Bench:
    """Jobs, their log, and how often there was news."""

    def __init__(self) -> None:
        self.lines, self.news = [], 0
        self.jobs = Jobs(self.changed, self.lines.append)

    def changed(self) -> None:
        self.news += 1

    def until(self, holds) -> None:
        ends = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < ends
            time.sleep(0.005)

    def last(self, kind: str):
        self.until(lambda: self.jobs.last is not None and self.jobs.last.kind == kind)
        return self.jobs.last


@pytest.fixture
def bench():
    made = Bench()
    yield made
    made.jobs.close()
    assert not made.jobs.thread.is_alive()


def test_jobs_are_done_in_the_order_in_which_they_came(bench):
    done, go = [], threading.Event()
    bench.jobs.add("a", lambda _tell, _stop: (go.wait(20) and done.append("a")) or "a")
    for kind in "bcd":
        assert bench.jobs.add(kind, lambda _tell, _stop, kind=kind: done.append(kind) or kind)
    go.set()
    bench.last("d")
    assert done == list("abcd")


def test_one_of_a_kind_waits_or_works_at_a_time(bench):
    go, times = threading.Event(), []
    assert bench.jobs.add("look", lambda _tell, _stop: str(go.wait(20)))
    bench.until(lambda: bench.jobs.now is not None)
    assert not bench.jobs.add("look", lambda _tell, _stop: times.append(1) or "")
    assert bench.jobs.add("train", lambda _tell, _stop: "")
    assert not bench.jobs.add("train", lambda _tell, _stop: times.append(1) or "")
    go.set()
    assert bench.last("train").ok
    bench.until(lambda: bench.jobs.now is None)
    assert bench.jobs.add("look", lambda _tell, _stop: times.append(2) or "")
    bench.until(lambda: times)
    assert times == [2]


@pytest.mark.parametrize("by", ["stop", "tell"])
def test_a_job_that_is_stopped_says_so_and_the_next_goes_on(bench, by):
    begun = threading.Event()

    def work(tell, stop):
        begun.set()
        for number in range(100_000):
            stop() if by == "stop" else tell(Progress("looking", number, 100_000))
            time.sleep(0.001)
        return "to its end"

    bench.jobs.add("look", work)
    assert begun.wait(20)
    bench.jobs.add("next", lambda _tell, stop: stop() or "it was not stopped")
    bench.jobs.stop()
    until = bench.last("next")
    assert (until.ok, until.words) == (True, "it was not stopped")


def test_a_stop_while_nothing_is_at_work_stops_nothing_that_comes_later(bench):
    bench.jobs.stop()
    bench.jobs.add("look", lambda _tell, stop: stop() or "done")
    assert bench.last("look").words == "done"


@pytest.mark.parametrize(
    "error, words",
    [
        (ModisteError("name a folder."), "name a folder."),
        (MachineError("the disk is full."), "the disk is full."),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (Stopped("x", 0), "It was stopped. What was done is kept: begun again, it goes on from there."),
    ],
)
def test_what_a_person_can_mend_is_said_in_words(bench, error, words):
    def work(_tell, _stop):
        raise error

    bench.jobs.add("look", work)
    ended = bench.last("look")
    assert (ended.ok, ended.words, ended.stopped) == (False, words, isinstance(error, Stopped))
    assert bench.lines == ([] if isinstance(error, Stopped) else [f"modiste: {words}"])


@pytest.mark.parametrize("error", [ZeroDivisionError("secret"), MemoryError(), RecursionError(), AssertionError("secret")])
def test_a_mistake_of_ours_is_logged_whole_and_owned_up_to(bench, error):
    def work(_tell, _stop):
        raise error

    bench.jobs.add("look", work)
    ended = bench.last("look")
    assert (ended.ok, ended.words) == (False, MISTAKE)
    assert [type(error).__name__ in line and "Traceback" in line for line in bench.lines] == [True]
    bench.jobs.add("next", lambda _tell, _stop: "well")
    assert bench.last("next").ok


def test_it_is_told_how_far_a_job_is_and_how_fast_it_goes(bench, monkeypatch):
    clock, seen, go = [100.0], [], threading.Event()
    monkeypatch.setattr("modiste.projects.jobs.time.monotonic", lambda: clock[0])

    def work(tell, _stop):
        for second in range(31):
            clock[0] = 100.0 + second
            tell(Progress("looking", 5 * second if second < 15 else 75 + 50 * (second - 15), 1000, note=f"{second}"))
            seen.append(bench.jobs.now)
        tell(Progress("writing", 0, 10))
        seen.append(bench.jobs.now)
        go.set()
        return ""

    bench.jobs.add("look", work)
    assert go.wait(20)
    assert seen[0].rate is None
    assert seen[10].rate == pytest.approx(5)
    assert seen[30].rate == pytest.approx(50)  # of the last ten seconds
    assert (seen[30].told.done, seen[30].told.note) == (825, "30")
    assert seen[31].rate is None  # another stage


def test_there_is_news_whenever_something_changes(bench):
    before = bench.news
    bench.jobs.add("look", lambda tell, _stop: tell(Progress("looking", 1, 2)) or "done")
    bench.until(lambda: bench.jobs.last is not None and bench.jobs.now is None)
    bench.until(lambda: bench.news >= before + 4)
    assert bench.news >= before + 4  # it waits, begins, tells, ends


def test_close_stops_what_is_at_work_and_forgets_what_waits():
    bench, begun, done = Bench(), threading.Event(), []

    def work(_tell, stop):
        begun.set()
        try:
            while True:
                stop()
                time.sleep(0.001)
        finally:
            done.append("kept what it knew")

    bench.jobs.add("look", work)
    bench.jobs.add("train", lambda _tell, _stop: done.append("never") or "")
    assert begun.wait(20)
    bench.jobs.close()
    assert done == ["kept what it knew"]
    assert not bench.jobs.last.ok


def test_a_job_that_begins_while_jobs_are_closed_is_stopped_too():
    """However close and the next job's beginning fall together, close does not wait for a job that nobody stops."""
    for _ in range(200):
        bench = Bench()

        def work(_tell, stop):
            ends = time.monotonic() + 20
            while time.monotonic() < ends:
                stop()
                time.sleep(0.0001)
            pytest.fail("it was never stopped")

        bench.jobs.add("look", work)
        bench.jobs.close()
        assert not bench.jobs.thread.is_alive()


def test_a_failure_stands_until_one_of_its_kind_is_on_its_way_or_did_well(bench):
    go = threading.Event()

    def fails(_tell, _stop):
        raise ModisteError("row 3 is bent.")

    bench.jobs.add("look", fails)
    bench.last("look")
    bench.jobs.add("map", lambda _tell, _stop: "drawn")
    bench.last("map")
    assert (bench.jobs.failed("look"), bench.jobs.failed("map"), bench.jobs.failed("train")) == ("row 3 is bent.", None, None)
    bench.jobs.add("look", lambda _tell, _stop: str(go.wait(20)))
    assert bench.jobs.failed("look") is None
    go.set()
    bench.last("look")
    bench.until(lambda: bench.jobs.now is None)
    assert bench.jobs.failed("look") is None


def test_a_kind_is_done_once_its_last_did_well_and_none_is_on_its_way(bench):
    go = threading.Event()

    def fails(_tell, _stop):
        raise ModisteError("row 3 is bent.")

    assert not bench.jobs.done("look")
    bench.jobs.add("look", lambda _tell, _stop: str(go.wait(20)))
    assert not bench.jobs.done("look")
    go.set()
    bench.last("look")
    bench.until(lambda: bench.jobs.now is None)
    assert bench.jobs.done("look")
    bench.jobs.add("look", fails)
    bench.last("look")
    bench.until(lambda: bench.jobs.now is None)
    assert not bench.jobs.done("look")
