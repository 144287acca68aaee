"""Chromium before the pages of a shop of colours, served by a thread; or by a process of its own, which can be killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "projects"))  # shops.py is imported by name

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGS = ["--no-sandbox", "--disable-dev-shm-usage"]
PHOTOS = 60  # as many red ones as green and blue ones
HOSTILE = "<img src=x onerror=alert(1)>-Red.png"


class App:
    """The pages of a project, and how tests ask them."""

    address = ""
    token = None

    def ask(self, path, value=None, who=None):
        body = None if value is None else json.dumps(value).encode()
        return json.loads(self.answer(path, body, {"Cookie": f"modiste_who={who.encode().hex()}"} if who else {}))

    def answer(self, path, body=None, headers=()):
        headers = {"Content-Type": "application/json", **dict(headers)}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        with urllib.request.urlopen(urllib.request.Request(self.address + path, body, headers), timeout=60) as answer:
            return answer.read()

    def until(self, holds, seconds=300):
        """The state, once something holds of it."""
        end = time.monotonic() + seconds
        while not holds(now := self.ask("/api/state")):
            assert time.monotonic() < end, now
            time.sleep(0.05)
        return now

    def looked(self):
        return self.until(lambda now: now["job"] is None and now["project"]["photos"])

    def decisions(self):
        """All that was said, from the log itself."""
        return [json.loads(line) for line in self.answer("/api/export?format=log").splitlines()]


class Killable(App):
    """`modiste app` of a project, in a process."""

    port = 0

    def __init__(self, folder):
        self.folder = folder

    def start(self, token=None):
        self.token = token
        command = [sys.executable, "-m", "modiste", "app", str(self.folder), "--no-browser", "--port", str(self.port)]
        alone = {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **({"MODISTE_TOKEN": token} if token else {})}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **alone}, cwd=self.folder.parent)
        line = self.process.stdout.readline()
        self.address = line.partition(" at ")[2].split()[0].rstrip("./")
        self.port = int(self.address.rpartition(":")[2])
        self.looked()
        return self

    def kill(self):
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        self.process.stdout.close()


@contextmanager
def served(folder, looked=True):
    """A project served by a thread, its photos looked at."""
    from modiste.web.door import Door
    from modiste.web.pages.server import serve_app
    from modiste.web.server import Asked

    made, there, hands = App(), threading.Event(), []

    def heard(address):
        made.address = address.rstrip("/")
        there.set()

    thread = threading.Thread(target=serve_app, args=(folder, Asked(Door(), 0, log=None), heard), kwargs={"hand": hands.append})
    thread.start()
    try:
        assert there.wait(300)
        if looked:
            made.looked()
        yield made
    finally:
        hands[0].stop()
        thread.join(60)
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def serving():
    """serving(folder): its pages, served by a thread."""
    return served


@pytest.fixture(scope="session")
def project(chromium, tmp_path_factory):
    """A shop whose photos were looked at, and that nobody has spoken of; its network takes red for green and green for red."""
    return begun(tmp_path_factory.mktemp("shop"), (1, 0, 2))


def begun(folder, heads, names=()):
    import shops

    from modiste.projects.project import project_at

    photos = shops.fill(shops.shop(folder / "shop", PHOTOS, spread=60), names, seed=500)
    made = project_at(photos, model=shops.network(folder / "colours.onnx", heads))
    with served(made):
        return made


@pytest.fixture
def folder(project, tmp_path):
    return shutil.copytree(project, tmp_path / project.name)


@pytest.fixture
def app(folder):
    """That shop, to say things of."""
    with served(folder) as made:
        yield made


@pytest.fixture
def killable(folder):
    made = Killable(folder).start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def closed(project, tmp_path_factory):
    """That shop, behind a token."""
    made = Killable(shutil.copytree(project, tmp_path_factory.mktemp("closed") / project.name)).start(token="a-token-of-the-tests")
    yield made
    made.kill()


@pytest.fixture(scope="session")
def shared(chromium, tmp_path_factory):
    """A shop whose network is right, with names that are markup: for tests that say nothing, or nothing of note."""
    with served(begun(tmp_path_factory.mktemp("shared"), (0, 1, 2), [HOSTILE, "a rather long name " * 8 + "-Blue.png"])) as made:
        yield made


@pytest.fixture(scope="session")
def chromium():
    """The browser; without one, or without Playwright, these tests are skipped."""
    if CHROMIUM is None:
        pytest.skip("takes Chromium")
    play = pytest.importorskip("playwright.sync_api", reason="takes Playwright: pip install playwright")
    for package in ("fastapi", "jinja2", "scipy"):
        pytest.importorskip(package)
    with play.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def stranger(chromium):
    """A page of a browser for which every name under .example is this machine, as a name server of the attacker's has it."""
    rules = "--host-resolver-rules=MAP *.example 127.0.0.1"
    browser = chromium.browser_type.launch(executable_path=CHROMIUM, args=[*ARGS, rules])
    yield browser.new_page()
    browser.close()


class Window:
    """A page of a browser that keeps what went wrong in it."""

    def __init__(self, page, app):
        self.page, self.app, self.wrong = page, app, []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda line: line.type == "error" and self.wrong.append(line.text))
        page.on("dialog", lambda dialog: (self.wrong.append(f"dialog: {dialog.message}"), dialog.accept()))

    def go(self, path, shows):
        """Open a page, and wait for something that it shows."""
        self.page.goto(self.app.address + path)
        self.page.wait_for_selector(shows)
        return self.page

    def saved(self, many):
        """Wait until the page says that so many decisions are saved."""
        self.page.wait_for_function("many => document.querySelector('#kept-words').textContent === `${many} saved`", arg=many)


@pytest.fixture
def window(chromium):
    """window(app, width=1280): a fresh page before an app."""
    contexts = []

    def opened(app, width=1280):
        size = {"width": width, "height": 844 if width < 500 else 800}
        contexts.append(chromium.new_context(viewport=size, has_touch=width < 500))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        return Window(page, app)

    yield opened
    for context in contexts:
        context.close()
