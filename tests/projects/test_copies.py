"""What was said of a photo holds for copies that come later, and is taken back with it."""

import shutil

import pytest
from shops import open_studio, png, say, shop

from modiste.annotating.decisions import Decision
from modiste.projects.choosing import Wanted, following
from modiste.projects.exchange import download
from modiste.projects.state import left_of
from modiste.records.progress import silent

OTHER = "0f" * 32  # the SHA-256 of bytes that no photo here has


def never():
    """Nobody asks to stop."""


@pytest.fixture
def photos(tmp_path):
    return shop(tmp_path / "shop", 6)


@pytest.fixture
def made(photos, colours):
    with open_studio(photos, model=colours) as studio:
        yield studio


def copied(made, name, of="001-Green.png"):
    """A copy comes, and is looked at."""
    shutil.copy(made.source.root / of, made.source.root / name)
    made.look(silent, never)


def sha(made, path):
    return made.found.looked.shas[made.found.by_path[path]].tobytes().hex()


def test_a_copy_that_comes_later_has_what_was_said(made):
    for path in list(made.found.by_path):
        say(made, path, "Green", sha256=sha(made, path))
    copied(made, "copy.png")
    assert made.standing.settled("copy.png") == "Green"
    assert left_of(made, made.found) == 0
    assert following(made, made.found, Wanted("random", 20, "ada")) == []
    assert b"copy.png,Green," in download(made, "labels.csv")[2]
    assert len(made.ledger.log) == 6  # nobody said it of the copy: the log holds what people said
    assert not made.is_replaced("copy.png")


def test_it_is_there_after_a_restart_and_after_another_look(photos, made, colours):
    say(made, "001-Green.png", "Green")
    say(made, "001-Green.png", "Blue", "bob")
    for _ in range(2):
        copied(made, "copy.png")
        assert made.standing.conflict("copy.png")
        assert made.standing.counts().conflicts == 2
    say(made, "001-Green.png", "Red", how="adjudicated")
    made.look(silent, never)
    assert made.standing.settled("copy.png") == "Red"
    assert made.standing.counts().classes == {"Red": 2}


def test_what_is_taken_back_is_taken_back_of_copies_that_came_later(made):
    say(made, "001-Green.png", "Green")
    copied(made, "copy.png")
    say(made, "002-Blue.png", "Blue")
    assert [one.photo for one in made.undo("ada")] == ["002-Blue.png"]  # the last that was said, though the copy came after the other
    assert made.standing.settled("copy.png") == "Green"
    assert [one.photo for one in made.undo("ada")] == ["001-Green.png", "copy.png"]
    assert made.standing.photos() == []
    assert made.standing.counts().labelled == 0
    assert made.standing.counts().people == {}


def test_what_is_said_of_the_copy_itself_stands_and_taken_back_gives_way(made):
    say(made, "001-Green.png", "Green")
    copied(made, "copy.png")
    both = [Decision(name, path, "label", "Red", "ada", "single", batch="b") for name, path in (("x", "001-Green.png"), ("y", "copy.png"))]
    made.take(both)
    made.look(silent, never)
    assert made.standing.counts().classes == {"Red": 2}
    made.undo("ada")
    assert made.standing.counts().classes == {"Green": 2}
    made.undo("ada")
    assert made.standing.photos() == []


def test_what_was_said_of_other_bytes_holds_for_no_copy(made):
    say(made, "001-Green.png", "Green", sha256=OTHER)
    copied(made, "copy.png")
    assert made.standing.settled("copy.png") is None


def test_a_copy_that_is_one_no_more_is_asked_about(photos, made):
    say(made, "001-Green.png", "Green")
    copied(made, "copy.png")
    (photos / "copy.png").write_bytes(png("Red", 700))
    made.look(silent, never)
    assert made.standing.photos() == ["001-Green.png"]
    assert made.standing.counts().labelled == 1


def test_of_copies_with_different_labels_the_last_word_holds(made):
    copied(made, "copy.png")
    say(made, "001-Green.png", "Green", at="2026-01-01T00:00:00.000Z")
    say(made, "copy.png", "Red", at="2026-01-02T00:00:00.000Z")
    copied(made, "another.png")
    assert made.standing.settled("another.png") == "Red"
