"""Tables and sentences of a comparison: every number from the statistics, every model named, nothing claimed that was not shown."""

import pytest

from modiste.evaluation.compared import (
    in_words,
    intervals_table,
    pairs_table,
    power_table,
    ranks_table,
    seeds_table,
    verdict_in_words,
)
from modiste.evaluation.statistics.estimates import estimate
from modiste.evaluation.statistics.pairs import pairwise
from modiste.evaluation.statistics.ranks import alike, cochran, nemenyi
from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions


@pytest.fixture
def results(guesses):
    return {"dull": [guesses(1, sharp=1)], "sharp": [guesses(2, sharp=4)], "keen": [guesses(3, sharp=4)]}


def test_intervals_are_the_estimates(results):
    table = intervals_table(results, ("accuracy", "recall of Bags"))
    for name, row in zip(results, table.rows, strict=True):
        found = [estimate(results[name], measure) for measure in ("accuracy", "recall of Bags")]
        assert row == (name, 1, *(end for one in found for end in (one.value, one.low, one.high)))
    assert "One seed" in table.notes[-1]


def test_what_is_not_trained_is_a_dash(results):
    assert intervals_table({**results, "later": []}).rows[-1] == ("later", 0, *[None] * 6)
    assert seeds_table({**results, "later": []}, "accuracy").rows[-1] == ("later", 0, *[None] * 5)


def test_pairs_are_the_pairs(results):
    table = pairs_table(results, "macro_f1")
    for pair, row in zip(pairwise(results, "macro_f1"), table.rows, strict=True):
        assert row[:5] == (pair.first, pair.second, pair.difference.value, pair.difference.low, pair.difference.high)
        assert row[7:9] == (pair.mcnemar.only_a, pair.mcnemar.only_b)
    assert {row[1] for row in pairs_table(results, "macro_f1", reference="dull").rows} == {"dull"}


def test_a_p_too_small_to_show_is_not_shown_as_0(results):
    table = pairs_table(results, "accuracy")
    assert "< 0.0001" in {row[5] for row in table.rows}
    assert "0.0000" not in table.markdown().replace("< 0.0001", "")


def test_models_share_a_letter_exactly_where_they_share_a_group(results):
    rows = {row[0]: set(row[-1].split()) for row in ranks_table(results, "accuracy").rows}
    groups = alike(results, "accuracy")
    for one in rows:
        for other in rows:
            assert bool(rows[one] & rows[other]) == any(one in group and other in group for group in groups)


def test_the_verdict_names_the_best_and_what_cannot_be_told_from_it(results):
    words = verdict_in_words(results, "accuracy")
    best, near = ("sharp", "keen") if words.startswith("sharp") else ("keen", "sharp")
    assert words.startswith(f"{best} has the highest accuracy: ")
    assert f"It cannot be told from {near} on these photos; from the other 1 it can." in words
    assert "another start of the training" in words


@pytest.mark.parametrize("seeds, words", [(1, "Each has one seed"), (3, "")])
def test_seeds_are_spoken_of_where_they_are_missing(seeds, words, guesses):
    said = verdict_in_words({name: [guesses(n + 9 * len(name)) for n in range(seeds)] for name in ("a", "bb")}, "macro_f1")
    assert ("one seed" in said) == bool(words)


def test_one_model_alone_has_no_rival(guesses):
    said = verdict_in_words({"mine": [guesses()], "not trained yet": []}, "macro_f1")
    assert "no other model" in said
    assert said.endswith("One seed: another start of the training may give another figure.")


def test_power_says_nothing_smaller_than_the_pairs_allow(results):
    for row in power_table(results).rows:
        assert row[3] is None or 0 < row[3] <= row[1]


def test_power_of_networks_that_never_part_is_unknown(guesses):
    run = guesses()
    assert all(row[3:] == (None, None, None) for row in power_table({"one": [run], "other": [run]}).rows)


def test_seeds_have_their_spread(guesses):
    row = seeds_table({"mine": [guesses(seed) for seed in range(3)]}, "accuracy").rows[0]
    assert row[4] <= row[2] <= row[5]
    assert row[3] > 0


def test_two_test_sets_are_refused(guesses):
    mixed = {"one": [guesses(photos=40)], "other": [guesses(photos=44)]}
    for build in (intervals_table, power_table):
        with pytest.raises(ModisteError, match="same photos"):
            build(mixed)


def test_measures_are_spelt_for_people():
    assert in_words("weighted_f1") == "Weighted F1"


def test_the_ranks_tell_the_classic_tests_of_three_models_or_more(guesses):
    three = {name: [guesses(seed=seed, sharp=1 + seed)] for seed, name in enumerate("abc")}
    said = " ".join(ranks_table(three, "macro_f1").notes)
    assert f"Cochran's Q {cochran(three).statistic:.1f}, 2 degrees of freedom" in said
    assert f"{nemenyi(three, 'macro_f1').critical_difference:.2f} apart (Nemenyi)" in said
    assert "Cochran" not in " ".join(ranks_table({name: three[name] for name in "ab"}, "macro_f1").notes)


def test_photos_of_one_class_alone_have_ranks_too():
    three = {name: [Predictions.of([0] * 20, [0] * right + [1] * (20 - right))] for name, right in (("a", 18), ("b", 12), ("c", 9))}
    said = " ".join(ranks_table(three, "macro_f1").notes)
    assert "Cochran" in said
    assert "Nemenyi" not in said


def test_a_test_of_first_seeds_says_so(guesses):
    two_seeds = {name: [guesses(2 * place), guesses(2 * place + 1)] for place, name in enumerate("abc")}
    assert "photo by photo, first seed of each: Cochran" in " ".join(ranks_table(two_seeds, "macro_f1").notes)
