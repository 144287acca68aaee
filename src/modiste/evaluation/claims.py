"""Claims: what is said of a study's variants, and what their predictions answer: supported, not supported, or cannot be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Any

from modiste.evaluation.compared import in_words
from modiste.evaluation.measures import BY_CLASS, MEASURES, measure
from modiste.evaluation.metrics import metric
from modiste.evaluation.published import ACCESSORIES_RIGHT, PUBLISHED, REPORTED, TABLE_7, TEST_PHOTOS
from modiste.evaluation.statistics.contrasts import Contrast, Weights, better, contrast, mean_of, rise
from modiste.evaluation.statistics.estimates import LEVEL, knows_seeds
from modiste.evaluation.statistics.pairs import holm
from modiste.evaluation.statistics.resampling import ROUNDS, Sample, sampled
from modiste.evaluation.tables import Results, beside_paper
from modiste.records.errors import UsageError, unknown
from modiste.records.plain import to_plain
from modiste.records.table import Cell, Table
from modiste.records.words import counted

SUPPORTED, NOT_SUPPORTED, CANNOT_BE_TOLD = "supported", "not supported", "cannot be told"
LEAST = 0.005  # half a point: five photos of the paper's 987, less than the arithmetic of another machine may move
SMALLEST_P = 0.001  # a smaller one is not told from it
COSTS = ("parameters", "flops", "training_seconds", "latency_ms")
Costs = Mapping[str, Mapping[str, float]]  # variant -> one of COSTS -> what it is


@dataclass(frozen=True)
class Claim:
    """One claim in words, and how it is measured (decision 0020). Exactly one of these forms:

    `of` and `over`: one variant is better than another. `of` alone: better than every other variant (or each of `among`).
    `pairs`: in each pair the first is better; with `average`, on average. `trend`: better from each to the next, by a straight line.
    `of` and `cost`: the best trade: at most -`margin` worse than any, and better than whatever costs less.
    """

    text: str
    measure: str = "macro_f1"
    of: str = ""
    over: str = ""
    among: tuple[str, ...] = ()
    pairs: tuple[tuple[str, ...], ...] = ()
    average: bool = False
    trend: tuple[str, ...] = ()
    cost: str = ""  # one of COSTS
    least: float = LEAST  # the smallest gain of interest
    margin: float = 0.0  # the gain must be above this; below 0: how much worse is as good

    def __post_init__(self) -> None:
        where = f"claim '{self.text}'"
        if not self.text.strip():
            raise UsageError("a claim needs a text that says in words what is claimed.")
        if sum(map(bool, (self.of, self.pairs, self.trend))) != 1:
            raise UsageError(f"{where}: give of (and over), or pairs, or trend: one of the three.")
        if any(len(pair) != 2 or len(set(pair)) < 2 for pair in self.pairs):
            raise UsageError(f"{where}: a pair is two variants, such as ['3Conv_SVM', '3Conv_Softmax'].")
        if self.trend and (len(self.trend) < 3 or len(set(self.trend)) < len(self.trend)):
            raise UsageError(f"{where}: a trend needs three different variants or more; for two give of and over.")
        if (self.over or self.among or self.cost) and not self.of:
            raise UsageError(f"{where}: over, among and cost say what `of` is compared with; give of.")
        if self.over and (self.among or self.cost or self.over == self.of):
            raise UsageError(f"{where}: over names one other variant; leave it away with among or cost.")
        if self.among and not set(self.among) - {self.of}:
            raise UsageError(f"{where}: among names no other variant than '{self.of}' itself.")
        if self.cost and self.cost not in COSTS:
            raise UsageError(f"{where}: {unknown('cost', self.cost, COSTS)}")
        of_class, of, _ = self.measure.partition(" of ")
        if of_class not in (BY_CLASS if of else MEASURES):
            raise UsageError(f"{where}: {unknown('measure', self.measure, [*MEASURES, *(f'{name} of CLASS' for name in BY_CLASS)])}")
        if self.average and not self.pairs:
            raise UsageError(f"{where}: average is over pairs; give pairs, or leave average away.")
        if self.average and not any(mean_of([better(*pair) for pair in self.pairs]).values()):
            raise UsageError(f"{where}: its pairs cancel each other, so there is nothing to compare.")
        if not 0 < self.least < 1 or not -1 < self.margin < 1:
            raise UsageError(f"{where}: least is a share above 0 such as 0.005, margin one between -1 and 1.")

    def check(self, classes: Sequence[str]) -> None:
        """Refuse a measure of a class that these photos do not have."""
        try:
            measure(self.measure, classes)
        except UsageError as error:
            raise UsageError(f"claim '{self.text}': {error}") from None

    @property
    def names(self) -> tuple[str, ...]:
        """Every variant that it names."""
        named = (self.of, self.over, *self.among, *(name for pair in self.pairs for name in pair), *self.trend)
        return tuple(dict.fromkeys(name for name in named if name))


@dataclass(frozen=True)
class Part:
    """One comparison of a claim: between which variants, the bar that it must be above, and what came out."""

    words: str
    weights: Weights
    bar: float  # the claim needs more than this
    least: float  # what is less than this, the interval's end included, is no gain worth having


@dataclass(frozen=True)
class Answer:
    """What the runs say of a claim: a verdict, one sentence why, and the comparison that decided it."""

    claim: Claim
    verdict: str
    why: str
    seeds: int = 0  # the fewest of the variants compared
    decided_by: str = ""
    effect: Contrast | None = None
    p: float | None = None
    adjusted_p: float | None = None  # Holm (1979), over all claims answered together
    paper: float | None = None  # the same effect in the paper's own figures

    def plain(self) -> dict[str, Any]:
        """The answer as plain values, for JSON."""
        claim = to_plain(self.claim)
        effect = None if self.effect is None else {key: getattr(self.effect, key) for key in ("value", "low", "high", "level", "sd")}
        rest = {key: getattr(self, key) for key in ("verdict", "why", "seeds", "decided_by", "p", "adjusted_p", "paper")}
        return {**claim, **rest, "effect": effect}


def answer(
    claims: Sequence[Claim], results: Results, costs: Costs | None = None, *, level: float = LEVEL, rounds: int = ROUNDS, seed: int = 0
) -> list[Answer]:
    """An answer to each claim, in their order. The rules, which a page explains (decision 0020):

    *supported*: the interval of every comparison lies above the claim's margin (0), and the p of the weakest, adjusted by Holm over
    all claims, is below 1 - level. *not supported*: the interval of one comparison ends below the smallest gain of interest: a gain
    worth having is excluded, or it is a loss. *cannot be told*: else, or where a run, a class or a cost is missing.
    One seed speaks of these trained networks only, unless others of several tell how much it varies; the sentence says so.
    """
    found = [weighed(claim, results, costs or {}, level, rounds, seed) for claim in claims]
    tested = [one for one in found if isinstance(one, Weighed)]
    adjusted = iter(holm([one.p for one in tested]))
    return [judged(one, next(adjusted), len(tested), results) if isinstance(one, Weighed) else one for one in found]


@dataclass(frozen=True)
class Weighed:
    """A claim's comparisons, each measured, before it is known how many other claims stand beside it."""

    claim: Claim
    parts: tuple[tuple[Part, Contrast], ...]
    seeds: int
    seeds_unknown: bool  # whether the interval of a comparison tells of photos alone
    missing: str  # in words, what keeps it from being supported

    @property
    def p(self) -> float:
        return max(measured.p_above(part.bar) for part, measured in self.parts)


