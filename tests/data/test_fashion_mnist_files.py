"""Fashion-MNIST's own four files are a catalogue as they stand, each picture a BMP file made on the spot."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from modiste.data.layouts.fashion_mnist_files import CLASSES, TYPES
from modiste.data.layouts.readers import read
from modiste.data.opening.containers import opened
from modiste.data.opening.idx import bmp, idx_values
from modiste.data.opening.stores import read_photo
from modiste.records.errors import ModisteError
from modiste.records.labels import PAPER_CLASSES, Classes

SIX_TYPES = np.array([9, 0, 8, 1, 5, 3])


def idx(values: np.ndarray) -> bytes:
    return np.array([0x0800 + values.ndim, *values.shape], ">u4").tobytes() + values.astype(np.uint8).tobytes()


@pytest.fixture
def four(tmp_path):
    """The four files; a picture's every pixel is 20 x its type, and its first is its place."""
    for split, kinds in (("train", SIX_TYPES), ("t10k", SIX_TYPES[:2])):
        pictures = np.broadcast_to((kinds * 20)[:, None, None], (len(kinds), 28, 28)).copy()
        pictures[:, 0, 0] = np.arange(len(kinds))
        (tmp_path / f"{split}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pictures)))
        (tmp_path / f"{split}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(kinds)))
    return tmp_path


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_every_picture_has_its_class_type_split_and_pixels(four):
    catalogue = read(four)
    assert catalogue.classes == CLASSES
    assert [photo.label for photo in catalogue.photos] == [0, 1, 2, 1, 0, 1, 0, 1]
    assert [photo.split for photo in catalogue.photos] == ["train"] * 6 + ["test"] * 2
    assert [photo.details["article_type"] for photo in catalogue.photos[:6]] == [TYPES[kind] for kind in SIX_TYPES]
    assert catalogue.photos[2].path == "train-images-idx3-ubyte.gz/00002.bmp"
    assert "0 T-shirt/top" in catalogue.notes[0]
    for photo, kind in zip(catalogue.photos, [*SIX_TYPES, *SIX_TYPES[:2]], strict=True):
        picture = pixels(read_photo(four, photo.path))
        assert picture[0, 0] == int(photo.path[-9:-4])
        assert (picture.reshape(-1)[1:] == kind * 20).all()


def test_files_may_be_unpacked_and_give_the_same(four):
    plain = read(four)
    for file in list(four.glob("*.gz")):
        file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))
        file.unlink()
    again = read(four)
    assert [photo.label for photo in again.photos] == [photo.label for photo in plain.photos]
    assert again.photos[0].path == "train-images-idx3-ubyte/00000.bmp"


def test_the_ten_types_or_other_classes_may_be_declared(four):
    assert [photo.label for photo in read(four, classes=Classes(TYPES)).photos[:6]] == list(SIX_TYPES)
    assert [photo.label for photo in read(four, classes=PAPER_CLASSES).photos[:6]] == [0, 1, 3, 1, 0, 1]
    assert [photo.label for photo in read(four, classes=Classes(("Bags", "Hats"))).photos[:6]] == [None, None, 0, None, None, None]
    with pytest.raises(ModisteError, match="none of its types is of a class"):
        read(four, classes=Classes(("Hats", "Gloves")))


def test_files_that_are_not_there_or_do_not_belong_together_are_named(four):
    (four / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(SIX_TYPES)))
    with pytest.raises(ModisteError, match=r"holds 2 pictures, t10k-labels-idx1-ubyte.gz 6 labels"):
        read(four)
    (four / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.array([3, 10]))))
    with pytest.raises(ModisteError, match="holds the label 10"):
        read(four)
    (four / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(ModisteError, match="lacks t10k-labels"):
        read(four, "fashion-mnist")


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_a_bmp_holds_the_pixels_it_was_made_of(values):
    assert (pixels(bmp(values)) == values).all()
    assert bmp(values) == bmp(values.copy())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"\0\0\x08",
        b"\0\0\x08\x03\0\0",
        idx(np.zeros((2, 3, 3)))[:-1],
        idx(np.zeros((2, 3, 3))) + b"\0",
        b"\0\0\x0d\x01" + bytes(8),
        np.array([0x0803, 2**31, 2**31, 2**31], ">u4").tobytes() + bytes(100),
        gzip.compress(idx(np.zeros((2, 3, 3))), mtime=0)[:-9],
        b"\x1f\x8b" + bytes(40),
    ],
)
def test_a_damaged_file_is_refused_and_no_more_is_unpacked_than_it_promises(tmp_path, data):
    good = idx(np.arange(18).reshape(2, 3, 3))
    assert idx_values("x", good).tolist() == idx_values("x", gzip.compress(good)).tolist()
    (tmp_path / "x-idx3-ubyte").write_bytes(data)
    with pytest.raises(ModisteError, match=r"x-idx3-ubyte.*Fetch it again"):
        opened(tmp_path / "x-idx3-ubyte")
