"""A tiny network, photos, and servers of both in threads of this process."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modiste.serving.labeller import load
from modiste.web.desk import Desk
from modiste.web.door import Door
from modiste.web.limits import Limits
from modiste.web.server import Asked, serve

TOKEN = "a-token-of-the-tests"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: bytes

    @property
    def plain(self) -> Any:
        return json.loads(self.text)


@dataclass
class Served:
    """A server that runs, and how tests ask it."""

    address: str
    listener: Any
    lines: list[str]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def label(self, data: bytes, query: str = "", **headers: str) -> Answer:
        return self.ask("POST", "/v1/label" + query, data, **({"Content_Type": "application/octet-stream"} | headers))

    def settled(self) -> None:
        """Wait until what was answered is counted too."""
        until = time.monotonic() + 10
        while self.listener.server_state.tasks and time.monotonic() < until:
            time.sleep(0.01)

    def raw(self, data: bytes) -> socket.socket:
        """A connection that has sent something."""
        made = socket.create_connection(("127.0.0.1", self.port), 30)
        made.sendall(data)
        return made


def heard(connection: socket.socket) -> bytes:
    """All that comes until the connection ends."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    finally:
        connection.close()
    return b"".join(parts)


@pytest.fixture(scope="session")
def tiny(tiny_bundle):
    return load(tiny_bundle, threads=1)


@pytest.fixture(scope="session")
def photos(faults, tmp_path_factory) -> list[Path]:
    """12 photos, 3 of them damaged."""
    folder = tmp_path_factory.mktemp("made") / "photos"
    faults.make_photos(folder, 12, 3)
    return sorted(folder.rglob("*.jpg"))


@contextmanager
def running(labeller, door=None, limits=None, **asked):
    """A server in a thread, until the block ends; what it raised is raised here."""
    ready, found, raised, lines = threading.Event(), [], [], []

    def run():
        try:
            serve(labeller, Asked(door or Door(), 0, limits or Limits(), log=lines.append, **asked), hear, found.append)
        except BaseException as error:
            raised.append(error)
            ready.set()

    def hear(address):
        found.append(address)
        ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(60)
    try:
        if not raised:
            yield Served(found[1], found[0], lines)
    finally:
        if found:
            found[0].stop()
        thread.join(60)
    assert not thread.is_alive()
    if raised:
        raise raised[0]


@pytest.fixture(scope="module")
def server(tiny):
    with running(tiny) as served:
        yield served


@pytest.fixture(scope="module")
def small(tiny):
    """A server that takes on little and waits for nobody."""
    limits = Limits(100_000, 3, 150_000, 400_000, queue=4, header_seconds=0.5, body_seconds=1)
    with running(tiny, limits=limits) as served:
        yield served


@pytest.fixture(scope="session")
def served(tiny):
    """Starts servers with other limits or doors."""
    return lambda labeller=tiny, **asked: running(labeller, **asked)


@pytest.fixture
def hold(monkeypatch):
    """Photos wait at the desk until the event is set."""
    go, real = threading.Event(), Desk.label

    def label(desk, photo, chosen):
        assert go.wait(60)
        return real(desk, photo, chosen)

    monkeypatch.setattr(Desk, "label", label)
    yield go
    go.set()


@pytest.fixture
def until_end():
    return heard


@pytest.fixture
def form():
    """Photos as a form: its body and Content-Type."""

    def made(parts, boundary="b0undary"):
        text = b""
        for name, data in parts:
            text += f'--{boundary}\r\nContent-Disposition: form-data; name="photo"; filename="{name}"\r\n\r\n'.encode() + data + b"\r\n"
        return text + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"

    return made
