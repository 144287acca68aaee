"""How fast photos become pixels, beside plain Pillow: `python benchmarks/decoding.py FOLDER` reads the JPEGs there.

Plain Pillow means `Image.open(...).convert("RGB").resize(...)`, which hides damage, forgets how the camera was held and drops
transparency. Both run in turn, in one process, on the same bytes; the last table adds the ways to use all processors.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from modiste.data.opening.crew import processors
from modiste.data.opening.images import to_pixels
from modiste.data.opening.workers import each_photo
from modiste.records.table import Table

OPTIONS = {"side": 224, "colour": "rgb", "fit": "squash"}
ROUNDS = 5


def plain_pillow(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR))


def modiste(data: bytes, strict: bool = True) -> np.ndarray:
    return to_pixels(data, where="x", strict=strict, **OPTIONS)


def upscaled(data: bytes, size: tuple[int, int] = (1500, 2000)) -> bytes:
    """The same photo as a shop's camera would store it."""
    made = io.BytesIO()
    with Image.open(io.BytesIO(data)) as picture:
        picture.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(made, "JPEG", quality=90)
    return made.getvalue()


def seconds_each(ways: dict[str, Callable[[bytes], object]], photos: Sequence[bytes]) -> dict[str, float]:
    """Median seconds a photo of each way, the ways in turn so that a busy moment meets all of them."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            begun = time.perf_counter()
            for data in photos:
                way(data)
            took[name].append((time.perf_counter() - begun) / len(photos))
    return {name: statistics.median(seconds) for name, seconds in took.items()}


def one_by_one(photos: Sequence[bytes], title: str) -> Table:
    ways = {"plain Pillow": plain_pillow, "modiste, strict": modiste, "modiste, lenient": partial(modiste, strict=False)}
    took = seconds_each(ways, photos)
    rows = tuple((name, 1000 * seconds, 1 / seconds, took["plain Pillow"] / seconds) for name, seconds in took.items())
    note = f"{len(photos)} photos, {sum(map(len, photos)) / len(photos) / 1000:.0f} kB each, to 224 x 224, median of {ROUNDS} rounds."
    return Table(title, ("way", "ms a photo", "photos/s", "x Pillow"), rows, (note,), digits=2)


def all_at_once(root: Path, paths: Sequence[str]) -> Table:
    def in_threads() -> None:
        with ThreadPoolExecutor(processors()) as pool:
            for _ in pool.map(lambda path: modiste((root / path).read_bytes()), paths):
                pass

    def in_workers() -> None:
        for _ in each_photo(root, paths, to_pixels, OPTIONS):
            pass

    in_workers()  # starts them
    took: dict[str, list[float]] = {"threads": [], "worker processes": []}
    for _ in range(ROUNDS):
        for name, way in (("threads", in_threads), ("worker processes", in_workers)):
            begun = time.perf_counter()
            way()
            took[name].append(time.perf_counter() - begun)
    rates = {name: len(paths) / statistics.median(seconds) for name, seconds in took.items()}
    rows = tuple((name, rate, rate / rates["threads"]) for name, rate in rates.items())
    note = f"{len(paths)} photos, {processors()} processors."
    return Table("On all processors", ("way", "photos/s", "x threads"), rows, (note,), digits=2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=1000)
    asked = parser.parse_args()
    paths = sorted(path.name for path in asked.folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))[: asked.photos]
    photos = [(asked.folder / path).read_bytes() for path in paths]
    print(one_by_one(photos, "As they are").text())
    print(one_by_one([upscaled(data) for data in photos[:40]], "At 1500 x 2000 px").text())
    print(all_at_once(asked.folder, paths).text())


if __name__ == "__main__":
    main()
