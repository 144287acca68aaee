"""croissant.json is what the standard's own tool accepts, and through it every row and picture comes out."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from modiste.data.layouts.croissant import write_croissant
from modiste.data.layouts.readers import read
from modiste.records.catalogue import Catalogue, Photo, Suggestion
from modiste.records.errors import ModisteError
from modiste.records.labels import PAPER_CLASSES

PHOTOS = (
    Photo("images/1.jpg", 0, None, "P1", "AAT", "train", {"colour": "=red", "made in": "5 km"}),
    Photo("images/deep/er/2.jpg", None, Suggestion(2, "a model"), split="test", details={"made in": "-7"}),
    Photo("a[1]/3.png", 3, split="other"),
    Photo("4.webp", 1),
)


@pytest.fixture
def described(tmp_path, paint) -> Path:
    paint(tmp_path / "from", *(photo.path for photo in PHOTOS))
    return write_croissant(Catalogue(tmp_path / "from", PAPER_CLASSES, PHOTOS), tmp_path / "to")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """mlcroissant; what it warns of its own imports and of pandas is not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlcroissant
    return mlcroissant


def records(tool: ModuleType, root: Path, name: str) -> list[dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = tool.Dataset(str(root / "croissant.json"))
        issues = data.metadata.ctx.issues
        assert (issues.errors, issues.warnings) == (set(), set())
        return [{key.split("/")[1]: value for key, value in row.items()} for row in data.records(name)]


def test_the_standard_s_tool_finds_nothing_wrong_and_yields_every_row(tool, described):
    rows = {row["Image_Name"].decode(): row for row in records(tool, described, "photos")}
    assert rows.keys() == {photo.path for photo in PHOTOS}
    for photo in PHOTOS:
        row = rows[photo.path]
        assert row["Label"] == (-1 if photo.label is None else photo.label)
        assert (row["split"] or b"").decode() == photo.split
        assert row["image"].size == (32, 32)
    first, second = rows["images/1.jpg"], rows["images/deep/er/2.jpg"]
    assert (first["Attribute"], first["source"], first["product_id"], first["colour"]) == (b"Shoes", b"AAT", b"P1", b"=red")
    assert (first["column-9"], second["column-9"]) == (b"5 km", b"-7")
    assert (second["suggested_label"], second["suggested_by"]) == (2, b"a model")


def test_the_classes_are_records_of_their_own(tool, described):
    assert [(row["code"], row["name"]) for row in records(tool, described, "classes")] == list(enumerate(PAPER_CLASSES.names))


def test_it_names_the_label_file_s_digest_and_only_patterns_for_pictures(described):
    plain = json.loads((described / "croissant.json").read_text())
    labels, pictures = plain["distribution"]
    assert labels["sha256"] == hashlib.sha256((described / "labels.csv").read_bytes()).hexdigest()
    assert pictures["includes"] == ["*.webp", "a[[]1]/*.png", "images/**/*.jpg", "images/*.jpg"]
    assert plain["conformsTo"] == "http://mlcommons.org/croissant/1.0"


def test_the_folder_is_the_paper_s_layout(described):
    assert read(described).photos == PHOTOS
    assert read(described / "labels.csv", "paper").classes == PAPER_CLASSES


@pytest.mark.parametrize("path", ["images/\udc80.jpg", "=1.jpg", "1", "2.jpg"])
def test_a_name_that_cannot_be_joined_to_its_row_is_refused(tmp_path, path):
    photos = (Photo("images/2.jpg"), Photo(path))
    with pytest.raises(ModisteError, match="write the format 'paper'"):
        write_croissant(Catalogue(tmp_path, PAPER_CLASSES, photos), tmp_path / "to")
    assert not (tmp_path / "to").exists()
