"""The command that opens a project as pages: label, review, train, compare, search."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from modiste.cli.serve import DOOR
from modiste.cli.words import DATA
from modiste.records.errors import UsageError, missing_extra

PACKAGES = ("fastapi", "uvicorn", "jinja2", "scipy", "threadpoolctl")


def app(
    project: Annotated[
        Path | None, Parameter(group=DATA, help="A project, or photos to begin one with: a folder, an archive, a table that names them.")
    ] = None,
    /,
    *,
    photos: Annotated[
        Path | None, Parameter(group=DATA, help="The photos of a project that does not begin beside them, or where they are now.")
    ] = None,
    model: Annotated[Path | None, Parameter(group=DATA, help="The bundle to begin with; without it, modiste's own.")] = None,
    classes: Annotated[
        str | None, Parameter(group=DATA, help="The classes to label with, 'Hats, Gloves'; without it, those of the bundle.")
    ] = None,
    format: Annotated[str | None, Parameter(group=DATA, help="The layout of the photos' labels, where it cannot be seen.")] = None,
    precision: Annotated[
        float, Parameter(group=DATA, help="Share of the automatic labels that shall be right: the others are for people.")
    ] = 0.95,
    runs: Annotated[Path, Parameter(group=DATA, help="The folder of runs and studies to look at.")] = Path("runs"),
    audit: Annotated[Path | None, Parameter(group=DATA, help="The folder of an audit of these photos; audit/NAME when left away.")] = None,
    rescue: Annotated[
        bool, Parameter(group=DATA, negative="", help="First begin a damaged log of decisions anew, with all that can still be read of it.")
    ] = False,
    browser: Annotated[bool, Parameter(group=DOOR, help="Open the page in a browser.")] = True,
    host: Annotated[str, Parameter(group=DOOR, help="The address to listen at; one that others reach takes a token.")] = "127.0.0.1",
    port: Annotated[int, Parameter(group=DOOR, help="The port; 0 for any that is free.")] = 8400,
    token_file: Annotated[
        Path | None, Parameter(group=DOOR, help="A file with the token that opens the pages; or set MODISTE_TOKEN.")
    ] = None,
    name: Annotated[
        tuple[str, ...],
        Parameter(name="--name", group=DOOR, negative="", help="A name the server goes by beside its addresses: photos.shop.example."),
    ] = (),
    log: Annotated[bool, Parameter(group=DOOR, negative="", help="Write a line a request to standard error.")] = False,
) -> None:
    """Open photos as pages in a browser: label them, review what was labelled, train, compare, search.

    What is said of photos stands in photos.project beside photos, on the disk before the page says so. Ctrl-C ends it; the same command
    goes on.
    """
    for package in PACKAGES:
        if find_spec(package) is None:
            raise missing_extra(package, "app", "modiste app")
    from modiste.annotating.rescue import rescued
    from modiste.projects.beside import usual_audit
    from modiste.projects.project import DECISIONS, about_in, project_at
    from modiste.records.labels import Classes
    from modiste.serving.deciding import check_precision
    from modiste.web.door import Door, names_of, token_of
    from modiste.web.guard import to_log
    from modiste.web.pages.app import OPEN_PAGES
    from modiste.web.pages.server import serve_app
    from modiste.web.pages.talking import TOKEN_COOKIE
    from modiste.web.server import Asked

    check_precision(precision)
    door = Door(host, names_of(name), token_of(token_file), TOKEN_COOKIE, OPEN_PAGES)
    place = project or here()
    folder = project_at(place, photos=photos, model=model, classes=Classes.parse(classes) if classes else None, format=format)
    if rescue:
        found = rescued(folder / DECISIONS)
        print("Nothing is wrong with the log of decisions." if found is None else found.words, flush=True)
    beside = audit or usual_audit(Path(about_in(folder).source))

    def heard(address: str) -> None:
        print(f"{folder} is open at {address}. Ctrl-C closes it.", flush=True)
        if browser:
            webbrowser.open(address)

    serve_app(folder, Asked(door, port, precision=precision, log=to_log if log else None), heard, runs=runs, audit=beside)


def here() -> Path:
    """The one project of the folder that the command is given in."""
    found = sorted(one for one in Path().glob("*.project") if one.is_dir())
    if len(found) != 1:
        some = f"There are {len(found)} here: {', '.join(one.name for one in found[:5])}." if found else "There is none here."
        raise UsageError(f"which project? {some} Name one, or a folder of photos to begin with: `modiste app photos/`.")
    return found[0]


COMMANDS: tuple[Callable[..., None], ...] = (app,)
