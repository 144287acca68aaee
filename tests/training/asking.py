"""A program of this folder that is asked a line of JSON at a time, and answers with a line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


class Asked:
    """The program while it runs: called with an order, it gives the answer; `said` is what it wrote to standard error."""

    def __init__(self, program: str, folder: Path) -> None:
        self.stderr = (folder / "stderr.txt").open("w+")
        command = [sys.executable, str(Path(__file__).with_name(program))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr, text=True)

    def __call__(self, **order: Any) -> str:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({key: str(value) for key, value in order.items()}) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    @property
    def said(self) -> str:
        self.stderr.seek(0)
        return self.stderr.read()

    def __enter__(self) -> Asked:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.communicate()
        self.stderr.close()
