"""The page that labels photos in the browser says what Python says. It is opened from disk in Chromium, told what to do through a pipe."""

import csv
import importlib.machinery
import importlib.util
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import modiste
from modiste.labelling.files import write_rows
from modiste.labelling.rows import columns_of
from modiste.records.labels import Classes
from modiste.records.recipe import Pixels
from modiste.serving.bundle import Card, Evidence, write_bundle
from modiste.serving.deciding import thresholds
from modiste.serving.labeller import Label

EXAMPLE = Path(__file__).parent.parent / "examples" / "browser"
CLASSES = Classes(("Shoes", "Clothing", "=Accessories", "Bags"))
SIDE = 64
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking")
NODE = shutil.which("node")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
RUNTIME = next(
    (place for place in (os.environ.get("ONNXRUNTIME_WEB"), EXAMPLE / "node_modules/onnxruntime-web") if place and Path(place).exists()),
    None,
)
in_node = pytest.mark.skipif(NODE is None, reason="node is not installed")
in_browser = pytest.mark.skipif(
    CHROMIUM is None or RUNTIME is None,
    reason="takes Chromium, and onnxruntime-web in examples/browser/node_modules or where ONNXRUNTIME_WEB says",
)


def quadrants(channels: int = 3) -> bytes:
    """A bundle's graph: the mean colours of the four quarters of a photo, times a matrix; it minds where things stand."""
    half = SIDE // 2
    weights = np.random.default_rng(3).normal(0, 3, (4 * channels, len(CLASSES))).astype(np.float32)
    constants = {
        "parts": np.array([-1, 2, half, 2, half, channels]),
        "places": np.array([2, 4]),
        "row": np.array([-1, 4 * channels]),
        "top": np.float32(255),
        "middle": np.float32(0.5),
        "weights": weights - weights.mean(1, keepdims=True),
    }
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["floats", "parts"], ["quarters"]),
        helper.make_node("ReduceMean", ["quarters", "places"], ["means"], keepdims=0),
        helper.make_node("Reshape", ["means", "row"], ["flat"]),
        helper.make_node("Div", ["flat", "top"], ["shares"]),
        helper.make_node("Sub", ["shares", "middle"], ["features"]),
        helper.make_node("MatMul", ["features", "weights"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        helper.make_node("ReduceMax", ["features", "last"], ["strangeness"], keepdims=0),
    ]
    constants["last"] = np.array([1])
    kept = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    given = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIDE, SIDE, channels])
    made = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *[None] * rest])
        for name, rest in {"probabilities": 1, "scores": 1, "features": 1, "strangeness": 0}.items()
    ]
    graph = helper.make_graph(nodes, "quadrants", [given], made, kept)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def evidence(photos: int = 800) -> Evidence:
    """Photos the righter the surer, but for those called Bags, which no precision can be promised for."""
    rng = np.random.default_rng(0)
    confidence, called = rng.uniform(0.3, 1, photos), rng.integers(0, len(CLASSES), photos)
    right = rng.uniform(0, 1, photos) < np.where(called == 3, 0.7, 0.85 + 0.25 * confidence)
    return Evidence(
        tuple(called.tolist()),
        tuple(right.tolist()),
        tuple(confidence.tolist()),
        tuple(rng.uniform(0, 0.5, photos).tolist()),
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "quarters.onnx"
    card = Card("quarters", CLASSES, Pixels(side=SIDE, colour="rgb"), 1.0, evidence(), 0.4, {}, "A network of the tests.\n")
    write_bundle(path, quadrants(), card)
    return path


def painted(seed: int, width: int, height: int) -> Image.Image:
    """Soft patches of colour, different in every corner."""
    corners = np.random.default_rng(seed).integers(0, 256, (3, 3, 3), np.uint8)
    return Image.fromarray(corners).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos as shops have them: small and large, all eight ways to hold a camera, see-through, grey, and some that cannot be read."""
    folder = tmp_path_factory.mktemp("photos")
    for number, (width, height) in enumerate([(64, 64), (90, 70), (400, 300), (333, 517), (1200, 900), (2000, 1500)]):
        painted(number, width, height).save(folder / f"{number}.jpg", quality=92)
        painted(number + 50, width, height).save(folder / f"{number}.png")
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = turn
        painted(100, 160, 90).save(folder / f"turned-{turn}.jpg", quality=92, exif=exif)
    seen = painted(7, 120, 120).convert("RGBA")
    seen.putalpha(Image.linear_gradient("L").resize((120, 120)))
    seen.save(folder / "see-through.png")
    seen.save(folder / "see-through.webp", lossless=True)
    painted(8, 100, 140).convert("L").save(folder / "grey.jpg", quality=92)
    painted(9, 100, 100).save(folder / "=formula, with a comma.gif")
    (folder / "cut.jpg").write_bytes((folder / "4.jpg").read_bytes()[:9000])
    (folder / "empty.png").write_bytes(b"")
    (folder / "words.jpg").write_bytes(b"no picture at all, whatever its name says")
    return folder


# --- what needs node alone


def node(script: str, *arguments: object) -> Any:
    """What a script in node prints, as JSON; it stands in the example's folder."""
    done = subprocess.run([NODE, "-e", script, *map(str, arguments)], cwd=EXAMPLE, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


READ = """
const { readBundle } = require("./bundle.js");
const bytes = new Uint8Array(require("node:fs").readFileSync(process.argv[1]));
readBundle(bytes).then(({ card, id, sealed }) => ({ card, id, sealed }), (error) => ({ error: error.message }))
  .then((said) => console.log(JSON.stringify(said)));
"""


@in_node
def test_the_page_reads_the_card_and_the_name_that_python_reads(bundle):
    said = node(READ, bundle)
    assert said["sealed"] is True
    assert said["id"] == modiste.load(bundle).id
    assert Card.parse(said["card"], "the page") == modiste.load(bundle).card


@in_node
@pytest.mark.parametrize("place", [0.1, 0.5, 0.999])
def test_one_changed_byte_is_noticed(bundle, tmp_path, place):
    data = bytearray(bundle.read_bytes())
    data[int(place * len(data))] ^= 1
    (tmp_path / "changed.onnx").write_bytes(data)
    assert "damaged" in node(READ, tmp_path / "changed.onnx")["error"]


@in_node
@pytest.mark.parametrize("data", [b"", b"\x72", b"\x72\xff\xff\xff\xff\x0f", quadrants()], ids=["empty", "one byte", "cut", "no card"])
def test_what_is_no_bundle_is_refused_in_words(tmp_path, data):
    (tmp_path / "other.onnx").write_bytes(data)
    assert "modiste export" in node(READ, tmp_path / "other.onnx")["error"]


@in_node
@pytest.mark.parametrize("precision", [0.8, 0.9, 0.95, 0.97, 0.99])
def test_the_page_decides_from_the_thresholds_that_python_finds(bundle, precision):
    card = modiste.load(bundle).card
    asks = (
        'const { thresholds } = require("./deciding.js"); const [card, precision] = process.argv.slice(1).map((text) => JSON.parse(text));'
    )
    found = node(f"{asks} console.log(JSON.stringify(thresholds(card, precision)));", json.dumps(card.plain()), precision)
    assert found == list(thresholds(card, precision).least)
    assert found[3] is None
    assert precision > 0.95 or found[0] is not None


@in_node
@pytest.mark.parametrize("fit", ["squash", "letterbox", "crop"])
@pytest.mark.parametrize("colour", ["rgb", "grey3"])
@pytest.mark.parametrize("width, height", [(64, 64), (30, 200), (211, 97), (700, 500)])
def test_pixels_are_pillows_to_the_last_bit(tmp_path, fit, colour, width, height):
    """From decoded pixels on; what decodes a JPEG is the browser's own. Before 13, Pillow took the two directions in one order only."""
    from modiste.data.opening.images import picture_to_pixels

    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8))
    (tmp_path / "rgba").write_bytes(picture.convert("RGBA").tobytes())
    eyes = {"side": SIDE, "colour": colour, "fit": fit}
    script = """
    const { toPixels } = require("./pixels.js");
    const [file, width, height, eyes] = process.argv.slice(1).map((text) => JSON.parse(text));
    console.log(JSON.stringify(Array.from(toPixels(require("node:fs").readFileSync(file), width, height, eyes, false))));
    """
    made = node(script, json.dumps(str(tmp_path / "rgba")), width, height, json.dumps(eyes))
    expected = picture_to_pixels(picture, SIDE, colour, fit, "drawn")
    difference = np.abs(np.array(made) - expected.reshape(-1).astype(int))
    assert difference.max() <= (0 if int(PIL.__version__.split(".")[0]) >= 13 else 1)


