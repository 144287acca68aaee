"""Power: as a simulation has it, and more of what is asked never needs fewer photos."""

import numpy as np
import pytest
from scipy.stats import binom

from modiste.evaluation.statistics.power import chance_to_see, connor, photos_needed, smallest_difference
from modiste.records.errors import UsageError


@pytest.mark.parametrize("photos, apart, difference", [(987, 0.1, 0.03), (987, 0.03, 0.012), (200, 0.2, 0.08), (40, 0.3, 0.2)])
def test_power_is_what_a_simulation_finds(photos, apart, difference):
    """20,000 studies: how many photos part two networks, how many of them are the better one's, and McNemar's exact p."""
    rng = np.random.default_rng(0)
    parted = rng.binomial(photos, apart, 20_000)
    better = rng.binomial(parted, (apart + difference) / (2 * apart))
    p = 2 * binom.cdf(np.minimum(better, parted - better), parted, 0.5)
    assert chance_to_see(photos, apart, difference) == pytest.approx((p <= 0.05).mean(), abs=0.015)


def test_no_difference_is_found_no_more_often_than_the_level_allows():
    for photos in (20, 100, 987):
        assert 0 < chance_to_see(photos, 0.2, 0.0) <= 0.05


def test_the_smallest_difference_is_seen_with_the_power_asked():
    for photos in (300, 987, 40_000):
        found = smallest_difference(photos, 0.1)
        assert chance_to_see(photos, 0.1, found) == pytest.approx(0.8, abs=1e-3)


def test_more_photos_show_less_and_networks_that_part_more_show_less_well():
    assert smallest_difference(4000, 0.1) < smallest_difference(987, 0.1) < smallest_difference(987, 0.2)
    assert smallest_difference(987, 0.1, power=0.9) > smallest_difference(987, 0.1)


def test_where_even_the_largest_cannot_be_seen_there_is_none():
    """Five photos part two networks: 5 to 0 has p 0.0625."""
    assert smallest_difference(50, 0.04) is None


@pytest.mark.parametrize("difference, apart", [(0.02, 0.1), (0.01, 0.05), (0.1, 0.3)])
def test_photos_needed_is_the_other_way_round_and_near_connors_formula(difference, apart):
    needed = photos_needed(difference, apart)
    assert smallest_difference(needed, apart) == pytest.approx(difference, rel=0.01)
    assert connor(difference, apart) <= needed < 1.25 * connor(difference, apart)


@pytest.mark.parametrize("wrong", [{"apart": 0.0}, {"apart": 1.5}, {"apart": 0.1, "power": 1.0}, {"apart": 0.1, "level": 95}])
def test_what_cannot_be_is_told(wrong):
    with pytest.raises(UsageError):
        smallest_difference(987, **wrong)
    with pytest.raises(UsageError):
        photos_needed(0.2, 0.1)
