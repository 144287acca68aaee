"""Findings: what an audit has to say of single photos, pairs and splits, on disk as findings.csv; and what was dismissed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from modiste.records.disk import append_text, write_text
from modiste.records.errors import ModisteError, nearest
from modiste.records.table import csv_text

FILE, DISMISSED, ABOUT = "findings.csv", "dismissed.csv", "about.json"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: its kind, the photo or photos it is about, and how sure it is, towards 1 for sure.

    `id` stands for the photos' content and what was said of them: moving or renaming photos does not change it.
    """

    id: str
    kind: str
    path: str = ""
    other: str = ""  # the second photo of a pair
    split: str = ""  # of the photo; of a pair across splits both: 'train, test'
    label: str = ""  # the class's name, of a pair with two labels both
    suggested: str = ""
    score: float = 1.0
    detail: str = ""


def audit_of(root: Path) -> Path:
    """Where an audit of the photos under a root is written, unless another folder is named.

    >>> audit_of(Path("/home/ann/photos.v2")).as_posix()
    'audit/photos.v2'
    """
    return Path("audit") / (root.resolve().name or "photos")


def root_in(folder: Path) -> Path | None:
    """The root of the photos that the audit in a folder is of; None where it does not say."""
    try:
        said = json.loads((folder / ABOUT).read_text(encoding="utf-8", errors="surrogateescape"))
    except (OSError, ValueError):
        return None
    root = said.get("Root") if isinstance(said, dict) else None
    return Path(root) if isinstance(root, str) else None


NAMES = [field.name for field in fields(Finding)]


def write_findings(folder: Path, findings: Iterable[Finding]) -> Path:
    """Write findings.csv; cells that a spreadsheet would run as a formula are escaped by a '."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(NAMES)
    for finding in findings:
        cells = [getattr(finding, name) for name in NAMES]
        rows.writerow([f"{cell:.4f}" if isinstance(cell, float) else csv_text(cell) for cell in cells])
    return write_text(folder / FILE, text.getvalue())


def read_findings(folder: Path) -> list[Finding]:
    """The findings of an audit's folder."""
    rows = read_rows(folder / FILE, NAMES, "`modiste data audit` writes it")
    try:
        return [Finding(**{**row, "score": float(row["score"])}) for row in rows]  # type: ignore[arg-type]
    except ValueError as error:
        raise ModisteError(f"{folder / FILE}: {error}. Audit again: it is written anew each time.") from error


def dismiss(folder: Path, ids: Sequence[str], note: str = "") -> list[Finding]:
    """Remember that some findings are none; every audit that writes into this folder leaves them out from now on."""
    found: dict[str, list[Finding]] = {}
    for finding in read_findings(folder):
        found.setdefault(finding.id, []).append(finding)
    for name in ids:
        if name not in found:
            near = nearest(name, found)
            raise ModisteError(f"{folder / FILE}: no finding '{name}'." + (f" Did you mean '{near}'?" if near else ""))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    known = dismissed(folder)
    first = [found[name][0] for name in dict.fromkeys(ids) if name not in known]
    rows = [[one.id, one.kind, one.path, one.other, now, note] for one in first]
    text = io.StringIO()
    if not (folder / DISMISSED).is_file():
        csv.writer(text, lineterminator="\n").writerow(["id", "kind", "path", "other", "when", "note"])
    csv.writer(text, lineterminator="\n").writerows([csv_text(cell) for cell in row] for row in rows)
    append_text(folder / DISMISSED, text.getvalue())
    return [finding for name in ids for finding in found[name]]


def dismissed(folder: Path) -> set[str]:
    """The ids of the findings that were dismissed in an audit's folder."""
    if not (folder / DISMISSED).is_file():
        return set()
    return {row["id"] for row in read_rows(folder / DISMISSED, ["id"], "delete it to begin anew")}


def read_rows(file: Path, needed: Sequence[str], advice: str) -> list[dict[str, str]]:
    if not file.is_file():
        raise ModisteError(f"{file}: no such file; {advice}.")
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as opened:
        try:
            rows = list(csv.DictReader(opened))
        except csv.Error as error:
            raise ModisteError(f"{file} is damaged: {error}; {advice}.") from error
    for number, row in enumerate(rows, 1):
        if any(row.get(name) is None for name in needed):
            raise ModisteError(f"{file}, row {number}: it lacks a cell; {advice}.")
    return [{name: restored(cell or "") for name, cell in row.items() if name is not None} for row in rows]


def restored(cell: str) -> str:
    """What `csv_text` was given."""
    return cell[1:] if cell.startswith("'") and csv_text(cell) != cell else cell
