"""A decision: what somebody said of a photo, when, how, and what had been suggested to them."""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

from modiste.records.errors import ModisteError, unknown

LABEL, UNSURE, BAD = KINDS = ("label", "unsure", "bad")
HOWS = ("single", "grid", "review", "import", "adjudicated")
ID = re.compile(r"[0-9a-zA-Z_-]{1,64}")
SHA = re.compile(r"[0-9a-f]{64}")
AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LONGEST = {"who": 80, "label": 200, "suggested": 200, "model": 200, "photo": 4096}


@dataclass(frozen=True, slots=True)
class Decision:
    """What `who` said of a photo: a label, that they are unsure, or that the picture is bad.

    `id` is made where the decision is: one that is sent twice counts once. Decisions of one `batch` are taken back together.
    """

    id: str
    photo: str  # its path; a name that is not UTF-8 in surrogates, as Python has it
    kind: str
    label: str | None
    who: str
    how: str
    suggested: str | None = None  # the class that was shown to them as the model's guess
    confidence: float | None = None
    model: str | None = None
    batch: str | None = None
    seconds: float | None = None  # that it was looked at
    sha256: str | None = None  # of the photo's bytes, as 64 hex digits
    at: str = ""  # UTC, such as 2026-11-28T16:42:07.250Z; set by the log where it is empty

    def __post_init__(self) -> None:
        for name, known in (("kind", KINDS), ("how", HOWS)):
            if getattr(self, name) not in known:
                raise unknown(f"{name} of decision", str(getattr(self, name)), known)
        for name in ("id", "batch"):
            check_id(name, getattr(self, name), optional=name == "batch")
        for name in LONGEST:
            check_text(name, getattr(self, name), optional=name in ("label", "suggested", "model"))
        if (self.kind == LABEL) != (self.label is not None):
            raise ModisteError(f"a decision of kind '{self.kind}' {'needs a label' if self.label is None else 'has no label'}.")
        check_who(self.who)
        check_number("confidence", self.confidence, 1.0)
        check_number("seconds", self.seconds, sys.float_info.max)
        if self.sha256 is not None and not matches(SHA, self.sha256):
            raise ModisteError(f"sha256 {self.sha256!r} is not 64 digits of 0-9 and a-f.")
        if self.at != "":
            check_at(self.at)


def now() -> str:
    """The time as decisions have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_id(name: str, value: object, *, optional: bool = False) -> None:
    if not (matches(ID, value) or (optional and value is None)):
        raise ModisteError(f"{name} {value!r} of a decision is not 1 to 64 letters a-z, A-Z, digits, - and _.")


def check_who(who: object) -> None:
    """Refuse a name that says nothing, or that would not show."""
    check_text("who", who, optional=False)
    if not (text := str(who)).isprintable() or text != text.strip():
        raise ModisteError(f"the name {text!r} of who decided has signs that do not show, or blanks around it. Write it in letters.")


def check_text(name: str, value: object, *, optional: bool) -> None:
    if value is None and optional:
        return
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST[name] or "\0" in value:
        raise ModisteError(f"{name} of a decision is a text of 1 to {LONGEST[name]} characters, not {str(value)[:40]!r}.")
    try:
        value.encode("utf-8", "surrogateescape" if name == "photo" else "strict")
    except UnicodeEncodeError as error:
        raise ModisteError(f"{name} {value!r} of a decision holds half a character. Write it in whole ones.") from error


def check_number(name: str, value: object, most: float) -> None:
    whole = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most and value < math.inf
    if value is not None and not whole:
        raise ModisteError(f"{name} {value!r} of a decision is not a number from 0{' to 1' if most == 1 else ''}.")


def check_at(at: object) -> None:
    try:
        good = matches(AT, at) and bool(datetime.fromisoformat(str(at)))
    except ValueError:
        good = False
    if not good:
        raise ModisteError(f"the time {at!r} of a decision is not written like 2026-11-28T16:42:07.250Z.")


def matches(form: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None
