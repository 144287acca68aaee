"""Everything that an audit looks for, a function each: broken, tiny, blank, twins, leaks, wrong labels, shifted splits."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

import numpy as np

from modiste.data.auditing.seen import Seen
from modiste.data.auditing.twins import BLANK, SAME_PHOTO, Pair, groups
from modiste.records.findings import Finding
from modiste.records.plain import fingerprint

SMALLEST = 32  # px a side: below, a network sees nothing
BLURRED = 0.2  # sharpness: a picture out of focus has less
LONGEST = 4.0  # times as long as it is wide: squashing such a picture to a square spoils it
SHIFTED = 0.05  # total variation between two splits' classes, from 0 (the same mix) to 1
STUDY_SPLITS = ("train", "validation", "test")  # a photo in two of these has leaked


def unreadable(seen: Seen) -> Iterator[Finding]:
    for place, refused in seen.looks.refused.items():
        yield seen.finding("unreadable", place, 1.0, f"{refused.reason}: {str(refused).partition(': ')[2].partition(': ')[2]}")


def tiny(seen: Seen) -> Iterator[Finding]:
    """Photos of less than SMALLEST px on one side; the smaller, the surer."""
    width, height = seen.looks.small["width"], seen.looks.small["height"]
    for place in np.flatnonzero(seen.looks.seen & (np.minimum(width, height) < SMALLEST)):
        short = min(width[place], height[place])
        yield seen.finding(
            "tiny", int(place), 1 - short / SMALLEST, f"{width[place]} x {height[place]} px; {SMALLEST} px or more a side are needed"
        )


def blank(seen: Seen) -> Iterator[Finding]:
    spread = seen.looks.small["spread"]
    for place in np.flatnonzero(seen.looks.seen & (spread < BLANK)):
        yield seen.finding("blank", int(place), 1 - float(spread[place]) / BLANK, f"spread {spread[place]:.3f}, below {BLANK}")


def blurred(seen: Seen) -> Iterator[Finding]:
    """Photos out of focus; blank ones, which have no edges, are not counted again."""
    small = seen.looks.small
    for place in np.flatnonzero(seen.looks.seen & (small["sharpness"] < BLURRED) & (small["spread"] >= BLANK)):
        sharpness = float(small["sharpness"][place])
        yield seen.finding("blurred", int(place), 1 - sharpness / BLURRED, f"sharpness {sharpness:.2f}, below {BLURRED}")


def odd_aspect(seen: Seen) -> Iterator[Finding]:
    width, height = seen.looks.small["width"].astype(float), seen.looks.small["height"].astype(float)
    ratio = np.divide(np.maximum(width, height), np.minimum(width, height), out=np.ones_like(width), where=seen.looks.seen)
    for place in np.flatnonzero(ratio > LONGEST):
        yield seen.finding("odd_aspect", int(place), 1 - LONGEST / ratio[place], f"{width[place]:.0f} x {height[place]:.0f} px")


def duplicates(seen: Seen) -> Iterator[Finding]:
    for pair in seen.pairs:
        yield seen.of_pair(f"{pair.kind}_duplicate" if pair.kind in SAME_PHOTO else pair.kind, pair, f"likeness {pair.likeness:.2f}")


def two_labels(seen: Seen) -> Iterator[Finding]:
    """The same picture with two labels: one of them is wrong."""
    for pair in at_odds(seen, [photo.label for photo in seen.catalogue.photos]):
        yield seen.of_pair("two_labels", pair, ALIKE[pair.kind])


def leaked(seen: Seen) -> Iterator[Finding]:
    """Twins, and views of one product, on two sides of the study's splits."""
    for pair in at_odds(seen, [photo.split if photo.split in STUDY_SPLITS else None for photo in seen.catalogue.photos]):
        yield seen.of_pair("leaked", pair, ALIKE[pair.kind])
    views: dict[str, dict[str, int]] = defaultdict(dict)
    for place, photo in enumerate(seen.catalogue.photos):
        if photo.product and photo.split in STUDY_SPLITS:
            views[photo.product].setdefault(photo.split, place)
    for product, sides_of in views.items():
        if len(sides_of) > 1:
            one, other = sorted(sides_of.values())[:2]
            yield seen.of_pair("leaked", Pair(one, other, "product", 1.0), f"both are of product {product}")


def at_odds(seen: Seen, said: Sequence[object]) -> list[Pair]:
    """Twins of which two things are `said`, in order; of some nothing may be said, None.

    Those that are twins by way of others, such as two copies of a third, are told once for each two things that no pair tells yet.
    """
    found = [pair for pair in seen.pairs if said[pair.one] != said[pair.other] and None not in (said[pair.one], said[pair.other])]
    for kind, kinds in BY_WAY_OF.items():
        group = groups(seen.pairs, len(said), kinds)
        told = {(group[pair.one], frozenset((said[pair.one], said[pair.other]))) for pair in found if group[pair.one] == group[pair.other]}
        likeness: dict[int, float] = defaultdict(lambda: 1.0)
        for pair in seen.pairs:
            if pair.kind in kinds:
                likeness[group[pair.one]] = min(likeness[group[pair.one]], pair.likeness)
        first: dict[int, dict[object, int]] = defaultdict(dict)
        for place, word in enumerate(said):
            if word is not None:
                first[group[place]].setdefault(word, place)
        found += [
            Pair(place, another, kind, likeness[name])
            for name, places in first.items()
            for (word, place), (other, another) in combinations(places.items(), 2)
            if (name, frozenset((word, other))) not in told
        ]
    return sorted(found)