def weighed(claim: Claim, results: Results, costs: Costs, level: float, rounds: int, seed: int) -> Weighed | Answer:
    """The comparisons of one claim, or the answer that it has none."""
    shown = {name: runs for name, runs in results.items() if runs}
    if absent := [name for name in claim.names if name not in shown and (name == claim.of or name not in claim.among)]:
        return Answer(claim, CANNOT_BE_TOLD, f"No run of {', '.join(absent)} is finished.")
    others = [name for name in (claim.among or results) if name != claim.of] if claim.of and not claim.over else []
    missing = [f"no run of {', '.join(lacking)} is finished"] if (lacking := [name for name in others if name not in shown]) else []
    others = [name for name in others if name in shown]
    asked = (claim.of, *others) if claim.cost else ()
    spent = {name: costs[name][claim.cost] for name in asked if claim.cost in costs.get(name, {})}
    if bare := [name for name in asked if name not in spent]:
        return Answer(claim, CANNOT_BE_TOLD, f"The {in_words(claim.cost, inside=True)} of {', '.join(bare)} are not known.")
    parts = parts_of(claim, others, spent)
    if not parts:
        return Answer(claim, CANNOT_BE_TOLD, "There is no other variant to compare it with.")
    named = dict.fromkeys(name for part in parts for name in part.weights)
    try:
        samples: Mapping[str, Sample] = sampled(shown, claim.measure, rounds, seed)  # all: seeds of one tell of the others
    except UsageError as error:  # a class that these photos do not have, or not one photo of it
        return Answer(claim, CANNOT_BE_TOLD, str(error))
    measured = tuple((part, contrast(samples, part.weights, level)) for part in parts)
    unknown = any(not knows_seeds([samples[name] for name in part.weights]) for part in parts)
    return Weighed(claim, measured, min(samples[name].seeds for name in named), unknown, "; ".join(missing))


