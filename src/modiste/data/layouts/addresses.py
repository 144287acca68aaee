"""Addresses of pictures, as annotation tools keep them, and the pictures on disk that they name; none is ever contacted."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

from modiste.data.layouts.cells import BadCell, inside, missing
from modiste.data.opening.stores import Store

LOCAL = "/data/"  # how Label Studio's own addresses begin; any other path from the root is one on somebody's disk
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|/data/")
UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)", re.DOTALL)  # an upload's name has eight letters put before it


def path_of(address: str, store: Store) -> str:
    """The picture that an address names: by its whole path, or by as much of its end as is there, below images/ or not."""
    for path in spelled(address):
        inside(path)
    ends = tails(address)
    found = next((path for end in ends for path in (end, f"images/{end}") if "\0" not in path and store.has(path)), None)
    if found is None:
        raise BadCell(*missing(ends[-1] if ends else address[:80], store))
    return found


def tails(address: str) -> list[str]:
    """What an address may be called on disk, the longest first.

    >>> tails("s3://shop/shoes/1.jpg")
    ['shoes/1.jpg', '1.jpg']
    >>> tails("/data/upload/7/ab12cd34-1.jpg")
    ['upload/7/ab12cd34-1.jpg', '7/ab12cd34-1.jpg', 'ab12cd34-1.jpg', '1.jpg']
    >>> tails("/data/local-files/?d=images/1.jpg")
    ['images/1.jpg', '1.jpg']
    """
    ends: dict[str, None] = {}
    for path in spelled(address):
        steps = [step for step in path.split("/") if step not in ("", ".")]
        ends |= dict.fromkeys("/".join(steps[start:]) for start in range(len(steps)))
    return [*ends, *(match[1] for end in ends if (match := UPLOADED.fullmatch(end)))]


def spelled(address: str) -> list[str]:
    """The path in an address as it is written and with its %20 read, relative where Label Studio itself serves it."""
    if not ADDRESS.match(address):
        return [address]
    try:
        parts = urlsplit(address)
        asked = parse_qs(parts.query, errors="surrogateescape").get("d")
    except ValueError:
        return [address]
    if parts.path.rstrip("/").endswith("local-files") and asked:
        return asked[:1]
    path = parts.path.removeprefix(LOCAL).lstrip("/")
    return list(dict.fromkeys((path, unquote(path, errors="surrogateescape"))))
