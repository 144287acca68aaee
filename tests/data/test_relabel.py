"""Labels from another column: the column's values are the classes, and nothing else of a photo changes."""

from dataclasses import replace
from pathlib import Path

import pytest

from modiste.data.relabel import labelled_by
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
