"""The page of labelled photos shows the doubtful first, counts all, runs nothing, asks no network, and takes names for data."""

from __future__ import annotations

import re

from modiste.evaluation.pages.labels_page import Group, Shot, labels_page
from modiste.records.table import Table

TABLE = Table("Labels", ("label", "photos"), (("Hats & <b>caps", 3),))
HATS = Shot("<img src=x onerror=alert(1)>.jpg", b"\xff\xd8one", (("Hats", 0.9996), ("Bags", 0.0004)), "Bags & <i>purses")
TORN = Shot("torn\n.jpg", None, reason="the end is missing")
GALLERY = {
    "Disagreements": [Group("", 1, [HATS], "The surest first.")],
    "To review": [],
    "Rejected": [Group("truncated", 7, [TORN]), Group("empty", 1, [Shot("empty.jpg", None)])],
}


def page() -> str:
    return labels_page("Labels of <shop>", ["3 photos: all <b>fine", "2 rejected"], TABLE, GALLERY, {"Command": "modiste label 'a<b'"})


def test_names_and_labels_are_text_and_nothing_runs_or_is_fetched():
    html = page()
    assert "<script" not in html
    assert not re.search(r"<[^>]*\son\w+=", html)
    assert not re.search(r"""(?:src|href)=["'](?!#|data:image/jpeg;base64,)""", html)
    for said in (
        "&lt;img src=x onerror=alert(1)&gt;.jpg",
        "Bags &amp; &lt;i&gt;purses",
        "all &lt;b&gt;fine",
        "Hats &amp; &lt;b&gt;caps",
        "a&lt;b",
    ):
        assert said in html
    assert "default-src 'none'" in html


def test_sections_stand_in_the_order_given_with_the_counts_of_all_and_those_without_photos_are_left_out():
    html = page()
    places = [html.index(f'<h2 id="{name}-heading">') for name in ("summary", "photos-1", "photos-3", "circumstances")]
    assert places == sorted(places)
    assert "photos-2" not in html
    assert "Rejected (8)" in html
    assert "truncated (7)" in html
    assert "6 more of them stand in the table." in html


def test_every_link_of_the_contents_leads_somewhere():
    html = page()
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(re.findall(r'id="([^"]+)"', html))


def test_a_photo_without_a_picture_has_a_card_all_the_same_and_sure_is_not_certain():
    html = page()
    assert html.count('<li class="card">') == 3
    assert html.count("<img ") == 1
    assert "99.9 %" in html
    assert "100 %" not in html
    assert "listed as <b>Bags &amp;" in html
