"""Labels from another column: the column's values are the classes, and nothing else of a photo changes."""

from dataclasses import replace
from pathlib import Path

import pytest

from modiste.data.layouts.declared import Undeclared
from modiste.data.relabel import labelled_by, read_labelled_by
from modiste.records.catalogue import Catalogue, Photo, Suggestion
from modiste.records.errors import ModisteError, UsageError
from modiste.records.labels import PAPER_CLASSES, Classes


def catalogue(*kinds, column="article_type"):
    photos = [Photo(f"{n}.jpg", n % 4, Suggestion(1, "a taxonomy"), split="train", details={column: kind}) for n, kind in enumerate(kinds)]
    return Catalogue(Path("shop"), PAPER_CLASSES, tuple(photos))


def test_the_classes_are_the_columns_values_in_alphabetical_order():
    found = labelled_by(catalogue("Shirts", "Belts", "Shirts"), "article_type")
    assert found.classes == Classes(("Belts", "Shirts"))
    assert [photo.label for photo in found.photos] == [1, 0, 1]


def test_nothing_but_label_and_suggestion_changes():
    before = catalogue("Shirts", "Belts")
    after = labelled_by(before, "article_type")
    assert [replace(photo, label=None) for photo in after.photos] == [
        replace(photo, label=None, suggestion=None) for photo in before.photos
    ]


def test_values_that_differ_in_capitals_are_one_class_in_its_commonest_spelling():
    found = labelled_by(catalogue("Belts", "belts", "Belts", "Ties"), "article_type")
    assert found.classes.names == ("Belts", "Ties")
    assert found.counts() == [3, 1]


def test_a_photo_without_a_value_has_no_label():
    found = labelled_by(catalogue("Belts", " ", "Ties"), "article_type")
    assert [photo.label for photo in found.photos] == [0, None, 1]


def test_declared_classes_give_the_codes_and_refuse_other_values():
    declared = Classes(("Ties", "Belts"))
    assert [photo.label for photo in labelled_by(catalogue("Belts", "Ties"), "article_type", declared).photos] == [1, 0]
    with pytest.raises(ModisteError, match=r"2\.jpg' has 'Hats' in article_type"):
        labelled_by(catalogue("Belts", "Ties", "Hats"), "article_type", declared)


def test_an_unknown_column_is_answered_with_the_near_one():
    with pytest.raises(UsageError, match="Did you mean 'article_type'"):
        labelled_by(catalogue("Belts", "Ties"), "articletype")


@pytest.fixture
def shop(tmp_path, paint):
    """A table whose own labels nobody declared, with a column beside them."""

    def made(*rows: str, head: str = "image,class,kind") -> Path:
        paint(tmp_path, "1.jpg", "2.jpg", "3.jpg")
        (tmp_path / "p.csv").write_text("\n".join([head, *rows]) + "\n")
        return tmp_path / "p.csv"

    return made


WORDS, CODES = ("1.jpg,Hat,y", "2.jpg,Glove,x", "3.jpg,,y"), ("1.jpg,7,y", "2.jpg,0,x", "3.jpg,-1,y")


def told(found: Catalogue) -> list[str | None]:
    return [None if photo.label is None else found.classes.names[photo.label] for photo in found.photos]


@pytest.mark.parametrize("rows", [WORDS, CODES])
def test_a_column_labels_photos_whose_own_classes_nobody_declared(shop, rows):
    where = shop(*rows)
    for declared, names in ((None, ("x", "y")), (Classes(("y", "z", "x")), ("y", "z", "x"))):
        found = read_labelled_by(where, None, "kind", declared)
        assert (found.classes.names, told(found)) == (names, ["y", "x", "y"])
    with pytest.raises(UsageError, match="Did you mean 'kind'"):
        read_labelled_by(where, None, "kinds")


def test_a_column_labels_photos_whose_own_labels_are_mostly_the_papers(tmp_path, paint):
    paint(tmp_path, "1.jpg", "2.jpg", "3.jpg")
    (tmp_path / "metadata.csv").write_text("file_name,label,kind\n1.jpg,Shoes,y\n2.jpg,Hat,x\n3.jpg,Bags,y\n")
    assert told(read_labelled_by(tmp_path, None, "kind")) == ["y", "x", "y"]
    assert told(read_labelled_by(tmp_path, None, "label")) == ["Shoes", "Hat", "Bags"]


def test_the_column_of_the_labels_is_a_column_too_and_its_codes_are_not_guessed(shop):
    found = read_labelled_by(shop(*WORDS), None, "class")
    assert (found.classes.names, told(found)) == (("Glove", "Hat"), ["Hat", "Glove", None])
    found = read_labelled_by(shop(*WORDS), None, "Class", Classes(("Hat", "Glove")))
    assert (found.classes.names, told(found)) == (("Hat", "Glove"), ["Hat", "Glove", None])
    with pytest.raises(Undeclared):
        read_labelled_by(shop(*CODES), None, "class")
    found = read_labelled_by(shop(*CODES), None, "class", Classes(tuple("abcdefgh")))
    assert told(found) == ["h", "a", None]


def test_of_two_columns_of_labels_the_one_that_is_named_counts(shop):
    where = shop("1.jpg,Hat,y", "2.jpg,Glove,", "3.jpg,Hat,x", head="image,label,class")
    assert told(read_labelled_by(where, None, "class")) == ["y", None, "x"]
    assert told(read_labelled_by(where, None, "label")) == ["Hat", "Glove", "Hat"]


def test_folders_are_no_column(tmp_path, paint):
    paint(tmp_path, "Shoes/1.jpg", "Bags/2.jpg")
    with pytest.raises(ModisteError, match="no further columns"):
        read_labelled_by(tmp_path, None, "class")
