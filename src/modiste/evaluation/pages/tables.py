"""Tables as files: markdown, CSV, LaTeX, and a fragment of HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from modiste.records.disk import write_text
from modiste.records.table import Table


def write_tables(tables: Mapping[str, Table], folder: Path) -> list[Path]:
    """Each table in every format of FORMATS, under its name: 'summary' becomes summary.md, summary.csv, summary.tex, summary.html."""
    return [write_text(folder / f"{name}.{kind}", form(table)) for name, table in tables.items() for kind, form in FORMATS.items()]


FORMATS: dict[str, Callable[[Table], str]] = {"md": Table.markdown, "csv": Table.csv, "tex": Table.latex, "html": Table.html}
