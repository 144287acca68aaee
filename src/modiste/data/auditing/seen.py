"""What an audit looks at: a catalogue's photos, what they show, their twins, their doubted labels; and findings about them."""

from __future__ import annotations

from dataclasses import dataclass

from modiste.data.auditing.doubts import Doubts
from modiste.data.auditing.looks import Looks
from modiste.data.auditing.twins import Pair
from modiste.data.suggest import Taxonomy
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.findings import Finding
from modiste.records.plain import fingerprint


@dataclass(frozen=True, eq=False)
class Seen:
    """What the audits look at: the photos as rows, what they show, which are twins, and which labels the photos disagree with."""

    catalogue: Catalogue
    looks: Looks
    pairs: list[Pair]
    doubts: Doubts | None
    taxonomy: Taxonomy

    def photo(self, place: int) -> Photo:
        return self.catalogue.photos[place]

    def finding(self, kind: str, place: int, score: float, detail: str, suggested: str = "") -> Finding:
        """A finding about one photo."""
        photo = self.photo(place)
        name = fingerprint([kind, self.content(place), photo.label, suggested])[:8]
        return Finding(name, kind, photo.path, "", photo.split, self.label(photo), suggested, score, detail)

    def of_pair(self, kind: str, pair: Pair, detail: str) -> Finding:
        """A finding about two photos; all kinds of finding about their contents have one id, so that they are dismissed together."""
        one, other = self.photo(pair.one), self.photo(pair.other)
        name = fingerprint(["pair", *sorted((self.content(pair.one), self.content(pair.other)))])[:8]
        split, label = (
            first if first == second else f"{first}, {second}" for first, second in zip(self.row(one), self.row(other), strict=True)
        )
        return Finding(name, kind, one.path, other.path, split, label, "", pair.likeness, detail)

    def content(self, place: int) -> str:
        """What stands for a photo's content: the SHA-256 of its file, or its path where it could not be read."""
        return bytes(self.looks.small["sha256"][place]).hex() if self.looks.seen[place] else self.photo(place).path

    def row(self, photo: Photo) -> tuple[str, str]:
        return photo.split or "no split", self.label(photo) or "no label"

    def label(self, photo: Photo) -> str:
        return "" if photo.label is None else self.catalogue.classes.names[photo.label]
