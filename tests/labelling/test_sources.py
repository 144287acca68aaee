"""Whatever holds photos can be labelled: folders, archives, tables, catalogues, one photo; names and bytes are kept."""

from __future__ import annotations

import csv
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modiste.data.layouts.readers import read
from modiste.data.layouts.sources import source_at
from modiste.data.layouts.writers import WRITERS, write
from modiste.records.errors import BadRows, ModisteError
from modiste.records.labels import PAPER_CLASSES


def photos_of(where: Path, layout: str | None = None) -> list[tuple[str, str]]:
    return [(said.photo, said.path) for said in source_at(where, layout).photos()]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_photos_as_folder_zip_and_tar_give_the_same_rows(photos, labelled, tmp_path):
    paths = sorted(path for path in photos.rglob("*") if path.is_file())
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive, tarfile.open(tmp_path / "photos.tar", "w") as tar:
        for path in reversed(paths):
            archive.write(path, path.relative_to(photos))
            tar.add(path, path.relative_to(photos))
    for where, output in ((photos, "a.csv"), (tmp_path / "photos.zip", "b.csv"), (tmp_path / "photos.tar", "c.csv")):
        labelled(where, output)
    a, b, c = ((tmp_path / name).read_text() for name in ("a.csv", "b.csv", "c.csv"))
    assert a == b == c


@pytest.mark.parametrize("layout", [*WRITERS, "photos"])
def test_every_layout_gives_each_of_its_photos_once(layout, drawn, labelled, tmp_path):
    """What the reader finds is what is labelled, and its labels are the source's own word."""
    where = drawn.root / "images" if layout == "photos" else write(drawn, tmp_path / "there", layout)
    done = labelled(where)
    found = rows(tmp_path / "labels.csv")
    known = read(where)
    ends = sorted(photo.path.rpartition("/")[2] for photo in known.photos)
    assert sorted(row["photo"].rpartition("/")[2] for row in found) == ends
    assert done.tally.photos == len(drawn)
    if layout != "photos":
        own = {row["photo"].rpartition("/")[2]: row["text_label"] for row in found}
        assert own == {photo.path.rpartition("/")[2]: known.classes.names[photo.label] for photo in known.photos}
        assert {row["agrees"] for row in found if row["decision"] != "reject"} <= {"yes", "no"}


def test_pictures_in_folders_of_any_name_need_no_declaration(tmp_path, jpeg, labelled):
    for name in ("new arrivals/a.jpg", "new arrivals/deep/er/b.JPG", "c.png", "Sneakers/d.jpg", ".hidden/e.jpg", "Thumbs.db", "notes.md"):
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg("red"))
    done = labelled(tmp_path / "shop")
    assert [row["photo"] for row in rows(tmp_path / "labels.csv")] == [
        "Sneakers/d.jpg",
        "c.png",
        "new arrivals/a.jpg",
        "new arrivals/deep/er/b.JPG",
    ]
    assert rows(tmp_path / "labels.csv")[0]["text_label"] == "Shoes"
    assert any("hidden" in note for note in done.notes)
    assert any("no pictures by their name" in note for note in done.notes)


def test_a_shops_table_has_a_row_for_each_photo_it_names_also_for_one_that_is_missing(tmp_path, jpeg, labelled):
    (tmp_path / "shop" / "images").mkdir(parents=True)
    for name, colour in (("1.jpg", "red"), ("2.jpg", "blue"), ("=3.jpg", "green")):
        (tmp_path / "shop" / "images" / name).write_bytes(jpeg(colour))
    table = [
        ["SKU", "Image", "Product Type", "Title"],
        ["a", "1.jpg", "Sneakers", "Runner"],
        ["b", "2.jpg", "", "Leather handbag with strap"],
        ["c", "'=3.jpg", "Gift card", ""],
        ["d", "gone.jpg", "Shirts", ""],
        ["e", "../../etc/passwd", "", ""],
        ["f", "", "Shirts", ""],
        ["g", "1.jpg", "Sneakers", "again"],
        ["h", "https://cdn.example/files/2.jpg?v=3", "", ""],
    ]
    text = io.StringIO()
    csv.writer(text).writerows(table)
    (tmp_path / "shop" / "products.csv").write_text(text.getvalue())
    for where in ("shop", "shop/products.csv"):
        done = labelled(tmp_path / where)
        found = rows(tmp_path / "labels.csv")
        assert [row["photo"] for row in found] == ["1.jpg", "2.jpg", "'=3.jpg", "gone.jpg", "../../etc/passwd"]
        assert [row["text_label"] for row in found] == ["Shoes", "Bags", "", "Clothing", ""]
        assert [row["reason"] for row in found[3:]] == ["missing", "outside_root"]
        assert all(row["label"] for row in found[:3])
        assert "rows passed over, as they name no picture: 1." in done.notes
        assert "2 rows named a photo that an earlier row named: each photo has one row." in done.notes


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_a_table_of_paths_is_read_in_its_own_order_whatever_it_is_written_in(ending, tmp_path, jpeg):
    names = ["z.jpg", "a b.jpg", "ü.jpg"]
    for name in names:
        (tmp_path / name).write_bytes(jpeg("red"))
    table = tmp_path / f"list.{ending}"
    if ending == "jsonl":
        table.write_text("".join(json.dumps({"path": name}) + "\n" for name in names))
    elif ending == "parquet":
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        pq.write_table(pa.table({"path": names}), table)
    else:
        table.write_text("\ufeffpath\n" + "".join(f"{name}\n" for name in names))
    assert photos_of(table) == [(name, name) for name in names]


