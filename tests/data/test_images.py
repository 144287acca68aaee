"""Photos are read right, in one way, or refused with a reason."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modiste.data.opening import images, jpeg
from modiste.data.opening.flat import flat
from modiste.data.opening.images import DECODERS, FITS, decode, to_pixels
from modiste.data.opening.kinds import ENDINGS
from modiste.data.opening.refusals import FORMATS, REASONS, PhotoRefused
from modiste.data.opening.stores import find_photo, read_photo
from modiste.records.errors import UsageError
from modiste.records.recipe import COLOURS
from modiste.records.recipe import FITS as RECIPE_FITS


def saved(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    data = io.BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


def quarters(width: int = 64, height: int = 64) -> Image.Image:
    """Red, green, blue and grey corners: any turn shows."""
    picture = Image.new("RGB", (width, height))
    halves = ((0, 0, "red"), (width // 2, 0, "lime"), (0, height // 2, "blue"), (width // 2, height // 2, "grey"))
    for left, top, colour in halves:
        picture.paste(colour, (left, top, left + width // 2, top + height // 2))
    return picture


def read(data: bytes, side: int = 32, colour: str = "rgb", fit: str = "squash") -> np.ndarray:
    return to_pixels(data, side, colour, fit, "a.jpg").astype(int)


def reason(data: bytes) -> str:
    with pytest.raises(PhotoRefused, match=r"^shop/a\.jpg: ") as refused:
        to_pixels(data, 32, "rgb", "squash", "shop/a.jpg")
    assert refused.value.reason in REASONS
    return refused.value.reason


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("colour", COLOURS)
def test_the_shape_is_the_one_asked_for_whatever_the_photo(colour, fit):
    for size in ((1, 1), (7, 300), (300, 7), (64, 48)):
        pixels = to_pixels(saved(Image.new("RGB", size, "teal")), 40, colour, fit, "a")
        assert pixels.shape == (40, 40, 3 if colour == "rgb" else 1)
        assert pixels.dtype == np.uint8
        assert pixels.flags.writeable


def test_every_fit_of_a_recipe_is_known_here():
    assert set(FITS) == set(RECIPE_FITS)


def test_every_allowed_format_has_its_decoder():
    assert set(DECODERS) == set(FORMATS) >= set(ENDINGS)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_allowed_format_gives_the_same_picture(kind):
    pixels = read(saved(quarters(), kind))
    assert np.abs(pixels[4, 4] - (255, 0, 0)).max() < 24
    assert np.abs(pixels[28, 28] - (128, 128, 128)).max() < 24


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_camera_s_orientation_is_applied_once(orientation, kind):
    """The picture is stored as the camera held it; read upright it is the same for all eight."""
    upright = quarters(64, 32)
    undo = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270"}
    stored = upright.transpose(Image.Transpose[undo[orientation]]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = read(saved(stored, kind, exif=exif))
    for place, colour in (((8, 8), (255, 0, 0)), ((8, 24), (0, 255, 0)), ((24, 8), (0, 0, 255)), ((24, 24), (128, 128, 128))):
        assert np.abs(pixels[place] - colour).max() < 24


def test_what_is_transparent_shows_white_not_the_hidden_colour():
    hidden = Image.new("RGBA", (32, 32), (255, 0, 0, 0))
    hidden.paste((0, 0, 255, 255), (0, 0, 16, 32))
    for data in (saved(hidden), saved(hidden, "WEBP", lossless=True), saved(hidden.convert("LA")), saved(hidden, "GIF")):
        pixels = read(data)
        assert pixels[16, 30].min() > 250
        assert pixels[16, 2].mean() < 128
    palette = Image.new("P", (32, 32), 1)
    palette.putpalette([10, 20, 30, 200, 0, 0])
    assert read(saved(palette, transparency=1)).min() == 255
    assert read(saved(palette))[0, 0].tolist() == [200, 0, 0]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_not_clipped(kind):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None, :].repeat(64, 0)
    pixels = read(saved(Image.fromarray(ramp), kind), side=64)
    assert np.abs(pixels[32, :, 0] - np.linspace(0, 255, 64)).max() <= 1


def test_float_and_cmyk_pictures_keep_their_light():
    assert np.abs(read(saved(Image.fromarray(np.full((8, 8), 0.5, np.float32)), "TIFF")) - 128).max() <= 1
    assert np.abs(read(saved(quarters().convert("CMYK"), "JPEG"))[4, 4] - (255, 0, 0)).max() < 24


def test_only_the_first_frame_of_an_animation_counts():
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        assert np.abs(read(data)[16, 16] - (255, 0, 0)).max() < 10


def test_grey_is_the_luma_of_the_colours():
    pixels = read(saved(quarters()), colour="grey3")[..., 0]
    assert [int(pixels[place]) for place in ((4, 4), (4, 28), (28, 4))] == [76, 150, 29]


def test_scaled_decoding_of_a_large_photo_changes_nothing_that_shows():
    blocks = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    large = Image.fromarray(blocks).resize((448, 448), Image.Resampling.NEAREST)
    whole = np.asarray(large.resize((64, 64), Image.Resampling.BILINEAR), dtype=int)
    data = saved(large, "JPEG", quality=95, subsampling=0)
    assert np.abs(read(data, side=64) - whole).mean() < 3
    small = Image.open(io.BytesIO(data))
    small.draft("RGB", (64, 64))
    assert small.size < large.size  # the control: there was something to scale


def test_letterbox_keeps_the_whole_picture_and_crop_its_middle():
    wide = Image.new("RGB", (96, 32), "red")
    wide.paste("blue", (32, 0, 64, 32))
    boxed, cropped = read(saved(wide), side=48, fit="letterbox"), read(saved(wide), side=48, fit="crop")
    assert (boxed[:14] == 255).all()
    assert (boxed[-14:] == 255).all()
    assert boxed[24, 2].tolist() == [255, 0, 0]
    assert boxed[24, 24].tolist() == [0, 0, 255]
    assert (cropped[..., 2] > 120).all()


def test_each_bad_file_is_refused_with_its_reason():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    good = saved(noise, "JPEG")
    read(good)  # the guard lets the sound one through
    assert reason(b"") == "empty"
    assert reason(b"Image_Name,Label\n") == "not_an_image"
    assert reason(bytes(500)) == "not_an_image"
    assert reason(good[: len(good) // 2]) == "truncated"
    assert reason(saved(noise)[:-2000]) == "truncated"
    assert reason(saved(noise, "PPM")) == "format_not_allowed"
    assert reason(b"\0\0\0\x18ftypheic" + bytes(100)) == "format_not_allowed"
    torn = bytearray(saved(noise))
    torn[200:260] = bytes(60)
    assert reason(bytes(torn)) == "corrupt"


def test_damage_that_pillow_fills_with_grey_is_refused_and_the_lenient_keep_what_there_is():
    """What was there is as it was, but for a progressive JPEG, which is vague all over; strict is the default."""
    for data in (
        saved(soft_noise(), "JPEG"),
        saved(soft_noise(), "JPEG", progressive=True),
        saved(soft_noise()),
        saved(soft_noise(), "TIFF"),
    ):
        cut = data[: len(data) * 3 // 4] if data[:2] != b"II" else data[:-3000]
        whole = to_pixels(data, 32, "rgb", "squash", "a")
        assert reason(cut) in ("truncated", "corrupt")
        kept = to_pixels(cut, 32, "rgb", "squash", "a", strict=False)
        if b"\xff\xc2" not in data:
            assert (kept[:10] == whole[:10]).all()
        assert (kept != whole).any()
        assert (to_pixels(data, 32, "rgb", "squash", "a", strict=False) == whole).all()


def soft_noise() -> Image.Image:
    small = Image.fromarray(np.random.default_rng(1).integers(0, 255, (16, 16, 3), dtype=np.uint8))
    return small.resize((64, 64), Image.Resampling.BICUBIC)


def test_what_no_decoder_can_keep_is_refused_by_the_lenient_too():
    for data in (b"", b"text", saved(quarters(), "PPM"), saved(quarters(), "WEBP")[:100], saved(quarters(), "JPEG")[:20]):
        with pytest.raises(PhotoRefused):
            to_pixels(data, 32, "rgb", "squash", "a", strict=False)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 1}, {"restart_marker_blocks": 3}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_is_what_pillow_makes_of_it(mode, options):
    """Small and scaled down, in colours, grey and inks: the strict decoder changes no pixel."""
    for size in ((61, 47), (500, 700), (1200, 900)):
        data = saved(soft_noise().resize(size).convert(mode), "JPEG", **options)
        for wanted in ("RGB", "L"):
            plain = Image.open(io.BytesIO(data))
            plain.draft(wanted, (64, 64))
            assert (np.asarray(decode(data, 32, wanted, "a")) == np.asarray(flat(plain, 64, wanted))).all()


def test_scans_in_metadata_or_behind_the_end_are_no_scans():
    good = saved(soft_noise(), "JPEG", progressive=True)
    last = good.rindex(b"\xff\xda")
    many = good[:last] + good[last:-2] * 150 + good[-2:]
    assert jpeg.scans(good) == 10
    assert reason(many) == "too_many_scans"
    noted = good[:2] + b"\xff\xfe\x01\xf6" + b"\xff\xda" * 250 + good[2:]
    for data in (noted, good + b"\xff\xda" * 250):
        assert jpeg.scans(data) == 10
        assert (read(data) == read(good)).all()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_the_smallest_honest_jpeg_has_enough_data_and_a_stretched_one_too_little(options):
    """One colour all over costs the least bits a block can."""
    for mode, size in (("RGB", (2000, 2000)), ("L", (2000, 2000)), ("RGB", (1, 1)), ("RGB", (2001, 17)), ("CMYK", (800, 801))):
        data = saved(Image.new(mode, size), "JPEG", optimize=True, **options)
        read(data)
        at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
        stretched = data[: at + 5] + (7000).to_bytes(2, "big") * 2 + data[at + 9 :]
        assert reason(stretched) == "too_little_data"
        assert reason(stretched[:-2]) == "truncated"  # no end marker: called truncated, whatever else is wrong


def test_every_kind_of_failure_has_its_reason(monkeypatch):
    expected = {MemoryError(): "out_of_memory", OSError("out of memory error"): "out_of_memory", TypeError("odd"): "corrupt"}
    expected |= {Image.DecompressionBombError("big"): "too_many_pixels", SyntaxError("unknown pixel mode"): "format_not_allowed"}
    expected |= {OSError("image file is truncated"): "truncated", AssertionError(): "corrupt", OverflowError("x"): "corrupt"}
    for error, word in expected.items():

        def broken(*_: object, error: BaseException = error) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(images, "flat", broken)
            assert reason(saved(quarters())) == word


def test_warnings_made_errors_change_nothing():
    """Pillow warns of this photo's notes, and this test run makes errors of warnings."""
    data = saved(quarters(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12")
    with pytest.warns(UserWarning, match="Corrupt EXIF data"):
        Image.open(io.BytesIO(data)).getexif()
    assert np.abs(read(data)[4, 4] - (255, 0, 0)).max() < 24


def test_large_pictures_are_averaged_down_to_no_less_than_asked_and_show_the_same():
    picture = soft_noise().resize((640, 480), Image.Resampling.BICUBIC)
    for mode in ("RGB", "RGBA", "CMYK", "P"):
        made = flat(picture.convert(mode), 64, "RGB")
        assert made.size == (91, 68)
        whole = picture.convert(mode).convert("RGB").resize((32, 32), Image.Resampling.BILINEAR)
        assert np.abs(np.asarray(made.resize((32, 32), Image.Resampling.BILINEAR), int) - np.asarray(whole)).max() < 12
    assert flat(picture, 600, "RGB").size == (640, 480)


def test_a_bomb_is_refused_before_it_is_decoded():
    data = bytearray(saved(Image.new("L", (8, 8)), "BMP"))
    for width, height in ((10_000, 6_000), (60_000, 60_000)):
        data[18:26] = width.to_bytes(4, "little") + height.to_bytes(4, "little")
        assert reason(bytes(data)) == "too_many_pixels"
    large = saved(Image.new("1", (7_000, 7_000)), "PNG")  # 49 megapixels pass
    assert read(large).max() == 0


def test_unknown_colours_and_fits_offer_the_near_name():
    with pytest.raises(UsageError, match="Did you mean 'grey3'"):
        to_pixels(b"", 32, "grey", "squash", "a")
    with pytest.raises(UsageError, match="Did you mean 'crop'"):
        to_pixels(b"", 32, "rgb", "crops", "a")


def refused_path(root: Path, path: str) -> str:
    with pytest.raises(PhotoRefused) as refused:
        read_photo(root, path)
    return refused.value.reason


def test_no_file_outside_the_root_is_opened(tmp_path):
    root = tmp_path / "root"
    (root / "images").mkdir(parents=True)
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (root / "images" / "in.jpg").write_bytes(b"photo")
    (root / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "link.jpg").symlink_to(root / "images" / "in.jpg")
    (root / "loop.jpg").symlink_to(root / "loop.jpg")
    assert read_photo(root, "images/in.jpg") == b"photo"
    assert read_photo(root, "link.jpg") == b"photo"
    for path in ("../secret.jpg", "images/../../secret.jpg", str(tmp_path / "secret.jpg"), "out.jpg", "a\0b"):
        assert refused_path(root, path) == "outside_root"
    assert refused_path(root, "loop.jpg") == "unreadable"


def test_what_is_no_regular_file_is_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    assert refused_path(tmp_path, "pipe.jpg") == "not_a_regular_file"
    assert refused_path(tmp_path, "folder.jpg") == "not_a_regular_file"
    assert refused_path(tmp_path, "none.jpg") == "missing"


def test_a_link_as_root_is_the_folder_it_leads_to(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "1.jpg").write_bytes(b"x")
    (tmp_path / "root").symlink_to(tmp_path / "real")
    assert find_photo(tmp_path / "root", "1.jpg") == (tmp_path / "real" / "1.jpg").resolve()


def test_decoders_that_fail_oddly_still_give_a_reason(monkeypatch):
    """Pillow's decoders raise SyntaxError, ValueError, TypeError ... as well as OSError."""

    def broken(*_: object) -> None:
        raise SyntaxError("odd")

    monkeypatch.setattr(images, "flat", broken)
    assert reason(saved(quarters())) == "corrupt"
