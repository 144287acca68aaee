"""Figures: drawn for any classes and models, text as text, the same bytes every time, legible on light and dark."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.text import Text

from modiste.evaluation.figures.drawing import needs_white
from modiste.evaluation.figures.palette import DARK, LIGHT, WHITE, contrast, laid
from modiste.evaluation.figures.results import class_report, confusions, curves, f1_dots, on_white, png, svg
from modiste.evaluation.metrics import macro_f1
from modiste.evaluation.published import NAMES, OUTSIDE, TABLE_7
from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions

FIGURES = {"curves": curves, "class_report": class_report, "confusions": confusions, "f1_dots": f1_dots}
ALL = pytest.mark.parametrize("name", FIGURES)


def draw(name, models, results, history):
    """Any figure of FIGURES for some models: curves from histories, the others from results."""
    return FIGURES[name]({model: [history()] for model in models} if name == "curves" else dict.fromkeys(models, results))


def texts(figure):
    return [element.text for element in ElementTree.fromstring(svg(figure)).iter("{http://www.w3.org/2000/svg}text")]


@ALL
@pytest.mark.parametrize("classes, models", [(2, 1), (4, 13), (20, 2)])
def test_every_figure_names_every_model_whatever_their_number(name, classes, models, guesses, history):
    shown = [*NAMES, *OUTSIDE][:models]
    figure = draw(name, shown, [guesses(classes=[f"class {code}" for code in range(classes)])], history)
    assert set(shown) <= set(texts(figure))


@ALL
def test_every_figure_keeps_its_marks_on_the_sheet(name, guesses, history):
    """No text is cut off at an edge, with names as long as are shown."""
    names = [letter * 40 for letter in "mW"]
    figure = draw(name, names, [guesses(classes=names)], history)
    box = figure.get_tightbbox()
    across, down = figure.get_size_inches()
    assert min(box.x0, box.y0, across - box.x1, down - box.y1) > -0.001


@ALL
@pytest.mark.parametrize("names", [[f"{n} {'long' * 9}" for n in range(5)], [*NAMES, *OUTSIDE]])
def test_no_heading_runs_into_the_next(name, names, guesses, history):
    figure = draw(name, names, [guesses(classes=["hat", "cap"])], history)
    boxes = [text.get_window_extent() for text in figure.findobj(Text) if text.get_fontweight() == "bold"]
    assert len(boxes) == (0 if name == "f1_dots" else len(names))
    assert not [(one, other) for one, other in combinations(boxes, 2) if one.overlaps(other)]


@ALL
def test_equal_figures_have_equal_bytes_and_no_date(name, guesses, history):
    one, other = (draw(name, NAMES, [guesses()], history) for _ in range(2))
    assert svg(one) == svg(one) == svg(other)
    assert png(one, dpi=50) == png(other, dpi=50)
    assert "dc:date" not in svg(one)


@ALL
def test_no_name_is_obeyed(name, guesses, history):
    """A formula, markup, a bell, letters that the font lacks: they are shown as they are, or left out."""
    odd = ["$\\frac$", "<script>&", "bell\x07", "外套"]
    figure = draw(name, odd, [guesses(classes=odd)], history)
    assert {"$\\frac$", "<script>&", "外套"} <= set(texts(figure))
    assert png(figure, dpi=50).startswith(b"\x89PNG")


@ALL
def test_drawing_leaves_matplotlib_as_it_was(name, guesses, history):
    before = dict(rcParams)
    svg(draw(name, NAMES[:1], [guesses()], history))
    assert dict(rcParams) == before


@ALL
def test_nothing_to_draw_is_said_in_words(name):
    with pytest.raises(ModisteError, match="nothing to draw"):
        FIGURES[name]({"AlexNet (baseline)": []})


def test_a_confusion_matrix_shows_every_count_but_the_zeros():
    run = Predictions.of(truth=[0] * 17 + [1] * 23, called=[0] * 17 + [1] * 19 + [0] * 4, classes=["hat", "cap"])
    assert {"17", "19", "4"} <= set(texts(confusions({"A": [run]})))
    assert not set(texts(confusions({"A": [run]}))) & {"0.0"}


def test_a_cell_is_as_solid_as_its_share_of_the_row():
    run = Predictions.of(truth=[0] * 20 + [1] * 10, called=[0] * 20 + [1] * 7 + [0] * 3, classes=["hat", "cap"])
    cells = confusions({"A": [run]}).axes[0].patches
    assert sorted(cell.get_alpha() for cell in cells) == [0.3, 0.7, 1.0]


def test_the_dots_show_the_papers_figure_only_beside_the_papers_classes(guesses):
    name = NAMES[0]
    paper = f"{TABLE_7[name]['macro_f1']:.3f}"
    ours, theirs = guesses(), guesses(classes=["hat", "cap"])
    assert {paper, f"{macro_f1(ours):.3f}", "the paper"} <= set(texts(f1_dots({name: [ours]})))
    assert not {paper, "the paper"} & set(texts(f1_dots({name: [theirs]})))


def test_a_loss_that_is_no_number_is_left_out_of_the_curve(history):
    broken = [*history(), type(history()[0])(4, float("nan"), 0.5, "validation", float("nan"), 0.5, 0.5, 1.0, 1.0)]
    assert "nan" not in svg(FIGURES["curves"]({"A": [broken], "B": [history()]}))


def test_curves_of_several_seeds_are_their_mean_with_each_seed_beneath_it(history):
    one, other = history(), [replace(epoch, loss=epoch.loss + 1, accuracy=epoch.accuracy / 2) for epoch in history()[:-1]]
    figure = curves({"A": [one, other], "B": [one]})
    loss = figure.axes[0].get_lines()
    drawn = [list(line.get_ydata()) for line in loss]
    assert drawn[:2] == [[epoch.loss for epoch in one], [epoch.loss for epoch in other]]  # whatever their lengths
    assert drawn[3] == pytest.approx([epoch.loss + 0.5 for epoch in one[:-1]])
    assert f"{one[-2].loss + 0.5:.2f}" in texts(figure)
    assert {"validation, mean of seeds", "one seed"} <= set(texts(figure))
    assert not {"one seed"} & set(texts(curves({"B": [one]})))


def test_light_and_dark_name_the_same_colours():
    assert set(LIGHT) == set(DARK)
    assert len(set(LIGHT.values())) == len(LIGHT)


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_words_stand_out_from_the_page(colours):
    for name in ("ink", "quiet", "blue", "orange"):
        assert contrast(colours[name], colours["ground"]) >= 4.5, name
        assert contrast(colours[name], colours["raised"]) >= 4.5 or name == "orange"


@pytest.mark.parametrize("colours", [LIGHT, DARK])
@pytest.mark.parametrize("strength", np.linspace(0, 1, 21))
def test_numbers_stand_out_from_their_cells(colours, strength):
    cell = laid(colours["shade"], float(strength), colours["ground"])
    assert contrast(WHITE if needs_white(float(strength)) else colours["ink"], cell) >= 4


def test_an_svg_file_has_a_white_ground_and_is_the_same_drawing(guesses):
    drawn = svg(confusions({"A": [guesses()]}))
    filed = ElementTree.fromstring(on_white(drawn))
    assert filed.attrib.pop("style") == "background: #ffffff"
    assert ElementTree.tostring(filed) == ElementTree.tostring(ElementTree.fromstring(drawn))


def test_the_pictures_in_svg_hold_text_and_no_raster(guesses):
    drawn = svg(confusions({"A": [guesses()]}))
    assert "<text" in drawn
    assert not re.search(r"<image|data:", drawn)
