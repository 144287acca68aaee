"""An audit from a catalogue to files: findings.csv, a page of pictures, and where it is asked for a mended catalogue."""

from __future__ import annotations

import platform
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from modiste import __version__
from modiste.data.auditing import audit as room
from modiste.data.auditing import audits
from modiste.data.auditing.audit import Audit
from modiste.data.auditing.audits import KINDS
from modiste.data.auditing.fix import Fixed, fixed
from modiste.data.describe import hash_of
from modiste.data.layouts.declared import Undeclared
from modiste.data.layouts.placing import refuse_taken, whole
from modiste.data.layouts.readers import READERS, detect, innermost, read
from modiste.data.layouts.writers import refuse_file_name, write_paper
from modiste.data.opening.stores import open_store
from modiste.data.opening.thumbnails import thumbnails
from modiste.data.suggest import Taxonomy
from modiste.evaluation.pages.audit_page import audit_page, shown
from modiste.records.catalogue import Catalogue
from modiste.records.disk import write_json, write_text
from modiste.records.errors import ModisteError
from modiste.records.findings import ABOUT, FILE, NAMES, audit_of, dismissed, root_in, write_findings
from modiste.records.labels import Classes
from modiste.records.own import begins_with, is_page, refuse_inside, refuse_others, says
from modiste.records.progress import Tell, silent

PAGE, CHANGES = "report.html", "changes.csv"


@dataclass(frozen=True, eq=False)
class Audited:
    """What an audit found and where it was written."""

    audit: Audit
    folder: Path
    report: Path
    fixed: Fixed | None = None
    fixed_at: Path | None = None


def audit(
    catalogue: Catalogue | Path | str,
    folder: Path | str | None = None,
    *,
    fix: Path | str | None = None,
    taxonomy: Taxonomy | None = None,
    label_errors: bool = True,
    seed: int = 0,
    command: Sequence[str] = (),
    tell: Tell = silent,
) -> Audited:
    """Audit a catalogue, or the one at a place, into a folder (audit/NAME): findings.csv and report.html anew, dismissed.csv kept.

    `fix` is a new folder for a mended catalogue. What was seen of each photo is kept in the folder's cache, so that a stopped audit
    goes on and the next one opens changed photos only.
    """
    catalogue = catalogue if isinstance(catalogue, Catalogue) else auditable(catalogue, taxonomy=taxonomy)
    fix = Path(fix) if fix is not None else None
    given = folder is not None
    folder = Path(folder) if folder is not None else audit_of(catalogue.root)
    refuse_inside(folder, catalogue.root, "--output")
    check_folder(folder, None if given else catalogue.root.resolve())
    if fix is not None:
        refuse_file_name(fix)
        refuse_inside(fix, catalogue.root, "--fix")
        refuse_taken(fix)
    began = time.monotonic()
    found = room.audit(
        catalogue,
        folder / "cache",
        taxonomy=taxonomy,
        label_errors=label_errors,
        dismissed=dismissed(folder),
        seed=seed,
        tell=tell,
    )
    about = circumstances(found, seed, command, time.monotonic() - began)
    write_findings(folder, found.findings)
    drawn = {path for listed in shown(found.findings).values() for finding in listed for path in (finding.path, finding.other) if path}
    pictures = thumbnails(catalogue.root, sorted(drawn - {photo.where for photo in found.seen.looks.refused.values()}), tell=tell)
    title = f"Audit of {catalogue.root.name or catalogue.root}"
    page = audit_page(title, found.table(), found.findings, KINDS, pictures, str(folder), about)
    report = write_text(folder / PAGE, page)
    write_json(folder / ABOUT, {**about, "Root": str(catalogue.root.resolve())})
    if fix is None:
        return Audited(found, folder, report)
    mended = fixed(found)
    with whole(fix) as beside:
        write_paper(mended.catalogue, beside, False, tell)
        write_text(beside / CHANGES, mended.table().csv())
    return Audited(found, folder, report, mended, fix)


def check_folder(folder: Path, root: Path | None) -> None:
    """Refuse to write over what no audit wrote, and in the usual folder over the audit of another place than `root` of the same name."""
    if folder.exists() and not folder.is_dir():
        raise ModisteError(f"{folder} is no folder, and an audit is several files. Give another --output.")
    for name, is_own in OWN.items():
        refuse_others(folder / name, is_own, "modiste data audit")
    other = root_in(folder)
    if root is not None and other not in (None, root):
        raise ModisteError(
            f"{folder} holds the audit of {other}, and this is {root}. Give another folder with --output, or this one to go on."
        )


OWN: dict[str, Callable[[Path], bool]] = {  # what is written anew, and how an audit's own is known
    FILE: lambda path: begins_with(path, ",".join(NAMES)),
    PAGE: lambda path: is_page(path, "Audit of "),
    ABOUT: lambda path: says(path, '"Photos": "', "data hash"),
}


def auditable(
    where: Path | str,
    format: str | None = None,  # noqa: A002  (the word users know)
    classes: Classes | None = None,
    taxonomy: Taxonomy | None = None,
) -> Catalogue:
    """The catalogue at a place; folders that nobody declared as classes are read as folders of photos without labels."""
    try:
        return read(where, format, classes, taxonomy)
    except Undeclared:
        if format is not None or READERS["folders"] is not READERS[detect(innermost(open_store(Path(where).expanduser())))]:
            raise
        catalogue = read(where, "photos", classes, taxonomy)
        note = "The folders were not taken for classes, which nobody declared: --classes declares them."
        return replace(catalogue, notes=(note, *catalogue.notes))


def circumstances(found: Audit, seed: int, command: Sequence[str], seconds: float) -> dict[str, str]:
    """What made the result: the photos, the program, the thresholds."""
    limits = ("SMALLEST", "BLANK", "BLURRED", "LONGEST", "SHIFTED")
    small = found.seen.looks.small
    digests = [bytes(digest).hex() if there else "" for digest, there in zip(small["sha256"], found.seen.looks.seen, strict=True)]
    versions = {name: metadata.version(name) for name in ("numpy", "pillow", "simplejpeg")}
    return {
        "Photos": f"{len(found.seen.catalogue):,}, data hash {hash_of(found.seen.catalogue, digests)[:16]}",
        "Command": shlex.join(command) or "modiste.audit",
        "Date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Time": f"{seconds:.0f} s",
        "Seed": str(seed),
        "Thresholds": ", ".join(f"{name.lower()} {getattr(audits, name)}" for name in limits),
        "Versions": ", ".join(f"{name} {version}" for name, version in {"modiste": __version__, **versions}.items()),
        "Machine": f"Python {platform.python_version()} on {platform.system()} {platform.machine()}",
    }
