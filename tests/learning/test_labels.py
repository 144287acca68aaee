"""Labels are read from whatever holds them; what cannot be learnt from is refused with what to do about it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from modiste.data.layouts.sources import source_at
from modiste.labelling.files import write_rows
from modiste.labelling.rows import FIRST
from modiste.learning.labels import RESULT, RIGHT, read_labels
from modiste.learning.task import task_of
from modiste.records.errors import BadRows, ModisteError, UsageError
from modiste.records.labels import Classes

OWN = Classes(("Red", "Green", "Blue"))
HALF = {"Red": "Red", "Green": "Green", "Grey": ""}


def labels_in(found) -> dict[str, str]:
    return {photo.path: found.classes.names[photo.label] for photo in found.photos}


def test_a_result_of_modiste_label_opens_with_the_columns_that_are_looked_for() -> None:
    assert RESULT == FIRST


def test_the_list_for_review_has_the_column_that_is_looked_for() -> None:
    from modiste.labelling.doubts import COLUMNS

    assert {"photo", RIGHT} <= set(COLUMNS)


def test_rows_with_a_right_label_are_learnt_from_and_no_others(painted) -> None:
    where = painted(HALF, 3)
    found = read_labels(where, where.parent / "photos", OWN)
    assert found.classes == OWN
    assert labels_in(found) == {f"{colour}-{n}.png": colour for colour in ("Red", "Green") for n in range(3)}


def test_other_columns_of_a_result_do_no_harm(painted, tmp_path) -> None:
    painted(HALF, 1)
    where = tmp_path / "result.csv"
    where.write_text(
        "photo,sha256,label,confidence,p_Red,p_Green,p_Blue,decision,reason,right_label\n"
        "Red-0.png,00,Blue,0.9,0.1,0.1,0.8,review,unsure,red\nGreen-0.png,00,Green,0.9,0.1,0.1,0.8,auto,,\n"
    )
    assert labels_in(read_labels(where, tmp_path / "shop" / "photos", OWN)) == {"Red-0.png": "Red"}


def test_a_result_that_nobody_looked_through_is_refused_with_what_to_do(tmp_path) -> None:
    where = tmp_path / "labels.csv"
    where.write_text("photo,sha256,label,confidence,decision\n1.png,00,Red,0.9,auto\n")
    with pytest.raises(ModisteError, match="write the right class into its column right_label"):
        read_labels(where, tmp_path, OWN)
    where.write_text("photo,why,label,right_label\n1.png,unsure,Red,\n")
    with pytest.raises(ModisteError, match="not one photo has a label"):
        read_labels(where, tmp_path, OWN)


def test_a_photo_that_is_not_there_is_named_with_its_row_and_the_option_that_helps(painted) -> None:
    where = painted(HALF, 1)
    with pytest.raises(BadRows, match=r"labels\.csv, row 1: 'Red-0\.png' is missing.*--data FOLDER"):
        read_labels(where, None, OWN)


def test_a_class_that_nobody_declared_is_refused_with_the_near_one(painted) -> None:
    where = painted({"Red": "Red", "Green": "Gren"}, 1)
    with pytest.raises(BadRows, match=r"'Gren' is no class.*Did you mean 'Green'\?.*--classes"):
        read_labels(where, where.parent / "photos", OWN)
    found = read_labels(where, where.parent / "photos", OWN, classes=Classes(("Red", "Gren")))
    assert found.classes.names == ("Red", "Gren")


def test_how_new_classes_are_declared_is_said_once_and_does_it(painted) -> None:
    where = painted({"Red": "warm", "Green": "WARM", "Blue": "cold"}, 2)
    with pytest.raises(BadRows, match="'warm' is no class") as refused:
        read_labels(where, where.parent / "photos", OWN)
    (line,) = re.findall('--classes "(.*)"', str(refused.value))
    found = read_labels(where, where.parent / "photos", OWN, classes=Classes.parse(line))
    assert sorted(found.counts()) == [2, 4]
    where.write_text("photo,right_label\n" + "".join(f"Red-0.png,kind {number}\n" for number in range(40)))
    with pytest.raises(BadRows, match="--label right_label takes all 40 words") as refused:
        read_labels(where, where.parent / "photos", OWN)
    assert str(refused.value).count("--label") == 1
    where.write_text('photo,right_label\nRed-0.png,"hats, caps"\nBlue-0.png,gloves\n')
    with pytest.raises(BadRows, match="--label right_label takes all 2 words"):  # --classes has commas between names
        read_labels(where, where.parent / "photos", OWN)
    assert len(read_labels(where, where.parent / "photos", OWN, column="right_label").classes) == 2


@pytest.mark.parametrize("packed", [False, True])
def test_photos_are_found_in_the_only_folder_of_what_was_labelled(painted, tmp_path, packed) -> None:
    """A table in it names its pictures from there, and so does a result of `modiste label`."""
    table = painted({"Red": "Red", "Blue": "Blue"}, 2)
    (tmp_path / "outer").mkdir()
    table.parent.joinpath("photos").rename(tmp_path / "outer" / "inner")
    (tmp_path / "outer" / "inner" / "products.csv").write_text("image,title\nRed-0.png,a\n")
    where = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "outer")) if packed else tmp_path / "outer"
    assert {said.photo for said in source_at(where).photos()} == {"Red-0.png"}
    assert len(read_labels(table, where, OWN)) == 4
    table.write_text("photo,right_label\ninner/Red-0.png,Red\ninner/Blue-0.png,Blue\n")
    assert len(read_labels(table, where, OWN)) == 2


def test_any_table_and_any_column_will_do(painted) -> None:
    where = painted({"Red": "warm", "Blue": "cold"}, 2, column="temper")
    found = read_labels(where, where.parent / "photos", OWN, column="temper")
    assert found.classes.names == ("cold", "warm")
    assert set(labels_in(found).values()) == {"cold", "warm"}
    where.write_text(where.read_text().replace("Red-0.png,warm", "Red-0.png,WARM"))
    again = read_labels(where, where.parent / "photos", OWN, column="temper")
    assert len(again.classes) == 2  # capitals alone make no other class
    assert sorted(again.counts()) == [2, 2]
    with pytest.raises(UsageError, match="Did you mean 'temper'"):
        read_labels(where, where.parent / "photos", OWN, column="tempr")


def test_a_folder_a_class_is_read_as_it_stands_and_takes_no_other_folder(painted, tmp_path) -> None:
    photos = painted({"Red": "Red", "Blue": "Blue"}, 2).parent / "photos"
    for path in list(photos.iterdir()):
        to = tmp_path / "sorted" / path.name.partition("-")[0] / path.name
        to.parent.mkdir(parents=True, exist_ok=True)
        path.rename(to)
    found = read_labels(tmp_path / "sorted", None, OWN, classes=Classes(("Red", "Blue")))
    assert {re.sub("/.*", "", path): label for path, label in labels_in(found).items()} == {"Red": "Red", "Blue": "Blue"}
    with pytest.raises(UsageError, match="says itself where its photos are"):
        read_labels(tmp_path / "sorted", tmp_path, OWN)


def test_labels_of_some_own_classes_leave_the_network_all_of_them_unless_others_are_declared(painted) -> None:
    where = painted({"Red": "red", "Blue": "blue"}, 5)
    found = read_labels(where, where.parent / "photos", OWN)
    task = task_of(found, OWN, declared=False)
    assert task.classes == OWN
    assert task.own.tolist() == [0, 1, 2]
    two = Classes(("Blue", "Red"))
    declared = task_of(read_labels(where, where.parent / "photos", OWN, classes=two), OWN, declared=True)
    assert declared.classes == two
    assert declared.own.tolist() == [2, 0]
    assert "Green" in declared.notes[0]


@pytest.mark.parametrize(
    ("labels", "classes", "words"),
    [
        ({"Red": "Red"}, None, "all are Red: label photos of two classes"),
        ({"Red": "warm", "Blue": "cold"}, ("warm", "cold"), "takes 5 photos or more; too few: warm 4, cold 4"),
    ],
)
def test_too_few_classes_and_too_few_photos_of_a_new_class_are_refused(painted, labels, classes, words) -> None:
    where: Path = painted(labels, 4)
    found = read_labels(where, where.parent / "photos", OWN, classes=Classes(classes) if classes else None)
    task = task_of(found, OWN, declared=classes is not None)
    with pytest.raises(ModisteError, match=words):
        task.checked([photo.label for photo in task.catalogue.photos])


def test_a_result_in_parquet_with_names_that_are_no_text_is_a_table(painted, tmp_path) -> None:
    photos = painted({"Red": "Red", "Blue": "Blue"}, 1).parent / "photos"
    odd = "R\udcfcd.png"
    (photos / "Red-0.png").rename(photos / odd)
    rows = [(odd, "00", "Blue", 0.9, "red"), ("Blue-0.png", "00", "Blue", 0.9, "")]
    where = write_rows(tmp_path / "labels.parquet", tmp_path / "part", (*FIRST, RIGHT), rows, odd_names=True)
    assert labels_in(read_labels(where, photos, OWN)) == {odd: "Red"}


@pytest.mark.parametrize("column", ["class", "temper"])
@pytest.mark.parametrize("declared", [None, Classes(("warm", "lukewarm", "cold"))])
def test_a_column_says_the_same_whether_or_not_the_folder_is_named(painted, column, declared) -> None:
    where = painted({"Red": "warm", "Blue": "cold"}, 2, column=column)
    table = where.parent / "photos" / "mine.csv"
    lines = where.read_text().splitlines()
    beside = ["class" if column != "class" else "kind", *("anything" if n % 2 else "else" for n in range(len(lines) - 1))]
    table.write_text("".join(f"{line},{cell}\n" for line, cell in zip(lines, beside, strict=True)))
    alone = read_labels(table, None, OWN, classes=declared, column=column)
    named = read_labels(table, table.parent, OWN, classes=declared, column=column)
    assert (alone.classes, labels_in(alone)) == (named.classes, labels_in(named))
    assert alone.classes.names == (declared.names if declared else ("cold", "warm"))
