"""What people have becomes a catalogue whole, or not at all with every reason listed."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modiste.data.layouts.declared import write_classes
from modiste.data.layouts.readers import READERS, detect, read
from modiste.data.layouts.sources import source_at
from modiste.data.opening.hashed import content_hash
from modiste.data.opening.refusals import MOST_BYTES
from modiste.data.opening.stores import open_store, read_photo
from modiste.records.catalogue import Photo, Suggestion
from modiste.records.errors import BadRows, ModisteError, UsageError
from modiste.records.labels import PAPER_CLASSES, Classes

HEAD = "Image_Name,Label,Attribute\n"
HATS = Classes(("Hats", "Gloves"))


def problems(where, **options) -> list[tuple[int, str, str]]:
    with pytest.raises(BadRows, match="nothing was read") as refused:
        read(where, **options)
    return [(bad.row, bad.value, bad.problem) for bad in refused.value.rows]


def question(number: int, asked: list[object], answers: list[object]) -> dict[str, object]:
    return {"question_num": number, "question": asked, "answers": answers, "question_count": len(asked), "gt": 1, "gt_distribution": [1.0]}


def choice(name: str) -> dict[str, object]:
    return {"value": {"choices": [name]}, "id": "lGNQ", "from_name": "choice", "to_name": "image", "type": "choices"}


def annotation(result: dict[str, object]) -> dict[str, object]:
    return {"id": 1, "completed_by": 1, "result": [result], "was_cancelled": False, "ground_truth": False}


def task(address: str, *annotations: dict[str, object]) -> dict[str, object]:
    return {"id": 1, "annotations": list(annotations), "drafts": [], "predictions": [], "data": {"image": address}, "meta": {}}


KAGGLE_HEAD = "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName"


def idx(values: np.ndarray) -> bytes:
    return np.array([0x0800 + values.ndim, *values.shape], ">u4").tobytes() + values.astype(np.uint8).tobytes()


DEEPFASHION = {
    "Anno/list_category_cloth.txt": "2\ncategory_name  category_type\nSneakers  2\nTote  1\n",
    "Anno/list_category_img.txt": (
        "2\nimage_name  category_label\nimg/Red_Sneakers/img_00000001.jpg  1\nimg/Big_Tote/img_00000001.jpg  2\n"
    ),
    "Eval/list_eval_partition.txt": (
        "2\nimage_name  evaluation_status\nimg/Red_Sneakers/img_00000001.jpg  train\nimg/Big_Tote/img_00000001.jpg  test\n"
    ),
}


@pytest.fixture
def sample(tmp_path, paint, jpeg):
    """A sound folder for each reader."""
    paint(tmp_path / "paper", "images/1.jpg", "images/2.jpg")
    (tmp_path / "paper" / "labels.csv").write_text(HEAD + "1.jpg,0,Shoes\n2.jpg,3,Bags\n")
    paint(tmp_path / "folders", "Shoes/1.jpg", "Bags/2.jpg")
    paint(tmp_path / "a100", "images/Shoes_P1.jpg", "images/Bags_P2.png")
    (tmp_path / "a100" / "A100_LAT.json").write_text(json.dumps([question(1, ["Shoes_P1"], ["Bags_P2"])]))
    paint(tmp_path / "deepfashion", "img/Red_Sneakers/img_00000001.jpg", "img/Big_Tote/img_00000001.jpg")
    for name, text in DEEPFASHION.items():
        (tmp_path / "deepfashion" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "deepfashion" / name).write_text(text)
    paint(tmp_path / "fiftyone", "data/000001.jpg", "data/000002.jpg")
    (tmp_path / "fiftyone" / "labels.json").write_text('{"classes": null, "labels": {"000001": "Shoes", "000002": "Bags"}}')
    paint(tmp_path / "label-studio", "1.jpg", "2.jpg")
    tasks = [task("/data/upload/1/ab12cd34-1.jpg", annotation(choice("Shoes"))), task("s3://shop/2.jpg", annotation(choice("Bags")))]
    (tmp_path / "label-studio" / "project-1-at-2025-04-12-07-22-aabbccdd.json").write_text(json.dumps(tasks))
    images = pa.array([{"bytes": jpeg(name), "path": name} for name in ("1.jpg", "2.jpg")])
    (tmp_path / "parquet" / "data").mkdir(parents=True)
    pq.write_table(pa.table({"image": images, "label": ["Shoes", "Bags"]}), tmp_path / "parquet" / "data" / "train-00000-of-00001.parquet")
    paint(tmp_path / "photos", "red-shoes_1.jpg", "blue tote bag.jpg")
    paint(tmp_path / "kaggle", "images/1163.jpg", "images/1164.jpg")
    styles = "1163,Men,Footwear,Shoes,Casual Shoes,Blue,Summer,2011.0,Casual,Puma\n1164,Women,Accessories,Bags,Handbags,Red,,,,Tote, red\n"
    (tmp_path / "kaggle" / "styles.csv").write_text(f"{KAGGLE_HEAD}\n{styles}")
    (tmp_path / "kaggle" / "images.csv").write_text("filename,link\n1163.jpg,http://example.invalid/1.jpg\n")
    paint(tmp_path / "metadata", "train/1.jpg", "train/2.jpg")
    (tmp_path / "metadata" / "train" / "metadata.csv").write_text("file_name,label\n1.jpg,Shoes\n2.jpg,Bags\n")
    paint(tmp_path / "products", "pictures/red shoe.jpg", "pictures/tote.jpg")
    shop = "red-shoe,Shoe,Sneakers,https://cdn.example/red%20shoe.jpg?v=1\ntote,Tote,Tote bag,https://cdn.example/tote.jpg?v=2\n"
    (tmp_path / "products" / "products_export.csv").write_text("Handle,Title,Type,Image Src\n" + shop)
    (tmp_path / "fashion-mnist").mkdir()
    for split, kind in (("train", 7), ("t10k", 8)):  # a sneaker and a bag
        (tmp_path / "fashion-mnist" / f"{split}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(np.full((1, 28, 28), kind))))
        (tmp_path / "fashion-mnist" / f"{split}-labels-idx1-ubyte").write_bytes(idx(np.array([kind])))
    write_classes(tmp_path / "fashion-mnist", PAPER_CLASSES)
    return lambda name: tmp_path / name


@pytest.mark.parametrize("name", READERS)
def test_every_reader_reads_its_sample_and_is_found_by_itself(name, sample):
    catalogue = read(sample(name))
    assert catalogue == read(str(sample(name)), name)
    assert catalogue.classes == PAPER_CLASSES
    codes = [photo.suggestion.label if photo.suggestion else photo.label for photo in catalogue.photos]
    assert sorted(codes) == [0, 3]
    assert all(read_photo(catalogue.root, photo.path) for photo in catalogue.photos)


@pytest.mark.parametrize("packing", ["zip", "tar"])
@pytest.mark.parametrize("name", READERS)
def test_the_same_sample_inside_an_archive_gives_an_equal_catalogue(name, packing, sample, tmp_path):
    plain = read(sample(name))
    packed = read(shutil.make_archive(str(tmp_path / "packed"), packing, sample(name)))
    assert (packed.photos, packed.classes, packed.notes) == (plain.photos, plain.classes, plain.notes)
    assert [read_photo(packed.root, photo.path) for photo in packed.photos] == [
        read_photo(plain.root, photo.path) for photo in plain.photos
    ]


def test_an_unknown_format_or_place_is_named(tmp_path, sample):
    with pytest.raises(UsageError, match="Did you mean 'folders'"):
        read(sample("paper"), "folder")
    with pytest.raises(ModisteError, match="no such file"):
        read(tmp_path / "nowhere")


def test_a_place_without_pictures_says_so_first_and_what_it_holds(tmp_path):
    (tmp_path / "other" / "deep").mkdir(parents=True)
    with pytest.raises(ModisteError, match=r"other: no pictures in it, and no labels in a layout .* It holds deep/\. Give"):
        read(tmp_path / "other")
    for name in ("a.md", "b.doc", "c.md", "d.md", "e.md", ".hidden"):
        (tmp_path / "other" / name).write_text("no photo")
    with pytest.raises(ModisteError, match=r"It holds deep/, a\.md, b\.doc, c\.md, d\.md and 1 more\. Give a folder with pictures"):
        read(tmp_path / "other")
    with pytest.raises(ModisteError, match=r"a\.md: no labels in a layout that modiste knows\. Give a folder"):
        read(tmp_path / "other" / "a.md")


# The paper's label file


def test_column_order_capitals_separator_bom_and_place_of_pictures_are_free(shop, paint):
    two = ("1.jpg", "2.jpg")
    plain = read(shop(HEAD + "1.jpg,0,Shoes\n2.jpg,1,Clothing\n", pictures=two))
    variants = [
        "\ufeffImage_Name,Label,Attribute\r\n1.jpg,0,Shoes\r\n2.jpg,1,Clothing\r\n",
        "LABEL;attribute;image_name\n0;Shoes;1.jpg\n1;clothing;2.jpg\n\n",
        "Image_Name\tLabel\tAttribute\n1.jpg\t0.0\tshoes\n./images/2.jpg\t1\tCLOTHING\n",
        "Image_Name,Label,Attribute\nimages/1.jpg, 0, Shoes\n 2.jpg,1,Clothing",
    ]
    for text in variants:
        root = shop(text, pictures=two)
        assert read(root) == plain == read(root / "labels.csv")
    paint(root, "5.jpg")
    (root / "labels.csv").write_text(HEAD + "5.jpg,0,Shoes\n")
    assert read(root).photos[0].path == "5.jpg"


def test_more_columns_are_kept_and_none_of_the_classes_is_no_label(shop):
    head = "Image_Name,Label,Attribute,split,source,product_id,suggested_label,suggested_by,colour\n"
    rows = "1.jpg,0,Shoes,train,AAT,P1,,,red\n2.jpg,-1,Perfume,other,,P2,1,model x,\n3.jpg,,,Val,,,Bags,,blue\n"
    catalogue = read(shop(head + rows))
    assert catalogue.photos == (
        Photo("images/1.jpg", 0, None, "P1", "AAT", "train", {"colour": "red"}),
        Photo("images/2.jpg", None, Suggestion(1, "model x"), "P2", "", "other", {"Attribute": "Perfume"}),
        Photo("images/3.jpg", None, Suggestion(3, ""), "", "", "validation", {"colour": "blue"}),
    )


def test_without_a_split_column_the_source_decides(shop):
    named = ("20250412_AAT_Shoes_1.jpg", "20250412_LAT_Bags_2.jpg", "flat.jpg")
    text = HEAD + f"{named[0]},0,Shoes\n{named[1]},3,Bags\n{named[2]},1,Clothing\n"
    assert [(photo.source, photo.split) for photo in read(shop(text, pictures=named)).photos] == [
        ("AAT", "train"),
        ("LAT", "test"),
        ("", ""),
    ]
    text = "Image_Name,Label,Attribute,source\n" + f"{named[0]},0,Shoes,LAT\n"
    assert read(shop(text)).photos[0].split == "test"


def test_a_split_that_comes_from_names_is_told_and_one_that_a_column_says_is_not(shop):
    named = ("20250412_AAT_Shoes_1.jpg", "20250412_lat_Bags_2.jpg", "flat.jpg", "1.jpg")
    rows = f"{named[0]},0,Shoes\n{named[1]},3,Bags\n{named[2]},1,Clothing\n"
    told = "photos that are train or test by AAT or LAT in a file's name, as the paper's are: 2."
    root = shop(HEAD + rows, pictures=named[:3])
    assert read(root).notes == (told,)
    shop("Image_Name,Label,Attribute,source\n" + rows.replace("\n", ",LAT\n"), pictures=named[:3])
    assert read(root).notes == ()
    (root / "labels.csv").rename(root / "labels_LAT.csv")
    shop(HEAD + rows, "labels_LAT.csv", pictures=named[:3])
    assert read(root).notes == (told.replace("2.", "3."),)


@pytest.mark.parametrize("name", ["bluza-5-6-lat-1.jpg", "shoe_LAT_1.jpg", "AAT.jpg", "2025_LAT_1.jpg", "20250412-lat-1.jpg"])
@pytest.mark.parametrize("layout", ["paper", "folders", "photos", "products", "fiftyone", "label-studio"])
def test_a_photo_called_otherwise_than_the_papers_is_of_no_source_and_no_split(tmp_path, paint, name, layout):
    where = {"folders": "Shoes/", "fiftyone": "data/"}.get(layout, "")
    paint(tmp_path, f"{where}{name}")
    (tmp_path / TOLD[layout][0]).write_text(TOLD[layout][1].replace("NAME", name))
    catalogue = read(tmp_path, layout)
    assert [(photo.path, photo.source, photo.split) for photo in catalogue.photos] == [(f"{where}{name}", "", "")]
    assert not any("AAT" in note for note in catalogue.notes)


TOLD = {  # what tells of one photo in a layout
    "paper": ("labels.csv", "Image_Name,Label,Attribute\nNAME,0,Shoes\n"),
    "folders": ("classes.txt", "Shoes\nBags\n"),
    "photos": ("classes.txt", "Shoes\nBags\n"),
    "products": ("shop.csv", "image,label\nNAME,Shoes\n"),
    "fiftyone": ("labels.json", '{"classes": ["Shoes", "Bags"], "labels": {"NAME": 0}}'),
    "label-studio": ("tasks.json", '[{"data": {"image": "NAME"}, "annotations": []}]'),
}


def test_the_files_names_may_say_split_or_source(shop):
    shop(HEAD + "1.jpg,0,Shoes\n2.jpg,1,Clothing\n", "train.csv")
    root = shop(HEAD + "3.jpg,3,Bags\n", "test.csv")
    assert [photo.split for photo in read(root).photos] == ["test", "train", "train"]
    shop(HEAD + "3.jpg,0,Shoes\n1.jpg,0,Shoes\n", "val.csv")
    assert [(row, said.split(":")[0]) for row, _, said in problems(root)] == [(1, "stands there twice"), (2, "stands there twice")]
    for name in ("train.csv", "test.csv", "val.csv"):
        (root / name).unlink()
    shop(HEAD + "1.jpg,0,Shoes\n", "labels_AAT.csv")
    shop(HEAD + "2.jpg,1,Clothing\n", "labels_LAT.csv")
    assert [(photo.source, photo.split) for photo in read(root).photos] == [("AAT", "train"), ("LAT", "test")]


def test_every_bad_row_is_listed_with_what_would_do(shop):
    rows = [
        ("1.jpg,1,Shoes", "has code 0, but the Label says 1"),
        ("2.jpg,1,Clohting", "Did you mean 'Clothing'"),
        ("22.jpg,1,Clothing", "is missing"),
        ("4.JPG,1,Clothing", "Did you mean '4.jpg'"),
        ("../secret.jpg,1,Clothing", "leads out"),
        ("/etc/passwd,1,Clothing", "absolute path"),
        ("C:\\a.jpg,1,Clothing", "absolute path"),
        ("3.jpg,7,Clothing", "is no code"),
        ("3.jpg,x,Clothing", "is no code"),
        ("3.jpg,-1,Bags", "the code is -1"),
        (",1,Clothing", "is empty"),
    ]
    text = HEAD + "3.jpg,1,Clothing\n" + "\n".join(row for row, _ in rows) + "\n3.jpg,1,Clothing\nimages/3.jpg,0,Shoes\n"
    found = problems(shop(text + "4.jpg,1,Clothing\n"), classes=PAPER_CLASSES)
    assert [row for row, _, _ in found] == list(range(2, len(rows) + 4))
    for (_, expected), (_, _, said) in zip(rows, found, strict=False):
        assert expected in said
    assert "with the same label" in found[-2][2]
    assert "another label (Clothing there, Shoes here)" in found[-1][2]


def test_a_wrong_split_and_a_wrong_suggestion_are_listed(shop):
    text = "Image_Name,Label,Attribute,split,suggested_label\n1.jpg,0,Shoes,trian,\n2.jpg,0,Shoes,train,9\n3.jpg,0,Shoes,train,Bgas\n"
    said = [problem for _, _, problem in problems(shop(text))]
    assert "Did you mean 'train'" in said[0]
    assert "suggests no class" in said[1]
    assert "Did you mean 'Bags'" in said[2]


@pytest.mark.parametrize("name", ["a\0b/1.jpg", "a\0b.zip/1.jpg", f"{'x' * 300}/1.jpg", f"{'x' * 300}.zip/1.jpg", f"{'x/' * 3000}1.jpg"])
def test_a_name_that_no_file_can_have_is_listed(shop, name):
    ((row, _, problem),) = problems(shop(f"{HEAD}1.jpg,0,Shoes\n{name},0,Shoes\n"))
    assert (row, problem.partition(":")[0]) == (2, "is missing")
    assert content_hash(shop(HEAD), name) is None


def test_accents_may_stand_apart_in_names_of_classes_folders_and_pictures(tmp_path, paint):
    """macOS writes them so, keyboards and spreadsheets do not."""
    whole, apart = (unicodedata.normalize(form, "Gürtel") for form in ("NFC", "NFD"))
    classes = Classes((whole, "Röcke"))
    paint(tmp_path / "folders", f"{apart}/1.jpg", f"{unicodedata.normalize('NFD', 'Röcke')}/2.jpg")
    assert [photo.label for photo in read(tmp_path / "folders", classes=classes).photos] == [0, 1]
    for on_disk, written in ((apart, whole), (whole, apart)):
        place = tmp_path / str(len(written))
        paint(place, f"{on_disk}.jpg", "2.jpg")
        (place / "labels.csv").write_text(f"{HEAD}{written}.jpg,0,{apart.upper()}\n2.jpg,1,Röcke\n", encoding="utf-8")
        found = read(place, classes=classes)
        assert [(photo.path, photo.label) for photo in found.photos] == [(f"{on_disk}.jpg", 0), ("2.jpg", 1)]
        assert [said.path for said in source_at(place / "labels.csv").photos()] == [f"{on_disk}.jpg", "2.jpg"]
    with pytest.raises(ModisteError, match="class names must differ"):
        Classes((whole, apart))


def test_a_code_of_thousands_of_digits_is_listed(shop):
    found = problems(shop(f"Image_Name,Label,Attribute,suggested_label\n1.jpg,0,Shoes,{'1' * 5000}\n2.jpg,{'1' * 5000},Shoes,\n"))
    assert [row for row, _, _ in found] == [1, 2]


def test_a_table_is_told_by_its_beginning_however_long_it_is(tmp_path, paint):
    paint(tmp_path, "1.jpg")
    (tmp_path / "photos.csv").write_text(f"{HEAD}1.jpg,0,Shoes\n")
    (tmp_path / "prices.csv").write_text("sku,price\n")
    for name in ("photos.csv", "prices.csv"):
        os.truncate(tmp_path / name, MOST_BYTES + 1)
    assert detect(open_store(tmp_path)) == "paper"


def test_missing_pictures_are_found_fast_among_many(tmp_path):
    """A near name is offered for the first of them, without comparing all with all."""
    (tmp_path / "images").mkdir()
    for number in range(2000):
        (tmp_path / "images" / f"photo_{number:05d}_front.jpg").touch()
    rows = "".join(f"photo_{number:05d}_frnt.jpg,0,Shoes\n" for number in range(2000))
    (tmp_path / "labels.csv").write_text(HEAD + rows)
    found = problems(tmp_path)
    assert len(found) == 2000
    assert "Did you mean 'photo_00000_front.jpg'" in found[0][2]


@pytest.mark.parametrize(
    "data, said",
    [
        ("Image_Name,Label\n1.jpg,0\n".encode("utf-16"), "UTF-16"),
        ("Image_Name,Label\n1.jpg,0\n".encode("utf-16-le"), "UTF-16"),
        (b"", "is empty"),
        (b"Image_Name,Label,Attribute\n", "no row under the header"),
        (b"Image_Nam,Label,Attribute\n1.jpg,0,Shoes\n", "no column Image_Name.*Did you mean 'Image_Nam'"),
        (b"Image_Name,Label,label\n1.jpg,0,0\n", "two columns for 'label'"),
        (b'Image_Name,Label,Attribute\n"1.jpg,0,Shoes\n', "never closed"),
        (b"Image_Name,Label,Attribute\n1.jpg,0\n", "has 2 cells, the header has 3"),
        (b"Image_Name,Label,Attribute,title\n1.jpg,0,Shoes,caf\xe9\n", "is not UTF-8"),
    ],
)
def test_a_file_of_the_wrong_kind_is_refused_by_name(shop, data, said):
    with pytest.raises(ModisteError, match=said):
        read(shop(data))


def test_codes_are_declared_never_guessed(shop):
    """By the paper's names, by the rows one to one, by classes.txt, by the caller; else the line to give is shown."""
    own = HEAD + "1.jpg,1,Gloves\n2.jpg,0,Hats\n3.jpg,1,gloves\n"
    assert read(shop(own)).classes.names == ("Hats", "Gloves")
    assert read(shop(HEAD + "1.jpg,0,Shoes\n2.jpg,1,Clothing\n")).classes == PAPER_CLASSES
    assert read(shop("Image_Name,Attribute\n1.jpg,Shoes\n2.jpg,Bags\n")).counts() == [1, 0, 0, 1]
    for text, line in [
        ("Image_Name,Label\n1.jpg,1\n2.jpg,0\n", '--classes "name of code 0,name of code 1"'),
        ("Image_Name,Attribute\n1.jpg,Hats\n2.jpg,Gloves\n", '--classes "Gloves,Hats"'),
        (HEAD + "1.jpg,0,Hats\n2.jpg,0,Hats\n3.jpg,0,Gloves\n4.jpg,1,Gloves\n", '--classes "Hats,Gloves"'),
    ]:
        with pytest.raises(ModisteError) as refused:
            read(shop(text))
        assert line in str(refused.value)
        assert "classes.txt" in str(refused.value)
    text = "Image_Name,Attribute\n1.jpg,Hats\n2.jpg,Gloves\n"
    assert read(shop(text), classes=HATS).counts() == [1, 1]
    assert read(shop("Image_Name,Label\n1.jpg,1\n2.jpg,-1\n"), classes=HATS).counts() == [0, 1]
    write_classes(shop(text), HATS)
    assert read(shop(text)).classes == HATS


