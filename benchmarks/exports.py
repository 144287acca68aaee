"""All twelve variants as exports: size, speed beside torch, and whether eight bits keep labels: `python benchmarks/exports.py --out DIR`.

Nothing is trained for long: convolutions have chance weights (He et al. 2015), batch-norms the statistics of 64 photos, and the last layer
is fitted to the photos of train by ridge regression. Such a network tells photos apart, with closer scores than a trained one's: the share
of labels that eight bits keep is a lower bound of what a trained one's gets. Sizes and speeds do not turn on the weights.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measured import catalogue_of, command_line, keep, kept, machine, options, same_settings
from torch import nn

from modiste.data.batches import constants
from modiste.data.decoded import Pictures, decode
from modiste.data.split import limit
from modiste.exporting.asking import answers, by_onnxruntime
from modiste.exporting.by_torch import by_torch
from modiste.exporting.graph import export_graph
from modiste.exporting.halves import halved
from modiste.exporting.quantise import quantised
from modiste.exporting.tail import finished
from modiste.models.variants import PAPER_VARIANTS, VARIANTS, parameters, sketch
from modiste.records.recipe import Pixels
from modiste.records.table import Table
from modiste.serving.graphs import Ask
from modiste.training.given import Eyes
from modiste.training.model import Model

BATCH, RIDGE = 8, 1e-2


def network_of(name: str, side: int, train: Pictures, classes: Any) -> Model:
    """A variant that tells photos apart, for want of training."""
    torch.manual_seed(0)
    pixels = Pixels(side=side)
    network = sketch(replace(VARIANTS[name], frozen=False), len(classes))
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean over all that it sees
    mean, std = constants(pixels, False, train)
    model = Model(classes, Eyes(pixels, tuple(mean), tuple(std)), network)
    with torch.no_grad():
        network.train()
        for module in network.modules():
            if isinstance(module, nn.Dropout):
                module.eval()
        network.backbone(model.eyes.see(train.at(slice(0, 64))))
    fit_head(model, train)
    return model


def fit_head(model: Model, train: Pictures) -> None:
    """The last layer by ridge regression on the features of train."""
    features = answers(by_torch(model), train).features.astype(np.float64)
    centre, scale = features.mean(0), features.std() + 1e-12
    flat = (features - centre) / scale
    truth = np.eye(len(model.classes))[train.labels] * 2 - 1
    gram = flat @ flat.T + RIDGE * len(flat) * np.trace(flat @ flat.T) / len(flat) ** 2 * np.eye(len(flat))
    weight = (flat.T @ np.linalg.solve(gram, truth - truth.mean(0))).T / scale
    head = model.network.head
    assert isinstance(head, nn.Linear)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(truth.mean(0) - weight @ centre))


def measure(name: str, side: int, train: Pictures, test: Pictures, classes: Any, threads: int, rounds: int) -> dict[str, Any]:
    """One variant: its sizes, seconds a batch of each way in turn, and labels."""
    model = network_of(name, side, train, classes)
    graph = export_graph(model)
    made = {"fp32": finished(graph, 1.0), "fp16": finished(halved(graph), 1.0), "int8": finished(quantised(graph, train), 1.0)}
    ways: dict[str, Ask] = {"torch": by_torch(model), **{kind: by_onnxruntime(data, threads) for kind, data in made.items()}}
    said = {way: answers(ask, test) for way, ask in ways.items()}
    right = {way: float((one.called == test.labels).mean()) for way, one in said.items()}
    same = {way: float((one.called == said["torch"].called).mean()) for way, one in said.items()}
    apart = float(np.abs(said["fp32"].probabilities - said["torch"].probabilities).max())
    photos = test.at(slice(0, BATCH))
    return {
        "variant": name,
        "parameters": sum(parameters(model.network)),
        "bytes": {kind: len(data) for kind, data in made.items()},
        "seconds": in_turn({way: ways[way] for way in ("torch", "fp32", "int8")}, photos, rounds),
        "right": right,
        "same": same,
        "apart": apart,
        "called": len(np.unique(said["torch"].called)),
    }


def in_turn(ways: dict[str, Callable[..., Any]], photos: Any, rounds: int) -> dict[str, list[float]]:
    """Seconds of a batch, each way after the other, the first round left out."""
    took: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, ask in ways.items():
            begun = time.perf_counter()
            ask(photos)
            if number:
                took[way].append(time.perf_counter() - begun)
    return took


def table(found: list[dict[str, Any]], side: int, photos: int, threads: int) -> Table:
    rows = []
    for one in found:
        seconds, size = one["seconds"], one["bytes"]
        ratio = {
            (slow, quick): statistics.median(a / b for a, b in zip(seconds[slow], seconds[quick], strict=True))
            for slow, quick in (("torch", "fp32"), ("torch", "int8"), ("fp32", "int8"))
        }
        mb = [size[kind] / 1e6 for kind in ("fp32", "fp16", "int8")]
        same = [100 * one["same"][kind] for kind in ("fp32", "fp16", "int8")]
        rows.append(
            (one["variant"], one["parameters"] / 1e6, *mb, *ratio.values(), *same, 100 * one["right"]["torch"], 100 * one["right"]["int8"])
        )
    columns = (
        *("Variant", "Weights, M", "fp32, MB", "fp16, MB", "int8, MB", "torch / fp32, ×", "torch / int8, ×", "fp32 / int8, ×"),
        *("fp32 same, %", "fp16 same, %", "int8 same, %", "fp32 right, %", "int8 right, %"),
    )
    largest = max(one["apart"] for one in found)
    said = (
        f"Photos of {side} px, {threads} thread(s), batches of {BATCH}, all ways in turn: medians of the ratios of seconds.",
        f"Same: the share of {photos} photos of test with torch's label. fp32's probabilities differ by {largest:.1g} at most.",
        "Chance convolutions and a fitted last layer, not trained networks: their scores lie closer together.",
    )
    return Table("Exports of the twelve variants", columns, tuple(rows), said, digits=2)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--side", type=int, default=112)
    parser.add_argument("--train", type=int, default=400)
    parser.add_argument("--test", type=int, default=400)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    names = PAPER_VARIANTS[:2] if asked.trial else PAPER_VARIANTS
    settings = {key: str(getattr(asked, key)) for key in ("data", "side", "train", "test", "threads", "rounds", "trial")}
    same_settings(asked.out / "settings.json", settings)
    torch.set_num_threads(asked.threads)
    catalogue = catalogue_of(asked.data, asked.out, 1200, 224)
    cut = {name: limit(catalogue.split(name), most) for name, most in (("train", asked.train), ("test", asked.test))}
    train, test = (decode(part, Pixels(side=asked.side), None) for part in cut.values())
    file = asked.out / "exports.jsonl"
    for name in names:
        if name not in {one["variant"] for one in kept(file)}:
            keep(file, measure(name, asked.side, train, test, catalogue.classes, asked.threads, asked.rounds))
            print(f"{name}: done", flush=True)
    found = sorted(kept(file), key=lambda one: names.index(one["variant"]))
    made = table(found, asked.side, len(test), asked.threads)
    warning = "A trial: too short to be believed.\n\n" if asked.trial else ""
    text = f"{made.markdown()}\n{warning}Command: {command_line()}\n\nMachine: {machine()}\n"
    (asked.out / "exports.md").write_text(text, encoding="utf-8")
    plain = {"command": command_line(), "machine": machine(), "table": made.plain(), "variants": found}
    Path(asked.out / "exports.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
