"""`modiste train --from LABELS`: a better bundle from labels that people gave."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modiste.cli.words import USUALLY, Asked, Sitting, show
from modiste.records.errors import UsageError, missing_extra

if TYPE_CHECKING:
    from modiste.serving.bundle import Bundle

DEFAULT = Path("better.onnx")


def learn_from(labels: Path, output: Path | None, model: Path | None, asked: Asked, seed: int, json: bool) -> None:
    """Learn the last layer of a bundle anew, write a new one and a report, and say whether it is better; 3 where it stays as it is."""
    for package in ("scipy", "threadpoolctl"):
        if find_spec(package) is None:
            raise missing_extra(package, "learn", "learning from labels")
    from modiste.data.split import limit
    from modiste.learning.bundles import check_output, write
    from modiste.learning.labels import read_labels
    from modiste.learning.learnt import learn
    from modiste.records.labels import Classes
    from modiste.terminal import progress

    to = output or DEFAULT
    check_output(to, model)
    base = bundle_at(model)
    classes = Classes.parse(asked.classes) if asked.classes else None
    found = read_labels(labels, asked.data, base.card.classes, format=asked.format, classes=classes, column=asked.label)
    found = found if asked.limit is None else limit(found, asked.limit)
    with progress() as tell:
        learnt = learn(found, base, to.with_name(f"{to.name}.state"), declared=classes is not None, seed=seed, tell=tell)
    written = write(learnt, to)
    tables = [table for one in (learnt.verdict, learnt.test) if one is not None for table in (one.networks, one.classes)]
    places = [f"Bundle: {to}"] if written.bundle else []
    show(written.plain(), tables, json, "\n" + "\n".join([*written.words, "", *places, f"Report: {written.report}"]))
    if written.bundle is None:
        raise SystemExit(3)


def bundle_at(model: Path | None) -> Bundle:
    """The bundle that was named, or the one that comes with modiste."""
    from modiste.serving.bundle import read_bundle
    from modiste.serving.labeller import bundled, is_bundle

    if model is None:
        return bundled()
    is_bundle(model)  # says what to do about a folder
    return read_bundle(model)


def refuse_with_labels(variant: str | None, preset: str, epochs: int | None, auto_batch: bool, asked: Asked, sitting: Sitting) -> None:
    """Options of a training from a recipe mean nothing here: none is ignored silently."""
    usual: dict[str, tuple[Any, Any]] = {
        f"VARIANT ({variant})": (variant, None),
        "--preset": (preset, "paper"),
        "--epochs": (epochs, None),
        "--auto-batch": (auto_batch, False),
        "--image-size": (asked.image_size, None),
        "--set": (asked.set, ()),
        "--weights": (asked.weights, None),
        "--runs": (asked.runs, Path("runs")),
        "--device": (asked.device, "auto"),
        "--max-time or --log": (sitting, USUALLY),
    }
    if given := [name for name, (value, default) in usual.items() if value != default]:
        raise UsageError(f"--from learns the last layer of a bundle: leave out {', '.join(given)}. --model names the bundle.")
