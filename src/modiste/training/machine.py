"""What this machine computes on, its memory, and what has to be written beside a result about it."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import torch

from modiste import __version__
from modiste.records.errors import MachineError

PACKAGES = ("torchvision", "numpy", "pillow", "scikit-learn", "safetensors")


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


@contextmanager
def fp32_whole() -> Iterator[None]:
    """While the block runs, fp32 has all its digits in a GPU's convolutions: torch's default there is TF32, with 10 bits of 23."""
    convolutions = torch.backends.cudnn.conv  # type: ignore[attr-defined]
    usual = convolutions.fp32_precision
    convolutions.fp32_precision = "ieee"
    try:
        yield
    finally:
        convolutions.fp32_precision = usual


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4  # glibc's malloc.h
MMAP_MAX_USUAL, LARGEST_THRESHOLD, TRIM_NEVER = 65536, 32 << 20, 2**31 - 1


@contextmanager
def memory_kept() -> Iterator[None]:
    """While the block runs, freed memory stays with this process, where the C library can be told so (glibc).

    A step frees and asks for the same large buffers as the one before it; given back in between, each page of them is
    cleared by the system anew (measured by benchmarks/kept_memory.py).
    """
    libc = ctypes.CDLL(None) if os.name == "posix" else None
    if libc is None or not hasattr(libc, "mallopt") or not hasattr(libc, "malloc_trim"):
        yield
        return
    libc.mallopt(M_MMAP_MAX, 0)
    libc.mallopt(M_TRIM_THRESHOLD, TRIM_NEVER)
    try:
        yield
    finally:
        libc.mallopt(M_MMAP_MAX, MMAP_MAX_USUAL)
        libc.mallopt(M_MMAP_THRESHOLD, LARGEST_THRESHOLD)  # where glibc's own moving thresholds end up, which are off by now
        libc.mallopt(M_TRIM_THRESHOLD, 2 * LARGEST_THRESHOLD)
        libc.malloc_trim(0)


def memory_bytes() -> int:
    """Main memory of this machine, 8 GB where the system does not say, or what its control groups leave of it to this process."""
    try:
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        there = 8 << 30
    return min([there, *group_limits()])


def group_limits(own: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> list[int]:
    """The bytes of memory that this process's control groups may take, and those around them: containers, Slurm and systemd set some."""
    found = []
    for line in text_of(own).splitlines():
        _, kinds, group = line.split(":", 2)
        if kinds and "memory" not in kinds.split(","):
            continue
        top, name = (root / "memory", "memory.limit_in_bytes") if kinds else (root, "memory.max")  # version 1, version 2
        place = top / group.lstrip("/")
        found += [text_of(folder / name) for folder in (place, *place.parents) if folder.is_relative_to(top)]
    return [int(text) for text in found if text.isdecimal()]  # 'max' is no limit


def text_of(path: Path) -> str:
    """What a small file of the system says; nothing where there is none."""
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def installed(package: str) -> str:
    """Its version; a package that is installed anew just now has none, for which no trained network is to be lost."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def circumstances(where: torch.device) -> dict[str, str | int]:
    """Versions and machine, as they go into about.json."""
    return {
        "modiste": __version__,
        "torch": torch.__version__,
        **{name: installed(name) for name in PACKAGES},
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": str(torch.cpu.get_capabilities().get("cpu_name") or platform.processor()),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(where) if where.type == "cuda" else where.type,
    }
