"""Tables of networks compared: intervals, pairs, ranks, seeds, and what the photos can show at all; and the verdict in words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import median, stdev

from modiste.evaluation.metrics import metric, support
from modiste.evaluation.statistics.estimates import LEVEL, Estimate, estimated
from modiste.evaluation.statistics.pairs import Pair, against, pairwise, right
from modiste.evaluation.statistics.power import photos_needed, smallest_difference
from modiste.evaluation.statistics.ranks import cochran, groups_of, nemenyi, ranks
from modiste.evaluation.statistics.resampling import sampled_each
from modiste.evaluation.statistics.seeds import lend
from modiste.evaluation.tables import Results, classes_of, several
from modiste.records.table import Cell, Table

ONE_SEED = "One seed: the interval says what other photos would do, not what another start of the training would."
SMALLEST_P = 0.0001  # what is smaller is shown as less than this


def intervals_table(results: Results, measures: Sequence[str] = ("accuracy", "macro_f1"), *, level: float = LEVEL) -> Table:
    """Every network's measures, each with the two ends of its interval, in the order given."""
    samples = sampled_each(results, measures)
    found = {one: {name: estimated(sample, level) for name, sample in samples[one].items()} for one in measures}
    columns = ["Model", "Seeds"]
    for one in measures:
        columns += [in_words(one), "low", "high"]
    rows: list[tuple[Cell, ...]] = []
    for name, runs in results.items():
        cells: list[Cell] = [name, len(runs)]
        for one in measures:
            cells += ends(found[one].get(name))
        rows.append(tuple(cells))
    return Table(f"{percent(level)} intervals", tuple(columns), tuple(rows), (f"{photos_of(results):,} photos.", *seed_notes(results)))


def ends(found: Estimate | None) -> list[Cell]:
    return [None, None, None] if found is None else [found.value, found.low, found.high]


def pairs_table(results: Results, measure: str, *, reference: str | None = None, level: float = LEVEL) -> Table:
    """All pairs, the better network first, or every network less one `reference`: difference, interval, p, and McNemar's counts."""
    pairs = pairwise(results, measure, level=level) if reference is None else against(results, reference, measure, level=level)
    called = in_words(measure)
    columns = ("Model", "Less", f"Δ {called}", "low", "high", "p", "p, Holm", "Only it right", "Only the other", "p, McNemar")
    rows: list[tuple[Cell, ...]] = [
        (
            pair.first,
            pair.second,
            *(pair.difference.value, pair.difference.low, pair.difference.high),
            *(shown_p(pair.difference.p), shown_p(pair.adjusted_p)),
            *(pair.mcnemar.only_a, pair.mcnemar.only_b, shown_p(pair.mcnemar.p)),
        )
        for pair in pairs
    ]
    notes = [
        f"p: how often chance alone would show so large a difference. Holm: the same with all comparisons here ({len(pairs)}) in mind; "
        f"two models can be told apart where it is below {1 - level:.2g}.",
        "McNemar counts the photos that only one of two models calls rightly" + (", first seed of each." if several(results) else "."),
    ]
    title = f"Pairs by {called}" if reference is None else f"Against {reference} by {called}"
    return Table(title, columns, tuple(rows), (*notes, *seed_notes(results)))


def ranks_table(results: Results, measure: str, *, level: float = LEVEL) -> Table:
    """Best first: each network's rank, how sure it is, and letters: two that share one cannot be told apart."""
    groups = groups_of([one.name for one in ranks(results, measure, level=level)], pairwise(results, measure, level=level))
    rows: list[tuple[Cell, ...]] = [
        (one.name, one.value, place(one.rank), one.mean, place(one.low), place(one.high), one.best, letters(one.name, groups))
        for one in ranks(results, measure, level=level)
    ]
    called = in_words(measure)
    columns = ("Model", called, "Rank", "Mean rank", "low", "high", "Is best", "Group")
    notes = (
        "Models that share a letter cannot be told apart (Holm over all pairs). That does not make them equal.",
        "Mean rank, its interval and the share of draws in which a model is best: over photos drawn anew"
        + (", and seeds." if several(results) else "."),
    )
    return Table(
        f"Ranks by {called}", columns, tuple(rows), (*notes, *classic_tests(results, measure, level), *seed_notes(results)), digits=3
    )


