"""A small `benchmarks/label_faults.py`: kills that land at named points, full disks, the same bytes in the end."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="no limit can be set on what a process writes")


def test_killed_or_out_of_disk_a_job_ends_with_the_bytes_of_an_undisturbed_one(faults):
    command = [sys.executable, faults.__file__, "--photos", "48", "--damaged", "6", "--kills", "15", "--full", "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for said in ("48 rows for 48 photos, 6 of them not readable", "15 kills of one job", "4 full disks", "The photos are as they were"):
        assert said in done.stdout
