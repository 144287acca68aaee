"""Another class mix: what re-weighting keeps, and mixes found again without a look at labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modiste.evaluation.measures import accuracy, macro, measure, recall
from modiste.evaluation.metrics import metric
from modiste.evaluation.statistics import resampling, shift
from modiste.evaluation.statistics.calibration import probabilities
from modiste.evaluation.statistics.estimates import estimate
from modiste.evaluation.statistics.shift import (
    bbse,
    corrected,
    correction_table,
    em,
    mixes_table,
    own_mix,
    parse_mix,
    reweighted,
    shares_of,
    trained_mix,
    under_mix,
)
from modiste.records.errors import ModisteError, UsageError
from modiste.records.predictions import Predictions

NAMES = ("hat", "cap", "bag")
PEAKS = np.eye(3) * 2.0
UNIFORM = dict.fromkeys(NAMES, 1.0)


def seen(counts, prior=(1 / 3, 1 / 3, 1 / 3), seed=0):
    """Photos of each class, scored by a network that knows the truth about them but counts on the mix `prior`: features are normal."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(3), counts)
    x = rng.normal(size=(len(truth), 3)) + PEAKS[truth]
    scores = x @ PEAKS.T + np.log(prior)
    return Predictions(NAMES, tuple(f"{n}.jpg" for n in range(len(truth))), truth.astype(np.int64), scores)


def test_a_class_is_found_however_its_accents_are_written():
    stacked, whole = "Gu\u0308rtel", "G\u00fcrtel"
    assert stacked != whole
    assert shift.shares_of({stacked.upper(): 1, "Hut": 3}, ["Hut", whole]).tolist() == [0.75, 0.25]
    counts = np.array([[1, 1], [1, 3]])
    assert measure(f"recall of {stacked}", ["Hut", whole])(counts) == 0.75


def mix(*shares):
    return dict(zip(NAMES, shares, strict=True))


@given(st.lists(st.integers(0, 20), min_size=9, max_size=9), st.lists(st.floats(0.05, 1), min_size=3, max_size=3))
def test_reweighting_moves_rows_alone(cells, shares):
    counts = np.array(cells).reshape(3, 3) + np.eye(3, dtype=int)
    wanted = shares_of(mix(*shares), NAMES)
    made = reweighted(counts, wanted, NAMES)
    assert made.sum(1) == pytest.approx(wanted * counts.sum())
    assert recall(made) == pytest.approx(recall(counts))
    assert accuracy(made) == pytest.approx((wanted * recall(counts)).sum())
    assert reweighted(counts, counts.sum(1) / counts.sum(), NAMES) == pytest.approx(counts)


def test_its_own_mix_changes_nothing_of_a_model():
    run = seen([40, 30, 20])
    for measured in ("accuracy", "macro_f1", "precision of cap"):
        found, plain = under_mix([run], measured, own_mix(run)), estimate([run], measured)
        assert (found.value, found.low, found.high) == pytest.approx((plain.value, plain.low, plain.high), abs=1e-7)


def test_what_no_draw_of_photos_moves_but_rounding_is_not_held_to_be_certain():
    """All called one class: whatever is drawn within classes, the accuracy is the share of that class."""
    truth = [0] * 9 + [1] * 23 + [2] * 19 + [3] * 9
    found = under_mix([Predictions.of(truth, [2] * 60, list("ABCD"))], "accuracy", {"A": 0.1, "B": 0.75, "C": 0.05, "D": 0.1})
    assert found.value == pytest.approx(0.05)
    assert found.low < 0.03
    assert found.high > 0.1


def test_how_many_rounds_are_in_memory_changes_nothing(monkeypatch):
    run, chunks = seen([30, 20, 10]), []
    whole = under_mix([run], "macro_f1", own_mix(run), rounds=40)
    monkeypatch.setattr(resampling, "CELLS", 7 * len(run))
    monkeypatch.setattr(shift, "draws", lambda *asked: chunks.append(asked[-1]) or resampling.draws(*asked))
    assert under_mix([run], "macro_f1", own_mix(run), rounds=40) == whole
    assert chunks == [7]


