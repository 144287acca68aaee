"""Photos that stand in a catalogue twice: the same file, the same photo changed a little, or the same shot in another colour."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from modiste.data.auditing.aligned import CLOSE, COARSE, Agreement, agreement, begun
from modiste.data.auditing.look import CLOSE as CLOSE_SIDE
from modiste.data.auditing.look import FINE, GREY_WAVES, close_look, odd_waves
from modiste.data.auditing.looks import Looks
from modiste.data.auditing.neighbours import TREES, nearest, pairs
from modiste.data.opening.crew import processors
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.workers import each_photo
from modiste.records.progress import Progress, Tell, silent

T = TypeVar("T")
KINDS = ("exact", "near", "mirrored", "recoloured")  # from sure to likely
SAME_PHOTO = ("exact", "near", "mirrored")
AT_ONCE = 64  # pairs compared together: more are no faster and take 4 MB each
AHEAD = 4  # such parts begun before the first is asked for
BLANK = 0.03  # spread: a picture that is one smooth wash of colour has less, and all such are alike
MAY_BE, MAY_BE_RECOLOURED, IS = 0.78, 0.90, 0.88  # the least agreement in detail, of thumbnails and of photos
BENT = 0.08  # the logarithm of how much further a picture may be stretched one way than the other
EVEN = 12  # of 127: with less of the first odd wave, a picture may look either way
LIGHT = 0.85  # the least agreement of light and dark
TOUCHED, RECOLOURED = 0.12, 0.06  # a larger share changed, or a larger difference of colour, is another colour


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """Two photos by their places, `one` < `other`; likeness 1 for the same file, towards 0 for the least alike that are still told."""

    one: int
    other: int
    kind: str
    likeness: float


@dataclass(frozen=True, eq=False)
class Candidates:
    """P pairs of photos that may be twins."""

    one: NDArray[np.int64]
    other: NDArray[np.int64]
    mirrored: NDArray[np.bool_]  # whether `other` is to be seen in a mirror
    view: NDArray[np.float32]  # (P, 2, 2) how `other` lies over `one`

    def __len__(self) -> int:
        return len(self.one)

    def __getitem__(self, some: slice | NDArray[np.bool_] | NDArray[np.int64]) -> Candidates:
        return Candidates(self.one[some], self.other[some], self.mirrored[some], self.view[some])


def twins(looks: Looks, seed: int = 0, tell: Tell = silent) -> list[Pair]:
    """Every pair found, in order; of k files with the same bytes k - 1 pairs, each with the first of them.

    Neighbours by their waves are laid over each other, first as thumbnails, then, where these agree, as photos opened once more.
    """
    firsts, copies = exact(looks)
    shown = firsts[looks.small["spread"][firsts] > BLANK]
    if len(shown) < 2:
        return sorted(copies)
    found = candidates(looks, shown, np.random.default_rng(seed), tell)
    likely = list(by_parts(lambda part: on_thumbnails(looks, part), found, tell, "laying over"))
    if not likely:
        return sorted(copies)
    closer = by_parts(lambda part: list(on_photos(looks, part)), joined(likely), tell, "looking closer")
    return sorted(copies + told_once(pair for part in closer for pair in part))


def exact(looks: Looks) -> tuple[NDArray[np.int64], list[Pair]]:
    """The first photo of each content, and a pair for every other that has the same bytes."""
    seen = np.flatnonzero(looks.seen)
    digests = np.ascontiguousarray(looks.small["sha256"][seen]).view("V32").ravel()
    _, first, which = np.unique(digests, return_index=True, return_inverse=True)
    origin = seen[first][which]
    copies = [Pair(int(one), int(other), "exact", 1.0) for one, other in zip(origin, seen, strict=True) if one != other]
    return np.sort(seen[first]), copies


def candidates(looks: Looks, firsts: NDArray[np.int64], rng: np.random.Generator, tell: Tell) -> Candidates:
    """Photos that are neighbours: by the whole frame, by what stands in it, or by its light alone, turned to face one way.

    The frame finds what had text put over it; what stands in it, crops and borders; the light, other colours and mirrored copies.
    """
    waves, everyone = looks.small["waves"][firsts], np.arange(len(firsts))
    light, owner, left = facing(waves[:, 1])
    as_they_are = np.zeros(len(firsts), np.bool_)
    searches = ((waves[:, 0], everyone, as_they_are, 4, 0.25), (waves[:, 1], everyone, as_they_are, 4, 0.40), (light, owner, left, 4, 0.40))
    keys = []
    for number, (vectors, owner, turned, count, radius) in enumerate(searches):
        for tree, best in enumerate(nearest(vectors, count, 127 * radius, rng), 1):
            tell(Progress("searching", number * TREES + tree, len(searches) * TREES, "trees"))
            found = pairs(best) if tree == TREES else np.zeros((0, 2), np.int64)
        keys.append(np.column_stack([np.sort(firsts[owner[found]], axis=1), turned[found[:, 0]] != turned[found[:, 1]]]))
    one, other, mirrored = np.unique(np.concatenate(keys), axis=0).T
    apart = one != other
    return Candidates(one, other, mirrored == 1, np.zeros((len(one), 2, 2), np.float32))[apart]


def facing(waves: NDArray[np.int8]) -> tuple[NDArray[np.int8], NDArray[np.int64], NDArray[np.bool_]]:
    """The waves of light as a picture and its mirrored copy have them alike (M, 63), whose they are, and which were mirrored for it.

    A picture is turned by its wave of half a turn from left to right; one that has little of it stands there both ways.
    """
    light = waves[:, : GREY_WAVES**2 - 1].astype(np.float32)
    light = np.rint(light * (127 / (np.linalg.norm(light, axis=1, keepdims=True) + 6)))
    both = np.flatnonzero(np.abs(light[:, 0]) < EVEN)
    left = np.concatenate([light[:, 0] < 0, light[both, 0] >= 0])
    owner = np.concatenate([np.arange(len(light)), both])
    return np.where(left[:, None] & odd_waves()[: light.shape[1]], -light[owner], light[owner]).astype(np.int8), owner, left


def by_parts(work: Callable[[Candidates], T], found: Candidates, tell: Tell, stage: str) -> Iterator[T]:
    """Some work on all candidates, in parts that fit into memory, in order, on all processors: NumPy lets go of Python's lock."""
    starts = range(0, len(found), AT_ONCE)
    pool, waiting = ThreadPoolExecutor(processors()), deque[Future[T]]()
    try:
        for number in range(len(starts) + AHEAD):
            if number < len(starts):
                waiting.append(pool.submit(work, found[starts[number] : starts[number] + AT_ONCE]))
            if number >= AHEAD:
                yield waiting.popleft().result()
                tell(Progress(stage, min((number - AHEAD + 1) * AT_ONCE, len(found)), len(found), "pairs"))
    finally:
        pool.shutdown(cancel_futures=True)  # stopped in the middle: what has begun ends, no more begins