NASTY = ("=1+1", "+1", "-1", "@x", "\tx", "\rx", "'=1", "'plain", 'a "b", c', "line\nbreak", "ünï/👟.jpg", "plain.jpg")


@in_node
def test_the_saved_table_is_the_one_modiste_label_writes(tmp_path):
    """The same bytes, but for a bare CR, where Python quotes the whole row."""
    names = [name for name in NASTY if "\r" not in name]
    words = {"sha256": "ab", "called": 2, "confidence": 0.61, "decision": "auto", "reason": "", "strangeness": -0.25}
    rows = [{"photo": name, "probabilities": [0.1, 0.04, 0.61, 0.25], **words} for name in names]
    refused = {
        "photo": "x",
        "sha256": None,
        "called": None,
        "confidence": None,
        "probabilities": None,
        "decision": "reject",
        "reason": "empty",
    }
    written = node(
        'const { toCsv } = require("./table.js"); const [rows, card] = process.argv.slice(1, 3).map((text) => JSON.parse(text));'
        "console.log(JSON.stringify(toCsv(rows, card, process.argv[3])));",
        json.dumps([*rows, {**refused, "strangeness": None}]),
        json.dumps({"classes": list(CLASSES.names)}),
        "@model",
    )
    values = [(name, "ab", "=Accessories", 0.61, 0.1, 0.04, 0.61, 0.25, "auto", None, -0.25, None, None, "@model") for name in names]
    values.append(("x", None, None, None, None, None, None, None, "reject", "empty", None, None, None, "@model"))
    write_rows(tmp_path / "labels.csv", tmp_path / "part", columns_of(CLASSES), values)
    assert written == (tmp_path / "labels.csv").read_bytes().decode()


