"""What is exported is what stands, readable by modiste's own readers, whatever photos are called; what is imported is said once."""

import hashlib
import re

import pytest
from histories import ODD_NAMES
from PIL import Image

from modiste.annotating.exports import labelled, paper_names, right_csv, right_labels, write_as_paper
from modiste.annotating.imports import imported
from modiste.annotating.standing import Standing
from modiste.data.layouts.readers import read
from modiste.data.layouts.writers import WRITERS, write
from modiste.learning.labels import read_labels
from modiste.records.catalogue import TEST, Catalogue, Photo
from modiste.records.errors import ModisteError, UsageError
from modiste.records.labels import PAPER_CLASSES, Classes

WHEN = "2025-04-12T23:59:59.999Z"


@pytest.fixture
def shop(tmp_path):
    """A folder of small photos, some oddly called."""
    root = tmp_path / "shop"
    (root / "images").mkdir(parents=True)
    for number, name in enumerate(ODD_NAMES):
        Image.new("RGB", (40, 40), (number * 9, 90, 120)).save(root / name, "JPEG")
    return Catalogue(root, PAPER_CLASSES, tuple(Photo(name) for name in ODD_NAMES))


@pytest.fixture
def standing(said):
    one = Standing()
    one.add([said(name, PAPER_CLASSES.names[number % 4], who="Ada Lovelace", at=WHEN) for number, name in enumerate(ODD_NAMES)])
    return one


def tree(root):
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(root.rglob("*")) if path.is_file()}


def test_only_what_is_settled_is_right(said):
    one = Standing()
    one.add(
        [
            said("1.jpg", "Shoes", at=WHEN),
            said("2.jpg", "Shoes"),
            said("2.jpg", "Bags", who="bob"),
            said("3.jpg"),
            said("4.jpg", kind="bad"),
        ]
    )
    one.add([said("5.jpg", "Shoes"), said("5.jpg", "Bags", how="adjudicated", who="cy", at=WHEN)])
    one.add([said("6.jpg", "Shoes"), said("6.jpg", kind="bad", how="adjudicated", who="cy")])
    found = [(right.photo, right.label, right.who, right.at) for right in right_labels(one)]
    assert found == [("1.jpg", "Shoes", "ada", WHEN), ("5.jpg", "Bags", "cy", WHEN)]


def test_the_random_sample_judges_what_is_learnt_from_the_rest(shop, standing, tmp_path):
    table = tmp_path / "right.csv"
    table.write_bytes(right_csv(standing, [photo.path for photo in shop.photos], set(ODD_NAMES[:4])))
    found = read_labels(table, shop.root, PAPER_CLASSES)
    assert {photo.path for photo in found.photos if photo.split == TEST} == set(ODD_NAMES[:4])
    assert len(found.photos) == len(ODD_NAMES)


def test_training_reads_the_right_labels_whatever_photos_are_called(shop, standing, tmp_path):
    table = tmp_path / "right.csv"
    table.write_bytes(right_csv(standing, [photo.path for photo in shop.photos]))
    found = read_labels(table, shop.root, PAPER_CLASSES)
    assert {photo.path: photo.label for photo in found.photos} == {name: number % 4 for number, name in enumerate(ODD_NAMES)}


def test_no_cell_is_a_formula(standing, said):
    standing.add([said("9.jpg", "=1+1", who="+ada")])
    for line in right_csv(standing).decode("utf-8", "surrogateescape").split("\n"):
        assert not re.match(r'"?[=+@-]', line)
    assert b',"\'=1+1","","\'+ada",' in right_csv(standing)


def test_the_papers_files_are_read_back_as_they_were_labelled(shop, standing, tmp_path):
    before = tree(shop.root)
    to = write_as_paper(standing, shop, tmp_path / "out")
    names = sorted(path.name for path in (to / "images").iterdir())
    assert len(names) == len(ODD_NAMES)
    assert all(re.fullmatch(r"20250412_AL_(Shoes|Clothing|Accessories|Bags)_[1-3]\.jpg", name) for name in names)
    found = read(to)
    assert [photo.label for photo in found.photos] == [number % 4 for number in range(len(ODD_NAMES))]
    for photo, original in zip(found.photos, ODD_NAMES, strict=True):
        assert (to / photo.path).read_bytes() == (shop.root / original).read_bytes()
    assert (to / "labels.csv").read_text().startswith("Image_Name,Label,Attribute")
    assert (to / "names.csv").is_file()
    assert tree(shop.root) == before


