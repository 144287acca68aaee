"""A page of another site, in a real browser, can neither read a project nor change it."""

import http.server
import threading

import pytest

TRIES = """
async ([address, photo]) => {
  const decision = { id: "evil-1", photo, kind: "label", label: "Red", how: "single" };
  const body = JSON.stringify({ decisions: [decision] });
  const sent = { method: "POST", credentials: "include" };
  const post = (path, type, mode, text = body) =>
    fetch(address + path, { ...sent, mode, headers: { "Content-Type": type }, body: text });
  const read = async (path, mode) => (await (await fetch(address + path, { mode, credentials: "include" })).text());
  const tried = {
    json: () => post("/api/decisions", "application/json", "cors").then((answer) => answer.text()),
    plain: () => post("/api/decisions", "text/plain", "no-cors").then((answer) => answer.text()),
    undo: () => post("/api/undo", "text/plain", "no-cors", "{}").then((answer) => answer.text()),
    state: () => read("/api/state", "cors"),
    opaque: () => read("/api/state", "no-cors"),
    picture: () => new Promise((done, failed) => {
      const image = new Image();
      image.onload = () => done(`${image.naturalWidth}`);
      image.onerror = () => failed(new Error("no picture"));
      image.src = `${address}/photo/${photo}?side=160`;
    }),
    script: () => new Promise((done, failed) => {
      const script = document.createElement("script");
      script.onload = () => done("run");
      script.onerror = () => failed(new Error("no script"));
      script.src = `${address}/static/api.js`;
      document.head.append(script);
    }),
    events: () => new Promise((done, failed) => {
      const source = new EventSource(`${address}/api/events`, { withCredentials: true });
      source.onmessage = source.onopen = () => done("heard");
      source.onerror = () => failed(new Error("no events"));
    }),
  };
  const found = {};
  for (const [name, go] of Object.entries(tried)) found[name] = await go().catch(() => "");
  return found;
}
"""


class Quiet(http.server.BaseHTTPRequestHandler):
    """Another site: an empty page, whatever is asked for."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, *_said):
        pass


@pytest.fixture(scope="module")
def elsewhere():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost"])  # the last two: another port of this very machine
def test_a_page_of_another_site_reads_nothing_and_says_nothing(app, elsewhere, stranger, host):
    photo, before = app.ask("/api/photos?limit=1")["photos"][0]["id"], app.decisions()
    app.ask("/api/decisions", {"decisions": [{"id": "own-1", "photo": photo, "kind": "label", "label": "Green", "how": "single"}]})
    said = app.decisions()
    assert len(said) == len(before) + 1  # the same words, said from here, are taken
    stranger.goto(f"http://{host}:{elsewhere}/")
    assert stranger.evaluate(TRIES, [app.address, photo]) == dict.fromkeys(
        ("json", "plain", "undo", "state", "opaque", "picture", "script", "events"), ""
    )
    assert app.decisions() == said


def test_a_name_that_leads_here_by_its_own_name_server_is_answered_nothing(app, stranger):
    """DNS rebinding: to the browser the page and the server are of one site; the Host is the stranger's."""
    port = app.address.rpartition(":")[2]
    before = app.decisions()
    answer = stranger.goto(f"http://rebound.example:{port}/")
    assert answer.status == 421
    for path in ("/api/state", "/photo/0123456789abcdef", "/static/api.js", "/annotate", "/healthz"):
        status, text = stranger.evaluate("async (path) => { const a = await fetch(path); return [a.status, await a.text()]; }", path)
        assert (status, "wrong_host" in text) == (421, True), path
    told = "async () => (await fetch('/api/undo', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' })).status"
    assert stranger.evaluate(told) == 421
    assert app.decisions() == before


def test_no_page_of_another_site_may_frame_ours(app, elsewhere, stranger):
    """A click that was meant for something else would label."""
    stranger.goto(f"http://evil.example:{elsewhere}/")
    framed = """(address) => new Promise((done) => {
      const frame = document.createElement("iframe");
      frame.onload = () => setTimeout(() => done(document.querySelectorAll("iframe").length), 500);
      frame.src = address + "/annotate";
      document.body.append(frame);
    })"""
    assert stranger.evaluate(framed, app.address) == 1
    assert not any(frame.url.startswith(app.address) and frame.query_selector("#about") for frame in stranger.frames)


@pytest.mark.parametrize(
    "asked, comes_to",
    [
        ("/review?said=none&text=é%26", "/review?said=none&text=%C3%A9%26"),
        ("/login?to=//elsewhere.example/", "/"),
        ("/login?to=javascript:alert(1)", "/"),
        ("/login?to=http://[", "/"),
        ("/login", "/"),
    ],
)
def test_who_enters_the_token_comes_to_the_page_that_was_asked_for_and_to_no_other_site(closed, window, asked, comes_to):
    page = window(closed).go(asked, "#token")
    page.locator("#token").fill(closed.token)
    page.locator("#token").press("Enter")
    page.wait_for_selector("#whose")
    assert page.evaluate("location.href") == closed.address + comes_to
