"""The terminal: bars for long work, on standard error, so that standard output holds the answer alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from modiste.records.launch import follows
from modiste.records.progress import Progress, Tell, silent

QUIET_SECONDS = 20.0  # between lines where there is no terminal to draw on


class Rate(ProgressColumn):
    """Units a second, over the last seconds."""

    def render(self, task: Task) -> Text:
        return Text(pace(task.finished_speed or task.speed or 0.0), style="dim")


def pace(speed: float) -> str:
    """Units a second, or where they are slow, seconds a unit; nothing where it is not known.

    >>> pace(1234.5), pace(1.23), pace(0.02), pace(0)
    ('1,234/s', '1.2/s', '50 s each', '')
    """
    if speed >= 10:
        return f"{speed:,.0f}/s"
    return f"{speed:.1f}/s" if speed >= 0.2 else f"{1 / speed:,.0f} s each" if speed > 0 else ""


@contextmanager
def progress() -> Iterator[Tell]:
    """A listener that draws bars on a terminal, or writes a line now and then into a log."""
    console = Console(stderr=True)
    if follows():
        yield silent
    elif console.is_terminal:
        with bars(console) as drawn:
            yield drawing(drawn)
    else:
        yield lines()


def bars(console: Console) -> Bars:
    return Bars(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(compact=True),
        TextColumn("[dim]{task.fields[note]}"),
        console=console,
        transient=True,
    )


def drawing(drawn: Bars) -> Tell:
    """One bar a stage; a finished stage's bar goes when the next begins, the study's own stays."""
    shown: dict[str, int] = {}

    def tell(told: Progress) -> None:
        if told.stage not in shown:
            for stage in [stage for stage in shown if not stage.startswith("study ")]:
                drawn.remove_task(shown.pop(stage))  # type: ignore[arg-type]
            shown[told.stage] = drawn.add_task(told.stage, total=told.total, completed=told.done, note=told.note)
        drawn.update(shown[told.stage], completed=told.done, total=told.total, note=told.note)  # type: ignore[arg-type]

    return tell


def lines() -> Tell:
    """A line for each step of a study and each training that ends, and every twenty seconds between, with the time left."""
    begun: dict[str, tuple[float, int]] = {}
    last = time.monotonic()

    def tell(told: Progress) -> None:
        nonlocal last
        now, ended = time.monotonic(), told.done >= told.total
        since, first = begun.setdefault(told.stage, (now, told.done))
        if ended:
            del begun[told.stage]
        of_study = told.stage.startswith("study ")
        if not of_study and not (ended and told.stage == "training") and now - last < QUIET_SECONDS:
            return
        last = now
        rate = (told.done - first) / (now - since) if now > since else 0.0
        left = f", {pace(rate)}, {(told.total - told.done) / rate:.0f} s left" if rate > 0 and not ended and not of_study else ""
        note = f" ({told.note})" if told.note else ""
        print(f"{told.stage}: {told.done} of {told.total} {told.unit}{left}{note}", file=sys.stderr, flush=True)

    return tell
