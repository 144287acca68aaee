"""Slices: they cut the photos without remainder, and agree with scipy and statsmodels."""

import numpy as np
import pytest
from scipy.stats import fisher_exact
from sklearn.metrics import f1_score
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from modiste.evaluation.statistics.slices import EMPTY, column_values, slices, slices_table
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import ModisteError
from modiste.records.labels import Classes

COLOURS = ("red", "green", "blue", "")


@pytest.fixture
def colours(guesses):
    """A colour for each photo: every 20th is blue."""
    return {path: COLOURS[2 if place % 20 == 0 else place % 2] for place, path in enumerate(guesses().photos)}


def test_the_slices_are_all_photos_each_once(guesses, colours):
    run = guesses()
    found = slices([run], "colour", colours)
    assert sum(one.photos for one in found) == len(run)
    assert sum(one.photos * one.accuracy for one in found) == pytest.approx((run.called == run.truth).sum())


def test_intervals_and_tests_agree_with_statsmodels_and_scipy(guesses, colours):
    run = guesses()
    right = dict(zip(run.photos, run.called == run.truth, strict=True))
    found = slices([run], "colour", colours)
    plain = []
    for one in found:
        hits = [right[path] for path in run.photos if colours[path] == one.value]
        others = [right[path] for path in run.photos if colours[path] != one.value]
        assert (one.low, one.high) == pytest.approx(proportion_confint(sum(hits), len(hits), method="wilson"))
        assert one.rest == pytest.approx(np.mean(others))
        plain.append(fisher_exact([[sum(hits), len(hits) - sum(hits)], [sum(others), len(others) - sum(others)]]).pvalue)
    assert [one.p for one in found] == pytest.approx(multipletests(plain, method="holm")[1])


def test_macro_f1_is_that_of_the_slice_alone(guesses, colours):
    run = guesses()
    (red,) = [one for one in slices([run], "colour", colours) if one.value == "red"]
    rows = [place for place, path in enumerate(run.photos) if colours[path] == "red"]
    truth, called = run.truth[rows], run.called[rows]
    assert red.macro_f1 == pytest.approx(f1_score(truth, called, labels=np.unique(truth), average="macro"))


def test_the_worst_slice_stands_first_and_a_small_one_is_marked(guesses, colours):
    run = guesses()
    spoilt = run.scores.copy()
    for place, path in enumerate(run.photos):
        if colours[path] == "green":
            spoilt[place] = np.eye(4)[(run.truth[place] + 1) % 4]
    table = slices_table({"A": [type(run)(run.classes, run.photos, run.truth, spoilt)]}, "colour", colours)
    assert table.rows[0][:3] == ("green", 40, 0.0)
    assert table.rows[0][6] < 0.001
    assert {row[0]: row[-1] for row in table.rows} == {"red": "", "green": "", "blue": "few photos"}


def test_seeds_are_averaged_and_models_stand_below_each_other(guesses, colours):
    runs = [guesses(seed) for seed in range(3)]
    whole = dict.fromkeys(runs[0].photos, "all")
    (one,) = slices(runs, "all", whole)
    assert one.accuracy == pytest.approx(np.mean([(run.called == run.truth).mean() for run in runs]))
    assert (one.rest, one.p) == (None, None)
    table = slices_table({"A": runs, "B": runs[:1], "C": []}, "colour", colours)
    assert [row[1] for row in table.rows] == ["A"] * 3 + ["B"] * 3


def test_a_photo_that_the_column_says_nothing_of_is_in_a_slice_of_its_own(guesses, colours):
    run = guesses()
    found = slices([run], "colour", {**colours, run.photos[1]: "", run.photos[2]: ""})
    assert {one.value: one.photos for one in found}[EMPTY] == 2


def test_another_catalogue_is_refused_and_so_is_a_column_that_cuts_nothing(guesses, colours):
    run = guesses()
    with pytest.raises(ModisteError, match=r"says nothing of 1 of 80 photos, the first is '5\.jpg'"):
        slices([run], "colour", {path: value for path, value in colours.items() if path != "5.jpg"})
    with pytest.raises(ModisteError, match="80 values for 80 photos"):
        slices([run], "title", {path: path for path in run.photos})


def test_any_column_of_a_catalogue_cuts(tmp_path):
    photos = (Photo("a.jpg", 0, source="shop", split="test", details={"colour": " red "}), Photo("b.jpg", None, product="7"))
    catalogue = Catalogue(tmp_path, Classes(("hat", "cap")), photos)
    assert column_values(catalogue, "colour") == {"a.jpg": "red", "b.jpg": ""}
    assert column_values(catalogue, "source") == {"a.jpg": "shop", "b.jpg": ""}
    assert column_values(catalogue, "class") == {"a.jpg": "hat", "b.jpg": ""}
    with pytest.raises(ModisteError, match="Did you mean 'colour'"):
        column_values(catalogue, "color")
