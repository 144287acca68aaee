"""FiftyOne's exports, in three layouts, become the same labels; what is wrong in them is listed by entry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modiste.data.layouts.readers import read
from modiste.records.catalogue import Photo, Suggestion
from modiste.records.errors import BadRows, ModisteError
from modiste.records.labels import PAPER_CLASSES, Classes

HATS = Classes(("Hats", "Gloves"))


def classified(label: str, **more: object) -> dict[str, Any]:
    identity = {"_id": {"$oid": "64c4f2a1d3b0f2e9a1b2c3d4"}, "_cls": "Classification", "tags": [], "logits": None, "confidence": None}
    return identity | {"label": label} | more


def sample(filepath: str, *tags: str, **fields: object) -> dict[str, Any]:
    metadata = {"_cls": "ImageMetadata", "size_bytes": 900, "width": 32, "height": 32}
    return {"filepath": filepath, "tags": list(tags), "_media_type": "image", "_rand": 0.5, "metadata": metadata, **fields}


@pytest.fixture
def labels(tmp_path, paint):
    """FiftyOneImageClassificationDataset."""

    def made(targets: object, classes: object = None) -> Path:
        paint(tmp_path / "labels", "data/000001.jpg", "data/000002.png", "data/deep/000003.jpg")
        (tmp_path / "labels" / "labels.json").write_text(json.dumps({"classes": classes, "labels": targets}))
        return tmp_path / "labels"

    return made


@pytest.fixture
def samples(tmp_path, paint):
    """FiftyOneDataset."""

    def made(*listed: object, metadata: object = None) -> Path:
        paint(tmp_path / "samples", "data/000001.jpg", "data/000002.png", "data/deep/000003.jpg")
        (tmp_path / "samples" / "samples.json").write_text(json.dumps({"samples": listed}))
        (tmp_path / "samples" / "metadata.json").write_text(json.dumps(metadata or {"name": "shop", "media_type": "image"}))
        return tmp_path / "samples"

    return made


def problems(where: Path, **options: Any) -> list[tuple[int, str, str]]:
    with pytest.raises(BadRows, match="nothing was read") as refused:
        read(where, **options)
    return [(bad.row, bad.value, bad.problem) for bad in refused.value.rows]


def test_names_places_and_objects_are_labels_alike(labels):
    named = read(labels({"000001": "Shoes", "000002": "Bags", "deep/000003": None}))
    assert named.photos == (Photo("data/000001.jpg", 0), Photo("data/000002.png", 3), Photo("data/deep/000003.jpg"))
    assert read(labels({"000001": 0, "000002.png": 3, "deep/000003": None}, list(PAPER_CLASSES.names))) == named
    target = {"label": "Shoes", "confidence": 0.75, "attributes": {"colour": "red", "old": True, "size": None}}
    described = read(labels({"000001": target, "000002": {"label": "Bags"}, "deep/000003": None}))
    assert described.photos[0].details == {"confidence": "0.75", "colour": "red", "old": "true"}
    assert [photo.label for photo in described.photos] == [0, 3, None]


def test_classes_come_from_the_file_or_are_declared(labels):
    assert read(labels({"000001": 1, "000002": 0}, ["Gloves", "Hats"])).classes.names == ("Gloves", "Hats")
    assert [photo.label for photo in read(labels({"000001": 1}, ["Gloves", "Hats"]), classes=HATS).photos] == [0]
    with pytest.raises(ModisteError, match='--classes "Gloves,Hats"'):
        read(labels({"000001": "Hats", "000002": "Gloves"}))
    assert read(labels({"000001": "Hats", "000002": "Gloves"}), classes=HATS).counts() == [1, 1]
    with pytest.raises(ModisteError, match=r"labels.json: class names must differ"):
        read(labels({"000001": 0}, ["Hats", "hats"]))


def test_pictures_that_are_not_in_the_labels_are_counted(labels):
    assert read(labels({"000001": "Shoes"})).notes == ("2 pictures under data/ are not in labels.json.",)


def test_every_wrong_label_is_listed(labels, paint):
    targets = {"000001": 7, "00002": 0, "../x": 0, "/x": 0, "000002": [0, 1], "deep/000003": True}
    found = problems(labels(targets, ["Shoes", "Bags"]))
    assert [row for row, _, _ in found] == [1, 2, 3, 4, 5, 6]
    for (_, _, said), expected in zip(
        found, ("is no place in 'classes'", "Did you mean '000002.png'", "leads out", "absolute", "several", "several"), strict=True
    ):
        assert expected in said
    root = labels({"000001": "Shoes", "000002": "Shose"})
    paint(root, "data/000001.png")
    assert [said.split(".")[0] for _, _, said in problems(root, classes=PAPER_CLASSES)] == ["stands for data/000001", "is no class"]


def test_samples_keep_split_tags_columns_and_what_models_say(samples):
    root = samples(
        sample("data/000001.jpg", "train", "checked", ground_truth=classified("Shoes"), cbam=classified("Bags", confidence=0.5)),
        sample(
            "data/000002.png", "validation", ground_truth=classified("Bags", confidence=0.75), colour="red", uniqueness=0.5, product="P1"
        ),
        sample("data/deep/000003.jpg", ground_truth=None),
    )
    assert read(root).photos == (
        Photo("data/000001.jpg", 0, Suggestion(3, "cbam"), split="train", details={"tags": "checked"}),
        Photo("data/000002.png", 3, product="P1", split="validation", details={"colour": "red", "uniqueness": "0.5", "confidence": "0.75"}),
        Photo("data/deep/000003.jpg"),
    )


def test_labels_of_other_kinds_are_passed_over_and_named(samples):
    boxes = {"_cls": "Detections", "detections": []}
    catalogue = read(samples(sample("data/000001.jpg", ground_truth=classified("Shoes"), boxes=boxes)))
    assert catalogue.photos == (Photo("data/000001.jpg", 0),)
    assert catalogue.notes == ("fields passed over, as they are not one class a photo: boxes (Detections).",)


def test_the_classes_of_the_data_set_keep_their_order(samples):
    hat, gloves = (
        sample("data/000001.jpg", kind=classified("Hats")),
        sample("data/000002.png", kind=classified("Gloves")),
    )
    with pytest.raises(ModisteError, match="--classes"):
        read(samples(hat, gloves))
    assert [photo.label for photo in read(samples(hat, gloves, metadata={"classes": {"kind": ["Hats", "Gloves"]}})).photos] == [0, 1]
    assert [photo.label for photo in read(samples(hat, gloves, metadata={"default_classes": ["Gloves", "Hats"]})).photos] == [1, 0]


def test_every_wrong_sample_is_listed(samples):
    found = problems(
        samples(
            sample("data/000001.jpg", ground_truth=classified("Shoes")),
            sample("data/000001.jpg", ground_truth=classified("Shoes")),
            sample("/home/me/data/000002.png"),
            sample("data/../../x.jpg"),
            sample("data/00002.png"),
            sample("data/000002.png", "train", "test"),
            sample("data/000002.png", ground_truth=classified("Shose")),
            {"tags": []},
        ),
        classes=PAPER_CLASSES,
    )
    assert [row for row, _, _ in found] == [2, 3, 4, 5, 6, 7, 8]
    for (_, _, said), expected in zip(
        found,
        ("twice", "absolute", "leads out", "Did you mean '000002.png'", "two splits", "Did you mean 'Shoes'", "is no sample"),
        strict=True,
    ):
        assert expected in said


def test_several_fields_with_labels_need_one_called_ground_truth(samples):
    both = sample("data/000001.jpg", a=classified("Shoes"), b=classified("Bags"))
    with pytest.raises(ModisteError, match="labels stand in a, b"):
        read(samples(both))


def test_a_folder_a_class_may_have_unlabelled_photos_as_fiftyone_names_them(tmp_path, paint):
    paint(tmp_path, "Shoes/1.jpg", "Bags/2.jpg", "_unlabeled/3.jpg")
    assert {photo.path: photo.label for photo in read(tmp_path).photos} == {"Shoes/1.jpg": 0, "Bags/2.jpg": 3, "_unlabeled/3.jpg": None}


@pytest.mark.parametrize("text", ["[]", '{"samples": {}}', '{"labels": []}'])
def test_json_of_another_shape_is_refused(tmp_path, paint, text):
    paint(tmp_path, "data/1.jpg")
    (tmp_path / "samples.json").write_text(text)
    (tmp_path / "labels.json").write_text(text)
    with pytest.raises(ModisteError, match=r"as FiftyOne writes it|neither data/"):
        read(tmp_path, "fiftyone")
