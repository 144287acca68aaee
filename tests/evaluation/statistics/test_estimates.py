"""Intervals and p: they agree with each other and with textbook ones, hold what they promise, and never say more than is known."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from statsmodels.stats.proportion import proportion_confint

from modiste.evaluation.statistics.estimates import Difference, difference, differing, estimate, estimated, freedom, wilson
from modiste.evaluation.statistics.pairs import mcnemar
from modiste.evaluation.statistics.resampling import Sample, sampled, sampled_each
from modiste.evaluation.statistics.seeds import Spread
from modiste.records.errors import UsageError
from modiste.records.predictions import Predictions

TWO = ["hat", "bag"]


def network(right_share, photos=400, seed=0, hard=0.0):
    """A network of two classes; the more `hard` counts, the more networks err on the same photos."""
    truth = np.arange(photos) % 2
    own = np.random.default_rng([seed, 1]).normal(size=photos)
    shared = np.random.default_rng(99).normal(size=photos)
    right = hard * shared + own < norm.ppf(right_share) * math.sqrt(1 + hard**2)
    return Predictions.of(truth.tolist(), np.where(right, truth, 1 - truth).tolist(), TWO)


@pytest.mark.parametrize("hits", [0, 1, 30, 50, 99, 100])
def test_wilson_is_statsmodels_wilson(hits):
    share = hits / 100
    found = wilson(share, share * (1 - share) / 100, 1 / 100, float(norm.ppf(0.975)))
    assert found == pytest.approx(proportion_confint(hits, 100, method="wilson"), abs=1e-12)


def test_the_accuracy_of_one_seed_has_wilsons_interval():
    """Equal recalls of both classes: drawing within classes changes nothing."""
    called = [0] * 180 + [1] * 20 + [1] * 180 + [0] * 20
    run = Predictions.of([0] * 200 + [1] * 200, called, TWO)
    found = estimate([run], "accuracy", rounds=20_000)
    assert (found.low, found.high) == pytest.approx(proportion_confint(360, 400, method="wilson"), abs=0.001)
    assert found.sd_photos == pytest.approx(math.sqrt(0.09 / 400), rel=0.03)


def test_a_recall_of_all_is_not_beyond_doubt():
    """146 of 146 right: as the binomial says, and no photo of another class makes it surer."""
    run = Predictions.of([0] * 146 + [1] * 841, [0] * 146 + [1] * 841, TWO)
    found = estimate([run], "recall of hat", rounds=200)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(binomtest(146, 146).proportion_ci(method="wilson").low, abs=1e-9)


@pytest.mark.parametrize("measure", ["accuracy", "macro_f1", "recall of hat", "weighted_precision"])
@pytest.mark.parametrize("right", [0.02, 0.5, 0.9, 0.995, 1.0])
@pytest.mark.parametrize("seeds", [1, 3])
def test_an_interval_holds_its_value_and_stays_a_share(measure, right, seeds):
    found = estimate([network(right, 60, seed) for seed in range(seeds)], measure, rounds=100)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    assert (found.sd_seeds is None) == (seeds == 1)


def test_a_higher_level_gives_a_wider_interval():
    run = network(0.9)
    widths = [found.high - found.low for found in (estimate([run], "macro_f1", level=level, rounds=300) for level in (0.8, 0.95, 0.99))]
    assert widths == sorted(widths)
    assert len(set(widths)) == 3


@pytest.mark.parametrize("level", [0.0, 1.0, 95, math.nan])
def test_a_level_that_is_no_share_is_refused(level):
    with pytest.raises(UsageError, match=r"such as 0\.95"):
        estimate([network(0.9)], "accuracy", level=level, rounds=10)


def test_p_is_below_5_percent_exactly_where_the_interval_leaves_out_0():
    rng, told = np.random.default_rng(0), set()
    for number in range(60):
        seeds = [(1, 1), (3, 3), (2, 1)][number % 3]
        ours, than = (
            [network(share, 200, 10 * number + 3 * which + seed, hard=1) for seed in range(many)]
            for which, (share, many) in enumerate(zip(rng.uniform(0.8, 0.97, 2), seeds, strict=True))
        )
        found = difference(ours, than, "macro_f1", rounds=100)
        told.add(found.p < 0.05)
        assert (found.p < 0.05) == (not found.low <= 0 <= found.high)
        assert 0 < found.p <= 1
    assert told == {True, False}


def test_p_is_never_0():
    best = Predictions.of([0, 1] * 5000, [0, 1] * 5000, TWO)
    worst = Predictions.of([0, 1] * 5000, [1, 0] * 5000, TWO)
    assert difference([best], [worst], "accuracy", rounds=20).p > 0


def test_the_other_way_round_is_the_same_with_its_sign_turned():
    one, other = [network(0.9, seed=1)], [network(0.85, seed=2)]
    a, b = difference(one, other, "macro_f1", rounds=100), difference(other, one, "macro_f1", rounds=100)
    assert (a.value, a.low, a.high, a.p) == pytest.approx((-b.value, -b.high, -b.low, b.p))


def test_a_network_beside_itself_shows_no_difference_and_is_not_equal_beyond_doubt():
    run = network(0.9)
    found = difference([run], [run], "accuracy", rounds=100)
    assert (found.value, found.p) == (0, 1)
    assert found.low == -found.high < 0


def test_pairing_is_used():
    """Networks that err on the same photos are told apart by less than strangers."""
    alike = difference([network(0.9, seed=1, hard=3)], [network(0.88, seed=2, hard=3)], "accuracy", rounds=300)
    strange = difference([network(0.9, seed=1)], [network(0.88, seed=2)], "accuracy", rounds=300)
    assert alike.sd < 0.8 * strange.sd


def test_the_difference_of_accuracies_is_agresti_and_mins():
    """Variance (b + c + 1 - (b - c)^2 / N) / N^2, up to what drawing within classes takes out; and p near McNemar's mid-p."""
    one, other = network(0.9, 2000, 1, hard=1), network(0.88, 2000, 2, hard=1)
    counts = mcnemar(one, other, mid_p=True)
    away = counts.only_a - counts.only_b
    found = difference([one], [other], "accuracy", rounds=4000)
    assert found.sd == pytest.approx(math.sqrt(counts.only_a + counts.only_b + 1 - away**2 / 2000) / 2000, rel=0.04)
    assert found.p == pytest.approx(counts.p, rel=0.2, abs=0.01)


