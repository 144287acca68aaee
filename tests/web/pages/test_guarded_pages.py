"""Who may ask the pages: every path and method refuses other names, other sites, forms of other sites, and whoever has no token."""

import hashlib
import http.client
import time

import pytest
from starlette.responses import Response

from modiste.web.door import ENVIRONMENT, Door, token_of
from modiste.web.limits import Limits
from modiste.web.pages.app import EVERY_PAGE, OPEN_PAGES
from modiste.web.pages.shown import PAGES, keep_token
from modiste.web.pages.talking import TOKEN_COOKIE

TOKEN = "a-token-of-the-tests"
HELD = TOKEN.encode().hex()  # as a browser holds it
STATIC = ("/static/base.css", "/static/login.js", "/static/nothing.js")
GETS = (
    *(path for path in PAGES),
    *("/login", "/healthz", *STATIC, "/api/state", "/api/queue", "/api/grid", "/api/photos", "/api/search?photo=0", "/api/models"),
    *("/api/compare", "/api/map", "/api/runs", "/api/findings", "/api/agreement", "/api/export", "/api/heat/0", "/api/photo/0", "/photo/0"),
    *("/report/0", "/no/where"),
)
POSTS = ("decisions", "undo", "who", "import", "import/file", "export", "train", "look", "stop", "promote", "search", "briefs", "login")
ASKED = [*(("GET", path) for path in GETS), *(("POST", f"/api/{name}") for name in POSTS), ("GET", "/api/events")]
CHANGING = [f"/api/{name}" for name in POSTS if name not in ("search", "briefs")]


def test_these_are_all_the_paths_there_are(shared):
    """A route that is added is tested by being here."""
    guard = shared.listener.config.app
    paths = {(method, route.path) for route in guard.app.routes for method in route.methods}
    named = {(method, path.partition("?")[0]) for method, path in ASKED}
    pattern = {"/api/heat/{photo}": "/api/heat/0", "/api/photo/{photo}": "/api/photo/0", "/photo/{photo}": "/photo/0"}
    pattern |= {"/report/{name}": "/report/0", "/static/{name}": "/static/base.css"}
    assert {(method, pattern.get(path, path)) for method, path in paths if method != "HEAD"} <= named


@pytest.mark.parametrize("method, path", ASKED)
def test_every_path_refuses_other_names_and_other_sites(shared, method, path):
    body = b"{}" if method == "POST" else None
    json_kind = {"Content_Type": "application/json"} if body else {}
    for hostile, status in (
        ({"Host": "evil.example"}, 421),
        ({"Host": f"evil.example:{shared.port}"}, 421),
        ({"Host": "192.168.0.7"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": f"http://localhost:{shared.port + 1}"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
    ):
        for other in (method, "PUT", "DELETE", "OPTIONS", "HEAD"):
            answer = shared.ask(other, path, body, **{**json_kind, **hostile})
            assert answer.status == status, (hostile, other)
            assert not [name for name in answer.headers if name.startswith("access-control") or name == "set-cookie"]


@pytest.mark.parametrize("path", ["/", "/api/state", "/photo/0", "/api/queue", "/static/base.css"])
def test_the_pages_own_requests_are_let_in(shared, path):
    for own in (
        {},
        {"Origin": shared.address},
        {"Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"},
        {"Host": f"localhost:{shared.port}"},
    ):
        assert shared.ask("GET", path, **own).status not in (403, 421)


@pytest.mark.parametrize("path", CHANGING)
@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain", "", "text/plain;application/json"]
)
def test_what_a_form_can_send_changes_nothing(shared, path, kind):
    """A browser sends these for any site without asking first."""
    for body in (b"{}", b'{"who":"mallory"}', b""):
        answer = shared.ask("POST", path, body, Content_Type=kind)
        assert (answer.status, answer.plain["reason"]) == (415, "not_bytes" if path.endswith("/file") else "not_json")
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("method, path", ASKED[:-1])
def test_every_answer_has_the_headers_that_every_page_has(shared, method, path):
    answer = shared.ask(method, path, b"{}" if method == "POST" and path not in ("/api/train", "/api/look") else None)
    for name, value in EVERY_PAGE:
        if name != b"cache-control":
            assert answer.headers[name.decode()] == value.decode()
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] in ("no-store", "no-cache")
    assert "server" not in answer.headers


