"""Studio photos in other surroundings: products cut from white and laid on floors, walls and cloth, then photographed badly.

Pictures are (3, S, S) float32 in 0..255 here; chance comes from torch's generator, as in `augment.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

WHITE_FROM = 236  # the darkest that still counts as a studio's white
STUDIO = 0.6  # share of the frame's edge that is white in a studio photo
LEAST, MOST = 0.45, 1.2  # the product's longer side, in frames


def in_scene(picture: Tensor, behind: Tensor | None) -> Tensor:
    """A product on white, (C, S, S) uint8, laid somewhere else; a photo without white around it stays as it is.

    `behind` is a photo that may be what it lies on; else something is drawn.
    """
    ground = white_around(picture)
    if ground is None:
        return picture
    moved, cover = thrown(picture, ground)
    scene = surroundings(picture.shape[-1], behind)
    scene = scene * (1 - shadow(cover))
    made = moved * cover + scene * (1 - cover)
    if len(picture) == 1:
        made = made.mean(0, keepdim=True)
    return made.clamp_(0, 255).to(torch.uint8)


def white_around(picture: Tensor) -> NDArray[np.bool_] | None:
    """Where the white around a product lies, (S, S): all near-white that touches the frame's edge. None where there is no such studio."""
    white = (picture.amin(0) >= WHITE_FROM).numpy()
    if on_edge(white).mean() < STUDIO:
        return None
    parts, _ = ndimage.label(white)
    touching = np.unique(on_edge(parts))
    ground: NDArray[np.bool_] = np.isin(parts, touching[touching > 0])
    return ground if ground.mean() < 0.98 else None


def on_edge(values: NDArray[np.generic]) -> NDArray[np.generic]:
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])


def thrown(picture: Tensor, ground: NDArray[np.bool_]) -> tuple[Tensor, Tensor]:
    """The product turned, scaled, stretched and moved at random, (3, S, S), and how much it covers, (1, S, S) in 0..1."""
    side = picture.shape[-1]
    solid = F.max_pool2d(torch.from_numpy(ground).float()[None], 3, 1, 1).neg_().add_(1)  # without the seam that mixes with white
    colours = picture.float().expand(3, side, side)
    rows, columns = np.nonzero(~ground)
    centre = torch.tensor([columns.mean() + columns.min() + columns.max(), rows.mean() + rows.min() + rows.max()]) / 3
    longest = max(int(np.ptp(rows)), int(np.ptp(columns)), 8)
    centre = (2 * centre + 1) / side - 1
    turn = one(-math.pi, math.pi) if one() < 0.35 else one(-0.35, 0.35)
    scale = longest / side / one(LEAST, MOST)  # frames of the old picture that the new one shows
    stretch = math.exp(one(-0.25, 0.25))
    cos, sin = math.cos(turn) * scale, math.sin(turn) * scale
    x, y = frame(side)
    x, y = x - one(-0.25, 0.25), y - one(-0.25, 0.25)
    lean = 1 + one(-0.2, 0.2) * x + one(-0.2, 0.2) * y  # seen from the side
    x, y = x * stretch / lean, y / stretch / lean
    places = torch.stack([x * cos - y * sin + centre[0], x * sin + y * cos + centre[1]], 2)[None].float()
    both = F.grid_sample(torch.cat([colours * solid, solid])[None], places, align_corners=False)[0]
    cover = both[3:]
    return both[:3] / cover.clamp(min=0.05), ((cover - 0.2) / 0.6).clamp_(0, 1)


def frame(side: int) -> tuple[Tensor, Tensor]:
    """Places across and down, (S, S) each, from -1 to 1."""
    along = (2 * torch.arange(side) + 1 - side) / side
    return along.expand(side, side), along[:, None].expand(side, side)


def shadow(cover: Tensor) -> Tensor:
    """How much of the light the product takes from what lies beneath, (1, S, S) in 0..1."""
    side = cover.shape[-1]
    shifts = int(one(-0.06, 0.06) * side), int(one(0, 0.06) * side)
    fallen = torch.roll(cover, shifts, (2, 1))
    return smooth(fallen, max(1, int(one(0.01, 0.06) * side))) * one(0, 0.7)


def smooth(picture: Tensor, reach: int) -> Tensor:
    """A mean over (2 * reach + 1) px, twice along each axis."""
    wide, made = 2 * reach + 1, picture[None]
    for _ in range(2):
        made = F.avg_pool2d(made, (wide, 1), 1, (reach, 0), count_include_pad=False)
        made = F.avg_pool2d(made, (1, wide), 1, (0, reach), count_include_pad=False)
    return made[0]


def surroundings(side: int, behind: Tensor | None) -> Tensor:
    """What a product may lie on: a piece of another photo, or something drawn; (3, S, S)."""
    if behind is not None and one() < 0.6:
        return piece(behind)
    return SURFACES[int(one(0, len(SURFACES)))](side)


def piece(picture: Tensor) -> Tensor:
    """A part of a photo, at any turn, as large as the photo: (3, S, S)."""
    side = picture.shape[-1]
    size = int(side * one(0.15, 1))
    top, left = (int(one(0, side - size + 1)) for _ in range(2))
    part = picture.float().expand(3, side, side)[None, :, top : top + size, left : left + size]
    part = F.interpolate(part, (side, side), mode="bilinear", align_corners=False)[0]
    return torch.rot90(part, int(one(0, 4)), (1, 2))


