"""The audit: everything about a catalogue's photos, labels and splits that somebody should look at; it changes nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from modiste.data.auditing.audits import AUDITS, KINDS
from modiste.data.auditing.doubts import Doubts, doubts
from modiste.data.auditing.looks import Looks, looks
from modiste.data.auditing.seen import Seen
from modiste.data.auditing.twins import SAME_PHOTO, Pair, groups, twins
from modiste.data.suggest import Taxonomy
from modiste.data.taxonomy import read_taxonomy
from modiste.records.catalogue import TWIN_GROUP, Catalogue
from modiste.records.errors import MachineError
from modiste.records.findings import Finding
from modiste.records.progress import Tell, silent
from modiste.records.table import Table
from modiste.records.words import counted


@dataclass(frozen=True, eq=False)
class Audit:
    """What an audit found, the worst of each kind first, what it went by, and what it could not do, in words."""

    findings: tuple[Finding, ...]
    seen: Seen
    notes: tuple[str, ...]
    dismissed: int = 0

    def table(self) -> Table:
        """How many findings of each kind, and what each kind is."""
        counts = Counter(finding.kind for finding in self.findings)
        rows = tuple((kind, counts[kind], KINDS[kind]) for kind in KINDS if counts[kind])
        left_out = (f"{self.dismissed:,} more were dismissed earlier.",) if self.dismissed else ()
        found = "Nothing was found" if not self.findings else counted(len(self.findings), "finding")
        title = f"{found} in {counted(len(self.seen.catalogue), 'photo')} of {self.seen.catalogue.root.name or self.seen.catalogue.root}"
        return Table(title, ("kind", "found", "what it is"), rows, (*self.notes, *left_out))


def audit(
    catalogue: Catalogue,
    cache: Path | None = None,
    *,
    taxonomy: Taxonomy | None = None,
    label_errors: bool = True,
    dismissed: frozenset[str] | set[str] = frozenset(),
    seed: int = 0,
    workers: int | None = None,
    tell: Tell = silent,
) -> Audit:
    """Look at every photo of a catalogue and say what is wrong; `cache` keeps what was seen, so that a stopped audit goes on.

    Findings whose ids were `dismissed` are left out and counted.
    """
    looked = looks(catalogue.root, [photo.path for photo in catalogue.photos], cache, tell, workers)
    pairs = twins(looked, seed, tell)
    doubted, notes = doubted_labels(catalogue, looked, pairs, seed, tell) if label_errors else (None, ("Labels were not judged.",))
    seen = Seen(catalogue, looked, pairs, doubted, taxonomy or read_taxonomy(None))
    found = [finding for look_for in AUDITS.values() for finding in look_for(seen)]
    kept = [finding for finding in found if finding.id not in dismissed]
    order = list(KINDS)
    kept.sort(key=lambda finding: (order.index(finding.kind), -finding.score, finding.path, finding.other))
    return Audit(tuple(kept), seen, (*catalogue.notes, *notes), len(found) - len(kept))


def doubted_labels(catalogue: Catalogue, looked: Looks, pairs: list[Pair], seed: int, tell: Tell) -> tuple[Doubts | None, tuple[str, ...]]:
    """The labels that the photos disagree with; or None and why they were not looked for."""
    labels = [photo.label for photo in catalogue.photos]
    if len({label for label in labels if label is not None}) < 2:
        return None, ("Labels were not judged: that takes two classes that have photos.",)
    together = groups(pairs, len(labels), products=[photo.product for photo in catalogue.photos])
    try:
        made = doubts(looked, labels, together, seed, tell, names=catalogue.classes.names)
    except MachineError as error:  # the extra is not installed; all else still counts
        return None, (f"Labels were not judged: {error}",)
    return made, made.notes


def together(catalogue: Catalogue, cache: Path | None = None, seed: int = 0, tell: Tell = silent) -> Catalogue:
    """The catalogue with its twins found and named in a column `twin_group`, so that a split keeps them on one side."""
    looked = looks(catalogue.root, [photo.path for photo in catalogue.photos], cache, tell)
    return with_groups(catalogue, twins(looked, seed, tell))


def with_groups(catalogue: Catalogue, pairs: list[Pair]) -> Catalogue:
    """The catalogue with a column `twin_group` for photos that belong together (twins, one shot in several colours), for splitting.

    Groups that stand there already stay together; a group is named by the first of their words, else by its first path.
    """
    known = [photo.twin_group for photo in catalogue.photos]
    member = groups(pairs, len(catalogue), (*SAME_PHOTO, "recoloured"), known).tolist()
    several = Counter(member)
    names: dict[int, tuple[bool, str]] = {}
    for photo, word, first in zip(catalogue.photos, known, member, strict=True):
        name = (not word, word or photo.path)  # in this order: the order of rows changes nothing
        names[first] = min(names.get(first, name), name)
    photos = [
        replace(photo, details={**photo.details, TWIN_GROUP: names[first][1]}) if several[first] > 1 else photo
        for photo, first in zip(catalogue.photos, member, strict=True)
    ]
    return catalogue.with_photos(photos)