def test_the_papers_own_names_come_out_where_the_source_is_known(said):
    one = Standing()
    one.add([said("a.PNG", "Clothing", at=WHEN), said("b", "Clothing", at=WHEN), said("c.jpg", "T-shirts / Tops", at=WHEN, who="bob")])
    classes = Classes(("Clothing", "T-shirts / Tops"))
    catalogue = Catalogue(None, classes, (Photo("a.PNG", source="LAT"), Photo("b", source="LAT"), Photo("c.jpg", source="../x")))
    names = paper_names(one, labelled(one, catalogue))
    assert names == ["20250412_LAT_Clothing_1.png", "20250412_LAT_Clothing_2.jpg", "20250412_x_T-shirts-Tops_1.jpg"]


def test_nothing_is_written_into_the_shop_nor_over_anything(shop, standing, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("")
    for to in (shop.root / "out", tmp_path / "taken"):
        with pytest.raises(ModisteError):
            write_as_paper(standing, shop, to)
    with pytest.raises(ModisteError, match=r"no photo of .* has a settled label yet"):
        write_as_paper(Standing(), shop, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("layout", WRITERS)
def test_every_layout_takes_what_stands(layout, shop, standing, tmp_path):
    plain = [photo for photo in shop.photos if photo.path.isascii() and photo.path.isprintable() and photo.path[0] not in "='1"]
    some = shop.with_photos(plain)
    if layout == "parquet":
        pytest.importorskip("pyarrow")
    found = read(write(labelled(standing, some), tmp_path / "out", layout))
    assert sorted(photo.label for photo in found.photos) == sorted(ODD_NAMES.index(photo.path) % 4 for photo in plain)


def test_photos_without_a_settled_label_are_left_out(shop, said):
    one = Standing()
    one.add([said(ODD_NAMES[0], "Bags")])
    assert [photo.label for photo in labelled(one, shop).photos] == [3]


def test_an_export_imported_again_says_nothing_new(shop, standing, tmp_path):
    found = read(write_as_paper(standing, shop, tmp_path / "out"))
    paths = [photo.path for photo in found.photos]
    first = imported(found, "bob", paths, PAPER_CLASSES, standing)
    assert [(one.photo, one.how, one.who) for one in first.decisions] == [(path, "import", "bob") for path in paths]
    assert len({one.batch for one in first.decisions}) == 1  # taken back together
    standing.add(first.decisions)
    again = imported(found, "bob", paths, PAPER_CLASSES, standing)
    assert (again.decisions, again.same) == ((), len(paths))


def test_a_photo_is_found_by_how_its_path_ends_where_only_one_does(said):
    photos = ("images/1.jpg", "a/2.jpg", "b/2.jpg", "3.jpg")
    theirs = Catalogue(None, Classes(("bags", "Shoes")), tuple(Photo(path, 0) for path in ("1.jpg", "2.jpg", "x/images/3.jpg", "9.jpg")))
    found = imported(theirs, "ada", photos, PAPER_CLASSES, Standing())
    assert [(one.photo, one.label) for one in found.decisions] == [("images/1.jpg", "Bags")]
    assert found.unknown == ("2.jpg", "x/images/3.jpg", "9.jpg")


def labels(*rows):
    return Catalogue(None, PAPER_CLASSES, tuple(Photo(path, PAPER_CLASSES.code(label)) for path, label in rows))


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (("shop/images/1.jpg", "shop/images/2.jpg", "shop/images/9.jpg"), ["1.jpg", "2.jpg", None]),  # one beginning does for all
        (("a/1.jpg", "b/2.jpg"), [None, None]),  # two are needed
        (("a/1.jpg", "2.jpg"), [None, "2.jpg"]),  # one needs none
        (("train/shoes/1.jpg", "test/Shoes/2.jpg"), ["1.jpg", "2.jpg"]),  # a folder a class
    ],
)
def test_folders_in_front_are_passed_over_where_that_does_for_all(paths, found):
    said = imported(labels(*((path, "Shoes") for path in paths)), "ada", ("1.jpg", "2.jpg"), PAPER_CLASSES, Standing())
    assert [one.photo for one in said.decisions] == [path for path in found if path]
    assert said.unknown == tuple(path for path, here in zip(paths, found, strict=True) if not here)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (("Shoes/1.jpg", "Bags/1.jpg", "Shoes/3.jpg"), ["Shoes/1.jpg", "Bags/1.jpg", None]),  # that photo is gone
        (("Shoes/1.jpg", "Bags/1.jpg"), ["Shoes/1.jpg", "Bags/1.jpg"]),
        (("Shoes/3.jpg",), [None]),  # all rows are of one class, whose folder is one that all begin with
        (("train/Shoes/3.jpg", "test/Bags/4.jpg"), [None, None]),
        (("train/Bags/3.jpg", "test/Shoes/4.jpg"), ["Bags/3.jpg", None]),
    ],
)
def test_a_label_goes_to_no_photo_in_the_folder_of_another_class(rows, found):
    paths, photos = [f"shop/{row}" for row in rows], ("Shoes/1.jpg", "Bags/1.jpg", "Bags/3.jpg")
    said = imported(labels(*((path, path.split("/")[-2]) for path in paths)), "ada", photos, PAPER_CLASSES, Standing())
    assert [(one.photo, one.label) for one in said.decisions] == [(path, path.split("/")[0]) for path in found if path]
    assert said.unknown == tuple(path for path, here in zip(paths, found, strict=True) if not here)


