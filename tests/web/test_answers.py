"""The server says what the labeller says, of every photo, in order, whatever is sent beside it."""

import hashlib
import io
import json

import numpy as np
import pytest
from PIL import Image

from modiste import __version__
from modiste.records.errors import UsageError
from modiste.serving.deciding import DECISIONS, WHY
from modiste.web import bodies, client
from modiste.web.app import PATHS, WORDS
from modiste.web.client import Client
from modiste.web.door import Door
from modiste.web.limits import Limits, Refused

KEYS = ("label", "confidence", "probabilities", "decision", "reason", "strangeness")


def told(label):
    return {key: getattr(label, key) for key in KEYS}


def without_words(row):
    return {key: row[key] for key in KEYS}


@pytest.mark.parametrize("precision", [0.6, 0.95, 0.999])
def test_a_form_of_photos_gets_what_the_labeller_says_of_each(server, tiny, photos, form, precision):
    body, kind = form([(path.name, path.read_bytes()) for path in photos])
    answer = server.label(body, f"?precision={precision}", Content_Type=kind)
    assert answer.status == 200
    assert [without_words(row) for row in answer.plain["photos"]] == [told(label) for label in tiny.label(photos, precision=precision)]
    assert [row["name"] for row in answer.plain["photos"]] == [path.name for path in photos]
    assert answer.plain["model"] == tiny.id
    assert answer.plain["precision"] == precision


@pytest.mark.parametrize("kind", ["image/jpeg", "image/anything", "application/octet-stream", "IMAGE/PNG; a=b"])
def test_one_photo_may_be_the_body(server, tiny, photos, kind):
    for path in photos:
        answer = server.label(path.read_bytes(), Content_Type=kind)
        assert [without_words(row) for row in answer.plain["photos"]] == [told(label) for label in tiny.label(path)]


def test_the_photos_are_not_all_the_same_to_the_network(tiny, photos):
    labels = tiny.label(photos)
    assert len({label.confidence for label in labels}) > 5
    assert 0 < sum(label.label is None for label in labels) < len(labels)


@pytest.mark.parametrize("data, reason", [(b"", "empty"), (b"no photo", "not_an_image"), (b"\xff\xd8\xff\xe0 cut", "truncated")])
def test_what_cannot_be_read_is_a_row_with_a_reason_and_words(server, photos, form, data, reason):
    body, kind = form([("bad.jpg", data), ("good.jpg", photos[0].read_bytes())])
    bad, good = server.label(body, Content_Type=kind).plain["photos"]
    assert (bad["label"], bad["decision"]) == (None, "reject")
    assert bad["reason"] in (reason, "corrupt")
    assert bad["words"] == WORDS[bad["reason"]]
    assert good["label"] is not None


def test_a_bomb_costs_its_own_photo_alone(server, photos, form):
    bomb = io.BytesIO()
    Image.new("1", (9_000, 9_000)).save(bomb, "PNG")
    body, kind = form([("bomb.png", bomb.getvalue()), ("good.jpg", photos[0].read_bytes())])
    first, second = server.label(body, Content_Type=kind).plain["photos"]
    assert first["reason"] == "too_many_pixels"
    assert second["label"] is not None


@pytest.mark.parametrize("name", ["../../etc/passwd", "=cmd|calc", "a b.jpg", "<script>.jpg", "schwän.jpg", "\u202egpj.exe", "x" * 300])
def test_names_are_data(server, photos, form, name):
    body, kind = form([(name, photos[0].read_bytes())])
    assert server.label(body, Content_Type=kind).plain["photos"][0]["name"] == name[:255]


def test_the_client_says_what_the_labeller_says_of_paths_bytes_and_what_is_not_there(server, tiny, photos, monkeypatch, tmp_path):
    monkeypatch.setattr(client, "AT_ONCE", 5)
    given = [*photos, str(photos[0]), photos[1].read_bytes(), tmp_path / "missing.jpg", tmp_path]
    assert Client(server.address).label(given, precision=0.9) == tiny.label(given, precision=0.9)
    assert Client(server.address).label(photos[0]) == tiny.label(photos[0])
    assert Client(server.address).label([]) == []


