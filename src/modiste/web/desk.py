"""Where photos wait, are decoded and scored: so many at once, so many waiting, and no more. Knows no web framework."""

from __future__ import annotations

import io
import itertools
import math
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from modiste.data.opening.crew import processors
from modiste.data.opening.images import to_pixels
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.workers import one_photo
from modiste.records.errors import MachineError, ModisteError
from modiste.serving.deciding import REJECT, REVIEW, Thresholds
from modiste.serving.graphs import Answers
from modiste.serving.labeller import Label, Labeller
from modiste.web.limits import Refused

FAILED = "network_failed"  # reason of a photo that the network has no numbers for
Bytes = bytes | bytearray | memoryview
Made = TypeVar("Made")


@dataclass(eq=False)
class Desk:
    """A labeller, threads that each see one photo through, and the count of those that wait or are worked on.

    A photo is decoded in a process of its own that may die of it (data.opening.workers), which reads it from a file that we name, in a
    folder that is deleted at the end: nothing that a request says is ever a path.
    """

    labeller: Labeller
    queue: int
    threads: int = 0  # photos at once; 0: one a processor
    seconds: float = 0.05  # that a photo took lately
    held: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.threads = self.threads or processors()
        self.pool = ThreadPoolExecutor(self.threads, "photos")
        self.folder = tempfile.TemporaryDirectory(prefix="modiste-serve-")

    def open(self) -> None:
        """Start a worker for each thread and ask the network once: what cannot work says so now."""
        blank = io.BytesIO()
        Image.new("RGB", (64, 64), "white").save(blank, "PNG")
        for done in [self.pool.submit(self.pixels_and_answers, blank.getvalue()) for _ in range(self.threads)]:
            if isinstance(refused := done.result(), str):
                raise MachineError(f"a blank photo could not be decoded ({refused}): the processes that decode photos do not work here.")

    def close(self) -> None:
        """End the threads once what they are at is done, forget what still waits, and delete the folder."""
        self.pool.shutdown(cancel_futures=True)
        self.folder.cleanup()

    def take(self, photos: Sequence[Bytes], chosen: Thresholds) -> list[Future[Label]]:
        """A label to come for each photo; all are refused where not all find room."""
        return self.taken(photos, lambda photo: self.label(photo, chosen))

    def taken(self, photos: Sequence[Bytes], work: Callable[[Bytes], Made]) -> list[Future[Made]]:
        """What is to come of each photo; all are refused where not all find room."""
        with self.lock:
            if self.held + len(photos) > self.queue:
                raise self.busy()
            self.held += len(photos)
        futures = [self.pool.submit(work, photo) for photo in photos]
        for future in futures:
            future.add_done_callback(self.let_go)
        return futures

    def check(self) -> None:
        """Refuse before anything of a request is read where there is no room for one more photo."""
        if self.held >= self.queue:
            raise self.busy()

    def busy(self) -> Refused:
        seconds = min(60, max(1, math.ceil(self.held * self.seconds / self.threads)))
        return Refused("busy", f"{self.held} photos wait already. Ask again in {seconds} s.", seconds)

    def let_go(self, _done: Future[Any]) -> None:
        with self.lock:
            self.held -= 1

    def label(self, photo: Bytes, chosen: Thresholds) -> Label:
        """What `Labeller.label` says of the photo's bytes."""
        answers = self.seen(photo)
        if answers == FAILED:
            return Label(None, None, {}, REVIEW, FAILED)
        return Label(None, None, {}, REJECT, answers) if isinstance(answers, str) else self.labeller.labels(answers, chosen, [None])[0]

    def seen(self, photo: Bytes) -> Answers | str:
        """What the network says of the photo's bytes, or why it cannot be asked."""
        begun = time.monotonic()
        try:
            return self.pixels_and_answers(photo)
        except MachineError:
            raise
        except ModisteError:  # values that are no numbers: of this photo, for a blank one had some
            return FAILED
        finally:
            self.seconds += 0.1 * (time.monotonic() - begun - self.seconds)

    def pixels_and_answers(self, photo: Bytes) -> Answers | str:
        """The network's answers for one photo, or the reason why it has no pixels; one whose decoder was killed is decoded once more."""
        path = Path(self.folder.name) / f"{next(self.numbers)}.photo"
        pixels = self.labeller.pixels
        options = {"side": pixels.side, "colour": pixels.colour, "fit": pixels.fit, "strict": pixels.strict}
        try:
            path.write_bytes(photo)
            made = one_photo(path.parent, path.name, to_pixels, options)
            if isinstance(made, PhotoRefused) and made.reason == "decoder_crashed":
                made = one_photo(path.parent, path.name, to_pixels, options)
            return made.reason if isinstance(made, PhotoRefused) else self.labeller.score(made[None])
        finally:
            path.unlink(missing_ok=True)
