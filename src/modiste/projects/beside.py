"""What lies beside a project: finished runs, studies with their reports, and what an audit found of its photos."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from modiste.data.auditing.audits import KINDS
from modiste.data.layouts.readers import root_of
from modiste.evaluation.metrics import accuracy, macro_f1
from modiste.projects.studio import Studio
from modiste.projects.views import shown
from modiste.records.errors import ModisteError, unknown
from modiste.records.findings import FILE, Finding, audit_of, dismissed, read_findings, root_in
from modiste.records.run import Run, slug

Plain = dict[str, Any]


def runs_and_studies(studio: Studio) -> Plain:
    """The runs and studies in the folder of runs that the app was started with."""
    folder = studio.runs
    if folder is None or not folder.is_dir():
        return {"folder": None, "runs": [], "studies": []}
    runs = [run_of(one) for one in sorted(folder.iterdir()) if (one / "about.json").is_file()]
    studies = [
        {"name": one.parent.name, "report": f"/report/{one.parent.name}"} for one in sorted((folder / "studies").glob("*/report.html"))
    ]
    return {"folder": str(folder), "runs": [one for one in runs if one], "studies": studies}


def run_of(folder: Path) -> Plain | None:
    """What a finished run's folder says of it; None where it cannot be read, or says nothing of test photos."""
    run = Run(folder)
    try:
        found = run.predictions()
        made = {"id": folder.name, "variant": slug(run.recipe.network), "seed": run.recipe.seed, "made": run.about.get("finished_at")}
    except (ModisteError, OSError):
        return None
    return {**made, "accuracy": float(accuracy(found)), "macro_f1": float(macro_f1(found)), "photos": len(found)}


def report(studio: Studio, name: str) -> bytes | None:
    """The report of a study by its name; None where there is none."""
    folder = studio.runs
    if folder is None or name not in {one.parent.name for one in (folder / "studies").glob("*/report.html")}:
        return None
    return (folder / "studies" / name / "report.html").read_bytes()


def findings(studio: Studio) -> Plain:
    """How often an audit found what; `modiste data audit` writes it beside the place where the app was started."""
    some = found_by_audit(studio)
    counts = Counter(one.kind for one in some)
    kinds = [{"kind": kind, "words": KINDS[kind], "n": counts[kind]} for kind in KINDS if counts[kind]]
    return {"folder": str(studio.audit) if some else None, "kinds": kinds}


def usual_audit(source: Path) -> Path | None:
    """The folder that `modiste data audit` writes to of the photos at a place; None where that is the audit of another place."""
    try:
        root = root_of(source)
    except ModisteError:  # said where the photos are opened
        return None
    folder = audit_of(root)
    audited, here = root_in(folder), root.resolve()
    return folder if audited is None or audited in (here, *here.parents) or here in audited.parents or not audited.exists() else None


def found_by_audit(studio: Studio) -> list[Finding]:
    """All that an audit of these photos found, but for what was dismissed; its paths go on from the project's root."""
    folder = studio.audit
    if folder is None or not (folder / FILE).is_file():
        return []
    gone, here = dismissed(folder), studio.source.root.resolve()
    audited = root_in(folder)
    some = [one for one in read_findings(folder) if one.id not in gone and one.kind in KINDS]
    if audited is None or (audited not in here.parents and here not in audited.parents):
        return some
    placed = [replace(one, path=path_from(here, audited, one.path), other=path_from(here, audited, one.other)) for one in some]
    return [new for new, one in zip(placed, some, strict=True) if new.path or not one.path]


def path_from(here: Path, audited: Path, path: str) -> str:
    """A path below an audited folder as one below another that lies in it, or that it lies in; '' where it is not there."""
    whole = audited / path
    return whole.relative_to(here).as_posix() if path and whole.is_relative_to(here) else ""


def paths_with(studio: Studio, kind: str) -> set[str]:
    """The photos of which an audit found so."""
    if kind not in KINDS:
        raise unknown("kind of finding", kind, KINDS)
    return {path for one in found_by_audit(studio) if one.kind == kind for path in (one.path, one.other) if path}


def findings_on(studio: Studio, path: str) -> list[Plain]:
    """What an audit found of one photo."""
    some = [one for one in found_by_audit(studio) if path in (one.path, one.other)]
    return [{"kind": one.kind, "words": KINDS[one.kind], "detail": one.detail, "other": shown(one.other)} for one in some]
