"""Photos of a report: every mistake can be reached, no picture is there twice, and what is left out is told."""

import re

import numpy as np
import pytest

from modiste.evaluation.mistakes import confused, hardest, missed_by_all, only, said
from modiste.evaluation.pages.confusion_cells import (
    LISTED,
    MATRIX_AT_MOST,
    RIGHT_AT_MOST,
    WRONG_AT_MOST,
    cells,
    confusion,
    confusion_cells,
    pictured_in_cells,
)
from modiste.evaluation.pages.photos_on_page import album
from modiste.evaluation.statistics.calibration import log_probabilities
from modiste.evaluation.statistics.pairs import disagreements
from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions


@pytest.fixture
def answers(guesses):
    return said({name: [guesses(seed, sharp=sharp)] for seed, (name, sharp) in enumerate({"good": 3, "fair": 1.5, "bad": 0.5}.items())})


def drawn(answers, pictures=(), margins=()):
    return confusion_cells(answers, album(dict.fromkeys(pictures, b"\xff\xd8"), answers.photos), {}, margins, {})


def test_losses_are_minus_the_logarithm_of_the_true_class(answers, guesses):
    run = guesses(1, sharp=1.5)
    expected = -log_probabilities(run)[np.arange(len(run)), run.truth]
    np.testing.assert_allclose(answers.losses[1], expected, atol=1e-12)


def test_scores_of_any_size_give_losses_that_are_numbers():
    run = Predictions(("hat", "cap"), ("1.jpg",), np.array([0]), np.array([[-1e4, 1e4]]))
    assert said({"sure": [run]}).losses.tolist() == [[2e4]]


def test_a_matrix_counts_as_predictions_count(answers, guesses):
    assert confusion(answers, 2).tolist() == guesses(2, sharp=0.5).confusion.tolist()


def test_the_order_of_the_photos_in_a_file_changes_nothing(guesses):
    run, back = guesses(0), guesses(1)
    turned = Predictions(back.classes, back.photos[::-1], back.truth[::-1], back.scores[::-1])
    assert said({"a": [run], "b": [turned]}).called.tolist() == said({"a": [run], "b": [back]}).called.tolist()


def test_two_models_disagree_where_the_statistics_say_so(answers, guesses):
    ours, theirs = disagreements(guesses(0, sharp=3), guesses(2, sharp=0.5))
    assert {answers.photos[place] for place in only(answers, "good", "bad")} == set(ours)
    assert {answers.photos[place] for place in only(answers, "bad", "good")} == set(theirs)


def test_what_all_miss_is_among_the_hardest_and_nothing_that_all_got_right(answers):
    worst = hardest(answers, 10_000)
    assert set(missed_by_all(answers)) <= set(worst)
    assert not answers.right[:, worst].all(0).any()


def test_a_model_that_is_sure_of_everything_does_not_decide_alone_what_is_hard(guesses):
    """Only the order of its losses counts, which of two classes louder scores leave as it is."""
    run, other = (guesses(seed, classes=("hat", "cap")) for seed in range(2))
    loud = Predictions(run.classes, run.photos, run.truth, run.scores * 5)
    assert hardest(said({"a": [run], "b": [other]}), 9) == hardest(said({"a": [loud], "b": [other]}), 9)


def test_without_a_run_there_is_nothing_to_look_at():
    with pytest.raises(ModisteError, match="no run is finished"):
        said({"a": []})


def test_every_cell_with_photos_is_a_link_and_leads_to_its_photos(answers):
    html = drawn(answers)
    for model in range(3):
        for truth, called in np.argwhere(confusion(answers, model)):
            assert html.count(f'href="#cell-{model}-{truth}-{called}"') == html.count(f'id="cell-{model}-{truth}-{called}"') == 1
    assert html.count('href="#cell-') == sum(np.count_nonzero(confusion(answers, model)) for model in range(3))


def test_a_cell_shows_its_wrong_photos_up_to_a_bound_that_is_told(guesses):
    answers = said({"bad": [guesses(classes=("hat", "cap"), photos=400, sharp=0.0)]})
    for one in cells(answers, 0):
        most = RIGHT_AT_MOST if one.truth == one.called else WRONG_AT_MOST
        assert len(one.shown) == min(most, one.count) == most
        assert f"{most} of {one.count} photos" in drawn(answers)
    assert sum(one.count for one in cells(answers, 0)) == 400


def test_the_highest_loss_stands_first(answers):
    for one in cells(answers, 1):
        losses = [answers.losses[1, place] for place in one.shown]
        assert losses == sorted(losses, reverse=True)


def test_each_picture_stands_once_however_often_it_is_shown(answers):
    pictured = album(dict.fromkeys(answers.photos, b"\xff\xd8"), answers.photos)
    html = confusion_cells(answers, pictured, {}, (), {})
    assert pictured.style().count("data:image/jpeg;base64,") == len(answers.photos)
    assert "data:" not in html
    assert {int(number) for number in re.findall(r'shot p(\d+)"', html)} <= set(range(len(answers.photos)))


def test_a_photo_without_a_picture_has_its_name_and_a_box(answers):
    html = drawn(answers)
    assert "no picture" in html
    assert answers.photos[next(pictured_in_cells(answers))] in html


def test_mistakes_of_all_models_are_pictured_before_what_was_right(answers):
    places = list(pictured_in_cells(answers))
    wrong = sum(len(one.shown) for model in range(3) for one in cells(answers, model) if one.truth != one.called)
    assert not answers.right[:, places[:wrong]].all(0).any()


def test_many_classes_become_a_list_of_the_most_frequent_mistakes(guesses):
    names = [f"class {number}" for number in range(MATRIX_AT_MOST + 1)]
    answers = said({"model": [guesses(classes=names, photos=600, sharp=1.0)]})
    html = drawn(answers)
    assert 'class="matrix"' not in html
    assert [one.count for one in cells(answers, 0)] == [photos for _, _, photos in confused(confusion(answers, 0), LISTED)]


def test_an_svm_shows_its_margin_and_a_softmax_its_share(answers):
    assert "margin&nbsp;" not in drawn(answers)
    assert drawn(answers, margins=answers.models).count("margin&nbsp;") == drawn(answers).count("p&nbsp;")
