"""What the checks of explanations say: tables with intervals, and verdicts in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modiste.evaluation.maps import Floats, Mean, area_under, mean_of, ratio_of
from modiste.records.table import Cell, Table
from modiste.records.words import counted

CHANCE, CENTRE = "chance", "centre"
NAMES = {
    "grad_cam": "Grad-CAM",
    "grad_cam_plus_plus": "Grad-CAM++",
    "attention": "CBAM's gate",
    "occlusion": "Occlusion",
    CHANCE: "chance",
    CENTRE: "middle first",
}
ALIKE = 0.5  # rank correlation with the map of a network that knows nothing: above it a map shows the picture, not the network
WORTH = 0.005  # of a curve's area: a smaller gain or loss is none, however sure


@dataclass(frozen=True, eq=False)
class Looks:
    """Where a network looked in photos: a name a photo (N,), the product's area, and each map's share on it; NaN where there is none.

    `swapped` are the shares that another photo's map would have: what comes of where products usually stand.
    """

    photos: tuple[str, ...]
    truth: tuple[str, ...]
    called: tuple[str, ...]
    drawn: Floats  # 1 for a photo drawn at random, 0 for one looked at because it was called wrong
    area: Floats
    shares: Mapping[str, Floats]
    swapped: Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class Checked:
    """What was measured on photos drawn at random: curves (N, P) a map and baseline, rank correlations (N,) a layer."""

    deletion: Mapping[str, Floats]
    insertion: Mapping[str, Floats]
    chances: Mapping[str, str]  # map -> the chance among the curves that is as coarse as it is
    cascade: Mapping[str, Mapping[str, Floats]]  # map -> the layer that was shuffled last -> likeness to the trained network's map
    neighbours: Mapping[str, Floats]  # map -> likeness of a photo's map to another photo's


@dataclass(frozen=True, eq=False)
class Gate:
    """One CBAM over photos: its gate of places and of channels, and its likeness to itself with its values shuffled; (N,) each."""

    mean: Floats
    spread: Floats  # the highest place less the lowest
    on_product: Floats  # its mean on the product less its mean beside it
    channel_mean: Floats
    channel_spread: Floats
    shuffled: Floats


def faithfulness_table(curves: Mapping[str, Floats], chances: Mapping[str, str], insertion: bool) -> Table:
    """Each map's area under its curve, and how far it is from its chance's and from the middle's, photo by photo."""
    areas = {name: area_under(curve) for name, curve in curves.items()}
    rows: list[tuple[Cell, ...]] = []
    for name, area in areas.items():
        own = mean_of(area)
        cells: list[Cell] = [named(name), own.photos, own.value, own.interval()]
        gaps = [mean_of(area - areas[other]) for other in (chances[name], CENTRE)] if name in chances else []
        cells += [cell for gap in gaps for cell in (gap.value, gap.interval())] or [None] * 4
        rows.append(tuple(cells))
    title = "Insertion: a grey picture's pixels shown, highest first" if insertion else "Deletion: pixels greyed, highest first"
    note = "Area under the class's probability. " + (
        "The larger the better: the class is soon there." if insertion else "The smaller the better: the class is soon gone."
    )
    columns = ("map", "photos", "area", "95 %", "Δ to chance", "Δ chance, 95 %", "Δ to middle first", "Δ middle, 95 %")
    return Table(title, columns, tuple(rows), (note, "Intervals: bootstrap over photos. Chance: random places as coarse as the map's."), 3)


def named(name: str) -> str:
    """A map's name for people; a chance of some size is called what it is.

    >>> named("grad_cam"), named("chance, 7 × 7")
    ('Grad-CAM', 'chance, 7 × 7')
    """
    return NAMES.get(name, name)


def sanity_table(checked: Checked) -> Table:
    """How alike the maps of the trained network and of one shuffled from the head down to a layer are (Spearman)."""
    maps = list(checked.cascade)
    layers = list(dict.fromkeys(layer for found in checked.cascade.values() for layer in found))
    rows: list[tuple[Cell, ...]] = [(f"down to {layer}", *paired(checked.cascade, maps, layer)) for layer in layers]
    others = (cell for name in maps for cell in shown(mean_of(checked.neighbours[name])))
    rows.append(("nothing: another photo's map", *others))
    columns = ("shuffled", *(words for name in maps for words in (NAMES[name], f"{NAMES[name]}, 95 %")))
    notes = (
        f"1: the map is the same without what the network learnt. Below {ALIKE} at the last layer it passes (Adebayo et al. 2018).",
        "A shuffled network's map that is the same everywhere counts as 0; photos of which the trained network's is are left out. "
        "The last row says how alike the maps of two photos are in any case.",
    )
    return Table("Shuffled from the head down: how much of the map stays", columns, tuple(rows), notes, 2)


