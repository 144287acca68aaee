"""What people should look at comes first: disagreements, then the least sure, then the rejected; on the page and in the list."""

from __future__ import annotations

import csv
import json
import re
import shutil

import pyarrow.parquet as pq
import pytest

from modiste.labelling import labelled as labelling
from modiste.labelling.tally import Tally, promise, share
from modiste.records.errors import ModisteError
from modiste.serving.deciding import REVIEW, thresholds


@pytest.fixture
def shop(photos, tmp_path):
    """A shop whose table gives every photo a product type, right or wrong."""
    shop = tmp_path / "shop"
    shutil.move(photos, shop)
    paths = sorted(path.relative_to(shop).as_posix() for path in shop.rglob("*.jpg"))
    lines = [f"{path},{('Sneakers', 'Shirt', 'Belt', '')[number % 4]}" for number, path in enumerate(paths)]
    (shop / "products.csv").write_text("image,type\n" + "\n".join(lines) + "\n")
    return shop


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_list_has_every_photo_that_is_not_settled_once_the_most_telling_first(shop, labelled, tmp_path):
    labelled(shop, review=True, precision=0.9)
    table, found = {row["photo"]: row for row in rows(tmp_path / "labels.csv")}, rows(tmp_path / "labels.review.csv")
    unsettled = {name for name, row in table.items() if row["decision"] != "auto" or row["agrees"] == "no"}
    assert sorted(row["photo"] for row in found) == sorted(unsettled)
    kinds = ["disagrees" if row["why"] == "disagrees" else table[row["photo"]]["decision"] for row in found]
    assert set(kinds) >= {"disagrees", "reject"}
    assert kinds == sorted(kinds, key=["disagrees", REVIEW, "reject"].index)
    margins = [float(row["margin"]) for row in found if row["why"] == "disagrees"]
    assert margins == sorted(margins, reverse=True)
    least = [float(row["margin"]) for row in found if table[row["photo"]]["decision"] == REVIEW and row["why"] != "disagrees"]
    assert least == sorted(least)
    assert all(not row["right_label"] for row in found)


def test_a_list_that_people_wrote_into_is_not_written_over(shop, labelled, tmp_path):
    file = tmp_path / "labels.review.csv"
    for _ in range(2):  # an empty one is made anew
        labelled(shop, review=True, precision=0.9)
    written = file.read_bytes().replace(b",\n", b",Shoes\n", 3)
    file.write_bytes(written)
    with pytest.raises(ModisteError, match=r"labels.review.csv: people wrote 3 right labels into it.* --output"):
        labelled(shop, review=True, precision=0.8)
    assert file.read_bytes() == written
    labelled(shop, precision=0.8)  # the table alone


@pytest.mark.parametrize("begin, end", [("", ",who"), ("who,", "")])
def test_a_list_that_people_added_a_column_to_is_not_written_over(shop, labelled, tmp_path, begin, end):
    """Before the first right label is in it, too."""
    file = tmp_path / "labels.review.csv"
    labelled(shop, review=True, precision=0.9)
    lines = file.read_text().splitlines()
    file.write_text("".join(f"{begin}{line}{end}\n" for line in lines))
    written = file.read_bytes()
    with pytest.raises(ModisteError, match=r"labels.review.csv is there already.* --output"):
        labelled(shop, review=True, precision=0.8)
    assert file.read_bytes() == written
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*lines, ""]).encode())  # saved by a spreadsheet: nothing was added
    labelled(shop, review=True, precision=0.8)


def test_what_people_write_while_photos_are_labelled_is_not_written_over(shop, labelled, tmp_path, monkeypatch):
    file = tmp_path / "labels.review.csv"
    labelled(shop, review=True, precision=0.9)
    written = file.read_bytes().replace(b",\n", b",Shoes\n", 1)
    answer_all = labelling.answer_all
    monkeypatch.setattr(labelling, "answer_all", lambda *given: (answer_all(*given), file.write_bytes(written)))
    with pytest.raises(ModisteError, match="people wrote 1 right labels into it"):
        labelled(shop, review=True, precision=0.9)
    assert file.read_bytes() == written


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_table_that_people_added_a_column_to_is_not_written_over(ending, photos, labelled, tmp_path):
    file = tmp_path / f"labels.{ending}"
    for _ in range(2):
        labelled(photos, file.name)
    if ending == "csv":
        file.write_bytes(file.read_bytes().replace(b",model\n", b",model,right_label\n"))
    elif ending == "jsonl":
        file.write_bytes(file.read_bytes().replace(b"}\n", b', "right_label": "Shoes"}\n'))
    else:
        table = pq.read_table(file)
        pq.write_table(table.append_column("right_label", [["Shoes"] * len(table)]), file)
    written = file.read_bytes()
    with pytest.raises(ModisteError, match="people added columns to it"):
        labelled(photos, file.name)
    assert file.read_bytes() == written


