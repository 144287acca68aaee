"""The pen behind the figures: sheets measured in inches, quiet axes, cells shaded by a share, keys, and how a figure is saved.

It draws on `matplotlib.figure.Figure` alone, without pyplot and its open windows. A share is shown by how solid one blue is, so that
a figure sits on a light page and on a dark one, and no reader has to tell two hues apart.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path

from modiste.evaluation.figures.palette import INK, QUIET, RULE, SHADE, WHITE, contrast, laid
from modiste.records.table import one_line

TEXT, SMALL = 8.0, 7.0  # points
WIDTH, KEY = 7.2, 0.42  # inches: a sheet, the band at its top that holds the key
LONGEST = 24  # letters of a name that are shown


def sheet(width_inches: float, height_inches: float) -> Figure:
    return Figure(figsize=(width_inches, height_inches))


def panel(figure: Figure, left: float, top: float, across: float, down: float) -> Axes:
    """Axes at a place on the sheet, all in inches from its upper left corner."""
    sheet_across, sheet_down = figure.get_size_inches()
    return figure.add_axes((left / sheet_across, 1 - (top + down) / sheet_down, across / sheet_across, down / sheet_down))


def quiet(axes: Axes) -> None:
    """Axes that step back: two pale lines, short ticks, small grey numbers."""
    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=RULE, linewidth=0.8)
    axes.tick_params(length=2.5, width=0.8, color=RULE, labelcolor=QUIET, labelsize=SMALL, pad=3)


def write(axes: Axes, x: float, y: float, text: str, colour: str = INK, size: float = TEXT, **placing: Any) -> None:
    """Text at a place in the axes' own units; a $ in it is a $."""
    axes.text(x, y, drawable(text), color=colour, fontsize=size, parse_math=False, **placing)


def heading(axes: Axes, name: str) -> None:
    """A panel's name, flush left above it."""
    write(axes, 0, 1 + 0.07 / inches_down(axes), short(name), transform=axes.transAxes, fontweight="bold")


def name_ticks(axes: Axes, rows: Sequence[str], columns: Sequence[str], slanted: bool = False) -> None:
    """Names instead of numbers along the axes."""
    style: dict[str, Any] = {"color": INK, "parse_math": False}
    slant: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor", "fontsize": TEXT} if slanted else {"fontsize": SMALL}
    axes.set_yticks(range(len(rows)), [short(name) for name in rows], fontsize=TEXT, **style)
    axes.set_xticks(range(len(columns)), [short(name) for name in columns], **style, **slant)
    axes.tick_params(length=0, pad=4)


def matrices(
    names: Sequence[str], rows: Sequence[str], columns: Sequence[str], cell: tuple[float, float], slanted: bool
) -> tuple[Figure, list[Axes]]:
    """A sheet of equal grids of cells, one a name, as many side by side as fit; outer grids carry the row and column names."""
    across, down = len(columns) * cell[0], len(rows) * cell[1]
    left, foot, gap, head = room(rows) + 0.12, room(columns) * 0.72 + 0.15 if slanted else 0.25, 0.18, 0.34
    pitch = max(across, room(names, "bold")) + gap
    abreast = max(1, min(len(names), int((WIDTH - left + gap) / pitch)))
    deep = math.ceil(len(names) / abreast)
    figure = sheet(max(WIDTH, left + abreast * pitch), KEY + deep * (down + head) + foot)
    made = []
    for place, name in enumerate(names):
        y, x = divmod(place, abreast)
        axes = panel(figure, left + x * pitch, KEY + head + y * (down + head), across, down)
        axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5), facecolor="none")
        axes.spines[:].set(color=RULE, linewidth=0.8)
        heading(axes, name)
        name_ticks(axes, rows if x == 0 else (), columns if place + abreast >= len(names) else (), slanted)
        made.append(axes)
    return figure, made


def paint(axes: Axes, x: float, y: float, strength: float, text: str, size: float = TEXT) -> None:
    """One cell: blue as solid as `strength` in [0, 1], its text in the ink that stands out from it."""
    if strength > 0:
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=SHADE, alpha=round(strength, 3), linewidth=0))
    write(axes, x, y, text, WHITE if needs_white(strength) else INK, size, ha="center", va="center_baseline")


def needs_white(strength: float) -> bool:
    """Whether white text stands out more than ink from a cell shaded so solidly on white."""
    cell = laid(SHADE, strength, WHITE)
    return contrast(WHITE, cell) > contrast(INK, cell)


def band(figure: Figure) -> Axes:
    """The strip at the head of a sheet that holds its key; its units are inches."""
    across, down = figure.get_size_inches()
    axes = panel(figure, 0, 0, across, min(KEY, down))
    axes.set(xlim=(0, across), ylim=(0, KEY))
    axes.set_axis_off()
    return axes


def key(figure: Figure, entries: Sequence[tuple[str, str, dict[str, Any]]]) -> None:
    """What each mark means: a short piece of it, then its words in its colour."""
    axes, x = band(figure), 0.08
    for words, colour, mark in entries:
        axes.plot(
            [x, x + 0.1, x + 0.2] if "linewidth" in mark else [x + 0.1], [0.22] * (3 if "linewidth" in mark else 1), color=colour, **mark
        )
        write(axes, x + 0.29, 0.22, words, colour, va="center_baseline")
        x += 0.29 + room([words]) + 0.2


def scale(figure: Figure, steps: Sequence[tuple[float, str]], words: str) -> None:
    """The one colour scale of a sheet: a swatch for each (strength, number), then what the numbers are."""
    axes = band(figure)
    for place, (strength, number) in enumerate(steps):
        axes.add_patch(Rectangle((0.08 + place * 0.42, 0.13), 0.42, 0.19, facecolor=SHADE, alpha=strength, linewidth=0))
        write(axes, 0.29 + place * 0.42, 0.22, number, WHITE if needs_white(strength) else INK, SMALL, ha="center", va="center_baseline")
    axes.add_patch(Rectangle((0.08, 0.13), 0.42 * len(steps), 0.19, facecolor="none", edgecolor=RULE, linewidth=0.8))
    write(axes, 0.18 + len(steps) * 0.42, 0.22, words, QUIET, va="center_baseline")


def short(name: str) -> str:
    """A name that fits beside a panel.

    >>> short("Hand-knitted woollen winter hats")
    'Hand-knitted woollen wi…'
    """
    name = drawable(name)
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def drawable(text: str) -> str:
    r"""Text that can be drawn: a name's bytes that are no text become question marks.

    >>> drawable("B\udce4r")
    'B?r'
    """
    return one_line(text.encode("utf-8", "replace").decode("utf-8"))


def room(names: Sequence[str], weight: str = "normal") -> float:
    """Inches that the longest of some names takes."""
    font = FontProperties(size=TEXT, weight=weight)
    with silent_font():
        points = [text_to_path.get_text_width_height_descent(short(name), font, False)[0] for name in names]
    return max(points, default=0.0) / 72


@contextmanager
def silent_font() -> Iterator[None]:
    """No word of letters that the font lacks: a browser has other fonts, and a PNG shows a box."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def inches_down(axes: Axes) -> float:
    figure = axes.get_figure(root=True)
    return float(axes.get_position().height * figure.get_size_inches()[1]) if figure else 1.0


def saved(figure: Figure, **how: Any) -> bytes:
    """The figure's bytes: text as text, the same bytes for the same figure."""
    file = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "modiste", "pdf.fonttype": 42}), silent_font():
        figure.savefig(file, **how)
    return file.getvalue()
