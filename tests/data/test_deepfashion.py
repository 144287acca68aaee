"""DeepFashion's lists become products with a type; what the lists and the pictures do not agree on is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from modiste.data.layouts.readers import read
from modiste.data.opening.stores import read_photo
from modiste.records.catalogue import Photo, Suggestion
from modiste.records.errors import BadRows, ModisteError
from modiste.records.labels import Classes

CATEGORIES = "4\ncategory_name  category_type\nBlouse         1\nJeans          2\nDress          3\nTop            1\n"
ROWS = (
    "img/Sheer_Pleated-Front_Blouse/img_00000001.jpg                        1\n"
    "img/Sheer_Pleated-Front_Blouse/img_00000002.jpg                        1\n"
    "img/Classic_Skinny_Jeans/img_00000001.jpg                              2\n"
)
SPLITS = (
    "img/Sheer_Pleated-Front_Blouse/img_00000001.jpg                        train\n"
    "img/Sheer_Pleated-Front_Blouse/img_00000002.jpg                        val\n"
    "img/Classic_Skinny_Jeans/img_00000001.jpg                              test\n"
)
BLOUSE, JEANS = "Sheer_Pleated-Front_Blouse", "Classic_Skinny_Jeans"


def listed(rows: str, word: str) -> str:
    return f"{rows.count(chr(10))}\nimage_name  {word}\n{rows}"


@pytest.fixture
def benchmark(tmp_path, paint):
    """A folder as the benchmark is unpacked; other places for the lists and the pictures, and other rows, may be given."""

    def made(anno: str = "Anno", evaluation: str = "Eval", pictures: str = "img", rows: str = ROWS, splits: str | None = SPLITS) -> Path:
        root = tmp_path / "benchmark"
        paint(root / pictures, f"{BLOUSE}/img_00000001.jpg", f"{BLOUSE}/img_00000002.jpg", f"{JEANS}/img_00000001.jpg")
        (root / anno).mkdir(exist_ok=True)
        (root / evaluation).mkdir(exist_ok=True)
        (root / anno / "list_category_cloth.txt").write_text(CATEGORIES)
        (root / anno / "list_category_img.txt").write_text(listed(rows, "category_label"))
        (root / anno / "list_bbox.txt").write_text("0\nimage_name  x_1\n")
        if splits is not None:
            (root / evaluation / "list_eval_partition.txt").write_text(listed(splits, "evaluation_status"))
        return root

    return made


def test_categories_become_types_products_and_suggestions(benchmark):
    catalogue = read(benchmark())
    assert catalogue.notes == ()
    assert [photo.split for photo in catalogue.photos] == ["train", "validation", "test"]
    assert catalogue.photos[2] == Photo(
        f"img/{JEANS}/img_00000001.jpg",
        None,
        Suggestion(1, "taxonomy fashion: article_type 'Jeans'"),
        JEANS,
        "",
        "test",
        {"article_type": "Jeans", "category_type": "lower-body"},
    )


def test_categories_that_are_declared_as_classes_become_labels(benchmark):
    catalogue = read(benchmark(), classes=Classes(("Jeans", "Dress")))
    assert [photo.label for photo in catalogue.photos] == [None, None, 0]
    (benchmark() / "classes.txt").write_text("Blouse\nJeans\n")
    assert read(benchmark()).counts() == [2, 1]


@pytest.mark.parametrize(
    "anno, evaluation, pictures", [("Anno_coarse", "Eval", "img"), ("", "", "img"), ("", "", ""), ("Anno", "Eval", "Img/img")]
)
def test_lists_and_pictures_may_stand_where_people_unpack_them(benchmark, anno, evaluation, pictures):
    catalogue = read(benchmark(anno, evaluation, pictures))
    assert [photo.path.endswith("1.jpg") for photo in catalogue.photos] == [True, False, True]
    assert {photo.product for photo in catalogue.photos} == {BLOUSE, JEANS}
    assert all((catalogue.root / photo.path).is_file() for photo in catalogue.photos)


def test_a_category_that_the_taxonomy_does_not_know_is_clothing_all_the_same(benchmark):
    root = benchmark()
    file = root / "Anno" / "list_category_cloth.txt"
    file.write_text(CATEGORIES.replace("Blouse", "Gauchos"))
    assert read(root).photos[0].suggestion == Suggestion(1, "taxonomy fashion: master_category 'Clothing'")


def test_pictures_may_stay_in_the_archive_they_were_downloaded_in(benchmark):
    root = benchmark()
    plain = {photo.path: read_photo(root, photo.path) for photo in read(root).photos}
    (root / "Img").mkdir()
    shutil.make_archive(str(root / "Img" / "img"), "zip", root, "img")
    shutil.rmtree(root / "img")
    assert {photo.path.removeprefix("Img/img.zip/"): read_photo(root, photo.path) for photo in read(root).photos} == plain


def test_without_its_partition_photos_have_no_split_and_that_is_said(benchmark):
    catalogue = read(benchmark(splits=None))
    assert {photo.split for photo in catalogue.photos} == {""}
    assert "no list_eval_partition.txt" in catalogue.notes[0]


def test_photos_that_the_partition_leaves_out_are_counted(benchmark):
    assert "1 photos are not in list_eval_partition.txt" in read(benchmark(splits=SPLITS.partition("\n")[2])).notes[0]


def test_every_bad_row_is_listed(benchmark):
    rows = (
        ROWS + f"img/{JEANS}/img_00000009.jpg 2\n../secret.jpg 1\n/etc/passwd 1\nimg/{JEANS}/img_00000001.jpg 9\n{ROWS.splitlines()[2]}\n"
    )
    with pytest.raises(BadRows) as refused:
        read(benchmark(rows=rows, splits=SPLITS.replace("val", "vla")))
    said = [(bad.row, bad.problem) for bad in refused.value.rows]
    assert [row for row, _ in said] == [2, 4, 5, 6, 7, 8]
    for (_, problem), expected in zip(
        said, ("Did you mean 'val", "is missing", "leads out", "absolute path", "is no category", "twice: also in entry 3"), strict=True
    ):
        assert expected in problem
    assert "list_category_img.txt" in str(refused.value)


def test_a_list_that_was_cut_off_is_refused(benchmark):
    root = benchmark()
    file = root / "Anno" / "list_category_img.txt"
    file.write_text(file.read_text().replace("3\n", "289222\n", 1))
    with pytest.raises(ModisteError, match="promises 289,222 rows, 3 stand there"):
        read(root)
    file.write_text("image_name category_label\n" + ROWS)
    with pytest.raises(ModisteError, match="first line must be a count"):
        read(root)
    file.write_text("2\nimage_name category_label\na.jpg\nb.jpg 1\n")
    with pytest.raises(ModisteError, match=r"row 1: 'a.jpg' must be a name and a word"):
        read(root)


def test_a_missing_list_and_a_list_alone_are_named(benchmark):
    root = benchmark()
    with pytest.raises(ModisteError, match="Give the folder"):
        read(root / "Anno" / "list_category_img.txt")
    (root / "Anno" / "list_category_cloth.txt").unlink()
    with pytest.raises(ModisteError, match=r"list_category_cloth.txt is missing"):
        read(root)
