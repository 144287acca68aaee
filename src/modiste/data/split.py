"""Dividing a catalogue: every class on each side, photos of one product together, the same for the same seed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from modiste.data.layouts.names import SOURCES, SPLITS
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import ModisteError, UsageError, unknown
from modiste.records.words import counted


def carve(catalogue: Catalogue, share: float, seed: int) -> tuple[Catalogue, Catalogue]:
    """The rest, and about `share` of each class's photos carved from it; photos without a label stay in the rest.

    Photos of one product stay together. A class with two products or more is on both sides.
    """
    if not 0 < share < 1:
        raise ModisteError(f"a share of {share} cannot be carved: it must lie between 0 and 1, such as 0.15.")
    labelled = catalogue.with_photos(photo for photo in catalogue.photos if photo.label is not None)
    side = assigned(labelled, {"rest": 1 - share, "carved": share}, seed)
    rest = catalogue.with_photos(photo for photo in catalogue.photos if side.get(photo.path) != "carved")
    return rest, catalogue.with_photos(photo for photo in catalogue.photos if side.get(photo.path) == "carved")


def split(catalogue: Catalogue, shares: Mapping[str, float], seed: int, within: str | None = None) -> Catalogue:
    """The catalogue with splits assigned by share ({'train': 0.8, 'test': 0.2}), on the laws of `carve`.

    Photos without a label go where their twins and views go, else they keep their split. With `within` only the photos of that
    split are divided, and all others keep theirs.
    """
    if not shares or not all(0 < share <= 1 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-6:
        given = ", ".join(f"{name} {share}" for name, share in shares.items())
        raise UsageError(f"shares must be above 0 and add up to 1; given: {given or 'none'}.")
    for name in shares:
        if name not in SPLITS.values():
            raise unknown("split", name, set(SPLITS.values()) - {""})
    part = catalogue if within is None else catalogue.with_photos(photo for photo in catalogue.photos if photo.split == within)
    if within is not None and not part.split(within).photos:
        held = ", ".join(sorted({photo.split for photo in catalogue.photos} - {""})) or "none"
        raise ModisteError(f"no labelled photo is in split '{within}' to be divided; the catalogue's splits are: {held}.")
    side = assigned(part, shares, seed)
    if empty := [name for name in shares if name not in side.values()]:
        apart = sum(len(groups) for groups in groups_by_class(part).values())
        raise ModisteError(
            f"{catalogue.root}: no photo would be in {' or '.join(empty)}: its labelled photos are {counted(apart, 'group')} of products "
            "and twins, which stay together. Ask for fewer splits, or larger shares."
        )
    return catalogue.with_photos(replace(photo, split=side.get(photo.path, photo.split)) for photo in catalogue.photos)


def limit(catalogue: Catalogue, most: int, seed: int = 0) -> Catalogue:
    """At most about `most` labelled photos of each split, classes in their proportions, one of each at least; for trials."""
    if most < 1:
        raise ModisteError(f"a limit of {most} photos a split leaves nothing: it must be 1 or more.")
    rng, kept = np.random.default_rng(checked_seed(seed)), set[str]()
    for name in sorted({photo.split for photo in catalogue.photos}):
        part = catalogue.split(name)
        for code, count in enumerate(part.counts()):
            paths = sorted(photo.path for photo in part.photos if photo.label == code)
            share = 0 if not count else min(count, max(1, round(most * count / len(part))))
            kept |= {str(path) for path in rng.permutation(paths)[:share]}
    return catalogue.with_photos(photo for photo in catalogue.photos if photo.path in kept)


def part_asked(catalogue: Catalogue, split: str | None) -> Catalogue:
    """The photos of a split by its name, or all; a split without photos is refused with those there are."""
    if split is None:
        return catalogue
    if not len(part := catalogue.split(split)):
        there = ", ".join(sorted({photo.split for photo in catalogue.photos} - {""})) or "none"
        raise ModisteError(f"{catalogue.root}: no photo is in split '{split}'. Splits there: {there}.")
    return part


def by_source(catalogue: Catalogue, splits: Mapping[str, str] = SOURCES) -> Catalogue:
    """The catalogue with splits assigned by source, as in the paper: AAT trains, LAT tests; other sources keep theirs."""
    sources = {photo.source for photo in catalogue.photos}
    if not sources & set(splits):
        found = ", ".join(sorted(sources - {""})) or "none at all"
        raise ModisteError(f"no photo has one of the sources {', '.join(splits)}; the catalogue names {found}. Split it by share instead.")
    return catalogue.with_photos(replace(photo, split=splits.get(photo.source, photo.split)) for photo in catalogue.photos)


def assigned(catalogue: Catalogue, shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """The side of each labelled photo, and of those that hang together with one, by path. The order of rows changes nothing.

    Groups come in random order and each goes where the least of its share is filled, the largest share first:
    so a class with as many products as there are sides is on every side.
    """
    sides = sorted(shares, key=lambda name: -shares[name])
    side: dict[str, str] = {}
    for label, groups in sorted(groups_by_class(catalogue).items()):
        filled = dict.fromkeys(sides, 0)
        for place in np.random.default_rng([checked_seed(seed), label]).permutation(len(groups)):
            chosen = min(sides, key=lambda name: filled[name] / shares[name])
            filled[chosen] += sum(photo.label is not None for photo in groups[place])
            side |= {photo.path: chosen for photo in groups[place]}
    return side


def groups_by_class(catalogue: Catalogue) -> dict[int, list[list[Photo]]]:
    """Photos that must stay together, under their commonest class, the lower code of two; groups without a label are left out.

    Photos of one product belong together, and those with one word in the column `twin_group`, also by way of others.
    """
    classes: dict[int, list[list[Photo]]] = defaultdict(list)
    for group in bound_together(catalogue.photos):
        found = Counter(photo.label for photo in group if photo.label is not None)
        if found:
            classes[min(found, key=lambda code: (-found[code], code))].append(group)
    return classes


def bound_together(photos: Sequence[Photo]) -> list[list[Photo]]:
    """Photos in their groups, in an order that the order of rows does not change."""
    leader: dict[tuple[str, str], tuple[str, str]] = {}

    def first(tie: tuple[str, str]) -> tuple[str, str]:
        while leader.setdefault(tie, tie) != tie:
            leader[tie] = tie = leader[leader[tie]]
        return tie

    for photo in photos:
        ties = sorted(first(tie) for tie in ties_of(photo))
        leader.update(dict.fromkeys(ties, ties[0]))
    groups: dict[tuple[str, str], list[Photo]] = defaultdict(list)
    for photo in photos:
        groups[first(ties_of(photo)[0])].append(photo)
    return [group for _, group in sorted(groups.items())]


def ties_of(photo: Photo) -> list[tuple[str, str]]:
    """What a photo shares with others: its product, its group; a photo without either is its own group."""
    ties = [("group", photo.twin_group), ("product", photo.product)]
    return [tie for tie in ties if tie[1]] or [("path", photo.path)]


def accept(catalogue: Catalogue) -> Catalogue:
    """The catalogue with suggested labels taken for labels where there are none."""

    def labelled(photo: Photo) -> Photo:
        if photo.label is not None or photo.suggestion is None:
            return photo
        return replace(photo, label=photo.suggestion.label)

    return catalogue.with_photos(labelled(photo) for photo in catalogue.photos)


def checked_seed(seed: int) -> int:
    """A seed that NumPy takes, or an error in words."""
    if seed < 0:
        raise ModisteError(f"a seed of {seed} is none: it must be 0 or more.")
    return seed