def sample(values, drawn=None, step=0.001):
    values = np.array(values)
    drawn = values[:, None] + np.random.default_rng(0).normal(0, 0.01, 500) if drawn is None else drawn
    return Sample(values, drawn, np.array([step]), np.full(1000, 0.9))


def test_seeds_that_differ_much_make_the_interval_wide():
    near, far = estimated(sample([0.9, 0.901, 0.902])), estimated(sample([0.85, 0.9, 0.95]))
    assert far.high - far.low > 3 * (near.high - near.low)


def test_more_seeds_make_it_narrower():
    few, many = estimated(sample([0.88, 0.92] * 2)), estimated(sample([0.88, 0.92] * 8))
    assert many.high - many.low < 0.7 * (few.high - few.low)


def test_without_photo_variance_it_is_students_t():
    values = np.array([0.5, 0.52, 0.54, 0.6])
    still = Sample(values, np.repeat(values[:, None], 50, axis=1), np.zeros(1), np.zeros(1000))
    other = Sample(np.array([0.4, 0.4, 0.4, 0.4]), np.full((4, 50), 0.4), np.zeros(1), np.zeros(1000))
    found = differing(still, other)
    assert found.freedom == pytest.approx(3)
    assert found.sd == pytest.approx(values.std(ddof=1) / 2)


def test_seeds_that_err_on_photos_of_their_own_are_not_counted_twice():
    """Each seed moved by its own draw of photos and by nothing else: the bootstrap knows all there is."""
    drawn = 0.9 + np.random.default_rng(1).normal(0, 0.01, (4, 4000))
    values = np.array([0.89, 0.9, 0.9, 0.91]) * 1.0
    found = estimated(Sample(values, drawn, np.array([0.001]), np.full(1000, 0.9)))
    assert found.sd_photos == pytest.approx(0.005, rel=0.1)
    assert values.std(ddof=1) < 0.01
    assert (found.high - found.low) / 2 < 0.016  # t of 3 degrees or more times 0.005; with the seeds' part added once more it is wider


