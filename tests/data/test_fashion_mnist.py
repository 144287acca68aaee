"""Fashion-MNIST: a sample in the paper's format, from wherever it can be had, or a sentence that says what was tried."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from modiste.data.layouts.readers import read
from modiste.data.opening.images import to_pixels
from modiste.data.opening.stores import read_photo
from modiste.data.samples import fashion_mnist
from modiste.data.samples.fashion_mnist import CLASSES, FILES, NotFoundHereError, fetch, read_idx
from modiste.records.errors import MachineError, ModisteError


def idx(values: np.ndarray) -> bytes:
    head = np.array([0x0800 + values.ndim, *values.shape], ">u4").tobytes()
    return gzip.compress(head + values.astype(np.uint8).tobytes(), 1)


@pytest.fixture(scope="module")
def painted(tmp_path_factory) -> Path:
    """The four files in their true sizes; a picture's every pixel is 20 x its type."""
    folder = tmp_path_factory.mktemp("fashion")
    for images, labels, count in FILES.values():
        kinds = np.arange(count) * 7 % 10
        (folder / labels).write_bytes(idx(kinds))
        (folder / images).write_bytes(idx(np.broadcast_to((kinds * 20)[:, None, None], (count, 28, 28))))
    return folder


def test_a_sample_keeps_types_splits_and_pictures(painted, tmp_path):
    catalogue, sentence = fetch(tmp_path / "to", 140, 0, painted, lambda _: None)
    assert str(painted) in sentence
    assert read(tmp_path / "to") == catalogue
    assert catalogue.classes == CLASSES
    assert catalogue.split("train").counts() == [36, 72, 12]
    assert catalogue.split("test").counts() == [6, 12, 2]
    kinds = Counter((photo.split, photo.details["article_type"]) for photo in catalogue.photos)
    assert set(kinds.values()) == {12, 2}
    bag = next(photo for photo in catalogue.photos if photo.details["article_type"] == "Bag")
    assert (to_pixels(read_photo(catalogue.root, bag.path), 28, "grey1", "squash", "x") == 160).all()


def test_the_sample_is_as_large_as_asked_when_types_do_not_share_evenly(painted, tmp_path):
    catalogue, _ = fetch(tmp_path / "to", 87, 0, painted, lambda _: None)
    assert len(catalogue) == 87
    assert len(catalogue.split("test")) == 12
    kinds = Counter((photo.split, photo.details["article_type"]) for photo in catalogue.photos)
    assert set(kinds.values()) == {7, 8, 1, 2}


def test_the_seed_decides_the_sample(painted, tmp_path):
    one, two, other = (fetch(tmp_path / name, 70, seed, painted, lambda _: None)[0] for name, seed in (("1", 0), ("2", 0), ("3", 1)))
    assert one.photos == two.photos != other.photos


def test_places_are_tried_in_turn_and_named_when_all_fail(painted, tmp_path, monkeypatch):
    def closed(_: Path) -> Path:
        raise NotFoundHereError("the network is closed")

    monkeypatch.setattr(fashion_mnist, "PLACES", {"here": closed, "there": lambda scratch: scratch})
    with pytest.raises(MachineError, match=r"(?s)here: the network is closed.*there: .* lacks train-images.*four .gz files"):
        fetch(tmp_path / "a", 70, 0, None, lambda _: None)
    monkeypatch.setattr(fashion_mnist, "PLACES", {"here": closed, "there": lambda _: painted})
    said: list[str] = []
    assert fetch(tmp_path / "b", 70, 0, None, said.append)[1] == "Fashion-MNIST from there."
    assert len(said) == 3


def test_a_source_without_the_files_is_the_user_s_mistake(tmp_path):
    with pytest.raises(ModisteError, match=r"lacks train-images-idx3-ubyte.gz.*four .gz files"):
        fetch(tmp_path / "to", 70, 0, tmp_path, lambda _: None)


@pytest.mark.parametrize("photos", [0, 69, 70_001])
def test_sizes_it_cannot_have_are_refused(photos, tmp_path):
    with pytest.raises(ModisteError, match="cannot be taken"):
        fetch(tmp_path / "to", photos, 0, None, lambda _: None)


def test_a_damaged_idx_file_is_refused(tmp_path):
    good = idx(np.arange(12).reshape(3, 2, 2))
    file = tmp_path / "x.gz"
    file.write_bytes(good)
    assert read_idx(file, (3, 2, 2))[2, 1, 1] == 11
    for data in (b"", b"text", good[:-9], idx(np.arange(12)), gzip.compress(gzip.decompress(good)[:-1]), gzip.compress(b"\0")):
        file.write_bytes(data)
        with pytest.raises(ModisteError, match="Fetch it again"):
            read_idx(file, (3, 2, 2))


def test_programs_that_fail_or_are_not_there_are_reasons_not_crashes(tmp_path):
    with pytest.raises(NotFoundHereError, match="no-such-program"):
        fashion_mnist.shell(["no-such-program"], tmp_path)
    with pytest.raises(NotFoundHereError, match="ls"):
        fashion_mnist.shell(["ls", "--", "not-there"], tmp_path)
