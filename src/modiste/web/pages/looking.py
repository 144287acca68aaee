"""What lies beside the project: runs, studies and their reports; and the map of the photos."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import Response

from modiste.projects import beside
from modiste.projects.jobs import Jobs
from modiste.projects.mapping import map_of, mapped
from modiste.projects.studio import Studio
from modiste.web.guard import State
from modiste.web.limits import Refused
from modiste.web.pages.asking import found_of
from modiste.web.pages.talking import Talk, answer, answered, apart, who_of

REPORT = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups"
)


def add(app: FastAPI, studio: Studio, jobs: Jobs, _talk: Talk, _state: State) -> None:
    """Their routes."""

    @app.get("/api/map")
    async def points(request: Request) -> Response:
        found = found_of(studio, jobs)
        at_work = jobs.on_its_way("map")  # asked before the map is: one that is drawn meanwhile is there
        known = await apart(map_of, studio, found, who_of(request))
        if known is None and not at_work:
            if "again" in request.query_params and (why := jobs.failed("map")) is not None:  # begun anew only for whoever asks anew
                raise Refused("refused", why)
            jobs.add("map", lambda tell, stop: mapped(studio, tell, stop))
        return answer({"ready": known is not None, "classes": list(studio.classes.names), "points": known or []})

    @app.get("/api/runs")
    async def runs() -> Response:
        return await answered(beside.runs_and_studies, studio)

    @app.get("/api/findings")
    async def findings() -> Response:
        return await answered(beside.findings, studio)

    @app.get("/report/{name}")
    async def report(name: str) -> Response:
        page = await apart(beside.report, studio, name)
        if page is None:
            raise Refused("not_found", "there is no such report.")
        return Response(page, media_type="text/html", headers={"content-security-policy": REPORT})
