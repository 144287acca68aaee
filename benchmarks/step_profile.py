"""Where a training step's time goes, by kind of work, and how near its convolutions come to the machine's peak.

    python benchmarks/step_profile.py --out OUT --data CATALOGUE --variant "AlexNet (baseline)"

The step is the engine's own: `modiste.train` runs, and torch's profiler is switched on from the end of one step to the end of another.
Time is that of the thread that trains. What no operation of torch accounts for is Python, reading photos and the profiler itself.
`--variant resnet18` is ResNet-18 from scratch. The result: OUT/NAME.md and .json.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from measured import answer_of, as_folders, catalogue_of, command_line, machine, options
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

import modiste
from modiste.models.variants import sketch
from modiste.records.table import Table

REST = "outside torch's operations"


@dataclass
class Watch:
    """The profiler, on for so many steps after the first few."""

    warm_up: int
    steps: int
    seen: int = 0
    seconds: float = 0.0
    profiler: profile = field(default_factory=lambda: profile(activities=[ProfilerActivity.CPU]))

    def after_step(self, *_: object) -> None:
        self.seen += 1
        if self.seen == self.warm_up:
            self.profiler.start()
            self.seconds = -time.perf_counter()
        elif self.seen == self.warm_up + self.steps:
            self.seconds += time.perf_counter()
            self.profiler.stop()


def recipe_of(variant: str, batch: int, side: int) -> modiste.Recipe:
    """A variant of the paper, by chance weights and learning throughout, for one epoch."""
    network = modiste.Network(backbone="resnet18") if variant == "resnet18" else modiste.VARIANTS[variant]
    if network.frozen:
        raise SystemExit(f"{variant} is frozen: its steps see the head alone. Give --variant resnet18, or one that learns.")
    return modiste.Recipe(network=network, pixels=modiste.Pixels(side=side), batch=batch, epochs=1, sampling="shuffled")


def watched(recipe: modiste.Recipe, photos: Path, watch: Watch) -> str:
    """Train for an epoch under the watch; the precision it computed in."""
    handle = register_optimizer_step_post_hook(watch.after_step)
    with tempfile.TemporaryDirectory(prefix="profile-") as runs:
        run = modiste.train(recipe, modiste.read(photos), Path(runs), device="cpu")
        precision: str = run.about["precision"]
    handle.remove()
    return precision


def by_kind(watch: Watch) -> dict[str, float]:
    """Milliseconds a step of each kind of work, most first, and what no operation accounts for."""
    spent: dict[str, float] = defaultdict(float)
    for event in watch.profiler.key_averages():
        spent[kind_of(event.key)] += event.self_cpu_time_total / 1000 / watch.steps
    spent[REST] += 1000 * watch.seconds / watch.steps - sum(spent.values())
    return dict(sorted(spent.items(), key=lambda one: -one[1]))


def kind_of(operation: str) -> str:
    """The kind of work that an operation of torch belongs to.

    >>> kind_of("aten::mkldnn_convolution"), kind_of("aten::convolution_backward"), kind_of("aten::relu_")
    ('convolution, forward', 'convolution, backward', 'activations and sums')
    """
    return next((kind for kind, pattern in KINDS.items() if re.search(pattern, operation)), "other operations")


def gflops(recipe: modiste.Recipe, side: int, batch: int) -> dict[str, float]:
    """GFLOP a step of convolutions and linear layers, by the book: with the channels that the recipe says."""
    with torch.device("meta"):
        network = sketch(recipe.network, 4, recipe.pixels.channels)
        with FlopCounterMode(display=False) as counter:
            network(torch.randn(2, recipe.pixels.channels, side, side)).sum().backward()
    found: dict[str, float] = defaultdict(float)
    for operation, count in counter.get_flop_counts()["Global"].items():
        found[COUNTED[str(operation)]] += count / 2 * batch / 1e9
    return dict(found)


def table(variant: str, spent: dict[str, float], work: dict[str, float], peak: float, seconds_a_step: float) -> Table:
    """A row a kind: its time, its share of the step, and what it reaches of the peak of convolutions."""
    total = 1000 * seconds_a_step
    rows = []
    for kind, milliseconds in spent.items():
        reached = work[kind] / milliseconds * 1000 if kind in work and milliseconds > 0 else None
        rows.append((kind, milliseconds, 100 * milliseconds / total, reached, None if reached is None else 100 * reached / peak))
    whole = sum(work.values()) / seconds_a_step
    rows.append(("the whole step", total, 100.0, whole, 100 * whole / peak))
    columns = ("kind of work", "ms a step", "% of the step", "GFLOP/s", "% of the peak")
    return Table(f"A training step of {variant}", columns, tuple(rows), digits=1)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--variant", default="AlexNet (baseline)", help="of modiste.VARIANTS, or resnet18")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warm-up", type=int, default=4)
    asked = parser.parse_args()
    if asked.trial:
        asked.steps, asked.warm_up = 2, 1
    recipe = recipe_of(asked.variant, asked.batch, asked.side)
    count = asked.batch * (asked.warm_up + asked.steps)
    photos = as_folders(catalogue_of(asked.data, asked.out, 2 * count, asked.side), asked.out / f"photos-{count}", count, 32)
    peaks: dict[str, float] = answer_of(sys.executable, "peak.py", photos, [])["gflops"]
    watch = Watch(asked.warm_up, asked.steps)
    precision = watched(recipe, photos, watch)
    seconds = watch.seconds / asked.steps
    made = table(asked.variant, by_kind(watch), gflops(recipe, asked.side, asked.batch), peaks[precision], seconds)
    write(
        asked,
        made,
        precision,
        peaks,
        {event.key: event.self_cpu_time_total / 1000 / asked.steps for event in watch.profiler.key_averages()},
    )


def write(asked: Any, made: Table, precision: str, peaks: dict[str, float], operations: dict[str, float]) -> None:
    """OUT/NAME.md and .json; the latter has every operation by itself."""
    name = re.sub(r"\W+", "-", asked.variant.lower()).strip("-")
    told = [
        *(["A trial: too short to be believed."] if asked.trial else []),
        f"{asked.side} px, batches of {asked.batch}, {precision}, {asked.steps} steps, {torch.get_num_threads()} threads.",
        f"Peak of convolutions: {peaks[precision]:.0f} GFLOP/s in {precision}. GFLOP are by the book, though equal channels be folded.",
        f"torch {torch.__version__}",
        f"Command: {command_line()}",
        f"Machine: {machine()}",
    ]
    text = "\n".join([made.markdown(), *(f"{line}\n" for line in told)])
    (asked.out / f"{name}.md").write_text(text, encoding="utf-8")
    most = dict(sorted(operations.items(), key=lambda one: -one[1]))
    plain = {"table": made.plain(), "told": told, "peaks": peaks, "milliseconds_by_operation": most}
    (asked.out / f"{name}.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    print(text)


KINDS = {  # kind of work -> the operations that belong to it; the first that fits counts
    "convolution, backward": r"conv\w*_backward",
    "convolution, forward": r"conv(?:olution|2d)|_conv",
    "batch-norm, backward": r"batch_norm\w*_backward",
    "batch-norm, forward": r"batch_norm",
    "pooling, backward": r"pool\w*_backward",
    "pooling, forward": r"pool",
    "optimiser": r"^Optimizer|adam|sgd|_foreach",
    "linear layers": r"::(?:mm|addmm|linear|bmm|matmul|mkldnn_linear)",
    "casts and copies": r"copy|::to$|::_to|contiguous|clone|::cat$|index|::stack",
    "activations and sums": r"relu|threshold|::add|::mul|::sum|sigmoid|dropout|bernoulli|::div|::sub|::mean|::amax|AccumulateGrad",
    "loss": r"softmax|nll_loss|cross_entropy|argmax",
    "memory": r"empty|resize|zero|fill|set_",
}
COUNTED = {  # what torch counts -> the kind of work it is
    "aten.convolution": "convolution, forward",
    "aten.convolution_backward": "convolution, backward",
    "aten.addmm": "linear layers",
    "aten.mm": "linear layers",
}

if __name__ == "__main__":
    main()
