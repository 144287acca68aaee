"""A page: everything in one file, nothing obeyed, nothing fetched."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from modiste.evaluation.figures.palette import DARK, LIGHT
from modiste.evaluation.figures.results import confusions, f1_dots, svg
from modiste.evaluation.mistakes import said
from modiste.evaluation.pages.answer import CHIPS, Fact, Verdict, answer
from modiste.evaluation.pages.confusion_cells import choosing, confusion_cells
from modiste.evaluation.pages.hard_photos import Disagreement, disagreements, hard_photos
from modiste.evaluation.pages.page import Section, figures, page, tables, with_titles
from modiste.evaluation.pages.photos_on_page import album
from modiste.evaluation.tables import summary

HOSTILE = '<script>alert("x")</script> & "quoted"'
VOID = {"meta", "link", "br", "img", "input"}


class Elements(HTMLParser):
    """Every start tag with its attributes, the text, and whether each element is closed in its order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found, self.text, self.open, self.crossed = [], "", [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.crossed.append(tag)

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def whole(guesses):
    """A page with two tables and three figures, one of them twice, every word of it hostile."""
    results = {HOSTILE: [guesses(seed) for seed in range(2)], "B": [guesses(3)]}
    table, answers = summary(results), said(results)
    drawings = {HOSTILE: svg(confusions(results)), "Dots": svg(f1_dots(results)), "Again": svg(f1_dots(results))}
    pictured = album({photo: b"\xff\xd8" + photo.encode() for photo in answers.photos[:60]}, answers.photos)
    pair = Disagreement(HOSTILE, "B", HOSTILE, HOSTILE)
    sections = [
        answer([HOSTILE], [Fact(HOSTILE, HOSTILE, HOSTILE)], [HOSTILE], [Verdict(HOSTILE, verdict, HOSTILE) for verdict in CHIPS]),
        tables("tables", "Tables", [table, table]),
        figures(drawings),
        Section("confusions", "Matrices", [confusion_cells(answers, pictured, {"B": table}, ["B"], {HOSTILE: HOSTILE})]),
        with_titles("disagreements", "Disagreements", [(HOSTILE, disagreements(answers, pair, pictured, ["B"]))]),
        with_titles("photos", "Hard photos", hard_photos(answers, pictured)),
    ]
    return page(HOSTILE, HOSTILE, sections, "\n".join([choosing(2), pictured.style()]))


def test_no_word_is_obeyed(whole):
    seen = Elements(whole)
    assert "script" not in {tag for tag, _ in seen.found}
    assert not [name for _, attributes in seen.found for name in attributes if name.startswith("on")]
    assert seen.text.count('alert("x")') >= 8


def test_every_element_is_closed_in_its_order(whole):
    seen = Elements(whole)
    assert (seen.crossed, seen.open) == ([], [])


def test_nothing_is_fetched(whole):
    for tag, attributes in Elements(whole).found:
        assert tag not in {"link", "img", "iframe", "object", "image"}
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "#").startswith("#")
    assert not re.search(r"@import|url\((?!#|data:image/jpeg;base64,)", whole)
    assert "default-src 'none'" in whole


def test_every_id_is_there_once_and_every_link_leads_somewhere(whole):
    seen = Elements(whole)
    ids = [attributes["id"] for _, attributes in seen.found if "id" in attributes]
    leads = {attributes[name][1:] for _, attributes in seen.found for name in ("href", "xlink:href") if name in attributes}
    clips = set(re.findall(r"url\(#([^)]*)\)", whole))
    assert len(ids) == len(set(ids))
    assert leads | clips <= set(ids)


def test_the_contents_lead_to_every_section_table_and_figure(whole):
    links = {attributes["href"] for tag, attributes in Elements(whole).found if tag == "a"}
    sections = {"#answer", "#tables", "#figures", "#confusions", "#disagreements", "#photos"}
    parts = {"#tables-1", "#tables-2", "#figures-1", "#figures-2", "#figures-3", "#disagreements-1", "#photos-1", "#photos-2"}
    assert {link for link in links if not link.startswith("#cell-")} == sections | parts


def test_headings_go_down_one_step_at_a_time(whole):
    levels = [int(tag[1]) for tag, _ in Elements(whole).found if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert levels.count(1) == 1


def test_what_is_wide_scrolls_in_its_own_box_that_the_keyboard_reaches(whole):
    boxes = [attributes for tag, attributes in Elements(whole).found if attributes.get("class") == "wide"]
    assert len(boxes) == 2 + 3 + 2 + 1  # tables, figures, matrices, and a report
    assert all(box["tabindex"] == "0" and box["aria-label"] for box in boxes)


def test_figures_follow_light_and_dark(whole):
    """Every colour of the palette in an inlined figure has become a variable that both schemes set."""
    pictures = "".join(re.findall(r"<svg.*?</svg>", whole, flags=re.DOTALL))
    assert not [colour for colour in LIGHT.values() if f": {colour}" in pictures]
    used = set(re.findall(r"var\(--(\w+)\)", whole))  # a cell's own --strength is given with its default
    assert used <= set(LIGHT) == set(DARK)
    for colours in (LIGHT, DARK):
        assert all(f"--{name}: {colour};" in whole for name, colour in colours.items())


def test_a_figure_has_its_caption_as_its_name(whole):
    pictures = [attributes for tag, attributes in Elements(whole).found if tag == "svg"]
    assert [(one["role"], one["aria-label"]) for one in pictures] == [("img", HOSTILE), ("img", "Dots"), ("img", "Again")]


def test_a_section_without_parts_is_left_out():
    bare = Elements(page("T", "Q?", [answer([], [], ["Yes."], []), tables("tables", "Tables", []), figures({})]))
    assert [attributes["id"] for tag, attributes in bare.found if tag == "section"] == ["answer"]
    assert [attributes["href"] for tag, attributes in bare.found if tag == "a"] == ["#answer"]