def paired(cascade: Mapping[str, Mapping[str, Floats]], maps: Sequence[str], layer: str) -> list[Cell]:
    return [cell for name in maps for cell in shown(mean_of(cascade[name][layer]))]


def shown(mean: Mean) -> tuple[float, str]:
    return mean.value, mean.interval(2)


def gates_table(gates: Mapping[str, Gate]) -> Table:
    """Every CBAM: how open its gates are, how far apart, whether the product gets more, and what is left when it is shuffled alone."""
    rows: list[tuple[Cell, ...]] = []
    for name, gate in gates.items():
        alike, on_product = mean_of(np.abs(gate.shuffled)), mean_of(gate.on_product)
        plain = [mean_of(values).value for values in (gate.mean, gate.spread)]
        channels = [mean_of(values).value for values in (gate.channel_mean, gate.channel_spread)]
        signed = mean_of(gate.shuffled).value
        rows.append((name, *plain, on_product.value, on_product.interval(), *channels, alike.value, alike.interval(2), signed))
    columns = (
        *("module", "places, mean", "places, spread", "Δ product", "Δ product, 95 %", "channels, mean", "channels, spread"),
        *("likeness when shuffled", "likeness, 95 %", "likeness with sign"),
    )
    notes = (
        "Gates lie in (0, 1). Spread: the highest less the lowest, mean over photos. Δ product: the gate on the product less beside it.",
        "Likeness: rank correlation, its size without and with its sign, of the gate of places with that of the same module, its own "
        f"values shuffled and all else as trained. Above {ALIKE}, what is seen is the picture's edges, not what the module learnt.",
    )
    return Table("CBAM's gates, module by module", columns, tuple(rows), notes, 3)


def product_table(looks: Looks) -> Table:
    """How much of each map lies on the product, beside the product's share of the picture: all, right, wrong, and each class."""
    rows: list[tuple[Cell, ...]] = []
    right = np.array([truth == called for truth, called in zip(looks.truth, looks.called, strict=True)])
    drawn = looks.drawn > 0
    groups = {"all": drawn, "called rightly": drawn & right, "called wrongly": ~right}
    groups |= {name: drawn & (np.array(looks.truth) == name) for name in dict.fromkeys(sorted(looks.truth))}
    for name, shares in looks.shares.items():
        for group, among in groups.items():
            there = among & np.isfinite(shares) & np.isfinite(looks.area)
            times = ratio_of(shares[there], looks.area[there])
            above = int((shares[there] > looks.area[there]).sum())
            means = [float(values[there].mean()) if there.any() else None for values in (shares, looks.area)]
            other = ratio_of(looks.swapped[name][there], looks.area[there]).value
            rows.append((f"{NAMES[name]}, {group}", times.photos, *means, times.value, times.interval(2), above, other))
    unsure = int(np.isnan(looks.area[drawn]).sum())
    notes = (
        "Times: the share of the map on the product over the product's share of the picture; 1 is no better than chance. "
        "Another's map: what the map of another photo gets, for products stand in the middle in any case.",
        "The product: what differs from the border's colour, holes filled. "
        f"Left out: {unsure:,} of {int(drawn.sum()):,} photos drawn, where that is under 3 % or over 95 % of the picture.",
    )
    columns = (
        "map, photos",
        "photos",
        "map on product",
        "product of picture",
        "times",
        "times, 95 %",
        "photos above 1",
        "another's map, times",
    )
    return Table("Product or background", columns, tuple(rows), notes, 3)


def summary(looks: Looks, checked: Checked, gates: Mapping[str, Gate]) -> list[str]:
    """What all this comes to, a sentence a question."""
    said = [words for name in looks.shares if (words := product_words(name, looks))]
    said += [ranks_words(name, checked) for name in checked.chances]
    said += [sanity_words(name, found, checked.neighbours[name]) for name, found in checked.cascade.items()]
    return said + ([gates_words(gates)] if gates else [])


