"""Products in other surroundings: what is cut out, what is kept, and that chance alone decides."""

import numpy as np
import pytest
import torch

from modiste.data.augment import augment
from modiste.data.scenes import SURFACES, badly_taken, in_scene, smooth, white_around

SIDE = 96


@pytest.fixture
def product():
    """A dark frame on white with a white middle, which is part of the product, not of the studio."""
    picture = torch.full((3, SIDE, SIDE), 255, dtype=torch.uint8)
    picture[:, 24:72, 24:72] = torch.tensor([200, 30, 60], dtype=torch.uint8)[:, None, None]
    picture[:, 40:56, 40:56] = 255
    return picture


@pytest.fixture
def landscape():
    torch.manual_seed(7)
    return torch.randint(0, 200, (3, SIDE, SIDE), dtype=torch.uint8)


def test_white_around_a_product_is_the_studio_and_white_within_it_is_not(product):
    ground = white_around(product)
    assert ground[0, 0]
    assert not ground[30, 30]
    assert not ground[48, 48]
    assert ground.mean() == pytest.approx(1 - 48 * 48 / SIDE**2)


def test_a_photo_without_white_around_it_stays_as_it_is(landscape):
    assert white_around(landscape) is None
    assert in_scene(landscape, None) is landscape


def test_a_blank_studio_has_no_product():
    assert white_around(torch.full((3, SIDE, SIDE), 255, dtype=torch.uint8)) is None


def test_a_product_keeps_its_colour_and_loses_its_studio(product):
    seen = 0
    for seed in range(20):
        torch.manual_seed(seed)
        made = in_scene(product, None)
        assert made.shape == product.shape
        assert made.dtype == torch.uint8
        near = (made.int() - torch.tensor([200, 30, 60])[:, None, None]).abs().amax(0) <= 3
        seen += bool(near.float().mean() > 0.02)
    assert seen >= 18  # out of the frame at worst now and then


def test_what_lies_behind_is_a_piece_of_the_other_photo(product):
    blue = torch.zeros_like(product)
    blue[2] = 180
    shown = 0
    for seed in range(40):
        torch.manual_seed(seed)
        red, green, made_blue = in_scene(product, blue).float()
        shown += bool(((red < 5) & (green < 5) & (made_blue > 40)).float().mean() > 0.2)
    assert 12 <= shown <= 34  # six in ten


def test_grey_pictures_stay_grey(product):
    torch.manual_seed(0)
    assert in_scene(product[:1], None).shape == (1, SIDE, SIDE)
    assert badly_taken(product[:1]).shape == (1, SIDE, SIDE)


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.__name__)
def test_every_surface_is_a_picture_and_no_two_are_alike(surface):
    torch.manual_seed(0)
    first, second = surface(SIDE), surface(SIDE)
    assert first.shape == (3, SIDE, SIDE)
    assert torch.isfinite(first).all()
    assert (first - second).abs().max() > 1


def test_smooth_is_a_mean():
    picture = torch.zeros(1, 21, 21)
    picture[0, 10, 10] = 81.0
    made = smooth(picture, 1)
    assert made.sum() == pytest.approx(81, rel=1e-5)
    assert made[0, 10, 10] == pytest.approx(9)  # (3/9)^2 of the peak along each axis
    assert torch.allclose(smooth(torch.full((3, 9, 9), 5.0), 2), torch.tensor(5.0))


def test_a_bad_photo_keeps_its_shape_and_range(landscape):
    torch.manual_seed(1)
    made = [badly_taken(landscape) for _ in range(10)]
    assert all(one.dtype == torch.uint8 and one.shape == landscape.shape for one in made)
    assert len({one.numpy().tobytes() for one in made}) == 10


def test_the_same_chance_gives_the_same_pictures(product, landscape):
    batch = torch.stack([product, landscape, product])
    torch.manual_seed(3)
    first = augment(batch, ("scene", "phone"))
    torch.manual_seed(3)
    assert np.array_equal(first, augment(batch, ("scene", "phone")))
    assert torch.equal(batch[0], product)