def test_one_wrong_row_among_the_paper_s_classes_is_a_bad_row_not_a_new_class(shop):
    found = problems(shop(HEAD + "1.jpg,0,Shoes\n2.jpg,1,Clothing\n3.jpg,3,Bgas\n4.jpg,3,Bags\n"))
    assert [(row, value) for row, value, _ in found] == [(3, "Bgas")]


# A folder a class


def test_folders_keep_split_and_class_at_any_depth(tmp_path, paint):
    paint(tmp_path, "train/Shoes/1.jpg", "train/bags/deep/er/2.PNG", "VAL/Shoes/3.webp", "test/Clothing/4.jpg", "test/unlabelled/5.jpg")
    paint(tmp_path, "train/Shoes/._1.jpg", "train/Shoes/.hidden/1.jpg", "train/Shoes/Thumbs.db", "train/Shoes/notes.txt", ".git/x.jpg")
    (tmp_path / "test" / "Accessories").mkdir()
    found = {photo.path: (photo.label, photo.split) for photo in read(tmp_path).photos}
    assert found == {
        "train/Shoes/1.jpg": (0, "train"),
        "train/bags/deep/er/2.PNG": (3, "train"),
        "VAL/Shoes/3.webp": (0, "validation"),
        "test/Clothing/4.jpg": (1, "test"),
        "test/unlabelled/5.jpg": (None, "test"),
    }


