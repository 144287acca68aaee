"""A project at work: what its network says, what people said, and what goes on in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from modiste.annotating.decisions import Decision
from modiste.annotating.estimates import SAMPLE, sample
from modiste.annotating.ledger import Ledger, open_ledger
from modiste.annotating.standing import Standing
from modiste.data.layouts.sources import Source
from modiste.data.taxonomy import read_taxonomy
from modiste.projects.copies import echoes
from modiste.projects.guesses import Guesses, guesses
from modiste.projects.jobs import Jobs
from modiste.projects.lists import Lists
from modiste.projects.looked import Look, Looked, seen_before
from modiste.projects.project import DECISIONS, Model, Models, Project
from modiste.projects.thumbnails import Thumbnails
from modiste.records.errors import ModisteError, unknown
from modiste.records.labels import Classes
from modiste.records.progress import Tell
from modiste.serving.deciding import thresholds
from modiste.serving.labeller import PRECISION, Labeller

LENT_SECONDS = 600.0  # for which a photo that comes before one person is kept from the others
SHARE = 5  # the honest sample is no more than every fifth photo: the others are there to be learnt from
Stop = Callable[[], None]


@dataclass(eq=False)
class Studio:
    """An open project, shared by all who ask: whatever changes it holds `lock`, and counts `version` up."""

    project: Project
    ledger: Ledger
    source: Source
    thumbnails: Thumbnails
    models: Models
    labeller: Labeller  # the network in use
    precision: float = PRECISION
    runs: Path | None = None  # a folder of runs and studies to show beside it
    audit: Path | None = None  # what `modiste data audit` wrote of the photos
    found: Guesses | None = None  # what the network in use says; None before it was asked
    left_out: tuple[str, ...] = ()  # what the last look passed over, in words
    others: dict[int, Guesses] = field(default_factory=dict)  # what other networks say, by their number
    drawn: tuple[str, ...] = ()  # paths of the honest sample, in the order in which they were drawn
    sample: frozenset[str] = frozenset()  # the same, with their copies
    doubted: set[str] = field(default_factory=set)  # paths of photos that may have been replaced since people spoke of them
    lent: dict[str, tuple[str, float]] = field(default_factory=dict)  # paths of photos that lately came before somebody: whom, and when
    echoes: dict[str, list[Decision]] = field(default_factory=dict)  # what stands of copies that came later, by the id of what was said
    behind: frozenset[int] = frozenset()  # numbers of other networks that were not asked about all photos that are known
    lists: Lists = field(default_factory=Lists)  # of photos, that people go through just now
    version: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def classes(self) -> Classes:
        return self.project.classes

    @property
    def model(self) -> Model:
        return self.models[self.models.in_use]

    def changed(self) -> None:
        self.version += 1

    @property
    def standing(self) -> Standing:
        return self.ledger.standing

    def take(self, decisions: Sequence[Decision]) -> None:
        """Have decisions on the disk, then count them."""
        for one in decisions:
            if one.label is not None and one.label not in self.classes.names:
                raise unknown("class", one.label, self.classes.names)
        self.ledger.add(decisions)
        self.changed()

    def undo(self, who: str, name: str | None = None) -> list[Decision]:
        """Take back what somebody said last, of copies that came later too; an undo of the same name is one."""
        taken_back = self.ledger.undo(who, name)
        with self.lock:
            echoed = [copy for one in taken_back for copy in self.echoes.get(one.id, ())]
            self.echo()
            self.doubted.update(one.photo for one in taken_back)  # what stands again may be of other bytes
        self.changed()
        return [*taken_back, *echoed]

    def lend(self, paths: Iterable[str], who: str) -> None:
        """Remember whom photos come before, so that nobody else is asked about them at the same time."""
        now = time.monotonic()
        with self.lock:
            left = {path: one for path, one in self.lent.items() if now - one[1] < LENT_SECONDS}
            self.lent = {**left, **dict.fromkeys(paths, (who, now))}

    def before_others(self, who: str) -> list[str]:
        """Photos that came before somebody else a while ago at most."""
        now = time.monotonic()
        return [path for path, (other, when) in self.lent.items() if other != who and now - when < LENT_SECONDS]

    def is_sample(self, path: str) -> bool:
        """Whether a photo is of the honest sample, by which networks are judged and from which none learns."""
        return path in self.sample

    def is_replaced(self, path: str) -> bool:
        """Whether a photo's bytes are others than all who spoke of it saw; labels that came from elsewhere were of any."""
        row = None if self.found is None else self.found.by_path.get(path)
        if self.found is None or row is None or not self.found.looked.shas[row].any():
            return False
        now, ruled = self.found.looked.shas[row].tobytes().hex(), self.standing.adjudicated(path)
        said = [*self.standing.of(path).values(), *([] if ruled is None else [ruled])]
        return bool(said) and all(one.sha256 not in (None, now) for one in said)

    def replaced(self) -> list[str]:
        """All such photos."""
        with self.lock:
            return sorted(path for path in self.doubted if self.is_replaced(path))

    def guessed(self, looked: Looked, labeller: Labeller) -> Guesses:
        return guesses(looked, labeller.card, self.classes, self.precision)

    def looks(self, labeller: Labeller, tell: Tell, stop: Stop) -> Iterator[Looked]:
        """What a network says of the photos as they are now, more and more of them."""
        source = self.project.source()
        yield from Look(source, labeller, self.classes, read_taxonomy(None), self.project.folder / "looks", tell, stop).taken()
        self.left_out = source.passed_over()

    def show(self, found: Guesses | None) -> None:
        """Go on with what the network in use says."""
        with self.lock:
            self.found = found
            self.echo()
            self.behind = frozenset(number for number, other in self.others.items() if self.lacking(other))
            if found is not None:
                there = [one.path for one, place in zip(found.looked.photos, found.looked.places.tolist(), strict=True) if place >= 0]
                every = [*there, *found.looked.waiting]  # what was labelled before all were looked at must not come to be drawn
                drawn, known = sample(every, min(SAMPLE, len(every) // SHARE)), set(there)
                self.drawn = tuple(path for path in drawn if path in known)
                self.sample = frozenset(copy for path in self.drawn for copy in found.copies_of(path))
                self.doubted = {path for path in self.standing.photos() if self.is_replaced(path)}
            self.changed()

    def echo(self) -> None:
        """Have what stands of photos stand of their copies that came later, too."""
        with self.standing.guard:
            self.standing.hush()
            self.echoes = {} if self.found is None else echoes(self.found, self.standing)
            self.standing.echo(copy for some in self.echoes.values() for copy in some)

    def look(self, tell: Tell, stop: Stop) -> str:
        """Ask the network in use about all photos; where another is put in use meanwhile, that one."""
        labeller: Labeller | None = None
        while labeller is not self.labeller:
            labeller = self.labeller
            for looked in self.looks(labeller, tell, stop):
                with self.lock:
                    if labeller is not self.labeller:
                        break
                    if len(looked) == looked.total or not self.says_more(looked):
                        self.show(self.guessed(looked, labeller))
        return f"{len(looked):,} photos were looked at."

    def whole(self, then: str) -> Guesses:
        """What the network in use says of all photos; refused, with what to do then, while it was not asked about all of them."""
        if self.found is None or len(self.found) < self.found.looked.total:
            raise ModisteError(
                f"the photos are still being looked at, and not all are known yet. {then} once that has ended; where it was stopped, press "
                "Look again on the page Home."
            )
        return self.found

    def lacking(self, other: Guesses) -> list[str]:
        """Photos that are known and that another network was not asked about."""
        if self.found is None:
            return []
        known = {*other.by_path, *other.looked.waiting}
        return [path for path in (*self.found.by_path, *self.found.looked.waiting) if path not in known]

    def says_more(self, looked: Looked) -> bool:
        """Whether more is known from the last time than what a look that goes on has come to."""
        return self.found is not None and self.found.looked.model == looked.model and len(self.found) > len(looked)

    def look_with(self, number: int, tell: Tell, stop: Stop) -> Guesses:
        """Ask another network of the project about all photos."""
        if number == self.models.in_use and self.found is not None and len(self.found) == self.found.looked.total:
            return self.found
        labeller = self.project.labeller(self.models[number])
        *_, looked = self.looks(labeller, tell, stop)
        with self.lock:
            self.others[number] = self.guessed(looked, labeller)
            self.behind -= {number}
            self.changed()
        return self.others[number]

    def said_by(self, number: int) -> Guesses | None:
        """What another network says of all photos, as far as it was ever asked; None where it is to be asked first."""
        if number not in self.others:
            before = self.before(self.project.labeller(self.models[number]))  # takes a while: others are answered meanwhile
            with self.lock:
                if before is not None and number != self.models.in_use:
                    self.others.setdefault(number, before)
                    self.behind |= {number} if self.lacking(before) else set()
        with self.lock:
            return None if number in self.behind else self.others.get(number)

    def promote(self, number: int) -> Models:
        """Put another network in use; what it says is there at once where it was asked before."""
        model = self.models[number]
        labeller = self.project.labeller(model)
        if labeller.id != model.id:
            raise ModisteError(f"{model.file} is no longer the network {model.id}: it was changed. Learn it anew.")
        before = None if number in self.others else self.before(labeller)  # of many photos that takes a second: nobody waits for it
        with self.lock:
            if self.found is not None:
                self.others[self.models.in_use] = self.found
            self.models = self.project.write_models(replace(self.models, in_use=number))
            self.labeller = labeller
            known = self.others.pop(number, None) or before
            if known is not None and (lacking := self.lacking(known)):  # they come with the next look, and are not forgotten until then
                waiting = (*known.looked.waiting, *lacking)
                known = replace(known, looked=replace(known.looked, waiting=waiting))
            self.show(known)
            return self.models

    def before(self, labeller: Labeller) -> Guesses | None:
        """What a network said the last time that it was asked about all photos."""
        looked = seen_before(self.project.folder / "looks", labeller)
        return None if looked is None else self.guessed(looked, labeller)


@contextmanager
def studio(
    project: Project, log: Callable[[str], None], precision: float = PRECISION, runs: Path | None = None, audit: Path | None = None
) -> Iterator[tuple[Studio, Jobs]]:
    """An open project at work; the network is asked about new and changed photos as soon as it is open."""
    thumbnails = Thumbnails(project.folder / "thumbnails" / "pictures.sqlite")
    try:
        with open_ledger(project.folder / DECISIONS) as ledger:
            models = project.models()
            labeller = project.labeller(models[models.in_use])
            thresholds(labeller.card, precision)  # says what is wrong with it
            made = Studio(project, ledger, project.source(), thumbnails, models, labeller, precision, runs, audit)
            made.show(made.before(labeller))
            jobs = Jobs(made.changed, log)
            try:
                jobs.add("look", made.look)
                yield made, jobs
            finally:
                jobs.close()
    finally:
        thumbnails.close()
