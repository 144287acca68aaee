"""Photos and what was found for each, as one page without scripts or network."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modiste.data.opening.thumbnails import thumbnails
from modiste.evaluation.pages.labels_page import percent
from modiste.evaluation.pages.page import HEAD, Section, contents, described, style
from modiste.records.disk import write_text
from modiste.records.own import is_page, refuse_others
from modiste.records.progress import Tell, silent
from modiste.records.table import html_text
from modiste.searching.index import Asked, Index, Neighbour

SIDE = 208  # px of a picture


@dataclass(frozen=True)
class Found:
    """One photo that was asked for, and its neighbours."""

    asked: Asked
    neighbours: Sequence[Neighbour]


def check_page(path: Path) -> None:
    """Refuse to write over what is somebody else's."""
    refuse_others(path, lambda there: is_page(there, "Photos "), "modiste search", "--report")


def write_page(path: Path, index: Index, found: Sequence[Found], circumstances: Mapping[str, str], tell: Tell = silent) -> Path:
    """The page of all photos that were asked for."""
    check_page(path)
    shown = {one.asked.name for one in found if one.asked.row is not None} | {near.path for one in found for near in one.neighbours}
    pictures = thumbnails(index.root, sorted(shown), SIDE, tell)
    return write_text(
        path, search_page(found, pictures, {one.asked.name: own_picture(one.asked, pictures) for one in found}, circumstances)
    )


def own_picture(asked: Asked, pictures: Mapping[str, bytes]) -> bytes | None:
    """A small picture of a photo that was asked for, wherever it stands."""
    if asked.row is not None:
        return pictures.get(asked.name)
    place = Path(asked.name).resolve()
    return thumbnails(place.parent, [place.name], SIDE).get(place.name)


def search_page(
    found: Sequence[Found], pictures: Mapping[str, bytes], own: Mapping[str, bytes | None], circumstances: Mapping[str, str]
) -> str:
    """The whole page: a section for each photo that was asked for."""
    title = "Photos that look alike" if len(found) != 1 else f"Photos like {found[0].asked.name}"
    sections = [
        *(section(number, one, pictures, own[one.asked.name]) for number, one in enumerate(found, 1)),
        Section("circumstances", "How it was made", [described(circumstances)]),
    ]
    lead = "The most similar first. The number is the cosine of the angle between features: 1 for the same photo."
    head = HEAD.format(title=html_text(title), style=f"{style('labels.css')}\n{RULES}")
    header = f'<header>\n<h1>{html_text(title)}</h1>\n<p class="question">{html_text(lead)}</p>\n</header>'
    body = [header, *([contents(sections)] if len(found) > 1 else []), "<main>", *(one.html() for one in sections), "</main>"]
    return "\n".join([head, "<body>", *body, "</body>", "</html>", ""])


def section(number: int, one: Found, pictures: Mapping[str, bytes], own: bytes | None) -> Section:
    """A photo that was asked for, above its neighbours."""
    asked = one.asked
    words = f'<p class="called"><b>{html_text(asked.label)}</b> <span>{percent(asked.confidence)}</span></p>'
    query = f'<div class="query card">{picture(own)}<div>{words}</div></div>'
    cards = "\n".join(card(near, pictures.get(near.path)) for near in one.neighbours)
    rest = f'<ul class="cards">\n{cards}\n</ul>' if cards else '<p class="note">Nothing was found: no other photo was looked for.</p>'
    return Section(f"photo-{number}", asked.name, [query, rest])


def card(near: Neighbour, jpeg: bytes | None) -> str:
    """A neighbour: how similar, what it is called, how many copies of it there are."""
    line = f'<p class="called"><b>{near.similarity:.3f}</b> <span>{html_text(near.label)}</span></p>'
    bar = f'<span class="bar" aria-hidden="true"><i style="width: {100 * max(0.0, near.similarity):.1f}%"></i></span>'
    many = len(near.copies)
    more = f'<p class="own">and {many:,} {"copy" if many == 1 else "copies"} of it</p>' if many else ""
    return f'<li class="card">{picture(jpeg)}{line}{bar}{more}<p class="name">{html_text(near.path)}</p></li>'


def picture(jpeg: bytes | None) -> str:
    if jpeg is None:
        return '<span class="gone">no picture</span>'
    return f'<img alt="" loading="lazy" src="data:image/jpeg;base64,{b64encode(jpeg).decode()}">'


RULES = """.query { flex-direction: row; align-items: center; gap: 1.1rem; margin: 0 0 1.6rem; }
.query img, .query .gone { flex: none; width: 11rem; border: 2px solid var(--blue); }
.query > div { min-width: 0; }
.query .called { justify-content: flex-start; font-size: 1.05rem; }
h2 { overflow-wrap: anywhere; }
h1 { overflow-wrap: anywhere; }
@media (max-width: 34rem) { .query img, .query .gone { width: 8.5rem; } }"""
