"""Photos through workers and a network: each answered once, and what was answered before is not asked again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from modiste.data.layouts.sources import Source
from modiste.data.opening.hashed import content_hash
from modiste.data.opening.refusals import LASTING, PhotoRefused
from modiste.labelling.book import Answer, Answers, Listed, Listing
from modiste.records.progress import Progress, Tell
from modiste.serving import graphs
from modiste.serving.asking import each_answer
from modiste.serving.labeller import Labeller

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

    def finish(self, listed: Listed, sha: bytes | None, reason: str = "") -> None:
        self.listing.mark(listed.place, sha, reason)
        self.done += 1
        if self.done % 16 == 0 or self.done == self.total:
            self.tell(Progress("labelling", self.done, self.total, note=f"{self.refused:,} could not be read" if self.refused else ""))


def answer_all(job: Job, threads: int, workers: int | None) -> None:
    """Have an answer for every photo of the list, or why there is none."""

    def known(sha: bytes) -> bool:
        """Whether it is the same photo under another name."""
        return job.answers.get(sha) is not None

    for listed, sha, said in each_answer(job.source.root, unanswered(job), job.labeller, threads=threads, workers=workers, known=known):
        job.stop(job.done)
        if isinstance(said, PhotoRefused):
            refuse(job, listed, sha, said.reason)
            continue
        if said is not None and sha is not None:
            job.answers.add(sha, answer_of(said))
        job.finish(listed, sha)
    job.answers.commit()


def unanswered(job: Job) -> Iterator[tuple[Listed, str]]:
    """The photos whose bytes have no answer yet, and their paths; the others are done."""
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
            yield listed, listed.path


def answer_of(said: graphs.Answers) -> Answer:
    """What is kept of what the network says of one photo."""
    strangeness = np.float32(np.nan) if said.strangeness is None else said.strangeness[0]
    return Answer(np.append(said.probabilities[0], strangeness).astype(np.float32))


def refuse(job: Job, listed: Listed, sha: bytes | None, reason: str) -> None:
    """Remember why a photo has no answer: for its bytes, where it lies in them, else for this time."""
    job.refused += 1
    if sha is not None and reason in LASTING:
        job.answers.add(sha, Answer(None, reason))
        job.finish(listed, sha)
    else:
        job.finish(listed, sha, reason)
