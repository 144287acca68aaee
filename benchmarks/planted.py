"""Plant duplicates and wrong labels in a copy of a catalogue and see what is found: `python benchmarks/planted.py FOLDER`.

Nothing is written to the catalogue: its photos are linked into a temporary folder, and what is planted stands there. `--sheet FILE` draws
every pair that was found and not planted, for a person to judge.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from modiste.data.auditing.doubts import doubts
from modiste.data.auditing.looks import Looks, looks
from modiste.data.auditing.twins import KINDS, Pair, groups, twins
from modiste.data.layouts.readers import read
from modiste.data.layouts.writers import write_paper
from modiste.data.opening.images import decode
from modiste.data.opening.stores import read_photo
from modiste.records.catalogue import TEST, TRAIN, Catalogue
from modiste.records.table import Table

Change = Callable[[Image.Image, np.random.Generator], Image.Image]


def again(picture: Image.Image, _rng: np.random.Generator) -> Image.Image:
    return picture


def resized(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    factor = rng.uniform(0.4, 2)
    return picture.resize((round(picture.width * factor), round(picture.height * factor)), Image.Resampling.BICUBIC)


def cropped(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Up to 6 % off each side, and 6 % off one."""
    left, top, right, bottom = np.where(np.arange(4) == rng.integers(4), 0.06, rng.uniform(0, 0.06, 4))
    width, height = picture.size
    return picture.crop((round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height)))


