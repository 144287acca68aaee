"""What was said of a photo holds for all with the same bytes."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from modiste.annotating.decisions import Decision
from modiste.annotating.standing import Standing
from modiste.projects.guesses import Guesses, id_of


def said_of(one: Decision, copy: str) -> Decision:
    """What was said of a photo, as said of a copy at another path; both are taken back together."""
    name = sha256(f"{one.id} {id_of(copy)}".encode()).hexdigest()[:32]
    return replace(one, id=name, photo=copy, batch=one.batch or one.id)


def echoes(found: Guesses, standing: Standing) -> dict[str, list[Decision]]:
    """What stands of some photos as said of their copies of which that person has not spoken, by the id of what was said.

    Copies that were there when it was said have it from then on; these came later.
    """
    made: dict[str, list[Decision]] = {}
    for rows in found.looked.copies.values():
        sha, paths = found.looked.shas[rows[0]].tobytes().hex(), [found.looked.photos[row].path for row in rows]
        for one in last_words(standing, paths, sha):
            for path in paths:
                if not spoken(standing, path, one):
                    made.setdefault(one.id, []).append(said_of(one, path))
    return made


def last_words(standing: Standing, paths: list[str], sha: str) -> list[Decision]:
    """What each person said last of photos with these bytes, and what was settled last."""
    last: dict[tuple[str, bool], Decision] = {}
    said = [one for path in paths for one in [*standing.of(path).values(), standing.adjudicated(path)] if one is not None]
    for one in sorted(said, key=lambda one: one.at):
        if one.sha256 in (None, sha):
            last["" if (ruled := one.how == "adjudicated") else one.who, ruled] = one
    return list(last.values())


def spoken(standing: Standing, path: str, one: Decision) -> bool:
    """Whether the same was said of a photo, or something else by the same person."""
    if one.how == "adjudicated":
        return standing.adjudicated(path) is not None
    return standing.said(path, one.who) is not None
