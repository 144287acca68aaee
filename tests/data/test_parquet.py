"""Parquet files as Hugging Face writes them become catalogues, and their photos are read where they stand."""

from __future__ import annotations

import json
import random
import shutil
import sys
import tarfile
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modiste.data.layouts.readers import read
from modiste.data.layouts.sources import source_at
from modiste.data.opening import containers, parquet_file
from modiste.data.opening.containers import opened
from modiste.data.opening.parquet_file import KEPT, Kept, photo_bytes
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.stores import read_photo
from modiste.records.catalogue import Photo, Suggestion
from modiste.records.errors import BadRows, MachineError, ModisteError
from modiste.records.labels import PAPER_CLASSES, Classes

HATS = Classes(("Hats", "Gloves"))


def features(names=None, **columns) -> dict[bytes, bytes]:
    told = {"image": {"_type": "Image"}} | {name: {"dtype": kind, "_type": "Value"} for name, kind in columns.items()}
    if names:
        told["label"] = {"names": names, "_type": "ClassLabel"}
    return {b"huggingface": json.dumps({"info": {"features": told}}).encode()}


@pytest.fixture
def hugging_face(jpeg):
    """Write a file as `datasets` does: image structs, more columns, what they mean in the schema's metadata."""

    def written(file, names, metadata=None, rows=3, **columns):
        images = [None if name is None else {"bytes": jpeg(name), "path": name} for name in names]
        struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        table = pa.table({"image": pa.array(images, struct), **columns}).replace_schema_metadata(metadata)
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, file, row_group_size=rows)
        return file

    return written


@pytest.fixture
def shards(tmp_path, hugging_face):
    """A data set of three files, two of them for training."""
    for number, (split, names, labels) in enumerate([("train", "ab", [0, 3]), ("train", "cd", [1, None]), ("test", "ef", [2, -1])]):
        place = f"{number:05d}-of-00002" if split == "train" else "00000-of-00001"
        file = tmp_path / "set" / "data" / f"{split}-{place}.parquet"
        colour = pa.array(["red", None], pa.string())
        hugging_face(
            file, [f"{name}.jpg" for name in names], features(PAPER_CLASSES.names), label=pa.array(labels, pa.int64()), colour=colour
        )
    (tmp_path / "set" / "README.md").write_text("---\n")
    return tmp_path / "set"


def test_shards_give_split_label_and_details(shards, jpeg):
    catalogue = read(shards)
    assert catalogue == read(shards, "parquet")
    assert catalogue.classes == PAPER_CLASSES
    assert catalogue.photos[0] == Photo("data/test-00000-of-00001.parquet/e.jpg", 2, split="test", details={"colour": "red"})
    assert [(photo.path[5:11], photo.label, photo.split) for photo in catalogue.photos] == [
        ("test-0", 2, "test"),
        ("test-0", None, "test"),
        ("train-", 0, "train"),
        ("train-", 3, "train"),
        ("train-", 1, "train"),
        ("train-", None, "train"),
    ]
    assert all(read_photo(catalogue.root, photo.path) == jpeg(photo.path.rpartition("/")[2]) for photo in catalogue.photos)


