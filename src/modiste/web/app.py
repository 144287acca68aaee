"""The routes of version 1, and how they describe themselves in OpenAPI."""

from __future__ import annotations

import asyncio
import functools
import time
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from modiste import __version__
from modiste.data.opening.refusals import REASONS
from modiste.searching.index import Index
from modiste.serving.deciding import REJECT, WHY
from modiste.serving.labeller import PRECISION, Label
from modiste.web.bodies import Held, Piece, most_of, received
from modiste.web.desk import FAILED, Desk
from modiste.web.door import Door
from modiste.web.guard import AT_DESK, Guard, Log, Scope, State, to_log
from modiste.web.likeness import add_search
from modiste.web.limits import Limits, Refused, stopping
from modiste.web.metrics import Metrics
from modiste.web.refusing import refuse_in_words
from modiste.web.taking import all_of, check_request, pieces_of, too_big

COMING_SECONDS = 0.1  # that a request which was let in counts as one photo: one that drips is not to keep others out for longer
WORKING = ("/v1/label", "/v1/search")  # on photos
PATHS = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/model", *WORKING)
WORDS = {**REASONS, **WHY, FAILED: "the network gives values that are no numbers for it."}


@dataclass(frozen=True)
class PhotoLabel:
    """What was found out about one photo; one that cannot be read has no label, and a reason."""

    name: str | None  # of the file, as the form has it
    label: str | None
    confidence: float | None
    probabilities: dict[str, float]
    decision: str
    reason: str
    words: str  # the reason in words
    strangeness: float | None


@dataclass(frozen=True)
class Labels:
    """A label a photo, in order."""

    model: str
    precision: float
    photos: list[PhotoLabel]


@dataclass(frozen=True)
class Problem:
    """Why a request got no answer: in words, and as a word of a closed list."""

    error: str
    reason: str


