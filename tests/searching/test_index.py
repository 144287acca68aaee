"""What is found: by photos from anywhere and by the source's own, by class, without the photo itself, copies under one."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

import modiste
from modiste.data.opening.refusals import PhotoRefused
from modiste.records.errors import ModisteError, UsageError
from modiste.searching.index import Neighbour

from .conftest import jpeg, painted


def test_the_nearest_are_those_of_a_ranking_by_numpy(indexed):
    made = indexed()
    for row in range(0, len(made), 5):
        scores = made.stored.vectors @ made.stored.vectors[row]
        order = [at for at in np.argsort(-scores, kind="stable").tolist() if at != row]
        found = made.search(made.stored.name(row), k=6)
        assert [near.path for near in found] == [made.stored.name(at) for at in order[:6]]
        assert [near.similarity for near in found] == pytest.approx(scores[order[:6]].tolist(), abs=1e-6)
        known = made.stored.rows[order[0]]
        assert found[0].label == made.labeller.classes.names[known["label"]]
        assert found[0].confidence == known["confidence"]


def test_a_photo_in_any_form_finds_the_same(photos, indexed, tmp_path):
    made, path = indexed(), tmp_path / "elsewhere.jpg"
    path.write_bytes((photos / "a" / "06.jpg").read_bytes())
    with Image.open(path) as picture:
        forms = [path, str(path), path.read_bytes(), picture.convert("RGB"), np.array(picture)]
    for form in forms:
        found = made.search(form, k=3)
        assert found[0].path == "a/06.jpg"  # from elsewhere, the photo itself is found
        assert found[0].similarity == pytest.approx(1, abs=1e-5)
        assert [near.path for near in found[1:]] == [near.path for near in made.search("a/06.jpg", k=2)]


def test_the_photo_itself_is_left_out_by_path_by_file_and_by_link(photos, indexed, tmp_path, monkeypatch):
    made = indexed()
    (tmp_path / "link.jpg").symlink_to(photos / "a" / "06.jpg")
    for asked in ("a/06.jpg", "06.jpg", photos / "a" / "06.jpg", tmp_path / "link.jpg"):
        found = made.search(asked, k=100)
        assert len(found) == 21
        assert "a/06.jpg" not in {near.path for near in found}


def test_a_file_goes_before_a_path_of_the_same_name_inside(indexed, tmp_path, monkeypatch):
    made = indexed()
    (tmp_path / "here" / "a").mkdir(parents=True)
    (tmp_path / "here" / "a" / "06.jpg").write_bytes(jpeg(painted(17)))
    monkeypatch.chdir(tmp_path / "here")
    assert made.search("a/06.jpg", k=1)[0].path == "b/17.jpg"


def test_a_photo_that_is_not_in_the_index_is_not_taken_for_one_whose_path_ends_so(photos, indexed):
    (photos / "04.jpg").write_bytes(b"")
    (photos / "a" / "04.jpg").write_bytes(jpeg(painted(4)))
    made = indexed()
    for asked in ("04.jpg", photos / "04.jpg"):
        with pytest.raises(PhotoRefused, match="empty"):
            made.search(asked)
    assert made.ask("a/04.jpg").name == "a/04.jpg"
    (photos / "06.jpg").write_bytes(jpeg(painted(17)))  # since the index was made
    assert made.search(photos / "06.jpg", k=1)[0].path == "b/17.jpg"


def test_copies_stand_under_one_result_with_their_count(photos, indexed):
    (photos / "c").mkdir()
    for name in ("x.jpg", "y.jpg"):
        shutil.copy(photos / "a" / "06.jpg", photos / "c" / name)
    (photos / "c" / "z.jpg").write_bytes(jpeg(painted(6), quality=60))  # the same picture in other bytes
    made = indexed()
    first, second = made.search(photos.parent / "photos" / "a" / "08.jpg", k=30), made.search("a/06.jpg", k=30)
    one = next(near for near in first if near.path == "a/06.jpg" or "a/06.jpg" in near.copies)
    assert {one.path, *one.copies} == {"a/06.jpg", "c/x.jpg", "c/y.jpg", "c/z.jpg"}
    assert one.count == 4
    assert {second[0].path, *second[0].copies} == {"c/x.jpg", "c/y.jpg", "c/z.jpg"}
    assert sum(near.count for near in first) == sum(near.count for near in second) == len(made) - 1


def test_a_class_leaves_those_alone_that_are_called_so(indexed):
    made = indexed()
    everything = made.search("a/06.jpg", k=100)
    assert len({near.label for near in everything}) > 1
    for label in made.labeller.classes.names:
        assert made.search("a/06.jpg", k=100, label=label) == [near for near in everything if near.label == label]


@pytest.mark.parametrize(
    ("asked", "options", "error", "words"),
    [
        ("a/06.jpg", {"k": 0}, UsageError, r"k = 0: must be 1 or more"),
        ("a/06.jpg", {"label": "Hat"}, UsageError, r"no class called 'Hat'.*Did you mean 'Hats'"),
        ("nowhere.jpg", {}, PhotoRefused, r"nowhere\.jpg: missing"),
        ("a/04.jpg", {}, PhotoRefused, r"a/04\.jpg.*empty"),
        ("photos/b/05.jpg", {}, PhotoRefused, "truncated"),
        (b"no picture", {}, PhotoRefused, "not_an_image"),
        (np.zeros((4, 4)), {}, UsageError, "array of float64"),
    ],
)
def test_what_cannot_be_asked_is_named(asked, options, error, words, indexed, tmp_path, monkeypatch):
    made = indexed()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words):
        made.search(asked, **options)


def test_the_words_of_the_package_are_those_of_the_room(photos, squares, tmp_path):
    made = modiste.index(photos, tmp_path / "other", model=squares)
    assert isinstance(made, modiste.Index)
    assert all(isinstance(near, Neighbour) for near in made.search("a/06.jpg"))
    assert len(made.search("a/06.jpg")) == 12


def test_a_network_without_features_is_refused(squares, indexed):
    from dataclasses import replace

    def ask(pixels):
        answers = squares.ask(pixels)
        return replace(answers, features=answers.features[:, :0])

    with pytest.raises(ModisteError, match="gives no features"):
        indexed(model=replace(squares, ask=ask))
