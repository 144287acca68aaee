"""How pages and server talk: JSON in, JSON out, refusals in words."""

from __future__ import annotations

import asyncio
import functools
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from modiste.web.bodies import Held, received
from modiste.web.door import Door
from modiste.web.limits import Limits, Refused

MOST_JSON_BYTES = 4_000_000
WHO, WHO_COOKIE, TOKEN_COOKIE = "me", "modiste_who", "modiste_token"
COOKIE_SECONDS = 365 * 24 * 3600
Json = dict[str, Any]


@dataclass(frozen=True)
class Talk:
    """What every route needs: limits, and the count of bytes in memory."""

    limits: Limits
    held: Held
    door: Door

    async def json_of(self, request: Request) -> Json:
        """The object of a request's body; a form of another site cannot send one without asking first."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refused("not_json", "send JSON, with the header Content-Type: application/json.")
        async with received(request.receive, MOST_JSON_BYTES, self.held, "Send it in parts.") as body:
            try:
                value = json.loads(bytes(body) or b"{}")
            except (ValueError, RecursionError) as error:
                raise Refused("bad_request", f"the body is no JSON ({str(error)[:100]}).") from error
        if not isinstance(value, dict):
            raise Refused("bad_request", "the body must be an object of JSON: {...}.")
        return value


def answer(value: Any, status: int = 200) -> Response:
    """A value as JSON; names that are not UTF-8 are shown as well as can be, and what is no number is null."""
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text.encode("utf-8", "replace"), status, media_type="application/json")


def plain(value: Any) -> Any:
    """The value without what JSON has not."""
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


async def answered(work: Callable[..., Any], *given: Any, **named: Any) -> Response:
    """What work gives, as JSON: both are made in a thread, while others are answered."""
    made: Response = await apart(lambda: answer(work(*given, **named)))
    return made


async def apart(work: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Work that takes a while, in a thread, while others are answered."""
    return await asyncio.to_thread(functools.partial(work, *given, **named))


def text_of(given: Mapping[str, Any], name: str, default: str | None = None, most: int = 400) -> str | None:
    """A text of a request, or None where it is left out."""
    value = given.get(name)
    if value is None or value == "":
        return default
    if not isinstance(value, str) or len(value) > most:
        raise Refused("bad_parameter", f"{name}: a text of {most} characters or fewer.")
    return value


def number_of(given: Mapping[str, Any], name: str, default: int, least: int = 0, most: int = 1_000_000_000) -> int:
    """A whole number of a request."""
    value = given.get(name)
    if value is None or value == "":
        return default
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise Refused("bad_parameter", f"{name} = {str(value)[:40]!r}: a whole number.") from error
    if isinstance(value, bool | float) or not least <= number <= most:
        raise Refused("bad_parameter", f"{name} = {str(value)[:40]}: a whole number from {least} to {most}.")
    return number


def who_of(request: Request) -> str:
    """Who sits before the page, as they said themselves."""
    try:
        return bytes.fromhex(request.cookies.get(WHO_COOKIE, "")).decode() or WHO
    except ValueError:
        return WHO
