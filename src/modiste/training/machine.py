"""What this machine computes on, and what has to be written beside a result about it."""

from __future__ import annotations

import os
import platform
from importlib import metadata

import torch

from modiste.records.errors import MachineError

PACKAGES = ("modiste", "torch", "torchvision", "numpy", "pillow", "scikit-learn", "safetensors")


def device(wanted: str = "auto") -> torch.device:
    """The device to train on: 'auto' takes CUDA or Apple's MPS where they are, else the processor."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, found in there.items() if found))
    kind, _, place = wanted.partition(":")
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if not there.get(kind, False) or (place and not (place.isdecimal() and int(place) < count)):
        usable = ", ".join(name for name, found in there.items() if found)
        raise MachineError(f"device '{wanted}' is not on this machine. There are: {usable}.")
    return torch.device(wanted)


def multiplies_bf16(where: torch.device) -> bool:
    """Whether bf16 is faster than fp32 here: the hardware multiplies it, rather than pretending to."""
    if where.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if where.type != "cpu":
        return False
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16") or able.get("arm_bf16"))


def precision(wanted: str, where: torch.device) -> str:
    """'bf16' or 'fp32', with 'auto' decided."""
    if wanted == "auto":
        return "bf16" if multiplies_bf16(where) else "fp32"
    return wanted


def circumstances(where: torch.device) -> dict[str, str | int]:
    """Versions and machine, as they go into about.json."""
    found: dict[str, str | int] = {name: metadata.version(name) for name in PACKAGES}
    return {
        **found,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": str(torch.cpu.get_capabilities().get("cpu_name") or platform.processor()),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(where) if where.type == "cuda" else where.type,
    }
