"""A table: titled rows and columns that can be printed, saved and set in a paper."""

from __future__ import annotations

import csv
import html
import io
import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Cell = str | int | float | None  # None stands for "not there": shown as a dash, an empty field in CSV
DASH = "–"


@dataclass(frozen=True)
class Table:
    """Columns and rows of cells; fractions are shown with `digits` places, CSV keeps them whole.

    A column whose heading starts with Δ shows the sign of its numbers. A number that is not finite is shown as a dash.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    digits: int = 4

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.title}: a row has {len(row)} cells for {len(self.columns)} columns: {row}")

    def markdown(self) -> str:
        r"""A pipe table for GitHub, its columns lined up.

        >>> print(Table("Hats", ("Model", "F1"), (("A|B", 0.5), ("C", None))).markdown())
        **Hats**
        <BLANKLINE>
        | Model |     F1 |
        |:------|-------:|
        | A\|B  | 0.5000 |
        | C     |      – |
        <BLANKLINE>
        """
        head, *body = self.shown(markdown_text)
        rights = [self.is_numeric(place) for place in range(len(self.columns))]
        widths = [max(3, *(width(row[place]) for row in (head, *body))) for place in range(len(self.columns))]
        rule = "|".join("-" * (room + 1) + ":" if right else ":" + "-" * (room + 1) for right, room in zip(rights, widths, strict=True))
        lines = [f"| {' | '.join(map(padded, row, widths, rights))} |" for row in (head, *body)]
        notes = [f"\n{markdown_text(note)}" for note in self.notes]
        return "\n".join([f"**{markdown_text(self.title)}**", "", lines[0], f"|{rule}|", *lines[1:], *notes]) + "\n"

    def text(self, room: int | None = None) -> str:
        """The table for a terminal `room` letters wide: nothing escaped, so that a command in a cell can be copied.

        Where the columns do not fit they go on below, the first one repeated.

        >>> print(Table("Hats", ("Model", "F1"), (("A|B", 0.5), ("C", None))).text())
        Hats
        <BLANKLINE>
        Model      F1
        -----  ------
        A|B    0.5000
        C           –
        <BLANKLINE>
        """
        rows = self.shown(one_line)
        rights = [self.is_numeric(place) for place in range(len(self.columns))]
        widths = [max(width(row[place]) for row in rows) for place in range(len(self.columns))]
        blocks = []
        for places in abreast(widths, room):
            head, *body = ["  ".join(padded(row[at], widths[at], rights[at]) for at in places).rstrip() for row in rows]
            blocks.append("\n".join([head, "  ".join("-" * widths[at] for at in places), *body]))
        notes = [one_line(note) for note in self.notes]
        return "\n\n".join([one_line(self.title), *blocks, *notes]) + "\n"

    def csv(self) -> str:
        """Headings and rows alone, numbers to the last bit; text that a spreadsheet would run as a formula is escaped by a '."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow([csv_text(column) for column in self.columns])
        rows.writerows(
            [csv_text(cell) if isinstance(cell, str) else repr(cell) if is_there(cell) else "" for cell in row] for row in self.rows
        )
        return text.getvalue()

    def latex(self) -> str:
        """A floating table set with booktabs, its title as the caption."""
        head, *body = (" & ".join(row) + r" \\" for row in self.shown(latex_text))
        places = "".join("r" if self.is_numeric(place) else "l" for place in range(len(self.columns)))
        opening = [r"\begin{table}[htbp]", r"\centering", rf"\caption{{{latex_text(self.title)}}}", rf"\begin{{tabular}}{{{places}}}"]
        rows = [r"\toprule", head, r"\midrule", *body, r"\bottomrule", r"\end{tabular}"]
        notes = [rf"\par\smallskip{{\footnotesize {latex_text(note)}\par}}" for note in self.notes]
        return "\n".join([*opening, *rows, *notes, r"\end{table}"]) + "\n"

    def html(self) -> str:
        """A figure with the title, a table in a box of its own that may scroll, and the notes; numbers carry the class `number`."""
        head, *body = self.shown(html_text)
        marks = [' class="number"' if self.is_numeric(place) else "" for place in range(len(self.columns))]
        headings = "".join(f'<th scope="col"{mark}>{text}</th>' for mark, text in zip(marks, head, strict=True))
        rows = [f"<tr>{''.join(map(html_cell, range(len(row)), marks, row))}</tr>" for row in body]
        title = html_text(self.title)
        opening = (
            f'<figure class="table">\n<figcaption>{title}</figcaption>\n<div class="wide" role="region" aria-label="{title}" tabindex="0">'
        )
        table = ["<table>", f"<thead><tr>{headings}</tr></thead>", "<tbody>", *rows, "</tbody>", "</table>", "</div>"]
        notes = [f'<p class="note">{html_text(note)}</p>' for note in self.notes]
        return "\n".join([opening, *table, *notes, "</figure>"]) + "\n"

    def plain(self) -> dict[str, Any]:
        """The table as plain values, for JSON; a number that is not finite becomes null."""
        rows = [[cell if is_there(cell) else None for cell in row] for row in self.rows]
        return {"title": self.title, "columns": list(self.columns), "rows": rows, "notes": list(self.notes), "digits": self.digits}

    def is_numeric(self, place: int) -> bool:
        """Whether a column is set flush right: it holds no text and is not the first, which names the row."""
        return place > 0 and not any(isinstance(row[place], str) for row in self.rows)

    def shown(self, escape: Callable[[str], str]) -> list[list[str]]:
        """The headings and all rows as escaped text."""
        rows = [
            [self.number(cell, column) if not isinstance(cell, str) else cell for cell, column in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]
        return [[escape(text) for text in row] for row in (list(self.columns), *rows)]

    def number(self, cell: int | float | None, column: str) -> str:
        """A number as it is read: 0.5 as 0.5000, a difference as +0.5000, what is not there as a dash."""
        if cell is None or not is_there(cell):
            return DASH
        sign = "+" if column.startswith("Δ") else ""
        return f"{cell:{sign}d}" if isinstance(cell, int) else f"{cell:{sign}z.{self.digits}f}"


def is_there(cell: Cell) -> bool:
    return cell is not None and (isinstance(cell, str) or math.isfinite(cell))


def abreast(widths: Sequence[int], room: int | None) -> list[list[int]]:
    """Which columns stand side by side in `room` letters; the first column opens every group.

    >>> abreast([5, 4, 4, 4], 17)
    [[0, 1, 2], [0, 3]]
    """
    groups = [[0]]
    for place in range(1, len(widths)):
        wide = sum(widths[at] + 2 for at in groups[-1]) + widths[place]
        if room is not None and wide > room and len(groups[-1]) > 1:
            groups.append([0])
        groups[-1].append(place)
    return groups


def one_line(text: str) -> str:
    r"""Text without line ends or other control characters, which a terminal or an SVG would obey.

    >>> one_line("Hats\nand\tcaps")
    'Hats and caps'
    """
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).strip()


