"""Kappa is what others compute, its interval holds, and conflicts are all there."""

import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa

from modiste.annotating.agreement import agreements, kappa
from modiste.annotating.standing import Standing


def pairs_of(counts):
    return np.array([(a, b) for (a, b), n in np.ndenumerate(counts) for _ in range(n)])


@pytest.mark.parametrize("seed", range(12))
def test_it_is_what_scikit_learn_and_statsmodels_compute(seed):
    rng = np.random.default_rng(seed)
    classes = rng.integers(2, 6)
    counts = rng.integers(0, 15, (classes, classes)) + np.diag(rng.integers(0, 60, classes))
    found, theirs = kappa(counts), cohens_kappa(counts)
    assert found.value == pytest.approx(cohen_kappa_score(*pairs_of(counts).T))
    assert (found.low, found.high) == (pytest.approx(theirs.kappa_low), pytest.approx(theirs.kappa_upp))


def test_where_all_is_chance_there_is_none_and_of_one_mind_it_is_one():
    assert kappa(np.array([[9]])).value is None
    assert kappa(np.zeros((2, 2), int)).value is None
    found = kappa(np.array([[30, 0], [0, 20]]))
    assert found.value == 1
    assert 0.7 < found.low < 0.95  # fifty photos prove little


def test_the_interval_holds_the_true_kappa():
    """Two people who each err now and then, 200 photos at a time."""
    rng, right = np.random.default_rng(0), 0.95
    mix = np.array([0.6, 0.25, 0.15])
    chances = sum(p * np.outer(*2 * [np.where(np.arange(3) == c, right, (1 - right) / 2)]) for c, p in enumerate(mix))
    true = kappa(np.round(chances * 10**9).astype(int)).value
    found = [kappa(rng.multinomial(200, chances.ravel()).reshape(3, 3)) for _ in range(600)]
    held = np.mean([one.low <= true <= one.high for one in found])
    assert held >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 600)


def test_each_two_people_on_the_photos_of_both(said):
    one = Standing()
    for n in range(10):
        one.add([said(f"{n}.jpg", "Shoes" if n < 6 else "Bags")])
        one.add([said(f"{n}.jpg", "Shoes" if n < 5 else "Bags", who="bob")] if n < 8 else [])
    one.add([said("8.jpg", kind="unsure", who="bob"), said("9.jpg", kind="bad", who="cy")])
    found = {(pair.a, pair.b): pair for pair in agreements(one)}
    assert list(found) == [("ada", "bob"), ("ada", "cy")]
    both = found["ada", "bob"]
    assert (both.photos, both.agree, both.names, both.table) == (8, 7, ("Bags", "Shoes"), ((2, 0), (1, 5)))
    assert both.words.startswith("ada and bob agree on 7 of 8 photos; kappa 0.71 (")
    assert (found["ada", "cy"].photos, found["ada", "cy"].agree) == (1, 0)
    assert one.conflicts() == ["5.jpg", "9.jpg"]


def test_adjudicating_settles_a_conflict_and_leaves_agreement_as_it_was(said):
    one = Standing()
    one.add([said("1.jpg", "Shoes"), said("1.jpg", "Bags", who="bob"), said("2.jpg", "Bags"), said("2.jpg", "Bags", who="bob")])
    before = agreements(one)
    one.add([said("1.jpg", "Shoes", how="adjudicated")])
    assert (one.conflicts(), agreements(one)) == ([], before)


def test_two_who_always_say_the_same_one_thing_have_no_kappa_but_words(said):
    one = Standing()
    one.add([said("1.jpg", "Shoes"), said("1.jpg", "Shoes", who="bob")])
    assert agreements(one)[0].words.endswith("so kappa cannot be told")
