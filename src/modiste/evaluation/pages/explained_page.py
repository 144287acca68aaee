"""Explanations as a page: what the checks say, then photos with the maps over them, in one HTML file without scripts or network."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modiste.evaluation.pages.page import HEAD, Section, contents, described, drawn, style
from modiste.records.table import Table, html_text


@dataclass(frozen=True)
class Tile:
    """One picture of a photo: a small JPEG, what it is, and what is to be read under it."""

    name: str
    jpeg: bytes
    note: str = ""


@dataclass(frozen=True)
class Card:
    """One photo: its path, its class, what it was called with which probability, and its tiles, the photo first."""

    path: str
    truth: str
    called: str
    probability: float
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Row:
    """Photos that belong together, under a heading: a class, or a mistake."""

    heading: str
    cards: tuple[Card, ...]
    words: str = ""


Gallery = Mapping[str, Sequence[Row]]  # what a section shows -> its rows


def explained_page(
    title: str,
    question: str,
    summary: Sequence[str],
    tables: Sequence[Table],
    figures: Mapping[str, str],
    gallery: Gallery,
    circumstances: Mapping[str, str],
) -> str:
    """The whole page: in short, photos, checks, and how it was made."""
    points = "".join(f"<li>{html_text(sentence)}</li>" for sentence in summary)
    drawings = [drawn(number, caption, svg) for number, (caption, svg) in enumerate(figures.items(), 1)]
    set_tables = [f'<div id="tables-{number}">\n{table.html()}</div>' for number, table in enumerate(tables, 1)]
    photos = [section(number, heading, rows) for number, (heading, rows) in enumerate(gallery.items(), 1) if rows]
    sections = [
        Section("answer", "In short", [f'<ul class="points">{points}</ul>', LEGEND if photos else ""]),
        *photos,
        Section("figures", "Figures", drawings, list(figures)),
        Section("tables", "Checks", set_tables, [table.title for table in tables]),
        Section("circumstances", "How it was made", [described(circumstances)] if circumstances else []),
    ]
    there = [one for one in sections if one.parts]
    head = HEAD.format(title=html_text(title), style=style("explained.css"))
    header = f'<header>\n<h1>{html_text(title)}</h1>\n<p class="question">{html_text(question)}</p>\n</header>'
    body = [header, contents(there), "<main>", *(one.html() for one in there), "</main>"]
    return "\n".join([head, "<body>", *body, "</body>", "</html>", ""])


def section(number: int, heading: str, rows: Sequence[Row]) -> Section:
    """A section of rows of photos."""
    name = f"photos-{number}"
    return Section(name, heading, [shown(f"{name}-{place}", row) for place, row in enumerate(rows, 1)], [row.heading for row in rows])


def shown(name: str, row: Row) -> str:
    """One row under its heading; cards are as wide as their tiles ask for."""
    tiles = max((len(card.tiles) for card in row.cards), default=1)
    words = f'<p class="note">{html_text(row.words)}</p>\n' if row.words else ""
    cards = "\n".join(card_html(card) for card in row.cards)
    opening = f'<div class="row" id="{name}">\n<h3>{html_text(row.heading)}</h3>\n'
    return f'{opening}{words}<ul class="photos tiles-{tiles}">\n{cards}\n</ul>\n</div>'


def card_html(card: Card) -> str:
    """A photo's tiles beside each other, and under them what it is and what it was called."""
    right = card.truth == card.called
    said = html_text(card.truth) if right else f'<s>{html_text(card.called)}</s> <span class="truth">{html_text(card.truth)}</span>'
    spoken = f"called {card.called}" + ("" if right else f", is {card.truth}")
    line = f'<p class="called"><span title="{html_text(spoken)}">{said}</span> <b>{100 * card.probability:.0f} %</b></p>'
    tiles = "".join(tile_html(tile, f"{card.path}: {tile.name}, {spoken}") for tile in card.tiles)
    return f'<li>{line}<div class="tiles">{tiles}</div><p class="path">{html_text(card.path)}</p></li>'


def tile_html(tile: Tile, spoken: str) -> str:
    note = f"<br>{html_text(tile.note)}" if tile.note else ""
    picture = f'<img alt="{html_text(spoken)}" loading="lazy" src="data:image/jpeg;base64,{b64encode(tile.jpeg).decode()}">'
    return f"<figure>{picture}<figcaption>{html_text(tile.name)}{note}</figcaption></figure>"


LEGEND = """<aside class="legend" aria-label="How to read the maps">
<p><span class="scale" aria-hidden="true"></span> the more orange, the more a place counts. The dark line goes around what counts more
than half as much as the highest place, the blue line around what was taken for the product.</p>
<p>Under a map: the share of it that lies on the product, and how many times that is the product's share of the picture.
In a mistake, <s>what it was called</s> stands before <span class="truth">what it is</span>.</p>
</aside>"""
