"""Bent pictures by the hundred thousand: `python tests/data/fuzz_images.py --seconds 60` opens what no camera ever wrote.

Every file must give pixels or a reason. What kills its process, takes longer than ten seconds or raises anything but
`PhotoRefused` is kept under --keep and named.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import random
import subprocess
import sys
import time
import traceback
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from bending import bent, seeds

from modiste.data.opening.refusals import SECONDS, PhotoRefused
from modiste.data.opening.worker import limit_memory

ROOM = 1 << 20  # bytes shared with a child: how many files it has begun, the length of the one it is at, that file
JOB = "modiste.data.opening.images:to_pixels"


@dataclass
class Found:
    """What came of all files: outcomes by name, and what should not be there, each with the file that was kept."""

    files: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def fuzz(seconds: float, seed: int, keep: Path, *, children: int = 2, job: str = JOB, hang_seconds: float = SECONDS) -> Found:
    """Bend and open files for so long; a child that dies or hangs is followed by another."""
    keep.mkdir(parents=True, exist_ok=True)
    found, until = Found(), time.monotonic() + seconds
    at_work = [Child(keep, seed * 1000 + number, until, job) for number in range(children)]
    seed_after = seed * 1000 + children
    while at_work:
        time.sleep(0.05)
        for child in list(at_work):
            ended = child.process.poll()
            if ended is None and not child.hangs(hang_seconds):
                continue
            at_work.remove(child)
            child.report(found, ended)
            if ended != 0 and time.monotonic() < until:
                at_work.append(Child(keep, seed_after, until, job))
                seed_after += 1
    return found


class Child:
    """A process that opens files, and the memory in which it leaves the one that it is at."""

    def __init__(self, keep: Path, seed: int, until: float, job: str) -> None:
        self.keep, self.seed = keep, seed
        shared = keep / f".at-{seed}"
        shared.write_bytes(bytes(ROOM))
        with shared.open("r+b") as file:
            self.shared = mmap.mmap(file.fileno(), ROOM)
        command = [sys.executable, "-W", "ignore", __file__, "--child", str(shared), "--seed", str(seed), "--job", job]
        command += ["--seconds", str(max(0.2, until - time.monotonic())), "--keep", str(keep)]
        self.said = (keep / f".said-{seed}").open("w+b")  # a pipe would fill up where much is found
        self.process = subprocess.Popen(command, stdout=self.said, stderr=subprocess.DEVNULL, env=surroundings())
        self.last, self.since = -1, time.monotonic()

    def hangs(self, seconds: float) -> bool:
        begun = int.from_bytes(self.shared[:8], "little")
        if begun != self.last:
            self.last, self.since = begun, time.monotonic()
        return begun > 0 and time.monotonic() - self.since > seconds

    def report(self, found: Found, ended: int | None) -> None:
        """Add what a child found; one that did not end well leaves the file it was at."""
        self.process.kill()
        self.process.wait()
        if ended == 0:
            self.said.seek(0)
            said = json.load(self.said)
            found.files += said["files"]
            found.outcomes.update(said["outcomes"])
            found.unknown += said["unknown"]
        elif not (begun := int.from_bytes(self.shared[:8], "little")):
            raise RuntimeError(f"a child ended before its first file: {self.process.args}")
        else:
            found.files += begun
            file = self.keep / f"{'hang' if ended is None else 'crash'}-{self.seed}.bin"
            file.write_bytes(self.shared[16 : 16 + int.from_bytes(self.shared[8:16], "little")])
            (found.hangs if ended is None else found.crashes).append(f"{file} ({ended})")
        self.shared.close()
        self.said.close()
        for left in ("at", "said"):
            (self.keep / f".{left}-{self.seed}").unlink()


def surroundings() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}


def work(shared_with: Path, seconds: float, seed: int, keep: Path, job: str) -> None:
    """What a child does: bend, leave the bytes where they survive it, open, count."""
    with shared_with.open("r+b") as file:
        shared = mmap.mmap(file.fileno(), ROOM)
    module, _, name = job.partition(":")
    opens, rng, pool = getattr(import_module(module), name), random.Random(seed), seeds()
    limit_memory(1 << 30)
    outcomes: Counter[str] = Counter()
    unknown: list[str] = []
    files, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        kind, data = bent(rng, pool)
        files += 1
        shared[8 : 16 + len(data)] = len(data).to_bytes(8, "little") + data
        shared[:8] = files.to_bytes(8, "little")
        try:
            opens(data, 32, rng.choice(("rgb", "grey1")), rng.choice(("squash", "letterbox", "crop")), "x", rng.random() < 0.6)
            outcomes["pixels"] += 1
        except PhotoRefused as refused:
            outcomes[refused.reason] += 1
        except BaseException as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            kept = keep / f"unknown-{seed}-{files}.bin"
            kept.write_bytes(data)
            unknown.append(f"{kept}: {kind}: {type(error).__name__}: {error} in {place.name}")
    print(json.dumps({"files": files, "outcomes": outcomes, "unknown": unknown}))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzzed"))
    parser.add_argument("--job", default=JOB, help=argparse.SUPPRESS)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        work(asked.child, asked.seconds, asked.seed, asked.keep, asked.job)
        return 0
    found = fuzz(asked.seconds, asked.seed, asked.keep, job=asked.job)
    for name, count in found.outcomes.most_common():
        print(f"{count:>9,} {name}")
    faults = f"{len(found.crashes)} crashes, {len(found.hangs)} hangs, {len(found.unknown)} unknown exceptions"
    print(f"{found.files:>9,} files in {asked.seconds:g} s: {faults}")
    print("\n".join([*found.crashes, *found.hangs, *found.unknown[:40]]))
    with suppress(OSError):
        asked.keep.rmdir()  # nothing was kept
    return 1 if found.crashes or found.hangs or found.unknown else 0


if __name__ == "__main__":
    sys.exit(main())
