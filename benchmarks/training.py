"""How fast this engine trains beside other tools, in turns on the same photos and networks.

    python benchmarks/training.py --out OUT --data CATALOGUE --peers PEERS/bin/python --timm-train train.py

The peers (benchmarks/requirements.txt) live in an environment of their own, given by --peers; --peers may be given several times, and
a peer that is in none of them is left out. Each tool runs in a process of its own, one at a time, A B C ... A B C ..., on the same
folder of photos, as many as there are steps; each is timed from the end of its last step of warm-up to the end of its last step.
A stopped benchmark goes on where it was. OUT/training.md and OUT/training.json hold the result.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from measured import ToolFailed, answer_of, as_folders, catalogue_of, command_line, keep, kept, machine, options, python_with, same_settings
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from modiste.records.table import Table

BATCH, SIDE, WORKERS = 32, 224, 2
EPOCHS = 19  # of the paper: a photo is decoded once for so many
OURS, PEAK = "modiste", "peak of convolutions"


@dataclass(frozen=True)
class Tool:
    """A way to train: its script in peers/, the package it needs ('' is here already), its options, the networks it has."""

    script: str
    package: str = ""
    options: tuple[str, ...] = ()
    networks: tuple[str, ...] = ("resnet18", "alexnet")


def rounds(asked: Any, file: Path, tools: dict[str, Tool], pythons: dict[str, Any], photos: dict[str, Path]) -> list[str]:
    """Measure what is lacking, the tools in turn; what failed, in words."""
    failed: dict[str, str] = {}
    done = {(one["round"], one["network"], one["tool"]) for one in kept(file)}
    for number in range(asked.rounds):
        for network in asked.networks:
            for name, tool in {PEAK: Tool("peak.py"), **tools}.items():
                if network not in tool.networks or (number, network, name) in done or name in failed:
                    continue
                try:
                    answer = answer_of(pythons[tool.package], tool.script, photos[network], arguments(network, tool, asked))
                except ToolFailed as error:
                    failed[name] = str(error)
                    print(f"{name} failed and is left out:\n{error}", flush=True)
                    continue
                keep(file, {"round": number, "network": network, "tool": name, **answer})
                print(f"round {number + 1}, {network}, {name}: {said(answer, asked.warm_up)}", flush=True)
    return [f"{name} failed: {why.splitlines()[-1]}" for name, why in failed.items()]


def arguments(network: str, tool: Tool, asked: Any) -> list[object]:
    own = ["--script", asked.timm_train.absolute()] if tool.package == "timm" else []
    return ["--network", network, "--side", SIDE, "--batch", BATCH, "--workers", WORKERS, *own, *tool.options]


def said(answer: dict[str, Any], warm_up: int) -> str:
    if "gflops" in answer:
        return ", ".join(f"{name} {rate:.0f} GFLOP/s" for name, rate in answer["gflops"].items())
    return f"{rate(answer, warm_up):.1f} photos/s"


def rate(answer: dict[str, Any], warm_up: int) -> float:
    """Photos a second from the end of the last step of warm-up to the end of the last step."""
    steps = answer["steps"]
    return (len(steps) - warm_up) * BATCH / (steps[-1] - steps[warm_up - 1])


def with_decoding(answer: dict[str, Any], warm_up: int, epochs: int) -> float:
    """Photos a second where each photo was decoded before its first of so many epochs, outside the steps."""
    return 1 / (1 / rate(answer, warm_up) + answer["decoding_seconds"] / epochs)


def flops(network: str, channels: int = 3) -> float:
    """GFLOP a photo of one training step by the book: forward, and backward without the gradient of the pictures.

    A multiplication and an addition are two; convolutions and linear layers alone are counted.
    """
    with torch.device("meta"):
        made = getattr(models, network)(num_classes=4)
        if channels != 3:
            first = next(module for module in made.modules() if isinstance(module, torch.nn.Conv2d))
            first.weight = torch.nn.Parameter(first.weight[:, :channels])
            first.in_channels = channels
        with FlopCounterMode(display=False) as counter:
            functional.cross_entropy(made(torch.randn(2, channels, SIDE, SIDE)), torch.zeros(2, dtype=torch.long)).backward()
    return counter.get_total_flops() / 2 / 1e9


def table(network: str, answers: Sequence[dict[str, Any]], warm_up: int) -> Table:
    """Each tool's photos a second, and how many times as fast this engine is: medians of the rounds, and the spread of the ratio."""
    by_tool: dict[str, dict[int, dict[str, Any]]] = {}
    for answer in answers:
        if answer["network"] == network:
            by_tool.setdefault(answer["tool"], {})[answer["round"]] = answer
    peaks, ours = by_tool.pop(PEAK, {}), by_tool.get(OURS, {})
    rows = []
    for name, found in ((name, by_tool[name]) for name in TOOLS if name in by_tool):
        for label, speed in speeds(name, warm_up).items():
            photos = {number: speed(answer) for number, answer in found.items()}
            ratios = [with_decoding(ours[number], warm_up, EPOCHS) / one for number, one in photos.items() if number in ours]
            shares = [
                100 * one * flops(network) / peaks[number]["gflops"][found[number]["precision"]]
                for number, one in photos.items()
                if number in peaks
            ]
            spread = (statistics.median(ratios), min(ratios), max(ratios)) if ratios else (None, None, None)
            precision = next(iter(found.values()))["precision"]
            middle = statistics.median(photos.values())
            rows.append((label, precision, middle, *spread, statistics.median(shares) if shares else None))
    columns = ("tool", "precision", "photos/s", "modiste is x as fast", "from", "to", "% of the peak")
    return Table(
        f"Training {network} from scratch, {SIDE} px, batches of {BATCH}", columns, tuple(rows), notes(network, answers, peaks), digits=2
    )


