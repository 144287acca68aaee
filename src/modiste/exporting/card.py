"""The card of an export: facts as plain values, and a model card in markdown that is made of nothing else."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from modiste import __version__
from modiste.evaluation.metrics import report
from modiste.evaluation.statistics.calibration import ece
from modiste.exporting.evidence import Judged
from modiste.exporting.rejecting import answers_without
from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions
from modiste.records.recipe import Recipe
from modiste.records.run import Run, slug
from modiste.records.words import counted

VERSIONS = ("torch", "onnx", "onnxscript", "onnxruntime", "openvino", "numpy")
NONE_SHOWN = {
    True: "also for one that shows none of them.",
    False: "which is then to be rejected where it shows none of them; not all such are.",
}
USES = {  # kind of export -> how it is used
    "": "`modiste label photos/ --model FILE`, or any runtime that opens ONNX",
    "openvino": "OpenVINO, which opens the .xml with the .bin beside it, or `modiste benchmark FILE.xml` to measure it "
    "(`modiste label` takes the kinds that are one .onnx)",
}
NO_EVIDENCE = "None: it was judged by no photos that it did not learn from. Its probabilities are not calibrated."


def facts_of(run: Run, kind: str, judged: Judged, reject: str | None, more: Mapping[str, Any]) -> dict[str, Any]:
    """What made the run and the export, as plain values; no path of the machine that made them."""
    about = run.about
    return {
        "kind": kind,
        "run": run.folder.resolve().name,
        "network": slug(run.recipe.network),
        "recipe": recipe_of(run.recipe),
        "seed": run.recipe.seed,
        "data_hash": about.get("data", {}).get("hash", ""),
        "photos": about.get("data", {}).get("photos", {}),
        "parameters": about.get("parameters", {}),
        "started_from": without_folders(str(about.get("started_from", ""))),
        "trained_with": about.get("made_with", {}),
        "exported": datetime.now(UTC).strftime("%Y-%m-%d"),
        "exported_with": exported_with(),
        "evidence_ece": None if judged.predictions is None else round(ece(judged.predictions, temperature=judged.temperature), 4),
        "test": tested(run, reject),
        **more,
    }


def recipe_of(recipe: Recipe) -> dict[str, Any]:
    """The recipe, a file of weights by its name alone."""
    plain = recipe.plain()
    plain["network"]["weights"] = without_folders(plain["network"]["weights"])
    return plain


def without_folders(weights: str) -> str:
    """A file of weights without the folders it lay in; 'FILE sha256:...' keeps its hash.

    >>> without_folders("/home/ann/resnet18.pth sha256:0f3a")
    'resnet18.pth sha256:0f3a'
    """
    file, space, seal = weights.partition(" sha256:")
    return Path(file).name + space + seal


def exported_with() -> dict[str, Any]:
    """Versions and machine of the export."""
    found: dict[str, Any] = {"modiste": __version__, "python": platform.python_version()}
    for name in VERSIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # an extra that was not needed
    return {**found, "system": f"{platform.system()} {platform.machine()}", "cores": os.cpu_count() or 1}


def tested(run: Run, reject: str | None) -> dict[str, Any] | None:
    """The figures on test, without the class that is no product."""
    if "test" not in run.splits:
        return None
    found = run.predictions("test")
    return figures(found if reject is None else answers_without(found, reject))


def figures(predictions: Predictions) -> dict[str, Any]:
    """Accuracy, macro F1, and a line a class, of the run in full precision."""
    table = report(predictions, "test")
    return {"photos": len(predictions), "columns": list(table.columns), "rows": [list(row) for row in table.rows]}


def model_card(
    name: str, classes: tuple[str, ...], facts: Mapping[str, Any], reject: float | None, temperature: float, about: str = ""
) -> str:
    """The facts in words, for people: what it is, what it was made of, how good it is, what it is not for.

    `about` is what facts do not know, in markdown.
    """
    recipe = facts["recipe"]
    pixels = recipe["pixels"]
    photos = ", ".join(f"{count:,} {split}" for split, count in facts["photos"].items()) or "unknown"
    learnt = "chance" if facts["started_from"] in ("", "none") else facts["started_from"]
    colour = "colour" if pixels["colour"] == "rgb" else "grey"
    parts = [
        f"# {name}",
        f"A classifier of fashion photos: {facts['network']}, {facts['words']}. It names one of {len(classes)} classes for each photo: "
        f"{', '.join(classes)}.",
        *([about.strip()] if about.strip() else []),
        "## Use",
        f"{USES.get(facts['kind'], USES[''])}: input `pixels`, uint8 (N, "
        f"{pixels['side']}, {pixels['side']}, {3 if pixels['colour'] == 'rgb' else 1}), {colour}, fitted by '{pixels['fit']}'. "
        "Normalisation is part of the network.",
        "## What it learnt from",
        f"{photos} photos (data hash `{str(facts['data_hash'])[:16]}`), {counted(recipe['epochs'], 'epoch')}, seed {facts['seed']}, "
        f"starting from {learnt}.",
        "## How good it is",
        *test_words(facts["test"]),
        "## How sure it is",
        *sure_words(facts, reject, temperature),
        "## What was checked",
        f"Against the trained network: {facts['gate_words']}."
        + ("" if facts["gate"]["passed"] else f" **It does not pass the gate: {'; '.join(facts['gate']['failures'])}.**"),
        "## Limits",
        f"It knows {len(classes)} classes and names one of them for any photo, {NONE_SHOWN[reject is None]} Figures hold for "
        "photos like those it was tested on; check a hundred of your own before you rely on it.",
        "## How it was made",
        f"Run `{facts['run']}`, exported {facts['exported']} with "
        + ", ".join(f"{name} {version}" for name, version in facts["exported_with"].items() if name not in ("system", "cores"))
        + f", on {facts['exported_with']['system']}. The whole recipe stands in the bundle's facts.",
    ]
    return "\n\n".join(parts) + "\n"


def test_words(test: Mapping[str, Any] | None) -> list[str]:
    """The figures on test as a markdown table."""
    if test is None:
        return ["The run kept no predictions for a split test: nothing is known."]
    head, *rows = [[shown(cell) for cell in row] for row in (test["columns"], *test["rows"])]
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    return [f"Of the network in full precision, on {test['photos']:,} photos of split test:", "\n".join(lines)]


def shown(cell: Any) -> str:
    return "–" if cell is None else f"{cell:.4f}" if isinstance(cell, float) else str(cell).replace("|", r"\|")


def sure_words(facts: Mapping[str, Any], reject: float | None, temperature: float) -> list[str]:
    """Where temperature, evidence and strangeness come from."""
    evidence = facts["evidence"]
    if not evidence["photos"]:
        return [NO_EVIDENCE]
    where = f"{evidence['photos']:,} photos of {evidence['split']} ({evidence['source']})"
    words = [f"Temperature {temperature:.3f}, fitted on {where}; calibration error there {facts['evidence_ece']:.3f}."]
    if evidence["split"] == "test":
        words.append("These are the photos of the figures above: thresholds taken from them look better than they are.")
    if reject is not None and "class" in facts["strangeness"]:
        words.append(
            f"It learnt a class {facts['strangeness']['class']} of pictures that show no fashion product: its log-odds are the strangeness."
        )
    if reject is not None:
        words.append(
            f"A photo stranger than {reject:.3g} is no fashion photo; {100 * facts['strangeness']['usual']:g} % of those photos are not."
        )
    return words


def plain_name(name: str) -> str:
    """A bundle's name as it will stand in results and file names; refused where it would be a path."""
    if not name or name != Path(name).name or name.startswith("."):
        raise ModisteError(f"--name '{name}': give a plain name such as shop-2025.")
    return name