def test_shopifys_later_rows_have_the_words_of_their_products_first(tmp_path, jpeg):
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).write_bytes(jpeg("red"))
    lines = ["Handle,Title,Type,Image Src", "boot,Boot,Boots,https://x/1.jpg", "boot,,,https://x/2.jpg", "hat,Hat,,"]
    (tmp_path / "export.csv").write_text("\n".join(lines))
    source = source_at(tmp_path / "export.csv")
    assert [(said.path, said.details["type"]) for said in source.photos()] == [("1.jpg", "Boots"), ("2.jpg", "Boots")]
    assert source.notes == {"rows passed over, as they name no picture": 1}


def test_an_address_whose_name_several_pictures_have_names_none_of_them(tmp_path, jpeg):
    """Any of them would be as likely to be another product's."""
    for name in ("a/front.jpg", "b/front.jpg", "b/back.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(jpeg("red"))
    addresses = [f"https://cdn.example/{name}" for name in ("a/front.jpg", "b/front.jpg", "b/back.jpg")]
    (tmp_path / "list.csv").write_text("\n".join(["image", *addresses]))
    assert [path for _, path in photos_of(tmp_path / "list.csv")] == [*addresses[:2], "b/back.jpg"]


def test_lines_of_json_may_have_other_columns_than_the_first(tmp_path):
    lines = [{"path": "1.jpg"}, {"path": "2.jpg", "label": "Shoes"}, {"path": "3.jpg", "Label": "Bags", "label": ""}]
    (tmp_path / "list.jsonl").write_text("\n" + "\n".join(map(json.dumps, lines)))
    assert [said.words for said in source_at(tmp_path / "list.jsonl").photos()] == [(), ("Shoes",), ("Bags",)]


def test_a_table_out_of_shape_or_without_pictures_is_refused_with_what_would_do(tmp_path):
    (tmp_path / "a.csv").write_text("path,title\n1.jpg,a\n2.jpg\n3.jpg,b,c\n")
    with pytest.raises(BadRows, match=r"a\.csv, row 2.*1 cells, the header has 2"):
        list(source_at(tmp_path / "a.csv").photos())
    (tmp_path / "b.csv").write_text("sku,title\n1,a\n")
    with pytest.raises(ModisteError, match=r"no column names its pictures; it has: sku, title\. Call the column with their paths 'path'"):
        source_at(tmp_path / "b.csv")  # before any row is asked for
    with pytest.raises(ModisteError, match="no such file or folder"):
        source_at(tmp_path / "nowhere")


def test_a_folder_without_pictures_is_refused(tmp_path, labelled):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a.md").write_text("no photo")
    with pytest.raises(ModisteError, match=r"no pictures in it\.\nfiles passed over, as they are no pictures by their name: 1\."):
        labelled(tmp_path / "empty")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]  # nothing half-done is left


