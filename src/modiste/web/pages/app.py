"""`modiste app` as one ASGI app: pages, JSON, photos, behind the same door and guard as the labeller."""

from __future__ import annotations

import functools

from fastapi import FastAPI

from modiste.projects.jobs import Jobs
from modiste.projects.studio import Studio
from modiste.web.bodies import Held
from modiste.web.door import Door
from modiste.web.guard import Guard, Log, Scope, State, to_log
from modiste.web.limits import Limits, stopping
from modiste.web.metrics import Metrics
from modiste.web.pages import asking, deciding, looking, shown, training
from modiste.web.pages.talking import Talk
from modiste.web.refusing import refuse_in_words

EVERY_PAGE = (
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; frame-src 'self'; "
        b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
OPEN_PAGES = ("/login", "/api/login", "/static/login.js", "/static/base.css", "/healthz")  # ask for no token
ROUTES = (shown.add, asking.add, deciding.add, training.add, looking.add)


def app_of(studio: Studio, jobs: Jobs, door: Door, limits: Limits, log: Log | None = to_log) -> tuple[Guard, State]:
    """The whole app, guarded, and what the server knows of itself."""
    state, talk = State(), Talk(limits, Held(limits.held_bytes), door)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    refuse_in_words(app, limits, frank=True)
    for add in ROUTES:
        add(app, studio, jobs, talk, state)
    return Guard(app, door, limits, Metrics(), state, (), functools.partial(admit, state), log, EVERY_PAGE, b"/login"), state


def admit(state: State, _scope: Scope) -> None:
    if state.stopping:
        raise stopping()