def classic_tests(results: Results, measure: str, level: float = LEVEL) -> list[str]:
    """The textbook's tests of three networks or more at once, in words: Cochran's over photos, Friedman's and Nemenyi's over classes."""
    firsts = [runs[0] for runs in results.values() if runs]
    if len(firsts) < 3:
        return []
    q, whose = cochran(results), ", first seed of each" if several(results) else ""
    words = [
        f"All at once, right or wrong photo by photo{whose}: Cochran's Q {q.statistic:.1f}, {q.freedom} degrees of freedom, "
        f"p {said_p(q.p)}."
    ]
    if measure.startswith(("macro_", "weighted_")) and (support(firsts[0]) > 0).sum() > 1:
        by_class = nemenyi(results, measure, level=level)
        told = sum(abs(a - b) > by_class.critical_difference for a, b in combinations(by_class.mean_ranks.values(), 2))
        words.append(
            f"Ranks within each of {by_class.blocks} classes: Friedman's p {said_p(by_class.friedman.p)}; mean ranks must lie "
            f"{by_class.critical_difference:.2f} apart (Nemenyi), and {told} {'pair does' if told == 1 else 'pairs do'}."
        )
    return words


def said_p(p: float) -> str:
    return f"below {SMALLEST_P:g}" if p < SMALLEST_P else f"{p:.3f}"


def place(rank: float) -> int | float:
    """A rank as it is read: whole, or between two that are shared."""
    return int(rank) if rank.is_integer() else rank


def letters(name: str, groups: Sequence[Sequence[str]]) -> str:
    """The letters of the groups that a network stands in.

    >>> letters("cap", [("hat", "cap"), ("cap", "bag")])
    'a b'
    """
    return " ".join(letter(at) for at, group in enumerate(groups) if name in group)


