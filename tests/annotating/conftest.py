"""Decisions for tests, made short."""

import itertools
import sys
from pathlib import Path

import pytest

from modiste.annotating.decisions import Decision

sys.path.insert(0, str(Path(__file__).parent))  # histories.py is imported by name


@pytest.fixture
def path(tmp_path):
    """Where a log is to be."""
    return tmp_path / "decisions.sqlite"


@pytest.fixture
def said():
    """A function that makes a decision: said("1.jpg", "Shoes", who="ada"); without a label, `kind` says what it is."""
    numbers = itertools.count(1)

    def made(photo="1.jpg", label=None, who="ada", kind=None, how="single", **rest):
        kind = kind or ("label" if label else "unsure")
        return Decision(rest.pop("id", f"d{next(numbers)}"), photo, kind, label, who, how, **rest)

    return made
