"""How long the head of a frozen ResNet-18 takes to train, beside the loop as most would write it.

    python benchmarks/frozen.py --out OUT --data CATALOGUE

This engine is timed whole: reading, decoding, the features of every photo once, 19 epochs of the head, and what it says of test. The
naive loop decodes and computes every photo in every epoch: its time is estimated from its rate over some batches, or measured with
--whole (most of an hour on two cores). The two take turns. A stopped benchmark goes on where it was. The result: OUT/frozen.md, .json.
"""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from measured import answer_of, as_folders, catalogue_of, command_line, keep, kept, machine, options, same_settings
from safetensors.torch import save_file
from torchvision.models import resnet18

import modiste
from modiste.records.table import Table

BATCH, SIDE = 32, 224
WARM_UP = 4
VARIANT = "Resnet (baseline)"


def chance_weights(file: Path) -> Path:
    """A ResNet-18 file of chance weights: the time of a run does not turn on their values."""
    if not file.is_file():
        torch.manual_seed(0)
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file(resnet18(weights=None).state_dict(), file)
    return file


def recipe_file(out: Path, weights: Path, epochs: int) -> Path:
    """The recipe of the paper's frozen ResNet-18, from these weights."""
    network = replace(modiste.VARIANTS[VARIANT], weights=str(weights.absolute()))
    recipe = modiste.Recipe(network=network, pixels=modiste.Pixels(side=SIDE), batch=BATCH, epochs=epochs)
    file = out / "recipe.json"
    file.write_text(json.dumps(recipe.plain()), encoding="utf-8")
    return file


def rate(answer: dict[str, Any]) -> float:
    """Photos a second of the naive loop, its first steps left out."""
    steps = answer["steps"]
    return (len(steps) - WARM_UP) * BATCH / (steps[-1] - steps[WARM_UP - 1])


def measure(asked: Any, whole: Path, part: Path, recipe: Path) -> None:
    """The rounds that are lacking: the naive loop, then this engine."""
    file = asked.out / "rounds.jsonl"
    done = {(one["round"], one["tool"]) for one in kept(file)}
    common = ["--side", SIDE, "--batch", BATCH]
    naive = [*common, "--frozen", "--weighted"]
    for number in range(asked.rounds):
        if (number, "naive") not in done:
            photos, epochs = (whole, asked.epochs) if asked.whole else (part, 1)
            answer = answer_of(sys.executable, "naive.py", photos, [*naive, "--epochs", epochs])
            keep(file, {"round": number, "tool": "naive", **answer})
            print(f"round {number + 1}, naive loop: {rate(answer):.1f} photos/s", flush=True)
        if (number, "modiste") not in done:
            answer = answer_of(sys.executable, "whole.py", whole, [*common, "--recipe", recipe])
            keep(file, {"round": number, "tool": "modiste", **answer})
            print(f"round {number + 1}, modiste: {answer['seconds']:.1f} s", flush=True)


def table(answers: list[dict[str, Any]], train: int, test: int, epochs: int, whole: bool) -> Table:
    """Seconds of both, and how many times as long the naive loop takes."""
    naive, ours = ({one["round"]: one for one in answers if one["tool"] == tool} for tool in ("naive", "modiste"))
    alone = {number: trained(answer, train * epochs, whole) for number, answer in naive.items()}
    watched = {number: seconds + epochs * test / rate(naive[number]) for number, seconds in alone.items()}
    seconds = {number: answer["seconds"] for number, answer in ours.items()}
    rows = (
        ("naive loop, seconds, training alone", *spread(list(alone.values()))),
        ("naive loop, seconds, test looked at after each epoch", *spread(list(watched.values()))),
        ("modiste, seconds, the whole run (looks at test after each epoch)", *spread(list(seconds.values()))),
        ("training alone / modiste, times", *spread([alone[number] / took for number, took in seconds.items()])),
        ("the same work / modiste, times", *spread([watched[number] / took for number, took in seconds.items()])),
    )
    title = f"{epochs} epochs of the head of a frozen ResNet-18 on {train} photos of {SIDE} px, with {test} of test"
    speed = statistics.median(map(rate, naive.values()))
    how = "ran whole" if whole else f"is estimated from {speed:.1f} photos/s"
    said = f"The naive loop's training {how}; test is counted at the rate of training, which is the network's forward pass too."
    return Table(title, ("", "median", "least", "most"), rows, (said, *notes(ours)), digits=1)


def trained(answer: dict[str, Any], photos: int, whole: bool) -> float:
    """Seconds of the naive loop for so many photos, measured or by its rate."""
    return float(answer["steps"][-1] - answer["steps"][0]) if whole else photos / rate(answer)


def spread(values: list[float]) -> tuple[float, float, float]:
    return statistics.median(values), min(values), max(values)


def notes(ours: dict[int, dict[str, Any]]) -> tuple[str, ...]:
    """Where this engine's time went, and what was counted."""
    stages = {name for answer in ours.values() for name in answer["stages"]}
    seconds = {name: statistics.median(answer["stages"].get(name, 0.0) for answer in ours.values()) for name in stages}
    where = ", ".join(f"{name} {took:.1f} s" for name, took in sorted(seconds.items(), key=lambda one: -one[1]))
    return (
        f"modiste by what it told (median of {len(ours)} rounds): {where}.",
        "modiste's time holds all from reading the photos to the answers for test.",
        "The naive loop keeps the frozen layers in evaluation mode and computes in fp32; its start is left out.",
    )


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--weights", type=Path, help="a ResNet-18 file; chance weights when left away")
    parser.add_argument("--photos", type=int, help="photos to train on; all of train when left away")
    parser.add_argument("--epochs", type=int, default=19)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=40, help="of the naive loop's rate")
    parser.add_argument("--whole", action="store_true", help="run the naive loop to its end")
    asked = parser.parse_args()
    if asked.trial:
        asked.photos, asked.rounds, asked.batches = 256, 1, 4
    settings = {key: str(getattr(asked, key)) for key in ("data", "weights", "photos", "epochs", "batches", "whole", "trial")}
    same_settings(asked.out / "settings.json", settings)
    catalogue = catalogue_of(asked.data, asked.out, 4096, SIDE)
    whole = as_folders(catalogue, asked.out / "photos", asked.photos, 64 if asked.trial else None)
    part = as_folders(catalogue, asked.out / "photos-of-the-rate", BATCH * (WARM_UP + asked.batches), BATCH)
    recipe = recipe_file(asked.out, asked.weights or chance_weights(asked.out / "weights.safetensors"), asked.epochs)
    measure(asked, whole, part, recipe)
    answers = kept(asked.out / "rounds.jsonl")
    there = modiste.read(whole)
    made = table(answers, len(there.split("train")), len(there.split("test")), asked.epochs, asked.whole)
    warning = "A trial: too short to be believed.\n\n" if asked.trial else ""
    text = f"{made.markdown()}\n{warning}Command: {command_line()}\n\nMachine: {machine()}\n"
    (asked.out / "frozen.md").write_text(text, encoding="utf-8")
    plain = {"command": command_line(), "machine": machine(), "table": made.plain(), "rounds": [without_answers(one) for one in answers]}
    (asked.out / "frozen.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    print(text)


def without_answers(answer: dict[str, Any]) -> dict[str, Any]:
    """A round without what was said of each photo."""
    return {key: value for key, value in answer.items() if key != "said"}


if __name__ == "__main__":
    main()
