"""A photo changed a little is found again; photos of products that are only alike are not."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from modiste.data.auditing import neighbours
from modiste.data.auditing.aligned import COARSE, agreement, begun
from modiste.data.auditing.look import FINE, SIDE
from modiste.data.auditing.looks import looks
from modiste.data.auditing.neighbours import NOBODY, nearest, pairs
from modiste.data.auditing.twins import KINDS, Pair, groups, twins

SIZE = 192


def shirt(number: int, cloth: str = "navy") -> Image.Image:
    """A shirt on white: the same outline for all, a print of its own for each number."""
    page = Image.new("RGB", (2 * SIZE, 2 * SIZE), "white")
    pen, unit = ImageDraw.Draw(page), 2 * SIZE / 9
    outline = [
        (2.5, 1),
        (3.8, 0.8),
        (5.2, 0.8),
        (6.5, 1),
        (8.3, 3.2),
        (7, 4),
        (6.4, 3.4),
        (6.4, 8.2),
        (2.6, 8.2),
        (2.6, 3.4),
        (2, 4),
        (0.7, 3.2),
    ]
    pen.polygon([(x * unit, y * unit) for x, y in outline], cloth)
    rng = np.random.default_rng(number)
    for _ in range(14):
        x, y, wide, high = rng.uniform((2.8, 1.6, 0.3, 0.3), (5.4, 7, 1.6, 1.2)) * unit
        shape = (pen.ellipse, pen.rectangle)[int(rng.integers(2))]
        shape((x, y, min(x + wide, 6.2 * unit), y + high), tuple(int(value) for value in rng.integers(40, 255, 3)))
    return page.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def smaller(picture: Image.Image) -> Image.Image:
    return picture.resize((110, 110), Image.Resampling.BICUBIC)


def brighter(picture: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(picture).enhance(1.1)


def darker(picture: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(picture).enhance(0.88)


def cropped(picture: Image.Image) -> Image.Image:
    return picture.crop((round(0.06 * SIZE), round(0.04 * SIZE), round(0.97 * SIZE), round(0.95 * SIZE)))


def bordered(picture: Image.Image) -> Image.Image:
    return ImageOps.expand(picture, 10, "black")


def padded(picture: Image.Image) -> Image.Image:
    return ImageOps.expand(picture, (40, 0), "white")


def marked(picture: Image.Image) -> Image.Image:
    picture = picture.copy()
    ImageDraw.Draw(picture).text((20, 150), "shop.example", "grey", font_size=14)
    return picture


def as_it_is(picture: Image.Image) -> Image.Image:
    return picture


CHANGES = (as_it_is, smaller, brighter, darker, cropped, bordered, padded, marked)


def found_in(root: Path, pictures: list[Image.Image | bytes], seed: int = 0) -> list[Pair]:
    """The pairs among pictures, written as JPEG of ever lower quality, so that no two files are equal by chance."""
    names = [f"{number}.jpg" for number in range(len(pictures))]
    for number, (name, picture) in enumerate(zip(names, pictures, strict=True)):
        if isinstance(picture, bytes):
            (root / name).write_bytes(picture)
        else:
            picture.save(root / name, quality=92 - number % 40)
    return twins(looks(root, names, workers=1), seed)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_changed_photo_is_found_and_similar_products_are_not(tmp_path, change: Callable[[Image.Image], Image.Image]):
    pictures = [shirt(number) for number in range(12)]
    pairs = found_in(tmp_path, [*pictures, *(change(picture) for picture in pictures)])
    assert [(pair.one, pair.other, pair.kind) for pair in pairs] == [(number, number + 12, "near") for number in range(12)]
    assert all(0 < pair.likeness <= 1 for pair in pairs)


def test_a_product_that_has_to_be_bent_to_fit_is_another_and_a_squashed_photo_is_not(tmp_path):
    bent = Image.new("RGB", (SIZE, SIZE), "white")
    bent.paste(shirt(0).resize((SIZE, round(0.85 * SIZE))), (0, 12))
    assert found_in(tmp_path, [shirt(0), shirt(1), bent]) == []
    squashed = shirt(0).resize((SIZE, round(0.7 * SIZE)))
    assert [pair.kind for pair in found_in(tmp_path, [shirt(0), shirt(1), squashed])] == ["near"]


def test_a_mirrored_photo_is_found_and_said_to_be_mirrored(tmp_path):
    pictures = [shirt(number) for number in range(8)]
    pairs = found_in(tmp_path, [*pictures, *map(ImageOps.mirror, pictures)])
    assert {(pair.one, pair.other) for pair in pairs if pair.kind == "mirrored"} >= {(number, number + 8) for number in range(8)}
    assert all(pair.other - pair.one == 8 for pair in pairs)


def test_another_colour_of_the_same_shot_is_told_from_the_same_photo(tmp_path):
    pairs = found_in(tmp_path, [*(shirt(number) for number in range(8)), *(shirt(number, "darkred") for number in range(8))])
    assert [(pair.one, pair.other, pair.kind) for pair in pairs] == [(number, number + 8, "recoloured") for number in range(8)]


def test_of_k_equal_files_come_k_less_one_pairs_with_the_first(tmp_path):
    data = io.BytesIO()
    shirt(0).save(data, "JPEG")
    pairs = found_in(tmp_path, [shirt(1), data.getvalue(), shirt(2), data.getvalue(), data.getvalue()])
    assert pairs == [Pair(1, 3, "exact", 1.0), Pair(1, 4, "exact", 1.0)]


def test_blank_photos_are_nobodys_twins(tmp_path):
    assert found_in(tmp_path, [Image.new("RGB", (SIZE, SIZE), (250, 250, 240 + number)) for number in range(8)]) == []


def test_pairs_come_in_order_each_once_and_the_same_for_the_same_seed(tmp_path):
    pictures = [shirt(number // 3) for number in range(18)]
    first, again = found_in(tmp_path, pictures, 3), found_in(tmp_path, pictures, 3)
    assert first == again
    assert len(first) == 18
    assert all(one < other for one, other in pairwise(first))
    assert all(pair.one < pair.other and pair.kind in KINDS for pair in first)


def test_a_photo_that_is_gone_before_the_closer_look_is_no_twin(tmp_path):
    for number in range(3):
        shirt(0).save(tmp_path / f"{number}.jpg", quality=90 - number)
    seen = looks(tmp_path, [f"{number}.jpg" for number in range(3)], workers=1)
    (tmp_path / "1.jpg").unlink()
    assert [(pair.one, pair.other) for pair in twins(seen)] == [(0, 2)]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_photos_are_no_trouble(tmp_path, count):
    assert found_in(tmp_path, [shirt(number) for number in range(count)]) == []


def test_laying_over_finds_the_stretch_and_the_shift():
    page = np.asarray(shirt(5).resize((SIDE, SIDE), Image.Resampling.BOX))
    part = np.asarray(shirt(5).resize((SIDE, SIDE), Image.Resampling.BOX, box=(0.05 * SIZE, 0.02 * SIZE, 0.95 * SIZE, 0.96 * SIZE)))
    box = np.array([[0, 0, FINE, FINE]], np.uint8)
    seen = agreement(part[None], page[None], begun(part[None], page[None], box, box), COARSE)
    assert np.allclose(seen.view[0], [[0.9, 0.05], [0.94, 0.02]], atol=0.01)
    assert seen.detail[0] > 0.95


def test_neighbours_agree_with_comparing_all_pairs():
    rng = np.random.default_rng(0)
    vectors = (rng.normal(0, 20, (40, 24))[rng.integers(0, 40, 1500)] + rng.normal(0, 8, (1500, 24))).clip(-127, 127).astype(np.int8)
    for best in nearest(vectors, 3, 200, np.random.default_rng(1)):
        assert best.shape == (1500, 3)
    whole = vectors.astype(np.int64)
    squares = ((whole[:, None] - whole[None]) ** 2).sum(-1)
    np.fill_diagonal(squares, NOBODY)
    assert (best[:, 0] >> 32 == squares.min(1)).mean() > 0.98
    one, other = np.nonzero(best != NOBODY)[0], (best & 0xFFFFFFFF)[best != NOBODY]
    assert (squares[one, other] == (best >> 32)[best != NOBODY]).all()


def test_a_crowd_of_equals_costs_no_more_than_its_share():
    best = neighbours.nearest(np.zeros((3000, 8), np.int8), 4, 10, np.random.default_rng(0), trees=3)
    assert max(len(pairs(found)) for found in best) <= 3000 * 4


def test_groups_join_what_is_linked_and_nothing_else():
    rng = np.random.default_rng(0)
    linked = [Pair(*sorted(map(int, rng.choice(60, 2, replace=False))), "near", 0.9) for _ in range(25)]
    found = groups(linked, 60)
    reach = np.eye(60, dtype=bool)
    for pair in linked:
        reach[pair.one, pair.other] = reach[pair.other, pair.one] = True
    for _ in range(6):
        reach = reach @ reach
    assert ((found[:, None] == found[None]) == reach).all()
    assert (found == reach.argmax(1)).all()


def test_other_colours_are_joined_only_when_asked_for_and_products_always():
    linked = [Pair(0, 1, "recoloured", 0.9)]
    assert groups(linked, 4).tolist() == [0, 1, 2, 3]
    assert groups(linked, 4, kinds=KINDS).tolist() == [0, 0, 2, 3]
    assert groups(linked, 4, products=["", "7", "", "7"]).tolist() == [0, 1, 2, 1]