def wrong_labels(seen: Seen) -> Iterator[Finding]:
    """Labels that the other photos disagree with, as many as are estimated to be wrong, the most doubtful first."""
    if seen.doubts is None:
        return
    names = seen.catalogue.classes.names
    for place in seen.doubts.order[: seen.doubts.estimated_errors]:
        sure = float(seen.doubts.confidence[place])
        suggested = names[seen.doubts.suggested[place]]
        if suggested != seen.label(seen.photo(int(place))):
            score = 1 - float(seen.doubts.quality[place])
            yield seen.finding("label_error", int(place), score, f"looks like {suggested} ({sure:.0%} sure)", suggested)


def text_disagrees(seen: Seen) -> Iterator[Finding]:
    """Photos whose columns, id or title name another class than their label, or none of the classes."""
    classes = seen.catalogue.classes
    for place, photo in enumerate(seen.catalogue.photos):
        if photo.label is None:
            continue
        sayings = seen.taxonomy.sayings(photo.details, photo.product)
        said = [(name, why) for name, why in sayings if not name or classes.find(name) is not None]
        against = [(name, why) for name, why in said if classes.find(name) != photo.label]
        if against:
            why = "; ".join(f"{why}: {name or 'none of the classes'}" for name, why in against)
            yield seen.finding("text_disagrees", place, len(against) / len(said), why, against[0][0])


def class_shift(seen: Seen) -> Iterator[Finding]:
    """Splits whose mix of classes differs from train's by more than chance would make."""
    counts = {name: np.array(seen.catalogue.split(name).counts(), float) for name in STUDY_SPLITS}
    train = counts.pop("train")
    for name, other in counts.items():
        if not train.sum() or not other.sum():
            continue
        shares, mix = train / train.sum(), other / other.sum()
        shift = float(np.abs(shares - mix).sum() / 2)
        by_chance = float(np.sqrt(shares * (1 - shares) * (1 / train.sum() + 1 / other.sum())).sum() / math.sqrt(2 * math.pi))
        if shift > SHIFTED and shift > 4 * by_chance:  # of two classes: 3.2 standard deviations, once in 700
            most = int(np.abs(shares - mix).argmax())
            detail = f"{seen.catalogue.classes.names[most]} are {shares[most]:.1%} of train and {mix[most]:.1%} of {name}"
            number = fingerprint(["class_shift", name, train.tolist(), other.tolist()])[:8]
            yield Finding(number, "class_shift", split=f"train, {name}", score=shift, detail=f"{detail}; total variation {shift:.2f}")


BY_WAY_OF: dict[str, tuple[str, ...]] = {  # what photos are that hang together by pairs of these kinds, the surest first
    "exact": ("exact",),
    "near": SAME_PHOTO,
    "recoloured": (*SAME_PHOTO, "recoloured"),
}
ALIKE = {
    "exact": "the same file",
    "near": "the same picture",
    "mirrored": "the same picture, mirrored",
    "recoloured": "one shot, another colour",
}
KINDS = {  # every kind of finding, in the order in which they are shown
    "unreadable": "photos that cannot be opened, with the reason",
    "blank": "pictures of nothing: one smooth wash of colour",
    "tiny": f"pictures of less than {SMALLEST} px on one side",
    "blurred": "pictures out of focus",
    "odd_aspect": f"pictures more than {LONGEST:.0f} times as long as wide",
    "two_labels": "the same picture under two labels: one of them is wrong",
    "leaked": "the same picture, or two views of one product, in two splits",
    "label_error": "labels that the other photos disagree with, the most doubtful first",
    "text_disagrees": "labels that the catalogue's own words disagree with",
    "exact_duplicate": "the same file twice",
    "near_duplicate": "the same picture twice, re-encoded, resized, cropped or lit otherwise",
    "mirrored_duplicate": "the same picture twice, once mirrored",
    "recoloured": "one shot in two colours: no fault, but both belong into one split",
    "class_shift": "splits with another mix of classes than train",
}
AUDITS: dict[str, Callable[[Seen], Iterator[Finding]]] = {
    "unreadable": unreadable,
    "tiny": tiny,
    "blank": blank,
    "blurred": blurred,
    "odd_aspect": odd_aspect,
    "duplicates": duplicates,
    "two_labels": two_labels,
    "leaked": leaked,
    "wrong_labels": wrong_labels,
    "text_disagrees": text_disagrees,
    "class_shift": class_shift,
}