@pytest.mark.parametrize("paths", [("Shoes/1.jpg", "Bags/1.jpg"), ("images/1.jpg", "1.jpg")])
def test_two_rows_that_mean_one_photo_and_say_different_things_are_refused(paths):
    photos = ("images/1.jpg", "2.jpg") if "1.jpg" in paths else ("1.jpg", "2.jpg")
    with pytest.raises(ModisteError, match=r"\(Shoes\) and '.*' \(Bags\) are both '(images/)?1\.jpg' here"):
        imported(labels((paths[0], "Shoes"), (paths[1], "Bags")), "ada", photos, PAPER_CLASSES, Standing())


def test_two_rows_that_mean_one_photo_and_agree_are_one():
    said = imported(labels(("images/1.jpg", "Shoes"), ("1.jpg", "Shoes")), "ada", ("images/1.jpg",), PAPER_CLASSES, Standing())
    assert [(one.photo, one.label) for one in said.decisions] == [("images/1.jpg", "Shoes")]


@pytest.mark.parametrize(("written", "meant"), [("1.jpg", "images/1.jpg"), ("./1.jpg", "1.jpg"), ("images/1.jpg", "images/1.jpg")])
def test_a_name_that_could_be_two_photos_is_the_one_that_readers_take_it_for(written, meant):
    theirs = Catalogue(None, PAPER_CLASSES, (Photo(written, 0),))
    assert [one.photo for one in imported(theirs, "ada", ("1.jpg", "images/1.jpg"), PAPER_CLASSES, Standing()).decisions] == [meant]


def test_a_class_that_is_not_ones_own_is_refused_and_unlabelled_photos_say_nothing():
    theirs = Catalogue(None, Classes(("Hats", "Shoes")), (Photo("1.jpg", 0), Photo("2.jpg")))
    with pytest.raises(UsageError, match="no class called 'Hats'"):
        imported(theirs, "ada", ["1.jpg"], PAPER_CLASSES, Standing())
    assert imported(theirs.with_photos(theirs.photos[1:]), "ada", ["2.jpg"], PAPER_CLASSES, Standing()).decisions == ()
