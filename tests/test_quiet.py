"""Nobody is told: what modiste stands on reports to its makers unless it is kept from it, and then keeps a name for the machine at home."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def left_at_home(home: Path, *program: str) -> list[str]:
    """The files that a Python program leaves in an empty home."""
    usual = {key: value for key, value in os.environ.items() if key not in ("ORT_DISABLE_TELEMETRY", "CI", "XDG_CACHE_HOME")}
    subprocess.run([sys.executable, *program], capture_output=True, check=True, env={**usual, "HOME": str(home)}, cwd=home)
    return sorted(str(path.relative_to(home)) for path in home.rglob("*"))


def test_labelling_tells_nobody(drawn_folder: Path, tmp_path: Path) -> None:
    photo = next((drawn_folder / "images").iterdir())
    assert left_at_home(tmp_path, "-m", "modiste", "label", str(photo)) == []


def test_openvino_tells_nobody(tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="an extra")
    program = "from modiste.exporting.asking import openvino_module; openvino_module().convert_model"
    assert left_at_home(tmp_path, "-c", program) == []


def test_whoever_wants_to_tell_may(tmp_path: Path) -> None:
    program = "import os; os.environ['ORT_DISABLE_TELEMETRY'] = '0'; import modiste; assert os.environ['ORT_DISABLE_TELEMETRY'] == '0'"
    assert left_at_home(tmp_path, "-c", program) == []