@dataclass(eq=False)
class House:
    """All that the routes share."""

    desk: Desk
    limits: Limits
    precision: float
    metrics: Metrics
    state: State
    held: Held


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How OpenAPI is told of refusals."""
    return {status: {"model": Problem, "description": "Refused, in words."} for status in statuses}


EVERYWHERE = problems(400, 401, 403, 408, 413, 421, 500, 503)
ALSO_LABEL = problems(415, 422)


def body_of(most: int) -> dict[str, Any]:
    """How OpenAPI is told of a body with so many photos at most."""
    photo = {"type": "string", "format": "binary"}
    photos = {"type": "array", "items": photo, "minItems": 1, "maxItems": most}
    form = {"type": "object", "properties": {"photo": photos}, "required": ["photo"]}
    one = {kind: {"schema": photo} for kind in ("image/*", "application/octet-stream")}
    return {"required": True, "content": {"multipart/form-data": {"schema": form}, **one}}


def app_of(
    desk: Desk, door: Door, limits: Limits, *, precision: float = PRECISION, log: Log | None = to_log, index: Index | None = None
) -> tuple[Guard, House]:
    """The whole app, guarded, and what its routes share."""
    house = House(desk, limits, precision, Metrics(), State(), Held(limits.held_bytes))
    app = FastAPI(
        title="modiste",
        version=__version__,
        summary="Labels photos of fashion products.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=EVERYWHERE,
    )
    refuse_in_words(app, limits, "/openapi.json lists all paths and what they take.")
    add_state(app, house)
    add_model(app, house)
    add_label(app, house)
    if index is None:
        app.add_route("/v1/search", no_index, ["POST"], include_in_schema=False)
    else:
        add_search(app, house, index, ALSO_LABEL, body_of(1))
    describe(app, door)
    return Guard(app, door, limits, house.metrics, house.state, PATHS, functools.partial(admit, house), log), house


def describe(app: FastAPI, door: Door) -> None:
    """Put into OpenAPI what FastAPI cannot know: that refusals are JSON everywhere, and where a token is asked for."""
    told = app.openapi()
    for status, answer in told["paths"]["/metrics"]["get"]["responses"].items():
        if status != "200":
            answer["content"] = {"application/json": answer["content"].pop("text/plain")}
    if door.token is not None:
        told["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for path, methods in told["paths"].items():
            for method in methods.values():
                method["security"] = [] if path in door.open else [{"token": []}]


async def no_index(_request: Request) -> Response:
    """What there is in place of a search."""
    raise Refused("not_found", "this server has no index to search in: its option --index names one, which `modiste search` builds.")


def admit(house: House, scope: Scope) -> None:
    """Refuse photos that there is no room for; under overload this is what most requests come to, so that it costs little."""
    if scope["path"] in WORKING and scope["method"] == "POST":
        if house.state.stopping:
            raise stopping()
        house.desk.check()


def full(house: House) -> Refused | None:
    """The refusal of a request for labels where there is no room, counted; for connections to send before they take a request apart."""
    coming, now = house.state.coming, time.monotonic()
    while coming and coming[0] < now - COMING_SECONDS:
        coming.popleft()
    if house.state.stopping or house.desk.held + len(coming) < house.limits.queue:
        coming.append(now)
        return None
    house.metrics.request("/v1/label", "POST", 503)
    return house.desk.busy()


def add_state(app: FastAPI, house: House) -> None:
    """How the server is, for whoever watches over it."""

    @app.get("/healthz", summary="Whether the process answers.")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", summary="Whether it takes on photos.")
    async def readyz() -> dict[str, str]:
        if house.state.stopping or not house.state.ready:
            raise stopping()
        return {"status": "ready"}

    @app.get("/metrics", summary="Counts, for Prometheus.", response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        now = {
            "modiste_queue_photos": ("Photos that wait or are worked on.", float(house.desk.held)),
            "modiste_queue_limit_photos": ("How many may.", float(house.limits.queue)),
            "modiste_held_bytes": ("Bytes of requests in memory.", float(house.held.now)),
        }
        return PlainTextResponse(house.metrics.text(now), media_type="text/plain; version=0.0.4")


def add_model(app: FastAPI, house: House) -> None:
    """What answers."""

    @app.get("/v1/model", summary="The network's card, without its evidence, and this server's limits.")
    async def model() -> dict[str, Any]:
        card = house.desk.labeller.card.plain()
        card["evidence"] = card["evidence"] and {"photos": len(card["evidence"]["called"])}
        return {"model": house.desk.labeller.id, "card": card, "precision": house.precision, "limits": asdict(house.limits)}


def add_label(app: FastAPI, house: House) -> None:
    """The route that all is about."""
    usual = house.precision

    @app.post(
        "/v1/label",
        summary="A label for each photo: files of a form, or one photo as the body.",
        response_model=Labels,
        responses=ALSO_LABEL,
        openapi_extra={"requestBody": body_of(house.limits.photos)},
    )
    async def label(
        request: Request,
        precision: Annotated[
            float, Query(ge=0.01, lt=1, description="Share of the automatic labels that shall be right, a class.")
        ] = usual,
    ) -> Response:
        begun = time.monotonic()
        check_request(request, ("precision",))
        kind = request.headers.get("content-type", "")
        most, instead = most_of(kind, house.limits)
        async with received(request.receive, most, house.held, instead) as body:
            made = await labels_of(house, request, body, kind, precision)
        for one in made:
            house.metrics.photo(one.decision, one.reason)
        house.metrics.took(time.monotonic() - begun)
        return JSONResponse(asdict(Labels(house.desk.labeller.id, precision, made)))


async def labels_of(house: House, request: Request, body: bytearray, kind: str, precision: float) -> list[PhotoLabel]:
    """A label for each photo of a body; one larger than a photo may be is a row with that reason."""
    pieces = await pieces_of(body, kind, house.limits)
    usual = precision == house.precision
    find = house.desk.labeller.thresholds
    chosen = find(precision) if usual else await asyncio.to_thread(find, precision)
    fits = [len(piece.data) <= house.limits.photo_bytes for piece in pieces]
    wanted = [piece.data for piece, fit in zip(pieces, fits, strict=True) if fit]
    if house.state.coming:
        house.state.coming.popleft()
    request.scope[AT_DESK] = True
    answers = iter(await all_of(house.desk.take(wanted, chosen), request))
    return [row(piece, next(answers)) if fit else refused(piece, house.limits) for piece, fit in zip(pieces, fits, strict=True)]


def refused(piece: Piece, limits: Limits) -> PhotoLabel:
    """The row of a photo larger than this server takes, which may be less than is read from a disk."""
    return replace(row(piece, Label(None, None, {}, REJECT, "file_too_big")), words=too_big(limits))


def row(piece: Piece, label: Label) -> PhotoLabel:
    words = WORDS.get(label.reason, "")
    name = None if piece.name is None else piece.name[:255].encode("utf-8", "replace").decode()
    return PhotoLabel(name, label.label, label.confidence, label.probabilities, label.decision, label.reason, words, label.strangeness)
