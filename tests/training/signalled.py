"""The command line in a process that at a named point sends itself signals, or may write no more than some bytes a file.

As a program it reads orders, a line of JSON each, and forks a process for each, so that torch is imported once.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from killed import AFTER, Arm, calling, narrow, opening, telling

from modiste import cli, terminal
from modiste.data import slots
from modiste.records import disk
from modiste.records.progress import Tell
from modiste.training import fit, loop

POINTS: dict[str, Arm] = {
    "at the first step": calling(loop, "step", 1),
    "at a later step": calling(loop, "step", 9),
    "while the epoch's photos are looked at": telling("looking at test", 1),
    "after the last epoch was measured": calling(loop, "measured", 2, AFTER),
    "while photos are read": telling("reading photos", 1),
    "while photos are decoded": telling("decoding", 1),
    "between pixels and their lines in the cache": calling(slots, "append_text"),
    "while photos are predicted": telling("predicting test", 1),
    "before the model is stored": calling(fit, "save_model"),
    "in a write": calling(disk, "sync_folder", 3),
}
FULL: dict[str, Arm] = {
    "pixels in the cache": opening("pixels.bin"),
    "lines in the cache": opening("index.txt"),
    "the first recipe": opening("recipe.json"),
    "the first checkpoint": opening("checkpoint.safetensors"),
    "a later checkpoint": opening("checkpoint.safetensors", 9),
    "history": opening("history.csv", 2),
    "the best weights": opening("best.safetensors"),
    "weights": opening("weights.safetensors"),
    "the model's card": opening("model.json"),
    "predictions": opening("test.csv"),
    "the last file": opening("about.json"),
}


def obey(order: dict[str, str]) -> None:
    """Run a command; where the order names a point, do there what it orders."""
    os.dup2(os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    done = []

    def at_the_point() -> None:
        if done:
            return
        done.append(os.write(2, b"[landed]\n"))
        if order["most_bytes"]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(order["most_bytes"]), resource.RLIM_INFINITY))
        for name in order["signals"].split():
            os.kill(os.getpid(), signal.Signals[name])

    if order["often"]:
        loop.Keeper.due = property(lambda _keeper: True)  # type: ignore[method-assign,assignment]
    if order["point"]:
        heard = (POINTS | FULL)[order["point"]](at_the_point)

        @contextmanager
        def progress() -> Iterator[Tell]:
            yield heard

        terminal.progress = progress
    sys.argv = ["modiste", *json.loads(order["arguments"])]
    cli.main()


def forked(order: dict[str, str], stderr: int) -> int:
    """A process for an order; what it says goes into a pipe, which is never full of a file's most bytes."""
    child = os.fork()
    if child:
        return child
    code = 0
    try:
        os.dup2(stderr, 2)
        os.close(stderr)
        obey(order)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())  # a traceback, which no user may see
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Fork for each order, and say how its process ended."""
    torch.set_num_threads(1)
    narrow()
    for line in sys.stdin:
        order = json.loads(line)
        said, stderr = os.pipe()
        child = forked(order, stderr)
        os.close(stderr)
        with open(said, "rb") as pipe:  # noqa: PTH123
            Path(order["err"]).write_bytes(pipe.read())
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
