"""EfficientNet-Lite0: small and quick on processors, easily made whole numbers (Tan and Le 2019; its Lite kind of 2020)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

# the rows of the paper's Table 1, without squeeze-and-excitation: blocks, kernel, stride of the first, expansion, channels out
STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320))
STEM, TOP = 32, 1280
EPSILON, MOMENTUM = 1e-3, 0.01  # of batch-norm, as its weights were trained
OUTSIDE = {"_conv_stem": "stem.0", "_bn0": "stem.1", "_conv_head": "top.0", "_bn1": "top.1"}
INSIDE = {"_expand_conv": 0, "_bn0": 1, "_depthwise_conv": 3, "_bn1": 4, "_project_conv": 6, "_bn2": 7}


class SameConv2d(nn.Conv2d):
    """A convolution whose output has ceil(H / stride) places, what is lacking added below and to the right first, as TensorFlow does."""

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1:
            return F.conv2d(x, self.weight, self.bias, 1, kernel // 2, 1, self.groups)
        down, right = (max(0, (-(-side // stride) - 1) * stride + kernel - side) for side in x.shape[-2:])
        x = F.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2))
        return F.conv2d(x, self.weight, self.bias, stride, 0, 1, self.groups)


def step(channels: int, width: int, kernel: int = 1, stride: int = 1, groups: int = 1, relu: bool = True) -> list[nn.Module]:
    """Convolution, batch-norm and, unless it ends a block, ReLU6."""
    conv = SameConv2d(channels, width, kernel, stride, groups=groups, bias=False)
    norm = nn.BatchNorm2d(width, eps=EPSILON, momentum=MOMENTUM)
    return [conv, norm, *([nn.ReLU6(inplace=True)] if relu else [])]


class Block(nn.Module):
    """Widen, look at each channel apart, narrow; the input is added where its shape is kept: (B, C, H, W) -> (B, W, H/s, W/s)."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = channels * expand
        widen = step(channels, wide) if expand > 1 else []
        self.steps = nn.Sequential(*widen, *step(wide, wide, kernel, stride, groups=wide), *step(wide, width, relu=False))
        self.added = stride == 1 and channels == width

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.steps(x)
        return made + x if self.added else made


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 without its last linear layer: (B, C, S, S) -> (B, 1280)."""

    width = TOP

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.stem = nn.Sequential(*step(channels, STEM, 3, 2))
        blocks, width = [], STEM
        for count, kernel, stride, expand, out in STAGES:
            for number in range(count):
                blocks.append(Block(width, out, kernel, stride if number == 0 else 1, expand))
                width = out
        self.blocks = nn.ModuleList(blocks)
        self.top = nn.Sequential(*step(width, TOP))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def stages(self) -> list[nn.Module]:
        """What a picture goes through, in order."""
        return [*self.stem, *self.blocks, *self.top, self.pool, nn.Flatten(), self.dropout]

    def forward(self, x: Tensor) -> Tensor:
        for stage in self.stages():
            x = stage(x)
        return x


def our_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights that Google's were converted to for PyTorch (`_blocks.1._expand_conv.weight`) under our names, without the last layer."""
    return {renamed(name): value for name, value in weights.items() if not name.startswith("_fc.")}


def renamed(name: str) -> str:
    """One name.

    >>> renamed("_blocks.1._project_conv.weight"), renamed("_blocks.0._bn1.bias"), renamed("_bn1.weight")
    ('blocks.1.steps.6.weight', 'blocks.0.steps.1.bias', 'top.1.weight')
    """
    part, _, kind = name.rpartition(".")
    if part in OUTSIDE:
        return f"{OUTSIDE[part]}.{kind}"
    _, number, layer = part.split(".")
    place = INSIDE[layer] - 3 * (number == "0")  # the first block does not widen
    return f"blocks.{number}.steps.{place}.{kind}"
