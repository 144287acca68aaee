"""What Label Studio is given: local addresses, one question, and the same names in tasks and interface."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

from modiste.data.layouts.label_studio_tasks import write_label_studio
from modiste.data.layouts.readers import read
from modiste.records.catalogue import Catalogue, Photo, Suggestion
from modiste.records.errors import ModisteError
from modiste.records.labels import Classes

ODD = Classes(('Hats & "caps"', "<Gloves>", "衣"))


@pytest.fixture
def shop(tmp_path, paint):
    photos = (
        Photo("a b/1+1=2?.jpg", 1, None, "P1", "LAT", "test", {"colour": "red", "image": "x", "Attribute": "y"}),
        Photo("2#%41.jpg", None, Suggestion(2, "a model"), split="train"),
    )
    paint(tmp_path / "from", *(photo.path for photo in photos))
    return Catalogue(tmp_path / "from", ODD, photos)


def test_tasks_and_interface_ask_one_question_with_the_same_words(tmp_path, shop):
    root = write_label_studio(shop, tmp_path / "to")
    interface = ElementTree.fromstring((root / "interface.xml").read_text(encoding="utf-8"))
    choices, image = interface.find("Choices"), interface.find("Image")
    assert [choice.get("value") for choice in choices] == list(ODD.names)
    assert (choices.get("toName"), image.get("value"), choices.get("choice")) == (image.get("name"), "$image", "single")
    labelled, suggested = json.loads((root / "tasks.json").read_text(encoding="utf-8"))
    (result,) = labelled["annotations"][0]["result"]
    assert result == {
        "from_name": choices.get("name"),
        "to_name": image.get("name"),
        "type": "choices",
        "value": {"choices": ["<Gloves>"]},
    }
    assert (suggested["annotations"], labelled["predictions"]) == ([], [])
    assert suggested["predictions"][0]["model_version"] == "a model"
    assert suggested["predictions"][0]["result"][0]["value"] == {"choices": ["衣"]}


def test_addresses_are_those_of_local_files_below_the_folder(tmp_path, shop):
    root = write_label_studio(shop, tmp_path / "to")
    for task, photo in zip(json.loads((root / "tasks.json").read_text(encoding="utf-8")), shop.photos, strict=True):
        address = urlsplit(task["data"]["image"])
        assert address.path == "/data/local-files/"
        assert parse_qs(address.query)["d"] == [photo.path]


def test_what_annotators_change_is_read_with_all_that_was_known_before(tmp_path, shop):
    root = write_label_studio(shop, tmp_path / "to")
    tasks = json.loads((root / "tasks.json").read_text(encoding="utf-8"))
    tasks[1]["annotations"] = [{"result": tasks[1]["predictions"][0]["result"], "was_cancelled": False, "completed_by": 1}]
    (root / "tasks.json").write_text(json.dumps(tasks))
    first, second = read(root).photos
    assert first == shop.photos[0]
    assert (second.label, second.suggestion, second.split) == (2, Suggestion(2, "a model"), "train")


def test_a_split_that_could_not_be_read_back_is_not_written(tmp_path, shop):
    with pytest.raises(ModisteError, match="split 'mine' cannot be written"):
        write_label_studio(shop.with_photos([Photo("2#%41.jpg", split="mine")]), tmp_path / "to")
    assert not (tmp_path / "to").exists()
