"""The sections of a study's report: the answer, claims, tables, figures, matrices with their photos, hard photos, circumstances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from modiste.data.opening.thumbnails import thumbnails
from modiste.evaluation.claims import Answer, shown_p
from modiste.evaluation.costs import reached
from modiste.evaluation.metrics import report
from modiste.evaluation.pages.answer import answer
from modiste.evaluation.pages.confusion_cells import MATRIX_AT_MOST, choosing, confusion_cells, pictured_in_cells
from modiste.evaluation.pages.hard_photos import NUMBERS, Disagreement, disagreements, hard_photos, pictured_as_hard
from modiste.evaluation.pages.page import Section, figures, tables, with_titles
from modiste.evaluation.pages.photos_on_page import Album, album
from modiste.evaluation.statistics.pairs import mcnemar
from modiste.evaluation.winners import Behind, Standing
from modiste.records.progress import Tell, silent
from modiste.records.table import Table, html_text
from modiste.records.words import counted
from modiste.studies.circumstances import made
from modiste.studies.in_words import facts, first_words, pilot_sentences, sentences, verdicts
from modiste.studies.outcome import Outcome

ELSEWHERE = ("winners", "costs", "calibration", "selective")  # tables that have a section of their own
SIDE = 128  # px, of a small photo
PHOTOS_AT_MOST, PICTURES_BYTES = 1500, 4_500_000  # on one page; in base64 the bytes take a third more


@dataclass(frozen=True, eq=False)
class Report:
    """What a report is made of: the outcome, who is best, answers, tables by the names of their files, and drawings by caption."""

    outcome: Outcome
    stands: Standing
    answers: tuple[Answer, ...]
    own: Mapping[str, Table]
    claimed: Mapping[str, Table]
    beside: Mapping[str, Table]
    drawings: Mapping[str, str]


def result_sections(one: Report, tell: Tell = silent) -> tuple[list[Section], str]:
    """The sections in the order they are read, and the rules of the style sheet that they need."""
    outcome = one.outcome
    pairs = disagreeing(outcome, one.stands)
    pictured = pictures_of(outcome, pairs, tell)
    rest = [table for name, table in one.beside.items() if name not in ELSEWHERE]
    sections = [
        answer(first_words(outcome), facts(outcome, one.stands), sentences(outcome, one.stands), verdicts(one.answers)),
        tables("claims", "Claims", list(one.claimed.values())),
        tables("tables", "Tables", [*one.own.values(), *rest]),
        figures(one.drawings),
        tables("costs", "Cost", [one.beside["costs"]]),
        tables("trust", "Can its confidence be trusted?", [one.beside["calibration"], one.beside["selective"]]),
        Section("confusions", "Confusion matrices", confusion_parts(outcome, pictured)),
        tables("winners", "Class by class", [one.beside["winners"]]),
        with_titles("disagreements", "Where two models disagree", [disagreed(outcome, pair, pictured) for pair in pairs]),
        with_titles("photos", "Hard photos", hard_photos(outcome.answers, pictured)),
        Section("circumstances", "How it was made", made(outcome)),
    ]
    return sections, "\n".join([choosing(len(outcome.answers.models)), pictured.style()])


def pilot_sections(outcome: Outcome, own: Mapping[str, Table], drawings: Mapping[str, str]) -> list[Section]:
    """A pilot's sections: it looks at training alone, and says what to go on with."""
    return [
        answer(first_words(outcome), [], pilot_sentences(outcome), []),
        tables("tables", "Tables", list(own.values())),
        figures(drawings),
        Section("circumstances", "How it was made", made(outcome)),
    ]


def confusion_parts(outcome: Outcome, pictured: Album) -> list[str]:
    """What the matrices show in words, and the matrices."""
    answers, many = outcome.answers, len(outcome.catalogue.classes) > MATRIX_AT_MOST
    reports = {name: report(outcome.shown[name][0], f"{name}, class by class") for name in answers.models}
    scores = {name: f"{value:.3f}" for name, value in reached(outcome.shown).items()}
    what = "The most frequent mistakes of each model" if many else "Photos of each class (row) called each class (column)"
    seed = ", of the first seed of each model" if any(len(some) > 1 for some in outcome.shown.values()) else ""
    beside = "its macro F1, the mean of its seeds" if seed else "its macro F1"
    words = f"{what}{seed}; beside a model's name {beside}. A number leads to the photos it counts. "
    folder = f" All photos lie in {pictured.folder}." if pictured.folder else ""
    return [f"<p>{html_text(words + NUMBERS + folder)}</p>", confusion_cells(answers, pictured, reports, outcome.margins, scores)]


def disagreeing(outcome: Outcome, stands: Standing) -> list[Disagreement]:
    """The pairs of models that are set side by side: the best and the second, the best and the baseline."""
    behind = {one.name: one for one in stands.others}
    if not behind:
        return []
    found = {next(iter(behind)): "best and second"}
    if outcome.baseline in behind:
        found[outcome.baseline] = "best and baseline" if outcome.baseline not in found else "best and second, which is the baseline"
    return [Disagreement(stands.best, other, why, compared(outcome, stands.best, behind[other])) for other, why in found.items()]


def compared(outcome: Outcome, best: str, behind: Behind) -> str:
    """On which photos two models' first seeds differ, and whether the models can be told apart with all pairs in mind.

    The best was picked on these very photos: McNemar's p of this pair alone would call too much of it more than chance.
    """
    found = mcnemar(outcome.shown[best][0], outcome.shown[behind.name][0])
    told = "They can be told apart" if behind.told else "They cannot be told apart"
    return (
        f"Called rightly by {best} alone: {counted(found.only_a, 'photo')}; by {behind.name} alone: {found.only_b:,} (first seeds). "
        f"{told} in macro F1, with all pairs in mind (p {shown_p(behind.p)})."
    )


def disagreed(outcome: Outcome, pair: Disagreement, pictured: Album) -> tuple[str, str]:
    return f"{pair.one} and {pair.other}", disagreements(outcome.answers, pair, pictured, outcome.margins)


def pictures_of(outcome: Outcome, pairs: list[Disagreement], tell: Tell = silent) -> Album:
    """Small pictures of the photos that the page shows, the hard ones first, as many as a page may hold."""
    answers = outcome.answers
    wanted = dict.fromkeys(answers.photos[place] for place in wanted_places(outcome, pairs))
    first = list(islice(wanted, PHOTOS_AT_MOST))
    kept, room = dict[str, bytes](), PICTURES_BYTES
    for photo, picture in thumbnails(outcome.catalogue.root, first, SIDE, tell).items():
        room -= len(picture)
        if room < 0:
            break
        kept[photo] = picture
    return album(kept, answers.photos)


def wanted_places(outcome: Outcome, pairs: list[Disagreement]) -> Iterator[int]:
    yield from pictured_as_hard(outcome.answers, pairs)
    yield from pictured_in_cells(outcome.answers)
