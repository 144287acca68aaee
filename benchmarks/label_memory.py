"""Peak memory and pace of `modiste label` for few photos and for many, to see that a million need little more memory than a thousand.

    python benchmarks/label_memory.py --photos 1000 200000

The photos are 80 px JPEGs in one folder, all of different bytes, and the network is a tiny one, so that the rest of the job shows: the
list, the answers on disk, the table. Each job runs twice in a process of its own: the second time every answer is there. Peaks are those
of the process itself (ru_maxrss); its two decoding workers are processes of their own and hold one photo each.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from label_faults import make_photos, tiny_bundle

from modiste.records.table import Table


def make(folder: Path, count: int) -> Path:
    """So many photos in one folder: some, again and again, each with a comment of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        make_photos(Path(scratch), 300, 0)
        some = [path.read_bytes() for path in sorted(Path(scratch).rglob("*.jpg"))]
    folder.mkdir()
    for number in range(count):
        data, comment = some[number % len(some)], b"%010d" % number
        (folder / f"product-{number:07d}-front.jpg").write_bytes(data[:2] + b"\xff\xfe\x00\x0c" + comment + data[2:])
    return folder


def labelled(bundle: Path, photos: Path, output: Path) -> tuple[float, float]:
    """Seconds that a job takes, and the peak of its process in MB."""
    command = [sys.executable, "-m", "modiste", "label", str(photos), "-o", str(output), "--model", str(bundle)]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    _, status, spent = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.returncode
    return time.monotonic() - began, spent.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, nargs="+", default=[1000, 200_000])
    parser.add_argument("--endings", nargs="+", default=["csv"], help="csv, jsonl or parquet")
    asked, rows = parser.parse_args(), list[tuple[str, int, float, float, float, float, float, float]]()
    for count in asked.photos:
        with tempfile.TemporaryDirectory(prefix="label-memory-") as scratch:
            work = Path(scratch)
            bundle, photos = tiny_bundle(work / "tiny.onnx"), make(work / "photos", count)
            for ending in asked.endings:
                output = work / f"labels.{ending}"
                (seconds, peak), (again, peak_again) = labelled(bundle, photos, output), labelled(bundle, photos, output)
                state = sum(path.stat().st_size for path in (work / f"{output.name}.state").iterdir())
                rows.append((ending, count, seconds, count / seconds, peak, again, peak_again, (state + output.stat().st_size) / 1e6))
    columns = ("table", "photos", "seconds", "photos a second", "peak, MB", "again, seconds", "again, peak, MB", "on disk, MB")
    print(Table("Labelling few and many photos", columns, tuple(rows), digits=1).markdown())


if __name__ == "__main__":
    main()
