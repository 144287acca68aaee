"""The job as a whole: list a source, answer for each photo, write one row each, say what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from modiste.data.layouts.shop_tables import Said
from modiste.data.layouts.sources import Source, own_label
from modiste.data.opening.crew import processors
from modiste.data.suggest import Taxonomy
from modiste.data.taxonomy import read_taxonomy
from modiste.labelling.asking import Job, Stop, answer_all
from modiste.labelling.book import VERSION, Answer, Answers, Listed, Listing, kept_answers, new_listing
from modiste.labelling.files import check_output, write_rows
from modiste.labelling.rows import Row, columns_of, rows_of, some_at_once
from modiste.labelling.tally import Tally
from modiste.records.errors import MachineError, ModisteError, Stopped, UsageError
from modiste.records.lock import locked
from modiste.records.own import refuse_inside
from modiste.records.progress import Progress, Tell, silent
from modiste.records.words import counted
from modiste.serving.deciding import Expected, Thresholds, expected, thresholds
from modiste.serving.labeller import PRECISION, Labeller
from modiste.training.stopping import stoppable

FIRST_ROWS = 20  # that are shown where there is no file to look into


@dataclass(frozen=True, eq=False)
class Wanted:
    """What is asked of a job, beside its photos and its network."""

    precision: float = PRECISION
    taxonomy: Taxonomy | None = None
    limit: int | None = None
    threads: int | None = None  # photos that are scored at a time; None: one a processor
    workers: int | None = None  # processes that decode; None: one a processor
    review: bool = False  # write the list of what people should look at
    photos_on_page: int = 0  # write a page of so many photos at most
    command: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in ("limit", "threads", "workers"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"--{name} {value}: must be 1 or more.")


@dataclass(frozen=True, eq=False)
class Labelled:
    """What came of a source: how many photos, what was said of them, and where that was written."""

    source: Path
    output: Path | None
    model: str
    tally: Tally
    thresholds: Thresholds
    expected: Expected | None
    found: int  # photos that had an answer already
    seconds: float
    notes: tuple[str, ...]
    first: tuple[Row, ...]  # the first few rows
    page: Path | None = None
    review: Path | None = None

    @property
    def words(self) -> list[str]:
        return self.tally.words(self.thresholds, self.expected)

    @property
    def plain(self) -> dict[str, object]:
        """All of it as plain values, for JSON."""
        classes, places = self.thresholds.classes, {"output": self.output, "report": self.page, "review_list": self.review}
        few = self.first if self.output is None else ()
        return {
            "source": str(self.source),
            **{name: place and str(place) for name, place in places.items()},
            "model": self.model,
            **self.tally.plain(classes.names),
            "precision": self.thresholds.precision,
            "expected": None if self.expected is None else plain_of(self.expected),
            "answered_before": self.found,
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
            "rows": [dict(zip(columns_of(classes), row.values(classes, self.model), strict=True)) for row in few],
        }


def plain_of(known: Expected) -> dict[str, object]:
    low, high = known.overall.interval
    return {"precision": known.overall.precision, "from": low, "to": high, "photos": known.overall.photos, "auto": known.overall.share}


def label(source: Source, output: Path | None, labeller: Labeller, wanted: Wanted | None = None, tell: Tell = silent) -> Labelled:
    """Exactly one row for each photo of a source, in its order, in a CSV, JSON Lines or Parquet file; without `output` in memory alone.

    Stopped, killed or out of disk, the same call goes on and ends with the same bytes: answers are kept in `output`.state by the hash of
    a photo's bytes.
    """
    wanted = wanted or Wanted()
    check(source, output, wanted)
    chosen = thresholds(labeller.card, wanted.precision)
    with at_work(output, labeller) as (answers, listing), stoppable() as wish:

        def stop(done: int) -> None:
            if wish.reason is not None:
                answers.commit()
                raise Stopped(f"stopped by {wish.reason[0]} after {done:,} photos, which are kept. {GOES_ON}", wish.reason[1])

        return Work(source, output, labeller, wanted, answers, listing, stop, tell).done(chosen)


GOES_ON = "The same command goes on from there."


@contextmanager
def at_work(output: Path | None, labeller: Labeller) -> Iterator[tuple[Answers, Listing]]:
    """What is kept beside the output while a job is at it, which no other process may be."""
    state = output and state_of(output)
    with (
        locked(state / ".lock", str(output)) if state else nullcontext(),
        kept_answers(state and state / "answers.sqlite", identity(labeller) if state else labeller.id) as answers,
        new_listing(state and state / "list.sqlite") as listing,
    ):
        yield answers, listing


@dataclass(frozen=True, eq=False)
class Work:
    """A job while it is done."""

    source: Source
    output: Path | None
    labeller: Labeller
    wanted: Wanted
    answers: Answers
    listing: Listing
    stop: Stop
    tell: Tell

    def done(self, chosen: Thresholds) -> Labelled:
        """List, answer, write; then what people should look at."""
        began, total = time.monotonic(), self.listed()
        job = Job(self.source, self.listing, self.answers, self.labeller, total, self.tell, self.stop)
        answer_all(job, self.wanted.threads or processors(), self.wanted.workers)
        known, tally, first = expected(self.labeller.card, chosen), Tally(), list[Row]()
        self.write(watched(self.decided(chosen), tally, first), total)
        page = self.page(chosen, known, tally, time.monotonic() - began) if self.output and self.wanted.photos_on_page else None
        review = self.review(chosen) if self.output and self.wanted.review else None
        found, took, notes = job.found, time.monotonic() - began, notes_of(self.source, self.listing, self.labeller)
        return Labelled(
            self.source.where, self.output, self.labeller.id, tally, chosen, known, found, took, notes, tuple(first), page, review
        )

    def listed(self) -> int:
        """Take the source's photos into the list; how many there are."""
        words = self.wanted.taxonomy or read_taxonomy(None)

        def each() -> Iterator[tuple[Said, int | None]]:
            for number, said in enumerate(self.source.photos(), 1):
                if number % 1000 == 0:
                    self.stop(0)
                    self.tell(Progress("listing", number, number + 1))
                yield said, own_label(said, self.labeller.classes, words)

        return self.listing.fill(each(), self.source.sort, self.wanted.limit)

    def decided(self, chosen: Thresholds) -> Iterator[Row]:
        """Every photo's row, in the order of the list, which remembers what was decided."""
        for some in some_at_once((listed, answer_of(listed, self.answers)) for listed in self.listing.each()):
            rows = list(rows_of(some, chosen))
            self.listing.judged([row.judged() for row in rows])
            yield from rows

    def write(self, rows: Iterator[Row], total: int) -> None:
        """The rows into the output, where there is one."""

        def values() -> Iterator[tuple[str | float | None, ...]]:
            for number, row in enumerate(rows, 1):
                yield row.values(self.labeller.classes, self.labeller.id)
                if number % 1000 == 0 or number == total:
                    self.stop(total)
                    self.tell(Progress("writing", number, total, "rows"))

        if self.output is None:
            for _ in values():
                pass
        else:
            write_rows(self.output, self.part, columns_of(self.labeller.classes), values(), self.listing.odd_names())

    @property
    def part(self) -> Path:
        """Where a file is written before it gets its name."""
        return state_of(self.output or Path()) / "rows.part"

    def row_at(self, chosen: Thresholds, listed: Listed) -> Row:
        return next(rows_of([(listed, answer_of(listed, self.answers))], chosen))

    def review(self, chosen: Thresholds) -> Path:
        from modiste.labelling.doubts import write_list  # with all that a page needs

        assert self.output
        return write_list(self.output, self.part, self.listing, lambda one: self.row_at(chosen, one), self.labeller.classes)

    def page(self, chosen: Thresholds, known: Expected | None, tally: Tally, seconds: float) -> Path:
        from modiste.labelling.doubts import circumstances_of, write_page

        assert self.output
        about = circumstances_of(self.source, self.labeller.id, chosen.precision, seconds, self.wanted.command)
        summary, most = tally.words(chosen, known), self.wanted.photos_on_page
        one = lambda listed: self.row_at(chosen, listed)  # noqa: E731
        return write_page(self.output, self.source, self.listing, one, self.labeller.classes, tally, summary, most, about, self.tell)


