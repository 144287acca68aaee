"""One row a photo, whatever the photo is; the same rows however the job was interrupted; nothing scored twice, nothing touched."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from modiste.data.opening import workers
from modiste.data.opening.images import to_pixels
from modiste.data.opening.refusals import REASONS, SECONDS
from modiste.labelling import asking
from modiste.labelling.book import words
from modiste.labelling.labelled import state_of
from modiste.records.errors import Busy, MachineError, ModisteError, Stopped, UsageError
from modiste.records.lock import locked
from modiste.training import stopping


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def counted(tiny):
    """The network, and how often it was asked."""
    asked = Counter()

    def ask(pixels):
        asked["photos"] += len(pixels)
        return tiny.ask(pixels)

    return replace(tiny, ask=ask), asked


def test_exactly_one_row_a_photo_in_the_order_of_paths_with_what_the_network_says_of_it_alone(photos, labelled, tiny, tmp_path):
    done = labelled(photos)
    found = rows(tmp_path / "labels.csv")
    assert [row["photo"] for row in found] == sorted(str(path.relative_to(photos)) for path in photos.rglob("*.jpg"))
    read = [row for row in found if row["label"]]
    for row in read[:8]:
        data = (photos / row["photo"]).read_bytes()
        assert row["sha256"] == hashlib.sha256(data).hexdigest()
        answers = tiny.score(to_pixels(data, 64, "rgb", tiny.pixels.fit, "")[None])
        shares = [float(row[f"p_{name}"]) for name in tiny.classes.names]
        assert shares == pytest.approx(answers.probabilities[0].tolist(), abs=1e-6)
        assert row["label"] == tiny.classes.names[answers.called[0]]
        assert float(row["confidence"]) == max(shares)
        assert float(row["strangeness"]) == pytest.approx(float(answers.strangeness[0]), abs=1e-3)
        assert row["model"] == tiny.id
    refused = [row for row in found if not row["label"]]
    assert len(refused) == done.tally.unread == 5
    assert all(row["decision"] == "reject" and row["reason"] in REASONS and not row["confidence"] and row["sha256"] for row in refused)
    assert done.tally.photos == 40
    assert sum(done.tally.decisions.values()) == 40


def test_photos_are_never_written_to_and_only_the_table_and_its_state_come_to_be(photos, labelled, faults, tmp_path):
    before = faults.tree_hash(photos)
    labelled(photos, review=True, photos_on_page=10)
    assert faults.tree_hash(photos) == before
    made = {path.name for path in tmp_path.iterdir()} - {"photos"}
    assert made == {"labels.csv", "labels.csv.state", "labels.review.csv", "labels.html"}


def test_photos_that_have_an_answer_are_not_scored_again_by_name_by_place_or_by_time(photos, labelled, counted, jpeg, tmp_path):
    labeller, asked = counted
    labelled(photos, labeller=labeller)
    first, before = (tmp_path / "labels.csv").read_bytes(), asked["photos"]
    assert before == 35
    some = sorted(photos.rglob("*.jpg"))[0]
    some.rename(photos / "0 moved.jpg")  # the same bytes elsewhere
    os.utime(photos / "0 moved.jpg", (1, 1))
    (photos / "added.jpg").write_bytes(jpeg("red"))
    done = labelled(photos, labeller=labeller)
    assert (asked["photos"] - before, done.found, done.tally.photos) == (1, 40, 41)
    (photos / "added.jpg").unlink()
    (photos / "0 moved.jpg").rename(some)
    labelled(photos, labeller=labeller)
    assert asked["photos"] == before + 1
    assert (tmp_path / "labels.csv").read_bytes() == first


def test_changed_bytes_under_the_same_name_and_time_are_scored_again(photos, labelled, counted, jpeg, tmp_path):
    labeller, asked = counted
    labelled(photos, labeller=labeller)
    path, before = next(path for path in sorted(photos.rglob("*.jpg")) if path.stat().st_size > 100), asked["photos"]
    time = path.stat().st_mtime_ns
    path.write_bytes(jpeg("blue"))
    os.utime(path, ns=(time, time))
    labelled(photos, labeller=labeller)
    assert asked["photos"] == before + 1


def test_another_network_scores_all_again_and_another_precision_none(photos, labelled, counted, tmp_path):
    labeller, asked = counted
    labelled(photos, labeller=labeller, precision=0.9)
    labelled(photos, labeller=labeller, precision=0.5)
    assert asked["photos"] == 35
    labelled(photos, labeller=replace(labeller, id="other-1"))
    assert asked["photos"] == 70
    assert {row["model"] for row in rows(tmp_path / "labels.csv")} == {"other-1"}


def test_a_lost_or_damaged_state_costs_time_alone(photos, labelled, tmp_path):
    labelled(photos)
    whole, kept = (tmp_path / "labels.csv").read_bytes(), state_of(tmp_path / "labels.csv") / "answers.sqlite"
    for damage in (b"", b"no data base at all" * 50, kept.read_bytes()[:2500], bytes(8192)):
        kept.write_bytes(damage)
        (tmp_path / "labels.csv").unlink(missing_ok=True)
        labelled(photos)
        assert (tmp_path / "labels.csv").read_bytes() == whole
    kept.unlink()
    labelled(photos)
    assert (tmp_path / "labels.csv").read_bytes() == whole


def test_a_flipped_bit_in_a_kept_answer_is_noticed(photos, labelled, counted, tmp_path):
    """Each answer has its own checksum: the data base has none."""
    labeller, asked = counted
    labelled(photos, labeller=labeller)
    whole, before = (tmp_path / "labels.csv").read_bytes(), asked["photos"]
    kept = state_of(tmp_path / "labels.csv") / "answers.sqlite"
    data = bytearray(kept.read_bytes())
    row = next(row for row in rows(tmp_path / "labels.csv") if row["label"])
    place = data.index(bytes.fromhex(row["sha256"])) + 34  # in the numbers behind the hash
    data[place] ^= 4
    kept.write_bytes(data)
    labelled(photos, labeller=labeller)
    assert asked["photos"] == before + 1
    assert (tmp_path / "labels.csv").read_bytes() == whole


def test_answers_that_break_while_they_are_used_are_told_in_words(tmp_path):
    said = r"answers\.sqlite was damaged while it was in use: .*malformed"
    with pytest.raises(MachineError, match=said), words(tmp_path / "answers.sqlite"):
        raise sqlite3.DatabaseError("database disk image is malformed")


def test_a_stopped_job_says_how_to_go_on_and_goes_on(photos, labelled, counted, tmp_path, monkeypatch):
    labelled(photos, output="whole.csv")
    labeller = counted[0]
    finish, wishes = asking.Job.finish, []

    def after_ten(job, *args):
        finish(job, *args)
        if job.done == 10:
            wishes[0].signalled = ("Ctrl-C", 130)

    init = stopping.Wish.__init__
    monkeypatch.setattr(stopping.Wish, "__init__", lambda wish, *args: (init(wish, *args), wishes.append(wish))[0])
    monkeypatch.setattr(asking.Job, "finish", after_ten)
    with pytest.raises(Stopped, match=r"after 10 photos, which are kept\. The same command goes on") as stopped:
        labelled(photos, labeller=labeller)
    assert stopped.value.exit_code == 130
    assert not (tmp_path / "labels.csv").exists()
    monkeypatch.undo()
    done = labelled(photos, labeller=labeller)
    assert done.found >= 9
    assert (tmp_path / "labels.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_worker_that_is_killed_from_outside_changes_no_row(photos, labelled, tmp_path, monkeypatch):
    labelled(photos, output="whole.csv")
    real, refused = workers.answer, []

    def answer(worker, seconds):
        if seconds == SECONDS and not refused:  # at a photo, not while it starts
            worker.process.kill()
            refused.append(worker)
            raise workers.WorkerLost("decoder_crashed", "SIGKILL")  # what it said before that, it may have said in time
        return real(worker, seconds)

    monkeypatch.setattr(workers, "answer", answer)
    labelled(photos)
    assert refused
    assert (tmp_path / "labels.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_the_second_of_two_processes_on_one_output_is_refused(photos, labelled, tmp_path):
    with locked(state_of(tmp_path / "labels.csv") / ".lock", "x"):
        code = (
            "import sys; from pathlib import Path; from modiste.records.lock import locked; from modiste.records.errors import Busy\n"
            "try:\n    with locked(Path(sys.argv[1]), 'labels.csv'): print('mine')\nexcept Busy: print('busy')"
        )
        lock = str(state_of(tmp_path / "labels.csv") / ".lock")
        said = subprocess.run([sys.executable, "-c", code, lock], capture_output=True, text=True, check=True).stdout
        assert said == "busy\n"
        with pytest.raises(Busy, match=r"labels\.csv is being worked on by process"):
            labelled(photos)
    assert labelled(photos).tally.photos == 40


@pytest.mark.parametrize("name", ["labels.txt", "labels", "labels.xlsx"])
def test_an_output_of_no_known_kind_is_refused_at_once(name, photos, labelled):
    with pytest.raises(UsageError, match=r"must end in \.csv, \.jsonl, \.parquet"):
        labelled(photos, output=name)


def test_nothing_of_somebody_elses_is_written_over(photos, labelled, tmp_path):
    (tmp_path / "labels.csv").write_text("Image_Name,Label,Attribute\n1.jpg,0,Shoes\n")
    with pytest.raises(ModisteError, match="no result of `modiste label`"):
        labelled(photos)
    assert (tmp_path / "labels.csv").read_text() == "Image_Name,Label,Attribute\n1.jpg,0,Shoes\n"
    (tmp_path / "other.html").write_text("<p>mine</p>")
    with pytest.raises(ModisteError, match=r"other\.html is there already"):
        labelled(photos, output="other.csv", photos_on_page=5)
    assert labelled(photos, output="new.csv").tally.photos == 40
    assert labelled(photos, output="new.csv").tally.photos == 40  # its own it writes anew


def test_the_table_that_is_labelled_is_not_written_over(photos, labelled, tmp_path):
    """A result is itself a table of photos, and was taken for the source and for the old result at once."""
    labelled(photos, review=True)
    for source, output in (("labels.csv", "labels.csv"), ("labels.review.csv", "labels.csv")):
        before = (tmp_path / source).read_bytes()
        with pytest.raises(UsageError, match=f"{source} is what is labelled"):
            labelled(tmp_path / source, output=output, review=True)
        assert (tmp_path / source).read_bytes() == before


def test_nothing_is_written_into_the_folder_of_the_photos(photos, labelled, tmp_path):
    with pytest.raises(ModisteError, match="never written to"):
        labelled(photos, output="photos/labels.csv")
    assert {path.name for path in tmp_path.iterdir()} == {"photos"}


def test_no_torch_is_imported(tiny_bundle, photos, tmp_path):
    code = (
        "import sys; sys.argv = ['modiste', 'label', sys.argv[1], '-o', sys.argv[2], '--model', sys.argv[3], '--report']\n"
        "from modiste.cli import main\ntry:\n    main()\nexcept SystemExit as end:\n    assert end.code == 3, end.code\n"
        "print([name for name in ('torch', 'sklearn', 'matplotlib', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, photos, tmp_path / "a.csv", tiny_bundle], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_of_one_photo_the_answer_is_shown_and_nothing_written(tiny_bundle, jpeg, tmp_path):
    (tmp_path / "one.jpg").write_bytes(jpeg("green"))
    command = [sys.executable, "-m", "modiste", "label", "one.jpg", "--model", tiny_bundle, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["rows"]
    assert (row["photo"], row["model"]) == ("one.jpg", json.loads(done.stdout)["model"])
    assert sum(row[name] for name in row if name.startswith("p_")) == pytest.approx(1, abs=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["one.jpg"]


def test_a_dry_run_counts_what_is_left_and_writes_nothing(tiny_bundle, photos, labelled, faults, jpeg, tmp_path):
    labelled(photos)
    (photos / "new.jpg").write_bytes(jpeg("black"))
    before = faults.tree_hash(tmp_path)
    command = [sys.executable, "-m", "modiste", "label", photos, "-o", "labels.csv", "--model", tiny_bundle, "--dry-run", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert (plan["photos"], plan["answered"]) == (41, 40)
    assert plan["seconds"] > 0
    table = (tmp_path / "labels.csv").stat().st_size + sum(path.stat().st_size for path in state_of(tmp_path / "labels.csv").iterdir())
    assert plan["disk_bytes"] > 0.3 * table
    assert faults.tree_hash(tmp_path) == before
    assert all("stage" in json.loads(line) for line in done.stderr.splitlines())


def test_the_first_so_many_are_those_of_the_whole(photos, labelled, tmp_path):
    labelled(photos)
    labelled(photos, output="few.csv", limit=7)
    whole, few = ((tmp_path / name).read_text().splitlines() for name in ("labels.csv", "few.csv"))
    assert few == whole[:8]


def test_strangers_are_rejected_and_called_so(tmp_path, labelled, jpeg):
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "white.jpg").write_bytes(jpeg("white"))  # stranger than the tiny network's 235
    (tmp_path / "some" / "grey.jpg").write_bytes(jpeg("grey"))
    done = labelled(tmp_path / "some")
    grey, white = rows(tmp_path / "labels.csv")
    assert (white["decision"], white["reason"]) == ("reject", "strange")
    assert grey["decision"] != "reject"
    assert (done.tally.unread, done.tally.rejected["strange"]) == (0, 1)
    assert np.isclose(float(white["strangeness"]), 255)
