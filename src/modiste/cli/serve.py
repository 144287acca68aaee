"""The command that serves the labeller over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from modiste.cli.label import SHOWN, labeller_of
from modiste.cli.words import DATA
from modiste.records.errors import missing_extra

DOOR = Group("Who may ask", sort_key=2)
LIMITS = Group("How much at once", sort_key=3)


def serve(
    *,
    model: Annotated[
        Path | None, Parameter(group=DATA, help="A bundle, a run's folder, or an ONNX file; without it, modiste's own.")
    ] = None,
    precision: Annotated[
        float, Parameter(group=DATA, help="Share of the automatic labels that shall be right, where a request asks for no other.")
    ] = 0.95,
    classes: Annotated[str | None, Parameter(group=DATA, help="The classes of an ONNX file that does not say them, in order.")] = None,
    set: Annotated[
        tuple[str, ...],
        Parameter(name="--set", group=DATA, negative="", help=SHOWN),
    ] = (),
    index: Annotated[
        Path | None, Parameter(group=DATA, help="An index that `modiste search` built: POST /v1/search finds photos in it that look alike.")
    ] = None,
    host: Annotated[str, Parameter(group=DOOR, help="The address to listen at; one that others reach takes a token.")] = "127.0.0.1",
    port: Annotated[int, Parameter(group=DOOR, help="The port; 0 for any that is free.")] = 8000,
    token_file: Annotated[
        Path | None, Parameter(group=DOOR, help="A file with the token that requests must bring; or set MODISTE_TOKEN.")
    ] = None,
    name: Annotated[
        tuple[str, ...],
        Parameter(name="--name", group=DOOR, negative="", help="A name the server goes by beside its addresses: photos.shop.example."),
    ] = (),
    threads: Annotated[int, Parameter(group=LIMITS, help="Photos that are worked on at a time; 0 for one a processor.")] = 0,
    queue: Annotated[int, Parameter(group=LIMITS, help="Photos that wait or are worked on; more are told to come again.")] = 64,
    photos: Annotated[int, Parameter(group=LIMITS, help="Photos of one request.")] = 32,
    photo_mb: Annotated[int, Parameter(group=LIMITS, help="MB of one photo.")] = 32,
    request_mb: Annotated[int, Parameter(group=LIMITS, help="MB of one request.")] = 64,
    held_mb: Annotated[int, Parameter(group=LIMITS, help="MB of all requests in memory together.")] = 512,
    connections: Annotated[int, Parameter(group=LIMITS, help="Connections that may be open.")] = 1000,
    body_seconds: Annotated[float, Parameter(group=LIMITS, help="Seconds in which a request must have arrived whole.")] = 20,
    header_seconds: Annotated[float, Parameter(group=LIMITS, help="Seconds in which its headers must have arrived.")] = 10,
    stop_seconds: Annotated[float, Parameter(group=LIMITS, help="Seconds for what is at work when asked to stop.")] = 30,
    quiet: Annotated[bool, Parameter(group=LIMITS, negative="", help="Write no line a request to standard error.")] = False,
) -> None:
    """Answer over HTTP: POST /v1/label takes photos and gives a label each. /openapi.json describes all of it.

    Ctrl-C or SIGTERM has it finish what it has taken on, and ends with 0; a second one does not wait.
    """
    for package in ("fastapi", "uvicorn"):
        if find_spec(package) is None:
            raise missing_extra(package, "serve", "serving")
    from modiste.records.errors import UsageError
    from modiste.terminal import progress
    from modiste.web.door import Door, names_of, token_of
    from modiste.web.guard import to_log
    from modiste.web.limits import MEGABYTE, Limits

    if threads < 0:
        raise UsageError(f"--threads {threads}: must be 1 or more, or 0 for one a processor.")
    door = Door(host, names_of(name), token_of(token_file))
    mb = (photo_mb * MEGABYTE, photos, request_mb * MEGABYTE, held_mb * MEGABYTE)
    limits = Limits(
        *mb, queue=queue, connections=connections, header_seconds=header_seconds, body_seconds=body_seconds, stop_seconds=stop_seconds
    )
    with progress() as tell:
        labeller = labeller_of(model, classes, set, tell)
    from modiste.searching.index import as_it_stands
    from modiste.web.server import Asked, serve

    found = None if index is None else as_it_stands(index, index, labeller)

    def heard(address: str) -> None:
        also = "" if found is None else f" and {address}/v1/search"
        if labeller.shown:
            print(labeller.shown)
        print(f"{labeller.id} answers at {address}/v1/label{also}. Ctrl-C stops it.", flush=True)

    serve(labeller, Asked(door, port, limits, precision, threads, None if quiet else to_log, found), heard)


COMMANDS: tuple[Callable[..., None], ...] = (serve,)
