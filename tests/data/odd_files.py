"""A corpus of odd files, each with what may come of it: `python tests/data/odd_files.py FOLDER --check` writes and reads them.

The files are the same for the same seed. Every one must give pixels of the right colours or a reason of the closed list, within
ten seconds and a gigabyte; anything else is a failure.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from odd_damage import WRONG
from odd_pictures import RIGHT, large
from odd_places import PLACES
from painted import Odd

from modiste.data.opening.images import to_pixels
from modiste.data.opening.refusals import REASONS, SECONDS, PhotoRefused
from modiste.data.opening.workers import each_photo
from modiste.records.table import Table

SIDE = 32
LOOK = np.dtype([("reason", "U20"), ("detail", "U300"), ("seconds", "f8"), ("peak", "i8"), ("pixels", "u1", (SIDE, SIDE, 3))])
MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class Outcome:
    """What came of one odd file, in how many seconds, and the most memory its process has had; '' for `wrong` is as expected."""

    odd: Odd
    came: str
    detail: str
    seconds: float
    peak_bytes: int
    wrong: str


def corpus(seed: int = 0, *, with_large: bool = False) -> Iterator[Odd]:
    """Every odd file, each category in a folder of its own."""
    rng = np.random.default_rng(seed)
    for paint in (*RIGHT, *WRONG, *PLACES, *([large] if with_large else [])):
        for odd in paint(rng):
            yield odd if odd.name.startswith("/") else replace(odd, name=f"{odd.category}/{odd.name}")


def write(root: Path, odds: Iterable[Odd]) -> None:
    for odd in odds:
        if odd.make is None:
            continue
        path = root / odd.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(odd.make):
            odd.make(path)
        else:
            path.write_bytes(odd.make)


def looked(data: bytes, where: str) -> np.ndarray:
    """The job: pixels or a reason, and what it cost."""
    found = np.zeros((), LOOK)
    begun = time.perf_counter()
    try:
        found["pixels"] = to_pixels(data, SIDE, "rgb", "squash", where)
        found["reason"] = "pixels"
    except PhotoRefused as refused:
        found["reason"], found["detail"] = refused.reason, refused.detail
    found["seconds"], found["peak"] = time.perf_counter() - begun, most_memory()
    return found


def most_memory() -> int:
    """The most bytes that this process has held; getrusage would count what the program held that started it."""
    status = Path("/proc/self/status")
    held = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
    return int(held[1]) * 1024 if held else 0


def check(root: Path, odds: list[Odd]) -> list[Outcome]:
    """What comes of every file, through the workers that all of modiste uses."""
    from odd_files import looked as job  # by its module's name, even where this file is the program

    made = each_photo(root, [odd.name for odd in odds], job, workers=2, memory_bytes=MOST_BYTES)
    outcomes = []
    for odd, one in zip(odds, made, strict=True):
        if isinstance(one, PhotoRefused):
            outcomes.append(Outcome(odd, one.reason, one.detail, 0.0, 0, wrong(odd, one.reason, one.detail, None)))
        else:
            came, detail = str(one["reason"]), str(one["detail"])
            outcomes.append(Outcome(odd, came, detail, float(one["seconds"]), int(one["peak"]), wrong(odd, came, detail, one["pixels"])))
    return outcomes


def wrong(odd: Odd, came: str, detail: str, pixels: np.ndarray | None) -> str:
    """In what an outcome is not the one expected; '' when it is."""
    if came not in ("pixels", *REASONS):
        return f"{came} is no reason"
    if came not in odd.may:
        return f"{came} ({detail}), not {' or '.join(odd.may)}"
    if came != "pixels" or not odd.corners or pixels is None:
        return ""
    places = ((8, 8), (8, 24), (24, 8), (24, 24))
    for place, colour in zip(places, odd.corners, strict=True):
        if np.abs(pixels[place].astype(int) - colour).max() > odd.tolerance:
            return f"{tuple(map(int, pixels[place]))} at {place}, not {colour}"
    return ""


def table(outcomes: list[Outcome]) -> Table:
    rows = []
    for category in dict.fromkeys(outcome.odd.category for outcome in outcomes):
        ours = [outcome for outcome in outcomes if outcome.odd.category == category]
        came = ", ".join(f"{count} {name}" for name, count in Counter(outcome.came for outcome in ours).most_common())
        right = sum(not outcome.wrong for outcome in ours)
        rows.append((category, len(ours), right, came, max(outcome.seconds for outcome in ours)))
    right = sum(not outcome.wrong for outcome in outcomes)
    slowest, peak = max(outcomes, key=lambda outcome: outcome.seconds), max(outcome.peak_bytes for outcome in outcomes)
    notes = (f"Slowest: {slowest.odd.name} ({slowest.seconds:.2f} s of {SECONDS}).", f"Most memory of a worker: {peak / 2**20:.0f} MiB.")
    all_rows = (*rows, ("all", len(outcomes), right, "", slowest.seconds))
    return Table("Odd files", ("category", "files", "as expected", "outcomes", "slowest s"), all_rows, notes, digits=2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true", help="read them too, and print what came of them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--large", action="store_true", help="pictures of 49 megapixels too; takes a minute")
    asked = parser.parse_args()
    odds = list(corpus(asked.seed, with_large=asked.large))
    write(asked.folder, odds)
    print(f"{len(odds)} files in {asked.folder}")
    if not asked.check:
        return 0
    outcomes = check(asked.folder, odds)
    print(table(outcomes).text())
    failed = [f"{outcome.odd.category}: {outcome.odd.name!r}: {outcome.wrong}" for outcome in outcomes if outcome.wrong]
    print("\n".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
