"""What the log says is saved is there afterwards, once and as it was said; damage and full disks are said in words."""

import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from histories import ODD_NAMES, read

from modiste.annotating.log import Undo, open_log
from modiste.annotating.standing import replayed
from modiste.records.errors import Busy, Damaged, MachineError, ModisteError


def test_all_that_was_added_is_read_as_it_was_said(path, said):
    given = [said(photo, "Shoes", confidence=0.25, seconds=1, batch="b", model="m", sha256="a" * 64) for photo in ODD_NAMES]
    with open_log(path) as log:
        fresh = log.add(given)
        assert [replace(one, at="") for one in fresh] == given
    assert read(path) == fresh
    assert all(one.at.endswith("Z") for one in fresh)


@pytest.mark.parametrize("label", ["=1+1", "<b>", "naïve", "שלום", "a\nb", "'"])
def test_labels_are_data(path, said, label):
    with open_log(path) as log:
        log.add([said(label=label, suggested=label)])
    assert read(path)[0].label == label


def test_the_same_id_counts_once_and_never_says_two_things(path, said):
    one, other = said(label="Shoes", id="x"), said("2.jpg", "Bags", id="y")
    with open_log(path) as log:
        assert len(log.add([one, one])) == 1
        assert log.add([replace(one, suggested="Bags", confidence=0.5), other]) == list(log.each())[1:]  # a newer model's guess
        with pytest.raises(ModisteError, match="saved before"):
            log.add([said("3.jpg", "Bags"), replace(one, label="Bags")])
        assert len(log) == 2


def test_undo_takes_back_the_last_that_stands_any_number_of_times(path, said):
    with open_log(path) as log:
        first = log.add([said("1.jpg", "Shoes"), said("2.jpg", "Bags")])
        batch = log.add([said(f"{n}.jpg", "Shoes", batch="grid-1") for n in range(3, 9)])
        log.add([said("3.jpg", "Bags", who="bob")])
        assert log.undo("ada") == batch[::-1]
        again = log.add([said("9.jpg", "Shoes")])
        assert [log.undo("ada") for _ in range(4)] == [again, [first[1]], [first[0]], []]
    with open_log(path) as log:
        assert log.undo("ada") == []
        assert [one.photo for one in log.undo("bob")] == ["3.jpg"]


def test_two_batches_one_after_the_other_are_taken_back_one_by_one(path, said):
    with open_log(path) as log:
        log.add([said(f"{n}.jpg", "Shoes", batch=f"b{n // 3}") for n in range(6)])
        assert [[one.photo for one in log.undo("ada")] for _ in range(2)] == [["5.jpg", "4.jpg", "3.jpg"], ["2.jpg", "1.jpg", "0.jpg"]]


def test_an_undo_that_is_sent_twice_counts_once(path, said):
    with open_log(path) as log:
        log.add([said("1.jpg", "Shoes"), said("2.jpg", "Shoes")])
        assert log.undo("ada", "u1") == log.undo("ada", "u1")
        assert len([one for one in log.each() if isinstance(one, Undo)]) == 1
        log.undo("bob", "u2")  # nothing to take back, and that stays so
        log.add([said("3.jpg", "Shoes", who="bob")])
        assert log.undo("bob", "u2") == []
        for who, name in (("bob", "u1"), ("ada", "d1")):
            with pytest.raises(ModisteError, match="used before"):
                log.undo(who, name)
    with open_log(path) as log:
        assert [one.photo for one in log.undo("ada", "u1")] == ["2.jpg"]


def test_a_decision_cannot_bear_the_id_of_an_undo(path, said):
    with open_log(path) as log:
        log.undo("ada", "u1")
        with pytest.raises(ModisteError, match="saved before"):
            log.add([said("1.jpg", "Shoes", id="u1")])


def test_one_process_at_a_time(path):
    second = "import sys, pathlib; from modiste.annotating.log import open_log\nwith open_log(pathlib.Path(sys.argv[1])): pass"
    with open_log(path), pytest.raises(Busy, match="is being worked on by process"), open_log(path):
        pass
    with open_log(path):
        done = subprocess.run([sys.executable, "-c", second, str(path)], capture_output=True, text=True, check=False)
    assert "Busy" in done.stderr


