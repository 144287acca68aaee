"""Figures of a ranking: estimates with intervals, best first, and what cannot be told apart; and all differences to one network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from modiste.evaluation.compared import in_words, percent
from modiste.evaluation.figures.drawing import KEY, TEXT, WIDTH, key, panel, quiet, room, sheet, short, write
from modiste.evaluation.figures.palette import BLUE, INK, LIGHT, ORANGE, QUIET, RULE
from modiste.evaluation.statistics.estimates import LEVEL, estimated
from modiste.evaluation.statistics.pairs import Pair, against, pairwise
from modiste.evaluation.statistics.ranks import groups_of
from modiste.evaluation.statistics.resampling import sampled
from modiste.evaluation.tables import Results

ROW = 0.25  # inches a network
DOT: dict[str, Any] = {"marker": "o", "markersize": 5.5, "linestyle": "none", "markeredgewidth": 0}
RING: dict[str, Any] = {**DOT, "markerfacecolor": "none", "markeredgewidth": 1.0}
SPAN: dict[str, Any] = {"linewidth": 1.4, "solid_capstyle": "butt"}
GROUP: dict[str, Any] = {"linewidth": 2.2, "solid_capstyle": "round"}


def intervals(results: Results, measure: str = "macro_f1", *, level: float = LEVEL) -> Figure:
    """Every network, best first: a dot on its interval, and at the right a bar for each group that cannot be told apart.

    Read the bars, not the intervals' overlap: two networks are tested on the same photos, so that they may differ where intervals overlap.
    """
    samples = sampled(results, measure)
    order = sorted(samples, key=lambda name: -samples[name].mean)
    found = [estimated(samples[name], level) for name in order]
    groups = [group for group in groups_of(order, pairwise(results, measure, level=level)) if len(group) > 1]
    bars = 0.2 + 0.14 * len(groups)
    axes, figure = rows_of(order, right=0.55 + bars)
    for y, one in enumerate(found):
        axes.plot([one.low, one.high], [y, y], color=BLUE, **SPAN)
        axes.plot([one.value], [y], color=BLUE, **DOT)
        beside(axes, y, f"{one.value:.3f}", BLUE)
    across = WIDTH - (room(order) + 0.15) - 0.55 - bars  # inches of the panel, as `rows_of` lays it
    for place, group in enumerate(groups):
        x, ys = 1 + (0.6 + 0.14 * place) / across, [order.index(name) for name in group]
        axes.plot([x, x], [min(ys), max(ys)], color=ORANGE, transform=axes.get_yaxis_transform(), clip_on=False, **GROUP)
        axes.plot([x] * len(ys), ys, "o", color=ORANGE, markersize=4, transform=axes.get_yaxis_transform(), clip_on=False)
    axes.set_xlabel(in_words(measure, inside=True), color=INK, fontsize=TEXT)
    apart = [("cannot be told apart", ORANGE, GROUP)] if groups else []
    key(figure, [(f"with its {percent(level)} interval", BLUE, {**SPAN, "marker": "o", "markevery": [1], "markersize": 5}), *apart])
    return figure


def forest(results: Results, measure: str = "macro_f1", *, reference: str | None = None, level: float = LEVEL) -> Figure:
    """Every network less one, the first of the results unless another is named: filled where the two can be told apart."""
    reference = reference or next(name for name, runs in results.items() if runs)
    pairs = sorted(against(results, reference, measure, level=level), key=lambda pair: -pair.difference.value)
    axes, figure = rows_of([pair.first for pair in pairs], right=0.6)
    axes.axvline(0, color=INK, linewidth=0.8)
    for y, pair in enumerate(pairs):
        span(axes, y, pair)
    axes.margins(x=0.06)
    axes.set_xlabel(f"{in_words(measure, inside=True)} less that of {short(reference)}", color=INK, fontsize=TEXT, parse_math=False)
    key(
        figure,
        [("differs", BLUE, DOT), ("cannot be told apart, all rows in mind", QUIET, RING), (f"{percent(level)} interval", QUIET, SPAN)],
    )
    return figure


def span(axes: Axes, y: int, pair: Pair) -> None:
    """One difference with its interval; the colour and the filling both say whether it is there."""
    found = pair.difference
    colour, mark = (BLUE, DOT) if pair.differs else (QUIET, RING)
    axes.plot([found.low, found.high], [y, y], color=colour, **SPAN)
    ground = {} if pair.differs else {"markerfacecolor": LIGHT["ground"]}
    axes.plot([found.value], [y], color=colour, **{**mark, **ground})
    beside(axes, y, f"{found.value:+.3f}".replace("-", "−"), colour)


def rows_of(names: list[str], right: float) -> tuple[Axes, Figure]:
    """A sheet with a row for each name, the first on top, and `right` inches free beside it."""
    left, down = room(names) + 0.15, ROW * len(names) + 0.1
    figure = sheet(WIDTH, KEY + down + 0.5)
    axes = panel(figure, left, KEY, WIDTH - left - right, down)
    axes.set_yticks(range(len(names)), [short(name) for name in names], parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    for y in range(len(names)):
        axes.axhline(y, color=RULE, linewidth=0.6, zorder=0)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    quiet(axes)
    axes.tick_params(axis="y", length=0, labelsize=TEXT, labelcolor=INK)
    axes.spines["left"].set_visible(False)
    return axes, figure


def beside(axes: Axes, y: int, text: str, colour: str) -> None:
    """A number right of a row."""
    write(axes, 1.02, y, text, colour, transform=axes.get_yaxis_transform(), va="center_baseline")


RANKING: dict[str, Callable[..., Figure]] = {"ranking": intervals, "forest": forest}
