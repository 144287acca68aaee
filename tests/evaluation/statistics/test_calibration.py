"""Calibration: agreed with scikit-learn, and a temperature that no search betters."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from modiste.evaluation.statistics import resampling
from modiste.evaluation.statistics.calibration import (
    brier,
    calibration_table,
    classwise_ece,
    ece,
    ece_by_chance,
    ece_interval,
    gives_margins,
    log_probabilities,
    nll,
    probabilities,
    reliability,
    temperature,
)
from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions
from modiste.records.recipe import Network, Recipe

SEEDS = st.integers(0, 2**32 - 1)


def said(seed=0, photos=120, classes=4, heat=1.0, spread=2.0):
    """A model that is perfectly calibrated at temperature `heat`: the truth is drawn from its own probabilities there."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(photos, classes)) * spread
    chances = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    truth = (chances.cumsum(1) > rng.random((photos, 1))).argmax(1)
    names = tuple(f"class {code}" for code in range(classes))
    return Predictions(names, tuple(f"{n}.jpg" for n in range(photos)), truth.astype(np.int64), scores * heat)


@given(SEEDS, st.integers(2, 5))
def test_likelihood_and_brier_agree_with_scikit_learn(seed, classes):
    run = said(seed, 60, classes)
    codes, made = range(classes), probabilities(run)
    assert nll(run) == pytest.approx(log_loss(run.truth, made, labels=codes))
    assert brier(run) == pytest.approx(brier_score_loss(run.truth, made, labels=codes, scale_by_half=False))


@given(SEEDS, st.sampled_from([("uniform", False), ("quantile", True)]))
def test_bins_agree_with_scikit_learn(seed, way):
    run = said(seed)
    found = reliability(run, 10, adaptive=way[1])
    accuracy, confidence = calibration_curve(run.truth == run.called, probabilities(run).max(1), n_bins=10, strategy=way[0])
    full = found.photos > 0
    assert found.accuracy[full] == pytest.approx(accuracy)
    assert found.confidence[full] == pytest.approx(confidence)
    assert found.photos.sum() == len(run)


@given(SEEDS)
def test_the_calibration_error_is_the_mean_gap_of_the_bins(seed):
    """Counted photo by photo, in another way than in bins."""
    run = said(seed)
    sure, right = probabilities(run).max(1), run.truth == run.called
    place = np.ceil(sure * 15).astype(int)
    gaps = [abs((right[place == number] - sure[place == number]).sum()) for number in range(1, 16)]
    assert ece(run) == pytest.approx(sum(gaps) / len(run))
    assert abs(reliability(run).over_confidence) <= ece(run) + 1e-12


@pytest.mark.parametrize("heat", [0.4, 1.0, 2.5])
def test_the_temperature_is_the_best_of_a_thousand(heat):
    run = said(photos=400, heat=heat)
    tried = np.geomspace(0.05, 20, 1000)
    best = tried[np.argmin([nll(run, one) for one in tried])]
    assert temperature(run) == pytest.approx(best, rel=0.01)
    assert nll(run, temperature(run)) <= min(nll(run, one) for one in tried) + 1e-9


def test_a_temperature_is_found_again_and_mends_other_photos():
    validation, test = said(1, 4000, heat=2.5), said(2, 4000, heat=2.5)
    found = temperature(validation)
    assert found == pytest.approx(2.5, rel=0.1)
    assert ece(test, temperature=found) < 0.03 < ece(test)


def test_a_temperature_changes_no_call():
    run = said()
    for heat in (0.1, 3.0):
        assert (probabilities(run, heat).argmax(1) == run.called).all()


def test_a_validation_without_mistakes_gives_a_temperature_within_bounds():
    assert 0.05 <= temperature(Predictions.of(truth=[0, 1], called=[0, 1])) < 0.051


def test_probabilities_add_up_to_1_and_stay_finite_whatever_the_scores():
    run = Predictions(("hat", "cap"), ("1", "2"), np.array([0, 1]), np.array([[1e4, -1e4], [-5.0, 3.0]]))
    assert probabilities(run).sum(1) == pytest.approx(1)
    assert np.isfinite(log_probabilities(run)).all()


