"""Asks a server of `modiste serve` for labels, in the words of `Labeller.label`, and for photos that look alike.

    from modiste.web.client import Client

    for label in Client("http://127.0.0.1:8000").label(["1.jpg", "2.jpg"]):
        print(label.path, label.decision, label.label)

HTTP is the standard library's.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from modiste.data.opening.refusals import PhotoRefused
from modiste.records.errors import MachineError, ModisteError, UsageError
from modiste.searching.index import Neighbour
from modiste.serving.deciding import REJECT, check_precision
from modiste.serving.labeller import Label
from modiste.serving.photos import bytes_at, each_of

PATIENCE_SECONDS = 120.0  # that a request is asked again for
AT_ONCE, AT_ONCE_BYTES = 8, 8_000_000  # photos and bytes of a request, where the server takes as many; one photo alone may be more
PART_BYTES = 256  # at most, around each photo of a form
LONGEST_WAIT_SECONDS = 60.0
TOO_SLOW = "too_slow"  # what a server says of a request that did not arrive in time
ONE = "application/octet-stream"  # Content-Type of a photo that is the body
TOLD = ("label", "confidence", "probabilities", "decision", "reason", "strangeness")
SCHEMES: dict[str, Callable[..., http.client.HTTPConnection]] = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
Photo = str | os.PathLike[str] | bytes | bytearray | memoryview


class ServerRefused(ModisteError):
    """What a server does not do: its HTTP status and the word for why."""

    def __init__(self, status: int, reason: str, words: str) -> None:
        self.status, self.reason = status, reason
        super().__init__(f"the server refuses ({status}, {reason}): {words}")


@dataclass(frozen=True)
class Room:
    """What a server takes of photos: so many a request, so many bytes of one, so many bytes a request."""

    photos: int
    photo_bytes: int
    request_bytes: int


@dataclass
class Pace:
    """How many bytes are sent at once: fewer where the line turned out to be too slow for the server's patience."""

    most_bytes: int = AT_ONCE_BYTES