@pytest.mark.parametrize("outer", ["", "train/"])
def test_a_folder_without_a_picture_is_no_class_and_is_named(tmp_path, paint, outer):
    """`modiste search --in photos/Shoes` leaves one beside the folder that was searched."""
    paint(tmp_path, f"{outer}Shoes/1.jpg", f"{outer}Bags/2.jpg")
    for name in ("Shoes.index", f"{outer}Shoes.index", f"{outer}Clothing"):
        (tmp_path / name).mkdir(exist_ok=True)
    for folder in {tmp_path / "Shoes.index", tmp_path / f"{outer}Shoes.index"}:
        (folder / "index.json").write_text("{}")
    found = read(tmp_path)
    assert [(photo.path, photo.label) for photo in found.photos] == [(f"{outer}Bags/2.jpg", 3), (f"{outer}Shoes/1.jpg", 0)]
    assert f"folders passed over, as they are no classes and hold no pictures: {outer}Shoes.index." in found.notes
    paint(tmp_path, "Shoes.index/3.jpg")
    with pytest.raises(ModisteError, match=r"Shoes\.index"):  # a photo is not passed over
        read(tmp_path)


def test_folder_order_declares_nothing(tmp_path, paint):
    paint(tmp_path, "Gloves/1.jpg", "Hats/2.jpg")
    with pytest.raises(ModisteError, match='--classes "Gloves,Hats"'):
        read(tmp_path)
    assert [photo.label for photo in read(tmp_path, classes=HATS).photos] == [1, 0]
    write_classes(tmp_path, HATS)
    assert read(tmp_path).counts() == [1, 1]


