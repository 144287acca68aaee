"""Whether this engine learns as well as the loop as most would write it: ResNet-18 from scratch, the same seeds of both.

    python benchmarks/accuracy.py --out OUT --data CATALOGUE

The naive loop computes in fp32 with PIL and a DataLoader, this engine as it does by itself (bf16 where the processor multiplies it);
photos, classes drawn by inverse frequency, the training photos' own mean and spread, Adam at 1e-4 and batches of 32 are the same.
Seeds do not make the two draw the same photos: the runs of a seed are as strange to each other as those of two. A finished run is not
run again. The result: OUT/accuracy.md, .json.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measured import answer_of, as_folders, catalogue_of, command_line, keep, kept, machine, options, same_settings
from scipy.stats import t as student

import modiste
from modiste.evaluation import metrics
from modiste.records.table import Table

BATCH = 32
MEASURES = {"macro F1": metrics.macro_f1, "accuracy": metrics.accuracy}


def measure(asked: Any, photos: Path) -> None:
    """Train what is lacking: for each seed this engine, then the naive loop with the mean and spread that it measured."""
    file = asked.out / "runs.jsonl"
    for seed in range(asked.seeds):
        found = {one["tool"]: one for one in kept(file) if one["seed"] == seed}
        if "modiste" not in found:
            recipe = asked.out / "recipe.json"
            recipe.write_text(json.dumps(recipe_of(asked, seed).plain()), encoding="utf-8")
            found["modiste"] = answer_of(sys.executable, "whole.py", photos, ["--recipe", recipe])
            keep_and_say(file, seed, "modiste", found["modiste"])
        if "naive loop" not in found:
            constants = ["--mean", *found["modiste"]["mean"], "--std", *found["modiste"]["std"]]
            own = ["--side", asked.side, "--batch", BATCH, "--epochs", asked.epochs, "--seed", seed, "--weighted", "--predict"]
            keep_and_say(file, seed, "naive loop", answer_of(sys.executable, "naive.py", photos, [*own, *constants]))


def recipe_of(asked: Any, seed: int) -> modiste.Recipe:
    network, pixels = modiste.Network(backbone="resnet18"), modiste.Pixels(side=asked.side)
    return modiste.Recipe(network=network, pixels=pixels, batch=BATCH, epochs=asked.epochs, seed=seed)


def keep_and_say(file: Path, seed: int, tool: str, answer: dict[str, Any]) -> None:
    keep(file, {"seed": seed, "tool": tool, **{key: value for key, value in answer.items() if key != "steps"}})
    print(f"seed {seed}, {tool}: {', '.join(f'{name} {value:.4f}' for name, value in measures(answer).items())}", flush=True)


def measures(answer: dict[str, Any]) -> dict[str, float]:
    """Macro F1 and accuracy on test."""
    said = modiste.Predictions.of(answer["said"]["truth"], answer["said"]["called"], answer["said"]["classes"])
    return {name: measure(said) for name, measure in MEASURES.items()}


def difference(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """The difference of two means with its 95 % interval, the spreads taken as unlike (Welch)."""
    apart = statistics.mean(ours) - statistics.mean(theirs)
    parts = [statistics.variance(values) / len(values) for values in (ours, theirs)]
    if not sum(parts):
        return apart, apart, apart
    freedom = sum(parts) ** 2 / sum(part**2 / (len(values) - 1) for part, values in zip(parts, (ours, theirs), strict=True))
    reach = float(student.ppf(0.975, freedom)) * sum(parts) ** 0.5
    return apart, apart - reach, apart + reach


def table(answers: list[dict[str, Any]], asked: Any, photos: str) -> Table:
    """A row a run, and the differences in words."""
    found = [(one["tool"], one["seed"], one["precision"], measures(one)) for one in answers]
    rows = tuple((tool, seed, precision, *values.values()) for tool, seed, precision, values in sorted(found, key=lambda one: one[:2]))
    return Table(
        f"ResNet-18 from scratch, {asked.side} px, {asked.epochs} epochs, on test",
        ("tool", "seed", "precision", *MEASURES),
        rows,
        (photos, *(in_words(name, found) for name in MEASURES)),
    )


def in_words(name: str, found: Sequence[tuple[str, int, str, dict[str, float]]]) -> str:
    """Whether the two differ beyond what seeds do."""
    ours, theirs = ([values[name] for tool, _, _, values in found if tool == wanted] for wanted in ("modiste", "naive loop"))
    if min(len(ours), len(theirs)) < 2:
        return f"{name}: one seed says nothing of seed noise."
    apart, low, high = difference(ours, theirs)
    verdict = "no difference beyond seed noise" if low <= 0 <= high else "a difference beyond seed noise"
    means = f"modiste {statistics.mean(ours):.4f}, naive loop {statistics.mean(theirs):.4f}"
    return f"{name}: {means}, difference {apart:+.4f} (95 % interval {low:+.4f} to {high:+.4f}): {verdict}."


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--side", type=int, default=112)
    asked = parser.parse_args()
    few = (256, 64) if asked.trial else (None, None)
    if asked.trial:
        asked.seeds, asked.epochs, asked.side = 2, 1, 64
    same_settings(asked.out / "settings.json", {key: str(getattr(asked, key)) for key in ("data", "epochs", "side", "trial")})
    photos = as_folders(catalogue_of(asked.data, asked.out, 4096, asked.side), asked.out / "photos", *few)
    measure(asked, photos)
    answers = [one for one in kept(asked.out / "runs.jsonl") if one["seed"] < asked.seeds]
    there = modiste.read(photos)
    made = table(answers, asked, f"{len(there.split('train'))} photos to train on, {len(there.split('test'))} to test.")
    warning = "A trial: too short to be believed.\n\n" if asked.trial else ""
    text = f"{made.markdown()}\n{warning}Command: {command_line()}\n\nMachine: {machine()}\n"
    (asked.out / "accuracy.md").write_text(text, encoding="utf-8")
    versions = {one["tool"]: {"python": one["python"], "threads": one["threads"], **one["versions"]} for one in answers}
    plain = {"command": command_line(), "machine": machine(), "versions": versions, "table": made.plain()}
    (asked.out / "accuracy.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