def test_the_interval_holds_the_error_of_a_model_that_is_too_sure():
    """In 42 of 50 studies at least, where 46 or 47 are to be expected."""
    true = ece(said(99, 200_000, heat=2.0))
    found = [ece_interval(said(seed, 500, heat=2.0), rounds=200) for seed in range(50)]
    assert sum(low <= true <= high for low, high in found) >= 42
    assert all(low > 0.02 for low, _ in found)


def test_chance_alone_explains_the_error_of_a_calibrated_model_and_not_of_one_too_sure():
    calm, sure = [said(seed, 500) for seed in range(20)], said(0, 500, heat=3.0)
    assert np.mean([ece(run) for run in calm]) == pytest.approx(np.mean([ece_by_chance(run) for run in calm]), rel=0.15)
    assert ece(sure) > 3 * ece_by_chance(sure)


@pytest.mark.parametrize("drawn", [ece_interval, ece_by_chance])
def test_rounds_are_drawn_some_at_a_time_to_the_same_end(drawn, monkeypatch):
    """All rounds of many photos at once would fill the memory."""
    run = said(photos=2000)
    whole = drawn(run, rounds=100)
    monkeypatch.setattr(resampling, "CELLS", 3 * 2000)
    tracemalloc.start()
    assert drawn(run, rounds=100) == pytest.approx(whole, rel=1e-12)
    assert tracemalloc.get_traced_memory()[1] < 100 * 2000 * 8 / 2
    tracemalloc.stop()


def test_the_error_by_class_is_the_mean_of_each_class_against_the_rest():
    run = said()
    made = probabilities(run)
    gaps = []
    for code in range(4):
        accuracy, confidence = calibration_curve(run.truth == code, made[:, code], n_bins=15)
        photos = np.histogram(made[:, code], np.linspace(0, 1, 16))[0]
        gaps.append((np.abs(accuracy - confidence) * photos[photos > 0]).sum() / len(run))
    assert classwise_ece(run) == pytest.approx(np.mean(gaps))


def test_margins_get_a_dash_until_a_temperature_is_known():
    assert all(gives_margins(Recipe(network=Network(head=head))) for head in ("svm", "rbf_svm", "hinge"))
    assert gives_margins(Recipe(loss="hinge"))
    assert not gives_margins(Recipe())
    run = said()
    bare = calibration_table({"A": [run], "B": [run]}, margins=["B"])
    assert bare.rows[1] == ("B", 1, *[None] * 10)
    assert "B" in bare.notes[-1]
    assert not any("Tempered" in note for note in bare.notes)
    heated = calibration_table({"A": [run], "B": [run]}, {"B": [1.5]}, margins=["B"])
    assert [row[0] for row in heated.rows] == ["A", "B, tempered"]
    assert "Tempered: at" in heated.notes[-1]
    assert heated.rows[1][3] == pytest.approx(nll(run, 1.5))


def test_the_table_shows_a_model_before_and_after_its_temperatures():
    runs = [said(seed, heat=2.0) for seed in range(2)]
    runs[1] = Predictions(runs[0].classes, runs[0].photos, runs[0].truth, runs[1].scores)
    table = calibration_table({"A": runs, "not trained": []}, {"A": [2.0, 3.0]})
    assert [row[:3] for row in table.rows] == [("A", 2, 1.0), ("A, tempered", 2, 2.5), ("not trained", 0, None)]
    assert table.rows[1][6] == pytest.approx((ece(runs[0], temperature=2.0) + ece(runs[1], temperature=3.0)) / 2)
    with pytest.raises(ModisteError, match="2 seeds and 3 temperatures"):
        calibration_table({"A": runs}, {"A": [1.0, 2.0, 3.0]})


@pytest.mark.parametrize("heat", [0.0, -1.0, float("nan")])
def test_a_temperature_that_is_none_is_refused(heat):
    with pytest.raises(ModisteError, match="above 0"):
        probabilities(said(), heat)


def test_nothing_can_be_said_of_no_photos():
    none = Predictions(("hat", "cap"), (), np.zeros(0, np.int64), np.zeros((0, 2)))
    for measured in (nll, brier, ece, classwise_ece, ece_interval, ece_by_chance, temperature):
        with pytest.raises(ModisteError, match="not one photo"):
            measured(none)