def check(source: Source, output: Path | None, wanted: Wanted) -> None:
    """Refuse what cannot be done before anything is."""
    if next(source.photos(), None) is None:
        raise ModisteError("\n".join([f"{source.where}: no pictures in it.", *source.passed_over()]))
    if output is None:
        return
    check_output(output)
    for place in written_by(output, wanted):
        if place.exists() and source.where.exists() and place.samefile(source.where):
            raise UsageError(f"{place} is what is labelled, and would be written over. Give another name with --output.")
    if source.where.is_dir():
        refuse_inside(output, source.where, "--output")
    if state_of(output).exists() and not state_of(output).is_dir():
        raise ModisteError(f"{state_of(output)} is no folder: what is done so far is kept in a folder of this name. Move it away.")
    if wanted.review or wanted.photos_on_page:
        from modiste.labelling.doubts import check_beside

        check_beside(output)


def written_by(output: Path, wanted: Wanted) -> list[Path]:
    """The files that a job writes."""
    if not (wanted.review or wanted.photos_on_page):
        return [output]
    from modiste.labelling.doubts import list_path, page_path

    return [output, *([list_path(output)] if wanted.review else []), *([page_path(output)] if wanted.photos_on_page else [])]


def state_of(output: Path) -> Path:
    """The folder that holds what is done so far; deleting it costs time alone."""
    return output.with_name(f"{output.name}.state")


def identity(labeller: Labeller) -> str:
    """What must be the same for the same bytes to have the same answer here."""
    return f"{VERSION} {labeller.identity}"


def answer_of(listed: Listed, answers: Answers) -> Answer:
    """The answer for a photo that was asked about."""
    if listed.reason:
        return Answer(None, listed.reason)
    answer = answers.get(listed.sha or b"")
    if answer is None:
        raise MachineError(f"{answers.path} was damaged while it was written. Delete it, which costs time alone, and look at the disk.")
    return answer


def watched(rows: Iterator[Row], tally: Tally, first: list[Row]) -> Iterator[Row]:
    """The rows, counted on their way."""
    for row in rows:
        tally.add(row)
        if tally.photos <= FIRST_ROWS:
            first.append(row)
        yield row


def notes_of(source: Source, listing: Listing, labeller: Labeller) -> tuple[str, ...]:
    """How photos are shown to a network that does not say so itself, and what was passed over, in words."""
    twice = [f"{counted(listing.twice, 'row')} named a photo that an earlier row named: each photo has one row."] if listing.twice else []
    return (*([labeller.shown] if labeller.shown else []), *source.passed_over(), *twice)
