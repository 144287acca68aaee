"""A decision checks itself; every refusal says what is wrong."""

import pytest

from modiste.annotating.decisions import AT, Decision, now
from modiste.records.errors import ModisteError

GOOD = {"id": "a1", "photo": "1.jpg", "kind": "label", "label": "Shoes", "who": "Ada", "how": "single"}
REFUSED = {
    "id": ["", "a" * 65, "a b", "a/b", "é", None, 7, "a\n"],
    "photo": ["", "a\0b", "x" * 5000, None, b"1.jpg"],
    "kind": ["labels", "", None, "undo"],
    "label": [None, "", "   ", "x" * 201, "\ud800", 3],
    "who": ["", " ada", "a\nb", "a\u202eb", "\u200b", "a" * 81, "\udcff", None],
    "how": ["click", None],
    "suggested": ["", 4],
    "confidence": [-0.1, 1.5, float("nan"), float("inf"), "1", True],
    "seconds": [-1, float("inf"), float("nan"), "3"],
    "sha256": ["", "A" * 64, "a" * 63],
    "batch": ["", "a b"],
    "at": ["yesterday", "2026-11-28T16:42:07Z", "2026-13-28T16:42:07.250Z", "2026-11-28T16:42:07.250+01:00"],
}


def test_a_good_one_is_taken():
    assert Decision(**GOOD, confidence=1, seconds=0, batch="b", sha256="0" * 64, at=now()).label == "Shoes"


@pytest.mark.parametrize("name, value", [(name, value) for name, values in REFUSED.items() for value in values])
def test_what_is_wrong_is_refused_in_words_that_name_it(name, value):
    with pytest.raises(ModisteError) as caught:
        Decision(**{**GOOD, name: value})
    assert name.replace("at", "time") in str(caught.value) if name == "at" else name in str(caught.value)


@pytest.mark.parametrize("kind", ["unsure", "bad"])
def test_only_a_label_has_a_label(kind):
    assert Decision(**{**GOOD, "kind": kind, "label": None})
    with pytest.raises(ModisteError, match="has no label"):
        Decision(**{**GOOD, "kind": kind})


def test_now_is_written_as_decisions_have_it():
    assert AT.fullmatch(now())
