"""Figures of trust: whether confidence can be believed, what is gained by leaving photos to people, what corrupted photos cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, PercentFormatter

from modiste.evaluation.figures.drawing import KEY, SMALL, TEXT, WIDTH, heading, key, panel, quiet, room, sheet, short, write
from modiste.evaluation.figures.palette import BLUE, INK, ORANGE, QUIET, RULE
from modiste.evaluation.figures.results import first_seeds, some, which
from modiste.evaluation.statistics.calibration import BINS, Reliability, reliability
from modiste.evaluation.statistics.estimates import Estimate
from modiste.evaluation.statistics.robustness import Left, Robustness, check_alike, left, shown
from modiste.evaluation.statistics.selective import CoverageRisk, choose, coverage_risk
from modiste.evaluation.tables import Results, classes_of
from modiste.records.errors import ModisteError

LOW_RISK = 0.01  # where a dot stands on a coverage-risk curve
ON_ONE_SHEET = 4  # models whose curves can still be told apart
SMALLEST_AXIS = 0.05  # of a risk, so that models without mistakes are not drawn large


def reliability_diagrams(results: Results, bins: int = BINS) -> Figure:
    """Accuracy in each bin of confidence, a panel a model, of its first seed: on the diagonal a model is as right as it is sure.

    What it was too sure of is orange, what it might have been surer of pale blue. Photos are counted below, on a logarithmic scale.
    Leave models out whose scores are margins.
    """
    runs = first_seeds(results)
    found = {name: reliability(run, bins) for name, run in runs.items()}
    strip, gap = 0.36, 0.08
    figure, places, side = multiples(list(runs), 1.0, strip + gap)
    most = max(int(one.photos.max()) for one in found.values())
    for place, (name, one) in enumerate(found.items()):
        x, top, first, last = places[place]
        upper, lower = panel(figure, x, top, side, side), panel(figure, x, top + side + gap, side, strip)
        heading(upper, name)
        reliability_bars(upper, one)
        count_bars(lower, one, most)
        for axes, words in ((upper, "accuracy"), (lower, "photos")):
            axes.tick_params(labelleft=first, labelbottom=axes is lower and last)
            axes.set_ylabel(words if first else "", color=INK, fontsize=TEXT)
        lower.set_xlabel("confidence" if last else "", color=INK, fontsize=TEXT)
    entries = [
        ("as right as sure", BLUE, SQUARE),
        ("too sure", ORANGE, {**SQUARE, "alpha": PALE}),
        ("not sure enough", BLUE, {**SQUARE, "alpha": PALE}),
    ]
    key(figure, [*entries, *([("first seed of each", QUIET, {"linestyle": "none"})] if which(results) else [])])
    return figure


def reliability_bars(axes: Axes, found: Reliability) -> None:
    """One model's bars, their gaps to the mean confidence of each bin, and the error in a number."""
    quiet(axes)
    full = found.photos > 0
    lower, width = found.edges[:-1][full], np.diff(found.edges)[full]
    accuracy, confidence = found.accuracy[full], found.confidence[full]
    bar: dict[str, Any] = {"width": width * 0.9, "align": "edge", "linewidth": 0}
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, dashes=(3, 2))
    axes.bar(lower, np.minimum(accuracy, confidence), color=BLUE, **bar)
    axes.bar(lower, np.maximum(confidence - accuracy, 0), bottom=accuracy, color=ORANGE, alpha=PALE, **bar)
    axes.bar(lower, np.maximum(accuracy - confidence, 0), bottom=confidence, color=BLUE, alpha=PALE, **bar)
    write(axes, 0.04, 0.97, f"ECE {found.ece:.3f}", INK, SMALL, va="top", transform=axes.transAxes)
    axes.set(xlim=(0, 1), ylim=(0, 1.2), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))


def count_bars(axes: Axes, found: Reliability, most: int) -> None:
    """Photos of each bin, on a logarithmic scale shared by all models."""
    quiet(axes)
    axes.bar(found.edges[:-1], found.photos, width=np.diff(found.edges) * 0.9, align="edge", color=QUIET, linewidth=0)
    axes.set_yscale("log")
    axes.set(xlim=(0, 1), ylim=(0.7, 1.6 * most), xticks=(0, 0.5, 1))
    tens = [10**power for power in range(int(math.log10(max(most, 1))) + 1)]
    axes.set_yticks([tens[0], tens[-1]] if len(tens) > 1 else tens, [f"{ten:,}" for ten in dict.fromkeys((tens[0], tens[-1]))])
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(which="minor", length=0)