def joined(parts: Sequence[Candidates]) -> Candidates:
    one, other, mirrored, view = ([getattr(part, name) for part in parts] for name in ("one", "other", "mirrored", "view"))
    return Candidates(np.concatenate(one), np.concatenate(other), np.concatenate(mirrored), np.concatenate(view))


def on_thumbnails(looks: Looks, some: Candidates) -> Candidates:
    """Those whose thumbnails agree, and how they lie over each other."""
    one, other = looks.thumbs(some.one), in_mirror(looks.thumbs(some.other), some.mirrored)
    boxes = looks.small["box"][some.other]
    boxes = np.where(some.mirrored[:, None], np.stack([FINE - boxes[:, 2], boxes[:, 1], FINE - boxes[:, 0], boxes[:, 3]], 1), boxes)
    seen = agreement(one, other, begun(one, other, looks.small["box"][some.one], boxes), COARSE)
    same = seen.changed <= TOUCHED
    likely = (seen.detail > np.where(same, MAY_BE, MAY_BE_RECOLOURED)) & (seen.light > LIGHT) & (same | ~some.mirrored)
    return replace(some, view=seen.view)[likely]


def on_photos(looks: Looks, some: Candidates) -> Iterator[Pair]:
    """The twins among some candidates, each photo opened once more; one that can no longer be opened is nobody's twin."""
    places = np.unique(np.concatenate([some.one, some.other]))
    opened = list(each_photo(looks.root, [looks.paths[place] for place in places], close_look))
    lost = [place for place, photo in zip(places, opened, strict=True) if isinstance(photo, PhotoRefused)]
    some = some[~np.isin(some.one, lost) & ~np.isin(some.other, lost)]
    if not len(some):
        return
    photos = np.stack([np.zeros((CLOSE_SIDE, CLOSE_SIDE, 3), np.uint8) if isinstance(photo, PhotoRefused) else photo for photo in opened])
    one, other = photos[np.searchsorted(places, some.one)], photos[np.searchsorted(places, some.other)]
    seen = agreement(one, in_mirror(other, some.mirrored), some.view, CLOSE)
    natural = unbent(seen.view, looks.small[some.one], looks.small[some.other])
    yield from verdicts(some[natural], Agreement(*(getattr(seen, field.name)[natural] for field in fields(seen))))


