"""Audit a folder of many small photos: time and peak memory, to see that a million need little more memory than a thousand.

    python benchmarks/audit_scale.py FOLDER --photos 1000000     makes the photos in FOLDER (once), audits them in a process of its own

The photos are 64 px JPEGs of random blocks of colour, one in fifty a re-encoded copy of the one before. For a first audit and for
a second from its cache the script prints seconds and the peak resident memory of the process itself and of its decoding workers.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

A_FOLDER = 1000  # photos
COPIED = 50  # one photo in so many is a copy of the one before


def make(folder: Path, number: int) -> int:
    """One folder of A_FOLDER photos; the same for the same number."""
    place = folder / f"{number:04d}"
    if (place / "whole").exists():
        return A_FOLDER
    place.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(number)
    for photo in range(A_FOLDER):
        if photo % COPIED or not photo:
            picture = Image.fromarray(rng.integers(0, 255, (8, 8, 3), np.uint8)).resize((64, 64), Image.Resampling.NEAREST)
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=90 if photo % COPIED else 75)
        (place / f"{photo:04d}.jpg").write_bytes(data.getvalue())
    (place / "whole").touch()
    return A_FOLDER


def watch(process: subprocess.Popen[str], peaks: dict[str, int], ended: threading.Event) -> None:
    """The most memory that the process, and any one of its children, held (Linux's /proc)."""
    while not ended.wait(0.2):
        for kind, pids in (("audit", [process.pid]), ("a worker", children(process.pid))):
            for pid in pids:
                peaks[kind] = max(peaks.get(kind, 0), resident(pid))


def children(pid: int) -> list[int]:
    try:
        return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    except OSError:
        return []


def resident(pid: int) -> int:
    """Anonymous resident memory in kB: pages of mapped files, which the system takes back when it likes, are not counted."""
    try:
        found = re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) if found else 0
    except OSError:
        return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=20_000)
    asked = parser.parse_args()
    photos = asked.folder / f"photos-{asked.photos}"
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        made = sum(pool.map(make, [photos] * (asked.photos // A_FOLDER), range(asked.photos // A_FOLDER)))
    print(f"{made:,} photos in {photos}", file=sys.stderr)
    command = [
        sys.executable,
        "-m",
        "modiste",
        "data",
        "audit",
        str(photos),
        "--format",
        "photos",
        "--output",
        str(asked.folder / f"audit-{asked.photos}"),
    ]
    for name in ("first", "again, from the cache"):
        peaks: dict[str, int] = {}
        ended, began = threading.Event(), time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
        watcher = threading.Thread(target=watch, args=(process, peaks, ended))
        watcher.start()
        said, _ = process.communicate()
        ended.set()
        watcher.join()
        seconds = time.monotonic() - began
        memory = ", ".join(f"{kind} {peak / 1024:,.0f} MB" for kind, peak in peaks.items())
        print(
            f"{name}: {made:,} photos, {seconds:,.0f} s, {made / seconds:,.0f} photos/s, peak memory: {memory}, exit {process.returncode}"
        )
        print("\n".join(f"  {line}" for line in said.splitlines() if re.match(r"\w+ +[\d,]+  ", line)))


if __name__ == "__main__":
    main()
