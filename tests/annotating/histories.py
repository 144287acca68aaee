"""Random histories of people who decide and take back, each cut off by kill -9 at aimed points: nothing reported is lost or invented.

    python tests/annotating/histories.py [HISTORIES] [FIRST SEED]

A history has one to four lives. In each a process adds decisions and takes some back, saying what it is about to do before each and
that it was saved after, and kills itself at a point of one of its steps. Another looks at what is in the log then: everything that was
reported is there in its order, what was cut off is there whole or not at all, and what stands is what a list of all that was done says.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from modiste.annotating.decisions import Decision
from modiste.annotating.ledger import Ledger, open_ledger
from modiste.annotating.log import Undo, open_log

ODD_NAMES = (
    "a\nb.jpg",
    'say "hi", 1.jpg',
    "=cmd|' C calc'!A0.jpg",
    "'quoted.jpg",
    b"caf\xe9\xff.jpg".decode("utf-8", "surrogateescape"),
    "\u202egpj.exe.jpg",
    " blank .jpg",
    "<script>alert(1).jpg",
    "a\rb\tc.jpg",
    "images/1.jpg",
    "1.jpg",
    "\U0001f45f;--.jpg",
)

PEOPLE = ("ada", "bob", "Zoë")
LABELS = ("Shoes", "Clothing", "=Bags")
POINTS = (
    *(
        "before the transaction",
        "after BEGIN",
        "between the rows",
        "after the rows",
        "within COMMIT",
        "after COMMIT",
        "after it was reported",
    ),
    *("while opening", "at the checkpoint", "never"),
)
Step = dict[str, Any]


def read(path: Path) -> list[Decision | Undo]:
    """All that stands in a log."""
    with open_log(path) as log:
        return list(log.each())


class Aimed:
    """A data base that kills its process when the step to die in comes to a point."""

    def __init__(self, base: Any, chance: random.Random, landed: Path, point: str = "") -> None:
        self.base, self.chance, self.landed, self.point = base, chance, landed, point

    def die(self, where: str) -> None:
        self.landed.write_text(where)
        os.kill(os.getpid(), signal.SIGKILL)

    def execute(self, words: str, *given: Any) -> Any:
        if self.point == "before the transaction" and words.startswith("BEGIN"):
            self.die(self.point)
        if self.point == "within COMMIT" and words == "COMMIT":
            threading.Thread(target=self.soon, args=(0.003 * self.chance.random() ** 3,)).start()
        if self.point == "at the checkpoint" and words == "COMMIT":
            done = self.base.execute(words)
            threading.Thread(target=self.soon, args=(self.chance.uniform(0, 0.002),)).start()
            self.base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            time.sleep(1)
            return done
        done = self.base.execute(words, *given)
        if self.point == "after BEGIN" and words.startswith("BEGIN"):
            self.die(self.point)
        if words == "COMMIT" and self.point in ("within COMMIT", "after COMMIT"):
            if self.point == "within COMMIT":
                time.sleep(1)
            self.die(self.point)
        return done

    def soon(self, seconds: float) -> None:
        time.sleep(seconds)
        self.die(self.point)

    def executemany(self, words: str, rows: Sequence[Any]) -> Any:
        done = self.base.executemany(words, self.half_of(rows) if self.point == "between the rows" else rows)
        if self.point == "after the rows":
            self.die(self.point)
        return done

    def half_of(self, rows: Sequence[Any]) -> Iterator[Any]:
        yield from rows[: max(1, len(rows) // 2)]
        self.die(self.point)

    def close(self) -> None:
        self.base.close()


def live(path: Path, chance: random.Random, life: str, point: str, landed: Path, told: Any) -> None:
    """One process's work on the log, until it dies or is done."""
    if point == "while opening":
        threading.Thread(target=Aimed(None, chance, landed, point).soon, args=(0.01 * chance.random(),)).start()
    with open_ledger(path) as ledger:
        if point == "while opening":
            time.sleep(1)
        base = ledger.log.base = Aimed(ledger.log.base, chance, landed)  # type: ignore[assignment]
        steps = chance.randint(1, 25)
        known: list[Decision] = [one for one in ledger.log.each() if isinstance(one, Decision)]
        for number in range(steps):
            step, act = next_step(ledger, chance, f"{life}-{number}", known)
            tell(told, step)
            if number == steps - 1 and point != "never":
                base.point = point
            act()
            tell(told, {"saved": step["name"]})
            if base.point:
                base.die(base.point)


def next_step(ledger: Ledger, chance: random.Random, name: str, known: list[Decision]) -> tuple[Step, Callable[[], object]]:
    """What is done next, in plain words and as a call."""
    who = chance.choice(PEOPLE)
    if chance.random() < 0.3:
        return {"name": name, "undo": who}, lambda: ledger.undo(who, f"u{name}")
    if known and chance.random() < 0.15:  # the page did not hear that it was saved, and sends it again
        again = chance.sample(known, min(3, len(known)))
        return {"name": name, "add": [astuple(one)[:-1] for one in again]}, lambda: ledger.add(again)
    batch = chance.random() < 0.3
    made = [one_decision(chance, who, f"d{name}-{n}", f"b{name}" if batch else None) for n in range(chance.randint(2, 30) if batch else 1)]
    known += made
    return {"name": name, "add": [astuple(one)[:-1] for one in made]}, lambda: ledger.add(made)


