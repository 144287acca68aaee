"""A look: one answer a photo's bytes, kept; whatever is stopped, renamed, changed or damaged, the same as if all were asked at once."""

import os
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
from shops import OWN, Counted, fill, network, never, png, shop

from modiste.data.layouts.sources import source_at
from modiste.data.taxonomy import read_taxonomy
from modiste.projects import looked
from modiste.projects.looked import Look, seen_before, snapshot
from modiste.records.errors import ModisteError, Stopped
from modiste.records.progress import silent

ODD = ["a\nb.png", "=cmd.png", 'say "hi".png', b"caf\xe9\xff.png", "\u202egnp.png", "<script>.png", "deep/er/1.png", " .png"]


def look(photos: Path, folder: Path, labeller, tell=silent, stop=never):
    return Look(source_at(photos), labeller, OWN, read_taxonomy(None), folder, tell, stop)


def taken(photos, folder, labeller, **more):
    *_, last = look(photos, folder, labeller, **more).taken()
    return last


def said(found):
    """What a look says of each photo, by path, features and all, wherever its answer is kept."""
    features = found.features
    return {
        one.path: (
            one.own,
            found.reasons[row],
            found.shas[row].tobytes(),
            found.probabilities[row].tobytes(),
            found.strangeness[row].tobytes(),
            features[found.places[row]].tobytes() if found.places[row] >= 0 else None,
        )
        for row, one in enumerate(found.photos)
    }


