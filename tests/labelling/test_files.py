"""The three kinds of table hold the same values; a spreadsheet runs none; a reader finds the old table or the new one."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

import pytest

from modiste.data.layouts.rows import restored
from modiste.labelling.files import write_rows
from modiste.records.errors import MachineError


def test_csv_lines_and_parquet_hold_the_same_values(photos, labelled, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    (photos / "=1+1.jpg").write_bytes(next(iter(sorted(photos.rglob("*.jpg")))).read_bytes())
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        labelled(photos, output=name)
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert lines == pq.read_table(tmp_path / "a.parquet").to_pylist()
    with (tmp_path / "a.csv").open(newline="") as file:
        table = [{name: restored(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
    assert table == [{name: "" if value is None else str(value) for name, value in line.items()} for line in lines]
    assert sum(line["photo"] == "=1+1.jpg" for line in lines) == 1
    assert "'=1+1.jpg," in (tmp_path / "a.csv").read_text()


def test_names_that_are_not_utf_8_are_bytes_in_parquet_and_escapes_in_lines(tmp_path, jpeg, labelled):
    pq = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "shop").mkdir()
    try:
        (tmp_path / "shop" / "\udcff.jpg").write_bytes(jpeg("red"))
    except OSError:
        pytest.skip("this disk keeps no such names")
    (tmp_path / "shop" / "b.jpg").write_bytes(jpeg("blue"))
    labelled(tmp_path / "shop", output="a.parquet")
    labelled(tmp_path / "shop", output="a.jsonl")
    assert pq.read_table(tmp_path / "a.parquet")["photo"].to_pylist() == [b"b.jpg", b"\xff.jpg"]
    assert [json.loads(line)["photo"] for line in (tmp_path / "a.jsonl").read_text().splitlines()] == ["b.jpg", "\udcff.jpg"]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_where_writing_fails_the_old_table_stands_and_nothing_beside_it(ending, tmp_path):
    pytest.importorskip("pyarrow")
    path, part = tmp_path / f"a.{ending}", tmp_path / "part"

    def rows(fail):
        yield ("1.jpg",)
        if fail:
            raise OSError(28, "No space left on device")

    write_rows(path, part, ["photo"], rows(False))
    before = path.read_bytes()
    with pytest.raises(MachineError, match=r"No space left on device\. What stood there before still stands"):
        write_rows(path, part, ["photo"], rows(True))
    assert path.read_bytes() == before
    assert [left.name for left in tmp_path.iterdir()] == [path.name]


def test_without_pyarrow_the_line_that_installs_it_is_said_before_anything_is_done(photos, tiny_bundle, tmp_path):
    code = "import sys; sys.modules['pyarrow'] = None; sys.argv = ['modiste', 'label', *sys.argv[1:]]\nfrom modiste.cli import main; main()"
    command = [sys.executable, "-c", code, photos, "-o", "a.parquet", "--model", tiny_bundle]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 5
    assert 'pip install "modiste[parquet]"' in done.stderr
    assert not (tmp_path / "a.parquet.state").exists()
