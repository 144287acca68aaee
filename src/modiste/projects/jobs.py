"""Work in the background, one thing after another: what it tells, how it ended, and how it is stopped."""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from queue import SimpleQueue

from modiste.records.errors import MachineError, ModisteError, Stopped
from modiste.records.progress import Progress, Tell

Work = Callable[[Tell, Callable[[], None]], str]  # given whom to tell and what raises `Stopped`, says in words what came of it
MISTAKE = "modiste made a mistake of its own; the server's log says which."
RECENT_SECONDS = 10.0  # over which a rate is taken
FEWEST_SECONDS = 1.0


@dataclass(frozen=True)
class Job:
    """A job: what it is, and how far."""

    kind: str
    told: Progress | None = None
    rate: float | None = None  # units a second, lately


@dataclass(frozen=True)
class Ended:
    """A job that ended: whether it did what it was to do, that in words, and whether somebody stopped it."""

    kind: str
    ok: bool
    words: str
    stopped: bool = False


@dataclass(eq=False)
class Jobs:
    """A thread that does one job after another; `changed` is called whenever there is news."""

    changed: Callable[[], None]
    log: Callable[[str], None]
    now: Job | None = None
    last: Ended | None = None
    ends: dict[str, Ended] = field(default_factory=dict)  # how the last of each kind ended
    waiting: deque[str] = field(default_factory=deque)
    stopping: bool = False
    closed: bool = False
    marks: deque[tuple[float, str, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.queue: SimpleQueue[tuple[str, Work] | None] = SimpleQueue()
        self.thread = threading.Thread(target=self.run, name="jobs", daemon=True)
        self.thread.start()

    @property
    def next(self) -> Job | None:
        """What is being done, or is about to be."""
        waiting = list(self.waiting)
        return self.now or (Job(waiting[0]) if waiting else None)

    def failed(self, kind: str) -> str | None:
        """Why the last of a kind did not do what it was to do, in words; None where it did, or one is on its way."""
        ended = self.ends.get(kind)
        return None if ended is None or ended.ok or self.on_its_way(kind) else ended.words

    def done(self, kind: str) -> bool:
        """Whether the last of a kind did what it was to do, and none is on its way."""
        ended = self.ends.get(kind)
        return ended is not None and ended.ok and not self.on_its_way(kind)

    def on_its_way(self, kind: str) -> bool:
        return kind in self.waiting or (self.now is not None and self.now.kind == kind)

    def add(self, kind: str, work: Work) -> bool:
        """Have it done once its turn has come; False where one of its kind waits already."""
        if self.on_its_way(kind):
            return False
        self.waiting.append(kind)
        self.queue.put((kind, work))
        self.changed()
        return True

    def stop(self) -> None:
        """Have the job at work stop soon, with all that it knows kept."""
        self.stopping = True

    def close(self) -> None:
        """Stop what is at work, forget what waits, and end the thread."""
        self.stopping, self.closed = True, True
        self.queue.put(None)
        self.thread.join()

    def run(self) -> None:
        while (item := self.queue.get()) is not None and not self.closed:
            kind, work = item
            self.now, self.stopping = Job(kind), self.closed
            self.waiting.remove(kind)
            self.marks.clear()
            self.changed()
            self.last = self.ends[kind] = self.ended(kind, work)
            self.now = None
            self.changed()

    def ended(self, kind: str, work: Work) -> Ended:
        try:
            return Ended(kind, True, work(self.tell, self.check))
        except Stopped:
            return Ended(kind, False, "It was stopped. What was done is kept: begun again, it goes on from there.", stopped=True)
        except (ModisteError, MachineError, OSError) as error:
            self.log(f"modiste: {error}")  # the page may not be open
            return Ended(kind, False, str(error))
        except Exception:
            self.log(traceback.format_exc())
            return Ended(kind, False, MISTAKE)

    def check(self) -> None:
        if self.stopping:
            raise Stopped("it was asked to stop.", 0)

    def tell(self, told: Progress) -> None:
        """Take in how far it is, and how fast it goes lately."""
        self.check()
        now = time.monotonic()
        if self.marks and (self.marks[-1][1] != told.stage or self.marks[-1][2] > told.done):
            self.marks.clear()
        self.marks.append((now, told.stage, told.done))
        while len(self.marks) > 2 and self.marks[1][0] < now - RECENT_SECONDS:
            self.marks.popleft()
        first = self.marks[0]
        rate = (told.done - first[2]) / (now - first[0]) if now - first[0] >= FEWEST_SECONDS else None
        if self.now is not None:
            self.now = replace(self.now, told=told, rate=rate)
        self.changed()
