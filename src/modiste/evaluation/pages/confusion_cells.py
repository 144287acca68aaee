"""Confusion matrices on a page: a matrix a model, whose cells lead to the photos in them; a list of mistakes where classes are many.

A model is chosen by a radio button and a cell by a link to its photos, so that no script is needed and a cell has an address.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modiste.evaluation.figures.drawing import needs_white
from modiste.evaluation.measures import share
from modiste.evaluation.mistakes import Said, confused
from modiste.evaluation.pages.photos_on_page import Album, tile, tiles
from modiste.records.table import Table, html_text
from modiste.records.words import counted

MATRIX_AT_MOST = 20  # classes; above that a list of the most frequent mistakes
BESIDE_AT_MOST = 6  # classes of a matrix that leaves room for photos beside it
LISTED = 30  # mistakes of that list
WRONG_AT_MOST, RIGHT_AT_MOST = 48, 8  # photos of a cell that are shown


@dataclass(frozen=True)
class Cell:
    """Photos of one class (truth) that one model called a class: those shown, and how many there are."""

    model: int
    truth: int
    called: int
    shown: tuple[int, ...]
    count: int

    @property
    def address(self) -> str:
        return f"cell-{self.model}-{self.truth}-{self.called}"


def cells(answers: Said, model: int) -> list[Cell]:
    """A model's cells that hold photos, the most frequent mistake first, then the other mistakes, then what it called rightly."""
    counts = confusion(answers, model)
    count = len(answers.classes)
    pairs = confused(counts, LISTED if count > MATRIX_AT_MOST else count * count)
    if count <= MATRIX_AT_MOST:
        pairs += [(code, code, int(counts[code, code])) for code in range(count) if counts[code, code]]
    made = []
    for truth, called, photos in pairs:
        inside = answers.by_loss((answers.truth == truth) & (answers.called[model] == called), model)
        most = RIGHT_AT_MOST if truth == called else WRONG_AT_MOST
        made.append(Cell(model, truth, called, tuple(inside[:most]), photos))
    return made


def pictured_in_cells(answers: Said) -> Iterator[int]:
    """The photos that the cells show, the mistakes of all models before what they called rightly; some come twice."""
    every = [cell for model in range(len(answers.models)) for cell in cells(answers, model)]
    for right in (False, True):
        for cell in every:
            if (cell.truth == cell.called) == right:
                yield from cell.shown


def confusion(answers: Said, model: int) -> NDArray[np.int64]:
    """Photos of each class (row) that a model called each class (column): (K, K)."""
    count = len(answers.classes)
    return np.bincount(answers.truth * count + answers.called[model], minlength=count * count).reshape(count, count)


def confusion_cells(
    answers: Said, pictured: Album, reports: Mapping[str, Table], margins: Collection[str], scores: Mapping[str, str]
) -> str:
    """Every model's matrix and the photos in its cells; `scores` stands beside each model's name in the list to choose from.

    `margins` names the models whose scores are an SVM's margins, and `reports` has each model's classification report.
    """
    many = len(answers.classes) > MATRIX_AT_MOST
    blocks = [block(answers, model, pictured, reports.get(name), name in margins) for model, name in enumerate(answers.models)]
    picks = [
        f'<input type="radio" name="model" id="pick-{model}"{" checked" if model == 0 else ""}>'
        f'<label for="pick-{model}">{html_text(name)} <span class="quiet">{html_text(scores.get(name, ""))}</span></label>'
        for model, name in enumerate(answers.models)
    ]
    choice = f'<fieldset class="picks"><legend>Model</legend>{"".join(picks)}</fieldset>' if len(picks) > 1 else ""
    return "\n".join([f'<div class="matrices">\n{choice}', "" if many else SWITCH, *blocks, "</div>"])


SWITCH = (
    '<fieldset class="picks"><legend>Cells show</legend>'
    '<input type="radio" name="cells" id="as-counts" checked><label for="as-counts">photos</label>'
    '<input type="radio" name="cells" id="as-rows"><label for="as-rows">% of the row: recall</label>'
    '<input type="radio" name="cells" id="as-columns"><label for="as-columns">% of the column: precision</label></fieldset>'
)


def choosing(models: int) -> str:
    """The rules of the style sheet that show the model whose button is pressed."""
    return "\n".join(f".matrices:has(#pick-{model}:checked) #model-{model}{{display:block}}" for model in range(models))


