"""The answer of a study, for a person who reads nothing else: what must be known first, the figures that matter, sentences, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modiste.evaluation.pages.page import Section
from modiste.records.table import html_text


@dataclass(frozen=True)
class Fact:
    """A figure that is read first: what it is, its value, and a few words on it."""

    name: str
    value: str
    words: str = ""


@dataclass(frozen=True)
class Verdict:
    """A claim and what the numbers say of it: one of CHIPS, and why in a few words."""

    claim: str
    verdict: str
    words: str = ""


def answer(notes: Sequence[str], facts: Sequence[Fact], sentences: Sequence[str], verdicts: Sequence[Verdict]) -> Section:
    """The first section; notes, such as what stands in for what, come before anything else."""
    parts = [f'<p class="before">{html_text(note)}</p>' for note in notes]
    if facts:
        parts.append(f'<dl class="facts">\n{"".join(fact(one) for one in facts)}</dl>')
    parts += [f"<p>{html_text(sentence)}</p>" for sentence in sentences]
    if verdicts:
        parts.append(f'<ul class="verdicts">\n{"".join(f"<li>{verdict(one)}</li>" for one in verdicts)}\n</ul>')
    return Section("answer", "In short", parts)


def fact(one: Fact) -> str:
    words = f'<dd class="quiet">{html_text(one.words)}</dd>' if one.words else ""
    value = html_text(one.value).replace("_", "_<wbr>")  # a long name breaks between its words
    return f'<div><dt>{html_text(one.name)}</dt><dd class="value">{value}</dd>{words}</div>\n'


def verdict(one: Verdict) -> str:
    words = f' <span class="quiet">{html_text(one.words)}</span>' if one.words else ""
    return f"{chip(one.verdict)}<span>{html_text(one.claim)}{words}</span>"


def chip(words: str) -> str:
    return f'<span class="chip {CHIPS.get(words, "open")}">{html_text(words)}</span>'


CHIPS = {"supported": "yes", "not supported": "no", "cannot be told": "open"}