class StopAt:
    """Raises `Stopped` the so-manieth time that it is asked, or told."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, *_given) -> None:
        self.left -= 1
        if self.left < 0:
            raise Stopped("it was asked to stop.", 0)


@pytest.fixture
def small(monkeypatch):
    """Looks in many small portions."""
    monkeypatch.setattr(looked, "FIRST", 20)
    monkeypatch.setattr(looked, "GROWTH", 1)


def test_a_look_says_what_the_network_says_of_each_photo(colours, tmp_path):
    photos, network = shop(tmp_path / "shop", 7), Counted(colours)
    found = taken(photos, tmp_path / "looks", network.labeller)
    assert [one.path for one in found.photos] == sorted(path.name for path in photos.iterdir())
    for row, one in enumerate(found.photos):
        (label,) = network.found.label(photos / one.path)
        assert found.probabilities[row].tolist() == pytest.approx(list(label.probabilities.values()))
        assert found.strangeness[row] == pytest.approx(label.strangeness)
    assert (found.total, found.width, found.reasons) == (7, 6, ("",) * 7)


@pytest.mark.parametrize("by", ["stop", "tell"])
@pytest.mark.usefixtures("small")
def test_a_look_that_is_stopped_anywhere_goes_on_and_says_the_same(colours, tmp_path, by):
    photos = shop(tmp_path / "shop", 70)
    whole = said(taken(photos, tmp_path / "whole", Counted(colours).labeller))
    stops = 0
    for after in (0, 1, 3):
        network, folder, times = Counted(colours), tmp_path / f"looks-{after}", 0
        while True:
            try:
                found = taken(photos, folder, network.labeller, **{by: StopAt(after)})
                break
            except Stopped:
                times += 1
                stops += 1
                if times > 3:  # one that is always stopped at once never comes to its end
                    found = taken(photos, folder, network.labeller)
                    break
        assert said(found) == whole
        assert network.photos <= 70 + 16 * times  # what was on its way may be asked again; nothing else
    assert stops > 3


def test_all_that_was_known_when_a_look_was_stopped_is_kept(colours, tmp_path):
    """Answers wait up to a second before they are written: a look that is stopped writes them at once, whichever call stops it."""
    photos = shop(tmp_path / "shop", 40)
    for by in ("stop", "tell"):
        first, second = Counted(colours), Counted(colours)
        with pytest.raises(Stopped):
            taken(photos, tmp_path / by, first.labeller, **{by: StopAt(0)})
        taken(photos, tmp_path / by, second.labeller)
        assert second.photos == 40 - 16


def test_a_second_look_asks_about_nothing_that_is_known(colours, tmp_path):
    photos, first, second = shop(tmp_path / "shop", 9), Counted(colours), Counted(colours)
    before = said(taken(photos, tmp_path / "looks", first.labeller))
    assert said(taken(photos, tmp_path / "looks", second.labeller)) == before
    assert (first.photos, second.photos) == (9, 0)


def test_renamed_added_changed_and_removed_photos_are_as_if_looked_at_anew(colours, tmp_path):
    photos, network = shop(tmp_path / "shop", 9), Counted(colours)
    taken(photos, tmp_path / "looks", network.labeller)
    (photos / "000-Red.png").rename(photos / "zzz.png")
    (photos / "001-Green.png").unlink()
    (photos / "002-Blue.png").write_bytes(png("Red", 100))
    (photos / "new.png").write_bytes(png("Green", 101))
    again = Counted(colours)
    found = said(taken(photos, tmp_path / "looks", again.labeller))
    assert again.photos == 2
    assert found == said(taken(photos, tmp_path / "others", Counted(colours).labeller))
    assert set(found) == {path.name for path in photos.iterdir()}


@pytest.mark.usefixtures("small")
def test_the_first_photos_are_given_before_all_are_looked_at(colours, tmp_path):
    photos = shop(tmp_path / "shop", 50)
    parts = list(look(photos, tmp_path / "looks", Counted(colours).labeller).taken())
    assert [len(part) for part in parts] == [20, 40, 50]
    assert [part.total for part in parts] == [50] * 3
    whole = said(parts[-1])
    assert len(whole) == 50
    for part in parts:
        assert said(part) == {one.path: whole[one.path] for one in part.photos}


def test_what_was_said_the_last_time_is_there_at_once(colours, tmp_path):
    photos, network = shop(tmp_path / "shop", 9), Counted(colours)
    (photos / "broken.jpg").write_bytes(b"no picture")
    assert seen_before(tmp_path / "looks", network.labeller) is None
    found = taken(photos, tmp_path / "looks", network.labeller)
    before = seen_before(tmp_path / "looks", network.labeller)
    assert said(before) == said(found)
    assert (before.total, before.model) == (10, network.labeller.id)


def test_a_damaged_snapshot_is_never_believed(colours, tmp_path):
    photos, network, chance = shop(tmp_path / "shop", 5), Counted(colours), random.Random(0)
    whole = said(taken(photos, tmp_path / "looks", network.labeller))
    path = snapshot(tmp_path / "looks", network.labeller)
    data = path.read_bytes()
    for _ in range(300):
        at = chance.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :])
        assert seen_before(tmp_path / "looks", network.labeller) is None
        path.write_bytes(data[:at])
        assert seen_before(tmp_path / "looks", network.labeller) is None
    path.write_bytes(data)
    assert said(seen_before(tmp_path / "looks", network.labeller)) == whole
    path.write_bytes(b"")
    assert said(taken(photos, tmp_path / "looks", network.labeller)) == whole
    assert path.read_bytes() == data


def test_damaged_answers_are_asked_for_anew(colours, tmp_path):
    photos, chance = shop(tmp_path / "shop", 9), random.Random(0)
    folder = tmp_path / "looks"
    whole = said(taken(photos, folder, Counted(colours).labeller))
    (kept,) = folder.glob("*.bin")
    data = kept.read_bytes()
    for _ in range(25):
        at = chance.randrange(len(data))
        kept.write_bytes(chance.choice((data[:at], data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :])))
        network = Counted(colours)
        assert said(taken(photos, folder, network.labeller)) == whole
        assert network.photos > 0
        assert kept.read_bytes() == data
    kept.unlink()
    assert seen_before(folder, Counted(colours).labeller) is None
    assert said(taken(photos, folder, Counted(colours).labeller)) == whole


def test_a_snapshot_of_answers_that_were_lost_is_not_believed_while_they_are_asked_for_anew(colours, tmp_path):
    """Once damaged answers are cut off, others take their places; a look that is stopped then leaves no snapshot that leads to those."""
    photos, folder = shop(tmp_path / "shop", 40), tmp_path / "looks"
    network = Counted(colours)
    (photos / "a-Red.png").write_bytes(png("Red", 77))
    taken(photos, folder, network.labeller)
    whole = said(seen_before(folder, network.labeller))
    (kept,) = folder.glob("*.bin")
    data = bytearray(kept.read_bytes())
    data[len(data) // 2] ^= 1
    kept.write_bytes(bytes(data))
    (photos / "000-New.png").write_bytes(png("Blue", 78))
    with pytest.raises(Stopped):
        taken(photos, folder, network.labeller, stop=StopAt(0))
    before = seen_before(folder, network.labeller)
    assert before is None or said(before) == whole


def test_unreadable_photos_have_their_reason_and_the_others_their_answer(colours, tmp_path):
    photos = shop(tmp_path / "shop", 4)
    (tmp_path / "outside.png").write_bytes(png("Red", 1))
    whole = png("Red", 2)
    (photos / "empty.png").write_bytes(b"")
    (photos / "text.jpg").write_bytes(b"<html>404 Not Found</html>")
    (photos / "cut.png").write_bytes(whole[: len(whole) // 2])
    (photos / "out.png").symlink_to(tmp_path / "outside.png")
    (photos / "gone.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(photos / "pipe.png")
    reasons = {"empty.png": "empty", "text.jpg": "not_an_image", "cut.png": "truncated", "out.png": "outside_root"}
    for _ in range(2):  # the second look knows the bytes of some
        found = taken(photos, tmp_path / "looks", Counted(colours).labeller)
        told = {one.path: found.reasons[row] for row, one in enumerate(found.photos)}
        assert {name: told[name] for name in reasons} == reasons
        assert told["gone.png"] in ("outside_root", "missing")
        assert told["pipe.png"] == "not_a_regular_file"
        assert all(not told[path] for path in told if path.startswith("00"))
        rows = [row for row, reason in enumerate(found.reasons) if reason]
        assert (found.places[rows] == -1).all()
        assert np.isnan(found.probabilities[rows]).all()


def test_a_photo_that_was_refused_and_is_mended_is_asked_about(colours, tmp_path):
    photos = shop(tmp_path / "shop", 3)
    (photos / "late.png").write_bytes(b"half a")
    assert taken(photos, tmp_path / "looks", Counted(colours).labeller).reasons[3] == "not_an_image"
    (photos / "late.png").write_bytes(png("Blue", 5))
    assert taken(photos, tmp_path / "looks", Counted(colours).labeller).reasons[3] == ""


def test_copies_are_found_and_asked_about_once(colours, tmp_path):
    photos, same, network = shop(tmp_path / "shop", 3), png("Red", 50), Counted(colours)
    for name in ("a.png", "b.png", "c/d.png"):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_bytes(same)
    for name in ("e1.png", "e2.png"):
        (photos / name).write_bytes(b"not a picture")
    found = taken(photos, tmp_path / "looks", network.labeller)
    groups = [sorted(found.photos[row].path for row in rows) for rows in found.copies.values()]
    assert groups == [["a.png", "b.png", "c/d.png"]]
    assert len(found.features) == 4
    heads = [found.photos[row].path for row in found.heads.tolist()]
    assert sorted(heads) == ["000-Red.png", "001-Green.png", "002-Blue.png", "a.png"]


def test_names_that_are_no_text_are_kept_byte_for_byte(colours, tmp_path):
    photos, network = fill(tmp_path / "shop", ODD), Counted(colours)
    found = taken(photos, tmp_path / "looks", network.labeller)
    names = {os.fsencode(one.path) for one in found.photos}
    assert names == {os.fsencode(name) for name in ODD}
    assert found.reasons == ("",) * len(ODD)
    assert said(seen_before(tmp_path / "looks", network.labeller)) == said(found)


def test_another_network_has_answers_of_its_own(colours, tmp_path):
    photos, folder = shop(tmp_path / "shop", 6), tmp_path / "looks"
    one, other = Counted(colours), Counted(network(tmp_path / "other.onnx", (1, 2, 0)))
    first = said(taken(photos, folder, one.labeller))
    second = said(taken(photos, folder, other.labeller))
    assert other.photos == 6
    assert first != second
    assert said(seen_before(folder, one.labeller)) == first
    assert said(seen_before(folder, other.labeller)) == second


def test_photos_in_an_archive_are_looked_at_as_those_in_a_folder_are(colours, tmp_path):
    photos = fill(tmp_path / "shop", [name for name in ODD if isinstance(name, str) and "\n" not in name])
    (photos / "broken.jpg").write_bytes(b"no picture")
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        for path in sorted(photos.rglob("*.*")):
            archive.write(path, path.relative_to(photos).as_posix())
    network = Counted(colours)
    from_folder = said(taken(photos, tmp_path / "looks", network.labeller))
    asked = network.photos
    from_archive = taken(tmp_path / "shop.zip", tmp_path / "others", network.labeller)
    assert said(from_archive) == from_folder
    assert network.photos == 2 * asked
    again = Counted(colours)
    assert said(taken(tmp_path / "shop.zip", tmp_path / "others", again.labeller)) == from_folder
    assert again.photos == 0


def test_a_folder_without_pictures_is_refused_in_words(colours, tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "read.me").write_text("nothing")
    with pytest.raises(ModisteError, match=r"no pictures|found no"):
        taken(tmp_path / "shop", tmp_path / "looks", Counted(colours).labeller)


def test_photos_are_never_written_to(colours, tmp_path, faults):
    photos = shop(tmp_path / "shop", 4)
    before = faults.tree_hash(photos)
    taken(photos, tmp_path / "looks", Counted(colours).labeller)
    assert faults.tree_hash(photos) == before


def test_while_photos_are_read_for_what_is_known_it_is_told_and_stops(colours, tmp_path, monkeypatch):
    photos = shop(tmp_path / "shop", 70)
    taken(photos, tmp_path / "looks", Counted(colours).labeller)
    read, told = [], []
    real = looked.content_hash
    monkeypatch.setattr(looked, "content_hash", lambda root, path: read.append(path) or real(root, path))
    taken(photos, tmp_path / "looks", Counted(colours).labeller, tell=told.append)
    assert [one.done for one in told if one.stage == "reading the photos"] == [16, 32, 48, 64]
    for by in ("stop", "tell"):
        read.clear()
        with pytest.raises(Stopped):
            taken(photos, tmp_path / "looks", Counted(colours).labeller, **{by: StopAt(0)})
        assert len(read) == 16
