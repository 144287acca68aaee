"""Catalogues and classes: codes declared once, rows checked when a catalogue is made."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import ModisteError, UsageError
from modiste.records.labels import PAPER_CLASSES, Classes

photos = st.lists(
    st.builds(Photo, st.text(min_size=1), st.none() | st.integers(0, 3), split=st.sampled_from(["", "train", "test"])),
    unique_by=lambda photo: photo.path,
).map(tuple)


def catalogue(*photos):
    return Catalogue(Path("shop"), PAPER_CLASSES, photos)


@given(photos)
def test_counts_add_up_to_the_labelled_photos(photos):
    made = catalogue(*photos)
    assert sum(made.counts()) == sum(photo.label is not None for photo in photos)
    assert made.counts() == [sum(photo.label == code for photo in photos) for code in range(4)]


@given(photos)
def test_a_split_holds_its_labelled_photos_in_their_order(photos):
    part = catalogue(*photos).split("train")
    assert list(part.photos) == [photo for photo in photos if photo.split == "train" and photo.label is not None]
    assert part.labels() == [photo.label for photo in part.photos]
    assert part.classes == PAPER_CLASSES


def test_no_path_stands_twice():
    with pytest.raises(ModisteError, match=r"1 photos stand there twice, the first is 'a.jpg'"):
        catalogue(Photo("a.jpg"), Photo("b.jpg"), Photo("a.jpg", 1))


@pytest.mark.parametrize("label", [-1, 4])
def test_a_label_is_a_code_of_the_classes(label):
    with pytest.raises(ModisteError, match=f"a.jpg: label {label} is none of 0 Shoes, 1 Clothing, 2 Accessories, 3 Bags"):
        catalogue(Photo("a.jpg", label))


def test_a_photo_without_a_label_is_named_where_labels_are_needed():
    with pytest.raises(ModisteError, match=r"b.jpg has no label"):
        catalogue(Photo("a.jpg", 0), Photo("b.jpg")).labels()


def test_a_catalogue_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        catalogue().photos = ()


def test_the_paper_s_codes_are_those_of_its_figure_6():
    assert [PAPER_CLASSES.code(name) for name in ("Shoes", "Clothing", "Accessories", "Bags")] == [0, 1, 2, 3]


def test_a_class_is_found_whatever_its_capitals():
    assert PAPER_CLASSES.code(" bAGS ") == 3
    with pytest.raises(UsageError, match="Did you mean 'Bags'"):
        PAPER_CLASSES.code("Bag")


def test_classes_are_read_from_a_line_in_the_order_of_their_codes():
    assert Classes.parse("Hats, Gloves") == Classes(("Hats", "Gloves"))


@pytest.mark.parametrize("names", [(), ("Hats",), ("Hats", "hats "), ("Hats", " ")])
def test_classes_that_cannot_be_told_apart_are_refused(names):
    with pytest.raises(ModisteError, match=r"two classes or more|must differ"):
        Classes(names)
