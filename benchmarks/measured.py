"""Ways of training, each run in a process of its own, one at a time, its answer kept: what the training benchmarks share."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import modiste
from modiste.records.catalogue import TEST, TRAIN, Catalogue

PEERS = Path(__file__).parent / "peers"
TIMEOUT_SECONDS = 3600


class ToolFailed(Exception):
    """A way of training that did not finish; the message is the last of what it printed."""


def options(description: str | None) -> argparse.ArgumentParser:
    """The options that the training benchmarks share."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=description, formatter_class=layout)
    parser.add_argument("--data", type=Path, help="a catalogue with splits train and test; drawn when left away")
    parser.add_argument("--out", type=Path, required=True, help="the folder for what is measured; what stands there is not measured again")
    parser.add_argument("--trial", action="store_true", help="a look whether all works: too short to be believed")
    return parser


def catalogue_of(data: Path | None, out: Path, photos: int, side: int) -> Catalogue:
    """The catalogue to train on: read from where it stands, or drawn into the folder of results."""
    if data is not None:
        return modiste.read(data)
    drawn = out / f"drawn-{photos}-{side}"
    return modiste.read(drawn) if drawn.is_dir() else modiste.draw(drawn, photos=photos, side=side)


def chosen(catalogue: Catalogue, split: str, count: int | None, seed: int = 0) -> list[Any]:
    """So many labelled photos of a split, by chance, or all of them."""
    photos = catalogue.split(split).photos
    if count is None:
        return list(photos)
    if count > len(photos):
        raise SystemExit(f"{catalogue.root}: split '{split}' has {len(photos)} labelled photos, and {count} are asked for.")
    return [photos[row] for row in sorted(np.random.default_rng(seed).permutation(len(photos))[:count])]


def as_folders(catalogue: Catalogue, to: Path, train: int | None, test: int | None) -> Path:
    """The photos of a measurement as train/CLASS/ and test/CLASS/, which every tool here can read; written once."""
    if not to.is_dir():
        part = catalogue.with_photos([*chosen(catalogue, TRAIN, train), *chosen(catalogue, TEST, test)])
        modiste.write(part, to, "folders", copy=False)
    return to


def answer_of(python: Path | str, script: str, photos: Path, arguments: Iterable[object]) -> dict[str, Any]:
    """What a script in peers/ leaves after it has trained, and how busy others kept the processors meanwhile."""
    with tempfile.TemporaryDirectory(prefix="training-") as scratch:
        answer = Path(scratch) / "answer.json"
        command = [python, PEERS / script, "--photos", photos, "--scratch", scratch, "--answer", answer, *arguments]
        busy, own = busy_seconds(), children_seconds()
        try:
            done = subprocess.run(  # noqa: S603
                [*map(str, command)], capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ToolFailed(f"{script} took longer than {TIMEOUT_SECONDS} s") from error
        if done.returncode or not answer.is_file():
            raise ToolFailed("\n".join((done.stderr or done.stdout).strip().splitlines()[-3:]) or f"{script} ended with {done.returncode}")
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        if busy is not None:
            found["others_busy_seconds"] = round(max(0.0, (busy_seconds() or 0.0) - busy - (children_seconds() - own)), 2)
        return found


def busy_seconds() -> float | None:
    """Processor seconds spent by all programs since the machine started (Linux), waiting not counted."""
    stat = Path("/proc/stat")
    if not stat.is_file():
        return None
    user, nice, system, _, _, *interrupts = map(int, stat.read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def children_seconds() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def python_with(package: str, pythons: Sequence[Path]) -> tuple[Path | None, str]:
    """The first of the peers' interpreters that has a package, and its version."""
    ask = f"from importlib.metadata import version; print(version({package!r}))"
    for python in pythons:
        found = subprocess.run([str(python), "-c", ask], capture_output=True, text=True, check=False)  # noqa: S603
        if not found.returncode:
            return python, found.stdout.strip()
    return None, ""


def kept(file: Path) -> list[dict[str, Any]]:
    """The answers in a file of JSON lines; a last line that was cut short is dropped."""
    answers = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        try:
            answers.append(json.loads(line))
        except ValueError:
            break
    return answers


def keep(file: Path, answer: dict[str, Any]) -> None:
    """One more answer in the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    answers = [*kept(file), answer]
    beside = file.with_suffix(".part")
    beside.write_text("".join(json.dumps(one) + "\n" for one in answers), encoding="utf-8")
    beside.replace(file)


def same_settings(file: Path, settings: dict[str, Any]) -> None:
    """Refuse to add to what was measured with other settings."""
    if file.is_file() and (before := json.loads(file.read_text(encoding="utf-8"))) != settings:
        raise SystemExit(f"{file} holds other settings: {before}, not {settings}. Give another --out, or delete that folder.")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """The machine in a few words."""
    cpuinfo = Path("/proc/cpuinfo")
    names = (
        [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        if cpuinfo.is_file()
        else []
    )
    processor = names[0] if names else platform.processor()
    return {"processor": processor, "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"}


def command_line() -> str:
    """The command that was given, as it may be given again."""
    return shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
