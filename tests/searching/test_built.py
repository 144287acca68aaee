"""An index ends with the same bytes however it came about; nothing is asked about twice; damage is noticed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from modiste.data.opening.images import to_pixels
from modiste.records.errors import Busy, Damaged, ModisteError, Stopped
from modiste.records.lock import locked
from modiste.searching import built, stored
from modiste.searching.stored import open_stored
from modiste.training import stopping

from .conftest import jpeg, painted, squares_bundle, tree


@pytest.fixture
def counted(squares):
    asked = Counter()

    def ask(pixels):
        asked["photos"] += len(pixels)
        return squares.ask(pixels)

    return replace(squares, ask=ask), asked


def test_each_photo_that_can_be_read_has_its_features_at_length_1_in_the_order_of_paths(photos, indexed, squares):
    made = indexed()
    names = [made.stored.name(row) for row in range(len(made))]
    assert names == sorted(str(path.relative_to(photos)) for path in photos.rglob("*.jpg") if path.name not in ("04.jpg", "05.jpg"))
    assert made.refused == (("a/04.jpg", "empty"), ("b/05.jpg", "truncated"))
    for row, name in enumerate(names):
        answers = squares.score(to_pixels((photos / name).read_bytes(), 64, "rgb", squares.pixels.fit, "")[None])
        features = answers.features[0] / np.linalg.norm(answers.features[0])
        assert made.stored.vectors[row] == pytest.approx(features, abs=1e-6)
        assert made.stored.rows["label"][row] == answers.called[0]
        assert made.stored.find(name) == row
    assert made.stored.find("a/00") is None
    assert made.stored.find("07.jpg") == names.index("b/07.jpg")


def test_added_changed_renamed_and_removed_photos_end_with_the_bytes_of_an_index_made_at_once(photos, indexed, counted, tmp_path):
    labeller, asked = counted
    indexed(model=labeller)
    before = asked["photos"]
    (photos / "a" / "new.jpg").write_bytes(jpeg(painted(100)))
    (photos / "b" / "07.jpg").write_bytes(jpeg(painted(101)))
    (photos / "a" / "00.jpg").rename(photos / "b" / "renamed.jpg")
    (photos / "a" / "02.jpg").unlink()
    shutil.copy(photos / "b" / "09.jpg", photos / "b" / "twice.jpg")
    made = indexed(model=labeller)
    assert (made.scored, asked["photos"] - before) == (2, 3)  # one more to learn how many features there are
    indexed("at-once.index")
    assert tree(tmp_path / "photos.index") == tree(tmp_path / "at-once.index")
    assert set(tree(tmp_path / "photos.index")) == {"index.json", *made.stored.about.files.values()}


def test_where_nothing_changed_nothing_is_asked_about_or_written(indexed, counted, tmp_path):
    labeller, _ = counted
    indexed(model=labeller)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "photos.index").iterdir()}
    assert indexed(model=labeller).scored == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "photos.index").iterdir()} == times


def test_blocks_do_not_show(indexed, tmp_path, monkeypatch):
    """An index of many blocks, built in two steps, has the vectors of one of a single block."""
    whole = indexed("whole.index").stored
    for module in (stored, built):
        monkeypatch.setattr(module, "BLOCK", 5)
    parts = indexed("parts.index").stored
    assert len(parts.about.sums) == 5
    assert (parts.vectors == whole.vectors).all()
    assert np.concatenate([some for _, some in parts.blocks()]).tolist() == whole.vectors.tolist()
    assert parts.names[:] == whole.names[:]


@pytest.mark.parametrize("after", [1, 9, 20])
def test_a_stopped_build_goes_on_and_ends_with_the_same_bytes(after, indexed, counted, tmp_path, monkeypatch):
    indexed("whole.index")
    labeller, asked = counted
    finish, wishes, init = built.Work.finish, [], stopping.Wish.__init__

    def stop_soon(work, *args, **more):
        finish(work, *args, **more)
        if work.done == after:
            wishes[0].signalled = ("Ctrl-C", 130)

    monkeypatch.setattr(stopping.Wish, "__init__", lambda wish, *args: (init(wish, *args), wishes.append(wish))[0])
    monkeypatch.setattr(built.Work, "finish", stop_soon)
    with pytest.raises(Stopped, match=r"The same command goes on") as stopped:
        indexed(model=labeller)
    assert stopped.value.exit_code == 130
    assert not (tmp_path / "photos.index" / "index.json").exists()
    monkeypatch.undo()
    first = asked["photos"]
    indexed(model=labeller)
    assert asked["photos"] - first <= 24 - after + 6  # what was on its way is asked about again
    assert tree(tmp_path / "photos.index") == tree(tmp_path / "whole.index")


KILLED = """
import os, sys
from modiste.{room} import {module} as module
real, calls = module.{name}, [0]
def dying(*args, **more):
    calls[0] += 1
    if calls[0] == {call}:
        os._exit(9)
    return real(*args, **more)