def parts_of(claim: Claim, others: Sequence[str], spent: Mapping[str, float]) -> list[Part]:
    """The comparisons that all have to hold."""
    least = max(claim.least, claim.margin) if claim.margin >= 0 else claim.margin
    if claim.trend:
        return [Part(f"From {claim.trend[0]} to {claim.trend[-1]}", rise(claim.trend), claim.margin, least)]
    if claim.cost:
        cheaper = [name for name in others if spent[name] < spent[claim.of]]
        return [
            Part(f"{claim.of} over {name}, which costs less", better(claim.of, name), 0.0, claim.least)
            if name in cheaper
            else Part(f"{claim.of} over {name}", better(claim.of, name), claim.margin, least)
            for name in others
        ]
    pairs = claim.pairs or [(claim.of, name) for name in ([claim.over] if claim.over else others)]
    if claim.average:
        return [Part("On average of the pairs", mean_of([better(*pair) for pair in pairs]), claim.margin, least)]
    return [Part(f"{ours} over {than}", better(ours, than), claim.margin, least) for ours, than in pairs]


def judged(one: Weighed, adjusted_p: float, claims: int, results: Results) -> Answer:
    """The verdict on one claim, by the comparison that decides it, with the sentence why."""
    part, effect = deciding(one)
    verdict, why = verdict_on(one, part, effect, adjusted_p, claims)
    if one.claim.trend and verdict == SUPPORTED and not climbs(one.claim.trend, one.claim.measure, results):
        why += " Not every step goes up."
    if verdict != CANNOT_BE_TOLD and one.seeds_unknown:
        why += " One seed: this is said of these trained networks, not of training them again."
    elif verdict != CANNOT_BE_TOLD and one.seeds == 1:
        why += " What has one seed is taken to vary as what has several."
    return Answer(one.claim, verdict, why, one.seeds, part.words, effect, one.p, adjusted_p, effect_in_paper(one, part, results))


def deciding(one: Weighed) -> tuple[Part, Contrast]:
    """The comparison that refutes the claim most clearly, or else the weakest."""
    refuting = [pair for pair in one.parts if pair[1].high < pair[0].least and not pair[1].low > pair[0].bar]
    if refuting:
        return min(refuting, key=lambda pair: pair[1].high - pair[0].least)
    return max(one.parts, key=lambda pair: (pair[1].p_above(pair[0].bar), -pair[1].value))


