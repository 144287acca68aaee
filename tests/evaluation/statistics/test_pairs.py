"""Pairs: as statsmodels has them, photo by photo, whatever the order of the rows."""

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from modiste.evaluation.statistics import pairs
from modiste.evaluation.statistics.estimates import difference
from modiste.evaluation.statistics.pairs import against, disagreements, holm, mcnemar, pairwise
from modiste.evaluation.statistics.resampling import aligned
from modiste.records.errors import ModisteError, UsageError
from modiste.records.predictions import Predictions


def of_counts(both, only_a, only_b, neither):
    """Two networks with so many photos on which both, one or none is right."""
    truth = [0] * (both + only_a + only_b + neither) + [1]
    a = [0] * (both + only_a) + [1] * (only_b + neither) + [1]
    b = [0] * both + [1] * only_a + [0] * only_b + [1] * neither + [1]
    return Predictions.of(truth, a), Predictions.of(truth, b)


@pytest.mark.parametrize("only_a, only_b", [(0, 0), (1, 0), (0, 9), (5, 5), (12, 30), (200, 150)])
def test_mcnemar_is_statsmodels(only_a, only_b):
    found = mcnemar(*of_counts(10, only_a, only_b, 3))
    theirs = statsmodels_mcnemar([[10, only_a], [only_b, 3]], exact=True)
    assert (found.only_a, found.only_b) == (only_a, only_b)
    assert found.p == pytest.approx(theirs.pvalue)


def test_mid_p_is_less_by_the_chance_of_the_counts_seen():
    """Fagerland et al. 2013: 2 P(less) + P(as many), here of 1 and 6: 2 / 128 + 7 / 128."""
    assert mcnemar(*of_counts(5, 1, 6, 5), mid_p=True).p == pytest.approx(9 / 128)


@pytest.mark.parametrize("count", [1, 2, 7, 78])
def test_holm_is_statsmodels(count):
    p = np.random.default_rng(count).uniform(size=count) ** 4
    p[-1] = p[0]
    assert holm(p.tolist()) == pytest.approx(multipletests(p, method="holm")[1].tolist())
    assert holm([]) == []


def test_disagreements_name_the_photos_whatever_the_order_of_rows(guesses):
    a, b = guesses(0), guesses(1)
    back = Predictions(b.classes, b.photos[::-1], b.truth[::-1], b.scores[::-1])
    only_a, only_b = disagreements(a, back)
    right_a = {photo for photo, right in zip(a.photos, a.called == a.truth, strict=True) if right}
    right_b = {photo for photo, right in zip(b.photos, b.called == b.truth, strict=True) if right}
    assert (set(only_a), set(only_b)) == (right_a - right_b, right_b - right_a)
    assert only_a
    assert only_b
    assert (mcnemar(a, back).only_a, mcnemar(a, back).only_b) == (len(only_a), len(only_b))


def test_all_pairs_are_there_the_better_one_first(guesses):
    results = {f"sharp {sharp}": [guesses(7 * sharp + seed, sharp=sharp) for seed in range(2)] for sharp in (1, 3, 2)}
    found = pairwise(results, "accuracy", rounds=100)
    assert [(pair.first, pair.second) for pair in found] == [("sharp 3", "sharp 2"), ("sharp 3", "sharp 1"), ("sharp 2", "sharp 1")]
    assert all(pair.difference.value >= 0 for pair in found)
    assert [pair.adjusted_p for pair in found] == holm([pair.difference.p for pair in found])
    alone = difference(results["sharp 3"], results["sharp 1"], "accuracy", rounds=100)
    assert found[1].difference == alone


def test_photos_are_put_in_order_once_for_all_pairs(guesses, monkeypatch):
    results = {name: [guesses(seed)] for seed, name in enumerate("abcde")}
    asked = []
    monkeypatch.setattr(pairs, "aligned", lambda runs: asked.append(len(runs)) or aligned(runs))
    found = pairwise(results, "accuracy", rounds=20)
    assert asked == [5]
    monkeypatch.undo()
    assert [pair.mcnemar for pair in found] == [mcnemar(results[pair.first][0], results[pair.second][0]) for pair in found]


def test_against_one_adjusts_for_these_alone(guesses):
    results = {f"m{seed}": [guesses(seed)] for seed in range(4)}
    found = against(results, "m1", "macro_f1", rounds=100)
    assert [(pair.first, pair.second) for pair in found] == [("m0", "m1"), ("m2", "m1"), ("m3", "m1")]
    assert [pair.adjusted_p for pair in found] == holm([pair.difference.p for pair in found])


def test_mistakes_are_told(guesses):
    with pytest.raises(UsageError, match="Did you mean 'mine'"):
        against({"mine": [guesses()], "other": [guesses(1)]}, "mind", "accuracy")
    with pytest.raises(UsageError, match="another network"):
        against({"mine": [guesses()]}, "mine", "accuracy")
    with pytest.raises(ModisteError, match="same photos"):
        mcnemar(guesses(photos=40), guesses(photos=44))
