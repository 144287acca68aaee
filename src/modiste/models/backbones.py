"""Backbones: networks from pictures to features, (B, C, S, S) -> (B, F). Each says its F as `width`, and its `stages`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torchvision.models import ResNet, resnet18
from torchvision.models.resnet import BasicBlock

from modiste.models.attention import attention
from modiste.models.efficientnet import EfficientNetLite0
from modiste.records.errors import UsageError
from modiste.records.recipe import Network

# outputs of convolutions 1 to 6; the first five are torchvision's and the paper's [12], the sixth is ours (decision 0006)
ALEXNET_WIDTHS = {"torchvision": (64, 192, 384, 256, 256, 256), "2012": (96, 256, 384, 384, 256, 256)}
ALEXNET_FEATURES = 4096
STAGE_CHANNELS = {"layer1": 64, "layer2": 128, "layer3": 256, "layer4": 512}


class FirstConv2d(nn.Conv2d):
    """A convolution over C channels that takes one for C equal ones: (B, C or 1, H, W), with the same result, exactly."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] == 1:
            folded: Tensor = self._conv_forward(x, self.weight.sum(1, keepdim=True), self.bias)
            return folded
        return super().forward(x)


class AlexNet(nn.Module):
    """AlexNet with 3 to 6 convolutions, without its last linear layer: (B, C, S, S) -> (B, 4096).

    3 and 4 are the first of the five; 6 adds one of 3x3 behind the fifth. Pools stand behind the first, the second and
    the last. Attention stands after the ReLU and before the pool (paper, 3.1.2.2: "in layers 3 to 5").
    """

    width = ALEXNET_FEATURES

    def __init__(self, network: Network, channels: int) -> None:
        super().__init__()
        widths = ALEXNET_WIDTHS.get(network.widths)
        if widths is None:
            raise UsageError(f"network.widths = '{network.widths}': there are {', '.join(ALEXNET_WIDTHS)}.")
        self.features = nn.Sequential(alexnet_layers(network, widths, channels))
        self.pool_to_6 = nn.AdaptiveAvgPool2d(6)
        self.dropout = nn.Dropout(network.dropout)
        self.fc6 = nn.Linear(widths[network.convs - 1] * 6 * 6, ALEXNET_FEATURES)
        self.fc7 = nn.Linear(ALEXNET_FEATURES, ALEXNET_FEATURES)

    def stages(self) -> list[nn.Module]:
        """What a picture goes through, in order."""
        linear = [nn.Flatten(), self.dropout, self.fc6, nn.ReLU(), self.dropout, self.fc7, nn.ReLU()]
        return [*self.features, self.pool_to_6, *linear]

    def forward(self, x: Tensor) -> Tensor:
        return through(self.stages(), x)


def through(stages: Iterable[nn.Module], x: Tensor) -> Tensor:
    """x through one stage after another."""
    for stage in stages:
        x = stage(x)
    return x


def alexnet_layers(network: Network, widths: tuple[int, ...], channels: int) -> OrderedDict[str, nn.Module]:
    """The convolutional part, layer by layer, each under the name it has in the paper."""
    beyond = [number for number in network.after_convs if not 1 <= number <= network.convs]
    if network.attention != "none" and beyond:
        raise UsageError(f"network.after_convs = {list(network.after_convs)}: there is no convolution {beyond[0]} among {network.convs}.")
    if network.attention != "none" and not network.after_convs:
        raise UsageError(
            f"network.after_convs names no convolution, so there would be no {network.attention}. Name some, or set network.attention=none."
        )
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, width in enumerate(widths[: network.convs], start=1):
        side, stride, padding = {1: (11, 4, 2), 2: (5, 1, 2)}.get(number, (3, 1, 1))
        layers[f"conv{number}"] = (FirstConv2d if number == 1 else nn.Conv2d)(channels, width, side, stride, padding)
        layers[f"relu{number}"] = nn.ReLU(inplace=True)
        if network.widths == "2012" and number <= 2:
            layers[f"norm{number}"] = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)  # their 1e-4: torch divides by 5
        if network.attention != "none" and number in network.after_convs:
            layers[f"attention{number}"] = attention(width, network)
        if number in (1, 2, network.convs):
            layers[f"pool{number}"] = nn.MaxPool2d(3, 2)
        channels = width
    return layers


