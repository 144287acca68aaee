"""How long an exact search takes in an index of many photos, and what memory; random vectors, the index memory-mapped.

    python benchmarks/search.py --photos 100000 1000000 --width 512 1280 --out results/search

Each index is written once, a block at a time, and opened by a process of its own, which asks for `--queries` photos one after another
(the first alone is given apart: the file is checked while it is read) and for 32 at once. Beside each query stands NumPy's product of
the same matrix held in memory, where it fits: what lies between the two is what searching costs beyond reading memory. Peaks are of the
process itself: anonymous memory, without the pages of the mapped file, which the system takes back when it needs them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from measured import command_line, machine

from modiste.records.table import Table
from modiste.searching.nearest import grouped, similarities, unit
from modiste.searching.stored import BLOCK, ROW, About, Part, open_stored, write_stored

HELD_BYTES = 2_500_000_000  # a matrix no larger is held in memory too


def parts(photos: int, width: int) -> Iterator[Part]:
    """Random vectors, a block at a time."""
    rng = np.random.default_rng(0)
    for start in range(0, photos, BLOCK):
        many = min(BLOCK, photos - start)
        rows = np.zeros(many, ROW)
        rows["sha256"] = rng.integers(0, 256, (many, 32), dtype=np.uint8)
        yield Part(unit(rng.standard_normal((many, width), np.float32)), rows, [f"images/{start + row}.jpg" for row in range(many)])


def anonymous_mb() -> float:
    """Memory of this process that no file stands behind (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")) / 1024


def asked(folder: Path, queries: int) -> dict[str, float]:
    """What a process that opens the index takes."""
    began = time.perf_counter()
    stored = open_stored(folder)
    found, before = {"open_ms": 1000 * (time.perf_counter() - began)}, anonymous_mb()
    rng, times, peak = np.random.default_rng(1), [], before
    for _ in range(queries + 1):
        query = unit(rng.standard_normal(stored.about.width).astype(np.float32))
        began = time.perf_counter()
        scores = similarities(stored, query)
        grouped(stored, scores, stored.rows["sha256"], 12)
        times.append(1000 * (time.perf_counter() - began))
        peak = max(peak, anonymous_mb())
    many = unit(rng.standard_normal((32, stored.about.width)).astype(np.float32))
    began = time.perf_counter()
    similarities(stored, many)
    found |= {"first_ms": times[0], "median_ms": float(np.median(times[1:])), "of_32_ms": 1000 * (time.perf_counter() - began) / 32}
    return found | {"memory_mb": peak, "numpy_ms": held_ms(stored.vectors, queries)}


def held_ms(vectors: np.ndarray, queries: int) -> float:
    """NumPy's product with the matrix in memory; NaN where it is too large."""
    if vectors.nbytes > HELD_BYTES:
        return float("nan")
    held, query, times = np.array(vectors), np.ones(vectors.shape[1], np.float32), []
    for _ in range(queries):
        began = time.perf_counter()
        held @ query
        times.append(1000 * (time.perf_counter() - began))
    return float(np.median(times))


def measure(photos: int, width: int, queries: int, scratch: Path) -> dict[str, float]:
    """One index: written, then asked by a process of its own."""
    folder = scratch / f"{photos}-{width}.index"
    folder.mkdir()
    began = time.perf_counter()
    write_stored(folder, parts(photos, width), About("random", "random", ("Shoes",)))
    wrote = time.perf_counter() - began
    command = [sys.executable, __file__, "--ask", str(folder), "--queries", str(queries)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    for path in folder.iterdir():
        path.unlink()
    return {"photos": photos, "width": width, "disk_mb": size, "write_s": wrote, **json.loads(done.stdout)}


def table(rows: list[dict[str, float]]) -> Table:
    columns = {
        "photos": "photos", "width": "numbers a photo", "disk_mb": "on disk, MB", "open_ms": "open, ms", "first_ms": "first search, ms",
        "median_ms": "a search, ms", "numpy_ms": "NumPy's product, ms", "of_32_ms": "each of 32 at once, ms", "memory_mb": "memory, MB",
    }  # fmt: skip
    cells = tuple(tuple(row[name] if name not in ("photos", "width") else int(row[name]) for name in columns) for row in rows)
    return Table("Exact search", tuple(columns.values()), cells, digits=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--width", type=int, nargs="+", default=[512, 1280])
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--out", type=Path, help="a folder for search.json")
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ask:
        print(json.dumps(asked(given.ask, given.queries)))
        return
    with tempfile.TemporaryDirectory(prefix="search-") as scratch:
        rows = [measure(photos, width, given.queries, Path(scratch)) for width in given.width for photos in given.photos]
    print(table(rows).markdown())
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "search.json").write_text(json.dumps({"command": command_line(), "machine": machine(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
