"""Which photo next, many photos, one photo, and photos that look alike: what pages ask for."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import Response
from numpy.typing import NDArray

from modiste.data.opening.refusals import PhotoRefused
from modiste.projects import beside, choosing, views
from modiste.projects.guesses import Guesses
from modiste.projects.jobs import Jobs
from modiste.projects.nearest import near
from modiste.projects.seeing import heat_of, measures_of, said_of
from modiste.projects.studio import Studio
from modiste.web.bodies import SMALLER, photos_in, received
from modiste.web.guard import State
from modiste.web.limits import Refused
from modiste.web.pages.talking import Talk, answer, answered, number_of, text_of, who_of

MOST_PHOTOS, MOST_NEXT, MOST_NEAR, MOST_BRIEFS = 1000, 100, 200, 5000
NEIGHBOURS = 12  # beside a photo
MOST_SKIPPED = 6000  # characters of ids


def add(app: FastAPI, studio: Studio, jobs: Jobs, talk: Talk, _state: State) -> None:
    """Their routes."""

    @app.get("/api/queue")
    def queue(request: Request) -> Response:
        found, wanted = found_of(studio, jobs), wanted_of(request, "margin", 20)
        rows = choosing.following(studio, found, wanted)
        return answer({"by": wanted.by, "photos": [views.photo(studio, found, row, wanted.who) for row in rows]})

    @app.get("/api/grid")
    def grid(request: Request) -> Response:
        found, wanted = found_of(studio, jobs), wanted_of(request, "sure", 24)
        label, left, rows = choosing.alike(studio, found, wanted)
        return answer({"label": label, "left": left, "photos": [views.photo(studio, found, row, wanted.who) for row in rows]})

    @app.get("/api/photos")
    def photos(request: Request) -> Response:
        given, who, found = request.query_params, who_of(request), found_of(studio, jobs)
        offset, limit = number_of(given, "offset", 0), number_of(given, "limit", 200, 1, MOST_PHOTOS)
        make = functools.partial(those_of, given, studio, found, who)
        name = text_of(given, "list", None, 32)
        rows = make() if name is None else studio.lists.rows(who, name, found, make)
        some = [views.brief(studio, found, row, who) for row in rows[offset : offset + limit].tolist()]
        return answer({"total": len(rows), "offset": offset, "photos": some})

    @app.post("/api/briefs")
    async def briefs(request: Request) -> Response:
        ids = (await talk.json_of(request)).get("ids")
        if not isinstance(ids, list) or not len(ids) <= MOST_BRIEFS or not all(isinstance(one, str) for one in ids):
            raise Refused("bad_parameter", f"ids: a list of {MOST_BRIEFS} photos at most.")
        return await answered(briefs_of, studio, jobs, ids, who_of(request))

    @app.get("/api/photo/{photo}")
    def one(request: Request, photo: str) -> Response:
        found, row = row_of(studio, jobs, photo)
        who = who_of(request)
        path = found.looked.photos[row].path
        more = {"findings": beside.findings_on(studio, path), **measures_of(studio.source.root, path)}
        return answer({**views.photo(studio, found, row, who), **more, "neighbours": neighbours(studio, found, row, NEIGHBOURS, None, who)})

    @app.get("/api/heat/{photo}")
    def heat(photo: str) -> Response:
        found, row = row_of(studio, jobs, photo)
        return answer(heat_of(studio.labeller, studio.source.root, found.looked.photos[row].path))

    @app.get("/api/search")
    def like(request: Request) -> Response:
        given = request.query_params
        found, row = row_of(studio, jobs, text_of(given, "photo") or "")
        who, k = who_of(request), number_of(given, "k", 24, 1, MOST_NEAR)
        asked = views.photo(studio, found, row, who)
        return answer({"asked": asked, "neighbours": neighbours(studio, found, row, k, text_of(given, "label"), who)})

    @app.post("/api/search")
    async def dropped(request: Request) -> Response:
        given, kind = request.query_params, request.headers.get("content-type", "")
        async with received(request.receive, talk.limits.photo_bytes, talk.held, SMALLER) as body:
            pieces = photos_in(body, kind, talk.limits)
            if len(pieces) != 1:
                raise Refused("bad_request", "drop one photo at a time.")
            data = bytes(pieces[0].data)
        return await answered(like_dropped, studio, jobs, data, given, who_of(request))


def wanted_of(request: Request, usual: str, many: int) -> choosing.Wanted:
    """What somebody wants to label next: in which order, how many, guessed to be what, and what is before them already."""
    given = request.query_params
    skip = frozenset((text_of(given, "skip", "", MOST_SKIPPED) or "").split(","))
    by = text_of(given, "by", usual) or usual
    return choosing.Wanted(by, number_of(given, "n", many, 1, MOST_NEXT), who_of(request), text_of(given, "label"), skip)


def found_of(studio: Studio, jobs: Jobs) -> Guesses:
    """What the network in use says, once there is something; where it could not be asked, why."""
    found = studio.found
    why = jobs.failed("look") if found is None else None
    if why is not None and jobs.ends["look"].stopped:
        raise Refused("not_looked", "the first look at the photos was stopped. Press Look again on the page Home: it goes on from there.")
    if why is not None:
        raise Refused("not_looked", f"the photos could not be looked at: {why} When that is mended, press Look again on the page Home.")
    if found is None:
        raise Refused("not_yet", "the photos are being looked at for the first time. Ask again in 2 s.", 2)
    return found


def those_of(given: Mapping[str, str], studio: Studio, found: Guesses, who: str) -> NDArray[np.int64]:
    """The rows of the photos that a filter leaves."""
    rows = choosing.those(studio, found, who, **{name: text_of(given, name) for name in ("lane", "label", "text", "said", "sort")})
    if (kind := text_of(given, "finding")) is not None:
        paths = beside.paths_with(studio, kind)
        rows = rows[np.array([found.looked.photos[row].path in paths for row in rows.tolist()], bool)]
    return rows


def row_of(studio: Studio, jobs: Jobs, photo: str) -> tuple[Guesses, int]:
    """Where a photo stands."""
    found = found_of(studio, jobs)
    row = found.rows.get(photo)
    if row is None:
        raise Refused("not_found", "there is no such photo in this project (any more).")
    return found, row


def briefs_of(studio: Studio, jobs: Jobs, ids: list[str], who: str) -> dict[str, Any]:
    """Some photos in short, by their ids; those that are not there any more are left out."""
    found = found_of(studio, jobs)
    return {"photos": [views.brief(studio, found, found.rows[one], who) for one in ids if one in found.rows]}


def code_of(studio: Studio, label: str | None) -> int | None:
    return None if label is None else studio.classes.code(label)


def neighbours(studio: Studio, found: Guesses, row: int, k: int, label: str | None, who: str) -> list[dict[str, Any]]:
    """The photos that look most like one of the project."""
    place = int(found.looked.places[row])
    if place < 0 or not found.looked.width:
        return []
    out = np.append(unseen(studio, found, label, who), place)
    some = near(found, np.array(found.looked.features[place]), k, code_of(studio, label), out)
    return [views.neighbour(studio, found, one, who) for one in some]


def unseen(studio: Studio, found: Guesses, label: str | None, who: str) -> NDArray[np.int64]:
    """Kept answers of photos whose guess is not to be seen, where guesses are asked for."""
    places = found.looked.places[choosing.blind(studio, found, who) if label is not None else np.zeros(0, np.int64)]
    return places[places >= 0]


def like_dropped(studio: Studio, jobs: Jobs, data: bytes, given: Mapping[str, str], who: str) -> dict[str, Any]:
    """What a photo from elsewhere is called, where the network looks in it, and the photos that look most like it."""
    with studio.lock:  # another network may be put in use
        found, labeller = found_of(studio, jobs), studio.labeller
    try:
        asked, vector = said_of(labeller, data, studio.precision)
    except PhotoRefused as refused:
        raise Refused("not_a_photo", f"this is no photo that can be read: {refused.reason.replace('_', ' ')}.") from refused
    k = number_of(given, "k", 24, 1, MOST_NEAR)
    name = text_of(given, "label")
    some = near(found, vector, k, code_of(studio, name), unseen(studio, found, name, who)) if len(vector) else []
    return {"asked": asked, "neighbours": [views.neighbour(studio, found, one, who) for one in some]}
