"""The paper's figures: they agree with one another where the paper does, and differ where it does."""

import pytest

from modiste.evaluation import published
from modiste.evaluation.metrics import METRICS
from modiste.evaluation.published import PUBLISHED, REPORTED, TABLE_5, TABLE_7, TEST_PHOTOS
from modiste.records.labels import PAPER_CLASSES

AVERAGED = {number: rows for number, rows in PUBLISHED.items() if number not in REPORTED}


@pytest.mark.parametrize("number", PUBLISHED)
def test_every_printed_figure_is_a_share(number):
    assert all(0 < value < 1 for row in PUBLISHED[number].values() for value in row.values())


@pytest.mark.parametrize("number", AVERAGED)
def test_a_model_has_the_same_figures_in_every_table_and_under_names_we_know(number):
    for name, row in AVERAGED[number].items():
        assert {metric: row[metric] for metric in TABLE_7[name]} == TABLE_7[name]
        assert set(row) <= set(METRICS)


def test_table_7_swaps_precision_and_recall_of_the_resnet_baseline():
    summed, reported = TABLE_7[published.RESNET], TABLE_5["Macro avg"]
    assert (summed["macro_recall"], summed["macro_precision"]) == (reported["precision"], reported["recall"])
    assert summed["macro_recall"] != reported["recall"]


@pytest.mark.parametrize("number", REPORTED)
def test_averages_follow_from_the_classes_and_the_counts_of_the_test_set(number):
    """The counts we read out of the paper give its weighted averages, to the rounding of its figures."""
    rows, photos = PUBLISHED[number], sum(TEST_PHOTOS.values())
    for metric in ("precision", "recall", "f1"):
        macro = sum(rows[name][metric] for name in TEST_PHOTOS) / len(TEST_PHOTOS)
        weighted = sum(rows[name][metric] * count for name, count in TEST_PHOTOS.items()) / photos
        assert rows["Macro avg"][metric] == pytest.approx(macro, abs=0.0101)
        assert rows["Weighted avg"][metric] == pytest.approx(weighted, abs=0.0101)


def test_the_test_set_has_the_papers_987_photos_in_its_four_classes():
    assert (sum(TEST_PHOTOS.values()), tuple(TEST_PHOTOS)) == (987, PAPER_CLASSES.names)


def test_there_are_twelve_models_and_ours_are_none_of_them():
    assert len(published.NAMES) == 12
    assert not set(published.OUTSIDE) & set(published.NAMES)
    assert set(REPORTED.values()) | set(published.ACCESSORIES_RIGHT) <= set(published.NAMES)


def test_more_accessories_right_is_a_higher_recall_within_the_test_set():
    assert all(0 < right <= TEST_PHOTOS["Accessories"] for right in published.ACCESSORIES_RIGHT.values())
