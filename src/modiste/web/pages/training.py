"""Networks of the project: learnt, compared, put in use."""

from __future__ import annotations

import functools
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response

from modiste.projects import views
from modiste.projects.choosing import blind
from modiste.projects.guesses import Guesses
from modiste.projects.jobs import Jobs
from modiste.projects.learning import differences, learnt_from_labels
from modiste.projects.project import Model
from modiste.projects.studio import Stop, Studio
from modiste.records.progress import Tell
from modiste.web.guard import State
from modiste.web.limits import Refused
from modiste.web.pages.asking import found_of
from modiste.web.pages.talking import Talk, answer, apart, number_of, text_of, who_of


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
        again = text_of(given, "again") is not None
        one, other = (said_by(studio, jobs, number, again) for number in (first, second))
        offset, limit = number_of(given, "offset", 0), number_of(given, "limit", 60, 1, 500)
        became = (text_of(given, "from"), text_of(given, "to"))
        return answer(compared(studio, (first, one), (second, other), became, slice(offset, offset + limit), who_of(request)))


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


def said_by(studio: Studio, jobs: Jobs, number: int, again: bool = False) -> Guesses:
    """What a network says of all photos; where it was not asked about them yet, it is asked now, and whoever wants to know comes `again`.

    Whoever comes again hears why it failed; it is begun anew only for who asks anew.
    """
    if number == studio.models.in_use:
        return found_of(studio, jobs)
    if (known := studio.said_by(number)) is not None:
        return known
    if again and (why := jobs.failed("compare")) is not None:
        raise Refused("refused", f"the networks were not compared: {why} Press Compare to begin anew.")

    def ask(tell: Tell, stop: Stop) -> str:
        studio.look_with(number, tell, stop)
        return f"Network {number} was asked about all photos."

    jobs.add("compare", ask)
    raise Refused("not_yet", f"network {number} is being asked about all photos. Ask again in 2 s.", 2)


def compared(
    studio: Studio,
    first: tuple[int, Guesses],
    second: tuple[int, Guesses],
    became: tuple[str | None, str | None],
    some: slice,
    who: str,
) -> dict[str, Any]:
    """Where two networks differ, some of the photos side by side; `became` leaves those where one guess became another.

    Photos of the honest sample that `who` has not spoken of are counted, and not shown: either guess would tell.
    """
    (a, one), (b, other) = first, second
    found, names = differences(one, other), studio.classes.names
    wanted = [None if name is None else studio.classes.code(name) for name in became]
    sides = [(row, other.by_path[one.looked.photos[row].path]) for row in found.rows]
    hidden = set(blind(studio, one, who).tolist())
    sides = [(row, there) for row, there in sides if row not in hidden]
    left = [(row, there) for row, there in sides if wanted[0] in (None, one.labels[row]) and wanted[1] in (None, other.labels[there])]
    photos = [
        {**views.brief(studio, one, row, who), "a": side(names, one, row), "b": side(names, other, there)} for row, there in left[some]
    ]
    pairs = [{"from": names[was], "to": names[now], "n": many} for was, now, many in found.pairs]
    more = {"total": len(left), "offset": some.start, "photos": photos}
    return {"a": a, "b": b, "differ": len(found.rows), "same": found.same, "pairs": pairs, **more}


def side(names: tuple[str, ...], found: Guesses, row: int) -> dict[str, Any]:
    return {"label": names[found.labels[row]], "confidence": views.number(found.confidence[row])}
