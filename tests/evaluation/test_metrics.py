"""Metrics: two ways that must agree (ours and scikit-learn's), and the conventions at the edges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_recall_fscore_support, recall_score

from modiste.evaluation.metrics import METRICS, f1, macro_f1, precision, recall, report, specificity, support
from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions


@st.composite
def predictions(draw):
    count = draw(st.integers(2, 6))
    pairs = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), min_size=1, max_size=40))
    truth, called = zip(*pairs, strict=True)
    return Predictions.of(truth, called, [f"class {code}" for code in range(count)])


def judged(predictions, average):
    """What scikit-learn says: every metric of METRICS with that average, over the classes that have photos."""
    truth, called = predictions.truth, predictions.called
    present = np.unique(truth)
    shares = precision_recall_fscore_support(truth, called, labels=present, average=average, zero_division=0)[:3]
    specific = [recall_score(truth != code, called != code, zero_division=1.0) for code in present]
    weights = [(truth == code).sum() for code in present] if average == "weighted" else None
    return dict(zip(("precision", "recall", "f1"), shares, strict=True), specificity=np.average(specific, weights=weights))


@given(predictions())
def test_every_metric_agrees_with_scikit_learn(predictions):
    wanted = {"accuracy": accuracy_score(predictions.truth, predictions.called)}
    for average in ("macro", "weighted"):
        wanted |= {f"{average}_{name}": value for name, value in judged(predictions, average).items()}
    assert set(wanted) == set(METRICS)
    for name, metric in METRICS.items():
        assert metric(predictions) == pytest.approx(wanted[name], abs=1e-12), name


@given(predictions())
def test_every_class_agrees_with_scikit_learn(predictions):
    codes = range(len(predictions.classes))
    wanted = precision_recall_fscore_support(predictions.truth, predictions.called, labels=codes, zero_division=0)
    for measure, values in zip((precision, recall, f1, support), wanted, strict=True):
        assert measure(predictions) == pytest.approx(values, abs=1e-12)


@given(predictions())
def test_every_metric_is_a_share(predictions):
    for metric in METRICS.values():
        assert 0 <= metric(predictions) <= 1


@given(predictions())
def test_every_metric_is_1_where_every_call_is_right(predictions):
    right = Predictions.of(predictions.truth, predictions.truth, predictions.classes)
    assert [metric(right) for metric in METRICS.values()] == [1.0] * len(METRICS)


@given(predictions())
def test_the_order_of_the_photos_changes_no_metric(predictions):
    back = Predictions.of(predictions.truth[::-1], predictions.called[::-1], predictions.classes)
    for metric in METRICS.values():
        assert metric(back) == metric(predictions)


def test_a_class_never_called_has_precision_0_and_counts():
    said = Predictions.of(truth=[0, 0, 1], called=[0, 0, 0])
    assert precision(said).tolist() == [2 / 3, 0.0]
    assert METRICS["macro_precision"](said) == 1 / 3


def test_a_class_without_photos_is_left_out_of_the_averages():
    alone = Predictions.of(truth=[0, 0, 1], called=[0, 1, 1], classes=["hat", "cap"])
    beside = Predictions.of(truth=[0, 0, 1], called=[0, 1, 1], classes=["hat", "cap", "bag"])
    for metric in METRICS.values():
        assert metric(alone) == metric(beside)
    assert "bag" in report(beside).notes[0]
    assert report(beside).rows[2][1:] == (None, None, None, None, 0)


def test_specificity_is_1_where_there_is_nothing_else_to_mistake():
    assert specificity(Predictions.of(truth=[0, 0], called=[0, 1]))[0] == 1.0


def test_macro_f1_is_the_mean_of_the_f1s_and_not_the_f1_of_the_means():
    said = Predictions.of(truth=[0, 0, 0, 1], called=[0, 0, 1, 1])
    p, r = precision(said).mean(), recall(said).mean()
    assert macro_f1(said) == f1(said).mean()
    assert macro_f1(said) != pytest.approx(2 * p * r / (p + r))


def test_nothing_can_be_said_of_no_photos():
    none = Predictions(("hat", "cap"), (), np.zeros(0, np.int64), np.zeros((0, 2)))
    for metric in METRICS.values():
        with pytest.raises(ModisteError, match="not one photo"):
            metric(none)


@given(predictions())
def test_the_report_shows_what_the_metrics_say(predictions):
    rows = {row[0]: row[1:] for row in report(predictions).rows}
    for average, row in (("macro", rows["Macro avg"]), ("weighted", rows["Weighted avg"])):
        names = ("precision", "recall", "f1", "specificity")
        assert row == (*(METRICS[f"{average}_{name}"](predictions) for name in names), len(predictions))
    assert rows["Accuracy"][2] == METRICS["accuracy"](predictions)
    assert sum(rows[name][-1] for name in predictions.classes) == len(predictions)
