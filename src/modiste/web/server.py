"""A server from its first photo to its last: listening, serving, and stopping with nothing lost."""

from __future__ import annotations

import asyncio
import functools
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import uvicorn

from modiste.records.errors import MachineError, Stopped, UsageError
from modiste.searching.index import Index
from modiste.serving.labeller import PRECISION, Labeller
from modiste.web.app import app_of, full
from modiste.web.connections import Connection, Room
from modiste.web.desk import Desk
from modiste.web.door import Door
from modiste.web.guard import Log, State, to_log
from modiste.web.limits import Limits, Refused

BACKLOG = 512  # connections that the system holds until they are taken
FILES = 256  # that a server opens beside its connections
Heard = Callable[[str], None]
Full = Callable[[], Refused | None]


@dataclass(frozen=True)
class Asked:
    """What a server is asked to be."""

    door: Door = field(default_factory=Door)
    port: int = 8000  # 0: any that is free
    limits: Limits = field(default_factory=Limits)
    precision: float = PRECISION
    threads: int = 0  # photos at once; 0: one a processor
    log: Log | None = to_log
    index: Index | None = None  # of photos that are found by likeness


class Listener(uvicorn.Server):
    """uvicorn's server, which is stopped by SIGTERM or Ctrl-C, or at once by the second of them."""

    def __init__(self, config: uvicorn.Config, state: State) -> None:
        super().__init__(config)
        self.state, self.signal = state, 0

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():  # only there can signals be heard
            yield
            return
        before = {number: signal.signal(number, self.stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def stop(self, number: int = 0, _frame: FrameType | None = None) -> None:
        """Take on nothing new; asked again, wait for nothing."""
        self.force_exit = self.force_exit or self.should_exit
        self.should_exit = self.state.stopping = True
        self.signal = number


Hand = Callable[[Listener], None]


def serve(labeller: Labeller, asked: Asked, hear: Heard, hand: Hand | None = None) -> None:
    """Label over HTTP until asked to stop (`run`)."""
    with listening(asked) as at:
        desk = Desk(labeller, asked.limits.queue, asked.threads)
        try:
            labeller.thresholds(asked.precision)  # says what is wrong with it
            desk.open()
            app, house = app_of(desk, asked.door, asked.limits, precision=asked.precision, log=asked.log, index=asked.index)
            run(app, at, asked, house.state, hear, hand, functools.partial(full, house))
        finally:
            desk.close()


@contextmanager
def listening(asked: Asked) -> Iterator[socket.socket]:
    """A socket that listens while the block runs, in a process that may have as many connections as were asked for."""
    at = listen(asked.door.host, asked.port)
    try:
        allow_files(asked.limits.connections + FILES)
        yield at
    finally:
        at.close()


def run(app: Any, at: socket.socket, asked: Asked, state: State, hear: Heard, hand: Hand | None, full: Full = lambda: None) -> None:
    """Serve an app until asked to stop; `hear` is given the address once it answers, `hand` the server.

    What was taken on is finished; where that takes longer than `limits.stop_seconds`, or somebody cannot wait, `Stopped` says so.
    """
    server = Listener(config_of(app, asked.limits, Room(asked.limits, full)), state)
    if hand is not None:
        hand(server)
    state.ready = True
    hear(address_of(asked.door.host, at))
    asyncio.run(server.serve([at]))
    if state.unanswered:
        words = f"{state.unanswered} requests were not answered: that took too long, or nobody could wait."
        raise Stopped(words, 128 + (server.signal or signal.SIGTERM))


def config_of(app: Any, limits: Limits, room: Room) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=functools.partial(Connection, room=room),  # type: ignore[arg-type]  # makes one
        loop="asyncio",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=limits.header_bytes,
        timeout_keep_alive=max(1, int(limits.header_seconds)),
        timeout_graceful_shutdown=max(1, round(limits.stop_seconds)),
        backlog=BACKLOG,
    )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens, or why there is none."""
    if not 0 <= port <= 65535:
        raise UsageError(f"--port {port}: a port is 1 to 65535, or 0 for any that is free.")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise UsageError(f"--host {host}: this machine has no such address ({error}).") from error
    made = socket.socket(family, kind)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        raise MachineError(f"{host} port {port}: {error.strerror}. Give another with --port, or 0 for any that is free.") from error
    return made


def address_of(host: str, listening: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listening.getsockname()[1]}"


def allow_files(wanted: int) -> None:
    """Have the system let this process open so many files and connections (where it counts them)."""
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if most < wanted:
            raise MachineError(f"--connections: the system allows {hard} open files, and {wanted} are needed (`ulimit -n`).")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
