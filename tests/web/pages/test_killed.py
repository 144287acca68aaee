"""What a page shows as saved is on the disk, whenever the server is killed; lives.py does it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LIVES = Path(__file__).with_name("lives.py")


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a thing of POSIX")
@pytest.mark.parametrize("count", [6, pytest.param(500, marks=[pytest.mark.slow, pytest.mark.timeout(3 * 3600)])])
def test_nothing_that_was_reported_saved_is_lost_and_nothing_is_invented(count):
    done = subprocess.run([sys.executable, LIVES, str(count)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "none lost, none invented" in done.stdout
    for point in ("before the transaction", "after BEGIN", "after the rows", "after COMMIT", "by the clock", "never"):
        assert point in done.stdout
