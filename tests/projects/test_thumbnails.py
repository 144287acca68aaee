"""Small pictures: of the right photo and the right way up, without metadata, no more of them than there is room for."""

import io
import random
from hashlib import sha256

import numpy as np
import pytest
from PIL import Image
from shops import COLOURS, png, shop

from modiste.data.opening.refusals import PhotoRefused
from modiste.projects import thumbnails
from modiste.projects.thumbnails import SIDES, Thumbnails

SECRET = b"a secret of the photographer"


@pytest.fixture
def kept(tmp_path):
    made = Thumbnails(tmp_path / "thumbnails" / "pictures.sqlite")
    yield made
    made.close()


@pytest.fixture
def made_of(monkeypatch):
    """The photos that pictures were made of, in order."""
    real, made = thumbnails.one_photo, []

    def one_photo(root, path, *given):
        made.append(path)
        return real(root, path, *given)

    monkeypatch.setattr(thumbnails, "one_photo", one_photo)
    return made


def sha_of(path):
    return sha256(path.read_bytes()).digest()


def opened(jpeg):
    picture = Image.open(io.BytesIO(jpeg))
    picture.load()
    return picture


def test_a_picture_is_made_once(tmp_path, kept, made_of):
    photos = shop(tmp_path / "shop", 3)
    shas = {path.name: sha_of(path) for path in photos.iterdir()}
    first = {name: kept.jpeg(photos, name, sha, 160) for name, sha in shas.items()}
    assert {name: kept.jpeg(photos, name, sha, 160) for name, sha in shas.items()} == first
    assert len(made_of) == 3
    for name, jpeg in first.items():
        mean = np.asarray(opened(jpeg).convert("RGB")).mean((0, 1))
        assert list(COLOURS)[int(mean.argmax())] in name


@pytest.mark.parametrize("side", SIDES)
def test_its_longer_side_is_what_was_asked_for_at_most(tmp_path, kept, side):
    (tmp_path / "shop").mkdir()
    wide = tmp_path / "shop" / "wide.png"
    Image.new("RGB", (2000, 500), "red").save(wide)
    picture = opened(kept.jpeg(wide.parent, wide.name, sha_of(wide), side))
    assert (picture.format, max(picture.size)) == ("JPEG", side)
    assert picture.size[0] / picture.size[1] == pytest.approx(4, rel=0.05)


