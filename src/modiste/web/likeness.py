"""The route that finds photos of an index that look alike."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response

from modiste.records.errors import UsageError
from modiste.searching.index import Asked, Index
from modiste.searching.nearest import unit
from modiste.web.bodies import SMALLER, photos_in, received
from modiste.web.desk import FAILED, Bytes
from modiste.web.guard import AT_DESK
from modiste.web.limits import Refused
from modiste.web.taking import all_of, check_request

if TYPE_CHECKING:
    from modiste.web.app import House

MOST = 200


@dataclass(frozen=True)
class Found:
    """A photo of the index: its path under the source, how much it looks alike (cosine, in [-1, 1]), what the network calls it."""

    path: str
    similarity: float
    label: str
    confidence: float
    copies: list[str]


@dataclass(frozen=True)
class Likenesses:
    """What the network calls the photo that was sent, and what looks like it, the most similar first."""

    model: str
    label: str
    confidence: float
    photos: list[Found]


def add_search(app: FastAPI, house: House, index: Index, responses: dict[int | str, dict[str, Any]], body: dict[str, Any]) -> None:
    """The route."""

    @app.post(
        "/v1/search",
        summary="Photos of the index that look like one: a file of a form, or the body.",
        response_model=Likenesses,
        responses=responses,
        openapi_extra={"requestBody": body},
    )
    async def search(
        request: Request,
        k: Annotated[int, Query(ge=1, le=MOST, description="How many.")] = 12,
        label: Annotated[str | None, Query(max_length=200, description="Those alone that the network calls so.")] = None,
    ) -> Response:
        begun = time.monotonic()
        check_request(request, ("k", "label"))
        kind = request.headers.get("content-type", "")
        async with received(request.receive, house.limits.photo_bytes, house.held, SMALLER) as data:
            pieces = photos_in(data, kind, house.limits)
            if len(pieces) != 1:
                raise Refused("too_many_photos", "send one photo: this path finds what looks like it.")
            request.scope[AT_DESK] = True
            (made,) = await all_of(house.desk.taken([pieces[0].data], lambda photo: like(house, index, photo, k, label)), request)
        house.metrics.took(time.monotonic() - begun)
        return JSONResponse(asdict(made))


def like(house: House, index: Index, photo: Bytes, k: int, label: str | None) -> Likenesses:
    """What looks like a photo's bytes."""
    answers = house.desk.seen(photo)
    if isinstance(answers, str):
        raise Refused("not_a_photo", f"the photo cannot be read: {'the network gives no numbers' if answers == FAILED else answers}.")
    code = int(answers.called[0])
    asked = Asked("", unit(answers.features[0]), index.labeller.classes.names[code], float(answers.confidence[0]))
    try:
        found = index.near(asked, k, label)
    except UsageError as error:
        raise Refused("bad_parameter", f"label: {error}") from error
    photos = [Found(shown(one.path), one.similarity, one.label, one.confidence, [shown(copy) for copy in one.copies]) for one in found]
    return Likenesses(index.labeller.id, asked.label, asked.confidence, photos)


def shown(path: str) -> str:
    """A path as JSON can have it: bytes that are not UTF-8 are replaced."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
