"""Parquet files as Hugging Face's tools expect them, and none where writing did not come to its end."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from modiste.data.layouts import parquet_shards
from modiste.data.layouts.parquet_shards import write_parquet
from modiste.data.layouts.readers import read
from modiste.records.catalogue import Catalogue, Photo, Suggestion
from modiste.records.errors import ModisteError
from modiste.records.labels import PAPER_CLASSES


@pytest.fixture
def shop(tmp_path, paint):
    """Seven photos: five train, one test, one without a split."""
    splits = ["train"] * 5 + ["test", ""]
    paths = [f"images/{number}.jpg" for number in range(7)]
    paint(tmp_path / "from", *paths)
    photos = [Photo(path, number % 4, split=split) for number, (path, split) in enumerate(zip(paths, splits, strict=True))]
    return Catalogue(tmp_path / "from", PAPER_CLASSES, tuple(photos))


def names(root) -> list[str]:
    return sorted(path.name for path in (root / "data").iterdir())


def test_a_file_for_each_split_with_the_classes_in_its_schema(tmp_path, shop):
    photos = (*shop.photos[:-1], Photo("images/6.jpg", None, Suggestion(2, "a model"), "P1", "LAT", "", {"colour": "red"}))
    root = write_parquet(shop.with_photos(photos), tmp_path / "to")
    assert names(root) == ["test-00000-of-00001.parquet", "train-00000-of-00001.parquet", "unsplit-00000-of-00001.parquet"]
    table = pq.read_table(root / "data" / "unsplit-00000-of-00001.parquet")
    classed = {"names": list(PAPER_CLASSES.names), "_type": "ClassLabel"}
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == table.schema.names
    assert (features["image"], features["label"], features["colour"]) == (
        {"_type": "Image"},
        classed,
        {"dtype": "string", "_type": "Value"},
    )
    (row,) = table.to_pylist()
    assert row.pop("image") == {"bytes": (tmp_path / "from/images/6.jpg").read_bytes(), "path": "images/6.jpg"}
    expected = {"label": None, "source": "LAT", "product_id": "P1", "suggested_label": 2, "suggested_by": "a model", "colour": "red"}
    assert row == expected


def test_large_splits_are_cut_into_files_and_groups_of_rows_in_order(tmp_path, shop, monkeypatch):
    size = (tmp_path / "from/images/0.jpg").stat().st_size
    monkeypatch.setattr(parquet_shards, "GROUP_ROWS", 2)
    monkeypatch.setattr(parquet_shards, "SHARD_BYTES", 3 * size)
    root = write_parquet(shop, tmp_path / "to")
    assert names(root)[1:3] == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]
    assert pq.ParquetFile(root / "data" / "train-00000-of-00002.parquet").num_row_groups == 2
    again = read(root, "parquet")
    assert [photo.path.rpartition("/")[2] for photo in again.photos if photo.split == "train"] == [f"{number}.jpg" for number in range(5)]
    monkeypatch.setattr(parquet_shards, "GROUP_BYTES", 1)
    one_by_one = write_parquet(shop, tmp_path / "again")
    assert pq.ParquetFile(one_by_one / "data" / "train-00000-of-00002.parquet").metadata.row_group(0).num_rows == 1


def test_a_photo_that_cannot_be_read_leaves_no_file_behind(tmp_path, shop):
    (tmp_path / "from/images/5.jpg").unlink()
    with pytest.raises(ModisteError, match=r"images/5.jpg: missing"):
        write_parquet(shop, tmp_path / "to")
    assert names(tmp_path / "to") == []


@pytest.mark.parametrize(
    "photo, said",
    [
        (Photo("images/0.jpg", details={"image": "x"}), "details must not be called 'image'"),
        (Photo("images/0.jpg", details={"Label": "x"}), "details must not be called 'Label'"),
        (Photo("images/0.jpg", details={"__index_level_0__": "x"}), "must not be called '__index_level_0__'"),
        (Photo("images/\udc80.jpg"), "is not UTF-8"),
        (Photo("images/0.jpg", product="\udc80"), "is not UTF-8"),
        (Photo("images/0.jpg", split="mine"), "split 'mine' cannot be written"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path, shop, photo, said):
    for photos, why in (([photo], said), ([], "without photos")):
        with pytest.raises(ModisteError, match=why):
            write_parquet(shop.with_photos(photos), tmp_path / "to")
    assert not (tmp_path / "to").exists()
