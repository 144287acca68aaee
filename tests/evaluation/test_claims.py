"""Claims: what is supported holds, what is refuted does not, and what cannot be told is not answered."""

import math

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from modiste.evaluation.claims import CANNOT_BE_TOLD, NOT_SUPPORTED, SUPPORTED, Claim, answer, claims_table, in_paper
from modiste.evaluation.statistics.contrasts import better, contrast, mean_of, rise
from modiste.evaluation.statistics.estimates import difference
from modiste.evaluation.statistics.pairs import holm
from modiste.evaluation.statistics.resampling import sampled
from modiste.records.errors import UsageError
from modiste.records.predictions import Predictions

PHOTOS, ROUNDS = 800, 400


@pytest.fixture
def results(guesses):
    """Four networks of rising sharpness, three seeds each; 'twin' is about as sharp as 'good'."""
    sharp = {"bad": 0.5, "fair": 1.2, "good": 2.0, "best": 3.2, "twin": 2.1}
    return {
        name: [guesses(seed=10 * place + seed, photos=PHOTOS, sharp=value) for seed in range(3)]
        for place, (name, value) in enumerate(sharp.items())
    }


def told(results, costs=None, **claim):
    (found,) = answer([Claim("so it is", **claim)], results, costs, rounds=ROUNDS)
    return found


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ({"of": "best", "over": "bad"}, SUPPORTED),
        ({"of": "bad", "over": "best"}, NOT_SUPPORTED),
        ({"of": "twin", "over": "good"}, CANNOT_BE_TOLD),
        ({"of": "twin", "over": "good", "least": 0.2}, NOT_SUPPORTED),
        ({"of": "twin", "over": "good", "margin": -0.1}, SUPPORTED),
        ({"of": "bad", "over": "good", "margin": -0.1}, NOT_SUPPORTED),
        ({"of": "best", "over": "fair", "margin": 0.9}, NOT_SUPPORTED),
        ({"of": "best"}, SUPPORTED),
        ({"of": "good"}, NOT_SUPPORTED),
        ({"of": "good", "among": ("bad", "fair")}, SUPPORTED),
        ({"trend": ("bad", "fair", "good", "best")}, SUPPORTED),
        ({"trend": ("best", "good", "fair", "bad")}, NOT_SUPPORTED),
        ({"pairs": (("best", "good"), ("fair", "bad"))}, SUPPORTED),
        ({"pairs": (("best", "good"), ("bad", "fair"))}, NOT_SUPPORTED),
        ({"pairs": (("best", "bad"), ("fair", "good"))}, NOT_SUPPORTED),
        ({"pairs": (("best", "bad"), ("fair", "good")), "average": True}, SUPPORTED),
        ({"of": "best", "over": "bad", "measure": "recall of Bags"}, SUPPORTED),
        ({"of": "best", "over": "absent"}, CANNOT_BE_TOLD),
        ({"of": "best", "over": "bad", "measure": "recall of Hats"}, CANNOT_BE_TOLD),
    ],
)
def test_the_verdict_is_what_the_networks_were_made_to_be(results, claim, verdict):
    found = told(results, **claim)
    assert found.verdict == verdict, found.why
    assert "One seed" not in found.why


@pytest.mark.parametrize("of_class", ["recall", "precision", "f1"])
def test_of_a_class_without_a_photo_nothing_can_be_told(of_class):
    """It is 0 whatever the networks say, which is no loss and no proof that there is no gain."""
    truth = [0, 1, 2] * 40
    classes = ["Shoes", "Clothing", "Bags", "Accessories"]
    results = {name: [Predictions.of(truth, called, classes)] for name, called in (("a", truth), ("b", truth[1:] + truth[:1]))}
    found = told(results, of="a", over="b", measure=f"{of_class} of Accessories")
    assert found.verdict == CANNOT_BE_TOLD
    assert "no photo of Accessories" in found.why
    assert told(results, of="a", over="b", measure="specificity of Accessories").effect is not None


def test_a_certain_gain_too_small_to_be_worth_having_is_supported_and_called_small(results):
    found = told(results, of="best", over="bad", least=0.9)
    assert found.verdict == SUPPORTED
    assert "less than the 0.9" in found.why


def test_one_seed_speaks_of_these_networks_alone(results):
    found = told({name: runs[:1] for name, runs in results.items()}, of="best", over="bad")
    assert found.verdict == SUPPORTED
    assert "One seed" in found.why


def test_one_seed_beside_many_models_of_several_is_taken_to_vary_as_they_do(results):
    some = {name: runs[:1] if name in ("best", "bad") else runs for name, runs in results.items()}
    assert sum(len(runs) > 1 for runs in some.values()) < 4
    assert "One seed" in told(some, of="best", over="bad").why
    more = some | {f"{name} again": runs for name, runs in some.items() if len(runs) > 1}
    found = told(more, of="best", over="bad")
    assert "One seed" not in found.why
    assert "taken to vary" in found.why
    alone = told({name: runs for name, runs in some.items() if len(runs) == 1}, of="best", over="bad")
    assert found.effect.freedom < alone.effect.freedom == math.inf  # known from a few seeds