module.{name} = dying
from modiste.searching.index import index
index(sys.argv[1], sys.argv[2], model=sys.argv[3])
"""


@pytest.mark.parametrize(
    ("room", "module", "name", "call"),
    [
        ("serving", "asking", "finished", 12),
        ("records", "kept", "append_bytes", 1),
        ("searching", "stored", "sync_folder", 1),
        ("searching", "stored", "write_sealed", 1),
        ("searching", "stored", "sweep", 1),
    ],
)
def test_killed_at_a_named_point_a_build_ends_with_the_same_bytes(room, module, name, call, photos, indexed, bundle, tmp_path):
    """The first index is of other photos: until the last step, it stands."""
    indexed("whole.index")
    some = photos / "a" / "06.jpg"
    held = some.read_bytes()
    some.unlink()
    indexed()
    some.write_bytes(held)
    for number in range(13, 24, 2):
        path = photos / "b" / f"{number}.jpg"
        path.write_bytes(path.read_bytes() + b"\0")  # other bytes, the same picture
    indexed("changed.index")
    code = KILLED.format(room=room, module=module, name=name, call=min(call, 3))
    done = subprocess.run([sys.executable, "-c", code, photos, tmp_path / "photos.index", bundle], capture_output=True, check=False)
    assert done.returncode == 9, done.stderr.decode()
    assert len(open_stored(tmp_path / "photos.index")) in (21, 22)
    indexed()
    assert tree(tmp_path / "photos.index") == tree(tmp_path / "changed.index")


def test_one_changed_bit_anywhere_is_noticed_and_mended_by_a_build(indexed, tmp_path):
    """In what names photos when the index is opened, in a vector when it is first read."""
    made = indexed()
    whole = tree(tmp_path / "photos.index")
    rng = np.random.default_rng(0)
    for name in whole:
        for place in rng.integers(0, len(whole[name]), 4).tolist():
            data = bytearray(whole[name])
            data[place] ^= 1 << int(rng.integers(8))
            (tmp_path / "photos.index" / name).write_bytes(data)
            with pytest.raises((Damaged, ModisteError), match=r"damaged|seal|another version"):
                indexed(as_it_is=True).search("a/06.jpg")
            again = indexed()
            assert again.search("a/06.jpg") == made.search("a/06.jpg")
            assert tree(tmp_path / "photos.index") == whole
    for name in set(whole) - {"index.json"}:
        (tmp_path / "photos.index" / name).unlink()
        with pytest.raises(Damaged, match="missing"):
            indexed(as_it_is=True)
        assert indexed().scored == 22


def test_an_index_that_another_process_replaces_while_it_is_opened_is_the_new_one(tmp_path, monkeypatch):
    """The files of the old one go as soon as the page speaks of the new ones."""

    def written(name: str):
        rows = np.zeros(1, stored.ROW)
        return stored.write_stored(tmp_path, [stored.Part(np.ones((1, 3), "f4"), rows, [name])], stored.About("net", "net", ("a", "b")))

    written("old.jpg")
    mapped, calls = stored.mapped, []

    def replaced(folder, name, check):
        calls.append(name)
        if len(calls) == 1:
            written("new.jpg")
        return mapped(folder, name, check)

    monkeypatch.setattr(stored, "mapped", replaced)
    assert open_stored(tmp_path).name(0) == "new.jpg"
    (tmp_path / open_stored(tmp_path).about.files["names"]).unlink()
    with pytest.raises(Damaged, match="is missing"):
        open_stored(tmp_path)


def test_another_network_builds_anew_and_says_so(indexed, squares, tmp_path):
    from modiste.serving.labeller import load

    indexed()
    other = load(squares_bundle(tmp_path / "other.onnx", seed=1, name="other"), threads=1)
    with pytest.raises(ModisteError, match=r"was made with squares-\w+ .* and this is other-"):
        indexed(model=other, as_it_is=True)
    made = indexed(model=other)
    assert made.scored == 22
    assert made.notes == (f"The index was of {squares.id}: all photos were asked about anew.",)


def test_an_archive_has_the_index_of_its_folder(photos, indexed, tmp_path):
    shutil.make_archive(str(tmp_path / "packed"), "zip", photos)
    folder, packed = indexed(), indexed("packed.index", where=tmp_path / "packed.zip")
    assert tree(folder.stored.folder) == tree(packed.stored.folder)
    assert packed.search("a/06.jpg") == folder.search("a/06.jpg")


def test_photos_are_not_touched_and_the_index_stands_beside_them(photos, squares, tmp_path):
    from modiste.searching.index import index

    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in photos.rglob("*.jpg")}
    index(photos, model=squares)
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in photos.rglob("*.jpg")} == before
    assert {path.name for path in tmp_path.iterdir()} == {"photos", "photos.index"}


def test_one_photo_is_nothing_to_search_in_and_nothing_is_written_beside_it(photos, squares):
    from modiste.searching.index import index

    before = sorted(photos.rglob("*"))
    with pytest.raises(ModisteError, match=r"06\.jpg is one photo.*Give the folder"):
        index(photos / "a" / "06.jpg", model=squares)
    assert sorted(photos.rglob("*")) == before


def test_places_that_are_not_for_an_index_are_refused(photos, indexed, tmp_path):
    with pytest.raises(ModisteError, match="never written to"):
        indexed("photos/index")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine")
    with pytest.raises(ModisteError, match="is no index"):
        indexed("mine")
    with pytest.raises(ModisteError, match="is no index of photos"):
        indexed("nothing", as_it_is=True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModisteError, match="no pictures in it"):
        indexed("e", where=tmp_path / "empty")
    (tmp_path / "empty" / "1.jpg").write_bytes(b"")
    with pytest.raises(ModisteError, match=r"none of its 1 photos could be read\. The first: 1\.jpg: empty"):
        indexed("e", where=tmp_path / "empty")
    with locked(tmp_path / "photos.index" / ".lock", "x"):
        code = "import sys; from modiste.searching.index import index; index(sys.argv[1], sys.argv[2], model=sys.argv[3])"
        command = [sys.executable, "-c", code, photos, tmp_path / "photos.index", os.devnull]
        assert subprocess.run(command, capture_output=True, check=False).returncode
        with pytest.raises(Busy):
            indexed()