def test_the_client_takes_no_open_file_for_its_lines(photos):
    with photos[0].open("rb") as file, pytest.raises(UsageError, match="open file, not a photo"):
        Client("http://127.0.0.1:1").label(file)


def test_a_file_may_have_the_name_of_a_parameter(photos, form):
    body, kind = form([("precision", photos[0].read_bytes())])
    (piece,) = bodies.photos_in(bytearray(body), kind, Limits())
    assert (piece.name, bytes(piece.data)) == ("precision", photos[0].read_bytes())


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/model"])
def test_a_head_is_answered_as_a_get_is_without_content(server, path):
    asked, got = server.ask("HEAD", path), server.ask("GET", path)
    assert (asked.status, asked.text) == (200, b"")
    assert asked.headers["content-type"] == got.headers["content-type"]
    assert server.ask("HEAD", "/v1/label").status == 405


def test_the_card_is_told_without_the_evidence_and_without_a_path(server, tiny, tiny_bundle):
    plain = server.ask("GET", "/v1/model").plain
    assert plain["model"] == tiny.id
    assert plain["card"]["classes"] == list(tiny.classes.names)
    assert set(plain["limits"]) == set(vars(Limits()))
    assert str(tiny_bundle.parent) not in json.dumps(plain)


def test_every_route_stands_in_openapi_and_the_other_way_round(server):
    described = server.ask("GET", "/openapi.json").plain
    assert described["info"]["version"] == __version__
    assert {*described["paths"], "/openapi.json"} == set(PATHS) - {"/v1/search"}  # which an index brings
    assert "/v1/label" in described["paths"]
    assert described["paths"]["/v1/label"]["post"]["requestBody"]["content"]


def test_there_is_no_page_that_would_fetch_scripts_from_elsewhere(server):
    assert [server.ask("GET", path).status for path in ("/docs", "/redoc", "/")] == [404, 404, 404]


def test_what_was_done_is_counted(server, photos):
    before = server.ask("GET", "/metrics").text.decode()
    server.label(photos[0].read_bytes())
    server.settled()
    after = server.ask("GET", "/metrics").text.decode()
    line = 'modiste_requests_total{path="/v1/label",method="POST",status="200"} '
    count = lambda text: sum(int(one.removeprefix(line)) for one in text.splitlines() if one.startswith(line))  # noqa: E731
    assert count(after) == count(before) + 1
    assert server.ask("GET", "/some/where").status == 404
    server.settled()
    assert "/some/where" not in server.ask("GET", "/metrics").text.decode()


def test_the_log_has_a_line_a_request_and_nothing_of_names_or_queries(server, photos, form):
    body, kind = form([("secret-name.jpg", photos[0].read_bytes())])
    server.label(body, "?precision=0.87", Content_Type=kind)
    server.settled()
    assert "POST /v1/label 200" in server.lines[-1]
    assert not any("secret-name" in line or "0.87" in line for line in server.lines)


def test_words_stand_for_every_reason():
    assert set(WHY) < set(WORDS)
    assert DECISIONS


