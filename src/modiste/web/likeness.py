"""The route that finds photos of an index that look alike."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response

from modiste.data.opening.refusals import REASONS
from modiste.records.errors import Damaged, UsageError
from modiste.searching.index import Asked, Index
from modiste.searching.nearest import unit
from modiste.web.bodies import most_of, received
from modiste.web.desk import FAILED, Bytes
from modiste.web.guard import AT_DESK, to_log
from modiste.web.limits import Refused
from modiste.web.taking import all_of, check_request, pieces_of, too_big

if TYPE_CHECKING:
    from modiste.web.app import House

MOST = 200
WORDLESS = "the network gives values that are no numbers for the photo."


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
        check_request(request, ("k", "label"))
        kind = request.headers.get("content-type", "")
        most, instead = most_of(kind, house.limits)
        async with received(request.receive, most, house.held, instead) as data:
            pieces = await pieces_of(data, kind, house.limits)
            if len(pieces) != 1:
                raise Refused("too_many_photos", "send one photo: this path finds what looks like it.")
            if len(pieces[0].data) > house.limits.photo_bytes:
                raise Refused("too_big", too_big(house.limits))
            request.scope[AT_DESK] = True
            (made,) = await all_of(house.desk.taken([pieces[0].data], lambda photo: like(house, index, photo, k, label)), request)
        return JSONResponse(asdict(made))


def like(house: House, index: Index, photo: Bytes, k: int, label: str | None) -> Likenesses:
    """What looks like a photo's bytes."""
    answers = house.desk.seen(photo)
    if isinstance(answers, str):
        raise Refused("not_a_photo", WORDLESS if answers == FAILED else f"{answers}: {REASONS[answers]}")
    code = int(answers.called[0])
    asked = Asked("", unit(answers.features[0]), index.labeller.classes.names[code], float(answers.confidence[0]))
    try:
        found = index.near(asked, k, label)
    except UsageError as error:
        raise Refused("bad_parameter", f"label: {error}") from error
    except Damaged as error:  # noticed where a vector is first read
        to_log(f"modiste: {error}")
        raise Refused("machine", "the index of this server is damaged; the server's log says where. Ask again in 60 s.", 60) from error
    photos = [Found(shown(one.path), one.similarity, one.label, one.confidence, [shown(copy) for copy in one.copies]) for one in found]
    return Likenesses(index.labeller.id, asked.label, asked.confidence, photos)


def shown(path: str) -> str:
    """A path as JSON can have it: bytes that are not UTF-8 are replaced."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
