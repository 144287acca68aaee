"""timm's own train.py, run as it stands in this process, so that the clock can hear its optimiser."""

from __future__ import annotations

import hashlib
import runpy
import sys
from pathlib import Path

import clock


def main() -> None:
    parser = clock.options(__doc__)
    parser.add_argument("--script", type=Path, required=True, help="train.py from timm's repository; the wheel has none")
    parser.add_argument("--best-flags", action="store_true", help="bf16 by autocast, channels last")
    asked = parser.parse_args()
    clock.start()
    script = asked.script.read_text(encoding="utf-8")
    knows_device = "'--device'" in script
    if not knows_device:
        without_device()
    classes = [place.name for place in (asked.photos / "train").iterdir() if place.is_dir()]
    command = ["--data-dir", asked.photos, "--train-split", "train", "--val-split", "test", "--num-classes", len(classes)]
    command += ["--model", asked.network, "--img-size", asked.side, "--batch-size", asked.batch, "--workers", asked.workers]
    command += ["--opt", "adam", "--lr", asked.lr, "--weight-decay", 0, "--epochs", 1, "--warmup-epochs", 0, "--no-aug"]
    command += ["--output", asked.scratch, "--checkpoint-hist", 1]
    command += ["--amp", "--amp-dtype", "bfloat16", "--channels-last"] if asked.best_flags else []
    command += ["--device", "cpu"] if knows_device else []
    sys.argv = [str(asked.script), *map(str, command)]
    runpy.run_path(str(asked.script), run_name="__main__")
    made_of = hashlib.sha256(script.encode()).hexdigest()
    clock.leave(
        asked.answer, ["timm"], precision="bf16" if asked.best_flags else "fp32", script_sha256=made_of, script_options=sys.argv[1:]
    )


def without_device() -> None:
    """A train.py from before --device means CUDA throughout; tell it of the processor, and let it wait for no card after validation."""
    import torch
    from timm import utils

    there = utils.init_distributed_device

    def on_processor(args: object) -> object:
        args.device = "cpu"  # type: ignore[attr-defined]
        return there(args)

    utils.init_distributed_device = on_processor
    torch.cuda.synchronize = lambda *_: None


if __name__ == "__main__":
    main()