@dataclass(frozen=True)
class Client:
    """A server, by its address, and the token that it asks for. Each request has a connection of its own."""

    url: str
    token: str | None = None
    patience_seconds: float = PATIENCE_SECONDS
    answer_seconds: float = 120.0  # for one answer
    pace: Pace = field(default_factory=Pace, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not is_server(self.url):
            raise UsageError(f"{self.url}: a server's address is like http://127.0.0.1:8000.")
        if self.token is not None and not re.fullmatch("[!-~]+", self.token):
            raise UsageError("the token has a space, the end of a line or a sign that is not ASCII. Of a file's text take .strip().")

    def label(self, photos: Photo | Iterable[Photo], *, precision: float | None = None) -> list[Label]:
        """One label a photo, in order, for one photo or many: paths or bytes. What cannot be read here, or is more than the server
        takes, has the reason in its label.

        A server that is busy or starts anew is asked again when it says, for `patience_seconds` in all.
        """
        if precision is not None:
            check_precision(precision)
        fitting = (self.fitting(read(one)) for one in each_of(photos))
        return [label for group in self.groups(fitting) for label in self.labels(group, precision)]

    def search(self, photo: Photo, k: int = 12, label: str | None = None) -> list[Neighbour]:
        """The k photos of the server's index that look most like one, as `Index.search` finds them.

        `PhotoRefused` says why a photo cannot be read here, or is more than the server takes.
        """
        data = self.fitting(read(photo)).data
        if not isinstance(data, bytes):
            raise data
        asked = urlencode({"k": k} | ({} if label is None else {"label": label}))
        found = self.ask("POST", f"/v1/search?{asked}", data, ONE)["photos"]
        return [Neighbour(**{**each, "copies": tuple(each["copies"])}) for each in found]

    def model(self) -> dict[str, Any]:
        """What answers there: its id, its card, the server's limits."""
        told: dict[str, Any] = self.ask("GET", "/v1/model")
        return told

    @cached_property
    def room(self) -> Room:
        """What the server takes of photos, asked once."""
        limits = self.model()["limits"]
        return Room(limits["photos"], limits["photo_bytes"], limits["request_bytes"])

    def fitting(self, one: Read) -> Read:
        """A photo, or why the server does not take it."""
        if isinstance(one.data, bytes) and len(one.data) > self.room.photo_bytes:
            return Read(one.path, PhotoRefused(one.path or "bytes", "file_too_big", f"{len(one.data):,} bytes"))
        return one

    def groups(self, photos: Iterable[Read]) -> Iterator[list[Read]]:
        """So many photos a request that the server takes it, the first answers come soon and nothing has to be held for long."""
        group: list[Read] = []
        for photo in photos:
            if group and (len(group) >= min(AT_ONCE, self.room.photos) or size([*group, photo]) > self.most_bytes()):
                yield group
                group = []
            group.append(photo)
        if group:
            yield group

    def most_bytes(self) -> int:
        return min(self.pace.most_bytes, self.room.request_bytes)

    def labels(self, group: Sequence[Read], precision: float | None) -> Iterator[Label]:
        """The labels of some photos, in one request; in several where the line is too slow for one."""
        sent = [one for one in group if isinstance(one.data, bytes)]
        try:
            rows = iter(self.ask("POST", "/v1/label" + query(precision), *body_of(sent, self.room))["photos"] if sent else ())
        except ServerRefused as refused:
            if refused.reason != TOO_SLOW or len(sent) < 2:
                raise
            self.pace.most_bytes = size(sent) // 2
            for part in self.groups(group):
                yield from self.labels(part, precision)
            return
        for one in group:
            if isinstance(one.data, bytes):
                told = next(rows)
                yield Label(**{name: told[name] for name in TOLD}, path=one.path)
            else:
                yield Label(None, None, {}, REJECT, one.data.reason, None, one.path)

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> Any:
        """The answer to a request that may be asked again without harm."""
        until = time.monotonic() + self.patience_seconds
        for tries in range(1_000_000):
            wait: float | None = None
            try:
                status, said, wait = self.once(method, path, body, kind)
            except (OSError, http.client.HTTPException) as error:
                trouble: ModisteError = MachineError(
                    f"{self.url} does not answer ({type(error).__name__}: {error}). Is `modiste serve` running?"
                )
            else:
                if status == 200:
                    return said
                trouble = ServerRefused(status, str(said.get("reason", "")), str(said.get("error", "")))
                if status != 503:
                    raise trouble
            pause = min(LONGEST_WAIT_SECONDS, (0.1 * 2 ** min(tries, 9)) if wait is None else wait) * random.uniform(1, 1.25)
            if time.monotonic() + pause > until:
                raise trouble
            time.sleep(pause)
        raise AssertionError("patience ends before")

    def once(self, method: str, path: str, body: bytes | None, kind: str) -> tuple[int, Any, float | None]:
        """Status, answer, and after how many seconds to ask again."""
        parts = urlsplit(self.url)
        connection = SCHEMES[parts.scheme](str(parts.hostname), parts.port, timeout=self.answer_seconds)
        headers = {"Content-Type": kind} if kind else {}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            connection.connect()
            with suppress(BrokenPipeError, ConnectionResetError):  # a server that refuses does not take the rest, but has said why
                connection.request(method, parts.path.rstrip("/") + path, body, headers)
            answer = connection.getresponse()
            wait = answer.headers.get("Retry-After", "")
            return answer.status, answer_of(answer.status, answer.read()), float(wait) if wait.isdigit() else None
        finally:
            connection.close()


def is_server(url: str) -> bool:
    """Whether a text is the address of a server, and nothing more that would be ignored.

    >>> [is_server(url) for url in ("http://[::1]:8000", "https://shop.example/photos/", "localhost:8000", "http://a:99999", "http://a?b=1")]
    [True, True, False, False, False]
    """
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")
        more = parts.query or parts.fragment or parts.username is not None or not re.fullmatch("[!-~]*", parts.path)
        return parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0 and not more
    except ValueError:  # a port that is none, a name that no machine has
        return False


def answer_of(status: int, text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ServerRefused(status, "", f"it answers no JSON: is it modiste? {text[:80]!r}") from error


@dataclass(frozen=True)
class Read:
    """A photo's path, where it has one, and its bytes, or why there are none."""

    path: str | None
    data: bytes | PhotoRefused


def read(photo: object) -> Read:
    if isinstance(photo, bytes | bytearray | memoryview):
        return Read(None, bytes(photo))
    if not isinstance(photo, str | os.PathLike):
        raise UsageError(f"{type(photo).__name__} is nothing that can be sent. Give a photo's path, or the bytes of its file.")
    path = os.fspath(photo)
    try:
        return Read(path, bytes_at(Path(path)))
    except PhotoRefused as refused:
        return Read(path, refused)


def size(photos: Iterable[Read]) -> int:
    """Bytes of a form with some photos, at most."""
    return sum(PART_BYTES + len(one.data) for one in photos if isinstance(one.data, bytes))


def body_of(photos: Sequence[Read], room: Room) -> tuple[bytes, str]:
    """A request's body and its Content-Type: a form, or a photo that is alone and would be too much as one."""
    first = photos[0].data
    alone = len(photos) == 1 and size(photos) > room.request_bytes
    return (first, ONE) if alone and isinstance(first, bytes) else form(photos)


def form(photos: Sequence[Read]) -> tuple[bytes, str]:
    """Photos as a form's body, and its Content-Type. Their names stay here."""
    boundary = secrets.token_hex(16)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="photo"; filename="photo"\r\n\r\n'.encode()
    parts = [head + one.data + b"\r\n" for one in photos if isinstance(one.data, bytes)]
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def query(precision: float | None) -> str:
    return "" if precision is None else "?" + urlencode({"precision": repr(float(precision))})