def test_a_mix_is_as_good_as_photos_in_that_mix():
    """Re-weighted, or each photo of a class taken ten times."""
    run = seen([40, 40, 40])
    rows = np.concatenate([np.repeat(np.flatnonzero(run.truth == code), times) for code, times in enumerate((10, 1, 1))])
    many = Predictions(NAMES, tuple(map(str, rows)), run.truth[rows], run.scores[rows])
    for measured in ("accuracy", "macro_f1", "precision of hat"):
        assert under_mix([run], measured, mix(10, 1, 1)).value == pytest.approx(metric(measured, many))


def test_accuracy_under_the_uniform_mix_is_macro_recall():
    run = seen([60, 20, 10])
    assert under_mix([run], "accuracy", UNIFORM).value == pytest.approx(float(macro(recall, run.confusion)))


def test_a_class_without_photos_can_have_no_share():
    run = Predictions.of(truth=[0, 0, 1], called=[0, 1, 1], classes=NAMES)
    assert under_mix([run], "accuracy", mix(1, 1, 0)).value == 0.75
    with pytest.raises(UsageError, match="no photo of bag"):
        under_mix([run], "accuracy", UNIFORM)


@pytest.mark.parametrize("true", [(0.7, 0.2, 0.1), (0.1, 0.1, 0.8), (0.0, 0.5, 0.5)])
def test_em_and_bbse_find_the_mix_again(true):
    run = seen([round(4000 * share) for share in true], seed=1)
    for found in (em(run, UNIFORM), bbse(run, seen([700, 700, 700], seed=2))):
        assert list(found.values()) == pytest.approx(true, abs=0.03)
        assert sum(found.values()) == pytest.approx(1)


def test_em_is_where_no_other_mix_is_likelier():
    """The likelihood of the photos under the mix found, against every mix of a grid."""
    run, before = seen([300, 100, 50]), np.array([0.2, 0.5, 0.3])
    likely = probabilities(run) / before
    found = likely @ np.array(list(em(run, mix(*before)).values()))
    grid = [(a, b, 1 - a - b) for a in np.linspace(0, 1, 41) for b in np.linspace(0, 1 - a, 41)]
    assert np.log(found).sum() >= max(np.log(np.maximum(likely @ np.array(one), 1e-300)).sum() for one in grid) - 1e-6


def test_em_with_the_prior_it_was_trained_in_takes_the_prior_back():
    """The same photos, scored by two networks that count on two mixes: EM is told which, and finds one answer."""
    skewed = (0.6, 0.3, 0.1)
    one, other = seen([500, 200, 100]), seen([500, 200, 100], prior=skewed)
    assert list(em(one, UNIFORM).values()) == pytest.approx(list(em(other, mix(*skewed)).values()), abs=1e-6)


def test_calls_put_right_for_the_mix_are_more_often_right():
    run = seen([900, 50, 50])
    now = corrected(run, UNIFORM, em(run, UNIFORM))
    assert metric("accuracy", now) > metric("accuracy", run) + 0.02
    assert probabilities(now).sum(1) == pytest.approx(1)
    same = corrected(run, UNIFORM, UNIFORM)
    assert (same.called == run.called).all()
    assert probabilities(same) == pytest.approx(probabilities(run))


def test_correcting_is_what_bayes_says():
    run, before, after = seen([20, 20, 20]), np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.1, 0.8])
    wanted = probabilities(run) * after / before
    assert probabilities(corrected(run, mix(*before), mix(*after))) == pytest.approx(wanted / wanted.sum(1, keepdims=True))