def test_threads_share_it(path, said):
    given = [[said(f"{n}-{m}.jpg", "Shoes", who=f"w{n}") for m in range(20)] for n in range(6)]
    with open_log(path) as log:
        threads = [threading.Thread(target=lambda some=some: [log.add([one]) for one in some]) for some in given]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = read(path)
    for some in given:  # each person's own in their order
        assert [one.id for one in found if one.who == some[0].who] == [one.id for one in some]


def lines(path, said, n=200):
    with open_log(path) as log:
        log.add([said(f"{n}.jpg", "Shoes") for n in range(n)])


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE rows SET label = 'Bags' WHERE number = 7",
        "DELETE FROM rows WHERE number = 7",
        "UPDATE rows SET who = 'eve' WHERE number = 200",
    ],
)
def test_a_row_that_changed_is_noticed(path, said, harm):
    lines(path, said)
    with sqlite3.connect(path) as base:
        base.execute(harm)
    base.close()
    with pytest.raises(Damaged, match=r"is damaged: row \d+ is not as it was written"), open_log(path):
        pass


def test_a_file_that_was_hurt_anywhere_is_never_read_wrong(path, said):
    """A flipped bit is refused in words, or makes no difference; what is refused is left as it is."""
    lines(path, said)
    whole, good, refused = path.read_bytes(), read(path), 0
    for place in range(0, len(whole), 997):
        hurt = bytearray(whole)
        hurt[place] ^= 4
        path.write_bytes(hurt)
        try:
            assert read(path) == good
        except Damaged:
            refused += 1
        except ModisteError as error:  # its version, or whose it is
            refused += "newer" in str(error) or "belongs" in str(error)
    assert refused > 8  # the rest of the file is empty


@pytest.mark.parametrize("content", [b"not a data base, but long enough to be looked at as one" * 40, b"SQLite format 3\0" + b"\0" * 4000])
def test_what_is_no_log_is_refused_in_words(path, content):
    path.write_bytes(content)
    with pytest.raises(ModisteError, match=r"damaged|no log"), open_log(path):
        pass
    assert path.read_bytes() == content


def test_another_programs_data_base_is_left_alone(path):
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE hats (size)")
    base.close()
    with pytest.raises(ModisteError, match="belongs to another program"), open_log(path):
        pass


def test_a_newer_log_is_not_misread(path, said):
    lines(path, said, 3)
    with sqlite3.connect(path) as base:
        base.execute("UPDATE decisions_of_modiste SET version = 2")
    base.close()
    with pytest.raises(ModisteError, match="newer modiste"), open_log(path):
        pass


def test_a_place_that_cannot_be_written_is_said_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError), open_log(tmp_path / "file" / "decisions.sqlite"):
        pass


def test_on_a_full_disk_all_of_a_request_is_refused_and_what_was_saved_stays(path, said):
    with open_log(path) as log:
        saved = log.add([said("1.jpg", "Shoes")])
        pages = log.base.execute("PRAGMA page_count").fetchone()[0]
        log.base.execute(f"PRAGMA max_page_count = {pages + 2}")
        many = [said(f"{n}.jpg", "Shoes", batch="b") for n in range(2, 2000)]
        with pytest.raises(MachineError, match="no space left"):
            log.add(many)
        assert list(log.each()) == saved
        log.base.execute("PRAGMA max_page_count = 100000")
        assert len(log.add(many)) == len(many)  # room was made: the same request is taken
        assert len(log.undo("ada")) == len(many)
    assert len(read(path)) == 2 + len(many)


FULL = """
import pathlib, resource, signal, sys
from modiste.annotating.decisions import Decision
from modiste.annotating.log import open_log
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open_log(pathlib.Path(sys.argv[1])) as log:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    for n in range(4000):
        log.add([Decision(f"d{n}", f"{n}.jpg", "label", "Shoes", "ada", "single")])
        print(n, flush=True)
"""


def test_where_no_byte_more_can_be_written_what_was_reported_is_there(path):
    pytest.importorskip("resource")
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=False)
    assert "MachineError" in done.stderr
    assert "nothing of this was saved" in done.stderr
    reported = len(done.stdout.split())
    assert 0 < reported < 4000
    assert [one.id for one in read(path)] == [f"d{n}" for n in range(reported)]


def test_replaying_gives_what_stood(path, said):
    with open_log(path) as log:
        log.add([said("1.jpg", "Shoes"), said("2.jpg", kind="bad"), said("1.jpg", "Bags")])
        log.undo("ada")
    with open_log(path) as log:
        standing = replayed(log)
    assert standing.settled("1.jpg") == "Shoes"
    assert standing.counts().bad == 1
