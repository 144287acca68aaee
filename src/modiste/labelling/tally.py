"""What came of all photos, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from modiste.data.opening.refusals import REASONS
from modiste.labelling.rows import STRANGE, Row
from modiste.records.table import Table
from modiste.records.words import counted
from modiste.serving.deciding import AUTO, REJECT, REVIEW, WHY, Expected, Thresholds


@dataclass(eq=False)
class Tally:
    """Photos by class and decision, and by reason where they are rejected."""

    photos: int = 0
    called: Counter[tuple[int, str]] = field(default_factory=Counter)  # (class, decision)
    decisions: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    automatic: Counter[int] = field(default_factory=Counter)  # by class, but for those that their source disagrees with
    review: int = 0  # the same, of all classes
    disagree: int = 0
    compared: int = 0  # photos that both the network and their source say something of

    def add(self, row: Row) -> None:
        self.photos += 1
        self.decisions[row.decision] += 1
        if row.decision == REJECT:
            self.rejected[row.reason] += 1
        elif row.label is not None:
            self.called[row.label, row.decision] += 1
        if row.agrees is not False and row.label is not None:
            self.automatic[row.label] += row.decision == AUTO
            self.review += row.decision == REVIEW
        self.compared += row.agrees is not None
        self.disagree += row.agrees is False

    @property
    def unread(self) -> int:
        """Photos that could not be read."""
        return self.rejected.total() - self.rejected[STRANGE]

    def table(self, names: Sequence[str]) -> Table:
        """A line a class."""
        rows = [
            (name, self.called[code, AUTO] + self.called[code, REVIEW], self.called[code, AUTO], self.called[code, REVIEW])
            for code, name in enumerate(names)
        ]
        return Table("Labels", ("label", "photos", "automatic", "to review"), tuple(rows))

    def plain(self, names: Sequence[str]) -> dict[str, object]:
        """The counts as plain values."""
        return {
            "photos": self.photos,
            "auto": self.decisions[AUTO],
            "review": self.decisions[REVIEW],
            "rejected": dict(sorted(self.rejected.items())),
            "labels": {name: {how: self.called[code, how] for how in (AUTO, REVIEW)} for code, name in enumerate(names)},
            "disagree": self.disagree,
            "compared": self.compared,
        }

    def reasons(self) -> list[str]:
        """What the reasons for which photos are rejected mean, a line each."""
        return [f"  {reason}: {why(reason)}" for reason, _ in self.rejected.most_common()]

    def words(self, chosen: Thresholds, known: Expected | None) -> list[str]:
        """What came of the photos, in sentences."""
        auto, review = self.decisions[AUTO], self.decisions[REVIEW]
        called = f"{counted(self.photos, 'photo')}: {share(auto, self.photos)} labelled automatically"
        said = [f"{called} ({promise(chosen, known)}), {review:,} to review."]
        if self.rejected:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.rejected.most_common())
            said.append(f"{self.rejected.total():,} rejected: {reasons}.")
        if self.compared:
            said.append(f"{self.disagree:,} of {self.compared:,} are called otherwise than their own words or labels say.")
        return said


def why(reason: str) -> str:
    """Why a photo is rejected, in a sentence.

    >>> why("empty")
    'The file has no bytes. Export the photo again.'
    """
    words = WHY[reason] if reason == STRANGE else REASONS[reason]
    return f"{words[0].upper()}{words[1:]}".rstrip(".") + "."


def promise(chosen: Thresholds, known: Expected | None) -> str:
    """What precision may be expected of the automatic labels, and from how many photos that is known."""
    if known is None:
        return "what precision to expect is not known: this network comes without evidence"
    if known.overall.precision is None:
        return f"no class reaches a precision of {chosen.precision:g} on its {known.overall.photos:,} validation photos"
    low, high = known.overall.interval
    return f"precision {chosen.precision:g} asked for, {low:.3f}–{high:.3f} expected from {known.overall.photos:,} validation photos"


def share(part: int, whole: int) -> str:
    """A share in per cent; never 100 or 0 % where it is not all or nothing.

    >>> share(1999, 2000), share(1, 3), share(2, 2)
    ('99.9 %', '33 %', '100 %')
    """
    exact = 100 * part / whole if whole else 0.0
    whole_number = f"{exact:.0f} %"
    return f"{min(max(exact, 0.1), 99.9):.1f} %" if whole_number in ("0 %", "100 %") and 0 < part < whole else whole_number
