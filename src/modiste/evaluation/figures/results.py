"""Figures of results: training curves, classification reports, confusion matrices, and macro F1 beside the paper's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from modiste.evaluation.figures.drawing import (
    KEY,
    SMALL,
    TEXT,
    WIDTH,
    heading,
    key,
    matrices,
    paint,
    panel,
    quiet,
    room,
    saved,
    scale,
    sheet,
    short,
    write,
)
from modiste.evaluation.figures.palette import BLUE, INK, ORANGE, QUIET, RULE, WHITE
from modiste.evaluation.measures import share
from modiste.evaluation.metrics import macro_f1, report, support
from modiste.evaluation.published import PUBLISHED
from modiste.evaluation.tables import Results, beside_paper
from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions
from modiste.records.run import Epoch

T = TypeVar("T")


def curves(histories: Mapping[str, Sequence[Sequence[Epoch]]]) -> Figure:
    """Fig. 7: loss above accuracy, a column for each model, all on the same axes; the watched split bold, train thin.

    Of several seeds the mean is drawn, as far as all of them came, and each one's watched curve faintly beneath it.
    """
    seeds = {name: [epochs for epochs in runs if epochs] for name, runs in histories.items()}
    shown = some({name: runs for name, runs in seeds.items() if runs}, "histories")
    left, gap, down, pitch = 0.5, 0.42, 1.15, 3.15
    abreast = min(4, max(2, len(shown)), int((WIDTH - left) / (room(list(shown), "bold") + 0.1)))
    across = (WIDTH - left) / abreast - gap
    figure = sheet(left + min(len(shown), abreast) * (across + gap), KEY + math.ceil(len(shown) / abreast) * pitch)
    pairs = []
    for place, (name, runs) in enumerate(shown.items()):
        x, top = left + (place % abreast) * (across + gap), KEY + 0.25 + (place // abreast) * pitch
        pair = panel(figure, x, top, across, down), panel(figure, x, top + down + 0.2, across, down)
        heading(pair[0], name)
        lines(pair[0], [[one.train_loss for one in epochs] for epochs in runs], [[one.loss for one in epochs] for epochs in runs], "{:.2f}")
        trained, watched = ([[getattr(one, of) for one in epochs] for epochs in runs] for of in ("train_accuracy", "accuracy"))
        lines(pair[1], trained, watched, "{:.3f}")
        for axes, words in zip(pair, ("loss", "accuracy"), strict=True):
            axes.tick_params(labelleft=place % abreast == 0, labelbottom=axes is pair[1])
            axes.set_ylabel(words if place % abreast == 0 else "", color=INK, fontsize=TEXT)
        pair[1].set_xlabel("epoch", color=QUIET, fontsize=SMALL)
        pairs.append(pair)
    every = [epochs for runs in shown.values() for epochs in runs]
    share_axes(pairs, max(map(len, every)))
    split = " or ".join(dict.fromkeys(one.watched for epochs in every for one in epochs))
    several = any(len(runs) > 1 for runs in shown.values())
    of_seeds = [(f"{split}, mean of seeds", BLUE, BOLD), ("one seed", BLUE, FAINT)] if several else [(split, BLUE, BOLD)]
    key(figure, [*of_seeds, ("train", QUIET, THIN)])
    return figure


def class_report(results: Results) -> Figure:
    """Fig. 8: each model's classification report as a heat-map, of its first seed where it has several."""
    tables = {name: report(predictions) for name, predictions in first_seeds(results).items()}
    first = next(iter(tables.values()))
    figure, grids = matrices(list(tables), [str(row[0]) for row in first.rows], first.columns[1:], (0.57, 0.25), slanted=False)
    for axes, table in zip(grids, tables.values(), strict=True):
        for y, row in enumerate(table.rows):
            for x, value in enumerate(row[1:]):
                if isinstance(value, float):
                    paint(axes, x, y, 0.6 * max(0.0, 2 * value - 1), f"{value:.3f}")
                elif value is not None:
                    write(axes, x, y, f"{value:,}", QUIET, ha="center", va="center_baseline")
        axes.axhline(len(table.rows) - 3.5, color=INK, linewidth=0.8)
    scale(
        figure,
        [(0.0, "≤ .50"), (0.15, ".625"), (0.3, ".75"), (0.45, ".875"), (0.6, "1")],
        "precision, recall, F1, specificity." + which(results),
    )
    return figure


