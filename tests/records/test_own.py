"""What may be written over is known by how it begins: a table that people changed is theirs."""

import pytest

from modiste.records.errors import ModisteError
from modiste.records.own import MARK, begins_with, is_page, refuse_others


@pytest.mark.parametrize(
    ("holds", "is_own"),
    [
        ("photo,truth,called,score Shoes\n", True),
        ("\ufeffphoto,truth,called,score Shoes\n", True),  # as a spreadsheet saves it
        (",photo,truth,called,score Shoes\n", False),  # with a column of somebody's in front
        ("My notes. The header is photo,truth,called,\n", False),
        ("", True),
    ],
)
def test_a_table_is_known_by_its_first_words(tmp_path, holds, is_own):
    path = tmp_path / "said.csv"
    path.write_text(holds, encoding="utf-8")
    if is_own:
        refuse_others(path, lambda there: begins_with(there, "photo,truth,called,"), "modiste evaluate")
    else:
        with pytest.raises(ModisteError, match="did not write it"):
            refuse_others(path, lambda there: begins_with(there, "photo,truth,called,"), "modiste evaluate")


def test_a_page_is_known_by_its_maker_and_its_title(tmp_path):
    page = tmp_path / "report.html"
    page.write_text(f"<!DOCTYPE html>\n<html><head>{MARK}<title>Audit of photos</title>")
    assert is_page(page, "Audit of ")
    assert not is_page(page, "Study: ")