def lit(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    return ImageEnhance.Brightness(picture).enhance(rng.choice([rng.uniform(0.87, 0.95), rng.uniform(1.05, 1.13)]))


def bordered(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    return ImageOps.expand(picture, round(picture.width * rng.uniform(0.02, 0.08)), str(rng.choice(["black", "white", "grey"])))


def marked(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A shop's name across half the width."""
    picture = picture.copy()
    place = (rng.uniform(0, 0.5) * picture.width, rng.uniform(0.05, 0.9) * picture.height)
    ImageDraw.Draw(picture).text(place, "shop.example", "grey", font_size=picture.width * 0.07)
    return picture


def mirrored(picture: Image.Image, _rng: np.random.Generator) -> Image.Image:
    return ImageOps.mirror(picture)


def several(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    return resized(lit(cropped(picture, rng), rng), rng)


CHANGES: dict[str, Change] = {
    "re-encoded": again,
    "resized": resized,
    "cropped": cropped,
    "brightness": lit,
    "border": bordered,
    "text": marked,
    "cropped, brightness, resized": several,
    "mirrored": mirrored,
}


def with_copies(catalogue: Catalogue, root: Path, count: int, rng: np.random.Generator) -> tuple[Catalogue, dict[str, tuple[str, str]]]:
    """The catalogue with changed copies of training photos among its test photos; the second value: path -> change, original."""
    photos = [photo for photo in catalogue.photos if photo.split == TRAIN]
    copies, planted = [], {}
    (root / "planted").mkdir()
    for number, place in enumerate(rng.choice(len(photos), min(count, len(photos)), replace=False)):
        name, original = list(CHANGES)[number % len(CHANGES)], photos[place].path
        data = io.BytesIO()
        picture = decode(read_photo(catalogue.root, original), 2048, "RGB", original)
        CHANGES[name](picture, rng).save(data, "JPEG", quality=int(rng.integers(40, 90)))
        path = f"planted/{number}.jpg"
        (root / path).write_bytes(data.getvalue())
        copies.append(replace(photos[place], path=path, split=TEST))
        planted[path] = (name, original)
    return replace(catalogue, root=root, photos=(*catalogue.photos, *copies)), planted


def duplicates(catalogue: Catalogue, pairs: list[Pair], planted: dict[str, tuple[str, str]]) -> Table:
    """How many planted copies were paired with their original, by what was done to them."""
    found = {path: Counter() for path in CHANGES}
    for pair in of_originals(catalogue, pairs, planted):
        found[planted[catalogue.photos[pair.other].path][0]][pair.kind] += 1
    sown = Counter(name for name, _original in planted.values())
    rows = [(name, sown[name], found[name].total(), *(found[name][kind] for kind in KINDS)) for name in CHANGES]
    sums = ("all", *(sum(row[at] for row in rows) for at in range(1, len(rows[0]))))
    return Table("Planted copies", ("change", "planted", "found", *(f"as {kind}" for kind in KINDS)), (*rows, sums))


def of_originals(catalogue: Catalogue, pairs: list[Pair], planted: dict[str, tuple[str, str]]) -> list[Pair]:
    """The pairs of a planted copy with its original, or with the first of the files that are equal to that."""
    paths = [photo.path for photo in catalogue.photos]
    first = {paths[pair.other]: paths[pair.one] for pair in pairs if pair.kind == "exact"}
    original = {path: first.get(one, one) for path, (_change, one) in planted.items()}
    return [pair for pair in pairs if original.get(paths[pair.other]) == paths[pair.one]]


def besides(catalogue: Catalogue, pairs: list[Pair], planted: dict[str, tuple[str, str]]) -> tuple[Table, list[Pair]]:
    """What was found and not planted: photos that the catalogue itself holds twice, and false pairs."""
    own = [pair for pair in pairs if not {catalogue.photos[pair.one].path, catalogue.photos[pair.other].path} & set(planted)]
    crossing = Counter(pair.kind for pair in own if catalogue.photos[pair.one].split != catalogue.photos[pair.other].split)
    kinds = Counter(pair.kind for pair in own)
    rows = tuple((kind, kinds[kind], crossing[kind]) for kind in KINDS)
    strange = len(pairs) - len(own) - len(of_originals(catalogue, pairs, planted))
    note = f"{strange} further pairs join a planted copy to another photo than its original."
    return Table("Pairs found besides", ("kind", "pairs", "in two splits"), rows, (note,)), own


def sheet(catalogue: Catalogue, pairs: list[Pair], to: Path, side: int = 96) -> None:
    """All pairs as pictures, by kind, the least alike first."""
    across = 8
    pairs = sorted((pair for pair in pairs if pair.kind != "exact"), key=lambda pair: (KINDS.index(pair.kind), pair.likeness))
    page = Image.new("RGB", (across * (2 * side + 10), -(-len(pairs) // across) * (side + 20)), "white")
    pen = ImageDraw.Draw(page)
    for number, pair in enumerate(pairs):
        x, y = number % across * (2 * side + 10), number // across * (side + 20)
        for at, place in enumerate((pair.one, pair.other)):
            path = catalogue.photos[place].path
            page.paste(decode(read_photo(catalogue.root, path), side, "RGB", path).resize((side, side)), (x + at * side, y))
        pen.text((x, y + side), f"{pair.kind} {pair.likeness:.3f}", "black", font_size=12)
    page.save(to)


def label_errors(catalogue: Catalogue, pairs: list[Pair], looked: Looks, count: int, seeds: int) -> Table:
    """Of the labels of the training split, `count` flipped at random: how many stand among the first so many doubts."""
    labels = [photo.label if photo.split == TRAIN else None for photo in catalogue.photos]
    places = [place for place, label in enumerate(labels) if label is not None]
    codes = sorted({labels[place] for place in places})
    together = groups(pairs, len(labels), products=[photo.product for photo in catalogue.photos])
    rows = []
    for seed in range(seeds):
        rng, wrong = np.random.default_rng(seed), list(labels)
        flipped = rng.choice(places, min(count, len(places) // 4), replace=False)
        for place in flipped:
            wrong[place] = int(rng.choice([code for code in codes if code != labels[place]]))
        started = time.monotonic()
        found = doubts(looked, wrong, together, seed)
        took = time.monotonic() - started
        first = np.isin(found.order[: len(flipped)], flipped).mean()
        right = np.mean([found.suggested[place] == labels[place] for place in flipped])
        agree = np.mean([found.suggested[place] == labels[place] for place in places])
        rows.append((str(seed), len(flipped), float(first), float(right), found.estimated_errors, float(agree), round(took, 1)))
    columns = ("seed", "flipped", "found among the first so many", "suggested rightly", "estimated", "accuracy out of fold", "seconds")
    return Table(f"Flipped labels, {len(places)} photos", columns, tuple(rows))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("folder", type=Path)
    asked.add_argument("--copies", type=int, default=100)
    asked.add_argument("--flips", type=int, default=200)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--sheet", type=Path)
    options = asked.parse_args()
    catalogue = read(options.folder)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "catalogue"
        write_paper(catalogue, root, copy=False)
        sown, planted = with_copies(catalogue, root, options.copies, np.random.default_rng(options.seed))
        times = [time.monotonic()]
        looked = looks(root, [photo.path for photo in sown.photos], Path(folder) / "cache", workers=2)
        times.append(time.monotonic())
        pairs = twins(looked, options.seed)
        times.append(time.monotonic())
        table, own = besides(sown, pairs, planted)
        print(f"{len(sown)} photos: looked at in {times[1] - times[0]:.0f} s, compared in {times[2] - times[1]:.0f} s\n")
        print(duplicates(sown, pairs, planted).text(), table.text(), sep="\n")
        if options.sheet:
            sheet(sown, own, options.sheet)
        print(label_errors(sown, pairs, looked, options.flips, 3).text())


if __name__ == "__main__":
    main()