@pytest.mark.parametrize(
    "body, reason",
    [
        (b"", "bad_request"),
        (b"--b", "bad_request"),
        (b"--b\r\n", "bad_request"),
        (b"--b--\r\n", "no_photos"),
        (b"--b\r\n\r\n\r\n--b", "bad_request"),
        (b"--b\r\nno headers end", "bad_request"),
        (b"--b\r\nContent-Disposition: form-data\r\n\r\ncut", "bad_request"),
        (b"--bb\r\n\r\n\r\nx\r\n--bb--", "bad_request"),
        (b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n--b--", "bad_request"),
        (b"--b\r\n" + b"A: b\r\n" * 1000 + b"\r\nx\r\n--b--", "bad_request"),
        (b'--b\r\nContent-Disposition: form-data; name="precision"\r\n\r\n0.9\r\n--b--', "bad_parameter"),
        (b"--b\r\nA: b\r\n\r\nx\r\n" * 33 + b"--b--", "too_many_photos"),
    ],
)
def test_forms_that_are_none_are_refused_in_words(body, reason):
    with pytest.raises(Refused) as refused:
        bodies.photos_in(bytearray(body), "multipart/form-data; boundary=b", Limits())
    assert refused.value.reason == reason


@pytest.mark.parametrize("content", [b"", b"x", b"\r\n", b"--b", b"\r\n--", b"\r\n\r\n", bytes(range(256))])
def test_content_of_every_kind_comes_out_of_a_form_as_it_went_in(content, form):
    body, kind = form([("1", content), ("2", content[::-1])])
    assert [bytes(piece.data) for piece in bodies.photos_in(bytearray(body), kind, Limits())] == [content, content[::-1]]
    padded = bytearray(b"preamble\r\n" + body.replace(b"b0undary\r\n", b"b0undary \t\r\n") + b"epilogue")
    assert [bytes(piece.data) for piece in bodies.photos_in(padded, kind, Limits())] == [content, content[::-1]]


def test_the_client_sends_what_the_server_takes_and_says_of_a_larger_photo_that_it_is_too_big(tiny, photos, served):
    large = photos[0].read_bytes()
    most = max(len(path.read_bytes()) for path in photos)
    noisy = large + bytes(most + 1 - len(large))
    for limits in (
        Limits(photos=4),
        Limits(photos=2, photo_bytes=most, request_bytes=most),
        Limits(photo_bytes=most, request_bytes=2 * most),
    ):
        with served(tiny, limits=limits) as server:
            found = Client(server.address).label([*photos, noisy])
            assert found[:-1] == tiny.label(photos)
            assert (found[-1].reason == "file_too_big") == (limits.photo_bytes == most)


@pytest.mark.parametrize(
    "url", ["localhost:8000", "http://localhost:99999", "http://a..b", "http://a/b c", "http://a?token=b", "http://ann:x@a", ""]
)
def test_the_client_refuses_an_address_that_is_none_or_has_more_than_it_would_send(url):
    with pytest.raises(UsageError, match="a server's address is like"):
        Client(url)


@pytest.mark.parametrize("token", ["from-a-file\n", "two words", "caf\u00e9", ""])
def test_the_client_refuses_a_token_that_no_header_can_have(token):
    with pytest.raises(UsageError, match=r"\.strip\(\)"):
        Client("http://127.0.0.1:8000", token)


def test_the_client_takes_the_bytes_and_the_shares_that_the_labeller_takes(server, tiny, photos):
    data, client = photos[0].read_bytes(), Client(server.address)
    for photo in (bytearray(data), memoryview(data), [memoryview(data)]):
        assert client.label(photo) == tiny.label(data)
    assert client.label(data, precision=np.float64(0.9)) == tiny.label(data, precision=0.9)
    with pytest.raises(UsageError, match=r"precision = '0\.9'"):
        client.label(data, precision="0.9")
    for photo in (np.zeros((8, 8, 3), np.uint8), [None], None):
        with pytest.raises(UsageError, match=r"NoneType is no|ndarray is no"):
            client.label(photo)


def test_openapi_says_what_kind_every_answer_is_of_how_many_photos_may_come_and_where_a_token_is_asked_for(server, served):
    plain = server.ask("GET", "/openapi.json").plain
    assert "security" not in json.dumps(plain)
    assert server.ask("GET", "/metrics", Host="evil.example").headers["content-type"] == "application/json"
    answers = plain["paths"]["/metrics"]["get"]["responses"]
    assert {status: list(answer["content"]) for status, answer in answers.items()} == {
        status: ["text/plain" if status == "200" else "application/json"] for status in answers
    }
    form = plain["paths"]["/v1/label"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["photo"]["maxItems"] == Limits().photos
    token = "a-token-of-the-tests"
    with served(door=Door(token=hashlib.sha256(token.encode()).digest())) as there:
        asked = there.ask("GET", "/openapi.json", Authorization=f"Bearer {token}").plain
        assert asked["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
        for path, methods in asked["paths"].items():
            for method, said in methods.items():
                refused = there.ask(method.upper(), path).status == 401
                assert said["security"] == ([{"token": []}] if refused else [])
