"""Connections with a deadline for headers and a limit of number, which uvicorn leaves to others."""

from __future__ import annotations

import asyncio
import http
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from modiste.web.guard import EVERY_ANSWER, told
from modiste.web.limits import Limits, Refused

FULL = Refused("busy", "too many connections are open. Ask again in 2 s.", 2)
LABEL = b"POST /v1/label"
IDLE_SECONDS = 1.0  # before a connection that waits is ended to make room
LINGER_SECONDS = 2.0
GARBLED = Refused("bad_request", "this is no HTTP request that can be understood.")


@dataclass(eq=False)
class Room:
    """What the connections of a server share."""

    limits: Limits
    full: Callable[[], Refused | None] = lambda: None  # whether there is no room for photos
    waiting: dict[Connection, asyncio.TimerHandle] = field(default_factory=dict)  # for a request, the longest first, and their deadlines


class Connection(H11Protocol):
    """uvicorn's, closed where a request's headers or the reading of an answer take too long, however bytes come and go.

    Where there are too many, the one that has waited longest for a request makes room; where none waits, the new one is told.
    """

    def __init__(self, *asked: Any, room: Room, **more: Any) -> None:
        super().__init__(*asked, **more)
        self.room = room
        self.stuck: asyncio.TimerHandle | None = None  # ends it where an answer is not read
        self.linger: asyncio.TimerHandle | None = None  # ends it where its sender does not
        self.told = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.room.limits.connections and not self.make_room():
            self.say(FULL)
        else:
            self.wait()

    def make_room(self) -> bool:
        """Whether one was ended that had time to say what it wants."""
        longest, late = next(iter(self.room.waiting.items()), (None, None))
        if longest is None or late is None or late.when() - self.room.limits.header_seconds + IDLE_SECONDS > self.loop.time():
            return False
        longest.say(FULL)
        return True

    def wait(self) -> None:
        if self not in self.room.waiting:
            self.room.waiting[self] = self.loop.call_later(self.room.limits.header_seconds, self.transport.abort)

    def work(self) -> None:
        if late := self.room.waiting.pop(self, None):
            late.cancel()

    def data_received(self, data: bytes) -> None:
        if self.told:
            return
        if data.startswith(LABEL) and self in self.room.waiting and (refused := self.room.full()):
            self.say(refused)  # under overload most requests end here: what they cost is taken from those that are answered
        else:
            super().data_received(data)

    def handle_events(self) -> None:
        super().handle_events()
        if self.transport.is_closing() or self.at_work():
            self.work()
        else:
            self.wait()

    def at_work(self) -> bool:
        return bool(self.cycle) and not self.cycle.response_complete

    def on_response_complete(self) -> None:
        if not self.transport.is_closing():
            self.wait()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self.work()
        self.resume_writing()
        if self.linger is not None:
            self.linger.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.stuck = self.stuck or self.loop.call_later(self.room.limits.body_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.stuck is not None:
            self.stuck.cancel()
            self.stuck = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  (uvicorn's words)
        self.say(GARBLED)

    def say(self, refused: Refused) -> None:
        """A refusal without a request, and the end of the connection; nothing where an answer has begun."""
        if self.at_work():
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.at_work() and self.cycle.response_started:
            return self.transport.close()
        self.told = True  # what still comes is read and forgotten: a connection closed over it would be reset, and the words lost
        self.work()
        self.connections.discard(self)
        self.transport.write(raw(refused))
        self.transport.write_eof()
        self.linger = self.loop.call_later(LINGER_SECONDS, self.transport.close)
        return None


def raw(refused: Refused) -> bytes:
    """A refusal as it goes over the wire."""
    return wire(refused.reason, str(refused), refused.retry_seconds)


@lru_cache(256)  # under overload the same few go out by the thousand
def wire(reason: str, words: str, retry_seconds: int | None) -> bytes:
    refused = Refused(reason, words, retry_seconds)
    text, headers = told(refused)
    lines = [f"HTTP/1.1 {refused.status} {http.HTTPStatus(refused.status).phrase}".encode()]
    lines += [name + b": " + value for name, value in (*headers, *EVERY_ANSWER, (b"connection", b"close"))]
    return b"\r\n".join(lines) + b"\r\n\r\n" + text
