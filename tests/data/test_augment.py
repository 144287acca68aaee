"""Augmentations of a batch: what torchvision does to each picture, with chance for each picture apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as shown

from modiste.data import augment as room
from modiste.data.augment import AUGMENTATIONS, augment, boxes, check_augmentations, uniform
from modiste.records.errors import UsageError

BATCH, SIDE = 16, 64
ALIKE = 3e-4  # share of a batch's values that may differ by more than rounding: where a picture's edge is crossed


@pytest.fixture(params=[1, 3])
def pictures(request):
    """Sixteen pictures, each its own, with edges, soft shades, plain white and plain grey in them."""
    rng = np.random.default_rng(0)
    rough = np.kron(rng.integers(0, 256, (BATCH, request.param, 8, 8)), np.ones((1, 1, SIDE // 8, SIDE // 8))).astype(np.uint8)
    rough[:, :, :8] = 255
    rough[:, :, 8:16, :32] = np.arange(32) * 8
    return torch.from_numpy(rough)


def apart(made, other):
    return (made.int() - other.int()).abs()


def known(count=24):
    """Numbers as they are drawn, and those at the ends of their ranges."""
    torch.manual_seed(0)
    return torch.cat([uniform(count - 3, 0, 1), torch.tensor([0.0, 1.0, 0.5])]).tolist()


def test_flip_and_grey_are_torchvision_s(pictures):
    for picture in pictures:
        assert torch.equal(room.flipped(picture), shown.horizontal_flip(picture))
        assert apart(room.without_colour(picture), shown.rgb_to_grayscale(picture, len(picture))).max() <= 1


def test_crop_is_torchvision_s(pictures):
    for picture, box in zip(pictures, boxes(BATCH, SIDE, (0.7, 1.0), (3 / 4, 4 / 3), SIDE), strict=True):
        expected = shown.resized_crop(picture, *box, [SIDE, SIDE], antialias=True)
        assert apart(room.cropped(picture, box), expected).max() <= 1


def test_rotate_is_torchvision_s_but_for_the_seam(pictures):
    """Where picture and surroundings mix, torchvision counts the white twice less: a dark line, which we do not draw."""
    mask = torch.ones(1, SIDE, SIDE)
    for share in known():
        degrees = 30 * share - 15
        inside = shown.rotate(mask, degrees, v2.InterpolationMode.BILINEAR)
        seam = (inside > 0.001) & (inside < 0.999)
        assert seam.float().mean() < 0.1
        for picture in pictures[:3]:
            expected = shown.rotate(picture, degrees, v2.InterpolationMode.BILINEAR, fill=[255.0] * len(picture))
            made = room.rotated(picture, degrees)
            assert (apart(made, expected) * ~seam).max() <= 1
            assert (made.int() - expected.int() >= -1).all()
        assert (room.rotated(torch.full_like(pictures[0], 255), degrees) == 255).all()


def test_shift_is_torchvision_s(pictures):
    for across, down in ((0, 0), (6, -6), (-6, 6), (3, 5), (-2, -1), (0, 4)):
        for picture in pictures[:3]:
            expected = shown.affine(picture, 0, [across, down], 1.0, [0.0, 0.0], fill=[255.0] * len(picture))
            assert torch.equal(room.shifted(picture, across, down), expected)


@pytest.mark.parametrize("number", range(4))
def test_each_change_of_colour_is_torchvision_s(pictures, number):
    change = (shown.adjust_brightness, shown.adjust_contrast, shown.adjust_saturation, shown.adjust_hue)[number]
    for share in known():
        amount = 0.04 * share - 0.02 if number == 3 else 0.8 + 0.4 * share
        for picture in pictures[:4]:
            made = room.coloured(picture, [number], [amount] * 4)
            assert apart(made, change(picture, amount)).max() <= 1


def test_all_changes_of_colour_in_any_order_are_torchvision_s(pictures):
    """A value that one step rounds the other way may be moved on by the next: still two levels at most."""
    changes = (shown.adjust_brightness, shown.adjust_contrast, shown.adjust_saturation, shown.adjust_hue)
    for seed in range(12):
        torch.manual_seed(seed)
        order, amounts = torch.randperm(4).tolist(), [*uniform(3, 0.8, 1.2).tolist(), uniform(1, -0.02, 0.02).item()]
        for picture in pictures[:4]:
            expected = picture
            for number in order:
                expected = changes[number](expected, amounts[number])
            assert (apart(room.coloured(picture, order, amounts), expected) > 2).float().mean() < ALIKE


def test_hue_knows_the_corners_of_colour():
    """Pure colours, ties, black, white and grey, all round the circle."""
    levels = torch.tensor([0, 1, 127, 128, 254, 255], dtype=torch.uint8)
    corners = torch.cartesian_prod(levels, levels, levels).T.reshape(3, 12, 18)
    for amount in (-0.5, -0.3, -0.02, 0.0, 0.01, 0.02, 0.25, 0.5):
        assert apart(room.coloured(corners, [3], [amount] * 4), shown.adjust_hue(corners, amount)).max() <= 1


def test_blur_is_torchvision_s(pictures):
    for share in known():
        sigma = 0.1 + 1.9 * share
        for picture in pictures[:4]:
            assert apart(room.blurred(picture, sigma), shown.gaussian_blur(picture, [5, 5], [sigma, sigma])).max() <= 1


def test_erase_is_torchvision_s(pictures):
    for picture, box in zip(pictures, boxes(BATCH, SIDE, (0.02, 0.33), (0.3, 3.3), SIDE - 1), strict=True):
        expected = shown.erase(picture, *box, v=torch.tensor([255.0])[:, None, None].to(torch.uint8))
        assert torch.equal(room.erased(picture, box), expected)
    assert torch.equal(room.erased(pictures[0], None), pictures[0])


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_batch_keeps_shape_and_type_follows_the_seed_and_leaves_the_given_alone(name, layout, pictures):
    """However the batch lies in memory."""
    given = pictures.contiguous(memory_format=layout)
    made = []
    for _ in range(2):
        torch.manual_seed(7)
        made.append(augment(given, [name]))
    assert made[0].shape == pictures.shape
    assert made[0].dtype == torch.uint8
    assert torch.equal(*made)
    assert torch.equal(given, pictures)
    torch.manual_seed(7)
    assert torch.equal(augment(pictures, [name]), made[0])
    idle = name == "scene" or (name == "grey" and pictures.shape[1] == 1)  # scene: these are no products on white
    assert torch.equal(made[0], pictures) == idle


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_each_picture_of_a_batch_has_its_own_chance(name, pictures):
    torch.manual_seed(3)
    alike = pictures[:1].expand(24, -1, -1, -1).clone()
    if name == "scene":
        alike[:, :, :16], alike[:, :, -16:], alike[..., :16], alike[..., -16:] = 255, 255, 255, 255
    drawn = {tuple(picture.flatten().tolist()) for picture in augment(alike, [name])}
    expected = {"flip": 2, "grey": pictures.shape[1] // 2 + 1, "blur": 4, "erase": 3, "randaugment": 8, "trivialaugment": 8}
    expected |= {"scene": 10, "phone": 12}
    assert len(drawn) >= expected.get(name, 20)


@pytest.mark.parametrize("name, share", [("flip", 0.5), ("grey", 0.2), ("blur", 0.3), ("erase", 0.25)])
def test_a_chance_is_what_it_says(name, share):
    """Of 2,000 pictures, within four standard deviations."""
    torch.manual_seed(0)
    picture = torch.from_numpy(np.random.default_rng(0).integers(0, 250, (3, 16, 16), np.uint8))
    made = augment(picture.expand(2000, -1, -1, -1), [name])
    found = (made != picture).any(-1).any(-1).any(-1).float().mean().item()
    unseen = {"blur": 0.3 * 0.06}.get(name, 0.0)  # a sigma near 0.1 moves nothing
    assert abs(found - share) < 4 * math.sqrt(share * (1 - share) / 2000) + unseen


@pytest.mark.parametrize("areas, ratios, most", [((0.7, 1.0), (3 / 4, 4 / 3), 64), ((0.02, 0.33), (0.3, 3.3), 63)])
def test_boxes_are_drawn_as_torchvision_draws_them(areas, ratios, most):
    """Same mean and spread of top, left, height and width over 4,000 draws; all inside the picture."""
    torch.manual_seed(0)
    transform = v2.RandomResizedCrop(64, areas, ratios) if most == 64 else v2.RandomErasing(1.0, areas, ratios)
    params = [transform.make_params([torch.zeros(1, 64, 64)]) for _ in range(4000)]
    names = ("top", "left", "height", "width") if most == 64 else ("i", "j", "h", "w")
    theirs = np.array([[one[name] for name in names] for one in params])
    ours = np.array([box for box in boxes(4000, 64, areas, ratios, most) if box])
    if most == 64:  # ours tells apart where none of ten tries fits, which is the whole picture in theirs
        ours = np.concatenate([ours, np.tile([0, 0, 64, 64], (4000 - len(ours), 1))])
    assert len(ours) > 3990
    error = theirs.std(0) * math.sqrt(2 / 4000)
    assert (np.abs(ours.mean(0) - theirs.mean(0)) < 4 * error).all()
    np.testing.assert_allclose(ours.std(0), theirs.std(0), rtol=0.08)
    assert (ours >= 0).all()
    assert (ours[:, :2] + ours[:, 2:] <= 64).all()
    assert (ours[:, 2:] <= most).all()


def test_where_no_box_fits_a_crop_is_the_whole_picture():
    assert boxes(5, 64, (2.0, 3.0), (1.0, 1.0), 64) == [None] * 5


@pytest.mark.parametrize("name", ["rotate", "shift"])
def test_what_shows_beside_a_moved_picture_is_white(name):
    torch.manual_seed(0)
    made = augment(torch.zeros(8, 3, 64, 64, dtype=torch.uint8), [name])
    assert made.max() == 255
    assert (made[:, :, 32, 32] == 0).all()


def test_shifts_and_turns_fill_their_range():
    torch.manual_seed(0)
    middle = torch.full((500, 1, 64, 64), 255, dtype=torch.uint8)
    middle[:, :, 32, 32] = 0
    rows, columns = (np.nonzero(augment(middle, ["shift"]).numpy() < 255)[axis] for axis in (2, 3))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (26, 38, 26, 38)
    degrees = uniform(2000, -15, 15)
    assert -15 <= degrees.min() < -14.9
    assert 14.9 < degrees.max() < 15


def test_augmentations_are_applied_one_after_another(pictures):
    torch.manual_seed(1)
    both = augment(pictures, ["shift", "flip"])
    torch.manual_seed(1)
    assert torch.equal(augment(augment(pictures, ["shift"]), ["flip"]), both)
    assert augment(pictures, ()) is pictures


def test_an_unknown_augmentation_is_told_the_near_name():
    check_augmentations(tuple(AUGMENTATIONS))
    with pytest.raises(UsageError, match=r"no augmentation called 'filp'.*Did you mean 'flip'"):
        check_augmentations(["flip", "filp"])
