"""Corruptions: the shape kept, worse with every severity, the same for a photo wherever it stands, and grey as Pillow makes it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from modiste.data.corruptions import CORRUPTIONS, SEVERITIES, chance_of, corrupted, in_colour
from modiste.data.opening.images import to_pixels
from modiste.records.errors import ModisteError

ALL = pytest.mark.parametrize("name", CORRUPTIONS)


@pytest.fixture
def photo():
    """(64, 64, 3): a thing of waves on white, of lengths that no block of pixels fits."""
    across, down = np.meshgrid(np.arange(64), np.arange(64))
    waves = [np.sin(across / (1.3 + shade) + down / 4.7) + np.sin(down / (2.9 - shade)) for shade in (0.0, 0.4, 0.9)]
    thing = 130 + 45 * np.stack(waves, 2)
    inside = ((across - 30.5) ** 2 / 500 + (down - 33) ** 2 / 700 < 1)[..., None]
    return np.where(inside, thing, 250).round().astype(np.uint8)


def psnr(one, other):
    return 10 * np.log10(255**2 / ((one.astype(float) - other) ** 2).mean())


@ALL
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [32, 65])
def test_shape_and_kind_stay_and_the_photo_given_is_not_touched(name, channels, side):
    picture = np.random.default_rng(0).integers(0, 256, (side, side, channels), np.uint8)
    before = picture.copy()
    for severity in SEVERITIES:
        made = corrupted(name, picture, severity, chance_of(0, name, "a.jpg"))
        assert (made.shape, made.dtype) == (picture.shape, np.uint8)
    assert (picture == before).all()


@ALL
def test_each_severity_leaves_less_of_the_photo(name, photo):
    found = [psnr(corrupted(name, photo, severity, chance_of(0, name, "a.jpg")), photo) for severity in SEVERITIES]
    assert (np.diff(found) < 0).all()


@ALL
def test_severity_0_is_the_photo_itself(name, photo):
    assert (corrupted(name, photo, 0, chance_of(0, name, "a.jpg")) == photo).all()


def test_chance_goes_with_seed_and_photo_and_not_with_the_order(photo):
    one, again, other, later = (
        corrupted("noise", photo, 3, chance_of(seed, "noise", path)) for seed, path in ((0, "a"), (0, "a"), (0, "b"), (1, "a"))
    )
    assert (one == again).all()
    assert (one != other).any()
    assert (one != later).any()


def test_severities_of_noise_are_one_noise_louder(photo):
    """The same draws at every severity: a curve over severities is not shaken by chance."""
    grey = np.full((64, 64, 3), 128, np.uint8)
    small, large = (corrupted("noise", grey, severity, chance_of(0, "noise", "a")).astype(float) - 128 for severity in (1, 2))
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("name", ["blur", "down_scaling"])
def test_a_severity_looks_the_same_at_every_side(name, photo):
    large = np.asarray(Image.fromarray(photo).resize((256, 256), Image.Resampling.BICUBIC))
    small = np.asarray(Image.fromarray(large).resize((128, 128), Image.Resampling.BOX))
    from_large = Image.fromarray(corrupted(name, large, 4, chance_of(0, name, "a"))).resize((128, 128), Image.Resampling.BOX)
    assert psnr(np.asarray(from_large), corrupted(name, small, 4, chance_of(0, name, "a"))) > 25


def test_more_light_is_brighter_and_less_darker(photo):
    means = [corrupted(name, photo, 3, chance_of(0, name, "a")).mean() for name in ("darkness", "brightness")]
    assert means[0] < photo.mean() < means[1]
    black = np.zeros((32, 32, 3), np.uint8)
    assert (corrupted("brightness", black, 5, chance_of(0, "brightness", "a")) == 128).all()


def test_a_colour_cast_turns_white_yellow_or_blue_and_leaves_grey_pictures_alone():
    white = np.full((32, 32, 3), 255, np.uint8)
    casts = {tuple(corrupted("colour_cast", white, 5, chance_of(0, "colour_cast", str(n)))[0, 0].tolist()) for n in range(20)}
    assert casts == {(255, 255, 128), (128, 255, 255)}
    grey = white[..., :1]
    assert corrupted("colour_cast", grey, 5, chance_of(0, "colour_cast", "a")) is grey


def test_grey_is_pillows_to_the_last_bit():
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert (in_colour(picture, "grey3")[..., 0] == np.asarray(Image.fromarray(picture).convert("L"))).all()
    assert in_colour(picture[None], "grey1").shape == (1, 64, 64, 1)
    assert in_colour(picture, "rgb") is picture


def test_a_photo_made_grey_after_decoding_is_the_one_decoded_in_grey(drawn):
    """The way of the corrupted photos and the network's own: within one level of 255 in the mean."""
    for photo in drawn.photos[:8]:
        data = (drawn.root / photo.path).read_bytes()
        late = in_colour(to_pixels(data, 32, "rgb", "squash", photo.path), "grey3").astype(float)
        assert np.abs(late - to_pixels(data, 32, "grey3", "squash", photo.path)).mean() < 1


def test_a_name_or_severity_that_is_none_is_refused(photo):
    with pytest.raises(ModisteError, match="Did you mean 'blur'"):
        corrupted("blurr", photo, 1, chance_of(0, "blur", "a"))
    for severity in (-1, 6):
        with pytest.raises(ModisteError, match="severities are 1 to 5"):
            corrupted("blur", photo, severity, chance_of(0, "blur", "a"))
