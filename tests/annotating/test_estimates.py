"""Intervals hold what they promise, by simulation; words say no more than is known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.stats import beta

from modiste.annotating.estimates import LEVEL, Point, accuracy, in_turn, needed, percent, sample

PHOTOS = [f"images/{n}.jpg" for n in range(1000)]


def test_the_sample_turns_on_paths_alone_and_grows_at_its_end():
    drawn = sample(PHOTOS, 50)
    assert sample(reversed(PHOTOS), 50) == drawn
    assert sample(PHOTOS, 20) == drawn[:20]
    assert sample(PHOTOS, 50, seed=1) != drawn
    assert len(sample(PHOTOS[:30], 50)) == 30
    assert sample([b"\xff.jpg".decode("utf-8", "surrogateescape")], 1)


def test_photos_that_come_later_push_few_out():
    before, after = sample(PHOTOS, 200), sample(PHOTOS + [f"new/{n}.jpg" for n in range(100)], 200)
    assert len(set(before) & set(after)) >= 200 - 40  # 18 are expected


def test_what_a_queue_labelled_of_the_sample_out_of_turn_does_not_spoil_the_estimate():
    """A queue asks for what the model is wrong of; half of the sample is labelled in its turn besides."""
    drawn, rng, taken_all, taken_in_turn = sample(PHOTOS, 200), np.random.default_rng(0), [], []
    for _ in range(200):
        wrong = {photo for photo in PHOTOS if rng.random() < 0.1}
        labelled = {*drawn[:100], *sorted(wrong)[:60]}
        taken_all.append(np.mean([photo not in wrong for photo in drawn if photo in labelled]))
        taken_in_turn.append(np.mean([photo not in wrong for photo in in_turn(drawn, labelled.__contains__)]))
    assert np.mean(taken_in_turn) == pytest.approx(0.9, abs=0.01)
    assert np.mean(taken_all) < 0.86


def test_the_sample_is_not_of_one_kind():
    drawn = sample(PHOTOS, 200)
    first_half = sum(int(photo[7:-4]) < 500 for photo in drawn)
    assert abs(first_half - 100) < 4 * math.sqrt(200 * 0.25)


@settings(max_examples=60, deadline=None)
@given(some.integers(1, 300), some.floats(0, 1))
def test_without_end_it_is_clopper_and_pearsons(drawn, share):
    right = round(share * drawn)
    found = accuracy(right, drawn)
    low = beta.ppf(0.025, right, drawn - right + 1) if right else 0
    high = beta.ppf(0.975, right + 1, drawn - right) if right < drawn else 1
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-6), pytest.approx(high, abs=1e-6))


def test_of_very_many_photos_it_is_nearly_the_same_and_of_all_there_is_no_doubt():
    endless, many = accuracy(187, 200), accuracy(187, 200, 2_000_000)
    assert (many.low, many.high) == (pytest.approx(endless.low, abs=1e-4), pytest.approx(endless.high, abs=1e-4))
    every = accuracy(187, 200, 200)
    assert every.low == every.high == every.value
    assert every.more == 0


@pytest.mark.parametrize("photos, drawn", [(40, 20), (300, 60), (1000, 200), (5000, 200)])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.985, 1.0])
def test_the_interval_holds_the_true_share_as_often_as_it_says(photos, drawn, share):
    rng = np.random.default_rng(0)
    truly = round(share * photos)
    hits = rng.hypergeometric(truly, photos - truly, drawn, 3000)
    ends = {int(hit): accuracy(int(hit), drawn, photos) for hit in set(hits.tolist())}
    held = np.mean([ends[hit].low - 1e-12 <= truly / photos <= ends[hit].high + 1e-12 for hit in hits.tolist()])
    assert held >= LEVEL - 3 * math.sqrt(LEVEL * (1 - LEVEL) / 3000)


def test_no_sample_no_estimate():
    assert accuracy(0, 0) is None
    with pytest.raises(ValueError, match="5 right of 4"):
        accuracy(5, 4)


@pytest.mark.parametrize("right, drawn, photos", [(187, 200, None), (187, 200, 5000), (20, 20, 900), (30, 60, 100)])
def test_so_many_more_make_it_two_points(right, drawn, photos):
    found = accuracy(right, drawn, photos)
    then = drawn + found.more
    again = accuracy(round(right / drawn * then), then, photos)
    half = (again.high - again.low) / 2
    assert half <= 0.025 or then == photos
    assert half >= 0.015 or right == drawn  # where none was wrong yet, some may be


def test_words_say_how_it_is_known():
    assert accuracy(187, 200, 5000).words.endswith("by 200 drawn at random")
    assert "6 more are left out: unsure, bad or disputed" in accuracy(187, 194, untold=6).words
    assert "100 % of photos (" in accuracy(20, 20).words
    assert percent(0.9999) == "99.9"


def curve(a, b, labels, sampled, rng):
    return [Point(m, int(rng.binomial(sampled, min(1, a * m**-b))), sampled) for m in labels]


def test_on_a_known_curve_the_interval_holds_the_true_number():
    rng, held, told = np.random.default_rng(0), 0, 0
    truly = (2 / 0.05) ** (1 / 0.6)  # where 2 * m ** -0.6 comes down to 5 %
    for seed in range(150):
        found = needed(curve(2, 0.6, (50, 80, 120, 200, 300), 1000, rng), 0.95, seed)
        if found.more is not None and found.more > 0:
            told += 1
            held += found.low * 0.99 <= truly - 300 <= found.high * 1.01
    assert told > 75
    assert held / told >= 0.90 - 3 * math.sqrt(0.09 / told)


@pytest.mark.parametrize(
    "points",
    [
        [],
        [Point(50, 20, 200)],
        [Point(50, 20, 200), Point(100, 15, 200)],
        [Point(50, 20, 200), Point(50, 19, 200), Point(50, 20, 200)],
        [Point(50, 20, 200), Point(100, 20, 200), Point(200, 20, 200)],
        [Point(50, 20, 200), Point(100, 25, 200), Point(200, 30, 200)],
        [Point(0, 20, 200), Point(10, 0, 0), Point(50, 20, 200), Point(100, 19, 200)],
    ],
)
def test_what_a_curve_does_not_tell_is_not_told(points):
    assert needed(points).words == "how many more labels 95 % takes cannot be told yet"


def test_it_says_when_it_is_reached_and_otherwise_about_how_many():
    assert needed([Point(50, 30, 200), Point(100, 20, 200), Point(200, 9, 200)]).words == "95 % is reached"
    found = needed([Point(m, round(2000 * 2 * m**-0.6), 2000) for m in (50, 100, 200, 300)])
    assert found.more == pytest.approx((2 / 0.05) ** (1 / 0.6) - 300, rel=0.1)
    assert found.words.startswith("about ")
    assert found.low <= found.more <= found.high
