"""Chosen on validation, judged on test: the choice never sees the photos that it is judged by."""

from modiste.evaluation.chosen import chosen, chosen_table, judged
from modiste.evaluation.metrics import macro_f1

CHOICES = {"A": ("A, lr 1", "A, lr 2", "A, lr 3"), "B": ("B, lr 1", "B, lr 2", "B, lr 3")}


def validation_and_test(guesses):
    """A is best at its middle rate on validation, though worst there on test; B at its last; one of B's runs is missing."""
    validation = {"A, lr 1": 1.0, "A, lr 2": 3.0, "A, lr 3": 2.0, "B, lr 1": 1.0, "B, lr 3": 3.0}
    test = {"A, lr 1": 3.0, "A, lr 2": 1.0, "A, lr 3": 3.0, "B, lr 1": 3.0, "B, lr 3": 2.0}
    made = [
        {name: [guesses(seed=seed, sharp=sharp, photos=400) for seed in (0, 1)] for name, sharp in one.items()}
        for one in (validation, test)
    ]
    return made[0] | {"B, lr 2": []}, made[1] | {"B, lr 2": []}


def test_the_choice_is_validations_and_the_result_tests(guesses):
    validation, test = validation_and_test(guesses)
    assert chosen(validation, CHOICES) == {"A": "A, lr 2", "B": "B, lr 3"}
    assert judged(test, validation, CHOICES) == {"A": test["A, lr 2"], "B": test["B, lr 3"]}
    table = chosen_table(test, validation, CHOICES)
    place = table.columns.index("Macro F1 on test")
    assert [row[1] for row in table.rows] == ["lr 2", "lr 3"]
    assert [row[2] for row in table.rows] == [3, 2]
    assert table.rows[0][place] == sum(map(macro_f1, test["A, lr 2"])) / 2


def test_of_equals_the_first_is_chosen_and_of_nothing_nothing(guesses):
    same = [guesses()]
    assert chosen(dict.fromkeys(CHOICES["A"], same), CHOICES) == {"A": "A, lr 1"}
    assert chosen_table({}, {}, CHOICES).rows[0][:3] == ("A", "not trained yet", 0)


def test_a_choice_at_an_end_and_a_missing_run_are_said(guesses):
    validation, test = validation_and_test(guesses)
    notes = " ".join(chosen_table(test, validation, CHOICES).notes)
    assert "beyond it may be better: B." in notes
    assert "not chosen among: B, lr 2." in notes
    without_last = " ".join(chosen_table(test, validation | {"A, lr 3": []}, CHOICES).notes)
    assert "beyond it may be better: A, B." in without_last
