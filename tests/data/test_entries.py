"""JSON of any shape is read or refused in words; nothing in it ends a reader in another way."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modiste.data.layouts.addresses import tails
from modiste.data.layouts.entries import classes_of, text_of
from modiste.data.layouts.readers import read
from modiste.data.opening.stores import open_store
from modiste.records.catalogue import Catalogue
from modiste.records.errors import BadRows, ModisteError
from modiste.records.labels import PAPER_CLASSES

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 5),
    st.floats(allow_nan=False),
    st.sampled_from(["1.jpg", "data/1.jpg", "Shoes", "Bags", "/data/local-files/?d=..", "s3://[", "\ud83d", "train", "Classification", ""]),
)
words = st.sampled_from(
    [
        *("data", "image", "id", "annotations", "annotator", "annotation_id", "predictions", "result", "value", "choices", "choice"),
        *("from_name", "was_cancelled", "ground_truth", "model_version", "product", "source", "split", "details", "1", "../1"),
        *("samples", "filepath", "tags", "_cls", "label", "labels", "classes", "confidence", "attributes", "metadata", "default_classes"),
    ]
)
anything = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=4)), max_leaves=12
)
choices = st.fixed_dictionaries({"value": st.one_of(anything, st.fixed_dictionaries({"choices": anything})), "from_name": scalars})
annotations = st.lists(st.fixed_dictionaries({"result": st.one_of(anything, st.lists(choices, max_size=2))}), max_size=2)
tasks = st.fixed_dictionaries(
    {"data": st.dictionaries(words, anything, max_size=4)}, optional={"annotations": annotations, "predictions": annotations}
)
classified = st.fixed_dictionaries({"_cls": st.just("Classification"), "label": anything})
samples = st.fixed_dictionaries(
    {"filepath": scalars}, optional={"tags": anything, "ground_truth": classified, "model": classified, "label": anything}
)


def read_or_refused(files: dict[str, Any], name: str) -> Catalogue | None:
    """What a reader makes of some JSON files beside a picture; any error but a `ModisteError` fails the test."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "data").mkdir()
        (root / "data" / "1.jpg").touch()
        (root / "1.jpg").touch()
        for file, plain in files.items():
            (root / file).write_text(json.dumps(plain))
        try:
            return read(root / next(iter(files)), name, PAPER_CLASSES)
        except ModisteError as refused:
            assert str(root) in str(refused)  # noqa: PT017
            return None


@given(st.one_of(anything, st.lists(st.one_of(tasks, anything), max_size=3)))
@settings(max_examples=300, deadline=None)
def test_no_tasks_end_the_reader_but_in_words(plain):
    read_or_refused({"tasks.json": plain}, "label-studio")


@given(st.one_of(anything, st.fixed_dictionaries({"samples": st.lists(st.one_of(samples, anything), max_size=3)})), anything)
@settings(max_examples=300, deadline=None)
def test_no_samples_end_the_reader_but_in_words(plain, metadata):
    read_or_refused({"samples.json": plain, "metadata.json": metadata}, "fiftyone")


@given(st.one_of(anything, st.fixed_dictionaries({"labels": st.dictionaries(words, anything, max_size=3), "classes": anything})))
@settings(max_examples=300, deadline=None)
def test_no_labels_end_the_reader_but_in_words(plain):
    read_or_refused({"labels.json": plain}, "fiftyone")


@pytest.mark.parametrize(
    "files, name, label",
    [
        (
            {"tasks.json": [{"data": {"image": "1.jpg"}, "annotations": [{"result": [{"value": {"choices": ["Bags"]}}]}]}]},
            "label-studio",
            3,
        ),
        ({"samples.json": {"samples": [{"filepath": "1.jpg", "kind": {"_cls": "Classification", "label": "Bags"}}]}}, "fiftyone", 3),
        ({"labels.json": {"labels": {"1": "Bags"}}}, "fiftyone", 3),
    ],
)
def test_what_is_right_among_them_is_read(files, name, label):
    """The control: a reader that refused everything would pass the tests above."""
    catalogue = read_or_refused(files, name)
    assert catalogue is not None
    assert [photo.label for photo in catalogue.photos] == [label]


def test_half_a_character_is_listed_and_a_class_called_so_is_refused(tmp_path, paint):
    paint(tmp_path, "1.jpg")
    (tmp_path / "tasks.json").write_text('[{"data": {"image": "1.jpg", "title": "\\ud83d"}, "annotations": []}]')
    with pytest.raises(BadRows, match="is not UTF-8"):
        read(tmp_path)
    with pytest.raises(ModisteError, match="a class name is not UTF-8"):
        classes_of(["\ud83d"], None, None, open_store(tmp_path))


@given(st.text(max_size=30))
def test_no_address_leads_to_a_picture_from_the_root_of_a_disk(address):
    assert not any(end.startswith("/") or end in ("", ".") for end in tails(address))


@given(st.one_of(scalars, anything))
def test_text_of_gives_back_what_json_would_write(value):
    text = text_of(value)
    assert text == value if isinstance(value, str) else (text == "" if value is None else json.loads(text) == value)
