"""Whatever is asked, the server answers in words, never with a mistake of its own, and goes on."""

import io
import json
import random
import string
import urllib.parse

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from modiste.web import desk
from modiste.web.app import PATHS
from modiste.web.limits import STATUS

MURDEROUS = """
import os
from modiste.data.opening.images import to_pixels

def opened(data, where, **options):
    if data == b"die":
        os.kill(os.getpid(), 9)
    if data.startswith(b"die once") and not os.path.exists(data[8:]):
        open(data[8:], "w").close()
        os.kill(os.getpid(), 9)
    return to_pixels(data if not data.startswith(b"die once") else {png!r}, where=where, **options)
"""
TOKENS = [
    b"",
    b"\r\n",
    b"--b",
    b"--b--",
    b"\r\n--b\r\n",
    b'Content-Disposition: form-data; name=photo; filename="',
    b'"',
    b";",
    b"\x00",
    b"\xff\xd8\xff",
]
KINDS = [
    "multipart/form-data; boundary=b",
    "multipart/form-data",
    "image/jpeg",
    "application/octet-stream",
    "text/html",
    "multipart/mixed; boundary=b",
    "*/*",
]


def png():
    made = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)).save(made, "PNG")
    return made.getvalue()


words = st.text(string.printable, max_size=12).map(lambda text: urllib.parse.quote(text, safe="/%?=&.;"))
paths = st.one_of(
    st.sampled_from([*PATHS, "/v1/label?precision=0.9", "/v1/label?precision=", "//", "/v1/label/", "/%2e%2e/etc/passwd"]),
    words.map("/".__add__),
)
bodies = st.one_of(
    st.binary(max_size=300), st.lists(st.sampled_from([*TOKENS, png(), png()[:200]]) | st.binary(max_size=20), max_size=12).map(b"".join)
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Content_Type": st.sampled_from(KINDS),
        "Host": st.sampled_from(["localhost", "127.0.0.1:1", "evil.example", "a b"]),
        "Accept": st.text(string.ascii_letters + "*/;=", max_size=10),
        "Content_Encoding": st.sampled_from(["identity", "br", "gzip"]),
        "Range": st.just("bytes=0-1"),
        "Expect": st.just("100-continue"),
        "Cookie": st.text(string.ascii_letters + "=;", max_size=10),
        "Transfer_Encoding": st.just("identity"),
        "Authorization": st.text(string.ascii_letters + " =", max_size=10),
    },
)
requests = st.tuples(
    st.sampled_from(["POST", "POST", "POST", "GET", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "TRACE", "BREW"]),
    paths,
    bodies | st.none(),
    headers,
)


def answered_in_words(server, method, path, body, said):
    answer = server.ask(method, path, body, **said)
    assert answer.status in {200, *STATUS.values()} - {500, 503, 499, 408}
    assert answer.headers["x-content-type-options"] == "nosniff"
    if method != "HEAD" and answer.status != 200 and answer.text:
        assert set(json.loads(answer.text)) == {"error", "reason"}
    return answer.status


@pytest.mark.parametrize("count", [300, pytest.param(20_000, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_no_request_is_answered_by_a_mistake(server, count):
    seen = set()

    @settings(max_examples=count, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(requests)
    def ask(request):
        seen.add(answered_in_words(server, *request))

    ask()
    assert seen  # the controls: each kind of answer is one that the server gives
    known = {("GET", "/healthz"): 200, ("GET", "/nowhere"): 404, ("BREW", "/healthz"): 405}
    assert {asked: answered_in_words(server, *asked, None, {}) for asked in known} == known
    assert answered_in_words(server, "GET", "/healthz", None, {"Host": "evil.example"}) == 421


@pytest.mark.parametrize("count", [300, pytest.param(20_000, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_no_form_whose_bytes_were_changed_is_answered_by_a_mistake(server, form, count):
    body, kind = form([("a.png", png()), ("b.png", png())])
    chance, seen = random.Random(0), []
    for _ in range(count):
        changed = bytearray(body)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(changed))
            changed[at : at + chance.choice((0, 1, 1, 50))] = chance.choice((b"", b"\r\n", b"--", bytes([chance.randrange(256)])))
        seen.append(answered_in_words(server, "POST", "/v1/label", bytes(changed), {"Content_Type": kind}))
    assert {200, 400} <= set(seen)


def test_a_photo_that_kills_its_decoder_is_a_row_with_a_reason(served, form, tmp_path, monkeypatch):
    (tmp_path / "murderous.py").write_text(MURDEROUS.format(png=png()))
    monkeypatch.syspath_prepend(tmp_path)
    import murderous

    monkeypatch.setattr(desk, "to_pixels", murderous.opened)
    once = b"die once" + str(tmp_path / "once").encode()
    with served() as server:
        body, kind = form([("1", b"die"), ("2", png()), ("3", once)])
        rows = server.label(body, Content_Type=kind).plain["photos"]
        assert (tmp_path / "once").exists()
    assert [row["reason"] == "decoder_crashed" for row in rows] == [True, False, False]
    assert rows[1]["probabilities"] == rows[2]["probabilities"] != {}


def test_nothing_is_left_on_disk_when_a_server_has_stopped(served, monkeypatch, tmp_path):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with served() as server:
        assert server.label(png()).status == 200
        (folder,) = tmp_path.iterdir()
        assert list(folder.iterdir()) == []
    assert list(tmp_path.iterdir()) == []
