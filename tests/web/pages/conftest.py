"""Projects served in threads of this process, and how tests ask them."""

from __future__ import annotations

import http.client
import itertools
import json
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from modiste.projects.project import project_at
from modiste.web.door import Door
from modiste.web.limits import Limits
from modiste.web.pages.app import OPEN_PAGES
from modiste.web.pages.server import serve_app
from modiste.web.pages.talking import TOKEN_COOKIE
from modiste.web.server import Asked

sys.path.insert(0, str(Path(__file__).parents[2] / "projects"))  # shops.py is imported by name
sys.path.insert(0, str(Path(__file__).parent))  # and lives.py
JSON = {"Content_Type": "application/json"}
ODD = {  # a name, and how pages show it
    "a\nb.png": "a\nb.png",
    'say "hi", 1.png': 'say "hi", 1.png',
    "=cmd|' !A0.png": "=cmd|' !A0.png",
    "'quoted.png": "'quoted.png",
    b"caf\xe9\xff.png": "caf\ufffd\ufffd.png",
    "\u202egpj.exe.png": "\u202egpj.exe.png",
    "<script>alert(1)</script>.png": "<script>alert(1)</script>.png",
    "a\rb\tc.png": "a\rb\tc.png",
    "\U0001f45f;--.png": "\U0001f45f;--.png",
    "</script><img src=x onerror=alert(1)>.png": None,  # a folder, too
    "images/1.png": "images/1.png",
    "1.png": "1.png",
    " blank .png": " blank .png",
}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: bytes

    @property
    def plain(self) -> Any:
        return json.loads(self.text)


@dataclass
class Pages:
    """A project that is served, and how tests ask it."""

    address: str
    listener: Any = None
    who: str = "ada"
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def ask(self, method: str, path: str, body: bytes | None = None, timeout: float = 60, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def cookie(self, who: str | None = None) -> dict[str, str]:
        return {"Cookie": f"modiste_who={(who or self.who).encode().hex()}"}

    def get(self, path: str, who: str | None = None) -> Any:
        answer = self.ask("GET", path, **self.cookie(who))
        assert answer.status == 200, answer.text
        return answer.plain

    def send(self, path: str, value: Any, who: str | None = None) -> Answer:
        return self.ask("POST", path, json.dumps(value).encode(), **JSON, **self.cookie(who))

    def post(self, path: str, value: Any, who: str | None = None) -> Any:
        answer = self.send(path, value, who)
        assert answer.status == 200, answer.text
        return answer.plain

    def settled(self) -> Any:
        """Wait until nothing is at work; how it stands then."""
        ends = time.monotonic() + 120
        while True:
            state = self.get("/api/state")
            if state["job"] is None and state["last"] is not None:
                return state
            assert time.monotonic() < ends, state
            time.sleep(0.05)

    def photos(self, query: str = "", who: str | None = None) -> list[Any]:
        return self.get(f"/api/photos?limit=1000&sort=path{query}", who)["photos"]

    def id_of(self, name: str) -> str:
        (found,) = (one["id"] for one in self.photos() if one["name"] == name)
        return found

    def decision(self, photo: str, label: str | None = "Red", **more: Any) -> dict[str, Any]:
        """What is sent of one photo."""
        rest = {"kind": "label" if label else "unsure", "how": "single", **more}
        return {"id": f"t{next(self.numbers)}", "photo": photo, "label": label, **rest}

    def say(self, *decisions: dict[str, Any], who: str | None = None) -> Any:
        return self.post("/api/decisions", {"decisions": list(decisions)}, who)

    def everything(self) -> dict[str, Any]:
        """All that is said of all photos, and the counts."""
        return {
            "photos": {one["id"]: self.get(f"/api/photo/{one['id']}") for one in self.photos()},
            "counts": self.get("/api/state")["counts"],
        }


@contextmanager
def running(
    folder: Path, door: Door | None = None, limits: Limits | None = None, settle: bool = True, precision: float = 0.95, **beside: Any
):
    """A project served in a thread, until the block ends; what it raised is raised here."""
    ready, found, raised = threading.Event(), [], []

    def run() -> None:
        try:
            asked = Asked(door or Door(cookie=TOKEN_COOKIE, open=OPEN_PAGES), 0, limits or Limits(), precision, log=None)
            serve_app(folder, asked, hear, hand=found.append, **beside)
        except BaseException as error:
            raised.append(error)
            ready.set()

    def hear(address: str) -> None:
        found.append(address)
        ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(60)
    if raised:
        thread.join(60)
        raise raised[0]
    try:
        made = Pages(found[1], found[0])
        if settle:
            made.settled()
        yield made
    finally:
        found[0].stop()
        thread.join(60)
    assert not thread.is_alive()
    if raised:
        raise raised[0]


@pytest.fixture(scope="session")
def served():
    """Serves a project."""
    return running


@pytest.fixture(scope="session")
def colours(tmp_path_factory) -> Path:
    import shops

    return shops.network(tmp_path_factory.mktemp("network") / "colours.onnx")


@pytest.fixture(scope="session")
def odd_names() -> dict[Any, str | None]:
    return ODD


def begun(folder: Path, colours: Path) -> Path:
    """A project of 20 photos, three of them copies and one unreadable."""
    import shops

    photos = shops.shop(folder / "shop", 16)
    for name in ("copy1.png", "copy2.png", "copy3.png"):
        (photos / name).write_bytes(shops.png("Red", 500))
    (photos / "broken.jpg").write_bytes(b"no picture")
    return project_at(photos, model=colours)


@pytest.fixture
def project(tmp_path, colours) -> Path:
    return begun(tmp_path, colours)


@pytest.fixture
def pages(project):
    with running(project) as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory, colours):
    """One for tests that change nothing that others look at."""
    with running(begun(tmp_path_factory.mktemp("shared"), colours)) as made:
        yield made
