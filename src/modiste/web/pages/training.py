"""Networks of the project: learnt, compared, put in use."""

from __future__ import annotations

import functools
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response

from modiste.projects import views
from modiste.projects.guesses import Guesses
from modiste.projects.jobs import Jobs
from modiste.projects.learning import differences, learnt_from_labels
from modiste.projects.project import Model
from modiste.projects.studio import Stop, Studio
from modiste.records.progress import Tell
from modiste.web.guard import State
from modiste.web.limits import Refused
from modiste.web.pages.asking import found_of
from modiste.web.pages.talking import Talk, answer, apart, number_of, who_of


def add(app: FastAPI, studio: Studio, jobs: Jobs, talk: Talk, _state: State) -> None:
    """Their routes."""

    @app.get("/api/models")
    def models() -> Response:
        return answer({"models": [shown(studio, model) for model in studio.models.models], "in_use": studio.models.in_use})

    @app.post("/api/train")
    async def train(request: Request) -> Response:
        await talk.json_of(request)
        started = jobs.add("train", functools.partial(learnt_from_labels, studio))
        return answer({"started": started, "words": "" if started else "A training is on its way already."})

    @app.post("/api/look")
    async def look(request: Request) -> Response:
        await talk.json_of(request)
        return answer({"started": jobs.add("look", studio.look)})

    @app.post("/api/stop")
    async def stop(request: Request) -> Response:
        await talk.json_of(request)
        jobs.stop()
        return answer({"words": "It stops soon; what is done is kept."})

    @app.post("/api/promote")
    async def promote(request: Request) -> Response:
        number = number_of(await talk.json_of(request), "number", -1)
        await apart(studio.promote, number)
        jobs.add("look", studio.look)
        return answer({"in_use": studio.models.in_use})

    @app.get("/api/compare")
    def compare(request: Request) -> Response:
        given = request.query_params
        first, second = number_of(given, "a", studio.models.in_use), number_of(given, "b", -1)
        one, other = said_by(studio, jobs, first), said_by(studio, jobs, second)
        offset, limit = number_of(given, "offset", 0), number_of(given, "limit", 60, 1, 500)
        return answer(compared(studio, (first, one), (second, other), offset, limit, who_of(request)))


def shown(studio: Studio, model: Model) -> dict[str, Any]:
    """A network as a page shows it."""
    return {
        "number": model.number,
        "name": "The one it began with" if model.file is None else f"Network {model.number}",
        "id": model.id,
        "made": model.made,
        "labels": model.labels,
        "verdict": model.verdict,
        "words": list(model.words),
        "in_use": model.number == studio.models.in_use,
    }


def said_by(studio: Studio, jobs: Jobs, number: int) -> Guesses:
    """What a network says of all photos; where it was not asked yet, it is asked now, and whoever wants to know comes again."""
    model = studio.models[number]
    if number == studio.models.in_use:
        return found_of(studio)
    with studio.lock:
        if number not in studio.others and (before := studio.before(studio.project.labeller(model))) is not None:
            studio.others[number] = before
    if number in studio.others:
        return studio.others[number]

    def ask(tell: Tell, stop: Stop) -> str:
        studio.look_with(number, tell, stop)
        return f"Network {number} was asked about all photos."

    jobs.add("compare", ask)
    raise Refused("not_yet", f"network {number} is being asked about all photos. Ask again in 2 s.", 2)


def compared(studio: Studio, first: tuple[int, Guesses], second: tuple[int, Guesses], offset: int, limit: int, who: str) -> dict[str, Any]:
    """Where two networks differ, the photos side by side."""
    (a, one), (b, other) = first, second
    found, names = differences(one, other), studio.classes.names
    photos = []
    for row in found.rows[offset : offset + limit]:
        there = other.by_path[one.looked.photos[row].path]
        sides = {"a": side(names, one, row), "b": side(names, other, there)}
        photos.append({**views.brief(studio, one, row, who), **sides})
    pairs = [{"from": names[left], "to": names[right], "n": many} for left, right, many in found.pairs]
    return {"a": a, "b": b, "differ": len(found.rows), "same": found.same, "pairs": pairs, "offset": offset, "photos": photos}


def side(names: tuple[str, ...], found: Guesses, row: int) -> dict[str, Any]:
    return {"label": names[found.labels[row]], "confidence": views.number(found.confidence[row])}
