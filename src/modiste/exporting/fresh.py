"""A fresh process that opens one model, answers, and says what that took: `python -m modiste.exporting.fresh JSON`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from modiste.exporting.contenders import open_contender


def main() -> None:
    """One line with the first answer given, one with the memory once a batch was answered too."""
    asked = json.loads(sys.argv[1])
    model = open_contender(Path(asked["path"]), asked["threads"], asked["classes"], asked["pixels"])
    channels = 3 if model.pixels.colour == "rgb" else 1
    photos = np.full((asked["batch"], model.pixels.side, model.pixels.side, channels), 200, np.uint8)
    model.ask(photos[:1])
    print("answered", flush=True)
    model.ask(photos)
    print(json.dumps({"resident_bytes": resident_bytes()}), flush=True)


def resident_bytes() -> int:
    """Memory that this process holds now (Linux), else the most it held; 0 where the system tells neither (Windows)."""
    status = Path("/proc/self/status")
    if status.is_file():
        lines: Any = (line.split() for line in status.read_text(encoding="utf-8").splitlines())
        return next(int(words[1]) * 1024 for words in lines if words[:1] == ["VmRSS:"])
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


if __name__ == "__main__":
    main()
