"""Predictions: written and read bit for bit, counted right, refused when they cannot be."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import confusion_matrix

from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions

ODD = ["", "a,b.jpg", 'say "hat".jpg', "two\nlines.jpg", "cr\r.jpg", "\r\n", "\udcff.jpg", " x ", "'=1", "é.jpg", "\u2028", "score 1"]
NAMES = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(ODD)


@st.composite
def predictions(draw):
    count, classes = draw(st.integers(0, 6)), tuple(draw(st.lists(NAMES, min_size=2, max_size=4, unique=True)))
    photos = tuple(draw(st.lists(NAMES, min_size=count, max_size=count)))
    truth = draw(arrays.arrays(np.int64, count, elements=st.integers(0, len(classes) - 1)))
    finite = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=True)
    return Predictions(classes, photos, truth, draw(arrays.arrays(np.float64, (count, len(classes)), elements=finite)))


@given(predictions())
def test_what_is_written_is_read_bit_for_bit(said):
    with tempfile.TemporaryDirectory() as folder:
        read = Predictions.read(said.write(Path(folder) / "test.csv"))
    assert (read.classes, read.photos) == (said.classes, said.photos)
    assert read.truth.tobytes() == said.truth.tobytes()
    assert read.scores.tobytes() == said.scores.tobytes()


@given(predictions())
def test_the_confusion_matrix_is_scikit_learn_s(said):
    expected = confusion_matrix(said.truth, said.called, labels=range(len(said.classes))) if len(said) else 0
    assert (said.confusion == expected).all()


def test_of_two_equal_scores_the_lower_code_is_called():
    assert Predictions(("a", "b"), ("x",), np.array([1]), np.zeros((1, 2))).called.tolist() == [0]


def test_of_calls_what_it_was_told_to():
    said = Predictions.of(truth=[0, 2], called=[2, 1])
    assert (said.called.tolist(), said.classes) == ([2, 1], ("class 0", "class 1", "class 2"))


@pytest.mark.parametrize(
    "truth, scores, words",
    [
        ([0], np.zeros((2, 2)), "do not fit"),
        ([0, 1], np.zeros((2, 3)), "do not fit"),
        ([0, 1], np.zeros((1, 2)), "do not fit"),
        ([0, 1], np.array([[0, np.nan], [0, 1]]), "not numbers"),
        ([0, 1], np.array([[0, 0], [np.inf, 1]]), "not numbers"),
        ([0, 2], np.zeros((2, 2)), r"outside 0\.\.1"),
        ([-1, 0], np.zeros((2, 2)), r"outside 0\.\.1"),
    ],
)
def test_predictions_that_cannot_be_are_refused(truth, scores, words):
    with pytest.raises(ModisteError, match=words):
        Predictions(("a", "b"), ("x", "y"), np.array(truth), scores)


@pytest.mark.parametrize(
    "content",
    [b"", b"photo,truth\n", b"a\nb\n", b"photo,truth,called,score a,score b\nx,c,a,1,2\n", b"photo,truth,called,score a,score b\nx,a,a,1\n",
     b"photo,truth,called,score a,score b\nx,a,a,1,two\n", b"photo,truth,called,score a,score b\nx\n", b"\x89PNG\r\n\x1a\n\0\0"],
)  # fmt: skip
def test_a_file_of_something_else_is_refused_in_words(tmp_path, content):
    (tmp_path / "test.csv").write_bytes(content)
    with pytest.raises(ModisteError, match=r"test\.csv"):
        Predictions.read(tmp_path / "test.csv")


@pytest.mark.parametrize("scores", ["0,0,0", "1,0,1"])
def test_a_call_that_the_scores_do_not_make_is_refused_also_where_they_tie(tmp_path, scores):
    (tmp_path / "test.csv").write_text(f"photo,truth,called,score a,score b,score c\nx,c,c,{scores}\n")
    with pytest.raises(
        ModisteError, match=r"row 2: called 'c', but 'a', as the first of several, has the highest score.*write 1 for the class"
    ):
        Predictions.read(tmp_path / "test.csv")


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path):
    (tmp_path / "test.csv").write_bytes(b"\xef\xbb\xbfphoto,truth,called,score a,score b\r\n1.jpg,a,b,1,2\r\n")
    found = Predictions.read(tmp_path / "test.csv")
    assert (found.photos, found.classes, found.called.tolist()) == (("1.jpg",), ("a", "b"), [1])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModisteError, match=r"test.csv: no predictions there"):
        Predictions.read(tmp_path / "test.csv")
