"""Labels from elsewhere: what is told of them is so."""

import csv
from dataclasses import replace

import pytest
import shops
from shops import open_studio, say, shop

from modiste.data.layouts.readers import read
from modiste.learning.labels import labels_in
from modiste.projects.exchange import download, taken_in, written_out
from modiste.projects.learning import labelled
from modiste.records.errors import ModisteError
from modiste.records.labels import Classes


@pytest.fixture
def made(colours, tmp_path):
    with open_studio(shop(tmp_path / "shop", 6), model=colours) as studio:
        yield studio


def test_what_became_of_each_label_is_told_in_the_right_number(made, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("photo,label\n000-Red.png,Red\n")
    assert taken_in(made, str(table), "ada")["words"] == "1 label was taken in."
    table.write_text("photo,label\n000-Red.png,Red\n001-Green.png,Red\n002-Blue.png,Red\nfar.png,Red\n")
    told = "2 labels were taken in. 1 was said before. 1 is of a photo that is not in this project."
    assert taken_in(made, str(table), "ada")["words"] == told


@pytest.mark.parametrize("known", [0, 3])
def test_labels_of_photos_that_are_still_to_come_are_not_said_to_be_of_none(made, tmp_path, known):
    table = tmp_path / "labels.csv"
    table.write_text("photo,label\n000-Red.png,Red\n")
    whole = made.found
    made.found = replace(whole, looked=replace(whole.looked, waiting=tuple(f"later{n}.jpg" for n in range(50)))) if known else None
    with pytest.raises(ModisteError, match="still being looked at"):
        taken_in(made, str(table), "ada")
    made.found = whole
    assert taken_in(made, str(table), "ada")["taken"] == 1


@pytest.fixture
def hats(colours, tmp_path):
    shop = shops.shop(tmp_path / "shop", 3)
    with open_studio(shop, model=colours, classes=Classes(("Hats", "Shoes", "Gloves"))) as studio:
        yield studio


def test_labels_in_the_projects_own_classes_are_taken_in_from_any_layout(hats, tmp_path):
    names = ["000-Red.png", "001-Green.png", "002-Blue.png"]
    folders = tmp_path / "folders"
    for folder, name in zip(("Hats", "Gloves", "Shoes"), names, strict=True):
        (folders / folder).mkdir(parents=True)
        (folders / folder / name).write_bytes(b"")
    assert taken_in(hats, str(folders), "ada")["taken"] == 3
    assert [hats.standing.settled(name) for name in names] == ["Hats", "Gloves", "Shoes"]
    face = tmp_path / "face"
    face.mkdir()
    for name in names:
        (face / name).write_bytes(b"")
    (face / "metadata.csv").write_text("file_name,label\n000-Red.png,Shoes\n001-Green.png,Shoes\n002-Blue.png,Hats\n")  # mostly the paper's
    assert taken_in(hats, str(face), "ada")["taken"] == 3
    (face / "metadata.csv").write_text("file_name,label\n000-Red.png,1\n001-Green.png,0\n")
    with pytest.raises(ModisteError, match="codes are never guessed"):
        taken_in(hats, str(face), "ada")
    (folders / "Socks").mkdir()
    (folders / "Socks" / "x.png").write_bytes(b"")
    with pytest.raises(ModisteError, match=r"'Socks' is no class\. There are: Hats, Shoes, Gloves"):
        taken_in(hats, str(folders), "ada")


def test_the_honest_sample_is_of_split_test_in_the_table_to_learn_from(colours, tmp_path):
    with open_studio(shop(tmp_path / "shop", 20), model=colours) as studio:
        for path in studio.found.by_path:
            say(studio, path, "Red")
        _, _, data = download(studio, "labels.csv")
        rows = list(csv.DictReader(data.decode().splitlines()))
        assert {row["photo"] for row in rows if row["split"] == "test"} == studio.sample
        assert 0 < len(studio.sample) < len(rows) == 20
        written = read(written_out(studio, "paper"), classes=studio.classes)
        assert len(written.split("test")) == len(studio.sample)
        assert len(written.split("train")) == 20 - len(studio.sample)


def test_a_photo_that_is_gone_does_not_have_the_table_to_learn_from_refused(colours, tmp_path):
    photos = shop(tmp_path / "shop", 6)
    with open_studio(photos, model=colours) as studio:
        for number, path in enumerate(shops.paths(studio.found)):
            say(studio, path, studio.classes.names[number % 3])
        (photos / "000-Red.png").unlink()
        studio.look(shops.silent, shops.never)
        _, _, table = download(studio, "labels.csv")
        (photos / "labels.csv").write_bytes(table)
        assert b"000-Red.png" in download(studio, "log")[2]
        assert len(labels_in(photos / "labels.csv", studio.classes)) == 5


def test_without_a_label_in_the_honest_sample_a_folder_has_no_splits(colours, tmp_path):
    with open_studio(shop(tmp_path / "shop", 20), model=colours) as studio:
        for path in set(studio.found.by_path) - studio.sample:
            say(studio, path, "Red")
        assert {photo.split for photo in read(written_out(studio, "paper"), classes=studio.classes).photos} == {""}


@pytest.mark.parametrize("known", [0, 3])
def test_nothing_is_exported_or_learnt_while_not_all_photos_are_known(made, known):
    """The honest sample is not whole then: its photos would be learnt from; and the others would be left out."""
    for path in made.found.by_path:
        say(made, path, "Red")
    whole = made.found
    made.found = replace(whole, looked=replace(whole.looked, waiting=tuple(f"later{n}.jpg" for n in range(50)))) if known else None
    for act in (lambda: download(made, "labels.csv"), lambda: written_out(made, "paper"), lambda: labelled(made)):
        with pytest.raises(ModisteError, match="still being looked at"):
            act()
    assert download(made, "log")[2].count(b"Red") >= 6
    made.found = whole
    assert len(labelled(made).photos) == 6
    assert download(made, "labels.csv")[2].count(b",Red,") == 6


def test_imported_labels_are_of_copies_too_and_say_one_thing_of_the_same_bytes(colours, tmp_path):
    photos, table = shop(tmp_path / "shop", 6), tmp_path / "labels.csv"
    for name in ("copy.png", "more/copy.png"):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_bytes((photos / "001-Green.png").read_bytes())
    alike = ["001-Green.png", "copy.png", "more/copy.png"]
    with open_studio(photos, model=colours) as studio:
        for rows in ("001-Green.png,Green\ncopy.png,Red\n", "copy.png,Red\nmore/copy.png,Blue\n"):
            table.write_text(f"photo,label\n{rows}")
            with pytest.raises(ModisteError, match="the same photo here, byte by byte"):
                taken_in(studio, str(table), "ada")
            assert studio.standing.photos() == []
        table.write_text("photo,label\ncopy.png,Green\n001-Green.png,Green\n")
        assert taken_in(studio, str(table), "ada")["words"] == "2 labels were taken in."
        assert [studio.standing.settled(path) for path in alike] == ["Green"] * 3
        assert taken_in(studio, str(table), "ada")["words"] == "0 labels were taken in. 2 were said before."
        assert len(studio.undo("ada")) == 3
        assert studio.standing.photos() == []
