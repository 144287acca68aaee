"""A small catalogue that modiste draws itself, to try everything without anyone's photos."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from modiste.data.layouts.labels_csv import label_lines, write_labels
from modiste.data.layouts.placing import whole
from modiste.data.layouts.readers import read
from modiste.data.samples.garments import GARMENTS
from modiste.data.samples.pen import Colour, Pen, mixed
from modiste.data.split import checked_seed
from modiste.records.catalogue import TEST, TRAIN, Catalogue, Photo
from modiste.records.errors import UsageError
from modiste.records.labels import PAPER_CLASSES

MIX = {  # photos of Shoes, Clothing, Accessories, Bags in a hundred
    TRAIN: (16, 60, 10, 14),  # as uneven as the paper's training photos, without their extremes
    TEST: (15, 38, 31, 16),  # flatter, as the paper's Tables 5 and 6
}
COLOURS: dict[str, Colour] = {
    "black": (38, 38, 44), "white": (236, 236, 232), "grey": (138, 140, 146), "navy": (34, 46, 92), "blue": (58, 108, 190),
    "light blue": (150, 190, 224), "red": (188, 42, 48), "pink": (226, 150, 172), "green": (62, 122, 76), "olive": (116, 116, 66),
    "brown": (122, 80, 50), "tan": (198, 160, 116), "beige": (222, 206, 178), "yellow": (230, 190, 60), "purple": (112, 72, 140),
}  # fmt: skip
HARD = ("dim", "pale", "cut", "grain", "clutter", "soft")  # one photo in eight is one of these


@dataclass(frozen=True)
class Item:
    """One product: what it is, and the chance that shaped it, so that every view shows the same thing."""

    number: int
    label: int
    split: str
    kind: str
    colour: str
    seed: tuple[int, int]


def draw(to: Path | str, photos: int = 400, side: int = 96, seed: int = 0) -> Catalogue:
    """Draw `photos` pictures of side x side px into a new folder, in the paper's format: 75 % to train on, 25 % to test.

    A third of the products has two views. The same seed gives the same pixels and the same labels.csv.
    """
    if photos < 32 or side < 16:
        raise UsageError(f"{photos} photos of {side} px cannot be drawn: it takes 32 photos or more, and 16 px or more a side.")
    checked_seed(seed)
    to = Path(to)
    with whole(to) as beside:
        (beside / "images").mkdir(parents=True)
        drawn = [draw_one(beside, number, item, view, side, seed) for number, (item, view) in enumerate(views(photos, seed))]
        write_labels(label_lines(Catalogue(to, PAPER_CLASSES, tuple(drawn))), PAPER_CLASSES, beside)
    return read(to, "paper")


def draw_one(to: Path, number: int, item: Item, view: int, side: int, seed: int) -> Photo:
    """One picture on disk, and its row."""
    rng = np.random.default_rng([seed, 2, number])
    path = f"images/drawn_{number:05d}.jpg"
    (to / path).write_bytes(as_jpeg(photograph(item, side, rng)))
    details = {"article_type": item.kind, "colour": item.colour, "view": str(view)}
    return Photo(path, item.label, product=f"D{item.number:05d}", split=item.split, details=details)


def views(photos: int, seed: int) -> list[tuple[Item, int]]:
    """Every photo to take, in a random order of products: the product, and which view of it (1 or 2)."""
    rng = np.random.default_rng([seed, 1])
    listed: list[tuple[Item, int]] = []
    number = 0
    for split, size in ((TRAIN, photos - photos // 4), (TEST, photos // 4)):
        for label, count in enumerate(shared_out(size, MIX[split])):
            left = count
            while left:
                number += 1
                taken = min(left, 2 if rng.random() < 1 / 3 else 1)
                item = Item(
                    number, label, split, pick(rng, list(GARMENTS[PAPER_CLASSES.names[label]])), pick(rng, list(COLOURS)), (seed, number)
                )
                listed += [(item, view + 1) for view in range(taken)]
                left -= taken
    return [listed[place] for place in rng.permutation(len(listed))]


def shared_out(total: int, mix: tuple[int, ...]) -> list[int]:
    """`total` in whole parts by the mix, none of them empty.

    >>> shared_out(10, (16, 60, 10, 14))
    [2, 6, 1, 1]
    """
    exact = [total * part / sum(mix) for part in mix]
    parts = [max(1, int(part)) for part in exact]
    for _ in range(total - sum(parts)):
        parts[max(range(len(mix)), key=lambda place: exact[place] - parts[place])] += 1
    parts[parts.index(max(parts))] -= max(0, sum(parts) - total)
    return parts


def photograph(item: Item, side: int, rng: np.random.Generator) -> Image.Image:
    """The product on some ground, turned, moved and lit by chance."""
    hard = pick(rng, HARD) if rng.random() < 1 / 8 else ""
    cloth = COLOURS[item.colour]
    ground = mixed(cloth, (255, 255, 255), 0.3) if hard == "pale" else ground_colour(rng)
    page = backdrop(side, ground, rng)
    if hard == "clutter":
        other = Item(0, 0, "", "", pick(rng, list(COLOURS)), (int(rng.integers(1 << 30)), 0))
        lay(page, cut_out(other, side, pick(rng, list(GARMENTS))), 0.35, (rng.uniform(0.1, 0.9), 0.85), rng)
    scale = rng.uniform(1.15, 1.35) if hard == "cut" else rng.uniform(0.68, 0.96)
    loose = 0.2 if hard == "cut" else (1 - scale) / 2 + 0.03
    at = (0.5 + rng.uniform(-loose, loose), 0.5 + rng.uniform(-loose, loose))
    lay(page, cut_out(item, side, PAPER_CLASSES.names[item.label]), scale, at, rng)
    return spoiled(page, hard, rng)


def cut_out(item: Item, side: int, class_name: str) -> Image.Image:
    """The product alone, at twice the size, with its pattern: the same whenever it is asked for."""
    rng = np.random.default_rng(item.seed)
    cloth = COLOURS[item.colour]
    away = (250, 250, 248) if sum(cloth) < 330 else (34, 34, 44)
    trim = mixed(cloth, away, rng.uniform(0.35, 0.85)) if rng.random() < 0.6 else COLOURS[pick(rng, list(COLOURS))]
    pen = Pen(2 * side, cloth, trim)
    types = GARMENTS[class_name]
    types[item.kind or pick(rng, list(types))](pen, rng)
    if rng.random() < (0.45 if class_name == "Clothing" else 0.2):
        weave(pen, rng)
    return pen.image


def weave(pen: Pen, rng: np.random.Generator) -> None:
    """Stripes, checks or dots on what is cloth, under nothing."""
    pattern = Image.new("L", pen.image.size, 0)
    strokes = ImageDraw.Draw(pattern)
    step, kind = int(pen.side * rng.uniform(0.045, 0.1)), rng.integers(4)
    for place in range(0, pen.side, step):
        if kind in (0, 2):
            strokes.rectangle([0, place, pen.side, place + step // 3], fill=150)
        if kind in (1, 2):
            strokes.rectangle([place, 0, place + step // 3, pen.side], fill=150)
        if kind == 3:
            for across in range(0, pen.side, step):
                strokes.ellipse([across, place, across + step // 2, place + step // 2], fill=190)
    where = Image.fromarray((np.asarray(pattern) * (np.asarray(pen.is_cloth) > 0)).astype(np.uint8))
    pen.image.paste(pen.trim, (0, 0, *pen.image.size), where)


def ground_colour(rng: np.random.Generator) -> Colour:
    """Mostly a shop's white, else a soft tint, now and then a dark floor."""
    kind = rng.random()
    if kind < 0.55:
        return (252, 252, 250)
    if kind < 0.88:
        return mixed(COLOURS[pick(rng, list(COLOURS))], (246, 244, 240), rng.uniform(0.6, 0.9))
    return mixed(COLOURS[pick(rng, list(COLOURS))], (60, 58, 58), 0.6)