def wall(side: int) -> Tensor:
    """One colour, lit from somewhere, a little rough."""
    x, y = frame(side)
    light = 1 + one(-0.3, 0.3) * x + one(-0.3, 0.3) * y
    return tint() * light + rough(side, 3) * one(0, 12)


def clouds(side: int) -> Tensor:
    """Two colours that run into each other: plaster, stone, sand, grass by the size of their grains."""
    mixed = sum((rough(side, cells) for cells in (4, 11, 32)), torch.zeros(1, side, side))
    mixed = (mixed * one(0.2, 0.6)).sigmoid()
    return tint() * mixed + tint() * (1 - mixed)


def planks(side: int) -> Tensor:
    """Boards with a grain, and dark gaps between them."""
    x, y = turned(side)
    wide = one(0.15, 0.6)
    board = torch.floor(x / wide)
    shade = torch.sin(board * 12.9898 + one(0, 6)) * one(0, 0.2)
    grain = torch.sin((x * one(20, 60) + rough(side, 4)[0] * one(0, 6)) + y * one(0, 4)) * one(0, 0.12)
    gap = ((x / wide - board) < one(0, 0.05)).float() * one(0.3, 0.7)
    return warm() * (1 + shade + grain - gap)


def cloth(side: int) -> Tensor:
    """Stripes or checks, in soft folds."""
    x, y = turned(side)
    fold = rough(side, 4)[0] * one(0, 0.15)
    x, y = x + fold, y + fold
    times = one(3, 25)
    stripes = (torch.sin(x * times) * one(1, 8)).sigmoid()
    if one() < 0.5:
        stripes = (stripes + (torch.sin(y * times * one(0.5, 2)) * one(1, 8)).sigmoid()) / 2
    light = 1 + rough(side, 5) * one(0, 0.12)
    return (tint() * stripes + tint() * (1 - stripes)) * light


def tiles(side: int) -> Tensor:
    """Tiles with joints between them."""
    x, y = turned(side)
    wide, tall, joint = one(0.2, 0.8), one(0.2, 0.8), one(0.01, 0.06)
    across, down = x / wide, y / tall
    across = across + torch.floor(down) * one(0, 0.5)
    gap = ((across - torch.floor(across) < joint) | (down - torch.floor(down) < joint)).float()
    shade = torch.sin(torch.floor(across) * 78.2 + torch.floor(down) * 37.7) * one(0, 0.1)
    return tint() * (1 + shade + rough(side, 6) * 0.05) * (1 - gap) + tint() * gap


def carpet(side: int) -> Tensor:
    """Fine grains of one colour."""
    return tint() * (1 + torch.randn(1, side, side) * one(0.05, 0.25) + rough(side, 24) * one(0, 0.15))


def turned(side: int) -> tuple[Tensor, Tensor]:
    """The frame's places, turned and seen a little from the side."""
    x, y = frame(side)
    angle = one(-math.pi, math.pi)
    lean = 1 + one(-0.3, 0.3) * y
    x, y = (x * math.cos(angle) - y * math.sin(angle)) / lean, (x * math.sin(angle) + y * math.cos(angle)) / lean
    return x + one(0, 1), y + one(0, 1)


def rough(side: int, cells: int) -> Tensor:
    """Smooth chance of about unit size, with so many swells across: (1, S, S)."""
    return F.interpolate(torch.randn(1, 1, cells + 1, cells + 1), (side, side), mode="bilinear", align_corners=True)[0]


def tint() -> Tensor:
    """Any colour, more often a pale or a dull one, (3, 1, 1)."""
    grey, colour = torch.rand(1, 1, 1), torch.rand(3, 1, 1)
    share = one() ** 2
    return 255 * (grey * (1 - share) + colour * share)


def warm() -> Tensor:
    """A colour of wood."""
    light = one(60, 235)
    return torch.tensor([light, light * one(0.65, 0.95), light * one(0.4, 0.85)])[:, None, None]


def badly_taken(picture: Tensor) -> Tensor:
    """A picture (C, S, S) uint8 as a phone may take it: other light, a colour cast, out of focus, small, grainy."""
    side = picture.shape[-1]
    made = picture.float() / 255
    if one() < 0.7:
        x, y = frame(side)
        cast = 1 + (torch.rand(len(picture), 1, 1) - 0.5) * one(0, 0.5)
        light = 1 + one(-0.35, 0.35) * x + one(-0.35, 0.35) * y
        made = (made * cast * light * one(0.55, 1.3)).clamp_(0, 1) ** one(0.7, 1.5)
    if one() < 0.35:
        made = smooth(made, 1 if one() < 0.7 else 2)
    if one() < 0.35:
        small = int(side * one(0.2, 0.7))
        made = F.interpolate(made[None], (small, small), mode="bilinear", antialias=True)
        made = F.interpolate(made, (side, side), mode="bilinear")[0]
    if one() < 0.35:
        made = made + torch.randn(made.shape) * one(0.01, 0.09)
    return made.clamp_(0, 1).mul_(255).round_().to(torch.uint8)


def one(low: float = 0.0, high: float = 1.0) -> float:
    """A number drawn from [low, high)."""
    return low + (high - low) * float(torch.rand(()))


SURFACES: tuple[Callable[[int], Tensor], ...] = (wall, clouds, planks, cloth, tiles, carpet)
