"""Hard photos on a page: where two models disagree, which photos cost all models most, and which none gets right."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from modiste.evaluation.mistakes import Said, hardest, missed_by_all, only
from modiste.evaluation.pages.photos_on_page import Album, card, tile, tiles
from modiste.records.table import html_text
from modiste.records.words import counted

DISAGREED_AT_MOST, HARDEST, MISSED_AT_MOST = 24, 24, 48  # photos shown
NUMBERS = (
    "Loss is the cross-entropy, −ln p of the true class; p is the softmax of the scores, which for an SVM is an order and no probability."
)


@dataclass(frozen=True)
class Disagreement:
    """Two models to set side by side, why these two, and what a test says of them."""

    one: str
    other: str
    why: str  # 'best and baseline'
    verdict: str


def pictured_as_hard(answers: Said, pairs: Sequence[Disagreement]) -> Iterator[int]:
    """The photos that these sections show; some come twice."""
    yield from hardest(answers, HARDEST)
    yield from missed_by_all(answers)[:MISSED_AT_MOST]
    for pair in pairs:
        for one, other in ((pair.one, pair.other), (pair.other, pair.one)):
            yield from only(answers, one, other)[:DISAGREED_AT_MOST]


def disagreements(answers: Said, pair: Disagreement, pictured: Album, margins: Collection[str]) -> str:
    """The photos that one of two models called rightly and the other wrongly, both ways, and what a test makes of their numbers."""
    sides = [side(answers, one, other, pictured, other in margins) for one, other in ((pair.one, pair.other), (pair.other, pair.one))]
    verdict = f"<p>{html_text(pair.verdict)}</p>" if pair.verdict else ""
    return f'<p class="count">{html_text(pair.why[0].upper() + pair.why[1:])}.</p>\n{verdict}\n<div class="sides">\n{"".join(sides)}</div>'


def side(answers: Said, one: str, other: str, pictured: Album, margins: bool) -> str:
    found, model = only(answers, one, other), answers.models.index(other)
    cards = [f"{called(answers, place, model)}{tile(answers, place, model, pictured, margins)}" for place in found[:DISAGREED_AT_MOST]]
    more = f", {DISAGREED_AT_MOST} shown" if len(found) > DISAGREED_AT_MOST else ""
    title = f'{html_text(one)} right, {html_text(other)} wrong <span class="count">{counted(len(found), "photo")}{more}</span>'
    shown = tiles(cards) if cards else '<p class="note">None.</p>'
    return f'<details open class="side"><summary><h4>{title}</h4></summary>\n{shown}\n</details>\n'


def called(answers: Said, place: int, model: int) -> str:
    """What a photo is and what a model called it, to stand over its picture."""
    truth, said = (html_text(answers.classes[code]) for code in (answers.truth[place], answers.called[model, place]))
    return f'<span class="over">{truth} <span class="to">→&nbsp;{said}</span></span>'


def hard_photos(answers: Said, pictured: Album) -> list[tuple[str, str]]:
    """Titles and parts: the photos with the highest loss over all models, and those that no model gets right."""
    parts = []
    worst, missed, many = hardest(answers, HARDEST), missed_by_all(answers), len(answers.models) > 1
    if worst:
        words = f"Of all photos these {len(worst)} cost the models most: look for wrong labels, odd photos and classes that overlap. "
        order = "They stand by the mean of their places among each model's losses. " if many else ""
        parts.append(
            ("The highest losses", f"<p>{words}{order}{NUMBERS}</p>\n{tiles((card(answers, n, pictured) for n in worst), 'cards')}")
        )
    if many and missed:
        of_all = f"{counted(len(missed), 'photo')} of {len(answers.photos):,}"
        words = f"{of_all}: no choice among these {len(answers.models)} models gets them right."
        if len(missed) > MISSED_AT_MOST:
            words += f" {MISSED_AT_MOST} are shown."
        shown = tiles((card(answers, place, pictured) for place in missed[:MISSED_AT_MOST]), "cards")
        parts.append(("Photos that no model gets right", f"<p>{words}</p>\n{shown}"))
    return parts