@in_node
@pytest.mark.parametrize("name", NASTY)
def test_no_cell_is_a_formula_and_every_name_comes_back(name):
    from modiste.data.layouts.rows import restored

    row = {"photo": name, "called": None, "confidence": None, "probabilities": None, "decision": "reject", "reason": "empty"}
    script = (
        'const { toCsv } = require("./table.js"); console.log(JSON.stringify(toCsv([JSON.parse(process.argv[1])], { classes: [] }, "m")));'
    )
    cell = list(csv.reader(node(script, json.dumps(row)).splitlines(keepends=True)))[1][0]
    assert cell.lstrip("'")[:1] not in "=+-@\t\r" or cell.startswith("'")
    assert restored(cell) == name


# --- pack


def pack() -> Any:
    loader = importlib.machinery.SourceFileLoader("pack", str(EXAMPLE / "pack"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("pack", loader))
    loader.exec_module(module)
    return module


PARTS = {"script": b"var ort;", "glue": b"export default 1;", "wasm": b"\0asm"}


def test_a_packed_page_holds_all_it_needs_and_may_fetch_nothing(bundle):
    import base64
    import gzip
    import re

    page = pack().packed(bundle.read_bytes(), PARTS, "1.2.3")
    inside = {name: gzip.decompress(base64.b64decode(text)) for name, text in re.findall(r'id="packed-(\w+)">([^<]*)<', page)}
    assert inside["bundle"] == bundle.read_bytes()
    assert (inside["glue"], inside["wasm"]) == (PARTS["glue"], PARTS["wasm"])
    assert inside["worker"].startswith(PARTS["script"])
    assert not re.search(r'<script src=|<link |(src|href)="(?!#)', page.split("<script>")[0])
    assert "connect-src 'none'" in page.split("<title>")[0]


def test_packing_the_same_gives_the_same_page(bundle):
    assert pack().packed(bundle.read_bytes(), PARTS, "1") == pack().packed(bundle.read_bytes(), PARTS, "1")


def test_pack_says_what_is_wrong(tmp_path, bundle):
    with pytest.raises(SystemExit, match="npm pack onnxruntime-web"):
        pack().runtime(tmp_path)
    with pytest.raises(SystemExit, match="modiste export"):
        pack().packed(b"no bundle", PARTS, "1")


# --- the page in Chromium


class Browser:
    """A headless Chromium, spoken to in its own protocol through a pipe: JSON, a zero byte behind each message."""

    def __init__(self, profile: Path) -> None:
        (told, self.tell), (self.hear, said) = os.pipe(), os.pipe()
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"]

        def as_three_and_four() -> None:
            one, two = os.dup(told), os.dup(said)
            os.dup2(one, 3)
            os.dup2(two, 4)

        self.process = subprocess.Popen(
            command,
            preexec_fn=as_three_and_four,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(told)
        os.close(said)
        self.events: list[dict[str, Any]] = []
        self.rest, self.number, self.session = b"", 0, ""
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self.session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "DOM", "Network"):
            self(f"{domain}.enable")

    def __call__(self, method: str, **words: Any) -> dict[str, Any]:
        self.number += 1
        about = {"sessionId": self.session} if self.session and not method.startswith(("Target.", "Browser.")) else {}
        os.write(self.tell, json.dumps({"id": self.number, "method": method, "params": words, **about}).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("id") == self.number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            self.events.append(message)

    def message(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            some = os.read(self.hear, 1 << 20)
            assert some, "Chromium ended"
            self.rest += some
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def value(self, expression: str) -> Any:
        found = self("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, expression: str, seconds: float = 120) -> Any:
        end = time.monotonic() + seconds
        while not (value := self.value(expression)):
            assert time.monotonic() < end, (expression, self.value("document.body.innerText"), self.troubles())
            time.sleep(0.1)
        return value

    def choose(self, selector: str, paths: list[Path]) -> None:
        root = self("DOM.getDocument")["root"]["nodeId"]
        node = self("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def troubles(self) -> list[Any]:
        """What the page complained of: exceptions, and errors on its console."""
        thrown = [event["params"]["exceptionDetails"] for event in self.events if event.get("method") == "Runtime.exceptionThrown"]
        calls = [event["params"] for event in self.events if event.get("method") == "Runtime.consoleAPICalled"]
        return [*thrown, *(call["args"] for call in calls if call["type"] == "error")]

    def asked_for(self) -> set[str]:
        """The kinds of addresses that the page asked for."""
        urls = [event["params"]["request"]["url"] for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        return {url.split(":")[0] for url in urls}

    def close(self) -> None:
        with suppress(AssertionError, OSError):
            self("Browser.close")
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.tell)
        os.close(self.hear)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    opened = Browser(tmp_path / "profile")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Path:
    to = tmp_path_factory.mktemp("page") / "label.html"
    to.write_text(pack().packed(bundle.read_bytes(), *pack().runtime(Path(RUNTIME))), encoding="utf-8")
    return to


@in_browser
def test_the_page_says_of_every_photo_what_python_says(browser, page, bundle, photos, tmp_path):
    """Opened from disk, photos in, table saved; nothing is asked of any network."""
    paths = sorted(photos.iterdir())
    browser("Page.navigate", url=page.as_uri())
    browser.until("document.body?.dataset.state === 'ready'")
    agree_with_python(table_of(browser, paths, tmp_path), bundle, paths)
    assert browser.value("document.querySelectorAll('#cards li').length") == len(paths)
    assert browser.asked_for() <= {"file", "blob", "data"}
    assert not browser.troubles()


def table_of(browser: Browser, paths: list[Path], folder: Path) -> list[dict[str, str]]:
    """Have the open page label photos and save its table."""
    browser("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    browser.choose("#photos", paths)
    browser.until("document.body.dataset.state === 'done'", 900)
    browser.value("document.getElementById('save').click()")
    end = time.monotonic() + 30
    while not (file := folder / "labels.csv").is_file() and time.monotonic() < end:
        time.sleep(0.1)
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def agree_with_python(rows: list[dict[str, str]], bundle: Path, paths: list[Path]) -> None:
    from modiste.data.layouts.rows import restored

    network = modiste.load(bundle)
    said = network.label(paths)
    assert [restored(row["photo"]) for row in rows] == [path.name for path in paths]
    assert {row["model"] for row in rows} == {network.id}
    for row, label in zip(rows, said, strict=True):
        assert restored(row["label"]) == (label.label or ""), row
        assert row["decision"] == label.decision, (row, label)
        assert row["reason"] == label.reason, row
        if label.label is not None:
            assert apart(row, label) < 0.03, row
    assert {label.decision for label in said} == {"auto", "review", "reject"}


def apart(row: dict[str, str], label: Label) -> float:
    """The largest difference of a probability between the page and Python."""
    shares = [float(value) for column, value in row.items() if column.lstrip("'").startswith("p_")]
    return float(np.abs(np.array(shares) - np.array(list(label.probabilities.values()))).max())


@pytest.mark.slow
@in_browser
def test_real_photos_get_pythons_labels(browser, tmp_path):
    """Of a folder of JPEGs named by MODISTE_PHOTOS and a bundle named by MODISTE_BUNDLE; -s shows the figures."""
    if not (named := [os.environ.get("MODISTE_PHOTOS"), os.environ.get("MODISTE_BUNDLE")])[0] or not named[1]:
        pytest.skip("MODISTE_PHOTOS and MODISTE_BUNDLE name no photos and no bundle")
    paths, bundle = sorted(Path(named[0]).glob("*.jpg")), Path(named[1])
    page = tmp_path / "label.html"
    page.write_text(pack().packed(bundle.read_bytes(), *pack().runtime(Path(RUNTIME))), encoding="utf-8")
    browser("Page.navigate", url=page.as_uri())
    browser.until("document.body?.dataset.state === 'ready'")
    rows, said = table_of(browser, paths, tmp_path), modiste.load(bundle).label(paths)
    same = np.mean([row["label"] == label.label for row, label in zip(rows, said, strict=True)])
    far = np.array([apart(row, label) for row, label in zip(rows, said, strict=True)])
    decided = np.mean([row["decision"] == label.decision for row, label in zip(rows, said, strict=True)])
    shares = np.quantile(far, (0.5, 0.95, 0.99, 1)).round(4).tolist()
    print(f"{len(paths)} photos: label the same {same:.4f}, decision {decided:.4f}, apart 50/95/99/100 % {shares}")
    print(browser.value("document.getElementById('told').textContent"))
    assert same >= 0.99
    assert np.quantile(far, 0.95) < 0.03


@in_browser
def test_a_damaged_bundle_is_refused_on_the_page(browser, page, bundle, tmp_path):
    data = bytearray(bundle.read_bytes())
    data[-1] ^= 1
    (tmp_path / "damaged.onnx").write_bytes(data)
    browser("Page.navigate", url=page.as_uri())
    browser.until("document.body?.dataset.state === 'ready'")
    browser.choose("#bundle", [tmp_path / "damaged.onnx"])
    browser.until("document.getElementById('alarm').textContent.includes('damaged')")
    assert not browser.value("document.getElementById('alarm').hidden")
