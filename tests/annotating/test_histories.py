"""Random histories with kill -9 at aimed points: see histories.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HISTORIES = Path(__file__).with_name("histories.py")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def run(count: int) -> str:
    done = subprocess.run([sys.executable, str(HISTORIES), str(count)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_fork
def test_killed_anywhere_nothing_that_was_reported_is_lost_and_nothing_is_invented():
    said = run(25)
    assert "none lost, none invented" in said
    for point, kept in {"after the rows": "not saved", "before the transaction": "not saved", "after COMMIT": "but saved"}.items():
        assert f"{point}: cut off, {kept}" in said  # it was killed there, and that is what comes of it


@needs_fork
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_five_hundred_histories():
    assert "500 histories" in run(500)
