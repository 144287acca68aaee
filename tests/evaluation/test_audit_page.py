"""The page of an audit shows every kind, runs nothing, asks no network, and takes names for data."""

from __future__ import annotations

import re

from modiste.evaluation.pages.audit_page import SHOWN, audit_page, shown
from modiste.records.findings import Finding
from modiste.records.table import Table

KINDS = {"unreadable": "photos that cannot be opened", "near_duplicate": "the same picture twice", "class_shift": "splits"}
TABLE = Table("3 findings in 9 photos", ("kind", "found", "what it is"), (), ("Labels were not judged.",))
FOUND = [
    Finding("a1", "unreadable", "<img src=x onerror=alert(1)>.jpg", detail="truncated: the end is missing"),
    Finding("b2", "near_duplicate", "1.jpg", "2&3.jpg", "train, test", "Hats, <b>Gloves", detail='likeness "0.9"'),
    Finding("c3", "class_shift", split="train, test", detail="Hats are 9 % of train"),
]


def page(findings: list[Finding]) -> str:
    pictures = {"1.jpg": b"\xff\xd8one", "2&3.jpg": b"\xff\xd8two"}
    return audit_page("Audit of <shop>", TABLE, findings, KINDS, pictures, "audit/a b", {"Seed": "0"})


def test_names_and_labels_are_text_and_nothing_runs():
    html = page(FOUND)
    assert "<script" not in html
    assert not re.search(r"<[^>]*\son\w+=", html)
    assert "&lt;img src=x onerror=alert(1)&gt;.jpg" in html
    assert "Hats, &lt;b&gt;Gloves" in html
    assert not re.search(r"""(?:src|href)=["'](?!#|data:image/jpeg;base64,)""", html)


def test_every_finding_stands_with_its_code_and_its_pictures():
    html = page(FOUND)
    for finding in FOUND:
        assert f"<code>{finding.id}</code>" in html
        assert f'id="{finding.kind}"' in html
    assert html.count("<img ") == 2
    assert 'alt="2&amp;3.jpg"' in html
    assert "Labels were not judged." in html


def test_more_than_are_drawn_are_counted():
    many = [Finding(f"{number:04x}", "unreadable", f"{number}.jpg", detail="empty: no bytes") for number in range(SHOWN + 7)]
    assert {kind: len(listed) for kind, listed in shown(many).items()} == {"unreadable": SHOWN}
    html = page(many)
    assert html.count('<li class="card">') == SHOWN
    assert "7 more of this kind stand in findings.csv." in html


def test_nothing_found_is_said():
    assert "Nothing was found that somebody should look at." in page([])
