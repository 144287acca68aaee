"""Labels that come from elsewhere, labels to take along, and how far people agree."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from modiste.annotating.agreement import agreements
from modiste.annotating.decisions import Decision
from modiste.annotating.imports import decisions_from
from modiste.data.layouts.readers import read
from modiste.projects.studio import Studio
from modiste.projects.views import shown
from modiste.records.errors import ModisteError, unknown
from modiste.records.table import csv_text

Plain = dict[str, Any]
Exported = tuple[str, str, bytes]  # the file's name, its kind, its content


def settled(studio: Studio) -> list[tuple[str, str, Decision]]:
    """Photos with a label that stands: path, label, and the decision that gave it last."""
    standing, rows = studio.standing, []
    for path in sorted(standing.photos(), key=lambda path: path.encode("utf-8", "surrogateescape")):
        label = standing.settled(path)
        if label is not None:
            said = standing.adjudicated(path) or max(standing.of(path).values(), key=lambda one: one.at)
            rows.append((path, label, said))
    return rows


def right_labels(studio: Studio) -> Exported:
    """A table that `modiste train --from` reads."""
    lines = [("photo", "right_label", "who", "at"), *((path, label, said.who, said.at) for path, label, said in settled(studio))]
    return "labels.csv", "text/csv", written(lines)


def paper(studio: Studio) -> Exported:
    """The paper's own columns: Image_Name, Attribute, Label."""
    codes = studio.classes.code
    lines = [("Image_Name", "Attribute", "Label"), *((path, label, str(codes(label))) for path, label, _ in settled(studio))]
    return "labels-paper.csv", "text/csv", written(lines)


def log(studio: Studio) -> Exported:
    """Everything that was said and taken back, in order, an object a line."""
    lines = [json.dumps(asdict(one), ensure_ascii=True) for one in studio.ledger.log.each()]
    return "decisions.jsonl", "application/x-ndjson", ("\n".join(lines) + "\n").encode() if lines else b""


def written(lines: Sequence[Sequence[str]]) -> bytes:
    """Rows as CSV; cells that a spreadsheet would run as a formula are escaped by a '."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([csv_text(cell) for cell in line] for line in lines)
    return text.getvalue().encode("utf-8", "surrogateescape")


EXPORTS: dict[str, Callable[[Studio], Exported]] = {"labels.csv": right_labels, "paper": paper, "log": log}


def exported(studio: Studio, format: str) -> Exported:  # noqa: A002  (the word users know)
    """The labels of now as a file."""
    if format not in EXPORTS:
        raise unknown("format to export", format, EXPORTS)
    return EXPORTS[format](studio)


def taken_in(studio: Studio, path: str | None, who: str) -> Plain:
    """Labels of a file or folder on this machine, in any layout modiste reads, as decisions of whoever asks; paths say which photos."""
    if path is None:
        raise ModisteError("name a file or folder with labels: its path on this machine.")
    place = Path(path).expanduser()
    if not place.exists():
        raise ModisteError(f"{place} is not there. Give the full path of a file or folder with labels.")
    made = decisions_from(read(place, None, studio.classes), who)
    known = set() if studio.found is None else set(studio.found.by_path)
    ours = [one for one in made if one.photo in known]
    if made and not ours:
        raise ModisteError(f"{place} labels {len(made):,} photos, none of which is in this project: '{shown(made[0].photo)}' is the first.")
    studio.take(ours)
    return {"taken": len(ours), "left": len(made) - len(ours), "words": f"{len(ours):,} labels were taken in."}


def agreement(studio: Studio) -> Plain:
    """How far each two people agree, and how many photos they contradict one another on."""
    pairs = [
        {"a": one.a, "b": one.b, "photos": one.photos, "agree": one.agree, "words": one.words, **asdict(one.kappa)}
        for one in agreements(studio.standing)
    ]
    return {"pairs": pairs, "conflicts": len(studio.standing.conflicts())}
