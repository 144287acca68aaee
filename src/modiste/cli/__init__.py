"""The door: commands read their arguments, call one function, and print. Heavy imports wait until a command runs."""

from __future__ import annotations

import codecs
import io
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

from cyclopts import App, CycloptsError, Group

from modiste import __version__
from modiste.cli import app as app_commands
from modiste.cli import data as data_commands
from modiste.cli import label as label_commands
from modiste.cli import models as model_commands
from modiste.cli import runs as run_commands
from modiste.cli import search as search_commands
from modiste.cli import serve as serve_commands
from modiste.cli import study as study_commands
from modiste.cli.words import harmless, json_text
from modiste.records.errors import BadRows, MachineError, ModisteError, Stopped, UsageError, missing_extra

CATALOGUE, STUDY, MODELS, REST = (
    Group(words, sort_key=place) for place, words in enumerate(("A catalogue", "A study", "Models", "The rest"))
)
app = App(
    name="modiste",
    version=__version__,
    help="Classify photos of fashion products, and repeat the study that asked which network does it best.",
    help_epilogue="First steps: `modiste data draw photos`, then `modiste label photos`, `modiste app photos`, or a small study: "
    "`modiste study paper --data photos --image-size 64 --epochs 1 --weights none`.",
    result_action="return_value",
    print_error=False,
    exit_on_error=False,
    help_on_error=False,
    group_commands=REST,
    suppress_keyboard_interrupt=False,
)
data = App(
    name="data",
    group=REST,
    group_commands="Commands",
    help_epilogue="",
    help="Look at catalogues, audit, convert and split them, and get some to try.",
)
for group, rooms in (
    (CATALOGUE, (label_commands, app_commands, search_commands, serve_commands)),
    (STUDY, (study_commands, run_commands)),
    (MODELS, (model_commands,)),
):
    for room in rooms:
        for command in room.COMMANDS:
            app.command(command, group=group, help_epilogue="")
for command in data_commands.COMMANDS:
    data.command(command)
app.command(data)
app.command(study_commands.doctor, group=REST, help_epilogue="")


def main() -> None:
    """Run a command; a mistake of the user's is told in words and by exit code, without a traceback."""
    json = any(word == "--json" or word.startswith("--json=") for word in sys.argv)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started this
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115  (until the end)
    if isinstance(sys.stdout, io.TextIOWrapper):
        codecs.register_error("modiste", spelt)
        sys.stdout.reconfigure(errors="modiste")
    if threading.current_thread() is threading.main_thread():  # only there can signals be heard
        signal.signal(signal.SIGTERM, end)
    try:
        app(sys.argv[1:])
        sys.stdout.flush()
    except CycloptsError as error:
        complain(UsageError(f"{error}\n`modiste --help` lists the commands, `modiste COMMAND --help` their options."), json)
    except ModisteError as error:
        complain(error, json)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in TRAIN_EXTRA:
            raise
        small = error.name.split(".")[0] == "scipy" and sys.argv[1:2] in (["compare"], ["evaluate"], ["runs"])
        complain(missing_extra(error.name, "learn" if small else "train", "this command"), json)
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # `modiste ... | head`
            to_nowhere(sys.stdout)
            sys.exit(141)
        complain(MachineError(f"{error.filename or 'the system'}: {error.strerror or error}."), json)
    except MemoryError as error:
        complain(MachineError(f"there is not enough memory ({error}). Make pixels.side, the batch or the catalogue smaller."), json)
    except KeyboardInterrupt as stop:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)  # whoever cannot wait for the rest
        kept = goes_on(sys.argv[1:])
        words = f"Stopped. {'What was finished is kept; the same command goes on from there.' if kept else 'Nothing was left half done.'}"
        stopped = Stopped(words, 128 + (stop.args[0] if stop.args else signal.SIGINT))
        if not (json and told(stopped)):
            print(f"\n{words}", file=sys.stderr)
        sys.exit(stopped.exit_code)


def spelt(error: UnicodeError) -> tuple[str | bytes, int]:
    """A letter that standard output cannot spell: a name's byte that is not UTF-8 as it is, any other as standard error escapes it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letter = UnicodeEncodeError(error.encoding, error.object, error.start, error.start + 1, error.reason)
    try:
        return codecs.lookup_error("surrogateescape")(letter)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(letter)


def end(number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends a command as Ctrl-C does, with everything closed on the way."""
    raise KeyboardInterrupt(number)


def goes_on(typed: list[str]) -> bool:
    """Whether a command that was stopped goes on from there when it is typed again.

    >>> goes_on(["robustness", "run"]), goes_on(["data", "audit", "photos"]), goes_on(["explain", "run"])
    (True, True, False)
    """
    return typed[:2] == ["data", "audit"] or "".join(typed[:1]) in ("study", "train", "label", "search", "robustness", "reproduce")


TRAIN_EXTRA = ("torch", "torchvision", "sklearn", "scipy", "safetensors", "matplotlib")


def complain(error: ModisteError, json: bool) -> NoReturn:
    """End with the error in words on standard error, or as JSON on standard output where it can be written to."""
    if not (json and told(error)):
        try:
            print(f"modiste: {harmless(str(error))}", file=sys.stderr, flush=True)
        except OSError:  # nobody reads it, or its disk is full
            to_nowhere(sys.stderr)
    sys.exit(error.exit_code)


def told(error: ModisteError) -> bool:
    """Whether the error, with every bad row, could be printed as JSON."""
    rows = [vars(row) for row in error.rows] if isinstance(error, BadRows) else []
    try:
        print(json_text({"error": str(error), "rows": rows}), flush=True)
    except OSError:
        to_nowhere(sys.stdout)
        return False
    return True


def to_nowhere(stream: TextIO) -> None:
    """Let go what a stream still holds, which would be written, and fail once more, at the end."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
