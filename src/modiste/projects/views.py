"""Photos of a project as plain values, for a page: names that can be shown, numbers that are numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from modiste.annotating.decisions import Decision
from modiste.data.opening.refusals import REASONS
from modiste.projects.guesses import Guesses
from modiste.projects.nearest import Near
from modiste.projects.studio import Studio
from modiste.serving.deciding import DECISIONS, WHY

WORDS = {**REASONS, **WHY}
SHA_DIGITS = 8  # of the SHA-256 of a photo's bytes, by which pages tell it from another of its name
Plain = dict[str, Any]


def shown(path: str) -> str:
    """A path as text that every page can show."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def said(decision: Decision | None) -> Plain | None:
    if decision is None:
        return None
    return {
        "id": decision.id,
        "kind": decision.kind,
        "label": decision.label,
        "who": decision.who,
        "at": decision.at,
        "how": decision.how,
    }


def brief(studio: Studio, found: Guesses, row: int, who: str) -> Plain:
    """A photo among many; the guess for one of the honest sample is shown once it was spoken of."""
    one, label = found.looked.photos[row], int(found.labels[row])
    mine = studio.standing.said(one.path, who)
    hidden = mine is None and studio.is_sample(one.path)
    return {
        "id": found.ids[row],
        "name": shown(one.path),
        "sha": found.looked.shas[row].tobytes().hex()[:SHA_DIGITS],
        "label": None if label < 0 or hidden else studio.classes.names[label],
        "confidence": None if hidden else number(found.confidence[row]),
        "model": found.looked.model,
        "sample": studio.is_sample(one.path),
        "decision": DECISIONS[found.decisions[row]],
        "said": None if mine is None else {"kind": mine.kind, "label": mine.label},
        "settled": studio.standing.settled(one.path),
        "ruled": said(studio.standing.adjudicated(one.path)),
        "conflict": studio.standing.conflict(one.path),
    }


def number(value: np.floating[Any]) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)


def photo(studio: Studio, found: Guesses, row: int, who: str) -> Plain:
    """All that is known of a photo."""
    looked, names = found.looked, studio.classes.names
    one, reason = looked.photos[row], found.reasons[row]
    asked = looked.places[row] >= 0
    everybody = studio.standing.of(one.path)
    return {
        **brief(studio, found, row, who),
        "path": shown(one.path),
        "label": None if found.labels[row] < 0 else names[found.labels[row]],
        "confidence": number(found.confidence[row]),
        "probabilities": {name: number(share) for name, share in zip(names, found.probabilities[row], strict=True)} if asked else {},
        "margin": number(found.margin[row]),
        "reason": reason,
        "words": WORDS.get(reason, ""),
        "strangeness": number(looked.strangeness[row]),
        "own": None if one.own < 0 else names[one.own],
        "said": said(everybody.get(who)),
        "others": [said(decision) for person, decision in everybody.items() if person != who],
        "replaced": studio.is_replaced(one.path),
        "copies": [{"id": found.ids[copy], "path": shown(looked.photos[copy].path)} for copy in found.copies(row)[1:]],
        "problem": "" if asked else reason,
    }


def neighbour(studio: Studio, found: Guesses, one: Near, who: str) -> Plain:
    """A photo that looks alike."""
    return {
        **brief(studio, found, one.row, who),
        "similarity": round(one.similarity, 4),
        "copies": [found.ids[row] for row in one.copies],
    }
