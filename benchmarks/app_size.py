"""How `modiste app` bears a large catalogue: time to open it, to answer each question of a page, memory, and first paint in a browser.

    python benchmarks/app_size.py --photos 100000 --out results/app

The photos are copies of a few drawn ones, each made different by a few bytes behind its end; what the network says of them is drawn by
chance and put where a look would have kept it, so that no time goes into scoring. First paint is measured where Chromium and Playwright
are (--chromium PATH).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

from modiste.data.layouts.sources import source_at
from modiste.data.samples.drawn import draw
from modiste.data.taxonomy import read_taxonomy
from modiste.projects.looked import Look, fields_of, key, line_of
from modiste.projects.project import project_at
from modiste.records.kept import Kept
from modiste.records.progress import silent
from modiste.serving.labeller import load

QUESTIONS = {
    "state": "/api/state",
    "queue, uncertainty": "/api/queue?by=uncertainty&n=20",
    "queue, diversity": "/api/queue?by=diversity&n=20",
    "queue, typical": "/api/queue?by=typical&n=20",
    "queue, rare": "/api/queue?by=rare&n=20",
    "grid": "/api/grid?n=24",
    "photos of a lane": "/api/photos?lane=review&limit=200",
    "photos by text": "/api/photos?text=4711&limit=200",
    "the last photos": "/api/photos?offset=99000&limit=200",
    "page of review": "/review",
}
PAGES = ("/", "/annotate", "/grid", "/review")


def photos_of(folder: Path, many: int, tiny: Path) -> list[bytes]:
    """So many photos of different bytes; their SHA-256 in the order of their names."""
    some = [path.read_bytes() for path in sorted(draw(tiny, photos=64, side=72).root.rglob("*.jpg"))]
    shas = []
    for number in range(many):
        data = some[number % len(some)] + number.to_bytes(4, "little")
        path = folder / f"{number // 1000:03d}" / f"{number:07d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        shas.append(hashlib.sha256(data).digest())
    return shas


def looked_at(project: Path, photos: Path, shas: list[bytes]) -> None:
    """Put what a network would say where a look keeps it, and take the look."""
    labeller = load(threads=1)
    look = Look(source_at(photos), labeller, labeller.classes, read_taxonomy(None), project / "looks", silent, lambda: None)
    kept = Kept(project / "looks" / f"{key(labeller)}.bin", line_of(labeller, look.width), fields_of(*look.shape))
    kept.read()
    rng = np.random.default_rng(0)
    for sha in shas:
        shares = rng.dirichlet(np.full(len(labeller.classes), 0.2)).astype(np.float32)
        kept.add(sha, shares, np.float32(rng.normal(-4, 2)), rng.normal(size=look.width).astype(np.float32))
    kept.flush()
    for _ in look.taken():
        pass


def memory_mb(process: subprocess.Popen[str]) -> dict[str, float]:
    """Resident memory, and the part of it that is no file's."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    found = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return {name: int(found[field].split()[0]) / 1000 for name, field in (("resident", "VmRSS"), ("not of files", "RssAnon"))}


def asked(address: str, path: str, times: int = 5) -> float:
    """Seconds for an answer, the median of some."""
    took = []
    for _ in range(times):
        begun = time.monotonic()
        with urllib.request.urlopen(address + path) as answer:  # noqa: S310  (our own server)
            answer.read()
        took.append(time.monotonic() - begun)
    return statistics.median(took)


def painted(address: str, chromium: str) -> dict[str, float]:
    """Seconds until a browser first paints something of a page, and until photos are on it."""
    from playwright.sync_api import sync_playwright

    found = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for path in PAGES:
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(address + path, wait_until="load")
            page.wait_for_timeout(1500)
            entry = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            found[path] = page.evaluate(entry) / 1000
            page.close()
        browser.close()
    return found


def measured(process: subprocess.Popen[str], begun: float, chromium: str | None) -> dict[str, Any]:
    """All that is measured of a server that has just been started."""
    assert process.stdout is not None
    address = process.stdout.readline().split(" at ")[1].split(". Ctrl")[0].strip()
    opened = time.monotonic() - begun
    early = {name: asked(address, path, 1) for name, path in QUESTIONS.items()}  # while the photos are hashed anew
    while json.load(urllib.request.urlopen(address + "/api/state"))["job"] is not None:  # noqa: S310
        time.sleep(0.5)
    return {
        "open_seconds": opened,
        "all_hashed_seconds": time.monotonic() - begun,
        "first_answers_seconds": early,
        "answers_seconds": {name: asked(address, path) for name, path in QUESTIONS.items()},
        "first_paint_seconds": painted(address, chromium) if chromium else {},
        "memory_mb": memory_mb(process),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="app-size-") as folder:
        photos = Path(folder) / "shop"
        shas = photos_of(photos, given.photos, Path(folder) / "tiny")
        project = project_at(photos)
        looked_at(project, photos, shas)
        begun = time.monotonic()
        command = [sys.executable, "-m", "modiste", "app", str(project), "--no-browser", "--port", "0"]
        with subprocess.Popen(  # noqa: S603  (our own command)
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        ) as process:
            try:
                found = measured(process, begun, given.chromium)
            finally:
                process.terminate()
    found |= {
        "photos": given.photos,
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        "command": " ".join(["python", *sys.argv]),
    }
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "size.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
