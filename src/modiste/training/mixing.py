"""What is done to a whole batch: two photos mixed into one, and pictures that begin small and grow while training goes on."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from modiste.training.losses import Loss


def mixed(pictures: Tensor, labels: Tensor, mixup: float, cutmix: float) -> tuple[Tensor, Tensor, float]:
    """Each picture (B, C, S, S) mixed with the one before it in the batch: pictures, the partners' labels, the share of the first truth.

    `mixup` and `cutmix` are the alphas of Beta(alpha, alpha), 0 for never; where both are set, even chance draws one of them for the batch.
    A batch stands in random order, so the one before is a random partner. Chance comes from torch's generator of the processor.
    """
    if not mixup and not cutmix:
        return pictures, labels, 1.0
    partners = labels.roll(1, 0)
    if mixup and (not cutmix or torch.rand(()).item() < 0.5):
        share = drawn_share(mixup)
        return torch.lerp(partner_of(pictures), pictures, share), partners, share
    top, left, bottom, right = drawn_box(pictures.shape[-1], drawn_share(cutmix))
    patched = pictures.clone()
    patched[..., top:bottom, left:right] = partner_of(pictures)[..., top:bottom, left:right]
    return patched, partners, 1 - (bottom - top) * (right - left) / pictures.shape[-1] ** 2


def mixed_loss(loss: Loss, scores: Tensor, labels: Tensor, partners: Tensor, share: float) -> Tensor:
    """The loss of scores for pictures that show two truths, each by its share."""
    if share == 1:
        return loss(scores, labels)
    return share * loss(scores, labels) + (1 - share) * loss(scores, partners)


def drawn_share(alpha: float) -> float:
    """The share of the first photo, in [0, 1]: a small alpha leaves most pictures nearly whole, 1 draws all shares alike."""
    return float(torch.distributions.Beta(torch.tensor([alpha]), torch.tensor([alpha])).sample())


def drawn_box(side: int, share: float) -> tuple[int, int, int, int]:
    """Top, left, bottom, right of a square of 1 - share of the area, its middle anywhere, cut off where it leaves the picture.

    The share that counts is that of the area which is left of it (Yun et al. 2019, section 3.1, and their code).
    """
    column, row = int(torch.randint(side, (1,))), int(torch.randint(side, (1,)))
    half = int(0.5 * math.sqrt(1 - share) * side)
    return max(row - half, 0), max(column - half, 0), min(row + half, side), min(column + half, side)


def partner_of(pictures: Tensor) -> Tensor:
    return pictures.roll(1, 0)


def grown_side(epoch: int, epochs: int, first_side: int | None, side: int) -> int:
    """The side in px of the pictures of an epoch (the first is 0): from first_side in a straight line, in steps of 32 px, to side.

    It is reached after three quarters of the epochs; the last epoch is always at full size, which is what is measured.

    >>> [grown_side(epoch, 8, 96, 224) for epoch in range(8)]
    [96, 96, 128, 160, 160, 192, 224, 224]
    """
    growing = epochs * 3 // 4
    if first_side is None or epoch >= growing:
        return side
    wanted = first_side + (side - first_side) * epoch // growing
    return max(first_side, wanted // 32 * 32)


def at_side(pictures: Tensor, side: int) -> Tensor:
    """Pictures (B, C, S, S) made smaller, each pixel the mean of those it covers: (B, C, side, side), channels last where they were."""
    if pictures.shape[-1] == side:
        return pictures
    return functional.interpolate(pictures, size=(side, side), mode="bilinear", align_corners=False, antialias=True)