def unbent(view: NDArray[np.floating[Any]], one: NDArray[np.void], other: NDArray[np.void]) -> NDArray[np.bool_]:
    """Whether a photo was stretched alike both ways, in pixels or as a whole frame: what is not the same shot needs to be bent to fit."""
    frame = np.log(view[:, 0, 0] / view[:, 1, 0])
    pixels = frame + np.log(other["width"] / one["width"]) - np.log(other["height"] / one["height"])
    natural: NDArray[np.bool_] = np.minimum(np.abs(frame), np.abs(pixels)) < BENT
    return natural


def verdicts(some: Candidates, seen: Agreement) -> Iterator[Pair]:
    """What candidates are, now that they were laid over each other in detail."""
    same = (seen.changed <= TOUCHED) & (seen.colour <= RECOLOURED)
    likeness = seen.detail - np.where(same, seen.changed, 0)
    for at in np.flatnonzero((likeness > IS) & (seen.light > LIGHT) & (same | ~some.mirrored)):
        kind = "recoloured" if not same[at] else "mirrored" if some.mirrored[at] else "near"
        yield Pair(int(some.one[at]), int(some.other[at]), kind, round(float(likeness[at].clip(0, 1)), 4))


def told_once(found: Iterable[Pair]) -> list[Pair]:
    """Each two photos once, as the kind that comes first in KINDS."""
    kept: dict[tuple[int, int], Pair] = {}
    for pair in sorted(found, key=lambda pair: KINDS.index(pair.kind)):
        kept.setdefault((pair.one, pair.other), pair)
    return list(kept.values())


def in_mirror(pictures: NDArray[np.uint8], which: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.where(which[:, None, None, None], pictures[:, :, ::-1], pictures)


def groups(pairs: Iterable[Pair], count: int, kinds: Sequence[str] = SAME_PHOTO, products: Sequence[str] = ()) -> NDArray[np.int64]:
    """(N,) the group of each photo, named by its first member: joined by pairs of some kinds, and by product where one is named.

    >>> groups([Pair(1, 3, "near", 0.9)], 4).tolist()
    [0, 1, 2, 1]
    """
    parent = list(range(count))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = place = parent[parent[place]]
        return place

    links = [(pair.one, pair.other) for pair in pairs if pair.kind in kinds]
    first: dict[str, int] = {}
    links += [(first.setdefault(product, place), place) for place, product in enumerate(products) if product]
    for one, other in links:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return np.array([root(place) for place in range(count)], np.int64)
