"""The things a drawn catalogue shows: shoes, clothes, accessories and bags, each a few strokes on a square of 1 x 1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modiste.data.samples.pen import Pen, mirrored, mixed


def upper_body(pen: Pen, rng: np.random.Generator, sleeve: float, length: float) -> None:
    """Sleeves from 0 (none) to 1 (to the wrist), hem at `length`."""
    flare, wide = rng.uniform(-0.03, 0.05), rng.uniform(0.0, 0.04)
    if sleeve:
        tip_x, tip_y = 0.80 + wide + 0.10 * sleeve, 0.24 + 0.52 * sleeve
        arm = [
            (0.60, 0.14),
            (0.72 + wide, 0.19),
            (tip_x, tip_y),
            (tip_x - 0.09 - 0.03 * sleeve, tip_y + 0.07 - 0.04 * sleeve),
            (0.65 + wide, 0.38),
        ]
    else:
        arm = [(0.64, 0.13), (0.66 + wide, 0.16), (0.63 + wide, 0.28), (0.67 + wide, 0.36)]
    pen.shape(mirrored([(0.57, 0.12), *arm, (0.66 + wide + flare, length), (0.5, length + 0.01)]), rounds=1)


def tshirt(pen: Pen, rng: np.random.Generator) -> None:
    upper_body(pen, rng, rng.choice([0.0, 0.3, 0.4], p=[0.15, 0.45, 0.4]), rng.uniform(0.78, 0.9))
    pen.shape([(0.415, 0.12), (0.585, 0.12), (0.5, rng.uniform(0.18, 0.28))], pen.shade, rounds=int(rng.integers(2)))
    if rng.random() < 0.4:  # a print on the chest
        pen.oval(0.5, 0.42, rng.uniform(0.05, 0.1), rng.uniform(0.05, 0.1), pen.trim)


def shirt(pen: Pen, rng: np.random.Generator) -> None:
    hem = rng.uniform(0.8, 0.92)
    upper_body(pen, rng, rng.choice([0.4, 1.0]), hem)
    pen.shape([(0.5, 0.22), (0.40, 0.10), (0.44, 0.06), (0.56, 0.06), (0.60, 0.10)], pen.trim, rounds=0)
    pen.line([(0.5, 0.2), (0.5, hem)])
    for y in np.arange(0.28, hem - 0.04, 0.11):
        pen.oval(0.515, float(y), 0.009, 0.009, pen.trim)


def jacket(pen: Pen, rng: np.random.Generator) -> None:
    hem = rng.uniform(0.74, 0.94)
    upper_body(pen, rng, 1.0, hem)
    pen.shape([(0.43, 0.11), (0.57, 0.11), (0.53, 0.45), (0.5, 0.5), (0.47, 0.45)], pen.trim, rounds=0)
    for side in (-1, 1):
        pen.shape([(0.5 + side * 0.07, 0.1), (0.5 + side * 0.15, 0.27), (0.5 + side * 0.1, 0.3), (0.5, 0.5)], rounds=0)
        pen.line([(0.5 + side * 0.06, hem - 0.17), (0.5 + side * 0.14, hem - 0.19)], 0.016)
    pen.line([(0.5, 0.5), (0.5, hem)], 0.014)


def sweater(pen: Pen, rng: np.random.Generator) -> None:
    hem = rng.uniform(0.76, 0.86)
    upper_body(pen, rng, 0.95, hem)
    pen.oval(0.5, 0.13, 0.1, 0.045, pen.trim)
    pen.oval(0.5, 0.12, 0.07, 0.03, pen.shade)
    for x in np.arange(0.36, 0.66, 0.035):
        pen.line([(float(x), hem - 0.06), (float(x), hem)], 0.008)


def legs(pen: Pen, rng: np.random.Generator, length: float) -> None:
    flare = rng.uniform(-0.06, 0.05) * (length - 0.2)
    pen.shape([(0.35, 0.08), (0.65, 0.08), (0.71 + flare, length), (0.56 - flare / 2, length), (0.5, 0.38),
               (0.44 + flare / 2, length), (0.29 - flare, length)], rounds=0)  # fmt: skip
    pen.line([(0.35, 0.13), (0.65, 0.13)])
    pen.line([(0.5, 0.1), (0.5, 0.3)], 0.008)
    pen.line([(0.37, 0.14), (0.33, 0.24)], 0.008)
    pen.line([(0.63, 0.14), (0.67, 0.24)], 0.008)


def trousers(pen: Pen, rng: np.random.Generator) -> None:
    legs(pen, rng, rng.uniform(0.84, 0.95))


def shorts(pen: Pen, rng: np.random.Generator) -> None:
    legs(pen, rng, rng.uniform(0.52, 0.66))


def dress(pen: Pen, rng: np.random.Generator) -> None:
    flare, hem, waist = rng.uniform(0.06, 0.22), rng.uniform(0.72, 0.94), rng.uniform(0.38, 0.46)
    arm = [(0.60, 0.1), (0.72, 0.3), (0.64, 0.33)] if rng.random() < 0.4 else [(0.61, 0.07), (0.61, 0.18), (0.64, 0.26)]
    pen.shape(mirrored([(0.56, 0.07), *arm, (0.59, waist), (0.60 + flare, hem), (0.5, hem + 0.02)]), rounds=1)
    pen.shape([(0.44, 0.07), (0.56, 0.07), (0.5, rng.uniform(0.12, 0.24))], pen.shade, rounds=1)
    pen.line([(0.41, waist), (0.59, waist)], 0.03, pen.trim)
    for x in (-0.5, 0.0, 0.5):
        pen.line([(0.5 + x * 0.1, waist + 0.05), (0.5 + x * (0.1 + flare), hem - 0.03)], 0.008)


def skirt(pen: Pen, rng: np.random.Generator) -> None:
    flare, hem = rng.uniform(0.04, 0.24), rng.uniform(0.6, 0.9)
    pen.shape(mirrored([(0.62, 0.16), (0.64 + flare, hem), (0.5, hem + 0.04)]), rounds=1)
    pen.shape([(0.37, 0.14), (0.63, 0.14), (0.63, 0.2), (0.37, 0.2)], pen.trim, rounds=0)
    for x in np.linspace(-0.1, 0.1, int(rng.integers(2, 6))):
        pen.line([(0.5 + float(x), 0.22), (0.5 + float(x) * (1 + 8 * flare), hem - 0.02)], 0.008)


def sneaker(pen: Pen, rng: np.random.Generator) -> None:
    high = rng.uniform(0.26, 0.42)
    pen.shape(
        [(0.09, 0.7), (0.08, high), (0.2, high - 0.03), (0.34, high), (0.45, 0.47), (0.62, 0.55), (0.88, 0.59), (0.95, 0.72)], rounds=1
    )
    pen.shape([(0.07, 0.67), (0.5, 0.69), (0.95, 0.66), (0.96, 0.79), (0.07, 0.79)], (240, 240, 236), rounds=1)
    for step in range(4):
        pen.line([(0.38 + step * 0.055, 0.52 + step * 0.02), (0.44 + step * 0.055, 0.44 + step * 0.035)], 0.018, pen.trim)
    pen.line([(0.2, 0.64), (0.3, 0.56), (0.52, 0.62)], 0.03, pen.trim)


def boot(pen: Pen, rng: np.random.Generator) -> None:
    top = rng.uniform(0.08, 0.3)
    pen.shape([(0.2, top), (0.5, top), (0.49, 0.5), (0.66, 0.6), (0.86, 0.64), (0.9, 0.82), (0.18, 0.82)], rounds=1)
    pen.shape([(0.17, 0.8), (0.9, 0.8), (0.9, 0.85), (0.42, 0.85), (0.38, 0.91), (0.17, 0.91)], mixed(pen.shade, (0, 0, 0), 0.5), rounds=0)
    pen.line([(0.2, top + 0.06), (0.5, top + 0.06)], 0.02, pen.trim)
    pen.line([(0.34, top + 0.1), (0.36, 0.6)], 0.01)


def heel(pen: Pen, rng: np.random.Generator) -> None:
    lift = rng.uniform(0.0, 0.14)
    pen.shape([(0.12, 0.4 - lift), (0.24, 0.52 - lift), (0.18, 0.8), (0.14, 0.8)], pen.shade, rounds=0)
    upper = [(0.1, 0.34 - lift), (0.2, 0.34 - lift), (0.36, 0.56 - lift / 2), (0.6, 0.68), (0.72, 0.62), (0.95, 0.75)]
    lower = [(0.9, 0.8), (0.58, 0.79), (0.32, 0.66 - lift / 2), (0.14, 0.5 - lift)]
    pen.shape([*upper, *lower], rounds=1)
    if rng.random() < 0.5:
        pen.line([(0.12, 0.36 - lift), (0.3, 0.28 - lift), (0.34, 0.5 - lift / 2)], 0.02, pen.trim, rounds=2)


def sandals(pen: Pen, rng: np.random.Generator) -> None:
    strap = rng.uniform(0.3, 0.4)
    for x in (0.31, 0.69):
        pen.shape(
            [(x - 0.12, 0.14), (x, 0.07), (x + 0.12, 0.14), (x + 0.1, 0.5), (x + 0.1, 0.86), (x, 0.93), (x - 0.1, 0.86), (x - 0.1, 0.5)]
        )
        pen.line([(x - 0.11, strap + 0.16), (x, strap - 0.1), (x + 0.11, strap + 0.16)], 0.035, pen.trim, rounds=1)


def cap(pen: Pen, rng: np.random.Generator) -> None:
    brim = rng.uniform(0.9, 0.98)
    pen.shape([(0.14, 0.62), (0.14, 0.3), (0.36, 0.18), (0.62, 0.24), (0.72, 0.62)], rounds=2)
    pen.shape([(0.5, 0.56), (0.74, 0.56), (brim, 0.66), (brim - 0.03, 0.73), (0.66, 0.66), (0.48, 0.64)], pen.trim, rounds=1)
    pen.line([(0.42, 0.22), (0.44, 0.6)], 0.008)
    pen.oval(0.42, 0.21, 0.02, 0.014, pen.trim)


def hat(pen: Pen, rng: np.random.Generator) -> None:
    wide, tall = rng.uniform(0.36, 0.47), rng.uniform(0.2, 0.34)
    pen.oval(0.5, 0.66, wide, 0.12)
    pen.shape(
        [(0.3, 0.66), (0.33, 0.66 - tall), (0.45, 0.62 - tall), (0.5, 0.65 - tall), (0.55, 0.62 - tall), (0.67, 0.66 - tall), (0.7, 0.66)],
        rounds=1,
    )
    pen.shape([(0.3, 0.58), (0.7, 0.58), (0.7, 0.66), (0.3, 0.66)], pen.trim, rounds=0)


def watch(pen: Pen, rng: np.random.Generator) -> None:
    wide, dial = rng.uniform(0.07, 0.11), rng.uniform(0.17, 0.22)
    pen.shape(mirrored([(0.5 + wide * 0.8, 0.04), (0.5 + wide, 0.4), (0.5 + wide, 0.6), (0.5 + wide * 0.8, 0.96)]), rounds=0)
    case = (190, 190, 196) if rng.random() < 0.6 else (205, 170, 90)
    face = (248, 248, 244) if rng.random() < 0.6 else (30, 30, 36)
    pen.oval(0.5 + dial, 0.5, 0.025, 0.025, case)
    pen.oval(0.5, 0.5, dial, dial, case)
    pen.oval(0.5, 0.5, dial * 0.8, dial * 0.8, face)
    hand = (30, 30, 36) if face[0] > 128 else (248, 248, 244)
    for angle, reach in ((rng.uniform(0, 6.28), 0.65), (rng.uniform(0, 6.28), 0.45)):
        pen.line([(0.5, 0.5), (0.5 + dial * reach * np.cos(angle), 0.5 + dial * reach * np.sin(angle))], 0.016, hand)


def sunglasses(pen: Pen, rng: np.random.Generator) -> None:
    deep, lens = rng.uniform(0.1, 0.17), mixed(pen.trim, (20, 20, 30), 0.7)
    for side in (-1, 1):
        pen.line([(0.5 + side * 0.4, 0.44), (0.5 + side * 0.46, 0.34), (0.5 + side * 0.4, 0.22)], 0.025, pen.cloth)
        middle = 0.5 + side * 0.22
        rim = [(middle - 0.19, 0.42), (middle + 0.19, 0.42), (middle + 0.15, 0.42 + 2 * deep), (middle - 0.15, 0.42 + 2 * deep)]
        pen.shape(rim, rounds=2)
        pen.shape([(middle + (x - middle) * 0.8, 0.42 + deep + (y - 0.42 - deep) * 0.75) for x, y in rim], lens, rounds=2)
    pen.line([(0.42, 0.47), (0.5, 0.45), (0.58, 0.47)], 0.03, pen.cloth)


def tie(pen: Pen, rng: np.random.Generator) -> None:
    wide = rng.uniform(0.08, 0.13)
    pen.shape(mirrored([(0.535, 0.16), (0.5 + wide, 0.8), (0.5, 0.95)]), rounds=0)
    pen.shape([(0.43, 0.05), (0.57, 0.05), (0.54, 0.17), (0.46, 0.17)], rounds=0)
    for y in np.arange(0.25, 0.8, 0.12):
        pen.line([(0.47, float(y) + 0.05), (0.53, float(y))], 0.03, pen.trim)


def belt(pen: Pen, rng: np.random.Generator) -> None:
    high = rng.uniform(0.2, 0.32)
    for across, part, fill in ((0.42, 1.0, None), (0.34, 0.64, pen.shade), (0.29, 0.5, None)):
        pen.oval(0.5, 0.5, across, high * part, fill)
    hole = [side * pen.side for side in (0.26, 0.5 - high * 0.37, 0.74, 0.5 + high * 0.37)]
    pen.draw.ellipse(hole, fill=(*pen.cloth, 0), outline=pen.shade)
    pen.cloth_draw.ellipse(hole, fill=0)
    buckle = 0.5 + high * 0.82
    pen.box(0.4, buckle - 0.1, 0.62, buckle + 0.1, (205, 170, 90))
    pen.box(0.45, buckle - 0.055, 0.57, buckle + 0.055, pen.shade)


def scarf(pen: Pen, rng: np.random.Generator) -> None:
    for x, hem in ((0.4, rng.uniform(0.7, 0.9)), (0.6, rng.uniform(0.75, 0.95))):
        pen.shape([(x - 0.07, 0.3), (x + 0.07, 0.3), (x + 0.11, hem), (x - 0.09, hem)], rounds=0)
        for step in np.linspace(-0.08, 0.1, 6):
            pen.line([(x + float(step), hem), (x + float(step), hem + 0.04)], 0.01, pen.cloth)
        pen.line([(x - 0.08, hem - 0.08), (x + 0.1, hem - 0.08)], 0.03, pen.trim)
    pen.shape([(0.24, 0.22), (0.5, 0.08), (0.76, 0.22), (0.7, 0.4), (0.5, 0.46), (0.3, 0.4)], rounds=2)
    pen.oval(0.5, 0.2, 0.16, 0.07, pen.shade)


def wallet(pen: Pen, rng: np.random.Generator) -> None:
    high = rng.uniform(0.2, 0.27)
    pen.box(0.12, 0.5 - high, 0.88, 0.5 + high)
    pen.line([(0.16, 0.5 - high + 0.05), (0.84, 0.5 - high + 0.05)], 0.008, pen.trim)
    pen.line([(0.16, 0.5 + high - 0.05), (0.84, 0.5 + high - 0.05)], 0.008, pen.trim)
    pen.line([(0.5, 0.5 - high), (0.5, 0.5 + high)], 0.014)
    pen.box(0.74, 0.44, 0.91, 0.56, pen.trim)
    pen.oval(0.79, 0.5, 0.02, 0.02, (205, 170, 90))


def handbag(pen: Pen, rng: np.random.Generator) -> None:
    spread, rise = rng.uniform(0.02, 0.1), rng.uniform(0.06, 0.2)
    pen.line([(0.32, 0.46), (0.35, rise), (0.65, rise), (0.68, 0.46)], 0.035, pen.shade, rounds=2)
    pen.shape(mirrored([(0.78, 0.42), (0.8 + spread, 0.88), (0.5, 0.9)]), rounds=1)
    pen.line([(0.22, 0.5), (0.78, 0.5)], 0.012)
    pen.oval(0.5, 0.52, 0.04, 0.04, (205, 170, 90))


def tote(pen: Pen, rng: np.random.Generator) -> None:
    rise, wide = rng.uniform(0.03, 0.12), rng.uniform(0.26, 0.34)
    for shift in (-0.02, 0.03):
        pen.line([(0.38 + shift, 0.4), (0.4 + shift, rise), (0.6 + shift, rise), (0.62 + shift, 0.4)], 0.025, pen.trim, rounds=2)
    pen.shape(mirrored([(0.5 + wide, 0.36), (0.5 + wide * 0.92, 0.93)]), rounds=0)
    pen.line([(0.5 - wide, 0.41), (0.5 + wide, 0.41)], 0.01)


def backpack(pen: Pen, rng: np.random.Generator) -> None:
    pen.line([(0.42, 0.16), (0.44, 0.05), (0.56, 0.05), (0.58, 0.16)], 0.03, pen.trim, rounds=2)
    for side in (-1, 1):
        pen.line([(0.5 + side * 0.24, 0.25), (0.5 + side * 0.36, 0.5), (0.5 + side * 0.26, 0.85)], 0.045, pen.trim, rounds=2)
    pen.shape(mirrored([(0.66, 0.1), (0.78, 0.26), (0.79, 0.9), (0.5, 0.95)]), rounds=2)
    pocket = rng.uniform(0.5, 0.6)
    pen.shape(mirrored([(0.69, pocket), (0.7, 0.88)]), pen.trim if rng.random() < 0.5 else None, rounds=1)
    pen.line([(0.3, 0.34), (0.5, 0.27), (0.7, 0.34)], 0.014, rounds=1)


def clutch(pen: Pen, rng: np.random.Generator) -> None:
    flap = rng.uniform(0.5, 0.62)
    pen.line([(0.1, 0.36), (0.2, 0.12), (0.8, 0.12), (0.9, 0.36)], 0.012, (205, 170, 90), rounds=2)
    pen.box(0.07, 0.33, 0.93, 0.78)
    pen.shape([(0.08, 0.335), (0.92, 0.335), (0.5, flap)], pen.trim, rounds=0)
    pen.oval(0.5, flap - 0.02, 0.03, 0.03, (205, 170, 90))


GARMENTS: dict[str, dict[str, Callable[[Pen, np.random.Generator], None]]] = {  # class -> type -> how it is drawn
    "Shoes": {"Sneakers": sneaker, "Boots": boot, "Heels": heel, "Sandals": sandals},
    "Clothing": {"T-shirts": tshirt, "Shirts": shirt, "Jackets": jacket, "Sweaters": sweater, "Trousers": trousers,
                 "Shorts": shorts, "Dresses": dress, "Skirts": skirt},
    "Accessories": {"Caps": cap, "Hats": hat, "Watches": watch, "Sunglasses": sunglasses, "Ties": tie, "Belts": belt,
                    "Scarves": scarf, "Wallets": wallet},
    "Bags": {"Handbags": handbag, "Totes": tote, "Backpacks": backpack, "Clutches": clutch},
}  # fmt: skip
