"""What stands now of all that was decided: kept up to date in memory, at a cost that does not grow with what was said before."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from modiste.annotating.decisions import BAD, LABEL, UNSURE, Decision
from modiste.annotating.log import Log, Undo

RECENT = 4096  # decisions that are remembered in their order
PAUSE_SECONDS = 60.0  # longer than this between two decisions is no work
WORKED_SECONDS = 600.0  # the pace is that of so much work
FORGOTTEN_SECONDS = 3600.0
CONFLICT = "conflict"


@dataclass(frozen=True)
class Counts:
    """Photos by what stands of them; none is counted twice."""

    labelled: int  # with a settled label
    unsure: int
    bad: int
    conflicts: int
    classes: Mapping[str, int]  # settled labels
    people: Mapping[str, int]  # photos that each has spoken of, adjudications left out


@dataclass(frozen=True)
class Pace:
    """Decisions a minute, over so many minutes that were worked."""

    per_minute: float
    minutes: float


@dataclass(eq=False)
class Standing:
    """What stands. A person's last word on a photo counts; an adjudication stands beside it, above everybody's."""

    own: dict[str, dict[str, Decision]] = field(default_factory=dict)  # photo -> who -> the last that stands
    ruled: dict[str, list[Decision]] = field(default_factory=dict)  # photo -> its adjudications that stand; the last one counts
    before: dict[str, Decision] = field(default_factory=dict)  # id of a decision -> the one that it took the place of
    echoes: dict[str, Decision] = field(default_factory=dict)  # what stands of photos though it was said of others, by its id
    states: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)
    open_conflicts: dict[str, None] = field(default_factory=dict)
    lately: deque[Decision] = field(default_factory=lambda: deque(maxlen=RECENT))
    guard: threading.RLock = field(default_factory=threading.RLock)

    def add(self, decisions: Iterable[Decision]) -> None:
        """Take in what the log has newly written, in its order."""
        with self.guard:
            for one in decisions:
                self.put(one, one)
                if one.how != "import":
                    self.lately.append(one)

    def undo(self, decisions: Iterable[Decision]) -> None:
        """Give up what the log has taken back, the last first, as the log gives it."""
        with self.guard:
            gone = {one.id: one for one in decisions}
            for one in gone.values():
                self.put(one, self.before.pop(one.id, None))
            if any(one.id in gone for one in self.lately):
                self.lately = deque((one for one in self.lately if one.id not in gone), maxlen=RECENT)

    def echo(self, decisions: Iterable[Decision]) -> None:
        """Have what was said of some photos stand of others too, of which its people have not spoken; that is in no log, and no work."""
        with self.guard:
            for one in decisions:
                self.echoes[one.id] = one
                self.put(one, one)

    def hush(self) -> None:
        """Give up all echoes; one that its person has spoken over stands no more."""
        with self.guard:
            for one in self.echoes.values():
                if any(stands is one for stands in (self.said(one.photo, one.who), *self.ruled.get(one.photo, ()))):
                    self.put(one, None)
            self.echoes.clear()

    def put(self, where: Decision, what: Decision | None) -> None:
        """Set what stands in the place of one decision, or empty it; keep the counts right."""
        photo = where.photo
        was = self.state(photo)
        (self.rule if where.how == "adjudicated" else self.replace)(photo, where, what)
        now = self.state(photo)
        for state, step in ((was, -1), (now, 1)):
            if state is not None:
                self.states[state] += step
        if now is not None and now[0] == CONFLICT:
            self.open_conflicts[photo] = None
        else:
            self.open_conflicts.pop(photo, None)

    def replace(self, photo: str, where: Decision, what: Decision | None) -> None:
        people = self.own.setdefault(photo, {})
        old = people.pop(where.who, None)
        if what is not None:
            people[where.who] = what
            if old is not None and what is where and old.id not in self.echoes:
                self.before[what.id] = old
        self.people[where.who] += (what is not None) - (old is not None)
        if not people:
            del self.own[photo]

    def rule(self, photo: str, where: Decision, what: Decision | None) -> None:
        left = [one for one in self.ruled.pop(photo, ()) if one.id != where.id]
        if left or what is not None:
            self.ruled[photo] = left if what is None else [*left, what]

    def state(self, photo: str) -> tuple[str, str | None] | None:
        """What a photo counts as: a label, bad, unsure or a conflict, and the label; None where nobody spoke of it."""
        if photo in self.ruled:
            return self.ruled[photo][-1].kind, self.ruled[photo][-1].label
        people = self.own.get(photo)
        if people is None:
            return None
        if len(people) == 1:  # as most are
            (one,) = people.values()
            return one.kind, one.label
        said = {(one.kind, one.label) for one in people.values()}
        sure = said - {(UNSURE, None)}
        if len(sure) > 1:
            return CONFLICT, None
        return next(iter(sure or said))

    def of(self, photo: str) -> dict[str, Decision]:
        """What each person says of a photo, adjudications left out."""
        with self.guard:
            return dict(self.own.get(photo, {}))

    def said(self, photo: str, who: str) -> Decision | None:
        """What one person says of a photo, adjudications left out."""
        return self.own.get(photo, {}).get(who)

    def adjudicated(self, photo: str) -> Decision | None:
        """The adjudication that counts."""
        with self.guard:
            return self.ruled[photo][-1] if photo in self.ruled else None

    def settled(self, photo: str) -> str | None:
        """The label that counts: the adjudicated one, else the one in which all who are sure agree, one alone too; else None."""
        with self.guard:
            state = self.state(photo)
        return state[1] if state is not None and state[0] == LABEL else None

    def conflict(self, photo: str) -> bool:
        """Whether people who are sure contradict one another, and nobody has adjudicated."""
        return photo in self.open_conflicts

    def conflicts(self) -> list[str]:
        """All photos in conflict, the newest last."""
        with self.guard:
            return list(self.open_conflicts)

    def photos(self) -> list[str]:
        """All photos that somebody has spoken of."""
        with self.guard:
            return [*self.own, *(photo for photo in self.ruled if photo not in self.own)]

    def counts(self) -> Counts:
        with self.guard:
            classes = {label: n for (kind, label), n in self.states.items() if kind == LABEL and label is not None and n}
            unsure, bad, conflicts = (self.states[kind, None] for kind in (UNSURE, BAD, CONFLICT))
            people = {who: n for who, n in self.people.items() if n}
            return Counts(sum(classes.values()), unsure, bad, conflicts, classes, people)

    def recent(self, n: int = 20, who: str | None = None) -> list[Decision]:
        """The last decisions that stand, of everybody or of one, the newest first; imports left out."""
        with self.guard:
            found = [one for one in self.lately if who in (None, one.who)]
        return found[: -n - 1 : -1]

    def pace(self, who: str, now: str) -> Pace | None:
        """How fast somebody works, over the last ten minutes that they worked; None where that cannot be told.

        A pause of more than a minute is left out, and the decision after it with it, unless it says how long it was looked at.
        """
        ones = self.recent(RECENT, who)
        if not ones or seconds_between(ones[0].at, now) > FORGOTTEN_SECONDS:
            return None
        worked, done = 0.0, 0
        for one, earlier in zip(ones, [*ones[1:], None], strict=True):
            took = one.seconds if earlier is None else seconds_between(earlier.at, one.at)
            took = one.seconds if took is None or took > PAUSE_SECONDS else max(0.0, took)
            if took is None or took > PAUSE_SECONDS:
                continue
            worked, done = worked + took, done + 1
            if worked >= WORKED_SECONDS:
                break
        return Pace(done * 60 / worked, worked / 60) if worked else None


def seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def replayed(log: Log) -> Standing:
    """What stands after everything that the log holds."""
    standing = Standing()
    for one in log.each():
        if isinstance(one, Undo):
            standing.undo(one.decisions)
        else:
            standing.add((one,))
    return standing
