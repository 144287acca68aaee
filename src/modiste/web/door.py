"""Who may ask: the names a server answers to, pages of other sites, the token. Checked on every route and method, before anything else."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modiste.records.errors import ModisteError, UsageError
from modiste.web.limits import Refused

ENVIRONMENT = "MODISTE_TOKEN"
OPEN = ("/healthz", "/readyz")  # ask for no token: they tell nothing
FEWEST_CHARACTERS = 16
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?", re.ASCII)
Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Door:
    """Where a server listens, what it may be called beside its addresses, and the SHA-256 of its token."""

    host: str = "127.0.0.1"
    names: tuple[str, ...] = ()
    token: bytes | None = None
    cookie: str | None = None  # in which a browser may bring the token instead
    open: tuple[str, ...] = OPEN  # paths that ask for no token

    def __post_init__(self) -> None:
        if self.token is None and not is_here(self.host):
            raise UsageError(
                f"--host {self.host}: others can reach this address, so it takes a token. Write one of {FEWEST_CHARACTERS} or more "
                f"characters into a file and name it with --token-file, or set {ENVIRONMENT}."
            )

    def check(self, path: str, headers: Headers) -> None:
        """Refuse who has no business here."""
        host = the_one(headers, b"host", "wrong_host", "the request must have one header Host.")
        if host is None or not self.answers_to(host.lower()):
            raise Refused("wrong_host", "this server does not go by the name in the header Host. Its option --name gives it names.")
        self.check_site(host.lower(), headers)
        if self.token is not None and path not in self.open:
            self.check_token(headers)

    def answers_to(self, host: str) -> bool:
        """Whether it is meant by a Host: a page of another site that has its own name lead here keeps that name.

        >>> [Door().answers_to(host) for host in ("localhost:8000", "127.0.0.1", "[::1]:80", "evil.example")]
        [True, True, True, False]
        """
        found = HOST.fullmatch(host)
        if found is None:
            return False
        name = found[1].strip("[]").removesuffix(".")
        if name in ("localhost", *self.names):
            return True
        return is_address(name) and (is_here(name) or not is_here(self.host))

    def check_site(self, host: str, headers: Headers) -> None:
        """Refuse what a browser sends for a page of another site; a program sends neither header."""
        origin = the_one(headers, b"origin", "other_site", "the request has more than one header Origin.")
        site = the_one(headers, b"sec-fetch-site", "other_site", "the request has more than one header Sec-Fetch-Site.")
        if (origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}")) or site in ("cross-site", "same-site"):
            raise Refused("other_site", "a page of another site asks, and this server answers none.")

    def check_token(self, headers: Headers) -> None:
        """Refuse who does not bring the token."""
        said = the_one(headers, b"authorization", "no_token", "the request has more than one header Authorization.") or ""
        scheme, _, token = said.partition(" ")
        brought = token.strip() if scheme.lower() == "bearer" else self.in_cookie(headers)
        if not self.is_token(brought):
            raise Refused("no_token", "this server takes a token: send the header 'Authorization: Bearer TOKEN'.")

    def is_token(self, brought: str) -> bool:
        """Compared by hashes, in constant time."""
        return self.token is not None and hmac.compare_digest(hashlib.sha256(brought.encode("latin-1", "replace")).digest(), self.token)

    def in_cookie(self, headers: Headers) -> str:
        """The token that a browser brings in hexadecimal, in which no sign is quoted; '' where it brings none."""
        if self.cookie is None:
            return ""
        said = "; ".join(value.decode("latin-1") for key, value in headers if key.lower() == b"cookie")
        brought = next((value for name, _, value in (one.strip().partition("=") for one in said.split(";")) if name == self.cookie), "")
        try:
            return bytes.fromhex(brought).decode("latin-1")
        except ValueError:
            return ""


def the_one(headers: Headers, name: bytes, reason: str, words: str) -> str | None:
    """A header's value, which may stand there once."""
    found = [value for key, value in headers if key.lower() == name]
    if len(found) > 1:
        raise Refused(reason, words)
    return found[0].decode("latin-1").strip() if found else None


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_here(host: str) -> bool:
    """Whether only programs on this machine reach an address.

    >>> [is_here(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "shop.example")]
    [True, True, True, False, False]
    """
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def names_of(names: Iterable[str]) -> tuple[str, ...]:
    """Names as a Host has them, without a port."""
    made = tuple(name.lower().removesuffix(".") for name in names)
    for name in made:
        if not re.fullmatch(r"[a-z0-9._-]+", name):
            raise UsageError(f"--name {name}: a name such as photos.shop.example, without http:// and without a port.")
    return made


def token_of(file: Path | None, around: Mapping[str, str] = os.environ) -> bytes | None:
    """The SHA-256 of the token in a file, or else in the environment; None where there is none."""
    where, text = (str(file), written_in(file)) if file is not None else (ENVIRONMENT, around.get(ENVIRONMENT))
    if text is None:
        return None
    token = text.strip()
    if not re.fullmatch(rf"[!-~]{{{FEWEST_CHARACTERS},1000}}", token):
        raise UsageError(
            f"{where}: a token has {FEWEST_CHARACTERS} or more characters of ASCII and no spaces. This makes one: "
            'python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return hashlib.sha256(token.encode()).digest()


def written_in(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModisteError(f"{file}: the token cannot be read ({getattr(error, 'strerror', None) or error}).") from error