def verdict_on(one: Weighed, part: Part, effect: Contrast, adjusted_p: float, claims: int) -> tuple[str, str]:
    """The rules of `answer`, and what is said with each."""
    bar = f" (more than {part.bar:+g} is enough)" if part.bar < 0 else f" (more than {part.bar:+g} is needed)" if part.bar > 0 else ""
    span = f"{part.words}: {effect.value:+.4f}{bar}, {100 * effect.level:g} % interval {effect.low:+.4f} to {effect.high:+.4f}"
    adjusted = f"p {shown_p(adjusted_p)} after Holm's adjustment over {counted(claims, 'claim')}"
    if all(measured.low > each.bar for each, measured in one.parts):
        if one.missing:
            return CANNOT_BE_TOLD, f"{span}, but {one.missing}."
        if adjusted_p >= 1 - effect.level:
            return CANNOT_BE_TOLD, f"{span}, but {adjusted}."
        small = f", though less than the {part.least:g} that would be worth having" if effect.high < part.least else ""
        return SUPPORTED, f"{span}{small}; {adjusted}."
    if effect.high < part.least and not effect.low > part.bar:
        if part.least < 0:
            return NOT_SUPPORTED, f"{span}: worse by more than {-part.least:g}."
        return NOT_SUPPORTED, f"{span}: a loss." if effect.high < 0 else f"{span}: a gain of {part.least:g} is excluded."
    holds = f"a gain of {part.least:g} or more" if part.least > part.bar else "what is more"
    return CANNOT_BE_TOLD, f"{span}: it holds both {part.bar:g} or less and {holds}."


def climbs(trend: Sequence[str], measure: str, results: Results) -> bool:
    reached = [fmean(metric(measure, run) for run in results[name]) for name in trend]
    return all(after > before for before, after in pairwise(reached))


def effect_in_paper(one: Weighed, part: Part, results: Results) -> float | None:
    """The comparison that decided, in the paper's own figures; None where the classes are not the paper's or it has none."""
    if not beside_paper(results):
        return None
    known = {name: in_paper(name, one.claim.measure) for name in part.weights}
    values = {name: value for name, value in known.items() if value is not None}
    return sum(weight * values[name] for name, weight in part.weights.items()) if len(values) == len(known) else None


def in_paper(variant: str, measure: str) -> float | None:
    """What the paper prints of a variant.

    >>> in_paper("Alex-CBAM(16&7)", "macro_f1"), round(in_paper("Alex-CBAM(16&7)", "recall of Accessories"), 4)
    (0.872, 0.9327)
    """
    if measure in TABLE_7.get(variant, {}):
        return TABLE_7[variant][measure]
    of_class, _, name = measure.partition(" of ")
    if measure == "recall of Accessories" and variant in ACCESSORIES_RIGHT:
        return ACCESSORIES_RIGHT[variant] / TEST_PHOTOS[name]
    return next((PUBLISHED[number].get(name, {}).get(of_class) for number, reported in REPORTED.items() if reported == variant), None)


def claims_table(answers: Sequence[Answer]) -> Table:
    """A row a claim: its verdict, effect, interval, adjusted p, seeds, and the paper's own effect; the notes say why."""
    columns = ("Claim", "Verdict", "Measure", "Δ", "Low", "High", "p, adjusted", "Seeds", "Δ in the paper")
    rows: list[tuple[Cell, ...]] = [
        (one.claim.text, one.verdict, in_words(one.claim.measure, inside=True), *numbers(one)) for one in answers
    ]
    notes = [f"{one.claim.text.rstrip('.')}: {one.verdict}. {one.why}" for one in answers]
    return Table("Claims and verdicts", columns, tuple(rows), tuple(notes))


def numbers(one: Answer) -> tuple[Cell, ...]:
    if one.effect is None:
        return (None, None, None, None, one.seeds or None, one.paper)
    p = one.adjusted_p if one.adjusted_p is None or one.adjusted_p >= SMALLEST_P else f"< {SMALLEST_P:g}"
    return (one.effect.value, one.effect.low, one.effect.high, p, one.seeds, one.paper)


def shown_p(p: float) -> str:
    return f"below {SMALLEST_P:g}" if p < SMALLEST_P else f"{p:.3f}"