def width(text: str) -> int:
    """Columns a text takes in a terminal: two for a wide character, none for a combining one."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)


def padded(text: str, room: int, right: bool) -> str:
    spaces = " " * (room - width(text))
    return spaces + text if right else text + spaces


def markdown_text(text: str) -> str:
    return re.sub(r"[\\|<*`\[~]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)", r"\\\g<0>", one_line(text))


def csv_text(text: str) -> str:
    """Text for a CSV cell; one ' before what starts with = + - @, so that taking one ' away gives the text back.

    >>> csv_text("=1+1"), csv_text("3Conv_SVM")
    ("'=1+1", '3Conv_SVM')
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if re.match(r"'*[=+\-@\t]", text) else text


LATEX = {letter: rf"\{letter}" for letter in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",  # a dash in LaTeX's own font
    "[": "{[}",  # a row that starts with [ or * would be read as an argument of the \\ before it
    "*": "{*}",
    "Δ": r"$\Delta$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "–": "--",
}


def latex_text(text: str) -> str:
    r"""Text for LaTeX; a lone signed number goes into mathematics, where its minus is a minus.

    >>> latex_text("16&7"), latex_text("-0.25")
    ('16\\&7', '$-0.25$')
    """
    if re.fullmatch(r"[+-][\d.]+", text):
        return f"${text}$"
    return "".join(LATEX.get(letter, letter) for letter in one_line(text))


def html_text(text: str) -> str:
    return html.escape(one_line(text))


def html_cell(place: int, mark: str, text: str) -> str:
    return f"<td{mark}>{text}</td>" if place else f'<th scope="row">{text}</th>'
