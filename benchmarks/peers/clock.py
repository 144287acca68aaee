"""What every way of training shares here: its options, the clock that times its steps, and the answer that it leaves.

The clock stands at one place for all of them: where a step of the optimiser is done. It needs torch and nothing of modiste, because
a peer runs in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

STEPS: list[float] = []  # when each step was done, in seconds of time.perf_counter
COMMON = ("torch", "torchvision", "pillow", "numpy")


def options(description: str | None) -> argparse.ArgumentParser:
    """The options that every way of training takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--photos", type=Path, required=True, help="train/CLASS/*.jpg and test/CLASS/*.jpg")
    parser.add_argument("--network", choices=("resnet18", "alexnet"), default="resnet18")
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scratch", type=Path, required=True, help="a folder for what a tool writes")
    parser.add_argument("--answer", type=Path, required=True, help="the JSON file to leave")
    return parser


def start() -> None:
    """Note the time after each step of any torch optimiser, whoever owns the loop."""
    register_optimizer_step_post_hook(lambda *_: STEPS.append(time.perf_counter()))


def tick() -> None:
    """For a loop whose optimiser is not torch's."""
    STEPS.append(time.perf_counter())


def leave(answer: Path, packages: Sequence[str] = (), **facts: Any) -> None:
    """Write the times of the steps, the versions, and what else was found."""
    versions = {name: metadata.version(name) for name in (*COMMON, *packages)} | {"torch": torch.__version__}
    found = {"steps": STEPS, "versions": versions, "python": platform.python_version(), "threads": torch.get_num_threads(), **facts}
    answer.write_text(json.dumps(found), encoding="utf-8")