def test_inside_a_zip_or_a_tar_the_same_catalogue_and_bytes(shards, tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive, tarfile.open(tmp_path / "set.tar", "w") as tape:
        for file in shards.rglob("*.*"):
            archive.write(file, f"set/{file.relative_to(shards)}")
            tape.add(file, f"set/{file.relative_to(shards)}")
    plain = read(shards)
    for packed in (read(tmp_path / "set.zip"), read(tmp_path / "set.tar")):
        assert packed.photos == plain.photos
        assert packed.classes == plain.classes
        assert all(read_photo(packed.root, photo.path) == read_photo(plain.root, photo.path) for photo in plain.photos)
    one = read(tmp_path / "set.zip" / "set" / "data" / "test-00000-of-00001.parquet")
    assert [photo.label for photo in one.photos] == [2, None]


def test_a_file_too_big_to_be_held_is_to_be_unpacked(shards, tmp_path, monkeypatch):
    packed = Path(shutil.make_archive(str(tmp_path / "set"), "zip", shards))
    monkeypatch.setattr(containers, "MOST_BYTES", 1000)
    with pytest.raises(ModisteError, match=r"inside set.zip \(file_too_big\). Unpack the archive"):
        read(packed)
    assert len(read(shards)) == 6


def test_one_file_without_labels_gets_suggestions_by_product_type(tmp_path, hugging_face):
    told = {
        "product_id": pa.array([1163, 7], pa.int64()),
        "articleType": ["Tshirts", "Perfume"],
        "year": [2012.0, None],
        "new": [True, False],
    }
    catalogue = read(hugging_face(tmp_path / "shop.parquet", ["1163.jpg", "7.jpg"], features(), **told))
    assert catalogue.root == tmp_path / "shop.parquet"
    assert catalogue.classes == PAPER_CLASSES
    first, second = catalogue.photos
    assert (first.path, first.product, first.details) == ("1163.jpg", "1163", {"articleType": "Tshirts", "year": "2012", "new": "true"})
    assert first.suggestion == Suggestion(1, "taxonomy fashion: article_type 'Tshirts'")
    assert (second.suggestion, second.details) == (None, {"articleType": "Perfume", "new": "false"})


@pytest.mark.parametrize("names", [["a.jpg", "a.jpg"], [None, "b.jpg"], ["../a.jpg", "b.jpg"], ["/a.jpg", "b.jpg"], ["a\0.jpg", "b.jpg"]])
def test_names_that_are_not_there_or_do_not_differ_give_way_to_rows(tmp_path, jpeg, names):
    images = [{"bytes": jpeg(str(number)), "path": name} for number, name in enumerate(names)]
    pq.write_table(pa.table({"image": images}), tmp_path / "x.parquet")
    assert list(opened(tmp_path / "x.parquet").members) == ["row-0000000.jpg", "row-0000001.jpg"]
    assert read_photo(tmp_path / "x.parquet", "row-0000001.jpg") == jpeg("1")


@pytest.mark.parametrize("column", ["image", "img", "picture", "scan"])
def test_pictures_may_be_plain_bytes_in_any_row_group_read_in_any_order(tmp_path, jpeg, column, monkeypatch):
    monkeypatch.setattr(parquet_file, "KEPT", Kept(3 * len(jpeg("0"))))
    bodies = [jpeg(str(number)) for number in range(40)]
    pq.write_table(pa.table({column: pa.array(bodies, pa.large_binary()), "n": range(40)}), tmp_path / "x.parquet", row_group_size=7)
    fetch = photo_bytes("x", tmp_path / "x.parquet")
    order = [*range(40), *random.Random(0).sample(range(40), 40)]
    assert all(fetch(row, "x") == bodies[row] for row in order)
    assert parquet_file.KEPT.weight <= parquet_file.KEPT.most


def test_two_files_never_give_each_other_s_photos(tmp_path, hugging_face, jpeg):
    for name in ("one", "two"):
        hugging_face(tmp_path / f"{name}.parquet", [f"{name}.jpg"])
    KEPT.photos.clear()
    for name in ("one", "two", "one"):
        assert read_photo(tmp_path, f"{name}.parquet/{name}.jpg") == jpeg(f"{name}.jpg")


def test_labels_by_name_need_to_be_known_or_declared_and_codes_are_never_guessed(tmp_path, hugging_face):
    file = tmp_path / "x.parquet"
    assert read(hugging_face(file, ["a.jpg", "b.jpg"], label=["bags", "Shoes"])).counts() == [1, 0, 0, 1]
    hugging_face(file, ["a.jpg", "b.jpg"], label=["Gloves", "Hats"])
    with pytest.raises(ModisteError, match='--classes "Gloves,Hats"'):
        read(file)
    assert [photo.label for photo in read(file, classes=HATS).photos] == [1, 0]
    hugging_face(file, ["a.jpg", "b.jpg"], labels=pa.array([1, 0], pa.int8()))
    with pytest.raises(ModisteError, match="never guessed"):
        read(file)
    (tmp_path / "classes.txt").write_text("Hats\nGloves\n")
    assert [photo.label for photo in read(file).photos] == [1, 0]
    hugging_face(file, ["a.jpg", "b.jpg"], features(["Gloves", "Hats"]), label=pa.array([1, 0], pa.int64()))
    assert [photo.label for photo in read(file, classes=HATS).photos] == [0, 1]  # by name: the file's order is its own


def test_every_bad_row_is_listed_with_its_file(tmp_path, hugging_face, jpeg):
    wrong = {"label": ["Shoes", "Bgas", "Bags", "Shoes"], "split": ["train", "train", "trian", "test"]}
    hugging_face(tmp_path / "x.parquet", ["a.jpg", "b.jpg", "c.jpg", "d.jpg"], rows=2, **wrong)
    with pytest.raises(BadRows) as refused:
        read(tmp_path, classes=PAPER_CLASSES)
    assert [(bad.row, bad.value) for bad in refused.value.rows] == [(2, "Bgas"), (3, "trian")]
    assert "Did you mean 'Bags'? (x.parquet)" in refused.value.rows[0].problem
    images = [{"bytes": jpeg("a"), "path": "a.jpg"}, {"bytes": None, "path": "b.jpg"}]
    pq.write_table(pa.table({"image": images}), tmp_path / "x.parquet")
    with pytest.raises(BadRows, match=r"row 2: 'x.parquet/b.jpg' has no picture in it, only a name"):
        read(tmp_path)


def test_files_that_declare_different_classes_or_two_label_columns_are_refused(tmp_path, hugging_face):
    hugging_face(tmp_path / "train.parquet", ["a.jpg"], features(["Hats", "Gloves"]), label=[0])
    hugging_face(tmp_path / "test.parquet", ["b.jpg"], features(["Gloves", "Hats"]), label=[0])
    with pytest.raises(ModisteError, match="declare different classes"):
        read(tmp_path)
    assert [photo.label for photo in read(tmp_path, classes=HATS).photos] == [1, 0]
    with pytest.raises(ModisteError, match="two columns for one thing"):
        read(hugging_face(tmp_path / "train.parquet", ["a.jpg"], label=["Hats"], labels=["Hats"]))
    with pytest.raises(ModisteError, match="a photo has one label"):
        read(hugging_face(tmp_path / "train.parquet", ["a.jpg"], labels=[["Hats"]]))


def test_columns_without_plain_values_are_passed_over_and_named(tmp_path, hugging_face):
    more = {"embedding": [[0.5, 1.0]], "mask": [b"\1"], "title": ["Bag"]}
    catalogue = read(hugging_face(tmp_path / "x.parquet", ["a.jpg"], **more))
    assert catalogue.photos[0].details == {"title": "Bag"}
    assert catalogue.notes == ("columns passed over, as they hold no plain values: embedding (list<element: double>), mask (binary).",)


def test_a_damaged_file_is_refused_by_name_and_a_damaged_row_is_a_reason(tmp_path, hugging_face):
    file = hugging_face(tmp_path / "x.parquet", ["a.jpg", "b.jpg"])
    data = file.read_bytes()
    file.write_bytes(data[:-100])
    with pytest.raises(ModisteError, match="cannot be read as a Parquet file"):
        read(file)
    file.write_bytes(data[:4] + bytes(200) + data[204:])
    with pytest.raises(PhotoRefused, match=r"corrupt|truncated"):
        read_photo(file, "a.jpg")
    with pytest.raises(PhotoRefused, match="missing"):
        read_photo(file, "c.jpg")


def test_values_of_every_kind_become_the_text_that_people_write(tmp_path, hugging_face):
    told = {
        "day": pa.array([date(2025, 4, 12)]),
        "price": pa.array([Decimal("19.90")]),
        "size": pa.array(["38"], pa.dictionary(pa.int8(), pa.string())),
        "weight": pa.array([0.5]),
        "stock": pa.array([2**40]),
        "a.b": pa.array(["with a dot"], pa.large_string()),
        "gone": pa.array([float("nan")]),
        "__index_level_0__": pa.array([7]),
    }
    details = read(hugging_face(tmp_path / "x.parquet", ["a.jpg"], **told)).photos[0].details
    assert details == {"day": "2025-04-12", "price": "19.90", "size": "38", "weight": "0.5", "stock": "1099511627776", "a.b": "with a dot"}


def test_text_that_is_not_utf_8_is_refused_by_column(tmp_path, hugging_face):
    odd = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")])
    with pytest.raises(ModisteError, match="column title: holds what is no text"):
        read(hugging_face(tmp_path / "x.parquet", ["a.jpg"], title=odd))


def test_without_pyarrow_the_line_that_installs_it_is_shown(tmp_path, hugging_face, monkeypatch):
    file = hugging_face(tmp_path / "x.parquet", ["a.jpg"])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MachineError, match=r"reading Parquet files needs the package 'pyarrow'.*modiste\[parquet\]"):
        read(file)