def product_words(name: str, looks: Looks) -> str:
    """Whether a map looks at the product, and whether it does so more than the map of another photo; '' where no product is known."""
    there = (looks.drawn > 0) & np.isfinite(looks.shares[name]) & np.isfinite(looks.swapped[name]) & np.isfinite(looks.area)
    if not there.any():
        return ""
    shares, swapped, area = looks.shares[name][there], looks.swapped[name][there], looks.area[there]
    times, other, gap = ratio_of(shares, area), ratio_of(swapped, area), mean_of(shares - swapped)
    middle = "what comes of products standing in the middle"
    follows = "it follows the product" if gap.low > 0 else f"no more than {middle}" if gap.high < 0 else f"it cannot be told from {middle}"
    return (
        f"{NAMES[name]} looks at the product in {int((shares > area).sum()):,} of {int(there.sum()):,} photos: it puts {times.value:.2f} "
        f"times as much of itself there as the product's area alone would get ({times.interval(2)}). The map of another photo gets "
        f"{other.value:.2f} times: {follows}."
    )


def ranks_words(name: str, checked: Checked) -> str:
    """Whether a map ranks pixels better than chance and than the middle, by both curves."""
    areas = [{of: area_under(curve) for of, curve in curves.items()} for curves in (checked.deletion, checked.insertion)]
    verdicts = []
    for other in (checked.chances[name], CENTRE):
        gone, come = mean_of(areas[0][other] - areas[0][name]), mean_of(areas[1][name] - areas[1][other])
        verdicts.append(f"{better(gone, come)} than {'the middle of the picture first' if other == CENTRE else 'chance'}")
    return f"{NAMES[name]} ranks pixels {verdicts[0]}, and {verdicts[1]}."


def better(gone: Mean, come: Mean) -> str:
    """A verdict from what is gained by deletion and by insertion.

    >>> better(Mean(0.1, 0.05, 0.15, 9), Mean(0.1, 0.05, 0.15, 9))
    'better (by 0.100 in deletion, by 0.100 in insertion)'
    """
    signs = {
        "better" if mean.low > 0 and mean.value >= WORTH else "worse" if mean.high < 0 and mean.value <= -WORTH else "not surely better"
        for mean in (gone, come)
    }
    word = signs.pop() if len(signs) == 1 else "better by one check alone" if "better" in signs else "not better"
    return f"{word} (by {gone.value:z.3f} in deletion, by {come.value:z.3f} in insertion)"


def verdict(alike: Mean) -> str:
    return "passes" if alike.high < ALIKE else "fails" if alike.low > ALIKE else "neither passes nor fails"


def sanity_words(name: str, found: Mapping[str, Floats], neighbours: Floats) -> str:
    """Whether the map of a network that knows nothing is another one, and that of another photo too."""
    alike = mean_of([*found.values()][-1])
    if not alike.photos:
        return f"{NAMES[name]} cannot be put to the randomisation check: each of its maps is the same everywhere, and ranks no places."
    return (
        f"{NAMES[name]} {verdict(alike)} the randomisation check: with every layer shuffled its maps rank places "
        f"like the trained network's to {alike.value:.2f} ({alike.interval(2)}; below {ALIKE} passes). "
        f"The maps of two photos are alike to {mean_of(neighbours).value:.2f}."
    )


def gates_words(gates: Mapping[str, Gate]) -> str:
    """How many CBAMs pass when they alone are shuffled, and how far each one's gate tells places apart."""
    alike = [mean for gate in gates.values() if (mean := mean_of(np.abs(gate.shuffled))).photos]
    passed, still = sum(verdict(mean) == "passes" for mean in alike), len(gates) - len(alike)
    spreads = ", ".join(f"{mean_of(gate.spread).value:.2f} in {name}" for name, gate in gates.items())
    left_out = f" {counted(still, 'module')} cannot be checked: the gate is the same at all places." if still else ""
    average = f"{np.mean([mean.value for mean in alike]):.2f}" if alike else "–"
    return (
        f"Shuffled alone, {passed} of {len(alike)} CBAM modules pass: their gates of places rank places like the trained ones to "
        f"{average} on average, sign aside.{left_out} "
        f"From its least to its most open place a gate opens by {spreads}: near 0 it lets all places through alike."
    )