def coverage_risk_curves(results: Results, risk: float = LOW_RISK) -> Figure:
    """Share of wrong answers among the photos that a model answers, surest first, a panel a model, all others pale behind it.

    With several seeds, the mean of their curves; the dot is the most it can answer at the given risk.
    """
    classes_of(results)
    found = some({name: mean_curve([coverage_risk(run) for run in runs]) for name, runs in results.items() if runs})
    highest = max(SMALLEST_AXIS, *(float(one.risk[len(one.risk) // 10 :].max()) for one in found.values()))
    figure, places, across = multiples(list(found), 0.75)
    down = 0.75 * across
    for place, (name, one) in enumerate(found.items()):
        x, top, first, last = places[place]
        axes = panel(figure, x, top, across, down)
        heading(axes, name)
        for other in found.values():
            axes.plot(other.coverage, other.risk, color=RULE, linewidth=0.6)
        risk_curve(axes, one, risk)
        axes.set(xlim=(0, 1), ylim=(0, 1.05 * highest), xticks=(0, 0.5, 1))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(PercentFormatter(1, 0, symbol=""))
        axes.yaxis.set_major_formatter(PercentFormatter(1, 1 if highest < 0.2 else 0, symbol=""))
        axes.tick_params(labelleft=first, labelbottom=last)
        axes.set_ylabel("% wrong" if first else "", color=INK, fontsize=TEXT)
        axes.set_xlabel("% answered" if last else "", color=INK, fontsize=TEXT)
    entries = [("the model", BLUE, {"linewidth": 1.6}), (f"most with {100 * risk:g} % wrong", BLUE, POINT)]
    key(figure, [*entries, *([("the others", QUIET, {"linewidth": 0.6})] if len(found) > 1 else [])])
    return figure


def risk_curve(axes: Axes, curve: CoverageRisk, risk: float) -> None:
    """One model's curve, the risk of all photos at its end, and the dot with its coverage."""
    quiet(axes)
    axes.plot(curve.coverage, curve.risk, color=BLUE, linewidth=1.6)
    line = choose(curve, risk)
    if line.coverage:
        axes.plot([line.coverage], [line.risk], color=BLUE, clip_on=False, **POINT)
        write(axes, 0.05, 0.94, f"{100 * line.coverage:.0f} % answered", BLUE, SMALL, va="top", transform=axes.transAxes)
    write(axes, 0.05, 0.81, f"{100 * curve.risk[-1]:.1f} % wrong of all", INK, SMALL, va="top", transform=axes.transAxes)


def mean_curve(curves: Sequence[CoverageRisk]) -> CoverageRisk:
    """The mean of the curves of several seeds, at the same coverages."""
    risk, doubt = (np.mean([getattr(one, name) for one in curves], 0) for name in ("risk", "doubt"))
    return CoverageRisk(curves[0].coverage, risk, doubt)


def robustness_curves(models: Mapping[str, Robustness], measured: str = "macro_f1") -> Figure:
    """A measure against the severity (0 is clean), a panel a corruption, a line a model with its 95 % interval; up to four models."""
    some(dict(models))
    if len(models) > ON_ONE_SHEET:
        raise ModisteError(f"the curves of {len(models)} models cannot be told apart: draw {ON_ONE_SHEET} at a time.")
    check_alike(models)
    found = {name: left(one, measured) for name, one in models.items()}
    first_model = next(iter(models.values()))
    figure, places, across = multiples([shown(name) for name in first_model.corrupted], 0.75)
    down = 0.75 * across
    lowest = min(cell.low for one in found.values() for cell in (*one.cells.values(), one.clean))
    for place, corruption in enumerate(first_model.corrupted):
        x, top, first, last = places[place]
        axes = panel(figure, x, top, across, down)
        heading(axes, shown(corruption))
        severity_lines(axes, corruption, sorted(first_model.corrupted[corruption]), list(found.values()))
        axes.set(xlim=(-0.15, 5.15), ylim=(max(0.0, lowest - 0.02), 1.005), xticks=range(6))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.tick_params(labelleft=first, labelbottom=last)
        axes.set_ylabel(measured.replace("_", " ").replace("f1", "F1") if first else "", color=INK, fontsize=TEXT)
        axes.set_xlabel("severity, 0 is clean" if last else "", color=INK, fontsize=TEXT)
    key(figure, [(short(name), line["color"], without_colour(line)) for name, line in zip(found, LINES, strict=False)])
    return figure


def severity_lines(axes: Axes, corruption: str, severities: Sequence[int], models: Sequence[Left]) -> None:
    """Each model on one corruption: its line, and the interval as a pale band."""
    quiet(axes)
    for one, line in zip(models, LINES, strict=False):
        cells: list[Estimate] = [one.clean, *(one.cells[corruption, severity] for severity in severities)]
        at = [0, *severities]
        axes.fill_between(at, [cell.low for cell in cells], [cell.high for cell in cells], color=line["color"], alpha=0.12, linewidth=0)
        axes.plot(at, [cell.value for cell in cells], marker="o", markersize=2.5, clip_on=False, **line)


def without_colour(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name != "color"}


def multiples(names: Sequence[str], steep: float, below: float = 0.0) -> tuple[Figure, list[tuple[float, float, bool, bool]], float]:
    """A sheet for equal panels that fill its width, where each lies, and how wide one is; all in inches.

    A panel is `steep` times as high as wide, with `below` under it. A place is left, top, whether leftmost, whether lowest in its column.
    """
    edge, head, gap, foot = 0.52, 0.32, 0.22, 0.42
    free = WIDTH - edge - 0.12 + gap
    pitch = max(NARROWEST, room(names, "bold")) + gap
    abreast = max(1, min(len(names), int(free / pitch)))
    across = min(WIDEST, free / abreast - gap)
    down = steep * across + below
    figure = sheet(WIDTH, KEY + math.ceil(len(names) / abreast) * (head + down) + foot)
    places = []
    for place in range(len(names)):
        y, x = divmod(place, abreast)
        places.append((edge + x * (across + gap), KEY + head + y * (head + down), x == 0, place + abreast >= len(names)))
    return figure, places, across


NARROWEST, WIDEST = 1.3, 2.4  # inches, of a panel
PALE = 0.5
SQUARE: dict[str, Any] = {"marker": "s", "markersize": 7, "linestyle": "none", "markeredgewidth": 0}
POINT: dict[str, Any] = {"marker": "o", "markersize": 4, "linestyle": "none", "markeredgewidth": 0}
LINES: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "linewidth": 1.6},
    {"color": ORANGE, "linewidth": 1.6},
    {"color": INK, "linewidth": 1.0, "dashes": (4, 2)},
    {"color": QUIET, "linewidth": 1.0, "dashes": (1, 1)},
)
