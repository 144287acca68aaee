"""Kaggle's styles, Hugging Face's metadata files and shops' own tables become catalogues, or every reason is listed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modiste.data.layouts.readers import read
from modiste.data.layouts.sources import source_at
from modiste.data.opening.stores import read_photo
from modiste.records.catalogue import Photo, Suggestion
from modiste.records.errors import BadRows, ModisteError
from modiste.records.labels import PAPER_CLASSES, Classes

HATS = Classes(("Hats", "Gloves"))
STYLES = "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName\n"
SHOPIFY = "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Option1 Value,Image Src,Image Position\n"


def problems(where, **options) -> list[tuple[int, str, str]]:
    with pytest.raises(BadRows, match="nothing was read") as refused:
        read(where, **options)
    return [(bad.row, bad.value, bad.problem) for bad in refused.value.rows]


@pytest.fixture
def written(tmp_path, paint):
    """A table beside pictures."""

    def made(name: str, text: str, *pictures: str) -> Path:
        paint(tmp_path, *pictures)
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
        return tmp_path

    return made


# Kaggle


def test_styles_become_products_with_shop_columns_and_a_suggestion(written):
    rows = "15970,Men,Apparel,Topwear,Shirts,Navy Blue,Fall,2011,Casual,Turtle Check Men Navy Blue Shirt\n"
    photo = read(written("styles.csv", STYLES + rows, "images/15970.jpg")).photos[0]
    assert photo == Photo(
        "images/15970.jpg",
        None,
        Suggestion(1, "taxonomy fashion: article_type 'Shirts'"),
        "15970",
        details={
            "gender": "Men",
            "master_category": "Apparel",
            "sub_category": "Topwear",
            "article_type": "Shirts",
            "colour": "Navy Blue",
            "season": "Fall",
            "year": "2011",
            "usage": "Casual",
            "title": "Turtle Check Men Navy Blue Shirt",
        },
    )


def test_names_with_bare_commas_are_mended_and_products_without_a_picture_passed_over_and_counted(written):
    rows = [
        "1,Women,Apparel,Topwear,Tops,Red,Summer,2012,Casual,Top, red, with bow",
        '2,Women,Apparel,Topwear,Tops,Red,Summer,2012,Casual,"Top, blue"',
        '3,Women,Apparel,Topwear,Tops,Red,Summer,2012,Casual,"Top with a mark that is never closed',
        "39403,Men,Apparel,Topwear,Shirts,,,,,",
    ]
    catalogue = read(written("styles.csv", STYLES + "\r\n".join(rows) + "\r\n", "images/1.jpg", "images/2.jpg", "images/3.jpg"))
    titles = [photo.details["title"] for photo in catalogue.photos]
    assert titles == ["Top, red, with bow", "Top, blue", "Top with a mark that is never closed"]
    assert catalogue.notes == (
        "names with bare commas that were mended: 1 (ids 1).",
        "products passed over, as their picture is not there: 1 (ids 39403).",
    )


def test_wrong_styles_are_listed_and_a_folder_without_pictures_refused(written):
    good = "1,Women,Apparel,Topwear,Tops,Red,Summer,2012,Casual,Top\n"
    where = written(
        "styles.csv", STYLES + good + "x,Women,Apparel,Topwear,Tops,Red,Summer,2012,Casual,Top\n2,Women\n" + good, "images/1.jpg"
    )
    found = problems(where)
    assert [(row, value) for row, value, _ in found] == [(2, "x"), (3, "2"), (4, "")]
    assert "is no id" in found[0][2]
    assert "has 2 cells, the header has 10" in found[1][2]
    assert "stands there twice" in found[2][2]
    (where / "images" / "1.jpg").unlink()
    (where / "styles.csv").write_text(STYLES + good)
    with pytest.raises(ModisteError, match="none of its 1 products has its picture"):
        read(where)


# Hugging Face's image folder


def test_metadata_in_csv_json_lines_and_parquet_read_alike(written):
    pictures = ("train/1.jpg", "train/a/2.jpg")
    text = "file_name,label,colour\n1.jpg,Shoes,red\na/2.jpg,,\n"
    where = written("train/metadata.csv", text, *pictures)
    plain = read(where)
    assert plain.photos == (Photo("train/1.jpg", 0, split="train", details={"colour": "red"}), Photo("train/a/2.jpg", None, split="train"))
    (where / "train" / "metadata.csv").unlink()
    lines = [{"file_name": "1.jpg", "label": "Shoes", "colour": "red"}, {"file_name": "a/2.jpg", "label": None}]
    written("train/metadata.jsonl", "\n".join(map(json.dumps, lines)) + "\n")
    assert read(where) == plain
    (where / "train" / "metadata.jsonl").unlink()
    pq.write_table(pa.Table.from_pylist(lines), where / "train" / "metadata.parquet")
    assert read(where) == plain


def test_without_a_label_column_folders_that_bear_class_names_say_the_label(written):
    text = "file_name,title\ntrain/Shoes/1.jpg,a\ntest/bags/2.jpg,b\n"
    where = written("metadata.csv", text, "train/Shoes/1.jpg", "test/bags/2.jpg", "train/Bgas/3.jpg")
    assert [(photo.label, photo.split) for photo in read(where).photos] == [(0, "train"), (3, "test")]
    (where / "classes.txt").write_text("Shoes\nBags\n")
    (where / "metadata.csv").write_text(text + "train/Bgas/3.jpg,c\n")
    assert "is a folder of no class" in problems(where)[0][2]
    assert "Did you mean 'Bags'" in problems(where)[0][2]


def test_other_folders_are_no_classes_and_said_so(written):
    text = "file_name,article_type\n00/1.jpg,Handbags\n01/2.jpg,\n"
    catalogue = read(written("metadata.csv", text, "00/1.jpg", "01/2.jpg"))
    assert [(photo.label, photo.suggestion and photo.suggestion.label) for photo in catalogue.photos] == [(None, 3), (None, None)]
    assert catalogue.notes == ("folders were not taken for classes, as none of their names is declared: 00, 01.",)


def test_codes_in_metadata_need_declared_classes_and_wrong_rows_are_listed(written):
    where = written("metadata.csv", "file_name,label\n1.jpg,1\n2.jpg,0\n", "1.jpg", "2.jpg")
    with pytest.raises(ModisteError, match="never guessed"):
        read(where)
    assert [photo.label for photo in read(where, classes=HATS).photos] == [1, 0]
    rows = '1.jpg,7,train\n../2.jpg,0,train\n3.jpg,0,train\n2.jpg,0,trian\n/etc/passwd,0,train\n"",0,train\n2.jpg,Gloovs,\n'
    (where / "metadata.csv").write_text("file_name,label,split\n" + rows)
    said = [problem for _, _, problem in problems(where, classes=HATS)]
    for expected, found in zip(
        ["is no code", "leads out", "is missing", "is no split", "absolute", "is empty", "'Gloves'"], said, strict=True
    ):
        assert expected in found
    (where / "metadata.csv").unlink()
    written("metadata.jsonl", '{"file_name": "1.jpg"}\n[1]\nnonsense\n')
    assert [row for row, _, _ in problems(where)] == [2, 3]
    written("metadata.jsonl", '{"file_name": "1.jpg"}\n{"file_name": "2.jpg", "title": "\\ud800"}\n')
    with pytest.raises(BadRows, match=r"metadata.jsonl, row 2.*half a character"):
        read(where)
    written("metadata.jsonl", '{"filename": "1.jpg"}\n')
    with pytest.raises(ModisteError, match="no file_name in its lines; they have: filename"):
        read(where)


# Shops' own tables


def test_an_export_of_shopify_gives_every_view_of_a_product_its_first_row_s_cells(written):
    rows = [
        'red-shoe,Red Shoe,"<p>Soft,\nred</p>",Acme,Apparel & Accessories > Shoes,Sneakers,sale,38,https://cdn.example/s/files/1/red_1.jpg?v=17,1',
        "red-shoe,,,,,,,39,https://cdn.example/s/files/1/red%202.jpg?v=18,2",
        "red-shoe,,,,,,,40,,",
        "red-shoe,,,,,,,41,https://cdn.example/s/files/1/red_1.jpg?v=17,1",
        "tote,Tote,,Acme,Apparel & Accessories > Handbags,,,Default Title,https://cdn.example/s/files/1/tote.png,1",
        "tote,,,,,,,,https://cdn.example/s/files/1/gone.png?v=3,2",
    ]
    where = written("products_export_1.csv", SHOPIFY + "\n".join(rows) + "\n", "photos/red_1.jpg", "photos/red 2.jpg", "photos/tote.png")
    catalogue = read(where)
    assert [(photo.path, photo.product, photo.suggestion and photo.suggestion.label) for photo in catalogue.photos] == [
        ("photos/red_1.jpg", "red-shoe", 0),
        ("photos/red 2.jpg", "red-shoe", 0),
        ("photos/tote.png", "tote", 3),
    ]
    assert [photo.details["title"] for photo in catalogue.photos] == ["Red Shoe", "Red Shoe", "Tote"]
    assert [photo.details["Option1 Value"] for photo in catalogue.photos] == ["38", "39", "Default Title"]
    assert catalogue.photos[0].details["Body (HTML)"] == "<p>Soft,\nred</p>"
    assert catalogue.notes == ("pictures passed over, as they are not there: 1 (https://cdn.example/s/files/1/gone.png?v=3).",)
    for photo in catalogue.photos:
        (where / photo.path).unlink()
    with pytest.raises(ModisteError, match=r"none of its 4 pictures is there.*never fetched"):
        read(where / "products_export_1.csv")


def test_a_table_with_paths_and_types_gives_suggestions_in_csv_and_parquet_alike(written, jpeg):
    text = "SKU;image_path;Product Category;product_id\nA1;1.jpg;Apparel & Accessories > Clothing > Shirts;P1\nA2;a/2.jpg;Home > Lamps;P2\n"
    where = written("stock.csv", text, "images/1.jpg", "a/2.jpg")
    plain = read(where)
    assert plain.photos[0] == Photo(
        "images/1.jpg",
        None,
        Suggestion(1, "taxonomy fashion: product_category 'Apparel & Accessories > Clothing > Shirts'"),
        "P1",
        details={"SKU": "A1", "product_category": "Apparel & Accessories > Clothing > Shirts"},
    )
    assert (plain.photos[1].suggestion, plain.photos[1].product) == (None, "P2")
    rows = [dict(zip(text.split("\n")[0].split(";"), line.split(";"), strict=True)) for line in text.split("\n")[1:3]]
    (where / "stock.csv").unlink()
    pq.write_table(pa.Table.from_pylist(rows), where / "stock.parquet")
    assert read(where) == plain == read(where / "stock.parquet")
    assert read_photo(where, plain.photos[1].path) == jpeg("a/2.jpg")
    packed = read(shutil.make_archive(str(where.parent / "packed"), "zip", where))
    assert packed.photos == plain.photos
    (where / "stock.parquet").unlink()
    written("stock.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows) + '{"SKU": "A3"}\n')
    assert [(row, said[:8]) for row, _, said in problems(where)] == [(3, "is empty")]


@pytest.mark.parametrize("column", ["image", "image_path", "image_name", "file", "filename", "path", "photo", "picture", "Image Path"])
def test_a_column_of_labels_is_the_label_whatever_the_pictures_column_is_called(written, column):
    for label in ("class", "Attribute"):
        where = written("stock.csv", f"{label},{column},type\nBags,1.jpg,x\n,2.jpg,Shoes\n", "1.jpg", "2.jpg")
        catalogue = read(where)
        assert [(photo.label, photo.suggestion) for photo in catalogue.photos] == [(3, None), (None, None)]
        assert catalogue.classes == PAPER_CLASSES


def test_codes_in_a_shop_s_table_are_declared_by_attributes_or_not_at_all(written):
    where = written("stock.csv", "photo,Label,Attribute\n1.jpg,1,Gloves\n2.jpg,0,Hats\n", "1.jpg", "2.jpg")
    assert read(where).classes == HATS
    assert [photo.label for photo in read(where).photos] == [1, 0]
    written("stock.csv", "photo,label\n1.jpg,1\n2.jpg,0\n")
    with pytest.raises(ModisteError, match="never guessed"):
        read(where)


def test_what_is_wrong_in_a_shop_s_table_is_listed(written, paint):
    rows = [
        "1.jpg,Shoes",
        "2.jpg,Shoos",
        "11.jpg,Shoes",
        "../1.jpg,Shoes",
        "https://cdn.example/x.jpg,Shoes",
        "1.jpg,Bags",
        "http://[,Bags",
    ]
    where = written("stock.csv", "photo,class\n" + "\n".join(rows) + "\n", "1.jpg", "2.jpg")
    found = problems(where, classes=PAPER_CLASSES)
    assert [row for row, _, _ in found] == [2, 3, 4, 5, 6, 7]
    for expected, (_, _, said) in zip(
        ["'Shoes'", "is missing", "leads out", "nothing is fetched", "twice", "nothing is fetched"], found, strict=True
    ):
        assert expected in said


def test_tables_named_by_splits_are_read_together(written):
    where = written("train.csv", "photo,type\n1.jpg,Shoes\n", "1.jpg", "2.jpg")
    written("test.csv", "photo,type\n2.jpg,Bags\n")
    assert [(photo.path, photo.split) for photo in read(where).photos] == [("2.jpg", "test"), ("1.jpg", "train")]
    written("test.csv", "photo,type\n1.jpg,Bags\n")
    assert "also in row 1 of test.csv" in problems(where)[0][2]


def test_two_tables_are_not_chosen_between_and_a_table_of_other_things_is_none(written):
    where = written("a.csv", "photo,type\n1.jpg,Shoes\n", "1.jpg", "Shoes/1.jpg", "Bags/2.jpg")
    written("b.csv", "photo,type\n1.jpg,Shoes\n")
    with pytest.raises(ModisteError, match=r"has a.csv and b.csv. Give the one"):
        read(where)
    assert len(read(where / "b.csv")) == 1
    (where / "a.csv").unlink()
    (where / "1.jpg").unlink()
    written("b.csv", "path,bytes\nShoes/1.jpg,7\n")
    assert read(where).counts() == [1, 0, 0, 1]  # as folders


@pytest.mark.parametrize(
    "name, head", [("stock.csv", "photo,class"), ("metadata.csv", "file_name,label"), ("labels.csv", "Image_Name,Attribute")]
)
def test_line_ends_of_any_system_and_a_mark_at_the_start_make_no_difference(written, name, head):
    where = written(name, f"{head}\n1.jpg,Shoes\n2.jpg,Bags\n", "1.jpg", "2.jpg")
    plain = read(where)
    assert plain.counts() == [1, 0, 0, 1]
    for text in (
        f"\ufeff{head}\r\n1.jpg,Shoes\r\n2.jpg,Bags\r\n",
        f"{head}\r1.jpg,Shoes\r2.jpg,Bags\r",
        f"{head.replace(',', ';')}\n1.jpg;Shoes\n2.jpg;Bags",
    ):
        written(name, text)
        assert read(where) == plain
    (where / name).write_bytes(f"{head}\n1.jpg,Shoes\n".encode("utf-16"))
    with pytest.raises(ModisteError, match="UTF-16"):
        read(where)


@pytest.mark.parametrize("name", ["stock.csv", "metadata.csv", "labels.csv", "styles.csv", "metadata.jsonl", "stock.parquet"])
def test_bytes_that_are_no_table_are_refused_in_words(written, name):
    for data in (bytes(range(256)) * 600, b"x" * 200_000, b'"' * 9, b"\r\r\n", b"", b"photo,file_name,Image_Name,label\n" + b"y" * 200_000):
        where = written(name, "")
        (where / name).write_bytes(data)
        with pytest.raises(ModisteError):
            read(where / name)


# Rows that cannot be told apart


@pytest.mark.parametrize("head", ["Image_Name,Label,Attribute", "image,label,note"])
@pytest.mark.parametrize(
    "cells, words",
    [
        (f"2.jpg,Shoes,{'x' * 140_000}", "has a cell of more than 131,072 letters. Shorten it, or look for a quotation mark"),
        ('2.jpg,Shoes,"never closed', "cannot be read: unexpected end of data. Look for a quotation mark that is never closed"),
        (
            '2.jpg,Shoes,"12" wide"',
            "cannot be read: ',' expected after '\"'. Look for a quotation mark that is never closed, or not doubled",
        ),
    ],
)
def test_a_row_that_cannot_be_told_apart_is_named_with_how_it_begins(written, head, cells, words):
    """Read whole and read row by row, it is the same row."""
    place = written("list.csv", f'{head}\n1.jpg,Shoes,"two\nlines"\n{cells}\n3.jpg,Shoes,\n', "1.jpg", "2.jpg", "3.jpg")
    for refused in (lambda: read(place), lambda: list(source_at(place / "list.csv").photos())):
        with pytest.raises(BadRows) as caught:
            refused()
        (bad,) = caught.value.rows
        assert (bad.row, bad.value) == (2, cells[:80])
        assert words in bad.problem


def test_a_header_whose_cells_nothing_told_apart_says_what_would(written):
    with pytest.raises(ModisteError, match="Columns are told apart by commas, semicolons or tabs"):
        read(written("labels.csv", "Image_Name|Label|Attribute\n1.jpg|0|Shoes\n", "1.jpg"), "paper")


def test_an_empty_table_is_called_empty(written):
    with pytest.raises(ModisteError, match=r"list\.csv is empty\. Its first line must name the columns"):
        list(source_at(written("list.csv", "") / "list.csv").photos())
