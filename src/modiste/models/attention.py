"""Attention: modules that weigh a feature map and keep its shape, (B, C, H, W) -> same."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from modiste.records.recipe import Network


class CBAM(nn.Module):
    """Weigh channels, then places: (B, C, H, W) -> same (Woo et al. 2018, section 3).

    `gate_norm` adds the batch-norm behind the spatial convolution that the authors' code has and their text has not.
    """

    def __init__(self, channels: int, ratio: int = 16, kernel_size: int = 7, gate_norm: bool = False) -> None:
        super().__init__()
        hidden = max(1, channels // ratio)
        squeeze = nn.Conv2d(channels, hidden, 1, bias=False)
        self.channel_mlp = nn.Sequential(squeeze, nn.ReLU(), nn.Conv2d(hidden, channels, 1, bias=False))
        self.place_conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.place_norm = nn.BatchNorm2d(1) if gate_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.channel_gate(x)
        return x * self.place_gate(x)

    def channel_gate(self, x: Tensor) -> Tensor:
        """The weight of each channel, in (0, 1): (B, C, 1, 1)."""
        mean, peak = x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        return torch.sigmoid(self.channel_mlp(mean) + self.channel_mlp(peak))

    def place_gate(self, x: Tensor) -> Tensor:
        """The weight of each place, in (0, 1): (B, 1, H, W)."""
        places = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)  # (B, 2, H, W)
        return torch.sigmoid(self.place_norm(self.place_conv(places)))


class FromIdentity(nn.Module):
    """x + strength * (module(x) - x), with a learnt strength that starts at 0: the identity, exactly, before training."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.strength = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.module(x)
        return x + self.strength * (y - x)


def attention(channels: int, network: Network) -> nn.Module:
    """The attention module that a network asks for, for a map of so many channels."""
    module = ATTENTION[network.attention](channels, network)
    return FromIdentity(module) if network.identity_at_init else module


ATTENTION: dict[str, Callable[[int, Network], nn.Module]] = {
    "none": lambda _channels, _network: nn.Identity(),
    "cbam": lambda channels, network: CBAM(channels, network.ratio, network.kernel, network.gate_norm),
}
