"""The bootstrap: the same draws for all, as many photos of each class as there are, and nothing depends on the order of rows."""

import numpy as np
import pytest

from modiste.evaluation import measures
from modiste.evaluation.statistics import resampling
from modiste.evaluation.statistics.resampling import aligned, draws, one_photo, redrawn, sampled, sampled_each
from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions


def test_every_draw_holds_as_many_photos_of_each_class_as_there_are():
    truth = np.array([2, 0, 1, 1, 0, 2, 2, 2])
    (weights,) = draws(truth, 300, seed=0, chunk=300)
    for code in range(3):
        assert (weights[truth == code].sum(0) == (truth == code).sum()).all()
    assert (weights.var(1) > 0).all()


def test_every_photo_is_drawn_as_often_as_another():
    truth = np.repeat([0, 1], [5, 20])
    (weights,) = draws(truth, 4000, seed=1, chunk=4000)
    assert weights.mean(1) == pytest.approx(np.ones(25), abs=0.08)


def test_how_many_rounds_are_in_memory_changes_nothing(guesses, monkeypatch):
    run = guesses()
    whole = redrawn((run,), ("macro_f1",), 60, 5)
    monkeypatch.setattr(resampling, "CELLS", 7 * 80)
    redrawn.cache_clear()
    assert np.array_equal(redrawn((run,), ("macro_f1",), 60, 5), whole)


def test_a_round_is_the_measure_of_the_photos_drawn(guesses):
    """Against the plain way: repeat the drawn photos, count, measure."""
    run = guesses()
    truth, (called,) = aligned([run])
    (weights,) = draws(truth, 20, seed=3, chunk=20)
    values = redrawn((run,), ("macro_f1", "accuracy"), 20, 3)[:, 0]
    for at in range(20):
        taken = np.repeat(np.arange(len(truth)), weights[:, at].astype(int))
        again = Predictions.of(truth[taken].tolist(), called[taken].tolist(), run.classes).confusion
        assert values[0, at] == pytest.approx(float(measures.MEASURES["macro_f1"](again)))
        assert values[1, at] == pytest.approx(float(measures.accuracy(again)))


def test_the_order_of_rows_changes_nothing(guesses):
    run = guesses()
    order = np.random.default_rng(0).permutation(len(run))
    other = Predictions(run.classes, tuple(run.photos[n] for n in order), run.truth[order], run.scores[order])
    both = sampled({"one": [run], "other": [other]}, "macro_f1", rounds=50)
    assert np.array_equal(both["one"].drawn, both["other"].drawn)


def test_the_draws_are_the_same_whoever_else_is_compared(guesses):
    one, other = guesses(0), guesses(1)
    alone = sampled({"one": [one]}, "accuracy", rounds=50)["one"]
    beside = sampled_each({"other": [other, other], "one": [one]}, ("macro_f1", "accuracy"), rounds=50)["accuracy"]["one"]
    assert np.array_equal(alone.drawn, beside.drawn)
    assert not np.array_equal(alone.drawn, sampled({"one": [one]}, "accuracy", rounds=50, seed=1)["one"].drawn)


def test_many_classes_fit(guesses):
    run = guesses(classes=[f"type {n}" for n in range(141)], photos=600)
    found = sampled({"one": [run]}, "macro_f1", rounds=30)["one"]
    assert found.drawn.shape == (1, 30)
    assert 0 <= found.drawn.min() <= found.drawn.max() <= 1


@pytest.mark.parametrize(
    "name, steps",
    [
        ("accuracy", [1 / 12, 1 / 12]),
        ("recall of hat", [1 / 4, 0]),
        ("recall of bag", [0, 1 / 8]),
        ("macro_recall", [1 / 8, 1 / 16]),
        ("specificity of hat", [0, 1 / 8]),
    ],
)
def test_one_photo_moves_a_measure_by_one_in_as_many_as_it_counts(name, steps):
    counts = np.array([[4, 0], [1, 7]])
    assert one_photo(measures.measure(name, ["hat", "bag"]), counts) == pytest.approx(np.array(steps))


@pytest.mark.parametrize("name", ["hat", "sock", "bag"])
def test_the_precision_of_any_class_moves_where_every_photo_is_right(name):
    """By one photo of another class that is taken for it, whichever class that is."""
    steps = one_photo(measures.measure(f"precision of {name}", ["hat", "sock", "bag"]), 100 * np.eye(3, dtype=np.int64))
    assert steps.max() == pytest.approx(1 / 101)


def test_a_photo_that_stands_twice_is_refused():
    run = Predictions(("hat", "bag"), ("a.jpg", "a.jpg"), np.array([0, 1]), np.eye(2))
    with pytest.raises(ModisteError, match="stands twice"):
        sampled({"one": [run]}, "accuracy")


def test_a_photo_that_stands_twice_in_one_of_two_is_refused_in_words():
    once = Predictions.of([0, 1, 1], [0, 1, 0])
    twice = Predictions(once.classes, (*once.photos, "photo 2"), np.array([0, 1, 1, 1]), np.eye(2)[[0, 1, 0, 0]])
    for results in ({"once": [once], "twice": [twice]}, {"twice": [twice], "once": [once]}):
        with pytest.raises(ModisteError, match="'photo 2' stands twice"):
            sampled(results, "accuracy")


def test_nothing_to_compare_is_told():
    with pytest.raises(ModisteError, match="no run has predictions yet"):
        sampled({"one": []}, "accuracy")