def test_a_single_seed_beside_several_is_taken_to_vary_as_they_do():
    several, one = sample([0.88, 0.9, 0.92]), sample([0.85])
    alone = differing(sample([0.9]), one)
    found = differing(several, one)
    assert found.seeds == (3, 1)
    assert found.sd**2 - alone.sd**2 == pytest.approx(0.02**2 / 3 + 0.02**2, rel=0.05)
    assert math.isinf(alone.freedom)


def share_covered(seeds, moved, studies, level=0.9):
    """Of simulated studies, the share whose intervals hold the truth: of a network, and of the difference of two."""
    held = np.zeros(2)
    mix, q = np.array([40, 80]), 1.3
    truth = np.repeat([0, 1], mix)
    nodes = np.random.default_rng(7).normal(size=20_000) * moved
    true = float(norm.cdf((q + nodes) / math.sqrt(2)).mean())
    for number in range(studies):
        rng = np.random.default_rng([number, seeds])
        hard = rng.normal(size=len(truth))
        said = {
            name: [
                Predictions.of(truth, np.where(q + rng.normal() * moved + hard + rng.normal(size=120) > 0, truth, 1 - truth), TWO)
                for _ in range(seeds)
            ]
            for name in ("ours", "than")
        }
        samples = sampled_each(said, ("accuracy",), 150, number)["accuracy"]
        alone, two = estimated(samples["ours"], level), differing(samples["ours"], samples["than"], level)
        held += (alone.low <= true <= alone.high, two.low <= 0 <= two.high)
    return held / studies


@pytest.mark.parametrize("seeds, moved", [(1, 0.0), (3, 0.25)])
def test_intervals_hold_the_truth_as_often_as_they_promise(seeds, moved):
    """90 % intervals over 400 studies, 5 standard errors of room below; too wide is a fault too (benchmarks/coverage.py has the rest)."""
    covered = share_covered(seeds, moved, 400)
    assert covered.min() > 0.9 - 0.045
    assert covered.max() < 0.985


def test_it_is_plain():
    found = difference([network(0.9, 60)], [network(0.8, 60, 1)], "accuracy", rounds=20)
    assert isinstance(found, Difference)
    assert (found.photos, found.seeds, found.level) == (60, (1, 1), 0.95)


@pytest.mark.parametrize("photos", [1, 2, 3])
def test_many_classes_of_few_photos_are_not_taken_for_known(photos):
    """Of a class of one photo the draws show no variance, of a class of two they show half."""
    rng, classes = np.random.default_rng(photos), 20
    truth = np.repeat(np.arange(classes), photos)

    def tested():
        wrong = (truth + rng.integers(1, classes, len(truth))) % classes
        return Predictions.of(
            truth.tolist(), np.where(rng.random(len(truth)) < 0.7, truth, wrong).tolist(), classes=[str(code) for code in range(classes)]
        )

    apart, held, studies = 0, 0, 150
    for number in range(studies):
        samples = sampled({"one": [tested()], "other": [tested()]}, "macro_recall", 200, number)
        found = estimated(samples["one"])
        held += found.low <= 0.7 <= found.high
        apart += differing(samples["one"], samples["other"]).p < 0.05
    assert apart <= 0.08 * studies
    assert held >= 0.9 * studies


def test_a_single_seed_is_never_taken_to_vary_on_fewer_degrees_of_freedom_than_what_its_variance_was_measured_on():
    """One that reaches more than those whose seeds it borrows varies less over photos than their seeds do."""
    beside = Spread(0.0002, 2.3)
    drawn = 0.98 + np.random.default_rng(0).normal(0, 0.004, (1, 2000))
    best = Sample(np.array([0.98]), drawn, np.array([0.001]), np.full(1000, 0.9), beside, 0.00015)
    found = estimated(best)
    assert found.low > 0.89
    assert freedom(0.00007, [(0.00005, 0.0002, 2.3)]) == 2.3
