"""Lists of photos that people go through."""

import gc

import numpy as np
import shops

from modiste.projects.lists import KEPT, Lists


def test_a_list_is_what_it_was_for_whom_it_was_made(tmp_path):
    with shops.open_studio(shops.shop(tmp_path / "shop", 4)) as made:
        lists, rows = Lists(), np.array([3, 0, 2])
        name = lists.keep("ada", made.found, rows)
        assert lists.rows(name, "ada", made.found).tolist() == rows.tolist()
        assert lists.rows(name, "ben", made.found) is None
        assert lists.rows(name[::-1], "ada", made.found) is None


def test_a_list_of_what_another_network_said_is_none(tmp_path):
    with shops.open_studio(shops.shop(tmp_path / "shop", 4)) as made:
        name = made.lists.keep("ada", made.found, np.arange(4))
        made.show(made.guessed(made.found.looked, made.labeller))
        assert made.lists.rows(name, "ada", made.found) is None
        gc.collect()
        assert made.lists.kept[name].found() is None  # and keeps nothing of it in memory


def test_those_that_are_read_stay_and_the_others_go(tmp_path):
    with shops.open_studio(shops.shop(tmp_path / "shop", 4)) as made:
        lists, rows = Lists(), np.arange(4)
        read, left = lists.keep("ada", made.found, rows), lists.keep("ada", made.found, rows)
        for _ in range(KEPT):
            lists.keep("ben", made.found, rows)
            assert lists.rows(read, "ada", made.found) is not None
        assert lists.rows(left, "ada", made.found) is None
        assert len(lists.kept) == KEPT
