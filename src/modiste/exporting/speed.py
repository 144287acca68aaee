"""Models beside one another: how large, how quick, how much memory, how right. All are asked in turn, so that a busy moment meets each."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from modiste.data.decoded import Pictures, decode
from modiste.evaluation.measures import MEASURES
from modiste.exporting.asking import answers
from modiste.exporting.contenders import OPENERS, Contender, check_threads, open_contender
from modiste.records.catalogue import TEST, Catalogue
from modiste.records.errors import MachineError, ModisteError, UsageError
from modiste.records.plain import to_plain
from modiste.records.predictions import Predictions
from modiste.records.progress import Progress, Tell, silent
from modiste.records.recipe import Pixels
from modiste.records.table import Cell, Table
from modiste.records.words import counted
from modiste.serving.graphs import Bytes
from modiste.serving.labeller import is_bundle

ROUNDS, SINGLES, BATCH = 7, 8, 8
FRESH = 3  # processes a model
REST_SECONDS = 0.02  # in which the threads of the model before fall asleep
START_SECONDS = 600  # and a process that has not answered is ended
FRESH_COMMAND = (sys.executable, "-P", "-m", "modiste.exporting.fresh")


@dataclass(frozen=True)
class Settings:
    """How to measure, and what is said of ONNX files that do not say it themselves."""

    threads: int | None = None  # None: one a processor
    rounds: int = ROUNDS
    classes: tuple[str, ...] | None = None
    pixels: Pixels | Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_threads(self.threads)
        if self.rounds < 1:
            raise UsageError(f"--rounds {self.rounds}: must be 1 or more.")


@dataclass(eq=False)
class Measured:
    """What was measured of one model: seconds of each try."""

    open: list[float] = field(default_factory=list)  # of a process until its first answer
    memory: list[int] = field(default_factory=list)  # bytes
    single: list[float] = field(default_factory=list)  # of one photo
    batch: list[float] = field(default_factory=list)  # of BATCH photos
    called: Any = None  # (N,) codes, or None
    figures: tuple[float, float] | None = None  # accuracy, macro F1


def benchmark(models: Sequence[Path], catalogue: Catalogue | None, settings: Settings, tell: Tell = silent) -> Table:
    """A row a model; with a catalogue also what they say of its labelled photos, those of split test where there are some."""
    if not models:
        raise UsageError("name a model or several: runs, bundles, ONNX files, OpenVINO's .xml files.")
    if settings.pixels is not None and all(says_its_pixels(path) for path in models):
        raise UsageError("--set is for ONNX files that do not say how photos become their input; all of these do. Leave it out.")
    found = [open_contender(path, settings.threads, settings.classes, settings.pixels) for path in models]
    measured = [Measured() for _ in found]
    steps = FRESH + settings.rounds
    for number in range(FRESH):
        for one, contender in zip(measured, found, strict=True):
            start_fresh(one, contender, settings)
        tell(Progress("starting each model", number + 1, steps, "rounds"))
    for number in range(settings.rounds):
        for one, contender in zip(measured, found, strict=True):
            time_round(one, contender)
        tell(Progress("asking each model", FRESH + number + 1, steps, "rounds"))
    if catalogue is not None:
        ask_all(measured, found, catalogue, tell)
    return table(found, measured, catalogue)


def says_its_pixels(path: Path) -> bool:
    """Whether a model knows how photos become its input: all but ONNX files that others made."""
    return path.is_dir() or path.suffix.lower() in OPENERS or is_bundle(path)


def start_fresh(one: Measured, contender: Contender, settings: Settings) -> None:
    """A process of its own: seconds until it has answered about one photo, and its memory after a batch."""
    asked = {"path": str(contender.path), "threads": settings.threads, "batch": BATCH, "classes": settings.classes}
    asked["pixels"] = None if settings.pixels is None else to_plain(settings.pixels)
    command = [*FRESH_COMMAND, json.dumps(asked)]
    begun = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        late = threading.Timer(START_SECONDS, process.kill)
        late.start()
        try:
            first = process.stdout.readline()
            took = time.perf_counter() - begun
            rest = process.stdout.read()
            process.wait()
        finally:
            late.cancel()
        errors.seek(0)
        last = (errors.read().strip().splitlines() or [f"it says nothing in {time.perf_counter() - begun:.0f} s"])[-1]
    if process.returncode or first.strip() != "answered":
        raise MachineError(f"{contender.path} does not open in a process of its own: {last}")
    one.open.append(took)
    one.memory.append(json.loads(rest)["resident_bytes"])


def time_round(one: Measured, contender: Contender) -> None:
    """Some photos one by one, and a batch; the first answer of a round is not counted."""
    photos = photos_of(contender.pixels)
    time.sleep(REST_SECONDS)
    if not np.isfinite(contender.ask(photos[:1]).scores).all():
        raise ModisteError(f"{contender.path} gives values that are no numbers: its weights are broken. Export or copy it again.")
    for number in range(SINGLES):
        one.single.append(seconds(contender, photos[number : number + 1]))
    contender.ask(photos)
    one.batch.append(seconds(contender, photos))


def photos_of(pixels: Pixels) -> Bytes:
    """A batch of pictures of the right shape; what they show changes no time."""
    channels = 3 if pixels.colour == "rgb" else 1
    made: Bytes = np.random.default_rng(0).integers(0, 256, (BATCH, pixels.side, pixels.side, channels), np.uint8)
    return made


def seconds(contender: Contender, photos: Bytes) -> float:
    begun = time.perf_counter()
    contender.ask(photos)
    return time.perf_counter() - begun


def ask_all(measured: Sequence[Measured], found: Sequence[Contender], catalogue: Catalogue, tell: Tell) -> None:
    """What each model says of the labelled photos; those that see alike share the decoded ones."""
    labelled = catalogue.split(TEST)
    if not len(labelled):
        labelled = catalogue.with_photos(photo for photo in catalogue.photos if photo.label is not None)
    if not len(labelled):
        raise ModisteError(f"{catalogue.root}: no labelled photos to measure accuracy on.")
    decoded: dict[Pixels, Pictures] = {}
    for one, contender in zip(measured, found, strict=True):
        if contender.classes != catalogue.classes:
            raise ModisteError(f"{contender.path} knows the classes {contender.classes}; {catalogue.root} declares {catalogue.classes}.")
        if contender.pixels not in decoded:
            decoded[contender.pixels] = decode(labelled, contender.pixels, None, tell=tell)
        pictures = decoded[contender.pixels]
        said = answers(contender.ask, pictures, tell, f"asking {contender.path.name}")
        predictions = Predictions(contender.classes.names, pictures.paths, pictures.labels, said.scores.astype(np.float64))
        one.called = predictions.called
        one.figures = (float(MEASURES["accuracy"](predictions.confusion)), float(MEASURES["macro_f1"](predictions.confusion)))


COLUMNS = ("Model", "By", "MB", "Weights, M", "First answer, s", "Memory, MB", "One photo, ms", "p95, ms", "Photos/s", "× the first")
KNOWN = ("Accuracy", "Macro F1", "Same label")


def table(found: Sequence[Contender], measured: Sequence[Measured], catalogue: Catalogue | None) -> Table:
    """All that was measured, a row a model; speed also as a ratio to the first, round by round."""
    rows: list[tuple[Cell, ...]] = []
    for one, contender in zip(measured, found, strict=True):
        ratio = median(first / own for first, own in zip(measured[0].batch, one.batch, strict=True))
        weights = None if contender.parameters is None else contender.parameters / 1e6
        row: list[Cell] = [
            contender.path.name,
            contender.how,
            contender.size / 1e6,
            weights,
            median(one.open),
            median(one.memory) / 1e6 or None,
            1000 * median(one.single),
            1000 * float(np.quantile(one.single, 0.95)),
            BATCH / median(one.batch),
            ratio,
        ]
        if one.figures is not None:
            row += [100 * one.figures[0], 100 * one.figures[1], 100 * float((one.called == measured[0].called).mean())]
        rows.append(tuple(row))
    known = () if catalogue is None else tuple(f"{name}, %" for name in KNOWN)
    return Table("Models beside one another", (*COLUMNS, *known), tuple(rows), notes(found, measured, catalogue), digits=2)


def notes(found: Sequence[Contender], measured: Sequence[Measured], catalogue: Catalogue | None) -> tuple[str, ...]:
    """What the columns mean, and how photos were shown to networks that do not say so themselves."""
    said = [
        f"All asked in turn, {counted(len(measured[0].batch), 'round')}: medians. Photos/s: of batches of {BATCH}, decoded before, as is "
        f"one photo. First answer: a fresh process from its start, median of {FRESH}; memory: what it holds after a batch.",
    ]
    if catalogue is not None:
        said.append(f"Of {len(measured[0].called):,} labelled photos of {catalogue.root.name}; same label: as the first model's.")
    return (*said, *(one.shown for one in found if one.shown))
