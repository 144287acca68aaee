"""The table counts every photo once; the hash knows every change that can change a result."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from modiste.data import describe as describing
from modiste.data.describe import contents, data_hash, describe, each_digest, holdings
from modiste.data.layouts.readers import read
from modiste.records.catalogue import Catalogue, Photo, Suggestion
from modiste.records.errors import ModisteError
from modiste.records.labels import PAPER_CLASSES, Classes

REAL = Path(__file__).parents[3] / "shared" / "data" / "catalog.tar"


@pytest.fixture
def catalogue(tmp_path, paint) -> Catalogue:
    photos = (Photo("images/1.jpg", 0, split="train"), Photo("images/2.jpg", 1, split="test"), Photo("images/3.jpg", None, split="extra"))
    return Catalogue(paint(tmp_path / "shop", *(photo.path for photo in photos)), PAPER_CLASSES, photos)


def test_the_table_counts_each_photo_once(catalogue):
    table = describe(catalogue)
    assert table.columns == ("class", "train", "test", "extra", "all")
    assert table.rows == (
        ("Shoes", 1, 0, 0, 1),
        ("Clothing", 0, 1, 0, 1),
        ("Accessories", 0, 0, 0, 0),
        ("Bags", 0, 0, 0, 0),
        ("no label", 0, 0, 1, 1),
        ("all", 1, 1, 1, 3),
    )


def test_few_photos_are_read_ahead_of_who_asks_for_them(catalogue, monkeypatch):
    """Every photo that is read or waits to be takes memory, and a shop has a million of them."""
    read = []
    monkeypatch.setattr(describing, "read_photo", lambda _root, path: read.append(path) or b"photo")
    many = catalogue.with_photos(Photo(f"{number}.jpg") for number in range(500))
    digests = each_digest(many)
    first = next(digests)
    assert len(read) < 100
    assert [first, *digests] == [hashlib.sha256(b"photo").hexdigest()] * 500
    assert sorted(read) == sorted(photo.path for photo in many.photos)


def test_the_hash_stays_under_row_order_and_root(catalogue, tmp_path):
    moved = replace(catalogue, root=shutil.copytree(catalogue.root, tmp_path / "moved"))
    assert data_hash(catalogue) == data_hash(catalogue.with_photos(reversed(catalogue.photos))) == data_hash(moved)
    assert data_hash(catalogue) == data_hash(catalogue.with_photos(replace(photo, details={"a": "b"}) for photo in catalogue.photos))


def test_the_hash_changes_with_bytes_label_split_path_twins_and_classes(catalogue):
    first, *others = catalogue.photos
    hashes = {data_hash(catalogue), data_hash(catalogue.with_photos(others))}
    for change in ({"label": 2}, {"label": None}, {"split": "test"}, {"details": {"twin_group": "a"}}):
        hashes.add(data_hash(catalogue.with_photos((replace(first, **change), *others))))
    hashes.add(data_hash(replace(catalogue, classes=Classes(("Boots", "Clothing", "Accessories", "Bags")))))
    (catalogue.root / first.path).rename(catalogue.root / "images" / "9.jpg")
    hashes.add(data_hash(catalogue.with_photos((replace(first, path="images/9.jpg"), *others))))
    (catalogue.root / "images" / "2.jpg").write_bytes(b"other")
    hashes.add(data_hash(catalogue.with_photos((replace(first, path="images/9.jpg"), *others))))
    assert len(hashes) == 9


def test_the_contents_are_each_photo_s_sha_256_by_path_and_the_hash_of_all(catalogue):
    found = contents(catalogue)
    assert found.data_hash == data_hash(catalogue)
    assert found.digests == {
        photo.path: hashlib.sha256((catalogue.root / photo.path).read_bytes()).hexdigest() for photo in catalogue.photos
    }


def test_progress_is_told_to_the_last_photo_and_a_missing_one_is_named(catalogue):
    told: list[tuple[int, int]] = []
    data_hash(catalogue, lambda done, whole: told.append((done, whole)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    (catalogue.root / "images" / "2.jpg").unlink()
    with pytest.raises(ModisteError, match=r"images/2\.jpg: missing"):
        data_hash(catalogue)


@pytest.mark.skipif(not REAL.is_file(), reason=f"the real catalogue is not at {REAL}")
def test_the_real_catalogue_has_the_counts_its_readme_says(tmp_path):
    with tarfile.open(REAL) as tar:
        tar.extractall(tmp_path, filter="data")
    catalogue = read(tmp_path / "catalog")
    assert catalogue.classes == PAPER_CLASSES
    assert len(catalogue) == 8612
    assert catalogue.split("train").counts() == [291, 2366, 175, 297]
    assert catalogue.split("test").counts() == [146, 372, 312, 157]
    assert catalogue.split("extra").counts() == [1435, 2212, 800, 0]
    assert sum(photo.label is None for photo in catalogue.photos) == 49


def test_photos_with_a_suggested_class_alone_are_told_with_the_way_to_accept_them(tmp_path):
    photos = (Photo("1.jpg", suggestion=Suggestion(1, "taxonomy fashion: Pants")), Photo("2.jpg", label=0), Photo("3.jpg"))
    (note,) = describe(Catalogue(tmp_path, PAPER_CLASSES, photos)).notes
    assert note.startswith("1 photos without a label have a suggested one")
    assert not describe(Catalogue(tmp_path, PAPER_CLASSES, photos[1:])).notes


@pytest.mark.parametrize("many", [4, 40])
def test_what_splits_hold_is_the_same_however_many_classes_there_are_and_never_wider_than_eight_of_them(tmp_path, many):
    classes = Classes(tuple(f"class {code}" for code in range(many)))
    photos = tuple(Photo(f"{n}.jpg", n % many, product=f"p{n // 2}", split="test" if n % 5 == 0 else "train") for n in range(4 * many))
    table = holdings(Catalogue(tmp_path, classes, photos))
    assert len(table.columns) <= 13
    cells = {(row[0], column): cell for row in table.rows for column, cell in zip(table.columns, row, strict=True)}
    turned = many > 8
    for split in ("train", "test"):
        own = [photo.label for photo in photos if photo.split == split]
        for name, value in (("photos", len(own)), ("class 1, share", own.count(1) / len(own))):
            assert cells[(name, split) if turned else (split, name)] == value