def test_a_photo_may_be_kept_by_the_browser_alone_and_only_under_the_hash_of_its_bytes(shared):
    photo = shared.photos()[0]
    kept = shared.ask("GET", f"/photo/{photo['id']}?side=160&v={photo['sha']}")
    assert kept.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert "default-src 'none'" in kept.headers["content-security-policy"]
    for other in ("", "&v=", "&v=00000000", f"&v={photo['sha']}0"):
        assert shared.ask("GET", f"/photo/{photo['id']}?side=160{other}").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "photo",
    [
        "../../etc/passwd",
        "..%2F..%2Fetc%2Fpasswd",
        "%2Fetc%2Fpasswd",
        "....//etc",
        "0",
        "000-Red.png",
        "%00",
        "%ff",
        "%F0%9F%91%9F",
        "a" * 5000,
        ".",
    ],
)
def test_no_id_is_a_path(shared, photo):
    for path in ("/photo/", "/api/photo/", "/api/heat/", "/api/search?photo=", "/report/", "/static/"):
        answer = shared.ask("GET", path + photo)
        assert answer.status in (404, 422 if "?" in path and len(photo) > 400 else 404)
        assert b"root:" not in answer.text


def test_a_photo_that_leads_out_of_its_folder_is_not_shown(served, tmp_path, colours):
    import shops

    from modiste.projects.project import project_at

    photos = shops.shop(tmp_path / "shop", 3)
    (tmp_path / "secret.png").write_bytes(shops.png("Red", 77))
    (photos / "link.png").symlink_to(tmp_path / "secret.png")
    (photos / "own.png").symlink_to(photos / "000-Red.png")
    inside = photos / "later.png"
    inside.write_bytes(shops.png("Red", 78))
    with served(project_at(photos, model=colours)) as pages:
        link, own, later = (pages.id_of(name) for name in ("link.png", "own.png", "later.png"))
        assert pages.get(f"/api/photo/{link}")["problem"] == "outside_root"
        for path in (f"/photo/{link}", f"/api/heat/{link}"):
            assert 400 <= pages.ask("GET", path).status < 500
        assert pages.ask("GET", f"/photo/{own}").status == 200
        inside.unlink()
        inside.symlink_to(tmp_path / "secret.png")  # once it was looked at
        for path in (f"/photo/{later}", f"/api/heat/{later}"):
            assert 400 <= pages.ask("GET", path).status < 500
        assert pages.get(f"/api/search?photo={link}&k=3")["neighbours"] == []


@pytest.fixture(scope="module")
def closed(served, tmp_path_factory, colours):
    """A server that takes a token."""
    import shops

    from modiste.projects.project import project_at

    photos = shops.shop(tmp_path_factory.mktemp("closed") / "shop", 4)
    door = Door(token=hashlib.sha256(TOKEN.encode()).digest(), cookie=TOKEN_COOKIE, open=OPEN_PAGES)
    with served(project_at(photos, model=colours), door=door, settle=False) as pages:
        yield pages


@pytest.mark.parametrize("method, path", ASKED[:-1])
def test_without_the_token_there_is_nothing_but_the_way_in(closed, method, path):
    body = b"{}" if method == "POST" else None
    for wrong in ({}, {"Cookie": f"{TOKEN_COOKIE}=wrong"}, {"Authorization": "Bearer wrong"}, {"Cookie": f"x{TOKEN_COOKIE}={HELD}"}):
        answer = closed.ask(method, path, body, **({"Content_Type": "application/json"} if body else {}), **wrong)
        if path == "/api/login":
            assert answer.status == 401
        else:
            assert (answer.status == 401) == (path not in OPEN_PAGES), (path, answer.status)
        assert "set-cookie" not in answer.headers
    for right in ({"Cookie": f"a=b; {TOKEN_COOKIE}={HELD}"}, {"Authorization": f"Bearer {TOKEN}"}):
        if method == "GET":
            assert closed.ask(method, path, **right).status != 401


def test_the_token_opens_the_door_and_is_kept_where_no_script_sees_it(closed):
    for wrong in ("", "wrong", None, 7, TOKEN[:-1], TOKEN + "x", ["a"]):
        refused = closed.send("/api/login", {"token": wrong})
        assert refused.status in (401, 422)
        assert "set-cookie" not in refused.headers
    answer = closed.send("/api/login", {"token": f" {TOKEN}\n"})
    assert answer.status == 200
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert closed.ask("GET", "/api/state", Cookie=cookie.partition(";")[0]).status == 200
    assert TOKEN.encode() not in closed.ask("GET", "/", Cookie=cookie.partition(";")[0]).text


@pytest.mark.parametrize("token", ["q83vEjRWeJq83vEjRWeJ/0kx+A==", 'a "token", of; odd\\signs=?'.replace(" ", "_"), "abcdef" * 160])
def test_every_token_that_a_server_takes_is_brought_back_by_a_browser(token):
    """A browser sends the value of a cookie as it was set, quotes and all: none may be needed."""
    door = Door("0.0.0.0", token=token_of(None, {ENVIRONMENT: token}), cookie=TOKEN_COOKIE)
    made = Response()
    keep_token(made, token)
    brought = made.headers["set-cookie"].partition(";")[0]
    assert door.is_token(door.in_cookie([(b"cookie", brought.encode())]))
    for wrong in (brought + "00", brought[:-1], brought.partition("=")[0] + "=" + token, brought.replace("=", "=x")):
        assert not door.is_token(door.in_cookie([(b"cookie", wrong.encode())]))


