"""Two pictures laid over each other, shifted and stretched until they agree best, and how well they then agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modiste.data.auditing.look import FINE, luminance

Numbers = NDArray[np.floating[Any]]
Bits = NDArray[np.bool_]
COARSE = ((2, 6), (1, 2))  # how much smaller the pictures are made, and how many steps are taken there
CLOSE = ((4, 2), (2, 1), (1, 1))
STANDS_OUT = 0.08  # of a colour against the ground's
OUTLIER = 0.1  # of light: what differs more (a text, a border) does not pull harder
EDGE = 0.75  # places at the rim that may show a border, and do not count in laying over
NOISE = 0.012  # of light: contrast much below it tells nothing
LIGHTS = 0.08  # a difference of mean light that is taken for another exposure, not another colour
GREY = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, eq=False)
class Agreement:
    """How P pairs agree once they are laid over each other, each (P,)."""

    detail: Numbers  # correlation of what is fine inside the outline, every place weighed by its own contrast: -1 to 1
    light: Numbers  # correlation of light and dark where both are seen: -1 to 1
    colour: Numbers  # mean difference of colour inside the outline: 0 to 1
    changed: Numbers  # the share of what is inside the outline that has another colour: 0 to 1
    view: Numbers  # (P, 2 axes, scale and shift) where in the second a place of the first is found, in shares of the frame


def agreement(one: NDArray[np.uint8], other: NDArray[np.uint8], view: Numbers, steps: Sequence[tuple[int, int]]) -> Agreement:
    """Lay `other` over `one`, pictures (P, S, S, 3), beginning from a view, and compare them."""
    light, other_light = luminance(one), luminance(other)
    for smaller, count in steps:
        view = stepped(shrunk(light, smaller), shrunk(other_light, smaller), view, count)
    colours, others = one.astype(np.float32) / 255, other.astype(np.float32) / 255
    seen = np.stack([warped(others[..., of], view) for of in range(3)], -1)
    outline = inside(colours) & (warped(inside(others).astype(np.float32), view) > 0.5)
    return compared(colours, seen, both_see(view, one.shape[1]), outline, view)


def begun(one: NDArray[np.uint8], other: NDArray[np.uint8], one_box: NDArray[np.uint8], other_box: NDArray[np.uint8]) -> Numbers:
    """The view to begin from: the best of frame on frame and standing on standing, each tried both ways at a small scale."""
    light, other_light = shrunk(luminance(one), 2), shrunk(luminance(other), 2)
    frames = np.broadcast_to(np.array([1, 0], np.float32), (len(one), 2, 2))
    boxes = box_to_box(one_box, other_box)
    views = [stepped(light, other_light, view, 4) for view in (frames, boxes)]
    views += [turned(stepped(other_light, light, view, 4)) for view in (frames, turned(boxes))]
    best = np.argmin([misfit(light, other_light, view) for view in views], 0)
    found: Numbers = np.stack(views)[best, np.arange(len(best))]
    return found


def box_to_box(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> Numbers:
    """The view that lays boxes (P, 4) in FINE-ths of the frame on each other."""
    ends, others = (box.astype(np.float32).reshape(-1, 2, 2) / FINE for box in (one, other))  # (P, ends, axes)
    scale = (others[:, 1] - others[:, 0]) / (ends[:, 1] - ends[:, 0])
    return np.stack([scale, others[:, 0] - scale * ends[:, 0]], -1)


def turned(view: Numbers) -> Numbers:
    """The view from the other side."""
    return np.stack([1 / view[:, :, 0], -view[:, :, 1] / view[:, :, 0]], -1)


def misfit(light: Numbers, other: Numbers, view: Numbers) -> Numbers:
    """Mean squared difference (P,) up to brightness and contrast; what only one picture shows counts as half wrong."""
    both = both_see(view, light.shape[1], EDGE).reshape(len(light), -1)
    miss = levelled(warped(other, view).reshape(both.shape), light.reshape(both.shape), both)
    found: Numbers = np.where(both, miss**2, light.var((1, 2))[:, None] / 2).mean(1)
    return found


def stepped(light: Numbers, other: Numbers, view: Numbers, steps: int) -> Numbers:
    """Gauss-Newton towards the stretch and shift with the least squared difference, up to brightness and contrast."""
    count, side = light.shape[:2]
    down, right = np.gradient(light, np.float32(1 / side), axis=(1, 2))
    reach = (np.arange(side, dtype=np.float32) + 0.5) / side - 0.5
    slopes = np.stack([right * reach, right, down * reach[:, None], down], 1).reshape(count, 4, -1)
    for _ in range(steps):
        both = both_see(view, side, EDGE).reshape(count, -1)
        miss = levelled(warped(other, view).reshape(count, -1), light.reshape(count, -1), both)
        trust = both * (OUTLIER / np.maximum(np.abs(miss), OUTLIER))
        masked = slopes * trust[:, None]
        normal = masked @ slopes.transpose(0, 2, 1)
        normal += np.eye(4, dtype=np.float32) * (0.0025 * np.trace(normal, axis1=1, axis2=2)[:, None, None] + 1e-3)
        step = np.linalg.solve(normal, masked @ miss[:, :, None])[:, :, 0].reshape(count, 2, 2).clip(-0.1, 0.1)
        stretch, shift = step[:, :, 0], step[:, :, 1] - step[:, :, 0] / 2
        scale = (view[:, :, 0] * (1 - stretch)).clip(0.5, 2)
        view = np.stack([scale, view[:, :, 1] - view[:, :, 0] * shift], -1)
    return view


def levelled(values: Numbers, target: Numbers, both: Bits) -> Numbers:
    """What is left of values (P, M) less their target, once brightness and contrast are made the same."""
    weight = both / np.maximum(1, both.sum(1, keepdims=True)).astype(np.float32)
    values, target = values - (values * weight).sum(1, keepdims=True), target - (target * weight).sum(1, keepdims=True)
    gain = (values * target * weight).sum(1) / ((values**2 * weight).sum(1) + 1e-6)
    left: Numbers = values * gain.clip(0.5, 2)[:, None] - target
    return left


def places_seen(view: Numbers, side: int) -> Numbers:
    """Which place of the other picture each place shows, (P, 2 axes, S)."""
    middles = (np.arange(side, dtype=np.float32) + 0.5) / side
    return (view[:, :, :1] * middles + view[:, :, 1:]) * side - 0.5


def warped(pictures: Numbers, view: Numbers) -> Numbers:
    """Pictures (P, S, S) as seen through a view, the rim repeated outside; rows first, then columns, each between two neighbours."""
    count, side = pictures.shape[:2]
    seen = places_seen(view, side).clip(0, side - 1)
    low = np.minimum(seen.astype(np.int64), side - 2)
    share = (seen - low).astype(np.float32)
    each, down, right = np.arange(count)[:, None], low[:, 1], low[:, 0]
    rows = pictures[each, down]
    rows = rows + (pictures[each, down + 1] - rows) * share[:, 1, :, None]  # (P, S, S)
    flat = rows.reshape(-1)
    at = (np.arange(count * side) * side).reshape(count, side, 1) + right[:, None]
    left = flat[at]
    found: Numbers = left + (flat[at + 1] - left) * share[:, 0, None]
    return found


def both_see(view: Numbers, side: int, edge: float = -0.01) -> Bits:
    """(P, S, S) where a view leads to a place inside the other picture, `edge` places from its rim."""
    seen = places_seen(view, side)
    good = (seen >= edge) & (seen <= side - 1 - edge)
    found: Bits = good[:, 1, :, None] & good[:, 0, None]
    return found


def inside(colours: Numbers) -> Bits:
    """(P, S, S) what lies between places to the left, right, above and below that stand out from the ground."""
    rim = np.concatenate([colours[:, 0], colours[:, -1], colours[:, :, 0], colours[:, :, -1]], 1)
    ground = np.median(rim, 1)
    stands = np.any([np.abs(colours[..., of] - ground[:, None, None, of]) > STANDS_OUT for of in range(3)], 0)
    ways = [(way, axis) for axis in (1, 2) for way in (slice(None), slice(None, None, -1))]
    found: Bits = np.ones_like(stands)
    for way, axis in ways:
        turn = (slice(None), way) if axis == 1 else (slice(None), slice(None), way)
        found &= np.maximum.accumulate(stands[turn], axis)[turn]
    return found


def compared(one: Numbers, other: Numbers, both: Bits, outline: Bits, view: Numbers) -> Agreement:
    """How pictures (P, S, S, 3) agree where both are seen."""
    light, other_light = one @ GREY, other @ GREY
    where = both & outline
    shades = np.stack([one[..., of] - light - other[..., of] + other_light for of in (0, 2)], -1)
    shade = mean(np.hypot(shades[..., 0], shades[..., 1]), where)
    exposure = np.abs(mean(light - other_light, where))
    detail = correlation(details(light), details(other_light), inner(where))
    return Agreement(
        detail, correlation(light, other_light, both), np.maximum(shade, exposure - LIGHTS), changed(one, other, inner(where)), view
    )


def changed(one: Numbers, other: Numbers, where: Bits) -> Numbers:
    """The share of places whose colour differs once the exposure is made the same."""
    weight = where[..., None]
    gain = (one * other * weight).sum((1, 2, 3)) / ((other**2 * weight).sum((1, 2, 3)) + 1e-6)
    miss = one - other * gain.clip(0.75, 1.33)[:, None, None, None]
    differs = np.max([np.abs(box_mean(miss[..., of], 2)) for of in range(3)], 0) > STANDS_OUT
    return mean(differs.astype(np.float32), where)


def inner(where: Bits) -> Bits:
    """What lies inside with all its neighbours, where that is enough to go by; else all."""
    deep = box_mean(where.astype(np.float32), 1) > 0.999
    return np.where((deep.sum((1, 2)) >= 0.01 * where[0].size)[:, None, None], deep, where)


def details(light: Numbers) -> Numbers:
    """What is finer than 7 places and coarser than 3 (which resampling blurs), over its own contrast in the neighbourhood."""
    fine = box_mean(light, 1) - box_mean(light, 3)
    found: Numbers = fine / (np.sqrt(box_mean(fine**2, 4)) + NOISE)
    return found


def correlation(one: Numbers, other: Numbers, where: Bits) -> Numbers:
    one, other = one - mean(one, where)[:, None, None], other - mean(other, where)[:, None, None]
    found: Numbers = mean(one * other, where) / (np.sqrt(mean(one**2, where) * mean(other**2, where)) + 1e-6)
    return found


def mean(values: Numbers, where: Bits) -> Numbers:
    found: Numbers = (values * where).sum((1, 2)) / np.maximum(1, where.sum((1, 2)))
    return found


def box_mean(values: Numbers, reach: int) -> Numbers:
    """The mean over (2 * reach + 1)^2 places, edges repeated."""
    side = values.shape[1]
    wide = np.pad(values, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    rows = sum((wide[:, at : at + side] for at in range(1, 2 * reach + 1)), wide[:, :side])
    summed: Numbers = sum((rows[:, :, at : at + side] for at in range(1, 2 * reach + 1)), rows[:, :, :side])
    return summed / np.float32((2 * reach + 1) ** 2)


def shrunk(pictures: Numbers, times: int) -> Numbers:
    count, side = pictures.shape[:2]
    smaller: Numbers = pictures.reshape(count, side // times, times, side // times, times).mean((2, 4))
    return smaller
