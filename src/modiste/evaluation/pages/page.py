"""A page: sections of words, tables and figures in one HTML file that needs no network and runs no script."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from modiste.evaluation.figures.palette import DARK, LIGHT
from modiste.records.table import Table, html_text


@dataclass(frozen=True)
class Section:
    """A part of the page under its own heading; `titles` are those of its parts, where each has one."""

    name: str
    heading: str
    parts: Sequence[str]
    titles: Sequence[str] = ()

    def html(self) -> str:
        heading = f'<h2 id="{self.name}-heading">{html_text(self.heading)}</h2>'
        return "\n".join([f'<section id="{self.name}" aria-labelledby="{self.name}-heading">', heading, *self.parts, "</section>"])


def page(title: str, question: str, sections: Sequence[Section], rules: str = "") -> str:
    """The whole page of the sections that have parts; `rules` go into its style sheet, such as those of its photos."""
    there = [one for one in sections if one.parts]
    head = HEAD.format(title=html_text(title), style=style("study.css") + f"\n{rules}")
    header = f'<header>\n<h1>{html_text(title)}</h1>\n<p class="question">{html_text(question)}</p>\n</header>'
    main = ["<main>", *(one.html() for one in there), "</main>"]
    return "\n".join([head, '<body class="report">', header, contents(there), *main, "</body>", "</html>"]) + "\n"


def titled(name: str, number: int, title: str, html: str) -> str:
    """A part of a section that the contents lead to."""
    return f'<div class="part" id="{name}-{number}">\n<h3>{html_text(title)}</h3>\n{html}\n</div>'


def with_titles(name: str, heading: str, parts: Sequence[tuple[str, str]]) -> Section:
    """A section of titled parts: (title, HTML) each."""
    made = [titled(name, number, title, html) for number, (title, html) in enumerate(parts, 1)]
    return Section(name, heading, made, [title for title, _ in parts])


def tables(name: str, heading: str, some: Sequence[Table], before: Sequence[str] = ()) -> Section:
    """A section of tables, each of which has its title with it."""
    made = [f'<div class="part" id="{name}-{number}">\n{table.html()}</div>' for number, table in enumerate(some, 1)]
    return Section(name, heading, [*before, *made] if made else [], [table.title for table in some])


def figures(drawings: Mapping[str, str]) -> Section:
    """A section of figures; `drawings` maps a caption to an SVG of `figures.svg`."""
    made = [drawn(number, caption, svg) for number, (caption, svg) in enumerate(drawings.items(), 1)]
    return Section("figures", "Figures", made, list(drawings))


def contents(sections: Sequence[Section]) -> str:
    """The table of contents: every section, and under it every part by its title."""
    lines = ['<nav aria-label="Contents">', "<ul>"]
    for one in sections:
        inner = "".join(f"<li>{link(f'{one.name}-{n}', title)}</li>" for n, title in enumerate(one.titles, 1))
        lines.append(f"<li>{link(one.name, one.heading)}{f'<ul>{inner}</ul>' if inner else ''}</li>")
    return "\n".join([*lines, "</ul>", "</nav>"])


def link(name: str, words: str) -> str:
    return f'<a href="#{name}">{html_text(words)}</a>'


def drawn(number: int, caption: str, svg: str) -> str:
    """A figure in a box of its own that may scroll, its caption under it."""
    words = html_text(caption)
    box = f'<div class="wide" role="region" aria-label="{words}" tabindex="0">\n{inline(svg, words, number)}\n</div>'
    return f'<figure class="drawn" id="figures-{number}">\n{box}\n<figcaption>{words}</figcaption>\n</figure>'


def inline(svg: str, words: str, number: int) -> str:
    """An SVG made part of the page: named, its ids its own, its colours the page's, so that they follow light and dark."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # nothing refers to a group; markers and clips are referred to
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>f{number}-", svg)
    names = {colour: name for name, colour in LIGHT.items()}
    svg = re.sub(r"\b(fill|stroke): (#[0-9a-f]{6})", lambda found: f"{found[1]}: {themed(found[2], names)}", svg)
    size = re.search(r'width="([\d.]+)pt" height="[\d.]+pt"', svg)
    if size:  # one and a half pixels a point where there is room, never less than 1.15: its text must stay readable
        points = float(size[1])
        room = f'style="width: {points * 1.5 / 16:.2f}rem; max-width: max(100%, {points * 1.15 / 16:.2f}rem)"'
        svg = svg.replace(size[0], room, 1)
    return svg.replace("<svg", f'<svg role="img" aria-label="{words}"', 1)


def themed(colour: str, names: Mapping[str, str]) -> str:
    return f"var(--{names[colour]})" if colour in names else colour


def described(circumstances: Mapping[str, str]) -> str:
    rows = (f"<dt>{html_text(name)}</dt><dd>{html_text(value)}</dd>" for name, value in circumstances.items())
    return "<dl>\n" + "\n".join(rows) + "\n</dl>"


def style(*sheets: str) -> str:
    """The style sheets with the palette's colours as variables, dark where the reader's screen is."""
    light, dark = ("".join(f"--{name}: {colour}; " for name, colour in colours.items()) for colours in (LIGHT, DARK))
    sheet = "\n".join(files("modiste.evaluation.pages").joinpath(name).read_text(encoding="utf-8") for name in ("report.css", *sheets))
    return f":root {{ {light}}}\n@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark}}} }}\n{sheet}"


HEAD = """<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="modiste">
<title>{title}</title>
<style>
{style}
</style>
</head>"""