def test_without_a_token_nothing_can_be_logged_into(shared):
    answer = shared.send("/api/login", {"token": ""})
    assert (answer.status, "set-cookie" in answer.headers) == (401, False)


def events_of(pages, who="ada"):
    connection = http.client.HTTPConnection("127.0.0.1", pages.port, timeout=30)
    connection.request("GET", "/api/events", headers=pages.cookie(who))
    return connection, connection.getresponse()


def next_event(answer):
    import json

    assert answer.readline() == b"event: state\n"
    line = answer.readline()
    assert line.startswith(b"data: ")
    assert answer.readline() == b"\n"
    return json.loads(line[6:])


def test_events_tell_of_every_change_and_end_when_the_server_stops(served, project):
    with served(project) as pages:
        connection, answer = events_of(pages)
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        first = next_event(answer)
        assert first["who"] == "ada"
        photo = pages.photos()[0]["id"]
        begun = time.monotonic()
        pages.say(pages.decision(photo))
        second = next_event(answer)
        assert time.monotonic() - begun < 20
        assert second["version"] > first["version"]
        assert second["counts"]["labelled"] == 1
        pages.say(pages.decision(photo, "Blue"), who="bob")
        assert set(next_event(answer)["annotators"]) == {"ada", "bob"}
        begun = time.monotonic()
        pages.listener.stop()
        rest = answer.read()
        assert time.monotonic() - begun < 30
        assert rest == b"" or rest.endswith(b"\n\n")
        connection.close()


def test_events_come_four_times_a_second_at_most(pages):
    connection, answer = events_of(pages)
    next_event(answer)
    photos = [one["id"] for one in pages.photos() if not one["name"].startswith("copy")]
    begun = time.monotonic()
    for turn in range(40):
        pages.say(pages.decision(photos[turn % len(photos)]))
    last = pages.get("/api/state")["version"]
    many = 0
    while next_event(answer)["version"] < last:
        many += 1
    assert many <= 4 * (time.monotonic() - begun) + 2
    connection.close()


def test_a_quiet_server_says_now_and_then_that_it_is_there(pages, monkeypatch):
    monkeypatch.setattr("modiste.web.pages.shown.QUIET_SECONDS", 0.5)
    connection, answer = events_of(pages)
    first = next_event(answer)
    assert next_event(answer)["version"] == first["version"]
    connection.close()


def test_a_stop_during_a_look_ends_soon_and_keeps_what_was_asked(served, tmp_path, colours, monkeypatch):
    import shops

    from modiste.projects import looked
    from modiste.projects.project import project_at
    from modiste.serving.labeller import Labeller

    monkeypatch.setattr(looked, "FIRST", 20)
    photos = shops.shop(tmp_path / "shop", 120)
    folder, real, asked = project_at(photos, model=colours), Labeller.score, []

    def score(labeller, pixels):
        asked.append(bool(pixels.any()))
        time.sleep(0.05)
        return real(labeller, pixels)

    monkeypatch.setattr(Labeller, "score", score)
    with served(folder, settle=False) as pages:
        ends = time.monotonic() + 60
        while sum(asked) < 40:
            assert time.monotonic() < ends
            time.sleep(0.05)
        photo = pages.photos()[0]["id"]
        pages.say(pages.decision(photo, "Blue"))
        begun = time.monotonic()
    assert time.monotonic() - begun < 20
    before = sum(asked)
    assert before < 120
    asked.clear()
    with served(folder) as pages:
        assert len(pages.photos()) == 120
        assert pages.get(f"/api/photo/{photo}")["settled"] == "Blue"
    assert sum(asked) <= 120 - before + 12  # what was on its way


def test_nothing_new_is_taken_on_once_it_stops(served, project):
    with served(project) as pages:
        pages.listener.state.stopping = True
        answer = pages.ask("GET", "/api/state")
        assert (answer.status, answer.plain["reason"]) == (503, "stopping")


def test_a_body_that_is_too_large_is_refused_before_it_is_read_whole(served, project):
    with served(project, limits=Limits(photo_bytes=100_000, request_bytes=200_000, held_bytes=5_000_000)) as pages:
        assert pages.ask("POST", "/api/decisions", b" " * 4_100_000, Content_Type="application/json").status == 413
        assert pages.ask("POST", "/api/search", bytes(150_000), Content_Type="image/jpeg").status == 413
