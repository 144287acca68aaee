"""Laws of every queue, and what each is for."""

import numpy as np
import pytest

from modiste.annotating.queues import QUEUES, Pool, ask, margins
from modiste.records.errors import UsageError


def pool_of(n=300, classes=4, width=16, done=40, seed=0, **given) -> Pool:
    rng = np.random.default_rng(seed)
    codes = np.where(rng.permutation(n) < done, rng.integers(0, classes, n), -1)
    parts = {
        "probabilities": rng.dirichlet([0.4] * classes, n).astype(np.float32),
        "features": rng.standard_normal((n, width)).astype(np.float32),
        "open": (codes < 0) & (rng.random(n) < 0.8),
        "labelled": codes,
    }
    return Pool(**{**parts, **given})


POOLS = {
    "usual": pool_of(),
    "nothing labelled": pool_of(done=0),
    "two classes": pool_of(classes=2),
    "one open": pool_of(open=np.arange(300) == 7),
    "none open": pool_of(open=np.zeros(300, bool)),
    "no photos": pool_of(0),
    "all alike": pool_of(features=np.ones((300, 16), np.float32)),
    "no features to speak of": pool_of(features=np.zeros((300, 16), np.float32)),
    "what is no number": pool_of(features=np.full((300, 16), np.nan, np.float32)),
    "all equally sure": pool_of(probabilities=np.full((300, 4), 0.25, np.float32)),
}


@pytest.mark.parametrize("by", QUEUES)
@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("n", [0, 1, 24, 10_000])
def test_open_photos_each_once_as_many_as_there_are_the_same_for_a_seed(by, name, n):
    pool = POOLS[name]
    rows = ask(by, pool, n, seed=3)
    assert len(rows) == len(set(rows.tolist())) == min(n, int(pool.open.sum()))
    assert pool.open[rows].all()
    assert rows.dtype == np.int64
    assert (rows == ask(by, pool, n, seed=3)).all()


@pytest.mark.parametrize("by", QUEUES)
def test_the_pool_is_not_written_to_and_may_lie_on_disk(by, tmp_path):
    pool = POOLS["usual"]
    np.save(tmp_path / "features.npy", pool.features)
    on_disk = Pool(pool.probabilities, np.load(tmp_path / "features.npy", mmap_mode="r"), pool.open, pool.labelled)
    assert (ask(by, on_disk, 24) == ask(by, pool, 24)).all()


def test_an_unknown_queue_is_refused_with_the_near_name():
    with pytest.raises(UsageError, match="Did you mean 'margin'"):
        ask("margins", POOLS["usual"], 1)


def test_parts_of_different_lengths_are_our_mistake():
    with pytest.raises(ValueError, match="different numbers"):
        Pool(np.ones((2, 2)), np.ones((3, 2)), np.ones(2, bool), np.ones(2, np.int64))


def test_doubt_is_asked_for_first():
    probabilities = np.array([[0.9, 0.06, 0.04], [0.5, 0.49, 0.01], [0.4, 0.3, 0.3], [0.6, 0.2, 0.2]], np.float32)
    pool = pool_of(4, 3, done=0, probabilities=probabilities, open=np.ones(4, bool))
    assert ask("uncertainty", pool, 2).tolist() == [2, 1]
    assert ask("margin", pool, 2).tolist() == [1, 2]
    assert ask("entropy", pool, 2).tolist() == [2, 3]
    assert margins(probabilities) == pytest.approx([0.84, 0.01, 0.1, 0.4])


def blobs(sizes, width=8, seed=0):
    """Photos in clusters that stand apart: features and the cluster of each."""
    rng = np.random.default_rng(seed)
    which = np.repeat(np.arange(len(sizes)), sizes)
    return (np.eye(width)[which] + 0.05 * rng.standard_normal((len(which), width))).astype(np.float32), which


@pytest.mark.parametrize("by", ["diversity", "typical"])
def test_every_kind_of_photo_is_asked_for_before_one_is_asked_twice(by):
    features, which = blobs([200, 60, 30, 10, 5])
    pool = pool_of(len(which), features=features, done=0, open=np.ones(len(which), bool))
    assert sorted(which[ask(by, pool, 5)].tolist()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("by", ["diversity", "typical"])
def test_what_is_labelled_is_not_asked_for_again_in_another_photo(by):
    features, which = blobs([100, 100, 20])
    codes = np.full(len(which), -1)
    codes[[0, 100]] = 0
    pool = pool_of(len(which), features=features, open=codes < 0, labelled=codes)
    assert which[ask(by, pool, 1)].tolist() == [2]


def test_typical_photos_stand_in_the_middle():
    features, _ = blobs([60, 40])
    features[5] = features[5] + 0.4  # an odd one
    pool = pool_of(100, features=features, done=0, open=np.ones(100, bool))
    assert 5 not in ask("typical", pool, 4)


def test_the_rarest_class_comes_first_until_it_is_not():
    rng = np.random.default_rng(0)
    truth = rng.permutation(np.repeat([0, 1, 2], [400, 80, 20]))
    codes = np.where(np.arange(500) < 50, truth, -1)
    pool = pool_of(500, 3, probabilities=(0.05 + 0.85 * np.eye(3))[truth].astype(np.float32), open=codes < 0, labelled=codes)
    rows = ask("rare", pool, 60)
    before, after = (
        np.bincount(truth[some], minlength=3) for some in (np.flatnonzero(codes >= 0), np.r_[np.flatnonzero(codes >= 0), rows])
    )
    assert truth[rows[0]] == before.argmin()
    assert before.min() == 0
    assert after.min() >= 15  # of the 20 that there are


def test_random_goes_on_where_it_was():
    """What was labelled in between does not change the order: it stays one random sample."""
    pool = pool_of(done=0, open=np.ones(300, bool))
    first = ask("random", pool, 30, seed=5)
    left = np.ones(300, bool)
    left[first[:10]] = False
    assert (ask("random", pool_of(open=left), 20, seed=5) == first[10:]).all()
    assert (ask("random", pool, 30, seed=6) != first).any()