def test_best_of_all_cannot_be_supported_while_one_is_missing_but_can_be_refuted(results):
    assert told(results | {"later": []}, of="best").verdict == CANNOT_BE_TOLD
    assert "later" in told(results | {"later": []}, of="best").why
    assert told(results | {"later": []}, of="bad").verdict == NOT_SUPPORTED
    assert told(results | {"later": []}, of="later", among=("later", "bad")).why == "No run of later is finished."


def test_the_best_trade_is_near_the_best_and_better_than_what_costs_less(results):
    some = {name: results[name] for name in ("bad", "good", "twin")}

    def costing(**parameters):
        return {name: {"parameters": count} for name, count in parameters.items()}

    claim = {"of": "good", "cost": "parameters", "margin": -0.1}
    assert told(some, costing(bad=1, good=2, twin=3), **claim).verdict == SUPPORTED
    assert told(some, costing(bad=1, good=3, twin=2), **claim).verdict == CANNOT_BE_TOLD, "the twin is as good and cheaper"
    assert told(some, costing(bad=3, good=2, twin=4), of="bad", cost="parameters", margin=-0.1).verdict == NOT_SUPPORTED
    assert "latency ms of good, bad, twin are not known" in told(some, costing(bad=1, good=2, twin=3), of="good", cost="latency_ms").why


def test_a_contrast_of_two_is_their_difference(results):
    samples = sampled({name: results[name] for name in ("good", "bad")}, "macro_f1", ROUNDS)
    mine, theirs = contrast(samples, better("good", "bad")), difference(results["good"], results["bad"], "macro_f1", rounds=ROUNDS)
    assert (mine.value, mine.low, mine.high, mine.p_above(0)) == pytest.approx((theirs.value, theirs.low, theirs.high, theirs.p))


def test_p_is_below_five_per_cent_exactly_where_the_interval_lies_above_the_bar(results):
    found = contrast(sampled(results, "accuracy", ROUNDS), better("good", "fair"))
    for bar in np.linspace(found.low - 0.02, found.low + 0.02, 40):
        assert (found.p_above(bar) < 0.05) == (found.low > bar)


def test_a_rise_is_the_line_that_fits_best_and_weights_of_contrasts_sum_to_nothing():
    values = np.array([0.2, 0.5, 0.4, 0.9, 0.8])
    weights = list(rise("abcde").values())
    assert weights @ values == pytest.approx(4 * np.polyfit(range(5), values, 1)[0])
    assert sum(weights) == pytest.approx(0)
    assert mean_of([better("a", "b"), better("b", "c")]) == {"a": 0.5, "b": 0.0, "c": -0.5}


def test_holm_is_statsmodels_holm():
    p = np.random.default_rng(0).random(12) ** 3
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_more_claims_beside_it_make_a_claim_no_surer(results):
    one = Claim("one", of="best", over="good")
    alone, among = (
        answer([one], results, rounds=ROUNDS)[0],
        answer([one] + [Claim("two", of="twin", over="good")] * 9, results, rounds=ROUNDS)[0],
    )
    assert alone.p == among.p
    assert among.adjusted_p == pytest.approx(min(1, 10 * alone.p))


def test_the_papers_own_effect_stands_beside_ours_where_the_classes_are_its_four(guesses):
    names = ("Alex-CBAM(16&7)", "AlexNet (baseline)")
    claim = {"of": names[0], "over": names[1], "measure": "recall of Accessories"}
    assert told({name: [guesses()] for name in names}, **claim).paper == pytest.approx((291 - 198) / 312)
    other = {name: [guesses(classes=["Accessories", "Hats"])] for name in names}
    assert told(other, **claim).paper is None
    assert in_paper("Resnet-CBAM", "f1 of Accessories") == 0.91


def test_the_table_has_a_row_a_claim_and_a_sentence_for_each(results):
    answers = answer([Claim("A beats B", of="best", over="bad"), Claim("C beats D", of="none", over="bad")], results, rounds=ROUNDS)
    table = claims_table(answers)
    assert [row[:2] for row in table.rows] == [("A beats B", SUPPORTED), ("C beats D", CANNOT_BE_TOLD)]
    assert table.rows[0][3] == answers[0].effect.value
    assert "No run of none" in table.notes[1]
    assert answers[0].plain()["effect"]["low"] == answers[0].effect.low


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ({}, "one of the three"),
        ({"of": "a", "trend": ("a", "b", "c")}, "one of the three"),
        ({"over": "b", "trend": ("a", "b", "c")}, "give of"),
        ({"of": "a", "over": "a"}, "one other"),
        ({"of": "a", "over": "b", "cost": "flops"}, "leave it away"),
        ({"of": "a", "cost": "flop"}, "Did you mean 'flops'"),
        ({"trend": ("a", "b")}, "three"),
        ({"of": "a", "over": "b", "average": True}, "average is over pairs"),
        ({"pairs": (("a", "a"),)}, "a pair is two"),
        ({"of": "a", "over": "b", "least": 0}, "least"),
    ],
)
def test_a_claim_that_cannot_be_measured_is_refused_in_words(claim, words):
    with pytest.raises(UsageError, match="claim 'so it is'") as error:
        Claim("so it is", **claim)
    assert words in str(error.value)
