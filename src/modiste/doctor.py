"""A look at the machine: what is there, what it means, and what to do where something is missing."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from modiste.records.table import Table

Finding = tuple[str, str, str]  # what was looked at, what was found, what to do about it ('' when nothing)
EXTRAS = (  # package, extra, purpose
    *((name, "train", "training") for name in ("torch", "torchvision", "scikit-learn", "safetensors", "matplotlib")),
    ("cleanlab", "audit", "label errors"),
    ("pyarrow", "parquet", "Parquet files"),
    ("scipy", "learn", "learning from labels"),
    ("threadpoolctl", "learn", "learning from labels"),
    ("onnx", "export", "modiste export"),
    ("onnxscript", "export", "modiste export"),
    ("openvino", "openvino", "OpenVINO's format"),
    ("fastapi", "serve", "modiste serve"),
    ("uvicorn", "serve", "modiste serve"),
    ("jinja2", "app", "modiste app"),
    ("lightning-fabric", "distributed", "training with several processes"),
    ("tensorboard", "tensorboard", "--log tensorboard"),
    *((name, "mlflow", "--log mlflow") for name in ("mlflow-skinny", "alembic", "sqlalchemy")),
)
NEEDED_GB = 4  # one seed of the paper's study at 224 px


def examine(runs: Path) -> tuple[Table, bool]:
    """A table of findings, and whether all works here that is installed: what is optional and lacks is no fault."""
    findings = [finding for check in CHECKS for finding in check(runs)]
    healthy = not any(advice.startswith("needed: ") for _, _, advice in findings)
    return Table("This machine", ("Looked at", "Found", "To do"), tuple(findings)), healthy


def python(_runs: Path) -> list[Finding]:
    return [("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}", "")]


def packages(_runs: Path) -> list[Finding]:
    """What labelling needs, and its versions."""
    found: list[Finding] = []
    for name in ("numpy", "pillow", "simplejpeg", "onnxruntime"):
        try:
            found.append((name, metadata.version(name), ""))
        except metadata.PackageNotFoundError:
            found.append((name, "not installed", "needed: pip install modiste"))
    return found


def extras(_runs: Path) -> list[Finding]:
    """What optional parts need."""
    found: list[Finding] = []
    for name, extra, purpose in EXTRAS:
        try:
            found.append((name, metadata.version(name), ""))
        except metadata.PackageNotFoundError:
            found.append((name, "not installed", f'for {purpose}: pip install "modiste[{extra}]"'))
    return found


def arithmetic(_runs: Path) -> list[Finding]:
    """Threads, bf16, graphics cards."""
    try:
        import torch

        from modiste.training.machine import device, precision
    except ModuleNotFoundError:
        return []  # said above, with the line that installs it
    except (ImportError, OSError, RuntimeError) as error:
        first = (str(error).splitlines() or ["no reason given"])[0]
        return [("computing", f"torch does not load: {first}", 'needed: pip install --force-reinstall "modiste[train]"')]
    where = device()
    kind = precision("auto", where)
    name = torch.cuda.get_device_name(where) if where.type == "cuda" else where.type
    advice = "" if kind == "bf16" else "training takes about twice as long as on a processor with bf16"
    return [
        ("cores", f"{os.cpu_count()} ({torch.get_num_threads()} threads used)", ""),
        ("computing", f"{name}, {kind}", advice),
    ]


def imagenet(_runs: Path) -> list[Finding]:
    """Whether ImageNet's weights lie in torch's cache."""
    try:
        import torch

        cache = Path(torch.hub.get_dir()) / "checkpoints"
    except (ImportError, OSError, RuntimeError):
        return []
    there = any(cache.glob("resnet18-*.pth"))
    advice = "" if there else "they are downloaded when first used; on a closed network give --weights FILE or --weights none"
    return [("ImageNet weights of ResNet-18", f"in {cache}" if there else "not here yet", advice)]


def disk(runs: Path) -> list[Finding]:
    """Room for the runs, and whether they may be written."""
    there = next(place for place in (runs.absolute(), *runs.absolute().parents) if os.path.lexists(place))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        what = "not writable" if there.is_dir() else "not a folder"
        return [("disk", f"{there} is {what}", "needed: give another place with --runs")]
    free = shutil.disk_usage(there).free / 1e9
    advice = "" if free >= NEEDED_GB else f"one seed of the paper's study at 224 px takes about {NEEDED_GB} GB"
    return [("disk", f"{free:.0f} GB free at {there}", advice)]


CHECKS: tuple[Callable[[Path], list[Finding]], ...] = (python, packages, extras, arithmetic, imagenet, disk)
