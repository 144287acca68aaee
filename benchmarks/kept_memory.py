"""What it saves to keep freed memory while training (`memory_kept`): the same steps with and without, in turns, each in a fresh process.

python benchmarks/kept_memory.py
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import replace

import torch
from torch.nn import functional

from modiste.models.variants import VARIANTS, sketch
from modiste.records.recipe import Recipe
from modiste.records.table import Table
from modiste.training.loop import optimiser_of
from modiste.training.machine import memory_kept

BATCH, SIDE, WARM, STEPS = 32, 224, 3, 8


def seconds_a_step(variant: str, kept: bool) -> float:
    """The median step of a network that learns throughout, bf16, channels last."""
    network = sketch(replace(VARIANTS[variant], frozen=False), 4).train().to(memory_format=torch.channels_last)
    optimiser, took = optimiser_of(Recipe(), network, torch.device("cpu")), []
    pictures, labels = torch.randn(BATCH, 1, SIDE, SIDE).contiguous(memory_format=torch.channels_last), torch.arange(BATCH) % 4
    with memory_kept() if kept else nullcontext():
        for _ in range(WARM + STEPS):
            begun = time.perf_counter()
            optimiser.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16):
                scores = network(pictures)
            functional.cross_entropy(scores.float(), labels).backward()
            optimiser.step()
            took.append(time.perf_counter() - begun)
    return statistics.median(took[WARM:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("VARIANT", "KEPT"), help="one measurement, in this process")
    asked = parser.parse_args()
    if asked.one:
        print(seconds_a_step(asked.one[0], asked.one[1] == "kept"))
        return
    rows = []
    for variant in ("AlexNet (baseline)", "Resnet (baseline)"):
        given, kept = [], []
        for _ in range(asked.rounds):
            for how, found in (("given back", given), ("kept", kept)):
                said = subprocess.run([sys.executable, __file__, "--one", variant, how], capture_output=True, text=True, check=True)  # noqa: S603
                found.append(float(said.stdout))
        ratios = [before / after for before, after in zip(given, kept, strict=True)]
        rows.append(
            (variant, 1000 * statistics.median(given), 1000 * statistics.median(kept), statistics.median(ratios), min(ratios), max(ratios))
        )
    columns = ("network, learning throughout", "given back, ms a step", "kept, ms a step", "times as fast", "from", "to")
    print(Table(f"Freed memory, {asked.rounds} rounds, batches of {BATCH} at {SIDE} px", columns, tuple(rows), digits=2).markdown())


if __name__ == "__main__":
    main()