def test_a_table_without_pictures_is_no_container(tmp_path):
    pq.write_table(pa.table({"title": ["Bag"]}), tmp_path / "x.parquet")
    with pytest.raises(ModisteError, match="no labels in a layout that modiste knows"):
        read(tmp_path / "x.parquet")
    with pytest.raises(ModisteError, match="no Parquet file with a column of pictures"):
        read(tmp_path / "x.parquet", "parquet")


def test_a_large_group_of_rows_is_decoded_a_few_at_a_time(tmp_path):
    bodies = [b"\xff\xd8\xff" + random.Random(number).randbytes(400_000) for number in range(60)]
    table = pa.table({"image": pa.array(bodies)})
    pq.write_table(table, tmp_path / "x.parquet", use_dictionary=False, write_batch_size=1)
    del table
    fetch = photo_bytes("x", tmp_path / "x.parquet")
    before = pa.total_allocated_bytes()
    most = 0
    for row, body in enumerate(bodies):
        assert fetch(row, "x") == body
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 60 * 400_000 / 2  # of the bytes in its one group


def test_flipped_bytes_give_words_or_photos_and_nothing_else(tmp_path, hugging_face):
    """The foot is flipped as often as the pictures; among the files are some that are still sound."""
    names = [f"{number}.jpg" for number in range(20)]
    told = {"label": ["Shoes", "Bags"] * 10, "year": pa.array([2012.0, None] * 10)}
    file = hugging_face(tmp_path / "x.parquet", names, rows=8, **told)
    good, chance, seen = file.read_bytes(), random.Random(0), set()
    for _ in range(300):
        data = bytearray(good)
        for _ in range(chance.choice([1, 2, 8])):
            data[chance.randrange(chance.choice([0, len(data) - 2500]), len(data))] = chance.randrange(256)
        file.write_bytes(data)
        try:
            catalogue = read(file)
            for photo in catalogue.photos:
                seen.add(len(read_photo(catalogue.root, photo.path)) > 0)
        except ModisteError as error:
            seen.add(type(error))
    assert {True, ModisteError, PhotoRefused} <= seen