def test_what_has_no_place_in_folders_is_listed(tmp_path, paint):
    paint(tmp_path, "train/Shoes/1.jpg", "train/Bgas/2.jpg", "train/3.jpg", "4.jpg", "Bags/5.jpg", "train/Shoes/6.heic")
    with pytest.raises(ModisteError) as refused:
        read(tmp_path, classes=PAPER_CLASSES)
    for said in (
        "Did you mean 'Bags'",
        "'train/3.jpg' stands in no class",
        "'4.jpg' stands in",
        "folder 'Bags' stands beside",
        "6.heic",
        "5 problems",
    ):
        assert said in str(refused.value)


def test_loops_in_links_end_the_walk_not_the_job(tmp_path, paint):
    paint(tmp_path, "Shoes/1.jpg", "Bags/2.jpg")
    (tmp_path / "Shoes" / "again").symlink_to(tmp_path)
    (tmp_path / "Clothing").symlink_to(tmp_path / "Shoes")
    assert [photo.path for photo in read(tmp_path).photos] == ["Bags/2.jpg", "Shoes/1.jpg"]


# A100


def test_ids_become_photos_once_with_a_suggestion_and_no_label(tmp_path, paint):
    """LAT wins over AAT: an id in both would leak from test to train."""
    paint(tmp_path, "images/Pants_P00462138.jpg", "images/Bags/Bags_P2.png", "Hat_P3.jpg", "Gadget/Gadget_P4.jpeg")
    (tmp_path / "AAT.json").write_text(json.dumps([question(1, ["Pants_P00462138", "Bags_P2"], ["Hat_P3", "Pants_P00462138"])]))
    (tmp_path / "LAT.json").write_text(json.dumps([question(1, ["Bags_P2"], ["Gadget_P4"])]))
    by_path = {photo.path: photo for photo in read(tmp_path).photos}
    assert len(by_path) == 4
    assert by_path["images/Pants_P00462138.jpg"] == Photo(
        "images/Pants_P00462138.jpg", None, Suggestion(1, "taxonomy fashion: Pants"), "P00462138", "AAT", "train", {"article_type": "Pants"}
    )
    assert (by_path["images/Bags/Bags_P2.png"].source, by_path["images/Bags/Bags_P2.png"].split) == ("LAT", "test")
    assert by_path["Gadget/Gadget_P4.jpeg"].suggestion is None


def test_every_malformed_entry_is_listed_with_file_and_question(tmp_path, paint):
    paint(tmp_path, "images/Top_P1.jpg")
    entries = [question(1, ["Top_P1", "../../x", 5], ["Top_P9"]), "text", question(7, ["Top_P1"], None)]
    (tmp_path / "LAT.json").write_text(json.dumps(entries))
    found = problems(tmp_path)
    assert {(row, value) for row, value, _ in found} == {(1, "../../x"), (1, "5"), (1, "Top_P9"), (2, "'text'"), (7, "None")}
    assert all("LAT.json" in said for _, _, said in found)


@pytest.mark.parametrize("text, said", [("{", "is no JSON"), ('{"a": 1}', "must hold a list of questions")])
def test_a_file_without_questions_is_refused(tmp_path, text, said):
    (tmp_path / "AAT.json").write_text(text)
    with pytest.raises(ModisteError, match=said):
        read(tmp_path)
