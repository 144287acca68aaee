"""Many photos asked about: each answered as if it were alone, in order, whatever becomes of those beside it."""

import hashlib
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from modiste.data.opening.images import to_pixels
from modiste.data.opening.refusals import PhotoRefused
from modiste.serving import asking
from modiste.serving.asking import each_answer
from modiste.serving.graphs import columns_of
from modiste.serving.labeller import load


@pytest.fixture(scope="module")
def network(tiny_bundle):
    return load(tiny_bundle, threads=1)


@pytest.fixture(scope="module")
def photos(faults, tmp_path_factory):
    """40 photos, 8 of them damaged, and one that is not there."""
    folder = tmp_path_factory.mktemp("made") / "photos"
    faults.make_photos(folder, 40, 8)
    return folder, [*sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg")), "nowhere.jpg"]


def alone(root, path, labeller):
    """What is said of one photo."""
    if not (root / path).exists():
        return None, "missing"
    data, eyes = (root / path).read_bytes(), labeller.pixels
    sha = hashlib.sha256(data).digest()
    try:
        return sha, labeller.score(to_pixels(data, eyes.side, eyes.colour, eyes.fit, path)[None])
    except PhotoRefused as refused:
        return sha, refused.reason


def named(paths):
    """Photos under any name that whoever asks goes by, with their paths."""
    return ((path.upper(), path) for path in paths)


def same(one, other):
    if isinstance(one, PhotoRefused) or isinstance(other, str):
        return getattr(one, "reason", one) == other
    return all(np.array_equal(a, b) for a, b in zip(columns_of(one), columns_of(other), strict=True))


@pytest.mark.parametrize("threads", [1, 3, None])
def test_each_answer_is_what_the_network_says_of_the_photo_alone(network, photos, threads):
    root, paths = photos
    found = list(each_answer(root, named(paths), network, threads=threads))
    assert [name for name, _, _ in found] == [path.upper() for path in paths]
    for path, (_, sha, said) in zip(paths, found, strict=True):
        expected = alone(root, path, network)
        assert sha == expected[0]
        assert same(said, expected[1]), path
    assert [said.where for _, _, said in found if isinstance(said, PhotoRefused)] == [
        path for path in paths if isinstance(alone(root, path, network)[1], str)
    ]


def test_answers_come_in_order_however_long_each_takes(network, photos):
    root, paths = photos
    busy, most, lock, calls = 0, 0, threading.Lock(), []

    def ask(pixels):
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
            calls.append(1)
            turn = len(calls)
        time.sleep(0.03 if turn % 3 == 0 else 0.001)
        with lock:
            busy -= 1
        return network.ask(pixels)

    found = list(each_answer(root, named(paths), replace(network, ask=ask), threads=3))
    for path, one in zip(paths, found, strict=True):
        assert same(one[2], alone(root, path, network)[1])
    assert most <= 3
    assert len(calls) == 32


def test_nothing_is_asked_far_ahead_of_whoever_takes_the_answers(network, photos):
    root, paths = photos
    calls = []
    slow = replace(network, ask=lambda pixels: calls.append(1) or network.ask(pixels))
    answers = each_answer(root, named(paths * 10), slow, threads=1)
    next(answers)
    time.sleep(0.3)
    assert len(calls) <= 5
    answers.close()
    assert len(calls) < 10


def test_a_network_that_fails_is_said_to_and_ends_the_asking(network, photos):
    root, paths = photos

    def ask(_pixels):
        raise RuntimeError("the graph is broken")

    with pytest.raises(RuntimeError, match="broken"):
        list(each_answer(root, named(paths), replace(network, ask=ask)))
    assert not [one for one in threading.enumerate() if one.name.startswith("scores")]


def test_no_photos_have_no_answers(network, photos):
    assert list(each_answer(photos[0], iter([]), network)) == []


def test_what_failed_for_the_moment_is_asked_about_once_more_after_all_others(network, photos, monkeypatch):
    root, paths = photos
    good = [path for path in paths if not isinstance(alone(root, path, network)[1], str)]
    dies, always, seen = good[3], good[7], []

    def each_photo(root, some, job, options, workers):
        for path in some:
            seen.append(path)
            if path == always or (path == dies and seen.count(path) == 1):
                yield PhotoRefused(path, "decoder_crashed", "it was killed")
            else:
                yield job((root / path).read_bytes(), where=path, **options)

    monkeypatch.setattr(asking, "each_photo", each_photo)
    found = list(each_answer(root, named(good), network))
    others = [path for path in good if path not in (dies, always)]
    assert [name for name, _, _ in found] == [path.upper() for path in [*others, dies, always]]
    assert seen == [*good, dies, always]
    for path, (_, _, said) in zip([*others, dies], found, strict=False):
        assert same(said, alone(root, path, network)[1])
    assert (found[-1][2].where, found[-1][2].reason, found[-1][2].detail) == (always, "decoder_crashed", "it was killed")
