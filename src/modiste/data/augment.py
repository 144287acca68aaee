"""Augmentations of a batch: pictures (B, C, S, S) uint8 -> same, C = 1 or 3, with chance drawn for each picture apart.

Each draws its numbers from torch's generator for the whole batch, then a plain function of one picture and its numbers does
the work. Meaning, ranges and probabilities are those of torchvision's transforms, whose loop of transforms costs more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from modiste.records.errors import unknown

WHITE = 255  # what shows beside a turned or shifted picture: shops photograph on white
GREY = (0.2989, 0.587, 0.114)  # what red, green and blue weigh in grey
Box = tuple[int, int, int, int]  # top, left, height, width


def augment(pictures: Tensor, names: Sequence[str]) -> Tensor:
    """The named augmentations one after another; the pictures that were given stay as they are."""
    for name in names:
        pictures = AUGMENTATIONS[name](pictures)
    return pictures


def check_augmentations(names: Sequence[str]) -> None:
    """Refuse names that nobody knows."""
    for name in names:
        if name not in AUGMENTATIONS:
            raise unknown("augmentation", name, AUGMENTATIONS)


def changed(pictures: Tensor, rows: Iterable[int], change: Callable[..., Tensor], *numbers: Sequence[Any]) -> Tensor:
    """The pictures with those of some rows changed, each by its own numbers.

    One after another, for one picture fits the processor's cache and a batch does not: up to five times faster than at once.
    """
    made = pictures.clone()
    for row in rows:
        made[row] = change(pictures[row], *(of_all[row] for of_all in numbers))
    return made


def flip(pictures: Tensor) -> Tensor:
    """One in two is mirrored."""
    return changed(pictures, chosen(pictures, 0.5), flipped)


def flipped(picture: Tensor) -> Tensor:
    return picture.flip(-1)


def crop(pictures: Tensor) -> Tensor:
    """A part of each, 0.7 to 1 of its area and 3:4 to 4:3 in shape, takes its place."""
    side = pictures.shape[-1]
    found = boxes(len(pictures), side, (0.7, 1.0), (3 / 4, 4 / 3), side)
    return changed(pictures, range(len(pictures)), cropped, [box or (0, 0, side, side) for box in found])


def cropped(picture: Tensor, box: Box) -> Tensor:
    top, left, height, width = box
    part = picture[None, :, top : top + height, left : left + width].contiguous(memory_format=torch.channels_last)  # twice as fast
    return F.interpolate(part, picture.shape[-2:], mode="bilinear", antialias=True)[0]


def rotate(pictures: Tensor) -> Tensor:
    """Each is turned by up to 15 degrees to either side."""
    return changed(pictures, range(len(pictures)), rotated, uniform(len(pictures), -15, 15).tolist())


def rotated(picture: Tensor, degrees: float) -> Tensor:
    """Turned counter-clockwise. White is made the zero that lies outside, so that no dark seam is drawn between the two."""
    side, angle = picture.shape[-1], math.radians(degrees)
    along = (2 * torch.arange(side) + 1 - side) / side  # (S,) from -1 at the first edge to 1 at the last
    across = along * math.cos(angle) - (along * math.sin(angle))[:, None]
    down = along * math.sin(angle) + (along * math.cos(angle))[:, None]
    ink = F.grid_sample(floats(WHITE - picture)[None], torch.stack([across, down], 2)[None], align_corners=False)[0]
    return WHITE - ink.round_().to(torch.uint8)


def shift(pictures: Tensor) -> Tensor:
    """Each is moved by up to a tenth of its side, across, and up or down."""
    most = 0.1 * pictures.shape[-1]
    across, down = (uniform(len(pictures), -most, most).round().int().tolist() for _ in range(2))
    return changed(pictures, range(len(pictures)), shifted, across, down)


def shifted(picture: Tensor, across: int, down: int) -> Tensor:
    """Moved by whole px to the right, and downwards."""
    made, side = torch.full_like(picture, WHITE), picture.shape[-1]
    kept = picture[:, max(0, -down) : side - max(0, down), max(0, -across) : side - max(0, across)]
    made[:, max(0, down) : side + min(0, down), max(0, across) : side + min(0, across)] = kept
    return made


def colour(pictures: Tensor) -> Tensor:
    """Brightness, contrast and saturation by up to a fifth, hue by up to a fiftieth of its circle, in a random order."""
    count = len(pictures)
    amounts = torch.stack([*(uniform(count, 0.8, 1.2) for _ in range(3)), uniform(count, -0.02, 0.02)], 1)
    return changed(pictures, range(count), coloured, torch.rand(count, 4).argsort(1).tolist(), amounts.tolist())


def coloured(picture: Tensor, order: Sequence[int], amounts: Sequence[float]) -> Tensor:
    """`order` says which of CHANGES comes first, second ...; grey has neither saturation nor hue."""
    made = floats(picture)
    for number in order:
        if number < 2 or len(picture) == 3:
            made = CHANGES[number](made, amounts[number])
    return made.to(torch.uint8)


def brightened(picture: Tensor, amount: float) -> Tensor:
    return picture.mul_(amount).clamp_(0, 255).floor_()


def contrasted(picture: Tensor, amount: float) -> Tensor:
    return blended(picture, greyed(picture).mean(), amount)


def saturated(picture: Tensor, amount: float) -> Tensor:
    return blended(picture, greyed(picture), amount)


def blended(picture: Tensor, other: Tensor, amount: float) -> Tensor:
    return picture.mul_(amount).add_(other, alpha=1 - amount).clamp_(0, 255).floor_()


def hued(picture: Tensor, amount: float) -> Tensor:
    """Turned by `amount` on the circle of hues, on which red is 0, green 2 and blue 4 of 6; value and saturation stay."""
    high, low = picture.amax(0), picture.amin(0)
    chroma = high - low
    red, green, blue = picture / chroma.clamp(min=1)
    hue = torch.where(high == picture[1], blue - red + 2, red - green + 4)
    hue = torch.where(high == picture[0], green - blue, hue).add_(6 * amount).remainder_(6)
    shares = ((hue - 3).abs_().sub_(1), (hue - 2).abs_().neg_().add_(2), (hue - 4).abs_().neg_().add_(2))
    for channel, share in enumerate(shares):
        torch.addcmul(low, chroma, share.clamp_(0, 1), out=picture[channel])
    return picture.mul_(255.999 / 255).floor_()


def greyed(picture: Tensor) -> Tensor:
    """(3, S, S) of whole numbers -> (1, S, S) of whole numbers; grey as it is."""
    if len(picture) == 1:
        return picture
    red, green, blue = picture
    made: Tensor = (red * GREY[0]).add_(green, alpha=GREY[1]).add_(blue, alpha=GREY[2]).floor_()
    return made[None]


def grey(pictures: Tensor) -> Tensor:
    """One in five loses its colours."""
    return changed(pictures, chosen(pictures, 0.2), without_colour)


def without_colour(picture: Tensor) -> Tensor:
    return greyed(floats(picture)).to(torch.uint8)


def blur(pictures: Tensor) -> Tensor:
    """Three in ten are blurred over 5 x 5 px, sigma 0.1 to 2."""
    return changed(pictures, chosen(pictures, 0.3), blurred, uniform(len(pictures), 0.1, 2.0).tolist())


def blurred(picture: Tensor, sigma: float) -> Tensor:
    """First along columns, then along rows; sigma is scaled as torchvision scales it."""
    weights = (-(torch.linspace(-math.sqrt(2), math.sqrt(2), 5) / sigma).square()).softmax(0).tolist()
    made = F.pad(floats(picture)[None], (2, 2, 2, 2), mode="reflect")[0]
    for axis in (1, 2):
        first, *others = (made.narrow(axis, tap, made.shape[axis] - 4) for tap in range(5))
        made = first * weights[0]
        for part, weight in zip(others, weights[1:], strict=True):
            made.add_(part, alpha=weight)
    return made.round_().to(torch.uint8)


def erase(pictures: Tensor) -> Tensor:
    """In one of four, a box of 0.02 to 0.33 of its area is made white."""
    side, rows = pictures.shape[-1], chosen(pictures, 0.25)
    return changed(pictures, rows, erased, boxes(len(pictures), side, (0.02, 0.33), (0.3, 3.3), side - 1))


def erased(picture: Tensor, box: Box | None) -> Tensor:
    made = picture.clone()
    if box:
        top, left, height, width = box
        made[:, top : top + height, left : left + width] = WHITE
    return made


def scene(pictures: Tensor) -> Tensor:
    """Six in ten products on white are laid on floors, walls, cloth, or a piece of another picture that is not on white."""
    from modiste.data.scenes import in_scene, white_around  # scipy takes its time to load

    others = [picture for picture in pictures if white_around(picture) is None]
    behind = [others[int(row)] if others else None for row in (torch.rand(len(pictures)) * len(others)).tolist()]
    return changed(pictures, chosen(pictures, 0.6), in_scene, behind)


def phone(pictures: Tensor) -> Tensor:
    """Seven in ten look as a phone may take them: other light, a colour cast, out of focus, small, grainy."""
    from modiste.data.scenes import badly_taken

    return changed(pictures, chosen(pictures, 0.7), badly_taken)


def by_torchvision(name: str) -> Callable[[Tensor], Tensor]:
    """A transform that draws what it does, not only how much: as torchvision has it, picture after picture."""

    def drawn(pictures: Tensor) -> Tensor:
        from torchvision.transforms import v2  # only these need it, and it takes its time to load

        return changed(pictures, range(len(pictures)), getattr(v2, name)(fill=WHITE))

    return drawn


def floats(picture: Tensor) -> Tensor:
    """A copy with each channel in one piece."""
    return picture.to(torch.float32, memory_format=torch.contiguous_format)


def chosen(pictures: Tensor, share: float) -> list[int]:
    """The rows to change: each picture with the chance `share`."""
    rows: list[int] = (torch.rand(len(pictures)) < share).nonzero()[:, 0].tolist()
    return rows


def uniform(count: int, low: float, high: float) -> Tensor:
    return torch.rand(count, dtype=torch.float64) * (high - low) + low


def boxes(count: int, side: int, areas: tuple[float, float], ratios: tuple[float, float], most: int) -> list[Box | None]:
    """Random boxes by share of the picture's area and height:width; None where ten tries were all longer than `most`."""
    area = uniform(count * 10, *areas).view(count, 10) * side * side
    ratio = uniform(count * 10, math.log(ratios[0]), math.log(ratios[1])).view(count, 10).exp()
    sizes = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()], 2).round()  # (count, 10, 2)
    fits = (sizes <= most).all(2)
    first = sizes[torch.arange(count), fits.int().argmax(1)]  # the first that fits
    corners = (torch.rand(count, 2, dtype=torch.float64) * (side + 1 - first)).floor()
    found = torch.cat([corners, first], 1).int().tolist()
    return [tuple(box) if some else None for box, some in zip(found, fits.any(1).tolist(), strict=True)]


# what `colour` does to whole numbers in 0..255 held as floats (C, S, S), in place, and the amount of it
CHANGES: tuple[Callable[[Tensor, float], Tensor], ...] = (brightened, contrasted, saturated, hued)
AUGMENTATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "flip": flip,
    "crop": crop,
    "rotate": rotate,
    "shift": shift,
    "colour": colour,
    "grey": grey,
    "blur": blur,
    "erase": erase,
    "scene": scene,
    "phone": phone,
    "randaugment": by_torchvision("RandAugment"),
    "trivialaugment": by_torchvision("TrivialAugmentWide"),
}