def test_bbse_solves_the_equations_of_its_paper():
    """With Lipton's joint counts and weights, as printed, where nothing is cut off."""
    validation, run = seen([300, 200, 100], seed=3), seen([50, 100, 300], seed=4)
    joint = validation.confusion.T / len(validation)  # called i, true j
    weights = np.linalg.solve(joint, np.bincount(run.called) / len(run))
    shares = weights * validation.confusion.sum(1) / len(validation)
    assert shares.min() > 0
    assert list(bbse(run, validation).values()) == pytest.approx(shares / shares.sum())


def test_bbse_answers_also_where_the_classes_cannot_be_told_apart():
    never = Predictions.of(truth=[0, 1, 2], called=[0, 0, 2], classes=NAMES)  # hats and caps are called alike
    found = bbse(Predictions.of(truth=[0, 0, 1, 2], called=[0, 0, 0, 2], classes=NAMES), never)
    assert list(found.values()) == pytest.approx([0.375, 0.375, 0.25])
    below = bbse(Predictions.of(truth=[0, 1], called=[1, 1], classes=NAMES), seen([300, 200, 100]))
    assert min(below.values()) == 0
    assert sum(below.values()) == pytest.approx(1)


def test_weighted_sampling_is_a_uniform_mix_of_the_classes_that_are_there():
    assert trained_mix(mix(90, 10, 0), "weighted") == mix(0.5, 0.5, 0.0)
    assert trained_mix(mix(90, 10, 0), "shuffled") == mix(0.9, 0.1, 0.0)


@pytest.mark.parametrize(
    "text, words",
    [
        ("hat=0.5", "says nothing of cap, bag"),
        ("hat=1,cap=1,bags=1", "Did you mean 'bag'"),
        ("hat=1,cap=-1,bag=1", "0 or more"),
        ("hat=0,cap=0,bag=0", "one of them above 0"),
        ("hat=nan,cap=1,bag=1", "says nothing of hat"),
        ("hat=inf,cap=1,bag=1", "0 or more"),
        ("hat", "write a share for each class"),
        ("hat=1,hat=2", "each class once"),
        ("hat=1,Hat=2,cap=1,bag=1", "each class once"),
    ],
)
def test_a_mix_that_is_none_is_refused_in_words(text, words):
    with pytest.raises(UsageError, match=words):
        shares_of(parse_mix(text), NAMES)


def test_tables_show_every_mix_and_name_its_shares():
    runs = [seen([40, 30, 20], seed=seed) for seed in range(2)]
    mixes = {"its own": own_mix(runs[0]), "uniform": UNIFORM}
    table = mixes_table(runs, mixes)
    assert table.columns == ("Mix", "Accuracy", "Accuracy from", "Accuracy to", "Macro F1", "Macro F1 from", "Macro F1 to")
    assert table.rows[0][4] == pytest.approx(np.mean([metric("macro_f1", run) for run in runs]))
    assert "hat 33.3 %" in table.notes[-1]


def test_the_correction_table_says_what_each_way_found_and_what_it_lacked():
    run, validation = seen([300, 50, 50]), seen([50, 50, 50], seed=1)
    table = correction_table({"A": [run], "B": [run]}, {"A": UNIFORM, "B": UNIFORM}, margins=["B"])
    assert [row[:2] for row in table.rows] == [("The truth", ""), ("A", "as it is"), ("A", "EM"), ("B", "as it is")]
    assert table.rows[0][4:] == (0.75, 0.125, 0.125)
    assert table.rows[2][4:] == pytest.approx(list(em(run, UNIFORM).values()))
    assert table.rows[2][2] > table.rows[1][2]
    assert "BBSE needs photos of validation" in table.notes[-1]
    more = correction_table({"A": [run]}, {"A": UNIFORM}, validations={"A": [validation]})
    assert [row[1] for row in more.rows] == ["", "as it is", "EM", "BBSE"]
    assert not any("BBSE needs" in note for note in more.notes)


def test_two_sets_of_classes_do_not_mix():
    with pytest.raises(ModisteError, match="validation has the classes"):
        bbse(seen([5, 5, 5]), Predictions.of(truth=[0, 1], called=[0, 1]))