def letter(at: int) -> str:
    return chr(ord("a") + at % 26) + (str(at // 26 + 1) if at >= 26 else "")


def seeds_table(results: Results, measure: str) -> Table:
    """How far one recipe's seeds lie apart, beside how far other photos would move their mean."""
    samples = sampled_each(results, (measure,))[measure]
    rows: list[tuple[Cell, ...]] = []
    for name, runs in results.items():
        values = [metric(measure, run) for run in runs]
        found = estimated(samples[name]) if runs else None
        apart = stdev(values) if len(values) > 1 else None
        edges: list[Cell] = [min(values), max(values)] if values else [None, None]
        rows.append((name, len(runs), None if found is None else found.value, apart, *edges, None if found is None else found.sd_photos))
    called = in_words(measure)
    columns = ("Model", "Seeds", f"Mean {called}", "sd of seeds", "Lowest seed", "Highest seed", "sd of photos")
    notes = ("sd of seeds: from one training to another. sd of photos: of the mean, from one draw of test photos to another.",)
    return Table(f"Seeds by {called}", columns, tuple(rows), notes)


def power_table(results: Results, *, level: float = LEVEL, power: float = 0.8) -> Table:
    """What these photos can show: the smallest difference of two accuracies, where two networks part as rarely or as often as here."""
    photos = photos_of(results)
    rightly = right(firsts) if (firsts := [runs[0] for runs in results.values() if runs]) else ()
    parted = sorted(int((one != other).sum()) / photos for one, other in combinations(rightly, 2))
    shares = {"pair that parts least": parted[0], "usual pair": median(parted), "pair that parts most": parted[-1]} if parted else {}
    shares = {"the two": parted[0]} if len(parted) == 1 else shares
    rows: list[tuple[Cell, ...]] = []
    for words, apart in shares.items():
        seen = smallest_difference(photos, apart, power=power, level=level) if apart else None
        needed = photos_needed(0.01, apart, power=power, level=level) if apart >= 0.01 else None
        rows.append((words.capitalize(), apart, round(apart * photos), seen, None if seen is None else round(seen * photos), needed))
    columns = ("Two models", "Only one right", "in photos", "Smallest Δ seen", "in photos", "Photos for a point")
    notes = (
        f"Smallest Δ seen: a smaller difference of accuracy is missed in more than {percent(1 - power)} of such studies "
        f"of {photos:,} photos (McNemar's exact test at {1 - level:.2g}, one pair alone; with all pairs in mind it must be larger).",
        "Photos for a point: how many would show a difference of 0.01.",
    )
    return Table(f"What {photos:,} photos can show", columns, tuple(rows), notes)


def verdict_in_words(results: Results, measure: str, *, level: float = LEVEL) -> str:
    """Which network is best, how sure that is, and which cannot be told from it: for who reads nothing else."""
    samples = sampled_each(results, (measure,))[measure]
    best = max(samples, key=lambda name: samples[name].mean)
    found, called = estimated(samples[best], level), in_words(measure, inside=True)
    said = f"{best} has the highest {called}: {found.value:.3f} ({percent(level)} interval {found.low:.3f} to {found.high:.3f})"
    if len(samples) < 2:
        return f"{said}. There is no other model to compare it with. {seed_words(results)}".strip()
    pairs = [pair for pair in pairwise(results, measure, level=level) if best in (pair.first, pair.second)]
    near = [other(pair, best) for pair in pairs if not pair.differs]
    if not near:
        told = "It can be told from " + ("the other one." if len(pairs) == 1 else f"each of the other {len(pairs)}.")
    elif len(near) == len(pairs):
        told = "It cannot be told from " + (near[0] if len(near) == 1 else f"any of the other {len(near)}") + " on these photos."
    else:
        told = f"It cannot be told from {listed(near)} on these photos; from the other {len(pairs) - len(near)} it can."
    return f"{said}. {told} {seed_words(results)}".strip()


def other(pair: Pair, name: str) -> str:
    return pair.second if pair.first == name else pair.first


def listed(names: Sequence[str]) -> str:
    """Names as a sentence has them.

    >>> listed(["hat", "cap", "bag"])
    'hat, cap or bag'
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def seed_words(results: Results) -> str:
    """What must be said of seeds, or nothing."""
    alone = [name for name, runs in results.items() if len(runs) == 1]
    if not alone:
        return ""
    if sum(map(bool, results.values())) == 1:
        return "One seed: another start of the training may give another figure."
    whose = "Each has one seed" if not several(results) else f"One seed only: {', '.join(alone)}"
    return f"{whose}: another start of the training may change the order."


def seed_notes(results: Results) -> tuple[str, ...]:
    """Of how many seeds the numbers are, and what is assumed."""
    counts = {name: len(runs) for name, runs in results.items() if runs}
    if set(counts.values()) == {1}:
        return (ONE_SEED,)
    told = "Means over seeds; intervals hold both photos and seeds to be drawn by chance."
    alone = [name for name, count in counts.items() if count == 1]
    if alone and lend(counts.values()):
        told += f" {', '.join(alone)}: one seed, which is taken to vary as the others' do."
    elif alone:
        told += (
            f" {', '.join(alone)}: one seed, whose own interval says nothing of seeds; "
            "in a difference from a model of several it is taken to vary as much."
        )
    return (told,)


def photos_of(results: Results) -> int:
    classes_of(results)  # refuses results of two test sets
    return next((len(runs[0]) for runs in results.values() if runs), 0)


def shown_p(p: float) -> Cell:
    return p if p >= SMALLEST_P else f"< {SMALLEST_P:.4f}"


def percent(level: float) -> str:
    return f"{round(100 * level, 4):g} %"


def in_words(measure: str, inside: bool = False) -> str:
    """A measure's name as a heading has it, or inside a sentence.

    >>> in_words("macro_f1"), in_words("recall of Bags", inside=True)
    ('Macro F1', 'recall of Bags')
    """
    words = measure.replace("_", " ").replace("f1", "F1")
    return words if inside else words[:1].upper() + words[1:]
