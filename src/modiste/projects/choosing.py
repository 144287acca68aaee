"""Which photos to show: the next ones to label, those that look alike, those that a filter leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from modiste.annotating.decisions import BAD, LABEL, UNSURE
from modiste.annotating.queues import Pool, ask
from modiste.projects.guesses import Guesses
from modiste.projects.studio import Studio
from modiste.records.errors import unknown
from modiste.records.labels import folded
from modiste.serving.deciding import DECISIONS

EVERY = 5  # photo that is asked about is of the honest sample, until that is labelled
Bools = NDArray[np.bool_]
Codes = NDArray[np.int64]
Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Wanted:
    """What somebody wants to label next."""

    by: str  # a word of QUEUES
    n: int
    who: str
    label: str | None = None  # guessed to be of this class
    skip: frozenset[str] = frozenset()  # ids that are before them already


def following(studio: Studio, found: Guesses, wanted: Wanted) -> list[int]:
    """The photos to label next, one of each group of copies: mostly those that the network learns most from, now and then one drawn."""
    heads, free = found.looked.heads, open_places(studio, found, wanted)
    if wanted.by != "random" or wanted.label is not None:  # a filter of guesses would tell the guess
        close(free, found, sample_rows(studio, found))
    free = unlent(studio, found, wanted, free)
    pool = Pool(probabilities_of(found, heads), found.looked.features[: len(heads)], free, labelled(studio, found, heads))
    places = ask(wanted.by, pool, wanted.n, 0 if wanted.by == "random" else len(studio.ledger.log))
    drawn = [] if wanted.by == "random" else drawn_next(studio, found, wanted)
    return lent(studio, found, wanted, mixed([int(heads[place]) for place in places.tolist()], drawn, wanted.n))


def unlent(studio: Studio, found: Guesses, wanted: Wanted, free: Bools) -> Bools:
    """Of the kept answers that may be asked about, those that are not before somebody else just now; where there is none, all of them."""
    left = free.copy()
    close(left, found, [found.by_path[path] for path in studio.before_others(wanted.who) if path in found.by_path])
    return left if left.any() else free


def lent(studio: Studio, found: Guesses, wanted: Wanted, rows: list[int]) -> list[int]:
    """The photos that are given to somebody; those of the honest sample are for everybody."""
    studio.lend((path for path in (found.looked.photos[row].path for row in rows) if not studio.is_sample(path)), wanted.who)
    return rows


def mixed(chosen: list[int], drawn: list[int], n: int) -> list[int]:
    """Every fifth of the drawn, the rest of the chosen, none twice."""
    rest, made = [row for row in chosen if row not in drawn], list[int]()
    while len(made) < n and (rest or drawn):
        takes_drawn = drawn and (len(made) % EVERY == EVERY - 1 or not rest)
        made.append((drawn if takes_drawn else rest).pop(0))
    return made


def probabilities_of(found: Guesses, heads: Codes) -> NDArray[np.float32]:
    """Of each kept answer, (M, K); of one that no photo has any more, nothing."""
    made: NDArray[np.float32] = np.where((heads >= 0)[:, None], found.probabilities[heads], 0)
    return made


def open_places(studio: Studio, found: Guesses, wanted: Wanted) -> Bools:
    """Which kept answers are of photos that may be asked about, (M,)."""
    heads, free = found.looked.heads, found.looked.heads >= 0
    if wanted.label is not None:
        free &= found.labels[heads] == studio.classes.code(wanted.label)
    close(free, found, [*spoken_of(studio, found), *(found.rows[name] for name in wanted.skip & found.rows.keys())])
    return free


def close(free: Bools, found: Guesses, rows: list[int]) -> None:
    """Have the kept answers of some photos be asked about no more."""
    places = found.looked.places[np.array(rows, np.int64)]
    free[places[places >= 0]] = False


def sample_rows(studio: Studio, found: Guesses) -> list[int]:
    """Rows of the honest sample: nothing is learnt from them, and whichever of them is labelled must not turn on the network."""
    places = found.by_path
    return [places[path] for path in studio.sample if path in places]


def blind(studio: Studio, found: Guesses, who: str) -> Codes:
    """Rows of the honest sample that somebody has not spoken of: what is guessed of them is not to be seen, by no filter either."""
    rows = [row for row in sample_rows(studio, found) if studio.standing.said(found.looked.photos[row].path, who) is None]
    return np.array(rows, np.int64)


def spoken_of(studio: Studio, found: Guesses) -> list[int]:
    """Rows of photos that somebody has spoken of."""
    places = found.by_path
    return [places[path] for path in studio.standing.photos() if path in places]


def labelled(studio: Studio, found: Guesses, heads: Codes) -> Codes:
    """The label of each kept answer's photo, (M,); -1 where there is none."""
    made = np.full(len(heads), -1)
    for row in spoken_of(studio, found):
        label = studio.standing.settled(found.looked.photos[row].path)
        if label is not None and found.looked.places[row] >= 0:
            made[found.looked.places[row]] = studio.classes.code(label)
    return made


def drawn_next(studio: Studio, found: Guesses, wanted: Wanted) -> list[int]:
    """Photos of the honest sample that this person has not spoken of, in the order in which they were drawn."""
    if wanted.label is not None:
        return []
    rows, places = found.by_path, found.looked.places
    out = {int(places[found.rows[name]]) for name in wanted.skip & found.rows.keys()} | {-1}
    chosen = list[int]()
    for row in (rows[path] for path in studio.drawn if path in rows and studio.standing.said(path, wanted.who) is None):
        if (place := int(places[row])) not in out:
            chosen.append(row)
            out.add(place)
    return chosen[: wanted.n]


