"""Label Studio's exports: what annotators agree on is a label, what a model said a suggestion, and the rest is listed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from modiste.data.layouts.readers import read
from modiste.records.catalogue import Photo, Suggestion
from modiste.records.errors import BadRows, ModisteError
from modiste.records.labels import PAPER_CLASSES, Classes

HATS = Classes(("Hats", "Gloves"))
UPLOAD = "/data/upload/1/ab12cd34-{}"


def result(*choices: str, question: str = "choice") -> dict[str, Any]:
    return {
        "value": {"choices": list(choices)},
        "id": "lGNQuu0BDg",
        "from_name": question,
        "to_name": "image",
        "type": "choices",
        "origin": "manual",
    }


def annotation(*results: dict[str, Any], by: int = 1, cancelled: bool = False, final: bool = False) -> dict[str, Any]:
    return {
        "id": by,
        "completed_by": by,
        "result": list(results),
        "was_cancelled": cancelled,
        "ground_truth": final,
        "created_at": "2025-04-12T07:21:33.166103Z",
        "lead_time": 3.2,
        "prediction": {},
        "result_count": len(results),
        "task": 1,
        "project": 1,
    }


def task(address: str, *annotations: dict[str, Any], predictions: Sequence[object] = (), **data: object) -> dict[str, Any]:
    return {
        "id": 1,
        "annotations": list(annotations),
        "file_upload": address.rpartition("/")[2],
        "drafts": [],
        "predictions": list(predictions),
        "data": {"image": address, **data},
        "meta": {},
        "created_at": "2025-04-12T07:20:01.166103Z",
        "inner_id": 1,
        "total_annotations": len(annotations),
        "cancelled_annotations": 0,
    }


def prediction(choice: str, version: str) -> dict[str, Any]:
    return {"id": 5, "model_version": version, "created_ago": "3 hours", "score": 0.9, "result": [result(choice)]}


@pytest.fixture
def export(tmp_path, paint):
    """An export beside its pictures."""
    pictures = ("1.jpg", "2.jpg", "images/3.jpg", "ef56ab78-4.jpg")

    def made(*tasks: object, name: str = "project-1-at-2025-04-12-07-22-aabbccdd.json") -> Path:
        paint(tmp_path / "export", *pictures)
        (tmp_path / "export" / name).write_text(json.dumps(list(tasks)))
        return tmp_path / "export"

    return made


def problems(where: Path, **options: Any) -> list[tuple[int, str, str]]:
    with pytest.raises(BadRows, match="nothing was read") as refused:
        read(where, **options)
    return [(bad.row, bad.value, bad.problem) for bad in refused.value.rows]


def test_annotations_are_labels_and_predictions_are_suggestions(export):
    root = export(
        task(
            UPLOAD.format("1.jpg"),
            annotation(result("Shoes")),
            predictions=[7, prediction("Bags", "old"), prediction("Clothing", "cbam 3")],
        ),
        task("/data/local-files/?d=shop/images/3.jpg", colour="red", price=9.5, sold=None),
        task("s3://bucket/photos/2.jpg?sign=x", annotation(), annotation(result("Bags"), cancelled=True), source="LAT"),
    )
    catalogue = read(root)
    assert catalogue.photos == (
        Photo("1.jpg", 0, Suggestion(1, "cbam 3")),
        Photo("images/3.jpg", details={"colour": "red", "price": "9.5"}),
        Photo("2.jpg", source="LAT", split="test"),
    )
    assert catalogue.classes == PAPER_CLASSES
    assert catalogue.notes == ("skipped annotations passed over: 1.",)
    assert read(root / "project-1-at-2025-04-12-07-22-aabbccdd.json") == catalogue


@pytest.mark.parametrize(
    "address, path",
    [
        ("/data/upload/ef56ab78-4.jpg", "ef56ab78-4.jpg"),
        ("https://cdn.example/a/b/1.jpg?v=2", "1.jpg"),
        ("gs://bucket/images/3.jpg", "images/3.jpg"),
        ("/data/local-files/?d=images%2F3.jpg", "images/3.jpg"),
        ("images/3.jpg", "images/3.jpg"),
        ("3.jpg", "images/3.jpg"),
        ("file:///home/me/2.jpg", "2.jpg"),
    ],
)
def test_an_address_is_never_contacted_its_end_names_the_picture(export, address, path):
    assert [photo.path for photo in read(export(task(address))).photos] == [path]


def test_json_min_has_an_entry_for_each_annotation(export):
    after = {
        "annotator": 1,
        "annotation_id": 3,
        "created_at": "2025-04-12T07:21:33Z",
        "updated_at": "2025-04-12T07:21:33Z",
        "lead_time": 3.2,
    }
    root = export(
        {"image": UPLOAD.format("1.jpg"), "colour": "red", "id": 11, "choice": "Shoes", **after},
        {"image": UPLOAD.format("2.jpg"), "id": 12, "choice": "Bags", "note": {"text": ["a"]}, **after},
        {"image": UPLOAD.format("1.jpg"), "colour": "red", "id": 11, "choice": "Shoes", **after},
    )
    assert read(root).photos == (Photo("1.jpg", 0, details={"colour": "red"}), Photo("2.jpg", 3))
    last = {"image": UPLOAD.format("1.jpg"), "id": 11, "choice": {"choices": ["Bags", "Shoes"]}, **after}
    found = problems(export({"image": UPLOAD.format("1.jpg"), "id": 11, "choice": "Shoes", **after}, last))
    assert [(row, value) for row, value, _ in found] == [(1, "Shoes, Bags and Shoes")]


def test_json_min_of_data_with_a_column_id_is_read_by_the_question_s_name(export):
    entry = {"id": 11, "image": UPLOAD.format("1.jpg"), "colour": "red", "choice": "Shoes", "annotator": 1, "annotation_id": 3}
    assert read(export(entry)).photos == (Photo("1.jpg", 0, details={"colour": "red"}),)


def test_annotators_who_disagree_are_listed_and_ground_truth_decides(export):
    shoes, bags = annotation(result("Shoes"), by=1), annotation(result("Bags"), by=2)
    assert read(export(task("1.jpg", shoes, annotation(result("Shoes"), by=3)))).photos[0].label == 0
    assert read(export(task("1.jpg", shoes, annotation(result("Bags"), final=True)))).photos[0].label == 3
    found = problems(export(task("2.jpg", shoes), task("1.jpg", shoes, bags)))
    assert [(row, value) for row, value, _ in found] == [(2, "Shoes, Bags")]
    assert "disagree" in found[0][2]


def test_every_wrong_task_is_listed(export):
    good = annotation(result("Shoes"))
    found = problems(
        export(
            task("1.jpg", good),
            task("1.jpg", good),
            task("9.jpg", good),
            task("../secret.jpg", good),
            task("/home/me/1.jpg", good),
            task("/data/local-files/?d=%2Fetc%2Fpasswd", good),
            task("2.jpg", annotation(result("Shose"))),
            task("images/3.jpg", annotation(result("Shoes", "Bags"))),
            "no task",
            {"data": {"text": "no picture"}, "annotations": []},
            task("2.jpg", good, split="trian"),
        ),
        classes=PAPER_CLASSES,
    )
    assert [row for row, _, _ in found] == list(range(2, 12))
    for (_, _, said), expected in zip(
        found,
        (
            "twice: also in entry 1",
            "is missing",
            "leads out",
            "absolute path",
            "absolute path",
            "Did you mean 'Shoes'",
            "chosen together",
            "is no task",
            "names no picture",
            "Did you mean 'train'",
        ),
        strict=True,
    ):
        assert expected in said


def test_choices_that_are_no_known_classes_must_be_declared(export):
    root = export(task("1.jpg", annotation(result("Hats"))), task("2.jpg", annotation(result("Gloves"))))
    with pytest.raises(ModisteError, match='--classes "Gloves,Hats"'):
        read(root)
    assert read(root, classes=HATS).counts() == [1, 1]
    assert read(export(task("1.jpg"))).classes == PAPER_CLASSES


def test_of_several_questions_the_one_with_the_classes_is_read(export):
    both = annotation(result("Shoes", question="kind"), result("red", question="colour"))
    root = export(task("1.jpg", both))
    with pytest.raises(ModisteError, match=r"several questions: 'kind' \(Shoes\), 'colour' \(red\)"):
        read(root)
    assert read(root, classes=PAPER_CLASSES).photos[0].label == 0
    named = annotation(result("Shoes", question="label"), result("red", question="colour"))
    box = {"value": {"x": 1, "rectanglelabels": ["logo"]}, "from_name": "box", "to_name": "image", "type": "rectanglelabels"}
    catalogue = read(export(task("1.jpg", annotation(*named["result"], box))))
    assert catalogue.photos[0].label == 0
    assert catalogue.notes == ("results passed over, as they are no choices: 1.",)


def test_two_exports_side_by_side_must_be_told_apart(export):
    export(task("1.jpg"), name="a.json")
    root = export(task("2.jpg"), name="b.json")
    with pytest.raises(ModisteError, match=r"a.json and b.json. Give the one"):
        read(root)
    assert [photo.path for photo in read(root / "b.json").photos] == ["2.jpg"]


@pytest.mark.parametrize("text, said", [("[", "is no JSON"), ("{}", "must hold a list of tasks"), ("[]", "names no photo")])
def test_a_file_without_tasks_is_refused(tmp_path, text, said):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ModisteError, match=said):
        read(tmp_path / "x.json", "label-studio")
    with pytest.raises(ModisteError, match="no JSON file with Label Studio's tasks"):
        read(tmp_path, "label-studio")
