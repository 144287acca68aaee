"""Planted label errors are found, and nothing that a photo's own twin could confirm is believed."""

from __future__ import annotations

import builtins
import warnings
from pathlib import Path

import numpy as np
import pytest

from modiste.data.auditing.doubts import AXES, believed, chosen, dealt, doubts
from modiste.data.auditing.features import features
from modiste.data.auditing.looks import Looks, looks
from modiste.data.samples.drawn import draw
from modiste.records.errors import MachineError

pytest.importorskip("cleanlab", reason="the extra 'audit' is not installed")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Looks, list[int]]:
    """240 drawn photos and their labels."""
    catalogue = draw(tmp_path_factory.mktemp("doubts") / "drawn", photos=240, side=64)
    return looks(catalogue.root, [photo.path for photo in catalogue.photos], workers=1), catalogue.labels()


def cloud(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    """Features in which the classes lie apart."""
    return rng.normal(0, 1, (labels.max() + 1, 16))[labels] * 3 + rng.normal(0, 1, (len(labels), 16))


def seen(count: int) -> Looks:
    """Looks of so many photos that nobody needs to look at, for features are given."""
    nothing = np.zeros(count, np.int64)
    return Looks(Path(), tuple(map(str, range(count))), nothing, {}, (), nothing.astype(np.int32), nothing)


def flipped(labels: list[int], rng: np.random.Generator, count: int) -> tuple[list[int | None], np.ndarray]:
    places = rng.choice(len(labels), count, replace=False)
    wrong: list[int | None] = list(labels)
    for place in places:
        wrong[place] = int(rng.choice([code for code in set(labels) if code != labels[place]]))
    return wrong, places


def test_flipped_labels_of_painted_photos_come_first(shop):
    looked, labels = shop
    wrong, places = flipped(labels, np.random.default_rng(0), 12)
    found = doubts(looked, wrong, np.arange(len(labels)))
    assert np.isin(found.order[:12], places).mean() >= 0.6  # one in twenty by chance
    assert 6 <= found.estimated_errors <= 24
    right = [found.suggested[place] == labels[place] for place in places]
    assert np.mean(right) >= 0.6


def test_every_judged_photo_is_in_the_order_once_and_its_numbers_are_shares():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 40)
    found = doubts(
        seen(120),
        [None if place % 10 == 0 else int(label) for place, label in enumerate(labels)],
        np.arange(120),
        features=cloud(rng, labels),
    )
    judged = np.arange(120) % 10 != 0
    assert sorted(found.order) == np.flatnonzero(judged).tolist()
    assert (np.diff(found.quality[found.order]) >= 0).all()
    for share in (found.quality, found.confidence):
        assert (np.isnan(share) == ~judged).all()
        assert ((share[judged] >= 0) & (share[judged] <= 1)).all()
    assert ((found.suggested == -1) == ~judged).all()
    assert (found.quality[judged] <= found.confidence[judged]).all()


def test_the_same_seed_gives_the_same_doubts_to_the_last_bit():
    labels = np.repeat([0, 1], 60)
    x = cloud(np.random.default_rng(1), labels)
    first, again = (doubts(seen(120), labels.tolist(), np.arange(120), seed=5, features=x) for _ in range(2))
    assert (first.order == again.order).all()
    assert (first.quality == again.quality).all()


def test_a_copy_does_not_confirm_its_own_error():
    """Eight copies of one photo, all wrongly labelled: apart they teach each other the error, together they are found."""
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], 60)
    x = cloud(rng, labels)
    x[:8] = x[0]
    wrong = labels.copy()
    wrong[:8] = 1
    apart = np.arange(120)
    together = np.where(apart < 8, 0, apart)
    assert set(doubts(seen(120), wrong.tolist(), together, features=x).order[:8]) == set(range(8))
    assert doubts(seen(120), wrong.tolist(), apart, features=x).quality[:8].mean() > 0.5


def test_a_class_too_small_to_judge_is_left_out_in_words():
    labels = np.concatenate([np.repeat([0, 1], 50), [2, 2, 2, 4]])
    found = doubts(seen(104), labels.tolist(), np.arange(104), features=cloud(np.random.default_rng(3), labels), names=["A", "B", "Hats"])
    assert len(found.order) == 100
    assert np.isnan(found.quality[100:]).all()
    assert found.notes[0] == "Hats: too few independent photos to judge its labels, 3 of 5."
    assert found.notes[1].startswith("class 4: too few")


@pytest.mark.parametrize("labels", [[], [None, None], [0] * 30, [0, 1, 2]])
def test_nothing_to_compare_is_said_in_words(labels):
    found = doubts(seen(len(labels)), labels, np.arange(len(labels)), features=np.zeros((len(labels), 4)))
    assert len(found.order) == 0
    assert found.estimated_errors == 0
    assert "two classes" in found.notes[-1]


def test_photos_that_all_look_the_same_are_judged_without_a_warning():
    labels = [0, 1] * 20
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = doubts(seen(40), labels, np.arange(40), features=np.ones((40, 4)))
    assert len(found.order) == 40


def test_folds_keep_groups_whole_and_hold_every_class():
    rng = np.random.default_rng(4)
    groups = rng.integers(0, 200, 900)
    y = groups % 4
    fold = dealt(y, groups, 5, rng)
    assert all(len(set(fold[groups == group])) == 1 for group in set(groups))
    assert all(len(set(y[fold == number])) == 4 for number in range(5))


def test_teachers_are_as_many_of_every_class_as_there_are(monkeypatch):
    monkeypatch.setattr("modiste.data.auditing.doubts.TEACHERS", 100)
    y = np.repeat([0, 1, 2], [500, 10, 60])
    assert np.bincount(y[chosen(y, np.random.default_rng(0))]).tolist() == [45, 10, 45]


def test_a_class_that_is_hard_to_tell_keeps_its_teachers():
    y = np.array([0, 0, 0, 1, 1, 1])
    assert believed(np.array([True, True, False, False, False, True]), y).tolist() == [True, True, False, True, True, True]


def test_features_see_edges_and_not_colours(shop):
    looked, _ = shop
    x = features(looked, np.arange(20))
    assert x.shape[0] == 20
    assert x.shape[1] > AXES
    assert np.isfinite(x).all()
    assert (x >= 0).all()


def test_a_missing_package_is_named_with_the_line_that_installs_it(monkeypatch):
    real = builtins.__import__

    def missing(name, *rest, **options):
        if name.split(".")[0] == "cleanlab":
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MachineError, match=r"finding label errors needs the package .cleanlab.*modiste\[audit\]"):
        doubts(seen(2), [0, 1], np.arange(2))