class ResNet18(nn.Module):
    """torchvision's ResNet-18 without its last linear layer: (B, C, S, S) -> (B, 512). Attention comes in by `attend`."""

    width = 512

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body: ResNet = resnet18(weights=None)
        self.body.fc = nn.Identity()
        self.body.conv1 = FirstConv2d(channels, 64, 7, 2, 3, bias=False)
        nn.init.kaiming_normal_(self.body.conv1.weight, mode="fan_out", nonlinearity="relu")  # as torchvision's own

    def stages(self) -> list[nn.Module]:
        """What a picture goes through, in order: stem, blocks with the attention behind them, pool."""
        body = self.body
        stem = [body.conv1, body.bn1, body.relu, body.maxpool]
        blocks = [part for layer in (body.layer1, body.layer2, body.layer3, body.layer4) for block in layer for part in parts_of(block)]
        return [*stem, *blocks, body.avgpool, nn.Flatten()]

    def forward(self, x: Tensor) -> Tensor:
        return through(self.stages(), x)


class AttendedBlock(nn.Module):
    """A residual block with attention behind it, or inside it before the addition (Woo et al. 2018, figure 3)."""

    def __init__(self, block: BasicBlock, module: nn.Module, inside: bool) -> None:
        super().__init__()
        self.block, self.attention, self.inside = block, module, inside

    def forward(self, x: Tensor) -> Tensor:
        if not self.inside:
            after: Tensor = self.attention(self.block(x))
            return after
        block = self.block
        y = block.bn2(block.conv2(block.relu(block.bn1(block.conv1(x)))))
        straight = x if block.downsample is None else block.downsample(x)
        return torch.relu(self.attention(y) + straight)


def parts_of(block: nn.Module) -> list[nn.Module]:
    """A block and what stands behind it, apart where they can be."""
    return [block.block, block.attention] if isinstance(block, AttendedBlock) and not block.inside else [block]


def attend(backbone: ResNet18, network: Network) -> None:
    """Put attention into a ResNet, in place: into each of its 8 blocks, or behind each of its 4 stages."""
    for name in STAGE_CHANNELS:
        stage: nn.Sequential = getattr(backbone.body, name)
        channels = STAGE_CHANNELS[name]
        if network.place == "stages":
            stage.add_module("attention", attention(channels, network))
            continue
        for number, block in enumerate(stage):
            stage[number] = AttendedBlock(block, attention(channels, network), inside=network.place == "inside")


def alexnet_backbone(network: Network, channels: int, load: Callable[[nn.Module], None]) -> nn.Module:
    """AlexNet as the paper varies it. The least side is 63 px."""
    backbone = AlexNet(network, channels)
    load(backbone)
    return backbone


def resnet18_backbone(network: Network, channels: int, load: Callable[[nn.Module], None]) -> nn.Module:
    """ResNet-18; weights are loaded before attention goes in, so that any ResNet-18 file fits."""
    backbone = ResNet18(channels)
    load(backbone)
    if network.attention != "none":
        attend(backbone, network)
    return backbone


def efficientnet_lite0_backbone(network: Network, channels: int, load: Callable[[nn.Module], None]) -> nn.Module:
    """EfficientNet-Lite0, for answering on processors; it takes no attention."""
    if network.attention != "none":
        raise UsageError(f"network.attention = '{network.attention}': efficientnet_lite0 takes none. Set network.attention=none.")
    backbone = EfficientNetLite0(channels, network.dropout)
    load(backbone)
    return backbone


# A module that a backbone calls attention, attention3 ... learns where convolutions are frozen, and is in no weights file.
# network, input channels, and what loads pretrained weights (or does nothing) -> a module with `width` and `stages()`
BACKBONES: dict[str, Callable[[Network, int, Callable[[nn.Module], None]], nn.Module]] = {
    "alexnet": alexnet_backbone,
    "resnet18": resnet18_backbone,
    "efficientnet_lite0": efficientnet_lite0_backbone,
}
