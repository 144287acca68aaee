"""Who may ask is checked on every route and method; what a browser would do for another site is refused."""

import subprocess
import sys

import pytest

from modiste.records.errors import ModisteError, UsageError
from modiste.web.app import PATHS
from modiste.web.client import Client, ServerRefused
from modiste.web.door import ENVIRONMENT, FEWEST_CHARACTERS, OPEN, Door, names_of, token_of
from modiste.web.limits import Refused

TOKEN = "a-token-of-the-tests"
EVERYWHERE = [
    (method, path) for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH") for path in (*PATHS, "/", "/no/where")
]
HOSTILE_HOSTS = [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "localhost@evil.example",
    "evil.example:8000",
    "",
    "localhost:port",
    "127.0.0.1, evil.example",
    "192.168.0.1",
    "[::1",
]


def fresh(token=None, host="127.0.0.1", names=()):
    return Door(host, names, None if token is None else token_of(None, {ENVIRONMENT: token}))


@pytest.mark.parametrize("method, path", EVERYWHERE)
def test_every_route_and_method_refuses_other_names_and_other_sites(server, method, path):
    assert server.ask(method, path, Host="evil.example").status == 421
    assert server.ask(method, path, Origin="http://evil.example").status == 403
    assert server.ask(method, path, Origin="null").status == 403
    assert server.ask(method, path, Sec_Fetch_Site="cross-site").status == 403
    own = server.ask(method, path, Origin=server.address)
    assert own.status not in (403, 421)
    assert not [name for name in own.headers if name.startswith("access-control")]


@pytest.mark.parametrize("host", HOSTILE_HOSTS)
def test_a_host_that_is_not_ours_is_refused(host):
    with pytest.raises(Refused) as refused:
        Door().check("/healthz", [(b"host", host.encode())])
    assert refused.value.status == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:9", "[::1]:8000", "127.0.0.2", "localhost."])
def test_a_host_that_is_ours_is_let_in(host):
    assert Door().check("/healthz", [(b"host", host.encode())]) is None  # else it raises


def test_a_host_must_stand_there_once():
    for headers in ([], [(b"host", b"localhost"), (b"host", b"localhost")]):
        with pytest.raises(Refused):
            Door().check("/healthz", headers)


def test_names_are_those_given_and_addresses_where_others_reach_the_server():
    door = fresh(TOKEN, "0.0.0.0", names_of(["Photos.Shop.Example"]))
    assert [door.answers_to(host) for host in ("photos.shop.example:80", "10.0.0.7", "shop.example", "evil.example")] == [
        True,
        True,
        False,
        False,
    ]
    for wrong in ("http://shop.example", "shop.example:80", "", "*"):
        with pytest.raises(UsageError, match="--name"):
            names_of([wrong])


@pytest.mark.parametrize("origin", ["http://localhost:8000", "https://LOCALHOST:8000"])
def test_a_page_of_the_server_itself_may_ask(origin):
    headers = [(b"host", b"localhost:8000"), (b"origin", origin.encode()), (b"sec-fetch-site", b"same-origin")]
    assert Door().check("/v1/label", headers) is None  # else it raises


@pytest.mark.parametrize(
    "origin", ["http://localhost:8001", "http://localhost", "file://", "null", "", "http://localhost:8000 http://evil.example"]
)
def test_a_page_of_any_other_site_may_not(origin):
    with pytest.raises(Refused) as refused:
        Door().check("/v1/label", [(b"host", b"localhost:8000"), (b"origin", origin.encode())])
    assert refused.value.status == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "shop.example"])
def test_an_address_that_others_reach_takes_a_token(host):
    with pytest.raises(UsageError, match="--token-file"):
        Door(host)
    assert fresh(TOKEN, host).token


def test_a_token_is_asked_for_everywhere_but_at_the_two_signs_of_life(served, photos):
    with served(door=fresh(TOKEN)) as server:
        for path in (*PATHS, "/", "/no/where"):
            for wrong in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Authorization": f"Basic {TOKEN}"}):
                assert (server.ask("GET", path, **wrong).status == 401) == (path not in OPEN)
            assert server.ask("GET", path, Authorization=f"Bearer {TOKEN}").status != 401
        assert server.label(photos[0].read_bytes()).headers["www-authenticate"] == "Bearer"
        assert server.ask("GET", "/metrics", Authorization="Bearer \xff\xfe").status == 401
        with pytest.raises(ServerRefused, match="401"):
            Client(server.address).label(photos[0])
        assert Client(server.address, TOKEN).label(photos[0])[0].label


def test_tokens_come_from_a_file_or_the_environment_and_are_long(tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    assert token_of(file, {}) == token_of(None, {ENVIRONMENT: TOKEN}) != token_of(None, {ENVIRONMENT: TOKEN + "!"})
    assert token_of(None, {}) is None
    for wrong in ("", "x" * (FEWEST_CHARACTERS - 1), "has spaces in between", "ünïcode" * 3):
        file.write_text(wrong)
        with pytest.raises(UsageError, match="characters of ASCII"):
            token_of(file, {})
    with pytest.raises(ModisteError, match="cannot be read"):
        token_of(tmp_path / "missing", {})


def test_every_answer_forbids_guessing_keeping_framing_and_names_no_server(server, photos):
    answers = [server.ask("GET", path) for path in (*PATHS, "/no/where")]
    answers += [
        server.label(photos[0].read_bytes()),
        server.label(b"x", "?precision=7"),
        server.ask("GET", "/healthz", Host="evil.example"),
    ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers


def test_the_command_refuses_a_public_address_without_a_token(tiny_bundle):
    command = [sys.executable, "-m", "modiste", "serve", "--model", str(tiny_bundle), "--host", "0.0.0.0", "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "--token-file" in done.stderr
    assert "Traceback" not in done.stderr
