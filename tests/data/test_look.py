"""What photos show is measured alike at every size, and looked at once."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from modiste.data.auditing import looks as looks_module
from modiste.data.auditing.look import FINE, LOOK, SIDE, look, odd_waves
from modiste.data.auditing.looks import looks
from modiste.data.opening.refusals import FORMATS, PhotoRefused

BLANK, BLURRED = 0.03, 0.2


def jpeg(picture: Image.Image, quality: int = 85, **options: object) -> bytes:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality, **options)
    return data.getvalue()


def shirt(side: int = 224, colour: str = "navy") -> Image.Image:
    """A plain shirt on white, drawn large and made small, so that its outline is as sharp as a lens makes it."""
    page = Image.new("RGB", (896, 896), "white")
    outline = [(250, 120), (380, 90), (516, 90), (646, 120), (800, 330), (690, 400), (640, 330), (640, 800), (256, 800), (256, 330)]
    ImageDraw.Draw(page).polygon([*outline, (206, 400), (96, 330)], colour)
    return page.resize((side, side), Image.Resampling.LANCZOS)


def wash(rng: np.random.Generator) -> Image.Image:
    """An empty backdrop: light falls off to one side, and the sensor is noisy."""
    y, x = np.mgrid[:300, :240] / 300
    light = rng.uniform(0.3, 1, 3) + rng.uniform(-0.15, 0.15) * x[..., None] + rng.uniform(-0.15, 0.15) * (y**2)[..., None]
    return Image.fromarray(((light + rng.normal(0, 6 / 255, (300, 240, 1))).clip(0, 1) * 255).astype(np.uint8))


def small(data: bytes) -> np.void:
    return look(data, "a.jpg")["small"]


def test_a_look_says_what_the_file_is():
    data = jpeg(shirt().resize((200, 300)))
    seen = look(data, "a.jpg")
    assert seen.dtype == LOOK
    assert (seen["small"]["width"], seen["small"]["height"], seen["small"]["bytes"]) == (200, 300, len(data))
    assert FORMATS[seen["small"]["format"]] == "JPEG"
    assert seen["thumb"].shape == (SIDE, SIDE, 3)


def test_width_and_height_are_those_of_the_upright_photo():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    seen = small(jpeg(shirt().resize((300, 200)), exif=exif))
    assert (seen["width"], seen["height"]) == (200, 300)


def test_blank_backdrops_have_no_spread_and_garments_have():
    rng = np.random.default_rng(0)
    for quality in (30, 60, 90):
        assert small(jpeg(wash(rng), quality))["spread"] < BLANK
    ring = Image.new("RGB", (224, 224), "white")
    ImageDraw.Draw(ring).ellipse((95, 95, 130, 130), outline="silver", width=5)
    for picture in (shirt(), shirt(colour="gainsboro"), ring):
        assert small(jpeg(picture))["spread"] > BLANK


@pytest.mark.parametrize("side", [80, 224, 896])
def test_sharp_is_sharp_at_every_size_and_a_plain_garment_is_not_blurred(side):
    for colour in ("navy", "gainsboro", "crimson"):
        assert small(jpeg(shirt(side, colour), 90))["sharpness"] > BLURRED


@pytest.mark.parametrize("side", [80, 224, 896])
def test_blurred_is_blurred_at_every_size(side):
    radius = 1.5 * max(1, side / 224)
    assert small(jpeg(shirt(side).filter(ImageFilter.GaussianBlur(radius)), 90))["sharpness"] < BLURRED


def test_the_box_holds_what_stands_on_the_ground_and_a_border_does_not_move_it():
    left, top, right, bottom = small(jpeg(shirt()))["box"].astype(int)
    assert np.allclose((left, top, right, bottom), np.array([96, 90, 800, 800]) * FINE / 896, atol=1.5)
    framed = ImageOps.expand(shirt(), 14, "black")
    moved = small(jpeg(framed))["box"].astype(float) * 252 / FINE - 14
    assert np.allclose(moved, np.array([left, top, right, bottom]) * 224 / FINE, atol=5)


def test_a_mirrored_photo_turns_the_sign_of_odd_waves_only():
    rng = np.random.default_rng(1)
    picture = Image.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)).resize((192, 192), Image.Resampling.BICUBIC)
    waves, mirrored = (small(jpeg(one, 98))["waves"][0].astype(int) for one in (picture, ImageOps.mirror(picture)))
    assert np.abs(waves - np.where(odd_waves(), -1, 1) * mirrored).max() <= 3
    assert np.abs(waves - mirrored).max() > 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """12 photos, one of them no photo at all."""
    root = tmp_path / "shop"
    root.mkdir()
    for number in range(12):
        (root / f"{number}.jpg").write_bytes(jpeg(shirt(64 + number)))
    (root / "7.jpg").write_bytes(b"no picture")
    return root


NAMES = [f"{number}.jpg" for number in range(12)]


def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that are opened from now on."""
    paths: list[str] = []
    real = looks_module.each_photo

    def listening(root, some, *rest, **options):
        some = list(some)
        paths.extend(some)
        return real(root, some, *rest, **options)

    monkeypatch.setattr(looks_module, "each_photo", listening)
    return paths


