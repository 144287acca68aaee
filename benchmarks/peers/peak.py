"""The most that this machine's convolutions reach, in GFLOP/s: 3x3, forward, channels last, best of several shapes and tries."""

from __future__ import annotations

import time

import clock
import torch

SHAPES = ((64, 56, 32), (128, 28, 32), (256, 14, 32), (256, 14, 64), (256, 28, 32), (512, 14, 32), (512, 28, 16))  # channels, side, photos
TRIES = 10


@torch.no_grad()
def reached(channels: int, side: int, photos: int, dtype: torch.dtype) -> float:
    """GFLOP/s of the fastest of TRIES, a multiplication and an addition counted as two."""
    layout = {"dtype": dtype, "memory_format": torch.channels_last}
    convolution = torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False).to(**layout)
    maps = torch.randn(photos, channels, side, side).to(**layout)
    seconds = []
    for _ in range(3 + TRIES):
        begun = time.perf_counter()
        convolution(maps)
        seconds.append(time.perf_counter() - begun)
    return 2 * photos * side**2 * channels**2 * 9 / min(seconds[3:]) / 1e9


def main() -> None:
    asked = clock.options(__doc__).parse_args()
    found = {
        name: {
            f"{channels} channels, {side} px, {photos} photos": reached(channels, side, photos, dtype) for channels, side, photos in SHAPES
        }
        for name, dtype in (("bf16", torch.bfloat16), ("fp32", torch.float32))
    }
    clock.leave(asked.answer, gflops={name: max(rates.values()) for name, rates in found.items()}, shapes=found)


if __name__ == "__main__":
    main()
