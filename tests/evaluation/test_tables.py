"""Tables beside the paper: every figure from the predictions, every published figure from the paper, dashes where nothing ran."""

import statistics

import pytest

from modiste.evaluation.metrics import METRICS, recall, report
from modiste.evaluation.published import NAMES, OUTSIDE, PUBLISHED, REPORTED, SWAP, TABLE_7
from modiste.evaluation.tables import HEADINGS, PAPER_TABLES, summary
from modiste.records.errors import ModisteError

ALL = pytest.mark.parametrize("number", PAPER_TABLES)
METRIC_OF = {heading: metric for metric, heading in HEADINGS.items()}


def published_cells(table):
    """(row name, heading, ours, the paper's, Δ) for each of the table's columns that has the paper's beside it."""
    for row in table.rows:
        for place, column in enumerate(table.columns):
            if column == "paper":
                heading = next(name for name in reversed(table.columns[:place]) if name != "± sd")
                ours = row[place - 2 if table.columns[place - 1] == "± sd" else place - 1]
                yield row[0], heading, ours, row[place], row[place + 1]


def test_every_published_table_has_a_builder():
    assert set(PAPER_TABLES) == set(PUBLISHED)


@ALL
@pytest.mark.parametrize("seeds", [0, 1, 3])
def test_the_paper_column_holds_every_figure_that_the_paper_prints(number, seeds, guesses):
    table = PAPER_TABLES[number]({name: [guesses(seed) for seed in range(seeds)] for name in NAMES})
    short = {"Precision": "precision", "Recall": "recall", "F1": "f1"} if number in REPORTED else METRIC_OF
    found = {(name, short[heading]): paper for name, heading, _, paper, _ in published_cells(table) if paper is not None}
    assert found == {(name, metric): value for name, row in PUBLISHED[number].items() for metric, value in row.items()}


@ALL
def test_the_difference_is_ours_less_the_papers(number, guesses):
    table = PAPER_TABLES[number]({name: [guesses(seed) for seed in range(2)] for name in NAMES})
    for _, _, ours, paper, difference in published_cells(table):
        assert difference == (None if paper is None else ours - paper)


@ALL
def test_what_is_not_trained_is_a_dash_beside_the_papers_figure(number):
    table = PAPER_TABLES[number]({})
    assert all(ours is None and difference is None for _, _, ours, _, difference in published_cells(table))
    assert "Not trained yet." in table.notes


@ALL
def test_another_task_has_no_column_of_the_papers(number, guesses):
    table = PAPER_TABLES[number]({name: [guesses(classes=["hat", "cap", "bag"])] for name in NAMES})
    assert not {"paper", "Δ"} & set(table.columns)
    assert SWAP not in table.notes
    assert table.rows[0][1] is not None


@ALL
def test_several_seeds_give_their_mean_and_its_spread(number, guesses):
    runs = [guesses(seed) for seed in range(3)]
    table = PAPER_TABLES[number](dict.fromkeys(NAMES, runs))
    place = table.columns.index("F1")
    if number in REPORTED:
        values = [report(run).rows[-2][3] for run in runs]
        row = table.rows[-2]
    else:
        values = [METRICS["macro_f1"](run) for run in runs]
        row = table.rows[0]
    assert row[place : place + 2] == pytest.approx((statistics.fmean(values), statistics.stdev(values)))
    assert "3 seeds" in table.notes[0]


@ALL
def test_one_seed_shows_no_spread(number, guesses):
    assert "± sd" not in PAPER_TABLES[number]({name: [guesses()] for name in NAMES}).columns


def test_unlike_counts_of_seeds_are_told(guesses):
    table = PAPER_TABLES[4]({"AlexNet (baseline)": [guesses(0), guesses(1)], "Alex-CBAM(16&7)": [guesses(2)]})
    assert table.notes[0].startswith("Means of 2 seeds (1 seed: Alex-CBAM(16&7)), 80 photos; ± sd")
    assert table.rows[1][2] is None


def test_the_papers_classes_in_another_order_are_still_the_papers(guesses):
    runs = {name: [guesses(classes=["Bags", "Shoes", "Accessories", "Clothing"])] for name in NAMES}
    rows = {row[0]: row for row in PAPER_TABLES[5](runs).rows}
    assert rows["Bags"][2] == PUBLISHED[5]["Bags"]["precision"]


def test_table_7_says_what_the_paper_swaps():
    assert SWAP in PAPER_TABLES[7]({}).notes


def test_the_summary_has_every_variant_its_metrics_and_the_recall_of_each_class(guesses):
    classes = ["hat", "cap", "bag", "scarf", "sock"]
    run = guesses(classes=classes)
    table = summary({"mine": [run], OUTSIDE[0]: []})
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert [row[f"Recall {name}"] for name in classes] == pytest.approx(recall(run).tolist())
    assert (row["Macro F1"], row["Seeds"]) == (METRICS["macro_f1"](run), 1)
    assert table.rows[1] == (OUTSIDE[0], 0, *[None] * (len(table.columns) - 2))


def test_no_table_mixes_two_test_sets(guesses):
    mixed = {name: [guesses(photos=40 + 4 * place)] for place, name in enumerate(TABLE_7)}
    for build in (*PAPER_TABLES.values(), summary):
        with pytest.raises(ModisteError, match="same photos"):
            build(mixed)


def test_the_order_of_the_photos_does_not_make_another_test_set(guesses):
    run = guesses()
    back = type(run)(run.classes, run.photos[::-1], run.truth[::-1], run.scores[::-1])
    assert summary({"one": [run], "other": [back]}).rows[0][1:] == summary({"other": [back]}).rows[0][1:]


@pytest.mark.parametrize("many", [12, 13])
def test_the_summary_leaves_the_recall_of_very_many_classes_out_and_says_so(guesses, many):
    table = summary({"mine": [guesses(classes=[f"class {n}" for n in range(many)])]})
    assert sum(column.startswith("Recall class") for column in table.columns) == (many if many <= 12 else 0)
    assert any("left out" in note for note in table.notes) == (many > 12)
