"""Splits keep products together, every class on each side, and the same photos for the same seed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modiste.data.split import by_source, carve, split
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import ModisteError
from modiste.records.labels import PAPER_CLASSES

rows = st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 3)), st.sampled_from(["", *"abcdefgh"])), min_size=1, max_size=60)


def catalogue_of(labelled: list[tuple[int | None, str]]) -> Catalogue:
    """A product is of one class here, as in a shop."""
    photos = [Photo(f"{place:03d}.jpg", label, product=product and f"{label}{product}") for place, (label, product) in enumerate(labelled)]
    return Catalogue(Path("x"), PAPER_CLASSES, tuple(photos))


@given(rows, st.floats(0.05, 0.6), st.integers(0, 5))
def test_carving_keeps_its_laws(labelled, share, seed):
    catalogue = catalogue_of(labelled)
    rest, carved = carve(catalogue, share, seed)
    assert sorted(photo.path for photo in (*rest.photos, *carved.photos)) == [photo.path for photo in catalogue.photos]
    assert not {photo.product for photo in rest.photos if photo.product} & {photo.product for photo in carved.photos if photo.product} - {
        photo.product for photo in rest.photos if photo.label is None
    }
    assert all(photo.label is not None for photo in carved.photos)
    for code in range(4):
        groups = {photo.product or photo.path for photo in catalogue.photos if photo.label == code}
        if len(groups) >= 2:
            assert rest.counts()[code]
            assert carved.counts()[code]


def test_shares_hold_in_every_class():
    catalogue = catalogue_of([(0, "")] * 40 + [(1, "")] * 100 + [(2, "")] * 20)
    _, carved = carve(catalogue, 0.15, 0)
    assert all(abs(count - 0.15 * whole) <= 1 for count, whole in zip(carved.counts(), catalogue.counts(), strict=True))
    parts = split(catalogue, {"train": 0.7, "validation": 0.1, "test": 0.2}, 0)
    for name, share in (("train", 0.7), ("validation", 0.1), ("test", 0.2)):
        assert all(abs(count - share * whole) <= 1 for count, whole in zip(parts.split(name).counts(), catalogue.counts(), strict=True))


@given(rows, st.randoms())
def test_the_seed_decides_and_the_order_of_rows_does_not(labelled, random):
    catalogue = catalogue_of(labelled)
    shuffled = list(catalogue.photos)
    random.shuffle(shuffled)
    one, other = carve(catalogue, 0.3, 1)[1], carve(catalogue.with_photos(shuffled), 0.3, 1)[1]
    assert {photo.path for photo in one.photos} == {photo.path for photo in other.photos}


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abcdef")), min_size=2, max_size=30), st.randoms())
def test_a_product_of_two_classes_stays_together_in_any_order(labelled, random):
    photos = [Photo(f"{place:03d}.jpg", label, product=product) for place, (label, product) in enumerate(labelled)]
    one = carve(Catalogue(Path("x"), PAPER_CLASSES, tuple(photos)), 0.4, 1)
    random.shuffle(photos)
    other = carve(Catalogue(Path("x"), PAPER_CLASSES, tuple(photos)), 0.4, 1)
    assert {photo.path for photo in one[1].photos} == {photo.path for photo in other[1].photos}
    assert not {photo.product for photo in one[0].photos} & {photo.product for photo in one[1].photos}


def test_another_seed_gives_another_split():
    catalogue = catalogue_of([(1, "")] * 100)
    assert carve(catalogue, 0.3, 1)[1] != carve(catalogue, 0.3, 2)[1]


@pytest.mark.parametrize("shares", [{}, {"train": 0.5}, {"train": 1.5, "test": -0.5}, {"train": 1.0, "test": 0.0}])
def test_shares_that_do_not_add_up_are_refused(shares):
    with pytest.raises(ModisteError, match="add up to 1"):
        split(catalogue_of([(0, "")]), shares, 0)


@pytest.mark.parametrize("share", [0, 1, -0.1, float("nan")])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(ModisteError, match="between 0 and 1"):
        carve(catalogue_of([(0, "")]), share, 0)


def test_the_paper_s_sources_give_its_splits():
    photos = (Photo("1", 0, source="AAT"), Photo("2", 0, source="LAT"), Photo("3", 0, source="shop", split="extra"))
    catalogue = Catalogue(Path("x"), PAPER_CLASSES, photos)
    assert [photo.split for photo in by_source(catalogue).photos] == ["train", "test", "extra"]
    assert [photo.split for photo in by_source(catalogue, {"shop": "test"}).photos] == ["", "", "test"]
    with pytest.raises(ModisteError, match="the catalogue names AAT, LAT, shop"):
        by_source(catalogue, {"ATT": "train"})


def grouped(*rows: tuple[int, str, str, str]) -> Catalogue:
    """Photos by (label, product, group, split)."""
    photos = [
        Photo(f"{place:03d}.jpg", label, product=product, split=side, details={"twin_group": group} if group else {})
        for place, (label, product, group, side) in enumerate(rows)
    ]
    return Catalogue(Path("x"), PAPER_CLASSES, tuple(photos))


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from(["", *"abcd"]), st.sampled_from(["", *"wxyz"]), st.just("")), min_size=4, max_size=40
    )
)
def test_twins_and_views_stay_together_also_by_way_of_others(rows):
    """A product and a group that share a photo are one: all photos that hang together end on one side."""
    lone = [(0, "", "", "")] * 2  # so that neither side is empty
    made = split(grouped(*lone, *rows), {"train": 0.5, "test": 0.5}, 0)
    for key in (lambda photo: photo.product, lambda photo: photo.twin_group):
        sides: dict[str, set[str]] = {}
        for photo in made.photos:
            if key(photo):
                sides.setdefault(key(photo), set()).add(photo.split)
        assert all(len(found) == 1 for found in sides.values())


def test_a_split_that_would_be_empty_is_refused():
    with pytest.raises(ModisteError, match="no photo would be in test: its labelled photos are 1 group of products and twins"):
        split(grouped(*[(0, "a", "", "")] * 30), {"train": 0.8, "test": 0.2}, 0)


def test_a_shop_s_own_column_group_ties_nothing():
    photos = [Photo(f"{place:02d}.jpg", 0, details={"group": "Men"}) for place in range(40)]
    made = split(Catalogue(Path("x"), PAPER_CLASSES, tuple(photos)), {"train": 0.75, "test": 0.25}, 0)
    assert [len(made.split(name)) for name in ("train", "test")] == [30, 10]


def test_a_chain_of_products_and_groups_is_one_group():
    rows = [(0, "a", "", ""), (0, "a", "x", ""), (0, "b", "x", ""), (0, "b", "", ""), *[(0, "", "", "")] * 4]
    for seed in range(8):
        made = split(grouped(*rows), {"train": 0.5, "test": 0.5}, seed)
        assert len({photo.split for photo in made.photos[:4]}) == 1


def test_within_divides_one_split_and_leaves_the_others():
    catalogue = grouped(*[(0, "", "", "train")] * 10, *[(1, "", "", "train")] * 10, *[(0, "", "", "test")] * 5)
    made = split(catalogue, {"train": 0.8, "validation": 0.2}, 0, within="train")
    assert [sum(photo.split == name for photo in made.photos) for name in ("train", "validation", "test")] == [16, 4, 5]
    assert all(photo.split == "test" for photo in made.photos[20:])
    with pytest.raises(ModisteError, match="no labelled photo is in split 'extra' to be divided; the catalogue's splits are: test, train"):
        split(catalogue, {"train": 1.0}, 0, within="extra")


def test_a_split_that_does_not_exist_is_answered_with_the_near_one():
    with pytest.raises(ModisteError, match="Did you mean 'train'"):
        split(grouped((0, "", "", "")), {"trian": 0.8, "test": 0.2}, 0)


def test_photos_without_a_label_go_where_their_twins_go_and_else_stay():
    catalogue = grouped(*[(0, "", f"g{number}", "") for number in range(6)], (None, "", "g2", "test"), (None, "", "", "other"))
    for seed in range(6):
        made = split(catalogue, {"train": 0.5, "test": 0.5}, seed).photos
        assert made[6].split == made[2].split
        assert made[7].split == "other"
    rest, carved = carve(catalogue, 0.3, 0)
    assert all(photo.label is not None for photo in carved.photos)
    assert len(rest) + len(carved) == 8
