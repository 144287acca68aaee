"""The command line in a process that sends itself signals at a named point.

As a program it reads orders, a line of JSON each, and forks a process for each, so that torch is imported once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from killed import AFTER, Arm, calling, narrow, telling

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


def obey(order: dict[str, str]) -> None:
    """Run a command; where the order names a point, send the signals there, one after the other."""
    for name, handle in (("out", 1), ("err", 2)):
        os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), handle)
    sent = []

    def send() -> None:
        if not sent:
            sent.append(order["point"])
            os.write(2, b"[landed]\n")
            for name in order["signals"].split():
                os.kill(os.getpid(), signal.Signals[name])

    if order["point"]:
        heard = POINTS[order["point"]](send)

        @contextmanager
        def progress() -> Iterator[Tell]:
            yield heard

        terminal.progress = progress
    sys.argv = ["modiste", *json.loads(order["arguments"])]
    cli.main()


def main() -> None:
    """Fork for each order, and say how its process ended."""
    torch.set_num_threads(1)
    narrow()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            code = 0
            try:
                obey(json.loads(line))
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 1
            except BaseException:
                sys.excepthook(*sys.exc_info())  # a traceback, which no user may see
                code = 1
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
