"""Connections with a deadline for headers and a limit of number, which uvicorn leaves to others."""

from __future__ import annotations

import asyncio
import http
from collections.abc import Callable

from uvicorn.protocols.http.h11_impl import H11Protocol

from modiste.web.guard import EVERY_ANSWER, told
from modiste.web.limits import Limits, Refused

FULL = Refused("busy", "too many connections are open. Ask again in 2 s.", 2)
GARBLED = Refused("bad_request", "this is no HTTP request that can be understood.")


def protocol_of(limits: Limits) -> type[H11Protocol]:
    """The class of a server's connections."""
    waiting: dict[H11Protocol, Callable[[], None]] = {}  # those that wait for a request, the longest first

    class Connection(H11Protocol):
        """uvicorn's, closed where a request's headers or the reading of an answer take too long, however bytes come and go.

        Where there are too many, the one that has waited longest for a request makes room; where all are at work, the new one is told.
        """

        late: asyncio.TimerHandle | None = None
        stuck: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > limits.connections:
                if not waiting:
                    return self.say(FULL)
                next(iter(waiting.values()))()
            return self.wait()

        def wait(self) -> None:
            if self.late is None:
                self.late = self.loop.call_later(limits.header_seconds, self.give_up)
                waiting[self] = self.give_up

        def work(self) -> None:
            if self.late is not None:
                self.late.cancel()
                self.late = None
            waiting.pop(self, None)

        def give_up(self) -> None:
            self.work()
            self.transport.abort()

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
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self.stuck = self.stuck or self.loop.call_later(limits.body_seconds, self.transport.abort)

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
            if not (self.at_work() and self.cycle.response_started):
                self.transport.write(raw(refused))
            self.transport.close()

    return Connection


def raw(refused: Refused) -> bytes:
    """A refusal as it goes over the wire."""
    text, headers = told(refused)
    lines = [f"HTTP/1.1 {refused.status} {http.HTTPStatus(refused.status).phrase}".encode()]
    lines += [name + b": " + value for name, value in (*headers, *EVERY_ANSWER, (b"connection", b"close"))]
    return b"\r\n".join(lines) + b"\r\n\r\n" + text
