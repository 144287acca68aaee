"""Figures of a ranking: every model, groups as they are, text as text, the same bytes, all on the sheet."""

import xml.etree.ElementTree as ElementTree

import pytest

from modiste.evaluation.figures.ranking import RANKING, intervals
from modiste.evaluation.figures.results import svg
from modiste.evaluation.statistics.ranks import alike
from modiste.evaluation.tables import PAPER_CLASSES
from modiste.records.errors import UsageError

ALL = pytest.mark.parametrize("name", RANKING)


def texts(figure):
    return [element.text for element in ElementTree.fromstring(svg(figure)).iter("{http://www.w3.org/2000/svg}text")]


@ALL
@pytest.mark.parametrize("models", [2, 13])
def test_every_model_is_named(name, models, guesses):
    results = {f"$net_{n}$": [guesses(n)] for n in range(models)}
    shown = " ".join(texts(RANKING[name](results, "recall of Bags")))
    assert all(model in shown for model in results)
    assert "recall of Bags" in shown


@ALL
def test_everything_stays_on_the_sheet(name, guesses):
    results = {letter * 40: [guesses(n, sharp=2)] for n, letter in enumerate("mWiX")}
    figure = RANKING[name](results, "macro_f1")
    box, (across, down) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(box.x0, box.y0, across - box.x1, down - box.y1) > -0.001


@ALL
def test_equal_figures_have_equal_bytes(name, guesses):
    results = {"one": [guesses(1), guesses(2)], "other": [guesses(3)]}
    assert svg(RANKING[name](results)) == svg(RANKING[name](results))


def test_a_bar_for_each_group_of_two_or_more(guesses):
    results = {f"sharp {sharp}": [guesses(round(10 * sharp), PAPER_CLASSES.names, 240, sharp)] for sharp in (1, 1.2, 3, 3.3)}
    groups = [group for group in alike(results, "accuracy") if len(group) > 1]
    bars = [line for line in intervals(results, "accuracy").axes[0].lines if line.get_linewidth() == 2.2]
    assert 0 < len(bars) == len(groups)


def test_a_forest_needs_a_second_tree(guesses):
    with pytest.raises(UsageError, match="another network"):
        RANKING["forest"]({"mine": [guesses()]}, "accuracy")
