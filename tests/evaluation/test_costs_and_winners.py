"""Costs beside what is reached, and who wins: fronts that nothing beats, winners that the interval allows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modiste.evaluation import winners
from modiste.evaluation.beside_paper import inside_table
from modiste.evaluation.costs import COSTS, Cost, costs_table, front, reached
from modiste.evaluation.figures.costs import costs_against_f1
from modiste.evaluation.figures.results import pdf, png, svg
from modiste.evaluation.metrics import metric
from modiste.evaluation.published import NAMES, TABLE_7
from modiste.evaluation.statistics.estimates import estimated
from modiste.evaluation.statistics.pairs import pairwise
from modiste.evaluation.statistics.resampling import ROUNDS, sampled
from modiste.evaluation.winners import standing, winners_table

SHARES = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1)


@given(SHARES)
def test_a_model_is_on_the_front_exactly_where_no_other_is_as_good_and_as_cheap(models):
    value = {name: good / 10 for name, (_, good) in models.items()}
    spent = {name: float(cost) for name, (cost, _) in models.items()}
    found = front(value, spent)
    for name in models:
        beaten = any(
            value[other] >= value[name] and spent[other] <= spent[name] and (value[other], -spent[other]) != (value[name], -spent[name])
            for other in models
        )
        twin = any((value[other], spent[other]) == (value[name], spent[name]) for other in found)
        assert twin == (not beaten)


def results_of(guesses, seeds=1):
    return {name: [guesses(10 * place + seed, sharp=1 + place / 2) for seed in range(seeds)] for place, name in enumerate(NAMES[:4])}


def spent(results):
    return {name: Cost(10**6 * (place + 1), 10**6, 10**9, None if place == 1 else 60.0, 5.0) for place, name in enumerate(results)}


def test_the_table_of_costs_has_what_was_given_and_what_is_reached(guesses):
    results = results_of(guesses)
    table = costs_table(results, spent(results))
    assert [row[2] for row in table.rows] == [1.0, 2.0, 3.0, 4.0]
    assert [row[6] for row in table.rows] == [*reached(results).values()] == [metric("macro_f1", runs[0]) for runs in results.values()]
    assert table.rows[1][4] is None
    assert all(words in COSTS for row in table.rows if row[7] for words in str(row[7]).split(", "))


def test_costs_are_drawn_the_same_every_time_also_as_pdf_without_a_date(guesses):
    results = results_of(guesses)
    one, other = (costs_against_f1(results, spent(results)) for _ in range(2))
    assert (svg(one), png(one, dpi=50), pdf(one)) == (svg(other), png(other, dpi=50), pdf(other))
    assert pdf(one).startswith(b"%PDF")
    assert b"CreationDate" not in pdf(one)


def test_the_standing_agrees_with_all_pairs_and_the_estimate(guesses):
    results = results_of(guesses, seeds=2)
    found = standing(results)
    alike = {pair.second for pair in pairwise(results, "macro_f1") if pair.first == found.best and not pair.differs}
    assert set(found.like_the_best) == alike
    assert found.reaches == estimated(sampled(results, "macro_f1")[found.best])
    assert found.best == max(results, key=lambda name: np.mean([metric("macro_f1", run) for run in results[name]]))


def test_one_model_alone_is_best_and_has_nobody_behind_it(guesses):
    found = standing({"alone": [guesses()], "not trained": []})
    assert (found.best, found.others) == ("alone", ())
    assert winners_table({"alone": [guesses()]}).rows[0][6:] == (None, None, None, None)


def test_the_winner_of_a_class_has_its_highest_f1(guesses):
    results = results_of(guesses)
    for row in winners_table(results).rows:
        values = {name: metric(f"f1 of {row[0]}", runs[0]) for name, runs in results.items()}
        ranked = sorted(values, key=lambda name: -values[name])
        assert row[2:4] == (ranked[0], pytest.approx(values[ranked[0]]))
        assert row[7] == pytest.approx(values[ranked[0]] - values[ranked[1]])
        assert row[4] <= row[3] <= row[5]


def test_many_classes_are_judged_two_models_at_a_time_to_the_same_end(guesses, monkeypatch):
    results = results_of(guesses)
    monkeypatch.setattr(winners, "FEW_ROUNDS", ROUNDS)
    whole = winners_table(results)
    monkeypatch.setattr(winners, "MANY_CLASSES", 1)
    assert sorted(winners_table(results).rows) == sorted(whole.rows)
    monkeypatch.setattr(winners, "LISTED", 2)
    assert len(winners_table(results).rows) == 2
    assert "Of 4 classes those 2" in winners_table(results).notes[0]


def test_of_many_classes_a_single_seed_varies_as_the_seeds_of_all_the_others_do(guesses, monkeypatch):
    results = {f"of three {n}": [guesses(10 * n + seed, sharp=1 + seed) for seed in range(3)] for n in range(4)}
    results |= {name: [guesses(90 + n, sharp=4)] for n, name in enumerate(("best", "next"))}
    monkeypatch.setattr(winners, "FEW_ROUNDS", ROUNDS)
    whole = {row[0]: row for row in winners_table(results).rows}
    monkeypatch.setattr(winners, "MANY_CLASSES", 1)
    for row in winners_table(results).rows:
        assert row[2] == whole[row[0]][2]
        assert row[5] - row[4] == pytest.approx(whole[row[0]][5] - whole[row[0]][4], rel=0.2)


def test_the_papers_figure_is_said_to_lie_where_it_lies(guesses):
    results = results_of(guesses)
    table = inside_table(results)
    assert [row[0] for row in table.rows] == list(results)
    for name, value, low, high, paper, less, where in table.rows:
        assert (paper, less) == (TABLE_7[name]["macro_f1"], value - paper)
        assert {"inside": low <= paper <= high, "above": paper > high, "below": paper < low}[where]
    assert inside_table({"hat": [guesses(classes=["hat", "cap"])]}) is None
    assert inside_table({"mine": [guesses()]}) is None
