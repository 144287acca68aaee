"""Figure of what models reach against what they cost: a panel a cost, the models that nothing cheaper beats joined by a line."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from modiste.evaluation.costs import COSTS, Costs, front, reached
from modiste.evaluation.figures.drawing import KEY, SMALL, TEXT, WIDTH, key, panel, quiet, sheet, short
from modiste.evaluation.figures.palette import BLUE, INK, QUIET
from modiste.evaluation.figures.results import some
from modiste.evaluation.tables import Results


def costs_against_f1(results: Results, costs: Costs) -> Figure:
    """Macro F1 over parameters, FLOPs, training time and latency, two panels by two; what is not known is left out."""
    f1 = some({name: value for name, value in reached(results).items() if name in costs})
    left, gap, across, down, pitch = 0.55, 0.62, 2.9, 1.75, 2.45
    figure = sheet(WIDTH, KEY + 2 * pitch)
    for place, (heading, of) in enumerate(COSTS.values()):
        axes = panel(figure, left + place % 2 * (across + gap), KEY + 0.1 + place // 2 * pitch, across, down)
        spent = {name: cost for name in f1 if (cost := of(costs[name])) is not None}
        dotted(axes, f1, spent)
        axes.set_xlabel(heading, color=INK, fontsize=TEXT)
        axes.set_ylabel("macro F1" if place % 2 == 0 else "", color=INK, fontsize=TEXT)
    key(
        figure,
        [
            ("nothing cheaper is as good", BLUE, {"marker": "o", "markersize": 6, "linestyle": "none", "markeredgewidth": 0}),
            (
                "the others",
                QUIET,
                {"marker": "o", "markersize": 4.5, "linestyle": "none", "markerfacecolor": "none", "markeredgewidth": 0.9},
            ),
        ],
    )
    return figure


def dotted(axes: Axes, f1: Mapping[str, float], spent: Mapping[str, float]) -> None:
    """One panel: a dot a model, those of the front joined as stairs and some of them named."""
    quiet(axes)
    best = front(f1, spent)
    others = [name for name in spent if name not in best]
    axes.plot([spent[name] for name in others], [f1[name] for name in others], "o", color=QUIET, markersize=4.5, markerfacecolor="none")
    axes.plot(
        [spent[name] for name in best], [f1[name] for name in best], "o-", color=BLUE, markersize=6, linewidth=1, drawstyle="steps-post"
    )
    axes.margins(x=0.14, y=0.2)
    low, high = axes.get_xlim()
    for name, above in named(best):
        at_right = spent[name] > (low + high) / 2
        axes.annotate(
            short(name),
            (spent[name], f1[name]),
            (5 if not at_right else -5, 6 if above else -11),
            textcoords="offset points",
            ha="right" if at_right else "left",
            color=BLUE,
            fontsize=SMALL,
            parse_math=False,
        )
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5))


def named(best: list[str]) -> list[tuple[str, bool]]:
    """The ends of a front, which are named: the best above its dot and the cheapest below, so that neighbours keep apart.

    >>> named(["small", "middle", "large"])
    [('large', True), ('small', False)]
    """
    return [(name, place == 0) for place, name in enumerate(dict.fromkeys((best[-1], best[0])))] if best else []
