"""The colours of our figures and pages, on a light ground and on a dark one.

A figure is drawn in LIGHT; a page swaps each of these colours for its namesake when the reader's screen is dark. A cell is shaded by
how solid `shade` lies on the ground; both shades are deep enough to carry white text.
"""

from __future__ import annotations

LIGHT = {
    "ink": "#22262a",
    "quiet": "#626973",
    "rule": "#d5d9de",
    "blue": "#14568c",
    "orange": "#b8500a",
    "shade": "#15578d",
    "ground": "#fdfdfc",
    "raised": "#f3f4f5",
}
DARK = {
    "ink": "#e4e6e8",
    "quiet": "#9aa3ad",
    "rule": "#3b424a",
    "blue": "#74b4ee",
    "orange": "#f2995a",
    "shade": "#2474bb",
    "ground": "#15181b",
    "raised": "#1e2226",
}
INK, QUIET, RULE, BLUE, ORANGE, SHADE = (LIGHT[name] for name in ("ink", "quiet", "rule", "blue", "orange", "shade"))
WHITE = "#ffffff"


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour such as '#14568c', in [0, 1] (WCAG 2).

    >>> luminance("#ffffff")
    1.0
    """
    red, green, blue = (linear(part / 255) for part in bytes.fromhex(colour.removeprefix("#")))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def contrast(one: str, other: str) -> float:
    """How well two colours stand apart, from 1 to 21; text wants 4.5 (WCAG 2).

    >>> round(contrast("#ffffff", "#000000"))
    21
    """
    dim, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dim + 0.05)


def laid(colour: str, strength: float, ground: str) -> str:
    """The colour that is seen where `colour` lies on `ground`, as solid as `strength` in [0, 1].

    >>> laid("#000000", 0.5, "#ffffff")
    '#808080'
    """
    over, under = (bytes.fromhex(name.removeprefix("#")) for name in (colour, ground))
    return "#" + bytes(round(strength * top + (1 - strength) * below) for top, below in zip(over, under, strict=True)).hex()