@pytest.mark.skipif(os.name != "posix", reason="names that other systems do not allow")
def test_whatever_looks_like_a_photo_has_a_row_and_names_are_kept_to_the_byte(tmp_path, jpeg, labelled):
    shop = tmp_path / "shop"
    shop.mkdir()
    names = [
        b"=cmd|'calc'!A0.jpg",
        b"new\nline.jpg",
        b"cr\r.jpg",
        b'quo"te,.jpg',
        b"\xff\xfe.jpg",
        "\u202egpj.jpg".encode(),
        b"<script>.jpg",
        b"'=a.jpg",
    ]
    for name in names:
        Path(os.fsdecode(os.path.join(os.fsencode(shop), name))).write_bytes(jpeg("red"))  # noqa: PTH118
    os.mkfifo(shop / "pipe.jpg")
    (shop / "loop.jpg").symlink_to("loop.jpg")
    (shop / "dangling.jpg").symlink_to("nowhere.jpg")
    (shop / "out.jpg").symlink_to("/etc/passwd")
    (shop / "folder.jpg").mkdir()
    (shop / "folder.jpg" / "in.jpg").write_bytes(jpeg("red"))
    (shop / "text.jpg").write_text("no picture")
    (shop / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    labelled(shop)
    found = rows(tmp_path / "labels.csv")
    got = {os.fsencode(row["photo"]): row for row in found}
    expected = {(b"'" + name if name.lstrip(b"'")[:1] in b"=" else name) for name in names}
    assert expected <= set(got)
    reasons = {row["photo"]: row["reason"] for row in found if row["reason"] in ("missing", "unreadable") or not row["label"]}
    assert reasons == {
        "pipe.jpg": "not_a_regular_file",
        "loop.jpg": reasons["loop.jpg"],
        "dangling.jpg": "missing",
        "out.jpg": "outside_root",
        "text.jpg": "not_an_image",
        "photo.heic": "format_not_allowed",
    }
    assert len(found) == len(names) + 7
    assert b"folder.jpg/in.jpg" in got


@pytest.mark.parametrize("beside", ["", "c/read me.txt"])
def test_a_folder_that_cannot_be_listed_is_named_and_the_rest_is_there(beside, locked):
    """Whether the folders are looked into for what else stands there or not; where all is wanted, it is refused."""
    if beside:
        (locked / beside).write_text("nothing of photos")
    found = source_at(locked, lenient=True)
    for _ in range(2):
        assert sorted(said.path for said in found.photos()) == ["a/1.jpg", "c/3.jpg"]
        words = f"{locked / 'b' / 'locked'} cannot be listed: Permission denied. Check its permissions."
        assert found.passed_over()[-1] == f"{words} Its photos are left out."
    for lenient, where in ((False, locked), (True, locked / "b" / "locked")):
        with pytest.raises(ModisteError, match="locked cannot be listed: Permission denied"):
            list(source_at(where, lenient=lenient).photos())


def test_a_catalogue_with_classes_of_its_own_needs_no_declaration_and_gives_its_labels_as_words(tmp_path, jpeg):
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).write_bytes(jpeg("red"))
    said = [(1, "Sneaker"), (2, "Boot")]
    result = [[{"from_name": "kind", "value": {"choices": [word]}}] for _, word in said]
    tasks = [{"data": {"image": f"{n}.jpg"}, "annotations": [{"result": result[n - 1]}]} for n, _ in said]
    samples = [{"filepath": f"{n}.jpg", "ground_truth": {"_cls": "Classification", "label": word}} for n, word in said]
    for name, text in (
        ("metadata.csv", "file_name,label\n1.jpg,Sneaker\n2.jpg,Boot\n"),
        ("tasks.json", json.dumps(tasks)),
        ("samples.json", json.dumps({"samples": samples})),
    ):
        (tmp_path / name).write_text(text)
        assert [(said.path, said.words) for said in source_at(tmp_path).photos()] == [("1.jpg", ("Sneaker",)), ("2.jpg", ("Boot",))], name
        (tmp_path / name).unlink()
    (tmp_path / "metadata.csv").write_text("file_name,label\n1.jpg,7\n2.jpg,0\n")  # codes say nothing
    assert [said.path for said in source_at(tmp_path).photos()] == ["1.jpg", "2.jpg"]


def test_words_that_are_none_of_a_catalogues_classes_keep_no_photo_from_being_labelled(tmp_path, jpeg):
    """Most rows speak of the paper's classes or of declared ones, some do not: a catalogue would list those, a label needs none of them."""
    words = ["Shoes", "Bags", "Hats", "Shoes", "Bags"]
    names = [f"{number}.jpg" for number in range(5)]
    for name in names:
        (tmp_path / name).write_bytes(jpeg("red"))
    pairs = list(zip(names, words, strict=True))
    samples = [{"filepath": name, "ground_truth": {"_cls": "Classification", "label": word}} for name, word in pairs]
    for file, text in (
        ("metadata.csv", "file_name,label\n" + "".join(f"{name},{word}\n" for name, word in pairs)),
        ("samples.json", json.dumps({"samples": samples})),
    ):
        (tmp_path / file).write_text(text)
        for declared in ("", "Bags\nGloves\n"):
            (tmp_path / "classes.txt").write_text(declared) if declared else None
            with pytest.raises(BadRows, match="'Hats' is no class"):
                read(tmp_path)
            assert [said.words for said in source_at(tmp_path).photos()] == [(word,) for word in words], (file, declared)
        (tmp_path / "classes.txt").unlink()
        (tmp_path / file).unlink()
    (tmp_path / "classes.txt").write_text("Bags\nGloves\n")
    (tmp_path / "metadata.csv").write_text("file_name,label\n0.jpg,1\n1.jpg,Hats\n")
    assert [said.words for said in source_at(tmp_path).photos()] == [("Gloves",), ("Hats",)]  # a code means what is declared
    (tmp_path / "metadata.csv").write_text("file_name,label\ngone.jpg,Bags\n1.jpg,Hats\n")
    with pytest.raises(BadRows, match=r"'gone\.jpg' is missing") as refused:
        source_at(tmp_path)
    assert "Hats" not in str(refused.value)


