"""How long until the first label, from a cold start: `python benchmarks/cold_start.py PHOTO [--model BUNDLE]`.

Each way is a Python process of its own that is started, does one thing and ends; the ways run in turn, so that a busy moment meets all
of them. `import torch` is what any way through torch pays before it opens its model. Processor seconds say what a way costs where
others keep the machine busy: then it waits longer, but works no more.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from modiste.records.table import Table


def ways(model: str | None, photo: str) -> dict[str, str]:
    """What each way runs; the first is the one that the others are compared with."""
    label = f"import modiste; (label,) = modiste.load({model!r}).label({photo!r}); assert label.label, label"
    again = f"import modiste; network = modiste.load({model!r}); [network.label({photo!r}) for _ in range(100)]"
    return {
        "modiste, the first label": label,
        "modiste, 100 labels": again,
        "import onnxruntime": "import onnxruntime",
        "import torch": "import torch",
        "Python alone": "pass",
    }


def spent(code: str) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak memory in MB of one process."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code])  # noqa: S603
    _, status, own = os.wait4(process.pid, 0)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    process.returncode = status
    if status:
        raise SystemExit(f"`{code}` failed.")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, own.ru_maxrss / 1024


def measured(codes: dict[str, str], rounds: int) -> dict[str, list[tuple[float, float, float]]]:
    """What each way spent in each round; a round before them fills the disk's cache."""
    for code in codes.values():
        spent(code)
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in codes}
    for _ in range(rounds):
        for name, code in codes.items():
            found[name].append(spent(code))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--model", type=Path, help="a bundle; the one that comes with modiste when left away")
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    found = measured(ways(str(asked.model) if asked.model else None, str(asked.photo)), asked.rounds)
    middle = {name: [statistics.median(values) for values in zip(*each, strict=True)] for name, each in found.items()}
    first = next(iter(middle.values()))
    rows = tuple((name, wall, cpu, wall / first[0], cpu / first[1], peak) for name, (wall, cpu, peak) in middle.items())
    header = ("process", "wall s", "processor s", "x wall", "x processor", "peak MB")
    print(Table("From a cold start", header, rows, (f"Median of {asked.rounds} rounds in turn.",), digits=2).text())


if __name__ == "__main__":
    main()
