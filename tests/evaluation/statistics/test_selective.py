"""Abstaining: the curve counted by hand, its bounds, and where the line is drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from modiste.evaluation.statistics.selective import Choice, choose, coverage_risk, risk_at, selective_table
from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions


def answered(gaps, right):
    """Photos of two classes, as sure as their score gap, called rightly or not."""
    truth = np.zeros(len(gaps), np.int64)
    scores = np.array([[gap, 0.0] if fine else [0.0, gap] for gap, fine in zip(gaps, right, strict=True)])
    return Predictions(("hat", "cap"), tuple(map(str, range(len(gaps)))), truth, scores)


GUESSES = st.lists(st.tuples(st.integers(1, 5), st.booleans()), min_size=1, max_size=30)


def test_the_curve_counts_mistakes_from_the_surest_on():
    curve = coverage_risk(answered([1.0, 4.0, 3.0, 2.0], [False, True, True, False]))
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert curve.risk == pytest.approx([0, 0, 1 / 3, 2 / 4])
    assert curve.area == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)
    assert curve.best_area == pytest.approx(curve.area)


@given(GUESSES)
def test_the_order_of_the_photos_changes_nothing_also_where_they_are_equally_sure(guesses):
    one, back = (coverage_risk(answered(*zip(*rows, strict=True))) for rows in (guesses, guesses[::-1]))
    assert one.risk == pytest.approx(back.risk)
    assert one.doubt == pytest.approx(back.doubt)


@given(GUESSES)
def test_the_risk_of_all_is_the_share_of_mistakes_and_no_order_does_better_than_the_best(guesses):
    run = answered(*zip(*guesses, strict=True))
    curve = coverage_risk(run)
    assert curve.risk[-1] == pytest.approx((run.called != run.truth).mean())
    assert 0 <= curve.best_area <= curve.area + 1e-12
    assert (np.diff(curve.doubt) >= 0).all()


@given(GUESSES, st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_the_line_keeps_the_risk_on_the_photos_above_it_and_no_lower_line_would(guesses, risk):
    run = answered(*zip(*guesses, strict=True))
    curve = coverage_risk(run)
    choice = choose(curve, risk)
    for line in {choice.doubt, *curve.doubt.tolist()}:
        kept = curve.doubt <= line
        if line == choice.doubt and choice.coverage:
            assert kept.mean() == pytest.approx(choice.coverage)
            assert curve.risk[kept.sum() - 1] == pytest.approx(choice.risk)
            assert choice.risk <= risk + 1e-12
        elif line > choice.doubt:
            assert curve.risk[kept.sum() - 1] > risk


def test_the_bound_of_the_risk_agrees_with_statsmodels():
    choice = choose(coverage_risk(answered(range(100, 0, -1), [True] * 97 + [False] * 3)), 0.05)
    assert (choice.coverage, choice.risk) == (1.0, 0.03)
    assert choice.high == pytest.approx(proportion_confint(3, 100, alpha=0.1, method="beta")[1])


def test_the_line_is_told_in_words():
    sure = coverage_risk(answered(range(10, 0, -1), [True] * 9 + [False]))
    assert choose(sure, 0).words().startswith("Leave the least sure 10.0 % to people (confidence below 0.88")
    assert choose(sure, 0.2).words().startswith("Leave none to people: 10.0 % of all 10 are wrong (at most ")
    assert "Leave all" in choose(coverage_risk(answered([2, 1], [False, True])), 0).words()


@pytest.mark.parametrize(
    ("first", "told"), [(1, "only the surest photo has"), (4, "only the 4 surest photos have"), (5, "of the other 5 are wrong")]
)
def test_a_handful_without_a_mistake_is_no_advice(first, told):
    """All the photos but one must not be left to people for the sake of the one: what is right by chance is no promise."""
    curve = coverage_risk(answered(range(100, 0, -1), [True] * first + [False] * (100 - first)))
    assert told in choose(curve, 0).words()


def test_photos_that_are_sure_to_the_last_digit_are_still_told_apart():
    """Confidences of 1 - 1e-26 and 1 - 1e-22 are one number to a computer; the first photo is the surer all the same."""
    curve = coverage_risk(answered([50.0, 60.0], [False, True]))
    assert curve.risk.tolist() == [0.0, 0.5]
    assert choose(curve, 0.1).doubt == pytest.approx(9e-27, rel=0.1)
    assert "(confidence below 1 - 9e-27)" in Choice(9e-27, 0.5, 0.0, 0.05, 60).words()


def test_the_risk_at_a_coverage_is_read_from_the_curve():
    curve = coverage_risk(answered([4, 3, 2, 1], [True, False, True, True]))
    assert [risk_at(curve, share) for share in (0.1, 0.5, 0.6, 1.0)] == pytest.approx([0, 1 / 2, 1 / 3, 1 / 4])
    for share in (0, 1.1):
        with pytest.raises(ModisteError, match="a coverage of"):
            risk_at(curve, share)
    with pytest.raises(ModisteError, match="a risk of"):
        choose(curve, -0.1)


def test_the_table_takes_the_mean_of_the_seeds(guesses):
    runs = [guesses(seed) for seed in range(3)]
    row = selective_table({"A": runs, "B": []}).rows[0]
    assert row[3] == pytest.approx(np.mean([coverage_risk(run).area for run in runs]))
    assert selective_table({"A": runs, "B": []}).rows[1] == ("B", 0, *[None] * 8)