def backdrop(side: int, colour: Colour, rng: np.random.Generator) -> Image.Image:
    """A plain ground that darkens a little towards one side, and in places has boards."""
    slope = np.linspace(0, rng.uniform(-22, 8), side)
    light = slope[:, None] if rng.random() < 0.7 else slope[None, :]
    if rng.random() < 0.15:
        light = light - 14 * (np.arange(side) % max(6, side // 6) == 0)[None, :]
    values = np.broadcast_to(np.asarray(colour, float) + np.broadcast_to(light, (side, side))[..., None], (side, side, 3))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def lay(page: Image.Image, item: Image.Image, scale: float, at: tuple[float, float], rng: np.random.Generator) -> None:
    """Put a cut-out on the page: mirrored or not, turned, at a scale of the page's side, with a soft shadow."""
    if rng.random() < 0.5:
        item = item.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    angle = rng.normal(0, 9) if rng.random() < 0.9 else rng.uniform(-60, 60)
    size = max(8, round(page.width * scale))
    small = item.rotate(angle, Image.Resampling.BILINEAR).resize((size, size), Image.Resampling.BILINEAR)
    left, top = round(page.width * at[0] - size / 2), round(page.width * at[1] - size / 2)
    shadow = small.getchannel("A").filter(ImageFilter.BoxBlur(size / 32)).point([value * 3 // 10 for value in range(256)])
    page.paste((30, 30, 36), (left + size // 40, top + size // 28), shadow)
    page.paste(small, (left, top), small)


def spoiled(page: Image.Image, hard: str, rng: np.random.Generator) -> Image.Image:
    """The light of the day, and what makes a hard case hard."""
    values = np.asarray(page, dtype=np.float32) * rng.uniform(0.92, 1.04)
    values = values * 0.4 if hard == "dim" else values
    if hard == "grain":
        values = values + rng.normal(0, 22, values.shape)
    made = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    return made.filter(ImageFilter.GaussianBlur(page.width / 48)) if hard == "soft" else made


def as_jpeg(page: Image.Image) -> bytes:
    data = io.BytesIO()
    page.save(data, "JPEG", quality=88)
    return data.getvalue()


def pick(rng: np.random.Generator, words: list[str] | tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]