def test_looks_come_in_the_order_asked_for_and_name_what_was_refused(folder):
    found = looks(folder, [*NAMES, "gone.jpg"], workers=1)
    assert found.small["width"].tolist() == [0 if number == 7 else 64 + number for number in range(12)] + [0]
    assert {place: refused.reason for place, refused in found.refused.items()} == {7: "not_an_image", 12: "missing"}
    assert found.seen.tolist() == [place not in (7, 12) for place in range(13)]
    assert (found.thumbs([7, 12]) == 255).all()
    assert (found.thumbs([3])[0] == look((folder / "3.jpg").read_bytes(), "3")["thumb"]).all()


def test_a_photo_that_did_not_change_is_not_opened_again(folder, tmp_path, monkeypatch):
    first = looks(folder, NAMES, tmp_path / "cache", workers=1)
    (folder / "2.jpg").write_bytes(jpeg(shirt(100)))
    paths = opened(monkeypatch)
    second = looks(folder, NAMES, tmp_path / "cache", workers=1)
    assert paths == ["2.jpg"]
    same = np.arange(12) != 2
    assert (first.small[same] == second.small[same]).all()
    assert second.small["width"][2] == 100
    assert second.refused[7].reason == "not_an_image"


def test_a_torn_or_damaged_book_costs_its_own_lines_only(folder, tmp_path, monkeypatch):
    looks(folder, NAMES, tmp_path / "cache", workers=1)
    (lines,) = (tmp_path / "cache").glob("*.lines")
    data = lines.read_bytes()
    each = len(data) // 12
    damaged = bytearray(data[: 10 * each + 17])
    damaged[8 * each + 40] ^= 1
    lines.write_bytes(bytes(damaged))
    paths = opened(monkeypatch)
    found = looks(folder, NAMES, tmp_path / "cache", workers=1)
    assert set(paths) == {"8.jpg", "9.jpg", "10.jpg", "11.jpg"}
    assert found.small["width"].tolist() == [0 if number == 7 else 64 + number for number in range(12)]


def test_two_catalogues_share_a_cache_without_meeting(folder, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    (other / "0.jpg").write_bytes(jpeg(shirt(200)))
    looks(folder, NAMES, tmp_path / "cache", workers=1)
    paths = opened(monkeypatch)
    assert looks(other, ["0.jpg"], tmp_path / "cache", workers=1).small["width"][0] == 200
    assert paths == ["0.jpg"]


KILLED = """
import sys
from pathlib import Path
from modiste.data.auditing import lookbook
from modiste.data.auditing.looks import looks
lookbook.AT_ONCE = 1
looks(Path(sys.argv[1]), [f"{number}.jpg" for number in range(80)], Path(sys.argv[2]), workers=1)
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a POSIX matter")
def test_after_kill_9_what_was_looked_at_stays(tmp_path, monkeypatch):
    root, cache = tmp_path / "shop", tmp_path / "cache"
    root.mkdir()
    for number in range(80):
        (root / f"{number}.jpg").write_bytes(jpeg(shirt(200 + number)))
    running = subprocess.Popen([sys.executable, "-c", KILLED, str(root), str(cache)])
    until = time.monotonic() + 60
    while not any(file.stat().st_size for file in cache.glob("*.lines")) and time.monotonic() < until:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL  # it had not come to its end
    paths = opened(monkeypatch)
    found = looks(root, [f"{number}.jpg" for number in range(80)], cache, workers=1)
    assert 0 < len(paths) < 80
    assert found.small["width"].tolist() == [200 + number for number in range(80)]


def test_two_programs_at_once_both_finish_and_leave_whole_books(tmp_path, monkeypatch):
    root, cache = tmp_path / "shop", tmp_path / "cache"
    root.mkdir()
    for number in range(80):
        (root / f"{number}.jpg").write_bytes(jpeg(shirt(100)))
    running = [subprocess.Popen([sys.executable, "-c", KILLED, str(root), str(cache)]) for _ in range(2)]
    assert [program.wait() for program in running] == [0, 0]
    assert len(list(cache.glob("*.lines"))) == 2
    paths = opened(monkeypatch)
    assert looks(root, [f"{number}.jpg" for number in range(80)], cache, workers=1).seen.all()
    assert paths == []


def test_a_photo_that_cannot_be_read_has_a_reason():
    with pytest.raises(PhotoRefused, match="empty"):
        look(b"", "a.jpg")
