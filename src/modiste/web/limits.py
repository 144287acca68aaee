"""What one server takes on, and why a request is refused: a closed list."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf

from modiste.records.errors import ModisteError, UsageError

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """How much is taken in at once, and for how long is waited."""

    photo_bytes: int = 32_000_000
    photos: int = 32  # a request
    request_bytes: int = 64_000_000
    held_bytes: int = 512_000_000  # bodies of all requests together
    queue: int = 64  # photos that wait or are worked on
    connections: int = 1000
    header_bytes: int = 16_384
    header_seconds: float = 10  # for a request's headers to arrive, from the connection or the answer before
    body_seconds: float = 20  # for a request to arrive whole, however its bytes come
    stop_seconds: float = 30  # for what is at work when the server is asked to stop

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 < getattr(self, field.name) < inf:
                raise UsageError(f"{field.name} = {getattr(self, field.name)}: must be a number above 0.")
        if self.photos > self.queue:
            raise UsageError(
                f"photos = {self.photos}, queue = {self.queue}: the photos of one request must fit into the queue (--photos, --queue)."
            )
        if not self.photo_bytes <= self.request_bytes <= self.held_bytes:
            held = ", ".join(f"{getattr(self, name) / MEGABYTE:g} MB" for name in ("photo_bytes", "request_bytes", "held_bytes"))
            raise UsageError(
                f"photo_bytes, request_bytes and held_bytes are {held}: a photo must fit into a request, and a request into what all "
                "hold together (--photo-mb, --request-mb, --held-mb)."
            )


STATUS = {  # reason of a refusal -> HTTP status
    "bad_request": 400,
    "no_photos": 400,
    "no_token": 401,
    "other_site": 403,
    "not_found": 404,
    "wrong_method": 405,
    "too_slow": 408,
    "replaced": 409,
    "too_big": 413,
    "too_many_photos": 413,
    "not_a_photo": 415,
    "not_bytes": 415,
    "not_json": 415,
    "wrong_host": 421,
    "bad_parameter": 422,
    "refused": 422,
    "gone": 499,  # nobody is there to read it
    "our_mistake": 500,
    "busy": 503,
    "not_yet": 503,
    "not_looked": 503,
    "machine": 503,
    "stopping": 503,
}


class Refused(ModisteError):
    """A request that gets no answer: why (a word of STATUS), in words, and after how many seconds to ask again, where that helps."""

    def __init__(self, reason: str, words: str, retry_seconds: int | None = None) -> None:
        self.reason, self.status, self.retry_seconds = reason, STATUS[reason], retry_seconds
        super().__init__(words)

    def plain(self) -> dict[str, str]:
        return {"error": str(self), "reason": self.reason}


def stopping() -> Refused:
    return Refused("stopping", "this server is about to stop and takes on nothing new.", 5)
