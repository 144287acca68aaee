"""Batches: photos decoded once, drawn by class, augmented by torch's chance, normalised by the plain formula."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from modiste.data import batches
from modiste.data.batches import (
    AUGMENTATIONS,
    IMAGENET_MEAN,
    IMAGENET_STD,
    Pictures,
    augmentation,
    constants,
    decode,
    draw_order,
    expected_draws,
    sampling_weights,
    to_input,
)
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import ModisteError, UsageError
from modiste.records.labels import PAPER_CLASSES
from modiste.records.recipe import FITS, NORMALISE, Pixels

PIXELS = arrays.arrays(np.uint8, arrays.array_shapes(min_dims=4, max_dims=4, max_side=5).map(lambda shape: (*shape[:3], 1)))
UNEVEN = np.repeat([0, 1, 2, 3], [10, 200, 60, 30])


@pytest.fixture
def shelf(tmp_path):
    """Six photos of random dots, wider than high."""
    rng = np.random.default_rng(0)
    photos = tuple(Photo(f"{number}.png", number % 4) for number in range(6))
    (tmp_path / "photos").mkdir()
    for photo in photos:
        Image.fromarray(rng.integers(0, 256, (40, 60, 3), np.uint8)).save(tmp_path / "photos" / photo.path)
    return Catalogue(tmp_path / "photos", PAPER_CLASSES, photos)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@given(PIXELS, st.floats(-1, 1), st.floats(0.1, 2))
def test_the_input_is_the_plain_formula(pixels, mean, std):
    """(pixel / 255 - mean) / std, channels before places."""
    expected = ((pixels / 255 - mean) / std).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(to_input(pixels, 1, [mean], [std]).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_each_channel_has_its_own_constants():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), np.uint8)
    expected = (pixels / 255 - IMAGENET_MEAN) / IMAGENET_STD
    np.testing.assert_allclose(to_input(pixels, 3, IMAGENET_MEAN, IMAGENET_STD).permute(0, 2, 3, 1).numpy(), expected, atol=1e-5)


def test_the_input_lies_channels_last_and_the_pixels_stay_as_they_were():
    pixels = np.full((2, 8, 8, 1), 7, np.uint8)
    pixels.flags.writeable = False
    made = to_input(pixels, 3, [0] * 3, [1] * 3, ["flip", "colour"])
    assert made.is_contiguous(memory_format=torch.channels_last)
    assert made.dtype == torch.float32
    assert (pixels == 7).all()


def test_grey3_is_grey_in_three_equal_channels():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)
    made = to_input(pixels, 3, [0.4] * 3, [0.2] * 3)
    assert made.shape == (3, 3, 8, 8)
    assert torch.equal(made[:, 0], made[:, 1])
    assert torch.equal(made[:, 0], made[:, 2])
    assert torch.equal(made[:, :1], to_input(pixels, 1, [0.4], [0.2]))


@pytest.mark.parametrize("photos", [1, 5, 300])
@pytest.mark.parametrize("channels", [1, 3])
def test_data_constants_are_the_mean_and_deviation_of_all_pixels(photos, channels):
    pixels = np.random.default_rng(0).integers(0, 200, (photos, 6, 6, channels), np.uint8)
    train = Pictures(("x",) * photos, pixels, np.zeros(photos, np.int64))
    mean, std = constants(Pixels(side=32, colour="rgb" if channels == 3 else "grey3", normalise="data"), False, train)
    found = pixels.reshape(-1, channels) / 255
    np.testing.assert_allclose(mean, np.broadcast_to(found.mean(0), 3), rtol=1e-9)
    np.testing.assert_allclose(std, np.broadcast_to(found.std(0), 3), rtol=1e-9)


def test_photos_of_one_shade_can_be_normalised():
    flat = Pictures(("x",), np.full((1, 32, 32, 1), 9, np.uint8), np.zeros(1, np.int64))
    mean, std = constants(Pixels(side=32, colour="grey1", normalise="data"), False, flat)
    assert np.isfinite(to_input(flat.pixels, 1, mean, std).numpy()).all()


def test_auto_constants_are_imagenet_s_for_pretrained_networks_and_the_data_s_from_scratch(shelf):
    train = decode(shelf, Pixels(side=32), "hash", None)
    assert constants(Pixels(side=32), True, train) == ([*IMAGENET_MEAN], [*IMAGENET_STD])
    assert constants(Pixels(side=32), False, train) == constants(Pixels(side=32, normalise="data"), True, train)
    assert constants(Pixels(side=32, normalise="none"), True, train) == ([0.0] * 3, [1.0] * 3)


@pytest.mark.parametrize("colour", ["grey1", "grey3", "rgb"])
@pytest.mark.parametrize("normalise", NORMALISE)
def test_every_normalisation_has_a_constant_a_channel(normalise, colour, shelf):
    pixels = Pixels(side=32, colour=colour, normalise=normalise)
    mean, std = constants(pixels, False, decode(shelf, pixels, "hash", None))
    assert len(mean) == len(std) == pixels.channels
    assert min(std) > 0


def test_a_photo_is_decoded_once_and_then_mapped_from_the_cache(shelf, cache, monkeypatch):
    first = decode(shelf, Pixels(side=32), "hash", cache)
    monkeypatch.setattr(batches, "each_photo", lambda *_args, **_named: pytest.fail("a photo was decoded again"))
    again = decode(shelf, Pixels(side=32), "hash", cache)
    assert isinstance(again.pixels, np.memmap)
    assert not again.pixels.flags.writeable
    assert (again.pixels == first.pixels).all()
    assert (again.paths, list(again.labels)) == (tuple(f"{n}.png" for n in range(6)), [0, 1, 2, 3, 0, 1])


def test_the_cache_changes_no_pixel(shelf, cache):
    assert (decode(shelf, Pixels(side=32), "hash", cache).pixels == decode(shelf, Pixels(side=32), "hash", None).pixels).all()


def test_greys_share_one_file_and_everything_else_has_its_own(shelf, cache):
    """Other photos, another order, another side, fit or colour, changed bytes (another data hash): never mixed."""
    for colour in ("grey1", "grey3"):
        decode(shelf, Pixels(side=32, colour=colour), "hash", cache)
    assert len([*cache.iterdir()]) == 1
    decode(shelf, Pixels(side=32), "other bytes", cache)
    decode(shelf, Pixels(side=33), "hash", cache)
    decode(shelf, Pixels(side=32, colour="rgb"), "hash", cache)
    for fit in FITS:
        decode(shelf, Pixels(side=32, fit=fit), "hash", cache)
    decode(shelf.with_photos(shelf.photos[:3]), Pixels(side=32), "hash", cache)
    turned = decode(shelf.with_photos(shelf.photos[::-1]), Pixels(side=32), "hash", cache)
    assert len([*cache.iterdir()]) == 8
    assert (turned.pixels == decode(shelf, Pixels(side=32), "hash", cache).pixels[::-1]).all()


def test_labels_come_from_the_catalogue_and_never_from_the_cache(shelf, cache):
    decode(shelf, Pixels(side=32), "hash", cache)
    bare = shelf.with_photos([Photo(photo.path) for photo in shelf.photos])
    assert list(decode(bare, Pixels(side=32), "hash", cache).labels) == [-1] * 6


def test_two_processes_may_fill_one_cache(shelf, cache):
    """Each writes beside and renames: neither reads half a file, and one file is left."""
    code = (
        "import sys; from pathlib import Path; from modiste.data.batches import decode; from modiste.records.catalogue import *;"
        "from modiste.records.labels import PAPER_CLASSES; from modiste.records.recipe import Pixels;"
        "photos = tuple(Photo(f'{n}.png', n % 4) for n in range(6));"
        "print(decode(Catalogue(Path(sys.argv[1]), PAPER_CLASSES, photos), Pixels(side=32), 'hash', Path(sys.argv[2])).pixels.sum())"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, shelf.root, cache], stdout=subprocess.PIPE) for _ in range(1)]
    expected = decode(shelf, Pixels(side=32), "hash", cache).pixels.sum()
    assert {int(child.communicate()[0]) for child in children} == {expected}
    assert len([*cache.iterdir()]) == 1


def test_a_stopped_decoding_leaves_nothing_that_could_be_taken_for_a_cache(shelf, cache, monkeypatch):
    def stopped(*_args, **_named):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(batches, "each_photo", stopped)
        with pytest.raises(KeyboardInterrupt):
            decode(shelf, Pixels(side=32), "hash", cache)
    assert [*cache.iterdir()] == []
    assert decode(shelf, Pixels(side=32), "hash", cache).pixels.any()


def test_a_cut_photo_is_used_as_far_as_it_goes_where_the_recipe_allows_it(shelf, cache):
    whole = (shelf.root / "3.png").read_bytes()
    full = decode(shelf, Pixels(side=32, colour="rgb"), "hash", None).pixels[3]
    (shelf.root / "3.png").write_bytes(whole[: len(whole) * 3 // 4])
    with pytest.raises(ModisteError, match=r"3\.png: truncated"):
        decode(shelf, Pixels(side=32, colour="rgb"), "cut", cache)
    kept = decode(shelf, Pixels(side=32, colour="rgb", strict=False), "cut", cache).pixels[3]
    assert (kept[:20] == full[:20]).all()
    assert (kept[-4:] == 0).all()
    with pytest.raises(ModisteError, match=r"3\.png: truncated"):  # what was kept is not taken for a sound photo
        decode(shelf, Pixels(side=32, colour="rgb"), "cut", cache)


@pytest.mark.parametrize("cached", [True, False])
def test_all_bad_photos_are_named_at_once_and_nothing_is_cached(shelf, cache, cached):
    (shelf.root / "1.png").write_bytes(b"")
    (shelf.root / "4.png").unlink()
    with pytest.raises(ModisteError, match=r"2 of 6 photos in .* cannot be used") as told:
        decode(shelf, Pixels(side=32), "hash", cache if cached else None)
    lines = str(told.value).splitlines()
    assert [line.split(":")[:2] for line in lines[1:-1]] == [["1.png", " empty"], ["4.png", " missing"]]
    assert lines[-1] == f"`modiste data audit {shelf.root} --fix CLEAN` writes a catalogue without them."
    assert not cached or [*cache.iterdir()] == []


def test_many_bad_photos_are_counted_beyond_twenty(shelf):
    photos = [Photo(f"gone {number}.png", 0) for number in range(23)]
    with pytest.raises(ModisteError, match=r"23 of 23 photos(.|\n)*and 3 more"):
        decode(shelf.with_photos(photos), Pixels(side=32), "hash", None)


def test_decoding_tells_how_far_it_is(shelf):
    told = []
    decode(shelf, Pixels(side=32), "hash", None, told.append)
    assert (told[-1].stage, told[-1].done, told[-1].total) == ("decoding", 6, 6)


@pytest.mark.skipif(os.name != "posix", reason="such names are posix's")
def test_a_name_that_is_not_utf_8_is_decoded_and_cached(shelf, cache):
    odd = Photo("\udcff.png", 0)
    (shelf.root / "0.png").rename(shelf.root / odd.path)
    both = [decode(shelf.with_photos([odd]), Pixels(side=32), "hash", where) for where in (cache, None)]
    assert (both[0].pixels == both[1].pixels).all()


def test_weighted_draws_take_each_class_alike():
    """With fixed seeds: chi-square with three degrees of freedom passes 16.3 once in a thousand."""
    drawn = np.concatenate([UNEVEN[draw_order(UNEVEN, "weighted", np.random.default_rng(seed))] for seed in range(20)])
    found = np.bincount(drawn)
    expected = len(drawn) / 4
    assert ((found - expected) ** 2 / expected).sum() < 16.3


def test_weighted_draws_take_photos_of_one_class_alike():
    drawn = np.concatenate([draw_order(UNEVEN, "weighted", np.random.default_rng(seed)) for seed in range(200)])
    ten = np.bincount(drawn)[:10]  # the ten photos of class 0, each expected 200 * 300 / 4 / 10 times
    assert ((ten - 1500) ** 2 / 1500).sum() < 27.9  # nine degrees of freedom, once in a thousand


@given(arrays.arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 3)), st.integers(0, 9))
def test_shuffled_draws_each_photo_once_and_weighted_draws_as_many(labels, seed):
    assert sorted(draw_order(labels, "shuffled", np.random.default_rng(seed))) == list(range(len(labels)))
    order = draw_order(labels, "weighted", np.random.default_rng(seed))
    assert len(order) == len(labels)
    assert set(order) <= set(range(len(labels)))
    assert sampling_weights(labels).sum() == pytest.approx(len(set(labels)))


@pytest.mark.parametrize("sampling", ["weighted", "shuffled"])
@pytest.mark.parametrize("labels", [UNEVEN, np.repeat([0, 2, 3], [5, 90, 5])])
def test_expected_draws_are_the_mean_of_many_epochs(labels, sampling):
    epochs = [np.bincount(labels[draw_order(labels, sampling, np.random.default_rng(seed))], minlength=4) for seed in range(400)]
    counts = np.bincount(labels, minlength=4).tolist()
    error = 4 * np.std(epochs, axis=0).max() / 20 + 1e-9
    np.testing.assert_allclose(np.mean(epochs, axis=0), expected_draws(counts, sampling), atol=error)
    assert sum(expected_draws(counts, sampling)) == pytest.approx(len(labels))


def picture(channels, side=64):
    """A garment-like patch with edges and shades; grey as the loop makes it, three equal channels."""
    shades = np.random.default_rng(0).integers(0, 256, (8, 8, 3 if channels == 3 else 1), np.uint8)
    pixels = torch.from_numpy(np.kron(shades, np.ones((side // 8, side // 8, 1), np.uint8))).permute(2, 0, 1)
    return pixels.expand(3, -1, -1) if channels == "grey3" else pixels


@pytest.mark.parametrize("channels", [1, 3, "grey3"])
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmentation_keeps_shape_and_type_and_follows_torch_s_seed(name, channels):
    change, whole = augmentation([name], 64), picture(channels)
    before = whole.clone()
    torch.manual_seed(7)
    first = [change(whole) for _ in range(12)]
    torch.manual_seed(7)
    again = [change(whole) for _ in range(12)]
    for one, other in zip(first, again, strict=True):
        assert one.shape == whole.shape
        assert one.dtype == torch.uint8
        assert torch.equal(one, other)
    assert torch.equal(whole, before)
    if name != "grey" or channels == 3:
        assert any(not torch.equal(one, first[0]) for one in first), "twelve draws, all alike"


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_grey_stays_grey_under_every_augmentation(name):
    """A network for grey must never be shown colour."""
    torch.manual_seed(0)
    change = augmentation([name], 64)
    for _ in range(60):
        made = change(picture("grey3"))
        assert torch.equal(made[0], made[1])
        assert torch.equal(made[0], made[2])


def test_augmentations_are_applied_one_after_another_to_each_photo_apart():
    pixels = np.repeat(picture(1).permute(1, 2, 0).numpy()[None], 8, 0)
    torch.manual_seed(0)
    made = to_input(pixels, 1, [0.0], [1.0], ["flip", "shift"])
    assert len({tuple(one.flatten().tolist()) for one in made}) > 2


def test_no_augmentation_is_the_identity():
    whole = picture(3)
    assert torch.equal(augmentation((), 64)(whole), whole)


def test_what_shows_beside_a_moved_photo_is_white():
    torch.manual_seed(0)
    for name in ("rotate", "shift"):
        made = torch.stack([augmentation([name], 64)(torch.zeros(3, 64, 64, dtype=torch.uint8)) for _ in range(8)])
        assert made.max() == 255
        assert (made[:, :, 32, 32] == 0).all()


def test_an_unknown_augmentation_is_told_the_near_name():
    with pytest.raises(UsageError, match=r"no augmentation called 'filp'.*Did you mean 'flip'"):
        augmentation(["flip", "filp"], 64)


def test_the_cache_lies_where_it_was_asked_for(shelf, tmp_path):
    decode(shelf, Pixels(side=32), "hash", tmp_path / "a" / "b")
    assert [path.suffix for path in Path(tmp_path / "a" / "b").iterdir()] == [".npy"]
