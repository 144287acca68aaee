"""Processes that begin one run at the same moment: whoever trains goes on until all others were refused.

As a program it reads orders, a line of JSON each, and forks the racers of each, so that torch is imported once.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import torch
from killed import SHORT, narrow

from modiste.data.layouts.readers import read
from modiste.records.errors import Busy
from modiste.records.recipe import Recipe
from modiste.training import fit

RECIPE = Recipe(**SHORT)
PATIENCE_SECONDS = 20


def race(order: dict[str, str], name: str) -> None:
    """Train, and say how it ended: won, or the words of the refusal. A quick race stops teaching when the others were refused."""
    ends, learn = Path(order["ends"]), fit.learn

    def until_all_others_were_refused(*lesson: object) -> int:
        until = time.monotonic() + PATIENCE_SECONDS
        while len(list(ends.iterdir())) < int(order["racers"]) - 1 and time.monotonic() < until:
            time.sleep(0.005)
        return 1 if order["quick"] == "True" else learn(*lesson)  # type: ignore[arg-type]

    fit.learn = until_all_others_were_refused  # type: ignore[assignment]
    try:
        fit.fit(RECIPE, read(Path(order["photos"]), "paper"), Path(order["runs"]), fit.Manner("cpu"))
        said = f"process {os.getpid()} won"
    except Busy as refused:
        said = str(refused)
    beside = ends.with_name(f"{name}.txt")
    beside.write_text(said)
    beside.rename(ends / beside.name)


def main() -> None:
    """Let the racers of each order go at once, and say how their processes ended."""
    torch.set_num_threads(1)
    narrow()
    for line in sys.stdin:
        order = json.loads(line)
        barrier, go = os.pipe()
        racers = [forked(order, str(number), barrier, go) for number in range(int(order["racers"]))]
        os.close(barrier)
        os.close(go)  # what all wait for
        print(*[os.waitstatus_to_exitcode(os.waitpid(racer, 0)[1]) for racer in racers], flush=True)


def forked(order: dict[str, str], name: str, barrier: int, go: int) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.close(go)
        os.read(barrier, 1)
        race(order, name)
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
