import numpy as np
import pytest
from scipy.stats import beta, binom

from modiste.records.errors import UsageError
from modiste.records.labels import Classes
from modiste.records.recipe import Pixels
from modiste.serving.bundle import Card, Evidence
from modiste.serving.deciding import DECISIONS, DOUBT, WHY, Expected, Share, at_most, bounds, expected, ranks, threshold, thresholds
from modiste.serving.graphs import Answers

CLASSES = Classes(("Shoes", "Clothing", "Bags"))


def card(called=(), right=(), confidence=(), strangeness=(), reject_above=None):
    return Card(
        "tiny",
        CLASSES,
        Pixels(side=32),
        evidence=Evidence(*map(tuple, (called, right, confidence, strangeness))),
        reject_above=reject_above,
    )


def answers(probabilities, strangeness=None):
    made = np.array(probabilities, np.float32)
    strange = None if strangeness is None else np.array(strangeness, np.float32)
    return Answers(made, np.log(made), np.zeros((len(made), 2), np.float32), strange)


@pytest.mark.parametrize("photos", [1, 2, 17, 400, 30_000])
@pytest.mark.parametrize("share", [0.001, 0.05, 0.5, 0.9])
def test_the_binomial_tail_is_scipys(photos, share):
    for wrong in {0, 1, photos // 20, photos // 2, photos - 1, photos}:
        assert at_most(wrong, photos, share) == pytest.approx(binom.cdf(wrong, photos, share), rel=1e-8, abs=1e-290)


@pytest.mark.parametrize("photos", [1, 10, 333, 5000])
def test_the_interval_is_clopper_and_pearsons_by_scipy(photos):
    for right in {0, 1, photos // 2, photos - 1, photos}:
        low = beta.ppf(0.025, right, photos - right + 1) if right else 0
        high = beta.ppf(0.975, right + 1, photos - right) if right < photos else 1
        assert bounds(right, photos) == pytest.approx((low, high), abs=1e-9)


def test_no_photos_tell_nothing():
    assert bounds(0, 0) == (0, 1)
    assert threshold(np.zeros(0), np.zeros(0, bool), 0.9) is None


def test_ranks_are_fixed_before_any_photo_is_looked_at_and_spend_all_the_doubt():
    for photos in (1, 59, 300, 4000):
        tests = ranks(photos, 0.95, DOUBT)
        assert sum(tests.values()) == pytest.approx(DOUBT)
        assert list(tests) == sorted(tests)
        assert max(tests) == photos


def test_a_class_whose_photos_were_all_right_is_automatic_from_its_least_sure_photo_on_once_there_are_enough():
    enough = next(photos for photos in range(1, 200) if threshold(np.linspace(0.5, 1, photos), np.ones(photos, bool), 0.95) is not None)
    assert enough == 59  # 0.95 ** 59 < 0.05: what Clopper and Pearson ask for without one mistake
    assert threshold(np.linspace(0.5, 1, 300), np.ones(300, bool), 0.95) == 0.5


def test_mistakes_below_a_line_lead_to_that_line():
    """Above 0.8 all of 800 are right, below it none: a threshold that lets in more than 5 % of mistakes would be wrong."""
    confidence = np.linspace(0.6, 1, 1601)
    right = confidence > 0.8
    least = threshold(confidence, right, 0.95)
    assert right[confidence >= least].mean() >= 0.95
    assert 0.79 < least < 0.82


def test_confidence_that_tells_nothing_apart_may_still_be_automatic_or_never():
    """All photos equally sure: they are taken together or not at all."""
    same = np.ones(500)
    assert threshold(same, np.arange(500) >= 5, 0.95) == 1
    assert threshold(same, np.arange(500) >= 25, 0.95) is None


def test_the_order_of_photos_in_the_evidence_does_not_matter():
    rng = np.random.default_rng(3)
    confidence, order = rng.uniform(0.5, 1, 700), rng.permutation(700)
    right = rng.random(700) < confidence
    assert threshold(confidence, right, 0.8) == threshold(confidence[order], right[order], 0.8) is not None


def test_decisions_are_taken_in_order():
    """Strange, then a class without threshold, then an unsure one, then automatic."""
    evidence = card([0] * 200 + [1] * 3, [True] * 203, [0.9] * 203, [0.1] * 203, reject_above=1.0)
    chosen = thresholds(evidence, 0.95)
    assert chosen.least == (0.9, None, None)
    asked = answers(
        [[0.95, 0.03, 0.02], [0.95, 0.03, 0.02], [0.5, 0.3, 0.2], [0.01, 0.98, 0.01], [0.01, 0.98, 0.01]], [0.5, 1.5, 0.5, 0.5, 2]
    )
    assert chosen.reasons(asked) == ["", "strange", "unsure", "too_little_evidence", "strange"]
    assert chosen.decide(asked) == ["auto", "reject", "review", "review", "reject"]
    assert set(chosen.decide(asked)) == set(DECISIONS)
    assert set(chosen.reasons(asked)) - {""} == set(WHY)


def test_a_photo_as_sure_as_the_threshold_is_automatic():
    """Confidence comes as float32, evidence through JSON: the same number must stay the same."""
    sure = float(np.float32(0.9))
    chosen = thresholds(card([0] * 100, [True] * 100, [sure] * 100), 0.95)
    below = np.nextafter(np.float32(0.9), np.float32(0))
    assert chosen.decide(answers([[0.9, 0.06, 0.04], [below, 0.06, 0.04]])) == ["auto", "review"]


def test_without_evidence_the_confidence_is_believed_and_that_is_said():
    bare = Card("tiny", CLASSES, Pixels(side=32))
    chosen = thresholds(bare, 0.9)
    assert (chosen.proven, chosen.least) == (False, (0.9, 0.9, 0.9))
    assert chosen.decide(answers([[0.92, 0.05, 0.03], [0.85, 0.1, 0.05]])) == ["auto", "review"]
    assert expected(bare, chosen) is None


def test_strange_photos_of_the_evidence_are_rejected_there_too():
    """100 strange photos called wrong cost nothing, for they would be rejected; but they count among all."""
    with_them = card([0] * 200, [True] * 100 + [False] * 100, [0.9] * 200, [0] * 100 + [2] * 100, reject_above=1.0)
    chosen = thresholds(with_them, 0.95)
    assert chosen.least[0] == 0.9
    found = expected(with_them, chosen)
    assert (found.overall.photos, found.overall.auto, found.overall.right) == (200, 100, 100)
    assert thresholds(card([0] * 200, [True] * 100 + [False] * 100, [0.9] * 200), 0.95).least[0] is None


def test_what_is_expected_is_what_the_decisions_give_on_the_evidence():
    rng = np.random.default_rng(5)
    probabilities = rng.dirichlet([0.2, 0.2, 0.2], 900).astype(np.float32)
    called, confidence = probabilities.argmax(1), probabilities.max(1)
    right = rng.random(900) < confidence
    evidence = card(called.tolist(), right.tolist(), confidence.tolist())
    chosen = thresholds(evidence, 0.9)
    auto = np.array(chosen.decide(answers(np.maximum(probabilities, 1e-9)))) == "auto"
    found = expected(evidence, chosen)
    assert 0 < auto.sum() < 900
    assert (found.overall.auto, found.overall.right) == (auto.sum(), right[auto].sum())
    assert [(one.name, one.photos, one.auto) for one in found.classes] == [
        (name, (called == code).sum(), auto[called == code].sum()) for code, name in enumerate(CLASSES.names)
    ]
    assert found.overall.interval[0] < found.overall.precision < found.overall.interval[1]


def test_classes_that_are_never_automatic_are_named():
    evidence = card([0] * 200 + [1] * 20, [True] * 220, [0.9] * 220)
    found = expected(evidence, thresholds(evidence, 0.95))
    assert found.never == ("Clothing", "Bags")
    assert "Never: Clothing, Bags." in found.words()
    assert "none are labelled" in Expected(Share("all", 5, 0, 0), (), ()).words()


@pytest.mark.parametrize("precision", [0, 1, -0.1, 95, float("nan"), float("inf"), "0.98", None])
def test_a_precision_that_nothing_can_promise_is_refused(precision):
    with pytest.raises(UsageError, match=r"below 1, such as 0\.95"):
        thresholds(card([0], [True], [0.9]), precision)


def logistic(mean, spread):
    """Photos whose confidence is as it should be: so many are right."""

    def draw(rng, photos):
        confidence = 1 / (1 + np.exp(-rng.normal(mean, spread, photos)))
        confidence = np.maximum(confidence, 1 - confidence)
        return confidence, confidence

    return draw


def level(share):
    """Confidence that has nothing to do with being right."""
    return lambda rng, photos: (rng.uniform(0.6, 1, photos), np.full(photos, share))


def rounded(draw):
    def made(rng, photos):
        confidence, chance = draw(rng, photos)
        return np.floor(confidence * 20) / 20, chance

    return made


DRAWS = {
    "good": logistic(7, 2),
    "fair": logistic(5, 2),
    "steep": logistic(3, 3),
    "poor": logistic(1.5, 1.5),
    "just_too_bad": level(0.949),
    "in_steps": rounded(logistic(3, 3)),
}


def missed(draw, choose, precision, photos, times, seed):
    """The share of calibrations whose threshold lets in, of 200,000 fresh photos, fewer right ones than asked for; and how many had one."""
    rng = np.random.default_rng(seed)
    fresh, chance = draw(rng, 200_000)
    order = np.argsort(-fresh)
    fresh, reached = fresh[order], np.cumsum(chance[order]) / np.arange(1, 200_001)
    misses = given = 0
    for _ in range(times):
        confidence, right = draw(rng, photos)
        least = choose(confidence, rng.random(photos) < right, precision)
        above = 0 if least is None else int(np.searchsorted(-fresh, -least, side="right"))
        misses, given = misses + bool(above and reached[above - 1] < precision), given + bool(above)
    return misses / times, given / times


@pytest.mark.parametrize("name", DRAWS)
def test_fresh_photos_reach_the_precision_in_95_of_100_calibrations(name):
    assert missed(DRAWS[name], threshold, 0.95, 400, 300, seed=1)[0] <= 0.05


def test_the_raw_share_would_break_that_promise():
    """The control: the lowest confidence above which the evidence itself is right often enough."""

    def naive(confidence, right, precision):
        order = np.argsort(-confidence)
        shares = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
        good = np.flatnonzero(shares >= precision)
        return float(confidence[order][good[-1]]) if len(good) else None

    assert missed(DRAWS["steep"], naive, 0.95, 400, 300, seed=1)[0] > 0.3


def test_a_good_class_gets_its_threshold():
    """The other control: never giving one would keep every promise."""
    assert missed(DRAWS["good"], threshold, 0.95, 400, 50, seed=2)[1] > 0.95
    assert missed(DRAWS["good"], threshold, 0.99, 1500, 50, seed=2)[1] > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("precision", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("photos", [60, 300, 1000, 3000])
def test_fresh_photos_reach_the_precision_in_95_of_100_calibrations_tried_2000_times(name, precision, photos):
    """Were the chance 5 %, 2000 tries would show more than 6.3 % once in 200."""
    assert missed(DRAWS[name], threshold, precision, photos, 2000, seed=3)[0] <= 0.063
