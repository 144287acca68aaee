"""Pages, what they are made of, and photos."""

from __future__ import annotations

import asyncio
import json
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

import jinja2
from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse

from modiste.data.opening.refusals import PhotoRefused
from modiste.projects.jobs import Jobs
from modiste.projects.state import state_of
from modiste.projects.studio import Studio
from modiste.projects.thumbnails import SIDES
from modiste.web.door import is_here
from modiste.web.guard import State
from modiste.web.limits import Refused
from modiste.web.pages.asking import row_of
from modiste.web.pages.talking import COOKIE_SECONDS, TOKEN_COOKIE, Talk, answer, answered, apart, number_of, plain, text_of, who_of

PAGES = {
    "/": "home",
    "/annotate": "annotate",
    "/grid": "grid",
    "/review": "review",
    "/train": "train",
    "/look": "look",
    "/search": "search",
}
KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".png": "image/png"}
NEWS_SECONDS, QUIET_SECONDS = 0.25, 15.0  # between events, at least and at most
FOREVER = {"cache-control": "private, max-age=31536000, immutable"}  # the address has the hash of what is shown
TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("modiste.web.pages", "templates"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
)


def add(app: FastAPI, studio: Studio, jobs: Jobs, talk: Talk, state: State) -> None:
    """Their routes."""
    door = talk.door
    for path, name in PAGES.items():
        app.add_api_route(path, page_route(studio, jobs, name, is_here(door.host)), methods=["GET"])

    @app.get("/healthz")
    async def healthz() -> Response:
        return answer({"status": "alive"})

    @app.get("/login")
    def login() -> Response:
        return Response(TEMPLATES.get_template("login.html").render(page="login"), media_type="text/html")

    @app.post("/api/login")
    async def enter(request: Request) -> Response:
        token = text_of(await talk.json_of(request), "token", "", 1000) or ""
        if not door.is_token(token.strip()):
            raise Refused("no_token", "this is not the token that the server was started with.")
        made = answer({"words": "Welcome."})
        keep_token(made, token.strip())
        return made

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        kind, place = KINDS.get(PurePosixPath(name).suffix), files("modiste.web.pages") / "static" / name
        if kind is None or "/" in name or name.startswith(".") or not place.is_file():
            raise Refused("not_found", "there is no such file.")
        return Response(place.read_bytes(), media_type=kind, headers={"cache-control": "no-cache"})

    @app.get("/photo/{photo}")
    def picture(request: Request, photo: str) -> Response:
        side = number_of(request.query_params, "side", 320)
        if side not in SIDES:
            raise Refused("bad_parameter", f"side = {side}: one of {', '.join(map(str, SIDES))}.")
        found, row = row_of(studio, jobs, photo)
        sha = found.looked.shas[row].tobytes()
        try:
            jpeg = studio.thumbnails.jpeg(studio.source.root, found.looked.photos[row].path, sha, side)
        except PhotoRefused as refused:
            raise Refused("not_found", f"this photo cannot be shown: {refused.reason.replace('_', ' ')}.") from refused
        fresh = request.query_params.get("v") == sha[:4].hex() and studio.thumbnails.has(sha, side)
        return Response(jpeg, media_type="image/jpeg", headers=FOREVER if fresh else {})

    @app.get("/api/state")
    async def state_now(request: Request) -> Response:
        return await answered(state_of, studio, jobs, who_of(request))

    @app.get("/api/events")
    async def events(request: Request) -> Response:
        return StreamingResponse(news(studio, jobs, who_of(request), state), media_type="text/event-stream")


def keep_token(made: Response, token: str) -> None:
    """Have a browser keep the token: in hexadecimal, for it would bring others' quotes back with it."""
    made.set_cookie(TOKEN_COOKIE, token.encode().hex(), max_age=COOKIE_SECONDS, httponly=True, samesite="strict", path="/")


def page_route(studio: Studio, jobs: Jobs, name: str, alone: bool) -> Any:
    async def page(request: Request) -> Response:
        now = plain(await apart(state_of, studio, jobs, who_of(request)))
        text = TEMPLATES.get_template(f"{name}.html").render(page=name, state=now, alone=alone)
        return Response(text.encode("utf-8", "replace"), media_type="text/html")

    return page


async def news(studio: Studio, jobs: Jobs, who: str, state: State) -> Any:
    """The state at each change, and now and then without one, until the server stops."""
    seen, quiet = -1, 0.0
    while not state.stopping:
        if studio.version != seen or quiet >= QUIET_SECONDS:
            seen, quiet = studio.version, 0.0
            now = plain(await apart(state_of, studio, jobs, who))
            yield f"event: state\ndata: {json.dumps(now)}\n\n".encode()
        await asyncio.sleep(NEWS_SECONDS)
        quiet += NEWS_SECONDS