def speeds(name: str, warm_up: int) -> dict[str, Callable[[dict[str, Any]], float]]:
    """The rows of a tool: what decodes inside its steps has one, this engine one for a long run and one for its first epoch."""
    if name != OURS:
        return {name: lambda answer: rate(answer, warm_up)}
    return {
        f"{OURS}, a run of {EPOCHS} epochs": lambda answer: with_decoding(answer, warm_up, EPOCHS),
        f"{OURS}, its first epoch alone": lambda answer: with_decoding(answer, warm_up, 1),
    }


def notes(network: str, answers: Sequence[dict[str, Any]], peaks: dict[int, dict[str, Any]]) -> tuple[str, ...]:
    here = [answer for answer in answers if answer["network"] == network]
    trained = [answer for answer in here if answer["steps"]]
    steps = " or ".join(str(count) for count in sorted({len(answer["steps"]) for answer in trained}))
    made = [
        f"Rounds: {len({answer['round'] for answer in trained})}, of {steps} steps each. Ratios are taken inside a round.",
        f"A step is {flops(network):.2f} GFLOP a photo by the book, {flops(network, 1):.2f} with three equal grey channels folded to one; "
        "the share of the peak is of the first.",
    ]
    if peaks:
        reached = {name: statistics.median(answer["gflops"][name] for answer in peaks.values()) for name in ("bf16", "fp32")}
        made.append(
            f"The peak of convolutions here: {reached['bf16']:.0f} GFLOP/s in bf16, {reached['fp32']:.0f} in fp32 (median of the rounds)."
        )
    if "timm train.py" in {answer["tool"] for answer in here}:
        made.append("timm: --no-aug and colour photos (train.py has no setting for grey); all else here sees grey in three channels.")
    busy = [answer["others_busy_seconds"] for answer in here if "others_busy_seconds" in answer]
    if busy:
        made.append(
            f"Processor seconds of other programs during a measurement: median {statistics.median(busy):.1f}, most {max(busy):.1f}."
        )
    return tuple(made)


def left_out(pythons: dict[str, Any], asked: Any) -> dict[str, str]:
    """The tools that cannot be measured here, and why."""
    lacking = {name: f"no --peers has {tool.package}" for name, tool in TOOLS.items() if pythons[tool.package] is None}
    without_script = {name: "no --timm-train" for name, tool in TOOLS.items() if tool.package == "timm" and asked.timm_train is None}
    return {**without_script, **lacking}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--peers", type=Path, action="append", default=[], help="the Python of an environment that holds peers")
    parser.add_argument("--timm-train", type=Path, help="train.py of timm's repository")
    parser.add_argument("--networks", nargs="+", choices=tuple(STEPS), default=list(STEPS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warm-up", type=int, default=4, help="steps that are not timed")
    asked = parser.parse_args()
    if asked.trial:
        asked.rounds, asked.warm_up = 1, 1
    steps = {name: asked.warm_up + (3 if asked.trial else STEPS[name]) for name in asked.networks}
    same_settings(asked.out / "settings.json", {"data": str(asked.data), "steps": steps, "warm_up": asked.warm_up, "trial": asked.trial})
    catalogue = catalogue_of(asked.data, asked.out, 2 * BATCH * max(steps.values()), SIDE)
    photos = {name: as_folders(catalogue, asked.out / f"photos-{name}", BATCH * steps[name], BATCH) for name in asked.networks}
    versions = {package: python_with(package, asked.peers) for package in sorted({tool.package for tool in TOOLS.values()} - {""})}
    pythons = {"": HERE, **{package: python for package, (python, _) in versions.items()}}
    missing = left_out(pythons, asked)
    tools = {name: tool for name, tool in TOOLS.items() if name not in missing}
    failed = rounds(asked, asked.out / "rounds.jsonl", tools, pythons, photos)
    write(asked, [f"{name} is left out: {why}." for name, why in missing.items()] + failed)


def write(asked: Any, absent: list[str]) -> None:
    """OUT/training.md and OUT/training.json, from the rounds that stand in OUT."""
    answers = kept(asked.out / "rounds.jsonl")
    tables = [table(network, answers, asked.warm_up) for network in asked.networks]
    versions = {answer["tool"]: {"python": answer["python"], "threads": answer["threads"], **answer["versions"]} for answer in answers}
    warning = ["A trial: too short to be believed."] if asked.trial else []
    told = [*warning, f"Command: {command_line()}", f"Machine: {machine()}", *absent]
    text = "\n".join([*(one.markdown() for one in tables), *(f"{line}\n" for line in told)])
    (asked.out / "training.md").write_text(text, encoding="utf-8")
    plain = {
        "command": command_line(),
        "machine": machine(),
        "absent": absent,
        "versions": versions,
        "tables": [one.plain() for one in tables],
    }
    (asked.out / "training.json").write_text(json.dumps({**plain, "rounds": answers}, indent=1) + "\n", encoding="utf-8")
    print(text)


HERE = Path(sys.executable)
STEPS = {"resnet18": 10, "alexnet": 30}  # timed in a round; a fast network's steps are more, so that they last as long
TOOLS: dict[str, Tool] = {
    "naive loop": Tool("naive.py"),
    "timm train.py": Tool("with_timm.py", "timm", networks=("resnet18",)),
    "timm train.py, bf16, channels last": Tool("with_timm.py", "timm", ("--best-flags",), networks=("resnet18",)),
    "fastai Learner": Tool("with_fastai.py", "fastai"),
    "Lightning Trainer": Tool("with_lightning.py", "lightning"),
    OURS: Tool("with_modiste.py"),
}

if __name__ == "__main__":
    main()
