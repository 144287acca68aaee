"""The gate refuses what says other things, lets pass what does not, and says why."""

import json

import numpy as np
import pytest

from modiste.data.decoded import Pictures
from modiste.exporting.kinds import EXPORTS
from modiste.exporting.parity import Limits, compare, softmax
from modiste.serving.graphs import Answers

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(1000, 4)) * 3
PICTURES = Pictures.of([str(n) for n in range(1000)], np.zeros((1000, 1, 1, 1), np.uint8), SCORES.argmax(1))


def answered(scores, temperature=1.0):
    return Answers(softmax(scores / temperature).astype(np.float32), scores.astype(np.float32), np.zeros((len(scores), 0), np.float32))


def other_labels(count):
    """The scores with the labels of some photos exchanged."""
    scores = SCORES.copy()
    scores[:count] = np.roll(scores[:count], 1, axis=1)
    return scores


@pytest.mark.parametrize("kind", EXPORTS)
def test_equal_answers_pass_every_gate(kind):
    gate = compare(SCORES, answered(SCORES, 2.0), PICTURES, 2.0, EXPORTS[kind].limits, drawn=False)
    assert gate.failures == ()
    assert (gate.same, gate.macro_f1) == (1.0, (1.0, 1.0))
    assert json.loads(json.dumps(gate.plain()))["passed"] is True


@pytest.mark.parametrize("kind, allowed", [("onnx", 0), ("onnx-fp16", 0), ("onnx-int8", 3)])
def test_labels_that_differ_are_counted(kind, allowed):
    limits = Limits(same=EXPORTS[kind].limits.same, macro_f1=EXPORTS[kind].limits.macro_f1)
    passed = {
        count: not compare(SCORES, answered(other_labels(count)), PICTURES, 1.0, limits, False).failures for count in range(allowed + 8)
    }
    assert passed[allowed]
    assert not passed[allowed + 7]


def test_a_temperature_that_was_not_built_in_is_noticed():
    gate = compare(SCORES, answered(SCORES), PICTURES, 2.0, EXPORTS["onnx"].limits, drawn=False)
    assert gate.same == 1.0
    assert len(gate.failures) == 1
    assert "a probability differs by 0." in gate.failures[0]


def test_a_worse_macro_f1_is_a_failure_of_its_own():
    gate = compare(SCORES, answered(other_labels(4)), PICTURES, 1.0, Limits(same=0.9, macro_f1=0.003), drawn=False)
    assert "macro F1 falls from 1.0000 to 0.99" in gate.failures[0]
    assert not compare(SCORES, answered(other_labels(4)), PICTURES, 1.0, Limits(same=0.995), drawn=False).failures


def test_answers_that_are_no_numbers_fail():
    gate = compare(SCORES, answered(np.full_like(SCORES, np.nan)), PICTURES, 1.0, EXPORTS["onnx"].limits, drawn=True)
    assert len(gate.failures) == 2


def test_drawn_pictures_say_nothing_of_macro_f1_and_are_called_so():
    gate = compare(SCORES, answered(SCORES), PICTURES, 1.0, EXPORTS["onnx"].limits, drawn=True)
    assert gate.macro_f1 is None
    assert "drawn pictures (no photos were given)" in gate.words