def alike(studio: Studio, found: Guesses, wanted: Wanted) -> tuple[str | None, dict[str, int], list[int]]:
    """Photos that are guessed to be of one class and that nobody has spoken of: the class, what is left of each, and some."""
    by, label = wanted.by, wanted.label
    if by not in ("sure", "doubtful"):
        raise unknown("order", by, ("sure", "doubtful"))
    heads, free = found.looked.heads, open_places(studio, found, replace(wanted, label=None))
    close(free, found, sample_rows(studio, found))
    rows = heads[free]
    counts = np.bincount(found.labels[rows][found.labels[rows] >= 0], minlength=len(studio.classes))
    left = dict(zip(studio.classes.names, counts.tolist(), strict=True))
    code = studio.classes.code(label) if label is not None else int(counts.argmax()) if counts.any() else None
    if code is None:
        return None, left, []
    some = heads[unlent(studio, found, wanted, free & (heads >= 0) & (found.labels[heads] == code))]
    confidence = found.confidence[some]
    order = np.lexsort((some, -confidence if by == "sure" else confidence))
    return studio.classes.names[code], left, lent(studio, found, wanted, some[order][: wanted.n].tolist())


def those(
    studio: Studio,
    found: Guesses,
    who: str,
    *,
    lane: str | None = None,
    label: str | None = None,
    text: str | None = None,
    said: str | None = None,
    sort: str | None = None,
) -> Codes:
    """The rows of the photos that a filter leaves, in the order that was asked for."""
    order = entry("order", SORTS, sort or "doubt")(studio, found)
    left = np.ones(len(found), bool)
    if lane is not None:
        left &= found.decisions == entry("lane", {name: code for code, name in enumerate(DECISIONS)}, lane)
    if label is not None:
        left &= found.labels == studio.classes.code(label)
        left[blind(studio, found, who)] = False
    if text is not None:
        sought = folded(text)
        left &= np.array([sought in folded(one.path) for one in found.looked.photos], bool)
    if said is not None:
        left &= entry("filter", SAID, said)(studio, found, who)
    rows: Codes = order[left[order]]
    return rows


def entry(what: str, table: Mapping[str, Entry], name: str) -> Entry:
    """What a name stands for."""
    if name not in table:
        raise unknown(what, name, table)
    return table[name]


def rows_where(studio: Studio, found: Guesses, holds: Callable[[str], bool]) -> Bools:
    """Which photos that somebody has spoken of a condition holds for."""
    made = np.zeros(len(found), bool)
    rows = [row for row in spoken_of(studio, found) if holds(found.looked.photos[row].path)]
    made[rows] = True
    return made


def of_kind(kind: str) -> Callable[[Studio, Guesses, str], Bools]:
    """Photos of which this person, or another where they said nothing, says so."""

    def rows(studio: Studio, found: Guesses, who: str) -> Bools:
        def holds(path: str) -> bool:
            mine = studio.standing.said(path, who)
            return mine.kind == kind if mine else any(one.kind == kind for one in studio.standing.of(path).values())

        return rows_where(studio, found, holds)

    return rows


def corrected(studio: Studio, found: Guesses, _who: str) -> Bools:
    """Photos whose label, as people say, is not what the network guesses."""
    places = found.by_path

    def holds(path: str) -> bool:
        label = studio.standing.settled(path)
        return label is not None and found.labels[places[path]] != studio.classes.code(label)

    return rows_where(studio, found, holds)


def against_source(_studio: Studio, found: Guesses, _who: str) -> Bools:
    """Photos whose source speaks of another class than the network guesses."""
    own = np.array([one.own for one in found.looked.photos])
    made: Bools = (own >= 0) & (found.labels >= 0) & (own != found.labels)
    return made


def recent(studio: Studio, found: Guesses) -> Codes:
    """Those that were spoken of last come first."""
    newest = dict[str, int]()
    for number, one in enumerate(studio.standing.recent(4096)):
        newest.setdefault(one.photo, number)
    last = 4096
    return np.array(sorted(range(len(found)), key=lambda row: newest.get(found.looked.photos[row].path, last)), np.int64)


SAID: dict[str, Callable[[Studio, Guesses, str], Bools]] = {
    "any": lambda studio, found, _who: rows_where(studio, found, lambda _path: True),
    "none": lambda studio, found, _who: ~rows_where(studio, found, lambda _path: True),
    "label": of_kind(LABEL),
    "unsure": of_kind(UNSURE),
    "bad": of_kind(BAD),
    "conflict": lambda studio, found, _who: rows_where(studio, found, studio.standing.conflict),
    "replaced": lambda studio, found, _who: rows_where(studio, found, studio.is_replaced),
    "corrected": corrected,
    "disagrees": against_source,
}
SORTS: dict[str, Callable[[Studio, Guesses], Codes]] = {
    "doubt": lambda _studio, found: found.doubt,
    "path": lambda _studio, found: np.arange(len(found)),
    "strange": lambda _studio, found: np.argsort(-np.nan_to_num(found.looked.strangeness, nan=-np.inf), kind="stable"),
    "recent": recent,
}
