"""A map: each kept photo once, what looks alike together, made anew where it is not of these photos."""

import multiprocessing
import os

import numpy as np
import pytest
from shops import open_studio, png, shop, truth

from modiste.projects import mapping
from modiste.projects.mapping import map_of, mapped, path_of, principal
from modiste.records.errors import MachineError, ModisteError, Stopped
from modiste.records.progress import silent


def never() -> None:
    """Nobody asks to stop."""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Without scikit-learn, which is slow to come."""
    monkeypatch.setattr(mapping, "find_spec", lambda _name: None)


def test_what_looks_alike_lies_together(colours, tmp_path):
    with open_studio(shop(tmp_path / "shop", 30), model=colours) as made:
        assert map_of(made, made.found, "ada") is None
        mapped(made, silent, never)
        points = map_of(made, made.found, "ada")
        assert len(points) == 30
        names = {photo: truth(made.found.looked.photos[row].path) for photo, row in made.found.rows.items()}
        middles = {name: np.mean([[x, y] for x, y, _, photo in points if names[photo] == name], 0) for name in set(names.values())}
        for x, y, code, photo in points:
            assert 0 <= min(x, y) <= max(x, y) <= 1
            row = made.found.rows[photo]
            assert code == (-1 if made.is_sample(made.found.looked.photos[row].path) else made.found.labels[row])  # blind until it was said
            assert min(middles, key=lambda name: np.hypot(*(middles[name] - [x, y]))) == names[photo]


def test_a_map_goes_on_with_photos_that_came_or_went_and_a_damaged_one_is_none(colours, tmp_path):
    photos = shop(tmp_path / "shop", 30)
    with open_studio(photos, model=colours) as made:
        mapped(made, silent, never)
        (photos / "000-Red.png").unlink()
        (photos / "new.png").write_bytes(png("Red", 500))
        made.look(silent, never)
        ids = {photo for *_, photo in map_of(made, made.found, "ada")}
        assert ids == set(made.found.ids) - {made.found.ids[made.found.by_path["new.png"]]}
        path = path_of(made, made.found)
        path.write_bytes(path.read_bytes()[:100])
        assert map_of(made, made.found, "ada") is None


def test_there_is_nothing_to_draw_of_photos_that_cannot_be_read(colours, tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "a.jpg").write_bytes(b"no picture")
    with open_studio(tmp_path / "shop", model=colours) as made, pytest.raises(ModisteError, match="nothing to draw"):
        mapped(made, silent, never)


def test_one_photo_and_two_are_maps_too(colours, tmp_path):
    for many in (1, 2):
        with open_studio(shop(tmp_path / f"shop{many}", many), model=colours) as made:
            mapped(made, silent, never)
            assert len(map_of(made, made.found, "ada")) == many


def test_principal_directions_keep_distances(colours):
    vectors = np.random.default_rng(0).normal(size=(20, 4))
    found = principal(vectors, 50)
    assert found.shape == (20, 4)
    assert np.allclose(np.linalg.norm(found[3] - found[7]), np.linalg.norm(vectors[3] - vectors[7]))
    assert (found.var(0)[:-1] >= found.var(0)[1:] - 1e-9).all()


def test_the_process_aside_draws_what_is_drawn_here():
    pytest.importorskip("sklearn")
    vectors = np.random.default_rng(0).normal(size=(40, 8))
    assert np.array_equal(mapping.drawn_aside(vectors, never), mapping.neighbours_together(vectors))


def test_the_process_aside_ends_as_soon_as_somebody_asks():
    alive = []

    def stop():
        alive.append(len(multiprocessing.active_children()))
        raise Stopped("it was asked to stop.", 0)

    with pytest.raises(Stopped):
        mapping.drawn_aside(np.zeros((5000, 8)), stop)
    assert alive == [1]
    assert not multiprocessing.active_children()


def die(to, vectors):
    os._exit(9)


def test_a_process_aside_that_dies_is_said_in_words(monkeypatch):
    monkeypatch.setattr(mapping, "draw", die)
    with pytest.raises(MachineError, match="the map was not drawn"):
        mapping.drawn_aside(np.zeros((40, 8)), never)
    assert not multiprocessing.active_children()