def test_nothing_of_a_photos_metadata_is_sent(tmp_path, kept):
    folder = tmp_path / "shop"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = SECRET.decode(), 1
    exif[0x8825] = {1: "N", 2: (52.0, 30.0, 0.0)}  # where it was taken
    Image.new("RGB", (90, 60), "red").save(folder / "1.jpg", exif=exif, comment=SECRET, icc_profile=SECRET * 9)
    assert SECRET in (folder / "1.jpg").read_bytes()  # the control
    jpeg = kept.jpeg(folder, "1.jpg", sha_of(folder / "1.jpg"), 160)
    assert SECRET not in jpeg
    assert b"Exif" not in jpeg
    assert not dict(opened(jpeg).getexif())
    assert set(opened(jpeg).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize("turn", range(1, 9))
def test_photos_stand_upright(tmp_path, kept, turn):
    """The red corner is at the top left, however the camera was held."""
    folder = tmp_path / "shop"
    folder.mkdir()
    upright = Image.new("RGB", (120, 80), "white")
    upright.paste("red", (0, 0, 60, 40))
    back = {
        1: lambda one: one,
        2: lambda one: one.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda one: one.transpose(Image.Transpose.ROTATE_180),
        4: lambda one: one.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda one: one.transpose(Image.Transpose.TRANSPOSE),
        6: lambda one: one.transpose(Image.Transpose.ROTATE_90),
        7: lambda one: one.transpose(Image.Transpose.TRANSVERSE),
        8: lambda one: one.transpose(Image.Transpose.ROTATE_270),
    }[turn]
    exif = Image.Exif()
    exif[0x0112] = turn
    back(upright).save(folder / "1.jpg", exif=exif, quality=95)
    picture = opened(kept.jpeg(folder, "1.jpg", sha_of(folder / "1.jpg"), 160)).convert("RGB")
    assert picture.size[0] / picture.size[1] == pytest.approx(1.5, rel=0.05)
    corners = [picture.getpixel((x * picture.size[0] // 4, y * picture.size[1] // 4))[1] < 128 for x, y in ((1, 1), (3, 1), (1, 3), (3, 3))]
    assert corners == [True, False, False, False]


def test_pictures_take_no_more_room_than_there_is_and_the_longest_unasked_go_first(tmp_path, kept, made_of):
    photos = shop(tmp_path / "shop", 30)
    names = sorted(path.name for path in photos.iterdir())
    shas = {name: sha_of(photos / name) for name in names}
    size = len(kept.jpeg(photos, names[0], shas[names[0]], 160))
    kept.most_bytes = 10 * size
    for name in names:
        kept.jpeg(photos, name, shas[name], 160)
        kept.jpeg(photos, names[0], shas[names[0]], 160)  # asked for again and again
        assert kept.bytes == stored(kept) <= kept.most_bytes
    assert made_of.count(names[0]) == 1
    there = [name for name in names if kept.has(shas[name], 160)]
    assert there == [names[0], *names[len(names) - len(there) + 1 :]]
    assert len(there) >= 8


def stored(kept):
    return kept.base.execute("SELECT coalesce(sum(length(jpeg)), 0) FROM pictures").fetchone()[0]


def test_the_order_of_asking_is_known_when_it_is_opened_again(tmp_path):
    photos, place = shop(tmp_path / "shop", 12), tmp_path / "pictures.sqlite"
    names = sorted(path.name for path in photos.iterdir())
    one = Thumbnails(place)
    for name in [*names[:8], names[0]]:
        one.jpeg(photos, name, sha_of(photos / name), 160)
    one.close()
    other = Thumbnails(place)
    assert other.bytes == stored(other) > 0
    other.most_bytes = other.bytes
    other.jpeg(photos, names[8], sha_of(photos / names[8]), 160)
    assert other.has(sha_of(photos / names[0]), 160)
    assert not other.has(sha_of(photos / names[1]), 160)
    other.close()


def test_whatever_the_damage_pictures_are_made_anew(tmp_path):
    photos, place, chance = shop(tmp_path / "shop", 8), tmp_path / "pictures.sqlite", random.Random(0)
    names = sorted(path.name for path in photos.iterdir())
    one = Thumbnails(place)
    right = {(name, side): one.jpeg(photos, name, sha_of(photos / name), side) for name in names for side in SIDES}
    one.close()
    data = place.read_bytes()
    assert len(data) > 20_000
    for trial in range(30):
        damaged = bytearray(data)
        at = chance.randrange(len(data) - 4096) if trial else 0
        damaged[at : at + 4096] = chance.randbytes(4096)
        for left in tmp_path.glob("pictures.sqlite*"):
            left.unlink()
        place.write_bytes(chance.choice((bytes(damaged), data[:at])))
        again = Thumbnails(place)
        for name in names[:3]:
            assert again.jpeg(photos, name, sha_of(photos / name), 320) == right[name, 320]
        again.close()


def test_a_photo_that_was_changed_since_is_not_kept_as_what_it_was(tmp_path, kept):
    photos = shop(tmp_path / "shop", 1)
    path = photos / "000-Red.png"
    before, red = sha_of(path), path.read_bytes()
    path.write_bytes(png("Blue", 5))
    kept.jpeg(photos, path.name, before, 160)
    assert not kept.has(before, 160)
    path.write_bytes(red)
    assert np.asarray(opened(kept.jpeg(photos, path.name, before, 160))).mean((0, 1)).argmax() == 0
    assert kept.has(before, 160)


def test_photos_of_no_bytes_are_not_taken_for_one_another(tmp_path, kept):
    photos, nothing = shop(tmp_path / "shop", 2), bytes(32)
    (photos / "late.png").write_bytes(png("Blue", 5))
    kept.jpeg(photos, "late.png", nothing, 160)
    with pytest.raises(PhotoRefused, match="missing"):
        kept.jpeg(photos, "gone.png", nothing, 160)


def test_a_photo_that_cannot_be_shown_says_why(tmp_path, kept):
    photos = shop(tmp_path / "shop", 1)
    (photos / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "outside.png").write_bytes(png("Red", 1))
    (photos / "link.png").symlink_to(tmp_path / "outside.png")
    for name, reason in (("broken.jpg", "not_an_image"), ("link.png", "outside_root"), ("../outside.png", "outside_root")):
        with pytest.raises(PhotoRefused) as refused:
            kept.jpeg(photos, name, sha256(name.encode()).digest(), 160)
        assert refused.value.reason == reason


def test_a_disk_without_room_costs_time_alone(tmp_path, kept, made_of):
    (tmp_path / "shop").mkdir()
    noisy = tmp_path / "shop" / "noisy.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)).save(noisy)
    kept.base.execute("PRAGMA max_page_count = 4")
    first = kept.jpeg(noisy.parent, noisy.name, sha_of(noisy), 640)
    assert kept.jpeg(noisy.parent, noisy.name, sha_of(noisy), 640) == first
    assert len(made_of) == 2
