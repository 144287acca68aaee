"""The head that is learnt: the same that scikit-learn finds, whatever it is computed in; and daring only where labels carry it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modiste.learning.fitting import (
    PENALTIES,
    Candidate,
    Material,
    candidates,
    chosen,
    fitted,
    folds_of,
    left_out,
    losses_of,
    path,
    scores_of,
    space_of,
)


def material(photos: int = 60, width: int = 8, classes: int = 3, before: bool = False, balance: float = 0.0, seed: int = 0) -> Material:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, photos)
    features = rng.normal(size=(photos, width)) + 1.5 * np.eye(classes, width)[labels]
    logs = np.log(rng.dirichlet(np.ones(classes), photos)) if before else None
    return Material(space_of(features).of(features), labels, np.arange(photos), logs, classes, balance)


@pytest.mark.parametrize("penalty", [0.1, 1e-3])
@pytest.mark.parametrize("balance", [0.0, 1.0])
def test_what_is_learnt_anew_is_what_scikit_learn_finds(penalty: float, balance: float) -> None:
    from sklearn.linear_model import LogisticRegression

    some = material(balance=balance)
    found = fitted(some, Candidate(True, penalty))
    theirs = LogisticRegression(C=1 / penalty, fit_intercept=False, tol=1e-8, max_iter=10_000)
    theirs.fit(some.points, some.labels, sample_weight=some.weights)
    np.testing.assert_allclose(found - found.mean(1, keepdims=True), theirs.coef_.T - theirs.coef_.T.mean(1, keepdims=True), atol=0.02)


@pytest.mark.parametrize(("photos", "width"), [(30, 80), (80, 30)])
def test_features_turned_onto_fewer_directions_give_the_same_scores(photos: int, width: int) -> None:
    features = np.random.default_rng(2).normal(3, 2, (photos, width))
    labels = (features[:, 0] > 3).astype(np.int64)
    space = space_of(features)
    flat = (features - features.mean(0)) / space.scale
    turned, plain = (Material(points, labels, np.arange(photos), None, 2) for points in (space.of(features), np.c_[flat, np.ones(photos)]))
    candidate = Candidate(True, 1e-2)
    ours, raw = fitted(turned, candidate), fitted(plain, candidate)
    np.testing.assert_allclose(turned.points @ ours, plain.points @ raw, atol=5e-3)
    weights, bias = space.back(ours)
    np.testing.assert_allclose(features @ weights + bias, turned.points @ ours, atol=1e-9)


def test_the_stronger_the_penalty_the_nearer_to_what_the_network_knew() -> None:
    some = material(before=True)
    apart = [np.abs(scores_of(some, one, weights) - some.before).max() for one, weights in path(some, candidates(some)) if not one.anew]
    assert apart[0] == 0  # infinite: the network as it is
    assert apart == sorted(apart)
    assert apart[-1] > 1


def test_a_class_without_photos_stays_where_it_was_between_the_others() -> None:
    some = material(before=True)
    kept = some[some.labels != 2]
    weights = fitted(kept, Candidate(False, 1e-4))
    np.testing.assert_allclose(weights[:, 2], weights[:, :2].mean(1))
    assert not any(one.anew for one in candidates(kept))  # it could not be learnt anew
    assert any(one.anew for one in candidates(some))


def test_photos_of_one_group_are_left_out_together_and_classes_are_spread() -> None:
    rng = np.random.default_rng(3)
    groups = rng.integers(0, 40, 120)
    labels = (groups % 3).astype(np.int64)
    fold = folds_of(labels, groups, 5, seed=0)
    assert all(len(set(fold[groups == group])) == 1 for group in set(groups))
    counts = np.array([np.bincount(labels[fold == one], minlength=3) for one in range(5)])
    assert (counts > 0).all()
    assert (folds_of(labels, groups, 5, 0) == fold).all()


def test_no_photo_is_seen_by_the_heads_that_are_asked_about_it() -> None:
    """A label that contradicts its photo changes what is said of others, never of itself."""
    some = material(40)
    fold = folds_of(some.labels, some.groups, 5, 0)
    turned = some.labels.copy()
    turned[7] = (turned[7] + 1) % 3
    tried = [Candidate(True, 1e-3)]
    before, after = (dict(left_out(one, tried, fold)) for one in (some, replace(some, labels=turned)))
    np.testing.assert_array_equal(before[fold[7]], after[fold[7]])
    assert any(np.abs(before[one] - after[one]).max() > 1e-3 for one in before if one != fold[7])


def test_the_least_daring_within_an_error_is_chosen_and_anew_only_where_it_is_best() -> None:
    rng = np.random.default_rng(4)
    tried = [Candidate(False, np.inf), Candidate(False, 1.0), Candidate(True, 1.0), Candidate(True, 0.1)]
    noise, even = rng.normal(0, 0.5, 100), np.full(100, 0.01)
    noise -= noise.mean()
    assert chosen(np.stack([noise * 0 + 0.5, 0.499 + noise, 0.9 + even, 0.9 + even]), even, tried) == 0
    assert chosen(np.stack([1.5 + even, 0.5 + even, 0.9 + even, 0.9 + even]), even, tried) == 1
    assert chosen(np.stack([1.5 + even, 1.5 + even, 0.501 + noise, 0.5 + noise * 0]), even, tried) == 3


def test_losses_are_those_of_the_true_class() -> None:
    scores = np.log(np.array([[[0.7, 0.3], [0.2, 0.8]]]))
    np.testing.assert_allclose(losses_of(scores, np.array([0, 0])), -np.log([[0.7, 0.2]]))


def test_penalties_are_tried_strong_ones_first() -> None:
    assert list(PENALTIES) == sorted(PENALTIES, reverse=True)
