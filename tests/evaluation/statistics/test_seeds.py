"""The variance of seeds: told with the help of the others, and no surer than all of them together."""

import numpy as np
import pytest
from scipy.special import polygamma

from modiste.evaluation.statistics.estimates import differing, estimated, shared
from modiste.evaluation.statistics.resampling import sampled
from modiste.evaluation.statistics.seeds import Spread, prior, spreads
from modiste.records.predictions import Predictions

RNG = np.random.default_rng(5)
ALIKE = {name: RNG.normal(0.9, 0.02, 3) for name in "abcdefghijkl"}


def test_fewer_than_four_networks_keep_their_own_variance():
    few = {name: ALIKE[name] for name in "abc"}
    assert spreads(few) == {name: Spread(pytest.approx(one.var(ddof=1)), 2) for name, one in few.items()}


def test_each_variance_lies_between_its_own_and_the_mean_of_all():
    found, own = spreads(ALIKE), {name: one.var(ddof=1) for name, one in ALIKE.items()}
    mean = np.mean([*own.values()])
    for name, one in found.items():
        assert min(own[name], mean) <= one.variance <= max(own[name], mean)
        assert 2 < one.freedom <= 24


def test_networks_that_vary_very_differently_lean_less_on_each_other():
    unlike = {name: one.mean() + (one - one.mean()) * 5**place for place, (name, one) in enumerate(ALIKE.items())}
    assert spreads(unlike)["a"].freedom < spreads(ALIKE)["a"].freedom


def test_the_degrees_of_freedom_are_those_whose_logarithms_would_spread_as_far():
    """Two ways to the same: of a variance with d degrees of freedom the logarithm has the variance trigamma(d / 2)."""
    rng = np.random.default_rng(0)
    own = [Spread(float(one), 2) for one in 1e-4 * rng.chisquare(2, 4000) / 2 / (rng.chisquare(6, 4000) / 6)]
    assert prior(own).freedom == pytest.approx(6, rel=0.25)
    logs = np.log([one.variance for one in own])
    assert logs.var(ddof=1) * (1 + np.sqrt(2 / 3999)) == pytest.approx(float(polygamma(1, 1) + polygamma(1, prior(own).freedom / 2)))


def test_a_network_with_one_seed_varies_as_the_others_do():
    found = spreads({**ALIKE, "alone": np.array([0.9])})
    assert found["alone"].variance == pytest.approx(np.mean([one.var(ddof=1) for one in ALIKE.values()]))


def test_seeds_that_all_agree_to_the_last_photo_are_no_error():
    assert spreads({name: np.full(3, 0.9) for name in "abcd"})["a"] == Spread(0.0, 2)
    assert spreads({**{name: np.full(3, 0.9) for name in "abcd"}, "e": np.array([0.8, 0.9, 0.7])})["a"].variance > 0


def test_three_seeds_of_many_networks_tell_more_than_three_seeds_of_two(guesses):
    """The same two networks, alone and among others that vary as they do."""
    results = {
        name: [guesses(seed=10 * place + seed, photos=400, sharp=1.2 + 0.1 * place) for seed in range(3)]
        for place, name in enumerate("abcdef")
    }
    alone = sampled({name: results[name] for name in "ab"}, "macro_f1")
    among = sampled(results, "macro_f1")
    assert differing(among["b"], among["a"]).freedom > differing(alone["b"], alone["a"]).freedom


def seeds_of(rng, effects, photos=800):
    """Predictions of one network, a seed each: right where a photo's ease, the seed's effect and chance say so."""
    truth = np.arange(photos) % 4
    made = []
    for effect in effects:
        right = rng.normal(1.3 + effect, 1, photos) > 0
        made.append(Predictions.of(truth.tolist(), np.where(right, truth, (truth + 1) % 4).tolist(), ["a", "b", "c", "d"]))
    return made


def differing_on(rng, runs, share):
    """The same calls but on a share of the photos, as an SVM on a network's features."""
    made = []
    for run in runs:
        other = np.where(rng.random(len(run)) < share, (run.called + 1) % 4, run.called)
        made.append(Predictions.of(run.truth.tolist(), other.tolist(), run.classes))
    return made


def test_networks_that_share_their_training_are_compared_seed_by_seed():
    """Seeds move both alike: the difference is as sure as that of its own values from seed to seed, not as the sum of both."""
    rng = np.random.default_rng(3)
    trunk = seeds_of(rng, [-0.4, 0.0, 0.4])
    stands_on_it = differing_on(rng, trunk, 0.03)
    samples = sampled({"trunk": trunk, "svm": stands_on_it}, "accuracy", 500)
    found = differing(samples["trunk"], samples["svm"])
    apart = differing(samples["trunk"], sampled({"apart": seeds_of(rng, [0.4, -0.4, 0.0])}, "accuracy", 500)["apart"])
    assert shared(samples["trunk"], samples["svm"]) > 0.8
    assert found.high - found.low < 0.4 * (apart.high - apart.low)
    assert found.low > 0


def test_networks_trained_apart_share_nothing():
    rng = np.random.default_rng(4)
    for _ in range(5):
        samples = sampled({name: seeds_of(rng, [0.1, 0.0, -0.1]) for name in "ab"}, "macro_f1", 500)
        assert shared(samples["a"], samples["b"]) == 0


def test_two_networks_of_one_seed_vary_as_those_of_several_do():
    """What is said of them is as unsure as of any pair of single seeds; where nothing is known of seeds, photos alone count."""
    rng = np.random.default_rng(6)
    several = {name: seeds_of(rng, rng.normal(0, 0.3, 3)) for name in "abcdef"}
    single = {name: seeds_of(rng, rng.normal(0, 0.3, 1)) for name in "yz"}
    among, apart = sampled({**several, **single}, "accuracy", 500), sampled(single, "accuracy", 500)
    found, photos = differing(among["y"], among["z"]), differing(apart["y"], apart["z"])
    seeds = 2 * (among["y"].spread.variance - np.mean([among[name].apart for name in "abcdef"]))
    assert found.sd**2 == pytest.approx(photos.sd**2 + seeds)
    assert found.freedom < photos.freedom == np.inf
    one, alone = estimated(among["y"]), estimated(apart["y"])
    assert one.high - one.low > 2 * (alone.high - alone.low)
    assert one.sd_seeds is None
