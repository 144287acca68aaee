"""Figures of checks: what the network says as pixels go or come, and what is left of a map as the network forgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from modiste.evaluation.explained import ALIKE, CENTRE, CHANCE, NAMES, Checked, named
from modiste.evaluation.figures.drawing import KEY, SMALL, TEXT, WIDTH, heading, key, panel, quiet, sheet
from modiste.evaluation.figures.palette import BLUE, INK, ORANGE, QUIET, RULE
from modiste.evaluation.maps import Floats, mean_of

DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)))  # apart without colour too
BASELINES: dict[str, dict[str, Any]] = {
    CHANCE: {"color": QUIET, "linewidth": 1.0, "linestyle": "-"},
    CENTRE: {"color": QUIET, "linewidth": 1.0, "linestyle": (0, (4, 1.5))},
}


def exchange_curves(checked: Checked) -> Figure:
    """The class's mean probability over the share of the pixels: greyed on the left, shown on the right."""
    across, down, left = 2.9, 1.9, 0.5
    figure = sheet(WIDTH, KEY + down + 0.75)
    styles = {name: line_of(name, place) for place, name in enumerate(checked.deletion)}
    for place, (words, curves) in enumerate((("pixels greyed", checked.deletion), ("pixels shown", checked.insertion))):
        axes = panel(figure, left + place * (across + 0.55), KEY + 0.25, across, down)
        quiet(axes)
        heading(axes, words)
        for name, curve in curves.items():
            axes.plot(np.linspace(0, 100, curve.shape[1]), curve.mean(0), **styles[name])
        axes.set(xlim=(0, 100), ylim=(0, 1))
        axes.set_xlabel("% of the pixels, highest first", color=QUIET, fontsize=SMALL)
        axes.set_ylabel("" if place else "probability of the class", color=INK, fontsize=TEXT)
    key(figure, [(named(name), style["color"], {key: style[key] for key in ("linewidth", "linestyle")}) for name, style in styles.items()])
    return figure


def cascade_curves(checked: Checked) -> Figure:
    """How alike a map is to the trained network's as layers are shuffled from the head down; a bar is the 95 % interval."""
    layers = list(dict.fromkeys(layer for found in checked.cascade.values() for layer in found))
    figure = sheet(WIDTH, KEY + 2.9)
    axes = panel(figure, 0.5, KEY + 0.1, WIDTH - 0.7, 1.9)
    quiet(axes)
    axes.axhline(ALIKE, color=RULE, linewidth=0.8)
    for place, (name, found) in enumerate(checked.cascade.items()):
        cascade_line(axes, found, line_of(name, place))
    axes.set(ylim=(min(0.0, axes.get_ylim()[0]), 1.02), xlim=(-0.4, len(layers) + 0.2))
    slant: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor", "fontsize": SMALL}
    axes.set_xticks(range(len(layers) + 1), ["as trained", *layers], **slant)
    axes.set_ylabel("rank correlation", color=INK, fontsize=TEXT)
    styles = [(name, line_of(name, place)) for place, name in enumerate(checked.cascade)]
    key(figure, [(NAMES[name], style["color"], {key: style[key] for key in ("linewidth", "linestyle")}) for name, style in styles])
    return figure


def cascade_line(axes: Axes, found: Mapping[str, Floats], style: dict[str, Any]) -> None:
    means = [mean_of(values) for values in found.values()]
    places = np.arange(len(means) + 1)
    axes.plot(places, [1.0, *(mean.value for mean in means)], **style)
    axes.vlines(places[1:], [mean.low for mean in means], [mean.high for mean in means], color=style["color"], linewidth=1.0)


def line_of(name: str, place: int) -> dict[str, Any]:
    """How a map's line is drawn: the first blue, the second orange, each with dashes of its own."""
    fall_back = {"color": (BLUE, ORANGE)[place % 2], "linewidth": 1.8, "linestyle": DASHES[place // 2 % len(DASHES)]}
    return BASELINES.get(name.partition(",")[0], fall_back)
