"""`modiste app` from its first page to its last: a project opened, served, and closed with nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from modiste.projects.project import opened
from modiste.projects.studio import studio
from modiste.web.guard import to_log
from modiste.web.pages.app import app_of
from modiste.web.server import Asked, Hand, listening, run

Heard = Callable[[str], None]


def serve_app(
    folder: Path, asked: Asked, hear: Heard, *, runs: Path | None = None, audit: Path | None = None, hand: Hand | None = None
) -> None:
    """Serve the pages of the project in a folder until asked to stop; `hear` is given the address once they are there."""
    with (
        listening(asked) as at,
        opened(folder) as project,
        studio(project, to_log, asked.precision, runs, audit) as (made, jobs),
    ):
        app, state = app_of(made, jobs, asked.door, asked.limits, asked.log)
        run(app, at, asked, state, hear, hand)
