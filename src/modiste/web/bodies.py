"""A request's body: received within limits of size, time and memory, and taken apart into photos without copying them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from modiste.web.limits import MEGABYTE, Limits, Refused

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
DISCARD_SECONDS = 2.0  # that a refused request's body is read on, so that its sender comes to read the answer
MOST_HEADER_BYTES = 4096  # of one part
FEWER = "Send fewer photos at once, or smaller ones."
SMALLER = "Export the photo smaller."
ASKED = ("precision", "k", "label")  # that stand in the address, of whichever path
PARAMETER = re.compile(r';\s*([\w*-]+)\s*=\s*("(?:\\.|[^"\\])*"|[^;\s]*)')
BOUNDARY = re.compile(r"[\w'()+,./:=?-](?:[\w'()+,./:=? -]{0,68}[\w'()+,./:=?-])?", re.ASCII)


@dataclass(eq=False)
class Incoming:
    """A request's messages, each of which has to come before the deadline of the whole."""

    receive_: Receive
    until: float  # by the loop's clock
    whole: bool = False

    async def receive(self) -> Message:
        if self.whole:
            return await self.receive_()  # the disconnect, for which there is no deadline
        try:
            async with asyncio.timeout_at(self.until):
                message = await self.receive_()
        except TimeoutError as late:
            raise Refused("too_slow", "the request did not arrive in time. Send fewer or smaller photos at once.") from late
        self.whole = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message

    async def discard(self, most: int) -> None:
        """Read on for a while, and keep nothing."""
        with suppress(TimeoutError, Refused):
            async with asyncio.timeout(DISCARD_SECONDS):
                while not self.whole and most > 0:
                    most -= len((await self.receive()).get("body", b""))


@dataclass(eq=False)
class Held:
    """Bytes of bodies in memory, of all requests together."""

    most: int
    now: int = 0

    def take(self, count: int) -> None:
        if self.now + count > self.most:
            raise Refused("busy", "other requests fill the memory that there is for them. Ask again in 2 s.", 2)
        self.now += count


@asynccontextmanager
async def received(receive: Receive, most: int, held: Held, instead: str = FEWER) -> AsyncIterator[bytearray]:
    """The whole body, of `most` bytes; it counts as held until the block ends. `instead` says what to do where it is larger."""
    body = bytearray()
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused("gone", "the connection was closed before the request was whole.")
            part = message.get("body", b"")
            if len(body) + len(part) > most:
                raise Refused("too_big", f"a request like this may have {most / MEGABYTE:g} MB. {instead}")
            held.take(len(part))
            body += part
            if not message.get("more_body", False):
                break
        yield body
    finally:
        held.now -= len(body)


def most_of(kind: str, limits: Limits) -> tuple[int, str]:
    """How many bytes a body of some Content-Type may have, and what to do where it has more."""
    return (limits.request_bytes, FEWER) if is_form(kind) else (limits.photo_bytes, SMALLER)


def is_form(kind: str) -> bool:
    return kind.lower().startswith("multipart/")


@dataclass(frozen=True, eq=False)
class Piece:
    """One photo of a body, and what its sender calls it: a name, never a path."""

    name: str | None
    data: memoryview


def photos_in(body: bytearray, content_type: str, limits: Limits) -> list[Piece]:
    """The photos of a body: one, or a part each of a form."""
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        return [Piece(None, memoryview(body))]
    pieces: list[Piece] = []
    for part in parts_of(body, boundary_of(content_type)):
        if len(pieces) == limits.photos:
            raise Refused("too_many_photos", f"one request may have {limits.photos} photos. Send them in several.")
        pieces.append(piece_of(part))
    if not pieces:
        raise Refused("no_photos", "the form has no file. Send each photo as a file of a form (curl -F photo=@1.jpg), or one as the body.")
    return pieces


def boundary_of(content_type: str) -> bytes:
    """What stands between the parts of a form.

    >>> boundary_of('multipart/form-data; boundary="a b"')
    b'a b'
    """
    boundary = parameters(content_type).get("boundary", "")
    if not BOUNDARY.fullmatch(boundary):
        raise Refused("bad_request", "the form's Content-Type names no boundary of 1 to 70 characters, as RFC 2046 has them.")
    return boundary.encode("ascii")


def parameters(value: str) -> dict[str, str]:
    """What follows a header's value.

    >>> parameters('form-data; name=photo; filename="a; b.jpg"')
    {'name': 'photo', 'filename': 'a; b.jpg'}
    """
    found: dict[str, str] = {}
    for key, text in PARAMETER.findall(value):
        found.setdefault(key.lower(), re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text)
    return found


def parts_of(body: bytearray, boundary: bytes) -> Iterator[memoryview]:
    """The parts between boundaries, headers and all; a form that is cut or garbled is refused."""
    view, line, mark = memoryview(body), b"--" + boundary, b"\r\n--" + boundary
    at = 0 if body.startswith(line) else body.find(mark) + 2
    if at == 1:
        raise Refused("bad_request", "the form does not begin with the boundary that its Content-Type names.")
    at += len(line)
    while body[at : at + 2] != b"--":
        start = body.find(b"\r\n", at, at + 80)  # a boundary may have spaces behind it
        end = body.find(mark, max(start, 0))
        if start < 0 or bytes(body[at:start]).strip(b" \t") or end < 0:
            raise Refused("bad_request", "the form ends in the middle, or its parts are garbled. Send it again.")
        yield view[start:end]
        at = end + len(mark)


def piece_of(part: memoryview) -> Piece:
    """A part's content and the name of its file, from a line's end, headers, an empty line and the content."""
    head = bytes(part[:MOST_HEADER_BYTES])
    end = head.find(b"\r\n\r\n")
    if end < 0:
        raise Refused("bad_request", f"a part of the form has no headers, or more than {MOST_HEADER_BYTES} bytes of them.")
    headers = dict(header_of(line) for line in head[2:end].split(b"\r\n"))
    if headers.get("content-transfer-encoding", "binary").lower() not in ("7bit", "8bit", "binary"):
        raise Refused("bad_request", "a part of the form is encoded. Send the photo's bytes as they are.")
    disposition = headers.get("content-disposition", "")
    refuse_asked(parameters(disposition))
    return Piece(name_of(disposition), part[end + 4 :])


def refuse_asked(disposition: Mapping[str, str]) -> None:
    """What is asked for in a field of the form would be taken for a photo."""
    name = disposition.get("name", "")
    if name in ASKED and not disposition.keys() & {"filename", "filename*"}:
        raise Refused("bad_parameter", f"'{name}' is a field of the form, and stands in the address: ?{name}=... Fields are photos.")


def header_of(line: bytes) -> tuple[str, str]:
    name, _, value = line.decode("utf-8", "replace").partition(":")
    return name.strip().lower(), value.strip()


def name_of(disposition: str) -> str | None:
    """The file's name, or else the field's.

    >>> name_of("form-data; name=photo; filename*=UTF-8''schw%C3%A4n.jpg")
    'schwän.jpg'
    """
    found = parameters(disposition)
    encoded = re.fullmatch(r"utf-8'[^']*'(.*)", found.get("filename*", ""), re.IGNORECASE)
    if encoded:
        return unquote_to_bytes(encoded[1]).decode("utf-8", "replace")
    return found.get("filename") or found.get("name")
