"""Ranks, groups, and the classic tests, which agree with scipy and statsmodels."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import friedmanchisquare, studentized_range
from statsmodels.stats.contingency_tables import cochrans_q

from modiste.evaluation.metrics import f1
from modiste.evaluation.statistics.pairs import pairwise
from modiste.evaluation.statistics.ranks import alike, cochran, compared, critical_difference, groups_of, nemenyi, ranks
from modiste.records.errors import UsageError


@pytest.fixture
def results(guesses):
    return {f"sharp {sharp}": [guesses(10 * sharp + seed, sharp=sharp, photos=240) for seed in range(3)] for sharp in (1, 5, 2, 3)}


def test_the_best_comes_first_and_the_shares_of_being_best_make_one(results):
    found = ranks(results, "macro_f1", rounds=200)
    assert [one.name for one in found] == ["sharp 5", "sharp 3", "sharp 2", "sharp 1"]
    assert [one.rank for one in found] == [1, 2, 3, 4]
    assert sum(one.best for one in found) == pytest.approx(1)
    assert sum(one.mean for one in found) == pytest.approx(10)
    assert all(1 <= one.low <= one.mean <= one.high <= 4 for one in found)


def test_networks_that_say_the_same_share_their_rank(guesses):
    run = guesses()
    found = ranks({"one": [run], "other": [run]}, "accuracy", rounds=50)
    assert [(one.rank, one.mean, one.best) for one in found] == [(1.5, 1.5, 0.5)] * 2


def fake_pairs(names, apart):
    return [SimpleNamespace(first=a, second=b, differs=(a + b) in apart or (b + a) in apart) for a, b in combinations(names, 2)]


@pytest.mark.parametrize(
    "apart, expected",
    [
        ([], ["abcd"]),
        (["ad"], ["abc", "bcd"]),
        (["ab", "ac", "ad", "bc", "bd", "cd"], ["a", "b", "c", "d"]),
        (["ac"], ["abd", "bcd"]),
        (["ab", "cd"], ["ac", "ad", "bc", "bd"]),
        (["ab", "ac", "ad"], ["a", "bcd"]),
    ],
)
def test_groups_are_the_largest_sets_without_a_pair_that_differs(apart, expected):
    assert ["".join(group) for group in groups_of("abcd", fake_pairs("abcd", apart))] == expected


def test_groups_are_found_as_by_trying_every_set():
    """Random graphs of six networks against all 63 sets."""
    rng = np.random.default_rng(0)
    for _ in range(30):
        pairs = fake_pairs("abcdef", [a + b for a, b in combinations("abcdef", 2) if rng.random() < 0.4])
        apart = [{pair.first, pair.second} for pair in pairs if pair.differs]
        every = [set(some) for size in range(1, 7) for some in combinations("abcdef", size)]
        fit = [some for some in every if not any(pair <= some for pair in apart)]
        largest = {frozenset(some) for some in fit if not any(some < other for other in fit)}
        assert {frozenset(group) for group in groups_of("abcdef", pairs)} == largest


def test_no_two_of_a_group_differ(results):
    groups = alike(results, "accuracy", rounds=200)
    apart = {frozenset((pair.first, pair.second)) for pair in pairwise(results, "accuracy", rounds=200) if pair.differs}
    assert apart
    assert not [pair for group in groups for pair in combinations(group, 2) if frozenset(pair) in apart]
    assert {name for group in groups for name in group} == set(results)


def test_cochran_is_statsmodels(results):
    right = np.stack([runs[0].called == runs[0].truth for runs in results.values()], axis=1).astype(int)
    theirs = cochrans_q(right)
    found = cochran(results)
    assert (found.statistic, found.p, found.freedom) == pytest.approx((theirs.statistic, theirs.pvalue, 3))


def test_cochran_of_networks_that_say_the_same_finds_nothing(guesses):
    run = guesses()
    assert cochran({"one": [run], "other": [run]}).p == 1


def test_friedman_is_scipys_and_the_distance_is_the_studentised_ranges():
    blocks = np.random.default_rng(0).normal(size=(9, 4)) + np.array([0, 0.3, 1, 2])
    found = compared("abcd", blocks)
    theirs = friedmanchisquare(*blocks.T)
    assert (found.friedman.statistic, found.friedman.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert found.critical_difference == pytest.approx(studentized_range.ppf(0.95, 4, np.inf) / np.sqrt(2) * np.sqrt(20 / 54))
    assert min(found.mean_ranks, key=found.mean_ranks.get) == "d"


def test_the_critical_difference_is_demsars():
    """Demsar 2006, Table 5: q at 0.05 is 2.569 of four classifiers and 3.164 of ten."""
    assert critical_difference(4, 14) == pytest.approx(2.569 * np.sqrt(20 / 84), abs=1e-3)
    assert critical_difference(10, 30) == pytest.approx(3.164 * np.sqrt(110 / 180), abs=1e-3)


def test_blocks_are_classes(results):
    of_class = nemenyi(results, "macro_f1")
    assert of_class.blocks == 4
    means = np.stack([np.mean([f1(run) for run in runs], axis=0) for runs in results.values()], axis=1)
    assert of_class.mean_ranks == compared(list(results), means).mean_ranks


def test_blocks_that_cannot_be_are_told(results):
    with pytest.raises(UsageError, match="three networks"):
        nemenyi(dict(list(results.items())[:2]), "macro_f1")
    with pytest.raises(UsageError, match="a value for each class"):
        nemenyi(results, "accuracy")
