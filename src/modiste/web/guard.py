"""What stands around every route: the door, the deadline, the headers of every answer, errors in words, the count and the log."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from modiste.web.bodies import Incoming, Message, Receive
from modiste.web.door import Door
from modiste.web.limits import Limits, Refused, stopping
from modiste.web.metrics import Metrics

Scope = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Log = Callable[[str], None]
INCOMING = "modiste.incoming"  # where a route finds the `Incoming` of its request
AT_DESK = "modiste.at_desk"  # stands there once its photos are
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
EVERY_ANSWER = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
MISTAKE = "modiste made a mistake of its own; the server's log says which. The photo may be sent again."


def to_log(line: str) -> None:
    """A line on standard error, which may be gone."""
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)


@dataclass(eq=False)
class State:
    """What a running server knows of itself."""

    ready: bool = False
    stopping: bool = False
    coming: deque[float] = field(default_factory=deque)  # when requests were let in whose photos are not at the desk yet
    unanswered: int = 0  # requests that were at work when nobody waited any longer


@dataclass(eq=False)
class Guard:
    """An ASGI app around another."""

    app: App
    door: Door
    limits: Limits
    metrics: Metrics
    state: State
    paths: tuple[str, ...]  # that there are: any other is counted as one
    admit: Callable[[Scope], None]  # refuses what there is no room for before anything of it is read
    log: Log | None = to_log  # None: no line a request
    headers: Sequence[tuple[bytes, bytes]] = EVERY_ANSWER  # of every answer that does not have its own
    login: bytes = b""  # where a browser that brings no token is sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        begun = time.monotonic()
        body = Incoming(receive, asyncio.get_running_loop().time() + self.limits.body_seconds)
        answer, scope[INCOMING] = Outgoing(send, self.headers), body
        try:
            await self.answer(scope, body, answer)
        except asyncio.CancelledError:  # the server was asked to stop, and has waited long enough
            self.state.unanswered += 1
            await answer.refuse(stopping())
        finally:
            if self.state.coming and scope["path"] == "/v1/label" and AT_DESK not in scope:
                self.state.coming.popleft()
            self.note(scope, answer.status, time.monotonic() - begun)

    async def answer(self, scope: Scope, body: Incoming, answer: Outgoing) -> None:
        try:
            self.door.check(scope["path"], scope["headers"])
            self.admit(scope)
            await self.app(as_get(scope), body.receive, answer.send)
        except Refused as refused:
            await settle(body, scope, self.limits)
            if refused.reason == "no_token" and self.login and wants_a_page(scope):
                await answer.lead_to(self.login + b"?to=" + asked_for(scope))
            else:
                await answer.refuse(refused)
        except Exception:
            to_log(traceback.format_exc())
            await answer.refuse(Refused("our_mistake", MISTAKE))

    def note(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request and write its line: never a name, a query or anything of a photo."""
        path, method = scope["path"], scope["method"]
        self.metrics.request(path if path in self.paths else "other", method if method in METHODS else "other", status)
        if self.log is not None:
            client = (scope.get("client") or ("-",))[0]
            raw = scope["raw_path"].decode("ascii", "replace")[:200]
            self.log(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {client} {method[:20]} {raw} {status} {1000 * seconds:.0f} ms")


def as_get(scope: Scope) -> Scope:
    """A HEAD is answered as a GET would be; the connection, which knows what it was, sends no content (RFC 9110, 9.3.2)."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope


def wants_a_page(scope: Scope) -> bool:
    """Whether a browser asks for something to show."""
    return scope["method"] == "GET" and any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def asked_for(scope: Scope) -> bytes:
    """The address that a request is for, as a part of another one."""
    query = scope["query_string"]
    return quote(scope["raw_path"] + (b"?" + query if query else b""), safe="/").encode()


async def settle(body: Incoming, scope: Scope, limits: Limits) -> None:
    """Read on what is sent anyway, or a refused sender may never come to read why."""
    if not any(name == b"expect" for name, _ in scope["headers"]):
        await body.discard(limits.request_bytes)


@dataclass(eq=False)
class Outgoing:
    """An answer on its way, with the headers that every answer has, where it has not its own."""

    send_: Send
    headers: Sequence[tuple[bytes, bytes]] = EVERY_ANSWER
    status: int = 0  # 0: nothing was answered yet

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = list(message.get("headers", ()))
            names = {name.lower() for name, _ in own}
            message["headers"] = [*own, *(header for header in self.headers if header[0] not in names)]
        await self.send_(message)

    async def lead_to(self, path: bytes) -> None:
        """Send a browser to another page."""
        await self.send({"type": "http.response.start", "status": 303, "headers": [(b"location", path), (b"content-length", b"0")]})
        await self.send({"type": "http.response.body", "body": b""})

    async def refuse(self, refused: Refused) -> None:
        if self.status:  # too late for words
            return
        text, headers = told(refused)
        await self.send({"type": "http.response.start", "status": refused.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": text})


def told(refused: Refused) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """A refusal as JSON and its headers."""
    text = json.dumps(refused.plain()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(text)).encode())]
    if refused.retry_seconds is not None:
        headers.append((b"retry-after", str(refused.retry_seconds).encode()))
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refused.reason in ("too_slow", "stopping"):
        headers.append((b"connection", b"close"))
    return text, headers