@pytest.mark.parametrize("codes", [[0, 49, 50, 52], [60], [0], [99_999]])
def test_undeclared_codes_are_no_words_however_large_they_are(codes, tmp_path, jpeg):
    for code in codes:
        (tmp_path / f"{code}.jpg").write_bytes(jpeg("red"))
    (tmp_path / "metadata.csv").write_text("file_name,label\n" + "".join(f"{code}.jpg,{code}\n" for code in codes))
    assert [(said.path, said.words) for said in source_at(tmp_path).photos()] == [(f"{code}.jpg", ()) for code in codes]


def test_numbers_that_are_no_codes_are_refused_and_long_lists_of_codes_are_cut(tmp_path, jpeg):
    (tmp_path / "1.jpg").write_bytes(jpeg("red"))
    for codes, words in (("900000000",), "a label is 900000000, which is no code"), (("99", "-5"), "There are: 0 to 99; -1 is none"):
        (tmp_path / "metadata.csv").write_text("file_name,label\n" + "".join(f"1.jpg,{code}\n" for code in codes))
        with pytest.raises(ModisteError, match=words):
            source_at(tmp_path)
    with pytest.raises(ModisteError, match=r"name of code 59,\.\.\. \(100 in all\)"):
        read(tmp_path)


def test_of_several_tables_those_are_labelled_that_are_read(tmp_path, jpeg):
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).write_bytes(jpeg("red"))
    (tmp_path / "a.csv").write_text("photo,type\n1.jpg,Shoes\n")
    (tmp_path / "b.csv").write_text("photo,type\n2.jpg,Bags\n")
    for ask in (read, photos_of):
        with pytest.raises(ModisteError, match=r"has a.csv and b.csv. Give the one to read"):
            ask(tmp_path)
        with pytest.raises(ModisteError, match=r"no labels.csv there"):
            ask(tmp_path, "paper")
    assert photos_of(tmp_path / "b.csv") == [("2.jpg", "2.jpg")]
    for old, new in (("a", "train"), ("b", "test")):
        (tmp_path / f"{old}.csv").rename(tmp_path / f"{new}.csv")
    assert {path for _, path in photos_of(tmp_path)} == {photo.path for photo in read(tmp_path).photos} == {"1.jpg", "2.jpg"}


@pytest.mark.parametrize("more", ["Label,Attribute,Image", "Image,Type"])
def test_the_column_of_the_pictures_is_the_one_that_is_read_where_two_may_be(more, tmp_path, jpeg):
    """`image` may be an address, a shot of another side, or a number; Image_Name is the paper's own word."""
    for name in ("1.jpg", "2.jpg", "other.jpg"):
        (tmp_path / name).write_bytes(jpeg("red"))
    cells = ["1.jpg,0,Shoes,other.jpg", "2.jpg,3,Bags,other.jpg"] if "Label" in more else ["1.jpg,other.jpg,Shoes", "2.jpg,other.jpg,Bags"]
    (tmp_path / "labels.csv").write_text("\n".join([f"Image_Name,{more}", *cells]))
    for where in (tmp_path, tmp_path / "labels.csv"):
        assert [path for _, path in photos_of(where)] == [photo.path for photo in read(where, classes=PAPER_CLASSES).photos]
        assert [path for _, path in photos_of(where)] == ["1.jpg", "2.jpg"]


