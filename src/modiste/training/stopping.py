"""Stopping on request: Ctrl-C, SIGTERM or a used-up time ask; whoever works looks after each step."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

REASONS = {signal.SIGINT: ("Ctrl-C", 130), signal.SIGTERM: ("SIGTERM", 143)}
TIME_IS_UP = ("the end of the time given", 0)


@dataclass
class Wish:
    """Whether work is to stop, and why: a reason in words and the exit code that goes with it."""

    deadline: float | None = None  # on the clock time.monotonic
    signalled: tuple[str, int] | None = None

    @property
    def reason(self) -> tuple[str, int] | None:
        if self.signalled is None and self.deadline is not None and time.monotonic() >= self.deadline:
            return TIME_IS_UP
        return self.signalled


@contextmanager
def stoppable(deadline: float | None = None) -> Iterator[Wish]:
    """While the block runs, the first Ctrl-C or SIGTERM becomes a wish; the second ends it at once, as Ctrl-C otherwise does.

    A wish that came too late for a step to follow it is the caller's to look at before it goes on to other work.
    """
    wish = Wish(deadline)

    def ask(number: int, _frame: FrameType | None) -> None:
        if wish.signalled is not None:
            raise KeyboardInterrupt(number)
        wish.signalled = REASONS[signal.Signals(number)]

    if threading.current_thread() is not threading.main_thread():  # only there can signals be heard
        yield wish
        return
    heard = [number for number in REASONS if signal.getsignal(number) != signal.SIG_IGN]  # a shell's background job is deaf to Ctrl-C
    before = {number: signal.signal(number, ask) for number in heard}
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