def one_decision(chance: random.Random, who: str, id: str, batch: str | None) -> Decision:  # noqa: A002
    photo = chance.choice(ODD_NAMES) if chance.random() < 0.5 else f"images/{chance.randint(1, 40)}.jpg"
    kind = chance.choices(("label", "unsure", "bad"), (8, 1, 1))[0]
    label = chance.choice(LABELS) if kind == "label" else None
    how = chance.choices(("single", "adjudicated"), (9, 1))[0]
    return Decision(id, photo, kind, label, who, how, "Shoes", round(chance.random(), 3), "m", batch, 1.5)


def tell(told: Any, what: Step) -> None:
    told.write(json.dumps(what).encode() + b"\n")
    told.flush()


class Model:
    """What a plain list says: everything that was done, and what stands of each person, the last last."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.seen: set[str] = set()
        self.stood: dict[str, list[tuple[Any, ...]]] = {who: [] for who in PEOPLE}

    def do(self, step: Step) -> None:
        if "undo" in step:
            stood, taken = self.stood[step["undo"]], []
            while stood and (not taken or (taken[-1][9] is not None and stood[-1][9] == taken[-1][9])):
                taken.append(stood.pop())
            self.events.append(("undo", step["undo"], *[one[0] for one in taken]))
            return
        for one in map(tuple, step["add"]):
            if one[0] not in self.seen:
                self.seen.add(one[0])
                self.events.append(one)
                self.stood[one[4]].append(one)

    def own(self) -> dict[tuple[str, str], tuple[Any, ...]]:
        """The last word of each on each photo, adjudications left out."""
        return {(one[1], who): one for who, ones in self.stood.items() for one in ones if one[5] != "adjudicated"}


def found_in(ledger: Ledger) -> list[tuple[Any, ...]]:
    return [
        ("undo", one.who, *[gone.id for gone in one.decisions]) if isinstance(one, Undo) else astuple(one)[:-1] for one in ledger.log.each()
    ]


def compare(path: Path, model: Model, cut_off: Step | None) -> str:
    """Check the log against what was reported; whether the step that was cut off is in it."""
    with open_ledger(path) as ledger:
        found = found_in(ledger)
        kept = "nothing was cut off"
        if cut_off is not None:
            kept = "cut off, not saved"
            if found != model.events:
                model.do(cut_off)
                kept = "cut off, but saved"
        assert found == model.events, f"the log has {len(found)} events, {len(model.events)} were done"
        stands = {(photo, who): astuple(one)[:-1] for photo in ledger.standing.photos() for who, one in ledger.standing.of(photo).items()}
        assert stands == model.own()
    return kept


def history(seed: int, folder: Path, tally: Counter[tuple[str, str]]) -> None:
    chance, path, model = random.Random(seed), folder / f"{seed}.sqlite", Model()
    for life in range(chance.randint(1, 4)):
        point, landed = POINTS[(seed + life) % len(POINTS)], folder / "landed"
        landed.unlink(missing_ok=True)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            with os.fdopen(writing, "wb") as told:
                try:
                    live(path, random.Random(f"{seed}-{life}"), f"{seed}-{life}", point, landed, told)
                finally:
                    told.flush()
                    os._exit(0 if sys.exc_info()[0] is None else 1)
        os.close(writing)
        with os.fdopen(reading, "rb") as told:
            lines = [json.loads(line) for line in told.read().splitlines()]
        _, status = os.waitpid(child, 0)
        ended = "killed" if os.WIFSIGNALED(status) else f"exit {os.waitstatus_to_exitcode(status)}"
        assert ended == ("exit 0" if point == "never" else "killed"), (seed, life, point, ended)
        assert point == "never" or landed.read_text() == point, (seed, life, point)
        saved = {line["saved"] for line in lines if "saved" in line}
        steps = [line for line in lines if "name" in line]
        cut_off = None
        for step in steps:
            if step["name"] in saved:
                model.do(step)
            else:
                cut_off = step
        tally[point, compare(path, model, cut_off)] += 1


def main() -> None:
    count, first = (int(word) for word in (*sys.argv[1:], *("25", "0")[len(sys.argv) - 1 :]))
    tally: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + count):
            history(seed, Path(folder), tally)
            for left in Path(folder).glob(f"{seed}.sqlite*"):
                left.unlink()
    lives = sum(tally.values())
    for (point, kept), times in sorted(tally.items()):
        print(f"{point}: {kept}: {times}")
    print(f"{count} histories, {lives} lives: none lost, none invented")


if __name__ == "__main__":
    main()