@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_a_list_in_a_text_file_is_labelled_as_it_is_read(tmp_path, jpeg, mark):
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).write_bytes(jpeg("red"))
    (tmp_path / "list.txt").write_text("Image_Name,Label\n2.jpg,0\n1.jpg,3\n".replace(",", mark))
    assert [photo.path for photo in read(tmp_path / "list.txt", classes=PAPER_CLASSES).photos] == ["2.jpg", "1.jpg"]
    assert photos_of(tmp_path / "list.txt") == [("2.jpg", "2.jpg"), ("1.jpg", "1.jpg")]


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize("twice", ["image", "title"])
def test_two_columns_of_one_name_are_refused_alike(tmp_path, jpeg, ending, twice):
    (tmp_path / "1.jpg").write_bytes(jpeg("red"))
    names, row, file = ["image", "title", twice], ["1.jpg", "one", "1.jpg"], tmp_path / f"shop.{ending}"
    mark = "\t" if ending == "tsv" else ","
    if ending == "parquet":
        pq.write_table(pa.table([[cell] for cell in row], names), file)
    else:
        file.write_text(f"{mark.join(names)}\n{mark.join(row)}\n")
    for ask in (read, photos_of):
        with pytest.raises(ModisteError, match="two columns for '"):
            ask(file)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_two_columns_of_pictures_that_differ_in_capitals_are_refused_alike(tmp_path, jpeg, ending):
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).write_bytes(jpeg("red"))
    row, file = {"image": "1.jpg", "Image": "2.jpg", "type": "Shoes"}, tmp_path / f"shop.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist([row]), file)
    else:
        file.write_text(json.dumps(row) if ending == "jsonl" else "\n".join([",".join(row), ",".join(row.values())]))
    for ask in (read, photos_of):
        with pytest.raises(ModisteError, match=r"two columns for 'image' \(image, Image\)"):
            ask(file)


def notes_of(where: Path) -> tuple[str, ...]:
    source = source_at(where, lenient=True)
    list(source.photos())
    return source.passed_over()


def test_parquet_with_pictures_inside_speaks_of_its_photos_in_its_own_order(tmp_path, jpeg, labelled):
    """As one file, in a folder and in an archive alike."""
    names, types = ["z.jpg", "a.jpg", "m.jpg"], ["Sneakers", "Handbags", "Shirts"]
    cells = [{"bytes": jpeg(colour), "path": name} for name, colour in zip(names, ("red", "blue", "green"), strict=True)]
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"image": cells, "article_type": types}), tmp_path / "data" / "shop.parquet")
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        archive.write(tmp_path / "data" / "shop.parquet", "shop.parquet")
    for where in (tmp_path / "data" / "shop.parquet", tmp_path / "data", tmp_path / "shop.zip", tmp_path / "shop.zip" / "shop.parquet"):
        assert [said.path.rpartition("/")[2] for said in source_at(where).photos()] == names
        labelled(where)
        assert [row["text_label"] for row in rows(tmp_path / "labels.csv")] == ["Shoes", "Bags", "Clothing"]


def test_what_lies_beside_the_label_file_names_no_photos(tmp_path, jpeg):
    """A list of changes with a column of photos stands first in the alphabet, and tells of photos that are gone."""
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).write_bytes(jpeg("red"))
    (tmp_path / "changes.csv").write_text("photo,change,why\n0.jpg,left out,tiny\n1.jpg,label taken away,two\n")
    (tmp_path / "labels.csv").write_text("Image_Name,Label,Attribute\n1.jpg,0,Shoes\n2.jpg,3,Bags\n")
    assert [(said.photo, said.words) for said in source_at(tmp_path).photos()] == [("1.jpg", ("0", "Shoes")), ("2.jpg", ("3", "Bags"))]
    assert notes_of(tmp_path) == ()


@pytest.mark.parametrize("table", ["bestsellers.csv", "labels.csv"])
def test_pictures_that_no_row_names_are_counted_alike_in_folders_and_archives(tmp_path, jpeg, table):
    shop = tmp_path / "shop"
    (shop / "more").mkdir(parents=True)
    for name in ("1.jpg", "2.jpg", "more/3.jpg", "4.heic", ".5.jpg", "notes.txt"):
        (shop / name).write_bytes(jpeg("red"))
    (shop / table).write_text("image,title\n2.jpg,two\n" if table == "bestsellers.csv" else "Image_Name,Label,Attribute\n2.jpg,0,Shoes\n")
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        for path in sorted(path for path in shop.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(shop))
    for where in (shop, tmp_path / "shop.zip"):
        said = "pictures passed over, as no row names them: 3."
        assert notes_of(where) == (said,)
        assert said in read(where).notes
        assert len(read(where)) == 1
    assert notes_of(shop / table) == ()  # the table alone was asked for
    assert read(shop / table).notes == ()