def confusions(results: Results) -> Figure:
    """Figs. 9 and 10: photos of each class (row) called each class (column), a matrix for each model, of its first seed.

    The blue tells the share of the row; a cell without photos stays empty.
    """
    shown = first_seeds(results)
    classes = next(iter(shown.values())).classes
    side, size = (0.355, TEXT) if len(classes) <= 6 else (0.32, SMALL)
    figure, grids = matrices(list(shown), classes, classes, (side, side), slanted=True)
    for axes, predictions in zip(grids, shown.values(), strict=True):
        counts = predictions.confusion
        shares = share(counts, support(predictions)[:, None])
        for y, x in np.argwhere(counts):
            paint(axes, float(x), float(y), float(shares[y, x]), f"{counts[y, x]}", size)
    steps = [(0.0, "0"), (0.25, "25"), (0.5, "50"), (0.75, "75"), (1.0, "100 %")]
    scale(figure, steps, "of a row.  Row: what the photo is.  Column: what it was called." + which(results))
    return figure


def f1_dots(results: Results) -> Figure:
    """Macro F1 of every variant: a ring a seed, a dot for their mean, a bar where the paper stands."""
    shown = some({name: [macro_f1(run) for run in runs] for name, runs in results.items() if runs})
    paper = {name: row["macro_f1"] for name, row in PUBLISHED[7].items() if name in shown} if beside_paper(results) else {}
    left, right, down = room(list(shown)) + 0.15, 1.15, 0.23 * len(shown) + 0.1
    figure = sheet(WIDTH, KEY + down + 0.5)
    axes = panel(figure, left, KEY, WIDTH - left - right, down)
    for y, (name, values) in enumerate(shown.items()):
        dots(axes, y, values, paper.get(name))
    axes.set_yticks(range(len(shown)), [short(name) for name in shown], parse_math=False)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.margins(x=0.06)
    quiet(axes)
    axes.tick_params(axis="y", length=0, labelsize=TEXT, labelcolor=INK)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("macro F1", color=INK, fontsize=TEXT)
    several = any(len(values) > 1 for values in shown.values())
    entries = [("ours, mean of seeds" if several else "ours", BLUE, DOT), *([("one seed", BLUE, RING)] if several else [])]
    key(figure, [*entries, *([("the paper", ORANGE, BAR)] if paper else [])])
    return figure


def svg(figure: Figure) -> str:
    """The figure as SVG: text stays text, the ground stays open, equal figures give equal bytes."""
    return saved(figure, format="svg", transparent=True, metadata={"Date": None, "Creator": None}).decode("utf-8")


def on_white(drawing: str) -> str:
    """An SVG as a file: dark text is read on a dark page, too."""
    return drawing.replace("<svg ", f'<svg style="background: {WHITE}" ', 1)


def png(figure: Figure, dpi: int = 200) -> bytes:
    """The figure as PNG, on white."""
    return saved(figure, format="png", dpi=dpi, facecolor=WHITE, metadata={"Software": None})


def pdf(figure: Figure) -> bytes:
    """The figure as PDF, for print: text stays text, no date, the ground open."""
    return saved(figure, format="pdf", transparent=True, metadata={"CreationDate": None, "Creator": None, "Producer": None})