BYTES = {
    "an id": pa.array([b"0123456789abcdef"] * 2, pa.binary(16)),
    "a picture's length of one size": pa.array([b"\xff\xd8\xff\xe0"] * 2, pa.binary(4)),
    "a checksum": pa.array([b"\x12\x34\xff", b"\x99"], pa.binary()),
    "paths": pa.array([b"1.jpg", b"2.jpg"], pa.large_binary()),
    "nothing": pa.array([None, b""], pa.binary()),
}


@pytest.mark.parametrize("kind", BYTES)
def test_a_table_with_a_column_of_bytes_that_are_no_pictures_is_a_table(tmp_path, paint, kind):
    paint(tmp_path, "1.jpg", "2.jpg")
    pq.write_table(pa.table({"uid": BYTES[kind], "image": ["1.jpg", "2.jpg"], "title": ["a", "b"]}), tmp_path / "shop.parquet")
    for where in (tmp_path, tmp_path / "shop.parquet"):
        assert [(photo.path, photo.details) for photo in read(where).photos] == [("1.jpg", {"title": "a"}), ("2.jpg", {"title": "b"})]
        assert [said.path for said in source_at(where).photos()] == ["1.jpg", "2.jpg"]


def test_a_column_of_paths_may_hold_bytes_that_are_no_text(tmp_path, paint):
    name = b"g\xfcrtel.jpg"
    paint(tmp_path, path := name.decode("utf-8", "surrogateescape"), "2.jpg")
    pq.write_table(pa.table({"image": [name, b"2.jpg"], "title": ["a", "b"]}), tmp_path / "shop.parquet")
    assert [photo.path for photo in read(tmp_path).photos] == [path, "2.jpg"]
    assert [said.path for said in source_at(tmp_path / "shop.parquet").photos()] == [path, "2.jpg"]


def test_plain_bytes_are_pictures_though_other_bytes_stand_beside_and_some_are_damaged(tmp_path, jpeg):
    pictures = [b"torn", jpeg("a"), None, jpeg("b"), b"%PDF-1.7"]
    pq.write_table(pa.table({"md5": [b"12"] * 5, "content": pictures, "title": list("abcde")}), tmp_path / "shop.parquet")
    photos = [said.path for said in source_at(tmp_path / "shop.parquet").photos()]
    assert photos == [f"row-{row:07d}.jpg" for row in range(5)]
    assert read_photo(tmp_path / "shop.parquet", photos[3]) == pictures[3]
