"""Labelled photos as a page, the doubtful ones first, in one HTML file without scripts or network."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modiste.evaluation.pages.page import HEAD, Section, contents, described, style
from modiste.records.table import Table, html_text


@dataclass(frozen=True)
class Shot:
    """One photo: what it is called, a small JPEG where it could be read, the classes called first and second, and what else there is."""

    photo: str
    jpeg: bytes | None
    called: Sequence[tuple[str, float]] = ()  # class, probability in [0, 1]; the most probable first
    own: str = ""  # the class that its source speaks of, where that is another
    reason: str = ""  # why there is no label, in words


@dataclass(frozen=True)
class Group:
    """Photos that belong together, under a heading: `total` of them, of which some are shown."""

    heading: str
    total: int
    shots: Sequence[Shot]
    words: str = ""


Gallery = Mapping[str, Sequence[Group]]  # what a section shows -> its groups


def labels_page(title: str, summary: Sequence[str], table: Table, gallery: Gallery, circumstances: Mapping[str, str]) -> str:
    """The whole page: what came of all photos, then the photos, section by section, and how it was made."""
    first, *rest = summary
    points = "".join(f"<li>{html_text(sentence)}</li>" for sentence in rest)
    sections = [
        Section("summary", "In short", [f'<ul class="points">{points}</ul>' if points else "", table.html()]),
        *(section(number, heading, groups) for number, (heading, groups) in enumerate(gallery.items(), 1) if groups),
        Section("circumstances", "How it was made", [described(circumstances)]),
    ]
    head = HEAD.format(title=html_text(title), style=style("labels.css"))
    header = f'<header>\n<h1>{html_text(title)}</h1>\n<p class="question">{html_text(first)}</p>\n</header>'
    body = [header, contents(sections), "<main>", *(one.html() for one in sections), "</main>"]
    return "\n".join([head, "<body>", *body, "</body>", "</html>", ""])


def section(number: int, heading: str, groups: Sequence[Group]) -> Section:
    """A section of groups, which the contents lead to where there are more than one."""
    name = f"photos-{number}"
    made = [group_html(f"{name}-{place}", group, alone=len(groups) == 1) for place, group in enumerate(groups, 1)]
    titles = [f"{group.heading} ({group.total:,})" for group in groups] if len(groups) > 1 else ()
    return Section(name, f"{heading} ({sum(group.total for group in groups):,})", made, titles)


def group_html(name: str, group: Group, alone: bool) -> str:
    """A group's photos as cards, and how many more there are."""
    heading = "" if alone else f'<h3>{html_text(group.heading)} <span class="count">{group.total:,}</span></h3>'
    words = f'<p class="note">{html_text(group.words)}</p>' if group.words else ""
    bare = not any(shot.jpeg for shot in group.shots)
    cards = "\n".join(card(shot, bare) for shot in group.shots)
    left = group.total - len(group.shots)
    more = f'<p class="note">{left:,} more of them stand in the table.</p>' if left else ""
    return (
        f'<div class="group" id="{name}">\n{heading}\n{words}\n<ul class="cards{" bare" if bare else ""}">\n{cards}\n</ul>\n{more}\n</div>'
    )


def card(shot: Shot, bare: bool) -> str:
    """One photo, what it is called and how surely, and what speaks against it; `bare` where none of its group has a picture."""
    name = html_text(shot.photo)
    gone = "" if bare else GONE
    picture = f'<img alt="" loading="lazy" src="data:image/jpeg;base64,{b64encode(shot.jpeg).decode()}">' if shot.jpeg else gone
    own = f'<p class="own">listed as <b>{html_text(shot.own)}</b></p>' if shot.own else ""
    reason = f'<p class="reason">{html_text(shot.reason)}</p>' if shot.reason else ""
    return f'<li class="card">{picture}{called(shot.called)}{own}{reason}<p class="name">{name}</p></li>'


def called(classes: Sequence[tuple[str, float]]) -> str:
    """The class called with its probability, drawn as a bar, and the second where that is not far."""
    if not classes:
        return ""
    (name, sure), *others = classes
    bar = f'<span class="bar" aria-hidden="true"><i style="width: {100 * sure:.1f}%"></i></span>'
    line = f'<p class="called"><b>{html_text(name)}</b> <span>{percent(sure)}</span></p>{bar}'
    return line + "".join(f'<p class="second">or {html_text(other)} <span>{percent(share)}</span></p>' for other, share in others)


def percent(share: float) -> str:
    """A probability in per cent: 100 and 0 are said of nothing less.

    >>> percent(0.9996), percent(0.31), percent(1.0)
    ('99.9 %', '31 %', '100 %')
    """
    rounded = f"{100 * share:.0f} %"
    return "99.9 %" if rounded == "100 %" and share < 1 else rounded


GONE = '<span class="gone">no picture</span>'
