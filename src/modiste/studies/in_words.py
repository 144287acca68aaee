"""A study's outcome in words: the answer for a person who reads nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from statistics import median

from scipy.stats import t as student

from modiste.evaluation.claims import Answer
from modiste.evaluation.pages.answer import Fact, Verdict
from modiste.evaluation.pilot import recommendation
from modiste.evaluation.published import PUBLISHED
from modiste.evaluation.statistics.seeds import lend
from modiste.evaluation.tables import beside_paper
from modiste.evaluation.winners import Standing
from modiste.models.variants import VARIANTS
from modiste.records.plain import all_keys
from modiste.records.recipe import Recipe
from modiste.records.words import counted
from modiste.studies.definitions import Study
from modiste.studies.outcome import Outcome

CALLED = "macro F1"
ONE_IN_TWENTY, FOUR_IN_FIVE = 0.05, 0.84  # level, and the normal quantile of the power


def first_words(outcome: Outcome) -> list[str]:
    """What must be known before anything else: what stands in for what, what is not the paper's protocol, what is missing."""
    study = outcome.study
    words = [*([study.note] if study.note else []), *study.notes]
    if departures := other_than_paper(study):
        words.append(f"Not the paper's protocol: {', '.join(departures)}.")
    if outcome.lacking:
        words.append(f"{outcome.lacking} of {len(study.planned())} runs are not finished; what needs them is a dash or left out.")
    return words + [f"Diverged: {one}" for one in outcome.diverged]


def other_than_paper(study: Study) -> list[str]:
    """Settings in which a study of the paper's networks departs from the preset `paper`; where they started is told in its notes.

    >>> from modiste.studies.definitions import STUDIES
    >>> other_than_paper(STUDIES["paper"]().changed({"epochs": 3}))
    ['epochs 3 instead of 19']
    """
    if "7" not in study.tables:
        return []
    usual, found = Recipe(), set[str]()
    for name, recipe in study.recipes.items():
        own_usual = replace(usual, network=VARIANTS.get(name, recipe.network))
        if study.notes and own_usual.network.weights != "none":  # starting_from has said so, and that nothing is frozen where it is none
            weights = recipe.network.weights
            started = replace(own_usual.network, weights=weights, frozen=own_usual.network.frozen and weights != "none")
            own_usual = replace(own_usual, network=started)
        for key in all_keys(Recipe):
            if key == "seed":
                continue
            own, theirs = (attrgetter(key)(one) for one in (recipe, own_usual))
            if own != theirs:
                found.add(f"{key} {own} instead of {theirs}")
    return sorted(found)


def facts(outcome: Outcome, stands: Standing) -> list[Fact]:
    """The figures that are read first."""
    best = stands.reaches
    made = [
        Fact("Best model", stands.best, f"of {len(outcome.shown)}"),
        Fact(CALLED[0].upper() + CALLED[1:], f"{best.value:.3f}", f"95 % interval {best.low:.3f} to {best.high:.3f}"),
    ]
    if stands.others:
        like = stands.like_the_best
        made.append(Fact("Cannot be told from it", str(len(like)), f"of {counted(len(stands.others), 'other model')}"))
        made.append(Fact("Smallest visible difference", f"{visible(stands):.3f}", "in macro F1, four times in five, all pairs in mind"))
    each = from_to([len(some) for some in outcome.shown.values()])
    made.append(Fact("Photos", f"{best.photos:,}", f"of {outcome.split}; {each} {'seed' if each == '1' else 'seeds'} a model"))
    return made


def visible(stands: Standing) -> float:
    """The difference from the best that such a study finds four times in five, all pairs in mind; the median over the models."""
    models = len(stands.others) + 1
    pairs = models * (models - 1) / 2
    return median(one.by.sd * float(student.ppf(1 - ONE_IN_TWENTY / pairs / 2, one.by.freedom) + FOUR_IN_FIVE) for one in stands.others)


def sentences(outcome: Outcome, stands: Standing) -> list[str]:
    """The answer, and how far it can be trusted."""
    words, best = [], stands.reaches
    if stands.others:
        words += [leads(stands), told(stands)]
    else:
        words.append(f"{stands.best} reaches a {CALLED} of {best.value:.4f} (95 % interval {best.low:.4f} to {best.high:.4f}).")
    answers = outcome.answers
    missed = int((~answers.right.any(0)).sum())
    if len(answers.models) > 1:
        words.append(f"{counted(missed, 'photo')} of {len(answers.photos):,} {'is' if missed == 1 else 'are'} called rightly by no model.")
    words.append(trust(outcome))
    if beside_paper(outcome.shown) and any(name in PUBLISHED[7] for name in outcome.shown):
        words.append(
            "The paper's figures come from the paper's own photos: a difference beside them is one of data as well as of training."
        )
    return words


def leads(stands: Standing) -> str:
    best, second, last = stands.reaches, stands.others[0], stands.others[-1]
    lead = f"{stands.best} is best with a {CALLED} of {best.value:.4f} (95 % interval {best.low:.4f} to {best.high:.4f})"
    if len(stands.others) == 1:
        return f"{lead}, {second.by.value:.4f} more than {second.name}."
    return f"{lead}, {second.by.value:.4f} more than {second.name} and {last.by.value:.4f} more than the last, {last.name}."


def told(stands: Standing) -> str:
    """Which models can be told from the best."""
    like, count = stands.like_the_best, len(stands.others)
    if not like:
        return f"It can be told from {'the other' if count == 1 else f'all {count} others'}."
    if len(like) == count:
        others = "it" if count == 1 else f"any of the {count} others"
        return f"It cannot be told from {others}: on other photos, or trained anew, another may be best."
    rest = [one.name for one in stands.others if one.told]
    if len(rest) < len(like):
        return f"It can be told from {and_(rest)} alone; from {counted(len(like), 'other')} it cannot."
    return f"It cannot be told from {and_(like)}; from the other {len(rest)} it can."


def trust(outcome: Outcome) -> str:
    """What chance was looked at, and what was not."""
    counts = [len(some) for some in outcome.shown.values()]
    if max(counts) == 1:
        return (
            "One seed a model: the intervals tell what other photos would change, not what training again would. "
            "Differences between these networks are not yet differences between kinds of network."
        )
    told = f"{from_to(counts)} seeds a model: the intervals tell what other photos and other seeds would change"
    if min(counts) > 1:
        return f"{told}."
    rest = "a model with one seed is taken to vary as the others do" if lend(counts) else "of a model with one seed what other photos would"
    return f"{told}, but {rest}."


def from_to(counts: Sequence[int]) -> str:
    """The least and the most of some counts.

    >>> from_to([3, 3]), from_to([1, 3])
    ('3', '1 to 3')
    """
    return str(counts[0]) if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"


def verdicts(answers: Sequence[Answer]) -> list[Verdict]:
    return [Verdict(one.claim.text, one.verdict, span(one)) for one in answers]


def span(one: Answer) -> str:
    """What decided a claim, in numbers; the reason where there are none."""
    if one.effect is None:
        return one.why
    return f"{one.effect.value:+.3f}, {100 * one.effect.level:.0f} % interval {one.effect.low:+.3f} to {one.effect.high:+.3f}"


def pilot_sentences(outcome: Outcome) -> list[str]:
    return [recommendation(outcome.histories)]


def and_(names: Sequence[str]) -> str:
    """Names in a row.

    >>> and_(["a", "b", "c"])
    'a, b and c'
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