def test_a_damaged_parquet_file_is_not_written_over(photos, labelled, tmp_path):
    labelled(photos, "labels.parquet")
    data = bytearray((tmp_path / "labels.parquet").read_bytes())
    foot = slice(-8 - int.from_bytes(data[-8:-4], "little"), -8)
    data[foot] = bytes(byte ^ 0x5A for byte in data[foot])
    (tmp_path / "labels.parquet").write_bytes(data)
    with pytest.raises(ModisteError, match="not written over"):
        labelled(photos, "labels.parquet")


def test_what_the_source_says_is_compared_and_counted(shop, labelled, tmp_path):
    done = labelled(shop)
    found = rows(tmp_path / "labels.csv")
    for row in found:
        expected = "" if not row["text_label"] or row["decision"] == "reject" else "yes" if row["text_label"] == row["label"] else "no"
        assert row["agrees"] == expected
    assert {row["text_label"] for row in found} == {"Shoes", "Clothing", "Accessories", ""}
    assert done.tally.disagree == sum(row["agrees"] == "no" for row in found)
    assert done.tally.compared == sum(row["agrees"] != "" for row in found)
    assert f"{done.tally.disagree} of {done.tally.compared} are called otherwise" in " ".join(done.words)


@pytest.mark.parametrize("most", [8, 30, 200])
def test_the_page_shows_no_more_photos_than_asked_for_and_counts_all(most, shop, labelled, tmp_path):
    done = labelled(shop, photos_on_page=most, precision=0.5)
    html = (tmp_path / "labels.html").read_text()
    shown = html.count('<li class="card">')
    assert shown <= most
    if most == 200:
        assert shown == 40
    assert f"Called otherwise than their source says ({done.tally.disagree})" in html
    assert f"Rejected ({done.tally.rejected.total()})" in html
    assert not re.search(r"<script|https?://", html)


def test_the_counts_are_those_of_the_rows(shop, labelled, tmp_path):
    done = labelled(shop, precision=0.6)
    found = rows(tmp_path / "labels.csv")
    plain = json.loads(json.dumps(done.plain))
    assert plain["photos"] == len(found) == 40
    for how in ("auto", "review"):
        assert plain[how] == sum(row["decision"] == how for row in found)
        for name, counts in plain["labels"].items():
            assert counts[how] == sum(row["decision"] == how and row["label"] == name for row in found)
    assert sum(plain["rejected"].values()) == sum(row["decision"] == "reject" for row in found)


def test_what_to_expect_is_said_with_its_interval_or_that_nothing_is_known(tiny):
    from dataclasses import replace

    from modiste.serving.deciding import expected

    chosen = thresholds(tiny.card, 0.9)
    said = promise(chosen, expected(tiny.card, chosen))
    assert re.fullmatch(r"precision 0\.9 asked for, 0\.9\d\d–(0\.9\d\d|1\.000) expected from 3,000 validation photos", said)
    bare = replace(tiny.card, evidence=None)
    assert "is not known" in promise(thresholds(bare, 0.9), expected(bare, thresholds(bare, 0.9)))
    assert share(0, 10) == "0 %"
    assert Tally().words(chosen, None)[0].startswith("0 photos")


def test_a_list_that_cannot_be_read_is_not_written_over(shop, labelled, tmp_path):
    file = tmp_path / "labels.review.csv"
    labelled(shop, review=True, precision=0.9)
    file.write_bytes(file.read_bytes() + b"x" * 140_000 + b",Shoes\n")
    written = file.read_bytes()
    with pytest.raises(ModisteError, match=r"labels.review.csv cannot be read .* may hold right labels"):
        labelled(shop, review=True, precision=0.8)
    assert file.read_bytes() == written
