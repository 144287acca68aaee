"""What every route that works on photos does: look at the request's headers, and wait as long as its sender does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future

from fastapi import Request

from modiste.web.bodies import SMALLER, Piece, is_form, photos_in
from modiste.web.desk import Made
from modiste.web.limits import MEGABYTE, Limits, Refused


def check_request(request: Request, parameters: Sequence[str]) -> None:
    """Refuse by its headers what cannot be photos."""
    if unknown := sorted(set(request.query_params) - set(parameters)):
        raise Refused("bad_parameter", f"there is no parameter {unknown[0][:40]!r}. There is: {', '.join(parameters)}.")
    if twice := [name for name in parameters if len(request.query_params.getlist(name)) > 1]:
        raise Refused("bad_parameter", f"{twice[0]} is given more than once. Give it once.")
    kinds = request.headers.getlist("content-type")
    kind = kinds[0].partition(";")[0].strip().lower() if len(kinds) == 1 else ""
    if not (kind in ("multipart/form-data", "application/octet-stream") or kind.startswith("image/")):
        raise Refused("not_a_photo", "send photos as files of a form (multipart/form-data), or one as the body (image/jpeg ...).")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused("not_a_photo", "the body is compressed (Content-Encoding). Send the photo's bytes as they are.")


async def pieces_of(body: bytearray, kind: str, limits: Limits) -> list[Piece]:
    """The photos of a body; forms are taken apart in a thread, which would cost more than a photo that is alone does."""
    return await asyncio.to_thread(photos_in, body, kind, limits) if is_form(kind) else photos_in(body, kind, limits)


def too_big(limits: Limits) -> str:
    """What is said of a photo that is larger than one may be."""
    return f"this server takes {limits.photo_bytes / MEGABYTE:g} MB of one photo. {SMALLER}"


async def all_of(futures: list[Future[Made]], request: Request) -> list[Made]:
    """What comes of all, as long as somebody waits for it: photos whose sender has gone leave the queue."""
    work = asyncio.gather(*map(asyncio.wrap_future, futures))
    gone = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise Refused("gone", "nobody waits for the answer any more.")
        return work.result()
    finally:
        gone.cancel()
        cancel(futures)


def cancel(futures: list[Future[Made]]) -> None:
    for future in futures:
        future.cancel()
