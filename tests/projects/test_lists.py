"""Lists of photos that people go through."""

import gc

import numpy as np
import shops

from modiste.projects.lists import KEPT, Lists


def test_a_list_is_what_it_was_for_whom_it_was_made(tmp_path):
    with shops.open_studio(shops.shop(tmp_path / "shop", 4)) as made:
        lists = Lists()
        for rows, who, name, holds in (
            ([3, 0, 2], "ada", "a", [3, 0, 2]),
            ([1], "ada", "a", [3, 0, 2]),
            ([1], "ben", "a", [1]),
            ([2], "ada", "b", [2]),
            ([0], "ada", "a", [3, 0, 2]),
        ):
            assert lists.rows(who, name, made.found, lambda rows=rows: np.array(rows)).tolist() == holds


def test_a_list_of_what_another_network_said_is_made_anew(tmp_path):
    with shops.open_studio(shops.shop(tmp_path / "shop", 4)) as made:
        made.lists.rows("ada", "a", made.found, lambda: np.arange(4))
        made.show(made.guessed(made.found.looked, made.labeller))
        gc.collect()
        assert [one.found() for one in made.lists.kept.values()] == [None]  # and nothing of it is kept in memory
        assert made.lists.rows("ada", "a", made.found, lambda: np.arange(2)).tolist() == [0, 1]


def test_those_that_are_read_stay_and_the_others_go(tmp_path):
    with shops.open_studio(shops.shop(tmp_path / "shop", 4)) as made:
        lists = Lists()
        for name in ("read", "left"):
            lists.rows("ada", name, made.found, lambda: np.arange(4))
        for number in range(KEPT):
            lists.rows("ben", str(number), made.found, lambda: np.arange(4))
            assert len(lists.rows("ada", "read", made.found, lambda: np.arange(0))) == 4
        assert len(lists.rows("ada", "left", made.found, lambda: np.arange(0))) == 0
        assert len(lists.kept) == KEPT
