"""Search gives what a full comparison gives, copies under one result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modiste.searching.nearest import best, grouped, similarities, unit

BLOCK = 37


@dataclass
class Held:
    """Vectors in memory, in blocks."""

    vectors: np.ndarray

    def __len__(self):
        return len(self.vectors)

    def blocks(self):
        for start in range(0, len(self.vectors), BLOCK):
            yield slice(start, start + BLOCK), self.vectors[start : start + BLOCK]

    def at(self, rows):
        return self.vectors[rows]


def drawn(seed: int, photos: int, width: int = 16, copies: int = 0):
    """Vectors of which some are near copies of others, and hashes of which some are equal."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((photos, width)).astype(np.float32)
    hashes = rng.integers(0, 256, (photos, 32), dtype=np.uint8)
    for _ in range(copies):
        one, other = rng.integers(0, photos, 2)
        vectors[other] = vectors[one] + rng.normal(0, rng.choice([0, 0.03, 0.3]), width)
    for one, other in rng.permutation(photos)[: photos // 2 * 2 if copies else 0].reshape(-1, 2)[: photos // 6]:
        vectors[other], hashes[other] = vectors[one], hashes[one]  # the same bytes
    return unit(vectors), hashes, rng


def by_full_comparison(vectors, scores, hashes, k, same):
    """The same rule, row by row over all rows."""
    heads, copies = [], {}
    for row in sorted(np.flatnonzero(scores > -np.inf).tolist(), key=lambda row: (-scores[row], row)):
        found = [head for head in heads if vectors[head] @ vectors[row] >= same or (hashes[head] == hashes[row]).all()]
        if found:
            copies[found[0]].append(row)
        elif len(heads) < k:
            heads.append(row)
            copies[row] = []
    return [(head, tuple(copies[head])) for head in heads]


@given(st.integers(0, 10_000), st.integers(1, 150), st.integers(1, 30), st.sampled_from([0.9, 0.98, 2.0]), st.booleans())
@settings(max_examples=80, deadline=None)
def test_results_and_their_copies_are_those_of_a_full_comparison(seed, photos, k, same, filtered):
    vectors, hashes, rng = drawn(seed, photos, copies=photos)
    asked = unit(rng.standard_normal(16).astype(np.float32))
    scores = similarities(Held(vectors), asked)
    assert np.allclose(scores, vectors @ asked, atol=1e-6)
    if filtered:
        scores[rng.random(photos) < 0.5] = -np.inf
    found = [(group.row, group.copies) for group in grouped(Held(vectors), scores, hashes, k, same)]
    assert found == by_full_comparison(vectors, scores, hashes, k, same)


def test_many_copies_of_the_first_do_not_crowd_out_the_others():
    vectors, hashes, _ = drawn(0, 600)
    vectors[:500] = vectors[0]
    found = grouped(Held(vectors), vectors @ vectors[0], hashes, 10)
    assert len(found) == 10
    assert found[0].row == 0
    assert len(found[0].copies) == 499


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, -np.inf]), min_size=1, max_size=40), st.integers(0, 50))
def test_the_best_are_the_first_of_all_in_order_equal_ones_by_row(scores, most):
    values = np.array(scores, np.float32)
    order = [row for row in sorted(range(len(scores)), key=lambda row: (-scores[row], row)) if scores[row] > -np.inf]
    assert best(values, most).tolist() == order[:most]


def test_several_at_once_are_as_similar_as_each_alone():
    vectors, _, rng = drawn(3, 200)
    asked = unit(rng.standard_normal((5, 16)).astype(np.float32))
    together = similarities(Held(vectors), asked)
    assert together.shape == (200, 5)
    for place, one in enumerate(asked):
        assert together[:, place] == pytest.approx(similarities(Held(vectors), one), abs=1e-6)


def test_a_vector_without_length_is_like_nothing_and_no_warning():
    assert unit(np.zeros((2, 3), np.float32)).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert np.linalg.norm(unit(np.full(3, 1e30, np.float32))) == pytest.approx(1)