def block(answers: Said, model: int, pictured: Album, report: Table | None, margins: bool) -> str:
    """One model: its matrix or list at the left, the photos of the chosen cell at the right, its classification report below."""
    inside = cells(answers, model)
    drawn = listed(answers, inside) if len(answers.classes) > MATRIX_AT_MOST else matrix(answers, model)
    shown = [photos_in(answers, one, pictured, margins, first=number == 0) for number, one in enumerate(inside)]
    few = " few" if len(answers.classes) <= BESIDE_AT_MOST or len(answers.classes) > MATRIX_AT_MOST else ""
    under = report.html() if report else ""
    if report and len(answers.classes) > MATRIX_AT_MOST:
        under = f"<details><summary>{html_text(report.title)}</summary>\n{under}</details>"
    alone = " alone" if len(answers.models) == 1 else ""
    return "\n".join(
        [
            f'<div class="model{alone}" id="model-{model}">',
            f"<h3>{html_text(answers.models[model])}</h3>",
            f'<div class="beside{few}">\n<div class="matrix-side">\n{drawn}\n</div>',
            '<div class="cells" role="region" aria-label="Photos of a cell" tabindex="0">',
            *shown,
            f'</div>\n<div class="under">{under}</div>\n</div>',
            "</div>",
        ]
    )


def matrix(answers: Said, model: int) -> str:
    """A model's matrix as a table; a cell that holds photos is a link to them."""
    counts = confusion(answers, model)
    of_row, of_column = share(counts, counts.sum(1, keepdims=True)), share(counts, counts.sum(0, keepdims=True))
    name = html_text(f"Confusion matrix of {answers.models[model]}")
    head = "".join(f'<th scope="col"><span>{html_text(one)}</span></th>' for one in answers.classes)
    rows = []
    for truth, one in enumerate(answers.classes):
        each = "".join(
            counted_cell(
                answers, model, truth, called, int(counts[truth, called]), float(of_row[truth, called]), float(of_column[truth, called])
            )
            for called in range(len(answers.classes))
        )
        rows.append(f'<tr><th scope="row">{html_text(one)}</th>{each}<td class="sum">{counts[truth].sum():,}</td></tr>')
    columns = "".join(f'<td class="sum">{count:,}</td>' for count in counts.sum(0))
    foot = f'<tfoot><tr><th scope="row">called</th>{columns}<td class="sum">{counts.sum():,}</td></tr></tfoot>'
    top = f'<thead><tr><td><span class="quiet">is ↓ called →</span></td>{head}<th scope="col" class="sum">photos</th></tr></thead>'
    dense = " dense" if len(answers.classes) > BESIDE_AT_MOST else ""
    table = "\n".join([f'<table class="matrix{dense}">', top, "<tbody>", *rows, "</tbody>", foot, "</table>"])
    return f'<div class="wide" role="region" aria-label="{name}" tabindex="0">\n{table}\n</div>'


def counted_cell(answers: Said, model: int, truth: int, called: int, count: int, of_row: float, of_column: float) -> str:
    if not count:
        return '<td class="cell"></td>'
    words = f"{answers.classes[truth]} called {answers.classes[called]}: {counted(count, 'photo')}, {100 * of_row:.1f} % of the row"
    white = " white" if needs_white(of_row) else ""
    return (
        f'<td class="cell{white}" style="--strength:{of_row:.3f}">'
        f'<a href="#cell-{model}-{truth}-{called}" aria-label="{html_text(words)}">'
        f'<span class="as-counts">{count:,}</span><span class="as-rows">{100 * of_row:.1f}</span>'
        f'<span class="as-columns">{100 * of_column:.1f}</span></a></td>'
    )


def listed(answers: Said, inside: list[Cell]) -> str:
    """The most frequent mistakes where a matrix would be too large to read."""
    true = np.bincount(answers.truth, minlength=len(answers.classes))
    rows = [
        f'<tr><th scope="row"><a href="#{one.address}">{html_text(answers.classes[one.truth])} '
        f'<span class="to">→ {html_text(answers.classes[one.called])}</span></a></th>'
        f'<td class="number">{one.count:,}</td><td class="number">{100 * one.count / true[one.truth]:.0f} %</td></tr>'
        for one in inside
    ]
    head = (
        '<thead><tr><th scope="col">Is → called</th><th scope="col" class="number">Photos</th>'
        '<th scope="col" class="number">Of the class</th></tr></thead>'
    )
    table = "\n".join(['<table class="pairs">', head, "<tbody>", *rows, "</tbody>", "</table>"])
    return f'<div class="wide" role="region" aria-label="Most frequent mistakes" tabindex="0">\n{table}\n</div>'


def photos_in(answers: Said, one: Cell, pictured: Album, margins: bool, first: bool) -> str:
    """The photos of a cell under a heading, and how many more there are."""
    truth, called = (html_text(answers.classes[code]) for code in (one.truth, one.called))
    right = one.truth == one.called
    title = f"{truth}, called rightly" if right else f'{truth} <span class="to">→ {called}</span>'
    told = counted(one.count, "photo")
    if one.count > len(one.shown):
        told = f"{len(one.shown)} of {counted(one.count, 'photo')}"
    told += f", {'the least sure' if right else 'the highest loss'} first" if len(one.shown) > 1 else ""
    shown = tiles(tile(answers, place, one.model, pictured, margins) for place in one.shown)
    mark = " first" if first else ""
    return (
        f'<section class="cell-photos{mark}" id="{one.address}">\n<h4>{title} <span class="count">{told}</span></h4>\n{shown}\n</section>'
    )
