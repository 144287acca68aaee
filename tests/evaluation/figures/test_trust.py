"""Figures of trust: every model and corruption named, all marks on the sheet, the numbers those of the statistics."""

import re
from functools import partial
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.text import Text

from modiste.evaluation.figures.palette import LIGHT, WHITE
from modiste.evaluation.figures.results import png, svg
from modiste.evaluation.figures.trust import coverage_risk_curves, reliability_diagrams, robustness_curves
from modiste.evaluation.statistics.calibration import ece
from modiste.evaluation.statistics.robustness import Robustness
from modiste.records.errors import ModisteError

OF_RESULTS = pytest.mark.parametrize("draw", [reliability_diagrams, coverage_risk_curves])


@pytest.fixture
def tried(guesses):
    def make(seed=0, names=("blur", "jpeg", "noise", "contrast", "colour_cast")):
        return Robustness(guesses(seed), {name: {one: guesses(seed + one, sharp=1.5 - one / 5) for one in (1, 3, 5)} for name in names})

    return make


def texts(figure):
    return [element.text for element in ElementTree.fromstring(svg(figure)).iter("{http://www.w3.org/2000/svg}text")]


def on_the_sheet(figure):
    box, (across, down) = figure.get_tightbbox(), figure.get_size_inches()
    return min(box.x0, box.y0, across - box.x1, down - box.y1) > -0.001


def headings_apart(figure):
    boxes = [text.get_window_extent() for text in figure.findobj(Text) if text.get_fontweight() == "bold"]
    return not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]


@OF_RESULTS
@pytest.mark.parametrize("models, seeds", [(1, 1), (2, 3), (9, 1)])
def test_every_model_is_named_and_nothing_is_cut_off(draw, models, seeds, guesses):
    names = [f"model {'m' * 12} {n}" for n in range(models)]
    figure = draw({name: [guesses(seed) for seed in range(seeds)] for name in names})
    assert set(names) <= set(texts(figure))
    assert on_the_sheet(figure)
    assert headings_apart(figure)


@pytest.mark.parametrize("models", [1, 4])
def test_every_corruption_and_model_is_named(models, tried):
    figure = robustness_curves({f"model {n}": tried(n) for n in range(models)})
    assert {"Blur", "JPEG", "Noise", "Contrast", "Colour cast", *(f"model {n}" for n in range(models))} <= set(texts(figure))
    assert on_the_sheet(figure)
    assert headings_apart(figure)


def test_more_curves_than_can_be_told_apart_are_refused(tried):
    with pytest.raises(ModisteError, match="4 at a time"):
        robustness_curves(dict.fromkeys("ABCDE", tried()))


def test_equal_figures_have_equal_bytes_and_only_our_colours(guesses, tried):
    results = {"$A$": [guesses()], "<B>": [guesses(1)]}
    draws = partial(reliability_diagrams, results), partial(coverage_risk_curves, results), partial(robustness_curves, {"A": tried()})
    for draw in draws:
        drawn = svg(draw())
        assert drawn == svg(draw())
        assert png(draw(), dpi=40).startswith(b"\x89PNG")
        colours = set(re.findall("#[0-9a-f]{6}(?![0-9a-f])", drawn))
        assert colours <= {*LIGHT.values(), WHITE}


def test_the_number_is_the_expected_calibration_error(guesses):
    run = guesses()
    assert f"ECE {ece(run):.3f}" in texts(reliability_diagrams({"A": [run]}))


def test_the_bars_are_as_high_as_the_model_is_right(guesses):
    run = guesses(photos=400)
    axes = reliability_diagrams({"A": [run]}, bins=5).axes[0]
    solid, too_sure, too_shy = (np.array([bar.get_height() for bar in bars]) for bars in axes.containers)
    sure, right = np.sort(np.exp(run.scores).max(1) / np.exp(run.scores).sum(1)), run.called == run.truth
    assert len(solid) == len(np.unique(np.ceil(sure * 5)))
    assert (too_sure * too_shy == 0).all()
    photos = np.bincount(np.ceil(sure * 5).astype(int))
    assert ((solid + too_shy) @ photos[photos > 0]) == pytest.approx(right.sum())


def test_a_model_without_mistakes_is_drawn(guesses):
    run = guesses(sharp=60.0)
    assert "100 % answered" in texts(coverage_risk_curves({"A": [run]}))
    assert on_the_sheet(reliability_diagrams({"A": [run]}))


@OF_RESULTS
def test_nothing_to_draw_is_said_in_words(draw):
    with pytest.raises(ModisteError, match="nothing to draw"):
        draw({"A": []})
