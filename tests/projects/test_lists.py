"""Lists of photos that people go through."""

import gc
from dataclasses import replace

import numpy as np
import pytest
import shops

from modiste.projects.lists import KEPT, Lists
from modiste.records.progress import silent


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


def test_a_list_goes_on_with_the_same_photos_after_another_look(tmp_path):
    photos = shops.shop(tmp_path / "shop", 6)
    with shops.open_studio(photos) as made:
        rows = made.lists.rows("ada", "a", made.found, lambda: np.array([4, 1, 5, 3]))
        before = [made.found.looked.photos[row].path for row in rows]
        (photos / "000-Red.png").unlink()
        (photos / before[2]).unlink()
        (photos / "000-new.png").write_bytes(shops.png("Red", 500))
        (photos / "001-new.png").write_bytes(shops.png("Red", 501))
        made.look(silent, shops.never)
        gc.collect()
        assert [one.found() for one in made.lists.kept.values()] == [None]  # what was found before is not kept in memory
        for _ in range(2):
            rows = made.lists.rows("ada", "a", made.found, lambda: pytest.fail("it is made anew"))
            assert [made.found.looked.photos[row].path for row in rows] == [before[0], before[1], before[3]]


def test_a_list_comes_back_whole_once_another_network_was_asked_about_all(tmp_path):
    with shops.open_studio(shops.shop(tmp_path / "shop", 6)) as made:
        whole = made.found
        made.lists.rows("ada", "a", whole, lambda: np.arange(6))
        looked = whole.looked
        some = {name: getattr(looked, name)[:2] for name in ("photos", "shas", "reasons", "places", "probabilities", "strangeness")}
        part = made.guessed(replace(looked, **some, waiting=tuple(one.path for one in looked.photos[2:])), made.labeller)
        assert made.lists.rows("ada", "a", part, lambda: np.arange(0)).tolist() == [0, 1]
        assert made.lists.rows("ada", "a", whole, lambda: np.arange(0)).tolist() == [0, 1, 2, 3, 4, 5]


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
