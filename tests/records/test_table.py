"""Tables: what a reader, a spreadsheet, LaTeX and a browser make of them."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from modiste.records.table import DASH, Table, csv_text, is_there, one_line, width

ODD = ["<b>x", "&amp;", "`x`", "[x](y)", "![x](y)", "_x_", "*x*", "x\\|y", "\\", "<!-- x", "http://x.y", "'=1", "-1", "+x", "[x", "*x"]
TEXT = st.text(max_size=12) | st.text("|\\`*_[]<>&;~\n\r'=+-@#$% ab", max_size=12) | st.sampled_from(ODD)
CELLS = st.none() | st.integers(-9999, 9999) | st.floats(allow_nan=True, allow_infinity=True) | TEXT


@st.composite
def tables(draw):
    columns = tuple(draw(st.lists(TEXT, min_size=1, max_size=4)))
    rows = draw(st.lists(st.tuples(*[CELLS] * len(columns)), max_size=4))
    return Table(draw(TEXT), columns, tuple(rows), tuple(draw(st.lists(TEXT, max_size=2))))


class Texts(HTMLParser):
    """The tags of a page, and the text of each table cell."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.cells, self.inside = [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.inside = tag in ("td", "th")
        if self.inside:
            self.cells.append("")

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.cells[-1] += data


def pipe_lines(table):
    """The lines of the markdown that make the table itself, without title and notes."""
    return table.markdown().split("\n")[2 : 4 + len(table.rows)]


@given(tables())
def test_a_markdown_row_is_one_line_whatever_its_cells_hold(table):
    lines = pipe_lines(table)
    assert len(lines) == 2 + len(table.rows)
    assert all(line.startswith("|") and line.endswith("|") for line in lines)


@given(tables())
@example(Table("", ("__0__", "_a", "a_b", "a__"), ()))
def test_markdown_gives_a_reader_the_cells_that_were_put_in(table):
    """An independent reader of GitHub's tables sees the same text: no cell splits, and none turns into markup."""
    seen = Texts(MarkdownIt("commonmark").enable("table").render("\n".join(pipe_lines(table))))
    assert set(seen.tags) <= {"table", "thead", "tbody", "tr", "th", "td"}
    wanted = [text for row in table.shown(one_line) for text in row]
    assert [" ".join(cell.split()) for cell in seen.cells] == [" ".join(text.split()) for text in wanted]


@given(tables())
def test_markdown_columns_line_up(table):
    assert len({width(line) for line in pipe_lines(table)}) == 1


def test_a_wide_letter_takes_two_columns_of_a_terminal_and_an_accent_none():
    assert [width(text) for text in ("hat", "外套", "e\u0301", "")] == [3, 4, 1, 0]


@given(tables())
def test_csv_reads_back_as_it_was(table):
    """Numbers to the last bit, text as it was (one line end for all), nothing a spreadsheet would run."""
    head, *rows = list(csv.reader(io.StringIO(table.csv(), newline="")))
    assert head == list(map(csv_text, table.columns))
    for cells, row in zip(rows, table.rows, strict=True):
        for text, cell in zip(cells, row, strict=True):
            if isinstance(cell, str):
                assert text.removeprefix("'") == csv_text(cell).removeprefix("'")
                assert not text.startswith(("=", "+", "-", "@"))
            else:
                assert text == ("" if not is_there(cell) else repr(cell))


@given(st.text("'=+-@ab"))
def test_taking_one_apostrophe_away_gives_an_escaped_text_back(text):
    escaped = csv_text(text)
    assert (escaped[1:] if re.match(r"'+[=+\-@]", escaped) else escaped) == text


@given(tables())
def test_html_holds_every_cell_as_text_and_nothing_else(table):
    seen = Texts(table.html())
    assert set(seen.tags) <= {"figure", "figcaption", "div", "table", "thead", "tbody", "tr", "th", "td", "p"}
    assert seen.cells == [text for row in table.shown(one_line) for text in row]


@given(tables())
def test_latex_has_as_many_cells_as_columns_and_balanced_braces(table):
    lines = table.latex().split("\n")
    rows = [line for line in lines if line.endswith(r" \\") and not line.startswith(r"\caption")]
    assert len(rows) == 1 + len(table.rows)
    for row in rows:
        assert len(re.findall(r"(?<!\\)&", row)) == len(table.columns) - 1
        assert not row.startswith(("[", "*"))
    bare = re.sub(r"\\[{}]", "", table.latex())
    assert bare.count("{") == bare.count("}")


@given(tables())
def test_plain_values_are_strict_json(table):
    plain = table.plain()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_fractions_are_shown_short_and_saved_whole():
    table = Table("T", ("Model", "F1"), (("A", 2 / 3),), digits=2)
    assert "0.67 |" in table.markdown()
    assert repr(2 / 3) in table.csv()


def test_a_difference_shows_its_sign_and_zero_is_never_minus():
    table = Table("T", ("Model", "Δ", "Δ photos", "F1"), (("A", 0.25, 3, -0.000001), ("B", -0.000001, -3, None)))
    assert table.shown(str)[1:] == [["A", "+0.2500", "+3", "0.0000"], ["B", "+0.0000", "-3", DASH]]


def test_what_is_not_there_is_a_dash_to_read_and_nothing_in_csv():
    table = Table("T", ("Model", "F1", "sd"), (("A", None, float("nan")),))
    assert table.csv().endswith("A,,\n")
    assert table.shown(str)[1] == ["A", DASH, DASH]
    assert table.plain()["rows"] == [["A", None, None]]


def test_numbers_are_set_flush_right_and_names_flush_left():
    table = Table("T", ("Model", "F1", "Verdict"), (("A", None, "holds"), ("B", 0.5, None)))
    assert table.markdown().split("\n")[3].endswith(":|:--------|")
    assert [mark in table.html() for mark in ('<td class="number">0.5000', '<th scope="row">A', "<td>holds")] == [True] * 3
    assert r"\begin{tabular}{lrl}" in table.latex()


def test_notes_come_under_the_table_and_stay_out_of_the_csv():
    table = Table("T", ("Model",), (("A",),), notes=("one seed",))
    for text in (table.markdown(), table.latex(), table.html()):
        assert text.index("A") < text.index("one seed")
    assert "one seed" not in table.csv()


def test_latex_escapes_what_it_would_obey():
    table = Table("50 % & more", ("Model", "Δ"), (("Alex_CBAM(16&7)", -0.5), ("grey|rgb", 0.5)))
    for escaped in (r"grey\textbar{}rgb", r"\caption{50 \% \& more}", r"Alex\_CBAM(16\&7)", r"$\Delta$", "$-0.5000$"):
        assert escaped in table.latex()


def test_a_row_that_does_not_fit_is_our_bug():
    with pytest.raises(ValueError, match="2 cells for 1 columns"):
        Table("T", ("Model",), (("A", 0.5),))


def test_a_table_wider_than_the_terminal_goes_on_below_and_loses_no_cell():
    table = Table("Wide", ("Model", *(f"Metric {n}" for n in range(9))), (("AlexNet", *(n / 10 for n in range(9))),), ("A note.",))
    shown = table.text(40)
    assert max(map(len, shown.split("\n"))) <= 40
    for n in range(9):
        assert f"Metric {n}" in shown
        assert f"{n / 10:.4f}" in shown
    assert shown.count("AlexNet") > 1
    assert shown.endswith("\n\nA note.\n")
    assert table.text() == table.text(10_000)
