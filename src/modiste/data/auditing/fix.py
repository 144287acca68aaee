"""What an audit's findings change in a catalogue, written as a new one: the old one is not touched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from modiste.data.auditing.audit import Audit, with_groups
from modiste.data.auditing.seen import Seen
from modiste.data.auditing.twins import groups
from modiste.records.catalogue import TEST, TRAIN, VALIDATION, Catalogue, Photo, Suggestion
from modiste.records.findings import Finding
from modiste.records.table import Table

LEFT_OUT = ("unreadable", "blank", "tiny")  # what nothing can be learnt from
DOUBTED = ("label_error", "text_disagrees")  # kept, with a suggestion beside the label
SIDES = (TEST, VALIDATION, TRAIN)  # of twins on several sides the first of these keeps its photo: a test set must not shrink or leak


@dataclass(frozen=True)
class Change:
    """What became of one photo, and why."""

    path: str
    what: str
    why: str


@dataclass(frozen=True, eq=False)
class Fixed:
    """The mended catalogue, and every change."""

    catalogue: Catalogue
    changes: tuple[Change, ...]

    def table(self) -> Table:
        rows = tuple((change.path, change.what, change.why) for change in self.changes)
        return Table("What was changed", ("path", "change", "why"), rows)


def fixed(audit: Audit) -> Fixed:
    """The catalogue without what cannot be learnt from and with one photo of twins; doubted labels stay, with a suggestion beside them.

    Twins with different labels keep one photo without a label, since nobody can know which is right. Dismissed findings change nothing.
    """
    catalogue = audit.seen.catalogue
    by_path = {photo.path: photo for photo in with_groups(catalogue, audit.seen.pairs).photos}
    changes: list[Change] = []
    for change, photo in (*left_out(audit), *suggested(audit), *without_twins(audit)):
        if change.path not in by_path:
            continue
        changes.append(change)
        if photo is None:
            del by_path[change.path]
        else:
            by_path[change.path] = replace(by_path[change.path], label=photo.label, suggestion=photo.suggestion)
    return Fixed(catalogue.with_photos(by_path.values()), tuple(changes))


def left_out(audit: Audit) -> Iterator[tuple[Change, None]]:
    for finding in audit.findings:
        if finding.kind in LEFT_OUT:
            yield Change(finding.path, "left out", f"{finding.kind}: {finding.detail}"), None


def without_twins(audit: Audit) -> Iterator[tuple[Change, Photo | None]]:
    """All but one photo of every group of twins, the one kept being the best on the side that must keep it.

    What is left out for itself is not the one that is kept, but its label counts, and passes to the one that has none.
    """
    seen = audit.seen
    gone = {change.path for change, _ in left_out(audit)}
    counted = {(finding.path, finding.other) for finding in audit.findings if finding.kind.endswith("_duplicate")}
    pairs = [pair for pair in seen.pairs if (seen.photo(pair.one).path, seen.photo(pair.other).path) in counted]
    members: dict[int, list[int]] = defaultdict(list)
    for place, first in enumerate(groups(pairs, len(seen.catalogue)).tolist()):
        members[first].append(place)
    for group in members.values():
        if len(group) > 1:
            yield from one_of(sorted(group, key=lambda place: (seen.photo(place).path in gone, *rank(seen, place))), seen)


def rank(seen: Seen, place: int) -> tuple[int, int, int, str]:
    """Which twin is kept: the one with a label, on the side that must keep it, the largest, the first by name."""
    photo, small = seen.photo(place), seen.looks.small[place]
    side = SIDES.index(photo.split) if photo.split in SIDES else len(SIDES)
    return int(photo.label is None), side, -int(small["width"]) * int(small["height"]), photo.path


def one_of(group: list[int], seen: Seen) -> Iterator[tuple[Change, Photo | None]]:
    kept, *others = (seen.photo(place) for place in group)
    for other in others:
        yield Change(other.path, "left out", f"the same picture as {kept.path}"), None
    labelled = [photo for photo in (kept, *others) if photo.label is not None]
    labels = sorted(set(map(seen.label, labelled)))
    if len(labels) > 1:
        suggestion = Suggestion(kept.label, f"one of its labels: {', '.join(labels)}") if kept.label is not None else kept.suggestion
        what = "label taken away" if kept.label is not None else "left without a label"
        why = f"the same picture stood there as {' and as '.join(labels)}"
        yield Change(kept.path, what, why), replace(kept, label=None, suggestion=suggestion)
    elif labels and kept.label is None:
        why = f"the same picture stood there so, as {labelled[0].path}"
        yield Change(kept.path, f"labelled {labels[0]}", why), replace(kept, label=labelled[0].label)


def suggested(audit: Audit) -> Iterator[tuple[Change, Photo]]:
    """The first doubt of each label as a suggestion beside it."""
    doubted: dict[str, Finding] = {}
    for finding in audit.findings:
        if finding.kind in DOUBTED and finding.suggested:
            doubted.setdefault(finding.path, finding)
    photos = {photo.path: photo for photo in audit.seen.catalogue.photos}
    for path, finding in doubted.items():
        suggestion = Suggestion(audit.seen.catalogue.classes.code(finding.suggested), f"audit: {finding.detail}")
        yield Change(path, f"{finding.suggested} suggested", finding.detail), replace(photos[path], suggestion=suggestion)