def lines(axes: Axes, train: Sequence[Sequence[float]], watched: Sequence[Sequence[float]], shown: str) -> None:
    """One model's two curves over its epochs, means of its seeds; the last watched value is written at its end."""
    quiet(axes)
    ours = mean_curve(watched)
    epochs = np.arange(1, len(ours) + 1)
    for curve in watched if len(watched) > 1 else ():
        axes.plot(np.arange(1, len(curve) + 1), curve, color=BLUE, **FAINT)
    axes.plot(epochs, mean_curve(train), color=QUIET, **THIN)
    axes.plot(epochs, ours, color=BLUE, **BOLD)
    axes.plot(epochs[-1:], ours[-1:], "o", color=BLUE, markersize=3, clip_on=False)
    if math.isfinite(ours[-1]):
        axes.annotate(
            shown.format(ours[-1]),
            (epochs[-1], ours[-1]),
            (4, 0),
            textcoords="offset points",
            color=BLUE,
            fontsize=SMALL,
            va="center",
        )


def mean_curve(curves: Sequence[Sequence[float]]) -> list[float]:
    """Seeds' mean at each step that all of them have.

    >>> mean_curve([[1.0, 3.0, 9.0], [2.0, 4.0]])
    [1.5, 3.5]
    """
    return [float(np.mean(values)) for values in zip(*curves, strict=False)]


def share_axes(pairs: Sequence[tuple[Axes, Axes]], epochs: int) -> None:
    """The same limits for all losses (from 0), and for all accuracies (up to 1)."""
    lowest = min(pair[1].get_ylim()[0] for pair in pairs)
    highest = max(pair[0].get_ylim()[1] for pair in pairs)
    for loss, accuracy in pairs:
        loss.set_ylim(0, highest)
        accuracy.set_ylim(max(0.0, lowest), 1.005)
        for axes in (loss, accuracy):
            axes.set_xlim(0.5, max(epochs, 2) + 0.2)
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
            axes.yaxis.set_major_locator(MaxNLocator(4))


def dots(axes: Axes, y: int, values: Sequence[float], paper: float | None) -> None:
    """One variant's row: its seeds, their mean, the paper's mark, and the last two in numbers at the right."""
    mean = float(np.mean(values))
    axes.axhline(y, color=RULE, linewidth=0.6, zorder=0)
    if len(values) > 1:
        axes.plot(values, [y] * len(values), color=BLUE, **RING)
    axes.plot([mean], [y], color=BLUE, **DOT)
    write(axes, 1.04, y, f"{mean:.3f}", BLUE, transform=axes.get_yaxis_transform(), va="center_baseline")
    if paper is not None:
        axes.plot([paper], [y], color=ORANGE, **BAR)
        write(axes, 1.14, y, f"{paper:.3f}", ORANGE, transform=axes.get_yaxis_transform(), va="center_baseline")


BOLD: dict[str, Any] = {"linewidth": 1.6}
THIN: dict[str, Any] = {"linewidth": 0.8}
FAINT: dict[str, Any] = {"linewidth": 0.7, "alpha": 0.4}
DOT: dict[str, Any] = {"marker": "o", "markersize": 6, "linestyle": "none", "markeredgewidth": 0}
RING: dict[str, Any] = {"marker": "o", "markersize": 4.5, "linestyle": "none", "markerfacecolor": "none", "markeredgewidth": 0.8}
BAR: dict[str, Any] = {"marker": "|", "markersize": 11, "linestyle": "none", "markeredgewidth": 2}


def first_seeds(results: Results) -> dict[str, Predictions]:
    beside_paper(results)  # refuses results of two test sets
    return some({name: runs[0] for name, runs in results.items() if runs})


def which(results: Results) -> str:
    return "  First seed of each." if any(len(runs) > 1 for runs in results.values()) else ""


def some(found: dict[str, T], what: str = "predictions") -> dict[str, T]:
    """The same, or an error where there is nothing to draw."""
    if not found:
        raise ModisteError(f"there is nothing to draw: no run has {what} yet. Finish one and ask again.")
    return found
