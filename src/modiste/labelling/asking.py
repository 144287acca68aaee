"""Photos through workers and a network: each answered once, and what was answered before is not asked again."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from modiste.data.layouts.sources import Source
from modiste.data.opening.hashed import content_hash, nothing, opened
from modiste.data.opening.refusals import LASTING, PhotoRefused
from modiste.data.opening.workers import each_photo
from modiste.labelling.book import Answer, Answers, Bytes, Listed, Listing
from modiste.records.errors import ModisteError
from modiste.records.progress import Progress, Tell

if TYPE_CHECKING:
    from modiste.serving.labeller import Labeller

PASSING = ("decoder_crashed", "out_of_memory", "timeout")  # reasons that need not come again
Stop = Callable[[int], None]  # given how many photos are done, raises `Stopped` where that was asked for


@dataclass(eq=False)
class Job:
    """What is being answered, with what, and how far it is."""

    source: Source
    listing: Listing
    answers: Answers
    labeller: Labeller
    total: int
    tell: Tell
    stop: Stop
    done: int = 0
    found: int = 0  # photos that were answered before
    refused: int = 0
    on_the_way: deque[Listed] = field(default_factory=deque)

    def finish(self, listed: Listed, sha: bytes | None, reason: str = "") -> None:
        self.listing.mark(listed.place, sha, reason)
        self.done += 1
        if self.done % 16 == 0 or self.done == self.total:
            self.tell(Progress("labelling", self.done, self.total, note=f"{self.refused:,} could not be read" if self.refused else ""))


def answer_all(job: Job, threads: int, workers: int | None) -> None:
    """Have an answer for every photo of the list; those that cost a worker its life, which may have been killed, are asked once more."""
    ask(job, unanswered(job), threads, workers)
    ask(job, once_more(job), threads, workers)
    job.answers.commit()


def ask(job: Job, paths: Iterator[str], threads: int, workers: int | None) -> None:
    """Decode, score, keep. Each photo is scored alone, on one thread, so that its answer depends on nothing beside it."""
    pixels, scored = job.labeller.pixels, deque[tuple[Listed, bytes, Future[Answer]]]()
    options = {"side": pixels.side, "colour": pixels.colour, "fit": pixels.fit}
    made = each_photo(job.source.root, paths, opened, options, workers=workers)
    with ThreadPoolExecutor(threads, "scores") as pool:
        try:
            for one in made:
                listed = job.on_the_way.popleft()
                job.stop(job.done)
                if isinstance(one, PhotoRefused):
                    refuse(job, listed, content_hash(job.source.root, listed.path), one.reason)
                    continue
                sha, reason = bytes(one["sha256"]), bytes(one["reason"][()]).decode()
                if reason:
                    refuse(job, listed, sha, reason)
                elif job.answers.get(sha) is not None:  # the same photo under another name
                    job.finish(listed, sha)
                else:
                    scored.append((listed, sha, pool.submit(score, job.labeller, one["pixels"])))
                if len(scored) > 2 * threads:
                    keep(job, *scored.popleft())
            while scored:
                keep(job, *scored.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def unanswered(job: Job) -> Iterator[str]:
    """The paths of photos whose bytes have no answer yet; the others are done."""
    is_new = not len(job.answers)
    for listed in job.listing.each():
        job.stop(job.done)
        sha = None if is_new else content_hash(job.source.root, listed.path)
        answer = job.answers.get(sha) if sha else None
        if answer is not None:
            job.found += 1
            job.refused += bool(answer.reason)
            job.finish(listed, sha)
        else:
            job.on_the_way.append(listed)
            yield listed.path


def once_more(job: Job) -> Iterator[str]:
    """The paths of photos whose reason lay in the moment, or in their decoder."""
    for listed in job.listing.each():
        if listed.reason in PASSING:
            job.done, job.refused = job.done - 1, job.refused - 1
            job.on_the_way.append(listed)
            yield listed.path


def score(labeller: Labeller, pixels: Bytes) -> Answer:
    """What the network says of one photo (S, S, C)."""
    answers = labeller.score(pixels[None])
    strangeness = np.float32(np.nan) if answers.strangeness is None else answers.strangeness[0]
    return Answer(np.append(answers.probabilities[0], strangeness).astype(np.float32))


def keep(job: Job, listed: Listed, sha: bytes, scored: Future[Answer]) -> None:
    job.answers.add(sha, scored.result())
    job.finish(listed, sha)


def refuse(job: Job, listed: Listed, sha: bytes | None, reason: str) -> None:
    """Remember why a photo has no answer: for its bytes, where it lies in them, else for this time."""
    job.refused += 1
    if sha is not None and reason in LASTING:
        job.answers.add(sha, Answer(None, reason))
        job.finish(listed, sha)
    else:
        job.finish(listed, sha, reason)


@contextmanager
def ready(source: Source) -> Iterator[None]:
    """A worker starts while the block does something else, such as opening a network."""

    def start() -> None:
        with suppress(ModisteError):  # it is told once it matters
            paths = [said.path for said in islice(source.photos(), 1)]
            for _ in each_photo(source.root, paths, nothing, workers=1):
                pass

    thread = threading.Thread(target=start)
    thread.start()
    try:
        yield
    finally:
        thread.join()
