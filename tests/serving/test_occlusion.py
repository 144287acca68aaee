"""Where a network looks: covering the place that it goes by lowers its answer, and no other place does."""

import numpy as np
import pytest

from modiste.records.labels import Classes
from modiste.records.recipe import Pixels
from modiste.serving.bundle import Card
from modiste.serving.graphs import Answers
from modiste.serving.labeller import Labeller
from modiste.serving.occlusion import STEPS, cover, heat

SIDE = 48


def network(weight, colour="rgb"):
    """A network that is the surer of class 0 the brighter the places are that `weight` (S, S) names."""

    def ask(pixels):
        light = (pixels.mean(3) / 255 * weight).sum((1, 2)) / max(weight.sum(), 1)
        shares = np.stack([light, 1 - light], 1).astype(np.float32)
        return Answers(shares, shares, np.zeros((len(pixels), 0), np.float32))

    return Labeller(Card("corner", Classes(("Light", "Dark")), Pixels(side=SIDE, colour=colour)), "corner", ask, 1)


def corner(name):
    weight = np.zeros((SIDE, SIDE))
    rows = slice(0, SIDE // 4) if "top" in name else slice(-SIDE // 4, None)
    weight[rows, slice(0, SIDE // 4) if "left" in name else slice(-SIDE // 4, None)] = 1
    return weight


def photo(bright):
    """A photo that is bright where it is told to be."""
    made = np.full((SIDE, SIDE, 3), 20, np.uint8)
    made[bright > 0] = 250
    return made


@pytest.mark.parametrize("name", ["top left", "top right", "bottom left", "bottom right"])
@pytest.mark.parametrize("steps, span", [(8, 2), (6, 1), (7, 3)])
def test_a_network_that_looks_at_one_corner_has_its_heat_there(name, steps, span):
    weight = corner(name)
    found = heat(network(weight), photo(weight), 0, steps, span)
    assert found.shape == (steps, steps)
    assert found.dtype == np.float32
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert (row < steps / 4 + 1) == ("top" in name)
    assert (column < steps / 4 + 1) == ("left" in name)
    far = found[steps // 2 + 1 :] if "top" in name else found[: steps // 2 - 1]
    assert (far == 0).all()
    assert found.max() > 0.05


def test_heat_lies_between_0_and_1_and_is_0_where_covering_raises_the_answer():
    rng = np.random.default_rng(0)
    for _ in range(5):
        pixels = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        weight = rng.random((SIDE, SIDE)) ** 8
        for code in (0, 1):
            found = heat(network(weight), pixels, code)
            assert found.min() >= 0
            assert found.max() <= 1
    weight = corner("top left")
    assert (heat(network(weight), photo(weight), 1) == 0).all()  # less light is more of Dark


def test_a_network_that_looks_nowhere_has_no_heat():
    assert (heat(network(np.zeros((SIDE, SIDE))), photo(corner("top left")), 0) == 0).all()


def test_one_colour_has_no_heat_for_its_own_mean_covers_it():
    assert (heat(network(np.ones((SIDE, SIDE))), np.full((SIDE, SIDE, 3), 77, np.uint8), 0) == 0).all()


def test_each_place_is_covered_as_often_as_any_other():
    side, edges = 48, np.linspace(0, 48, STEPS + 1).round().astype(int)
    times = np.zeros((side, side))
    for top in range(-1, STEPS):
        for left in range(-1, STEPS):
            made = cover(np.zeros((side, side, 3), np.uint8), edges, top, left, 2, np.array([1, 1, 1], np.uint8))
            times += made[..., 0]
    assert (times == 4).all()


def test_the_photo_itself_is_left_as_it_is():
    pixels = photo(corner("top left"))
    before = pixels.copy()
    heat(network(corner("top left")), pixels, 0)
    assert (pixels == before).all()
