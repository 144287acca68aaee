"""Tables on disk: every format of every table, each read back by what reads such files."""

import csv
from html.parser import HTMLParser

from modiste.evaluation.pages.tables import FORMATS, write_tables
from modiste.records.table import Table

HATS = Table("Hats & caps", ("Model", "F1"), (("A_B", 0.5), ("<C>", None)), ("One seed.",))


class Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.found = "", []

    def handle_starttag(self, tag, attrs):
        self.open = tag
        assert not {name for name, _ in attrs} & {"src", "href", "style"}

    def handle_data(self, text):
        if self.open in ("td", "th"):
            self.found.append(text.strip())


def test_every_format_of_every_table_is_written_and_says_the_same(tmp_path):
    written = write_tables({"hats": HATS, "table-7": HATS}, tmp_path / "tables")
    assert {path.name for path in written} == {f"{name}.{kind}" for name in ("hats", "table-7") for kind in FORMATS}
    assert all(path.is_file() for path in written)
    assert list(csv.reader((tmp_path / "tables" / "hats.csv").read_text().splitlines())) == [["Model", "F1"], ["A_B", "0.5"], ["<C>", ""]]
    cells = Cells()
    cells.feed((tmp_path / "tables" / "hats.html").read_text())
    assert [text for text in cells.found if text] == ["Model", "F1", "A_B", "0.5000", "<C>", "–"]
    assert (tmp_path / "tables" / "hats.md").read_text() == HATS.markdown()
    assert r"A\_B & 0.5000 \\" in (tmp_path / "tables" / "hats.tex").read_text()
