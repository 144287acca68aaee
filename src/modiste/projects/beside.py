"""What lies beside a project: finished runs, studies with their reports, and what an audit found of its photos."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from modiste.data.auditing.audits import KINDS
from modiste.evaluation.metrics import accuracy, macro_f1
from modiste.projects.studio import Studio
from modiste.records.errors import ModisteError
from modiste.records.findings import FILE, read_findings
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
    folder = studio.audit
    if folder is None or not (folder / FILE).is_file():
        return {"folder": None, "kinds": []}
    counts = Counter(one.kind for one in read_findings(folder))
    return {"folder": str(folder), "kinds": [{"kind": kind, "words": KINDS[kind], "n": many} for kind, many in counts.most_common()]}
