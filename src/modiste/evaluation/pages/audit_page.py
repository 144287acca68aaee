"""An audit as a page of pictures: what was found, the worst of each kind first, in one HTML file without scripts or network."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence

from modiste.evaluation.pages.page import HEAD, described, link, style
from modiste.records.findings import Finding
from modiste.records.table import Table, html_text

SHOWN = 48  # findings of a kind that are drawn; findings.csv has them all


def shown(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """The findings of each kind that the page draws, in their order."""
    kinds: dict[str, list[Finding]] = {}
    for finding in findings:
        kinds.setdefault(finding.kind, []).append(finding)
    return {kind: listed[:SHOWN] for kind, listed in kinds.items()}


def audit_page(
    title: str,
    table: Table,
    findings: Sequence[Finding],
    kinds: Mapping[str, str],
    pictures: Mapping[str, bytes],
    folder: str,
    circumstances: Mapping[str, str],
) -> str:
    """The whole page; `pictures` has a small JPEG of each photo that is drawn, `kinds` what each kind of finding is."""
    totals = {kind: sum(finding.kind == kind for finding in findings) for kind in kinds}
    sections = [section(kind, kinds[kind], listed, totals[kind], pictures) for kind, listed in shown(findings).items()]
    contents = "".join(
        f"<li>{link(kind, heading(kind))} <span class='count'>{total:,}</span></li>" for kind, total in totals.items() if total
    )
    nav = f'<nav aria-label="Contents"><ul>{contents}</ul></nav>' if contents else ""
    head = HEAD.format(title=html_text(title), style=style("audit.css"))
    header = f'<header>\n<h1>{html_text(title)}</h1>\n<p class="question">{html_text(table.title)}</p>\n</header>'
    notes = "\n".join(f'<p class="note">{html_text(note)}</p>' for note in table.notes)
    made = f'<section id="circumstances"><h2>How it was made</h2>{described(circumstances)}</section>'
    return "\n".join(
        [head, "<body>", header, notes, todo(findings, folder), nav, "<main>", *sections, made, "</main>", "</body>", "</html>", ""]
    )


def todo(findings: Sequence[Finding], folder: str) -> str:
    """What to do next, in commands to copy."""
    if not findings:
        return '<div class="todo"><p>Nothing was found that somebody should look at.</p></div>'
    return (
        '<div class="todo">'
        "<p>Nothing was changed. The same command with <code>--fix NEW-FOLDER</code> writes a mended catalogue beside the old one.</p>"
        f"<p>A finding that is none: <code>modiste data dismiss {html_text(folder)} {html_text(findings[0].id)}</code> "
        "with the code under it. It is remembered and will not be shown again.</p></div>"
    )


def section(kind: str, meaning: str, listed: Sequence[Finding], total: int, pictures: Mapping[str, bytes]) -> str:
    """One kind of finding under its heading."""
    more = f'<p class="note">{total - len(listed):,} more of this kind stand in findings.csv.</p>' if total > len(listed) else ""
    cards = "\n".join(card(finding, pictures) for finding in listed)
    pairs = " pairs" if any(finding.other for finding in listed) else ""
    words = html_text(f"{meaning[0].upper()}{meaning[1:]}.")
    top = f'<h2 id="{kind}-heading">{heading(kind)} <span class="count">{total:,}</span></h2>\n<p>{words}</p>'
    return f'<section id="{kind}" aria-labelledby="{kind}-heading">\n{top}\n<ul class="cards{pairs}">\n{cards}\n</ul>\n{more}</section>'


def heading(kind: str) -> str:
    """A kind as a heading.

    >>> heading("label_error")
    'Label error'
    """
    return kind.replace("_", " ").capitalize()


def card(finding: Finding, pictures: Mapping[str, bytes]) -> str:
    """One finding: its photo or photos, what they are called, what is wrong, and the code that dismisses it."""
    paths = [path for path in (finding.path, finding.other) if path]
    shots = "".join(shot(path, pictures.get(path)) for path in paths) if any(path in pictures for path in paths) else ""
    reason, _, advice = finding.detail.partition(": ") if finding.kind == "unreadable" else ("", "", finding.detail)
    to = f' <span class="to">→ {html_text(finding.suggested)}</span>' if finding.suggested else ""
    lines = [
        f'<p class="labels">{html_text(reason or finding.label)}{to}</p>' if reason or finding.label or to else "",
        f"<p>{html_text(advice)}</p>" if advice else "",
        f'<p class="quiet">{html_text(" and ".join(paths))}{f" · {html_text(finding.split)}" if finding.split else ""}</p>',
        f'<p class="quiet"><code>{html_text(finding.id)}</code></p>',
    ]
    return f'<li class="card">{f"""<div class="shots">{shots}</div>""" if shots else ""}{"".join(lines)}</li>'


def shot(path: str, picture: bytes | None) -> str:
    if picture is None:
        return '<span class="gone">no picture</span>'
    return f'<img alt="{html_text(path)}" loading="lazy" src="data:image/jpeg;base64,{b64encode(picture).decode()}">'
