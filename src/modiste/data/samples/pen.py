"""The pen that draws a garment: curves, ovals and lines on a square of 1 x 1, and which of it is cloth."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

Point = tuple[float, float]
Colour = tuple[int, int, int]


class Pen:
    """Draws on a transparent square; coordinates run from 0 to 1, y downwards. What is cloth takes a pattern later."""

    def __init__(self, side: int, cloth: Colour, trim: Colour) -> None:
        self.side, self.cloth, self.trim = side, cloth, trim
        self.shade = mixed(cloth, (20, 20, 30), 0.35)
        self.image = Image.new("RGBA", (side, side), (*cloth, 0))
        self.draw = ImageDraw.Draw(self.image)
        self.is_cloth = Image.new("L", (side, side), 0)
        self.cloth_draw = ImageDraw.Draw(self.is_cloth)

    def shape(self, points: Sequence[Point], fill: Colour | None = None, rounds: int = 2) -> None:
        """A closed shape with corners cut round; without `fill` it is cloth."""
        place = [(x * self.side, y * self.side) for x, y in rounded(points, rounds)]
        self.draw.polygon(place, fill=fill or self.cloth)
        self.draw.line([*place, place[0]], fill=self.shade, width=max(1, self.side // 96))
        self.cloth_draw.polygon(place, fill=0 if fill else 255)

    def oval(self, x: float, y: float, across: float, high: float, fill: Colour | None = None) -> None:
        box = [(x - across) * self.side, (y - high) * self.side, (x + across) * self.side, (y + high) * self.side]
        self.draw.ellipse(box, fill=fill or self.cloth, outline=self.shade)
        self.cloth_draw.ellipse(box, fill=0 if fill else 255)

    def box(self, left: float, top: float, right: float, bottom: float, fill: Colour | None = None) -> None:
        """A rectangle with slightly rounded corners."""
        place = [side * self.side for side in (left, top, right, bottom)]
        self.draw.rounded_rectangle(place, self.side // 28, fill=fill or self.cloth, outline=self.shade, width=max(1, self.side // 96))
        self.cloth_draw.rounded_rectangle(place, self.side // 28, fill=0 if fill else 255)

    def line(self, points: Sequence[Point], thick: float = 0.012, fill: Colour | None = None, rounds: int = 0) -> None:
        place = [(x * self.side, y * self.side) for x, y in (rounded(points, rounds, closed=False) if rounds else points)]
        self.draw.line(place, fill=fill or self.shade, width=max(1, round(thick * self.side)), joint="curve")


def rounded(points: Sequence[Point], rounds: int, closed: bool = True) -> list[Point]:
    """Corners cut at a quarter, so many times over (Chaikin): a polygon turns into a curve."""
    for _ in range(rounds):
        ends = zip(points, [*points[1:], points[0]] if closed else points[1:], strict=False)
        cut = [
            p
            for (ax, ay), (bx, by) in ends
            for p in ((0.75 * ax + 0.25 * bx, 0.75 * ay + 0.25 * by), (0.25 * ax + 0.75 * bx, 0.25 * ay + 0.75 * by))
        ]
        points = cut if closed else [points[0], *cut, points[-1]]
    return list(points)


def mirrored(half: Sequence[Point]) -> list[Point]:
    """A whole outline from its right half, top to bottom."""
    return [*half, *((1 - x, y) for x, y in reversed(half))]


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
