"""Recall and mean average precision are scikit-learn's and those counted by hand; intervals hold what they promise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modiste.data.layouts.sources import source_at
from modiste.records.errors import ModisteError, UsageError
from modiste.searching.nearest import unit
from modiste.searching.quality import MEASURES, by_chance, evaluate, kinds_in, measured, redrawn
from modiste.searching.stored import BLOCK, ROW, About, Part, write_stored

from .conftest import jpeg, painted

average_precision_score = pytest.importorskip("sklearn.metrics").average_precision_score


def held(folder: Path, vectors: np.ndarray, hashes: np.ndarray | None = None):
    """An index of vectors, a photo each."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = np.zeros(len(vectors), ROW)
    rows["sha256"] = np.random.default_rng(0).integers(0, 256, (len(vectors), 32)) if hashes is None else hashes
    parts = [
        Part(
            vectors[start : start + BLOCK],
            rows[start : start + BLOCK],
            [f"{row}.jpg" for row in range(start, min(start + BLOCK, len(vectors)))],
        )
        for start in range(0, len(vectors), BLOCK)
    ]
    return write_stored(folder, parts, About("drawn", "drawn", ("Shoes",)))


@given(st.lists(st.booleans(), min_size=2, max_size=60), st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_average_precision_is_that_of_scikit_learn(same, seed):
    same = np.array([True, *same])
    scores = np.random.default_rng(seed).permutation(len(same)) / len(same)
    ties = np.round(scores * 4)
    assert measured(ties, same)[3] == pytest.approx(average_precision_score(same, ties))
    found = dict(zip(MEASURES, measured(scores, same), strict=True))
    assert found["mAP"] == pytest.approx(average_precision_score(same, scores))
    for depth in (1, 5, 10):
        assert found[f"recall@{depth}"] == float(same[np.argsort(-scores)[:depth]].any())


def test_each_photo_is_asked_among_all_others_but_its_exact_copies(tmp_path):
    rng = np.random.default_rng(1)
    vectors, kinds = unit(rng.standard_normal((40, 8)).astype(np.float32)), [str(kind) for kind in rng.integers(0, 4, 40)]
    hashes = rng.integers(0, 256, (40, 32), dtype=np.uint8)
    vectors[1], hashes[1], kinds[1] = vectors[0], hashes[0], kinds[0]
    kinds[7] = None  # not known: neither asked for nor searched among
    kinds[9] = "alone"
    made = evaluate(held(tmp_path / "i", vectors, hashes), kinds, "kind")
    known = [row for row in range(40) if kinds[row] is not None]
    expected = []
    for row in known:
        others = [other for other in known if (hashes[other] != hashes[row]).any()]
        same = np.array([kinds[other] == kinds[row] for other in others])
        if same.any():
            expected.append(average_precision_score(same, vectors[others] @ vectors[row]))
    assert made.values[:, 3] == pytest.approx(expected, abs=1e-6)
    assert (made.searched, made.alone, len(made.values)) == (39, 1, 38)
    assert sum(made.each_kind(100).rows[at][1] for at in range(len(np.unique(made.kind)))) == 38


def test_an_order_by_chance_gives_what_chance_gives(tmp_path):
    rng = np.random.default_rng(2)
    vectors, kinds = unit(rng.standard_normal((900, 24)).astype(np.float32)), [str(kind) for kind in rng.integers(0, 5, 900)]
    made = evaluate(held(tmp_path / "i", vectors), kinds, "kind")
    assert made.values.mean(0) == pytest.approx(made.chance.mean(0), abs=0.05)
    draws = [measured(rng.random(50), np.arange(50) < 6) for _ in range(3000)]
    assert np.mean(draws, 0)[:3] == pytest.approx(by_chance(6, 50)[:3], abs=0.03)


def test_kinds_that_lie_apart_are_found_without_a_mistake_and_the_interval_says_so(tmp_path):
    vectors = unit(np.repeat(np.eye(3, dtype=np.float32), 20, 0) + 0.01 * np.random.default_rng(0).random((60, 3), np.float32))
    made = evaluate(held(tmp_path / "i", vectors), [str(row // 20) for row in range(60)], "kind")
    assert (made.values == 1).all()
    assert [row[1:4] for row in made.overall().rows] == [(1.0, 1.0, 1.0)] * 4


def test_intervals_hold_the_true_mean_about_as_often_as_they_promise():
    rng, held_it = np.random.default_rng(3), 0
    for seed in range(100):
        kind = np.repeat([0, 1], [60, 30])
        values = rng.random((90, 1)) < np.where(kind == 0, 0.8, 0.5)[:, None]
        low, high = np.quantile(redrawn(values.astype(float), kind, 200, seed)[:, 0], (0.025, 0.975))
        held_it += low <= (0.8 * 60 + 0.5 * 30) / 90 <= high
    assert 0.88 <= held_it / 100 <= 1


def test_many_photos_are_asked_for_by_chance_and_compared_in_blocks(tmp_path, monkeypatch):
    from modiste.searching import quality

    rng = np.random.default_rng(4)
    vectors, kinds = unit(rng.standard_normal((300, 8)).astype(np.float32)), [str(row % 3) for row in range(300)]
    stored = held(tmp_path / "i", vectors)
    whole = evaluate(stored, kinds, "kind")
    monkeypatch.setattr(quality, "CELLS", 1000)
    monkeypatch.setattr(quality, "BLOCK", 64)
    assert evaluate(stored, kinds, "kind").values == pytest.approx(whole.values, abs=1e-6)
    assert len(evaluate(stored, kinds, "kind", most=50).values) == 50


@pytest.fixture
def shop(tmp_path) -> Path:
    """A table that says what its photos are."""
    folder = tmp_path / "shop"
    (folder / "images").mkdir(parents=True)
    lines = ["path,articleType,split"]
    for number in range(12):
        (folder / "images" / f"{number}.jpg").write_bytes(jpeg(painted(number % 3)) + bytes([number]))
        lines.append(f"{number}.jpg,{('Shirts', 'Shoes', '')[number % 3]},{('train', 'test')[number % 2]}")
    (folder / "shop.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_kinds_come_from_the_source_by_column_and_only_what_is_wanted(shop, indexed):
    stored = indexed(where=shop).stored
    names = [stored.name(row) for row in range(12)]
    kinds = kinds_in(source_at(shop), "article_type", {})
    assert [kinds.get(name) for name in names] == ["Shirts", "Shoes", None] * 4
    tests = kinds_in(source_at(shop), "article_type", {"split": ("test",)})
    assert {name.rpartition("/")[2] for name in names if name in tests} == {"1.jpg", "3.jpg", "7.jpg", "9.jpg"}
    with pytest.raises(UsageError, match=r"no column called 'article_typ'.*Did you mean 'article_type'"):
        kinds_in(source_at(shop), "article_typ", {})
    with pytest.raises(UsageError, match=r"no value of split called 'tests'.*Did you mean 'test'"):
        kinds_in(source_at(shop), "article_type", {"split": ("tests",)})
    with pytest.raises(ModisteError, match="no two photos have the same split"):
        evaluate(stored, [None] * 12, "split")
