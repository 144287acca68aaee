"""Some seconds of bent pictures: no crash, no hang, no unknown exception; and the controls that would show them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from bending import BENDS, STORED, bent, seeds
from fuzz_images import fuzz

from modiste.data.opening.images import to_pixels
from modiste.data.opening.refusals import REASONS


def test_bent_pictures_give_pixels_or_a_reason(tmp_path):
    found = fuzz(5, seed=2026, keep=tmp_path)
    assert (found.crashes, found.hangs, found.unknown) == ([], [], [])
    assert set(found.outcomes) <= {"pixels", *REASONS}
    assert found.files == sum(found.outcomes.values()) > 1000
    assert min(found.outcomes["pixels"], found.outcomes["corrupt"], found.outcomes["truncated"]) > found.files / 100
    assert list(tmp_path.iterdir()) == []


def test_every_seed_reads_before_it_is_bent():
    assert {name for name, _ in seeds()} >= set(STORED)
    for _, data in seeds():
        assert to_pixels(data, 32, "rgb", "squash", "x").any()


def test_bending_changes_files_and_is_the_same_for_the_same_seed():
    pool = seeds()
    one, two = ([bent(random.Random(number), pool) for number in range(50)] for _ in range(2))
    assert one == two
    assert len({data for _, data in one}) > 45
    for bend in BENDS:
        assert any(bytes(bend(bytearray(pool[0][1]), random.Random(n))) != pool[0][1] for n in range(5))


@pytest.mark.parametrize("job", ["explode", "crash", "hang"])
def test_a_planted_fault_is_found_and_its_file_kept(job, tmp_path):
    found = fuzz(3, seed=1, keep=tmp_path, children=1, job=f"killers:{job}", hang_seconds=1 if job == "hang" else 10)
    named = {"explode": found.unknown, "crash": found.crashes, "hang": found.hangs}
    assert [kind for kind, files in named.items() if files] == [job]
    for line in named[job]:
        file = Path(line.split(":")[0].split(" (")[0])
        assert len(file.read_bytes()) % 50 == 0
    assert job != "explode" or "ZeroDivisionError: nobody foresaw this" in found.unknown[0]
