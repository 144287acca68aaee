"""Random histories of people who decide and take back through pages, cut off by kill -9: nothing reported saved is lost or invented.

    python tests/web/pages/lives.py [HISTORIES] [FIRST SEED]

A history has one to three lives of a server, and three people who ask it side by side. In most lives it is killed: at a named point of
the transaction of one of its answers, or by the clock. Then the log is read as a download has it: of each person, everything that was
reported saved is there in their order, what was cut off is there whole or not at all; in the next life it is sent again, and counts once.
At the end what is said of every photo is what a plain list of all that was done says.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "projects"))  # shops.py is imported by name

from shops import network, png, shop

from modiste.annotating import log
from modiste.projects.project import project_at
from modiste.web.door import Door
from modiste.web.pages.server import serve_app
from modiste.web.server import Asked

PEOPLE, LABELS = ("ada", "bob", "Zoë"), ("Red", "Green", "Blue")
POINTS = ("before the transaction", "after BEGIN", "after the rows", "after COMMIT", "by the clock", "never")
COPIES = ("copy1.png", "copy2.png")
Step = dict[str, Any]


class Aimed:
    """A data base that kills its process at a point of its so-manieth transaction."""

    def __init__(self, base: Any, point: str, turn: int, landed: str) -> None:
        self.base, self.point, self.left, self.landed = base, point, turn, landed

    def come_to(self, point: str) -> None:
        if self.point == point and self.left <= 0:
            Path(self.landed).write_text(point)
            os.kill(os.getpid(), signal.SIGKILL)

    def execute(self, words: str, *given: Any) -> Any:
        if words.startswith("BEGIN"):
            self.left -= 1
            self.come_to("before the transaction")
        done = self.base.execute(words, *given)
        if words.startswith("BEGIN"):
            self.come_to("after BEGIN")
        if words == "COMMIT":
            self.come_to("after COMMIT")
        return done

    def executemany(self, *given: Any) -> Any:
        done = self.base.executemany(*given)
        self.come_to("after the rows")
        return done

    def close(self) -> None:
        self.base.close()


def serve(folder: str, point: str, turn: int, landed: str, told: Any) -> None:
    """One life of a server."""

    def connect(*given: Any, **named: Any) -> Any:
        return Aimed(sqlite3.connect(*given, **named), point, turn, landed)

    words = {name: getattr(sqlite3, name) for name in dir(sqlite3)} | {"connect": connect}
    log.sqlite3 = SimpleNamespace(**words)  # type: ignore[assignment]
    serve_app(Path(folder), Asked(Door(), 0, log=None), lambda address: told.send(address))


@dataclass
class Person:
    """What somebody did: all steps in order, which were reported saved, and the one that was cut off."""

    who: str
    done: list[Step] = field(default_factory=list)
    cut_off: Step | None = None

    def events(self, steps: list[Step]) -> list[tuple[Any, ...]]:
        """What the log has of the steps: each decision once; of an undo, what it took back."""
        made, seen, standing = list[tuple[Any, ...]](), set[str](), list[list[tuple[Any, ...]]]()
        for step in steps:
            if "undo" in step:
                made.append(("undo", step["undo"], tuple(one[0] for one in reversed(standing.pop())) if standing else ()))
                continue
            fresh = [(one["id"], one["photo"], one["kind"], one["label"]) for one in step["decisions"] if one["id"] not in seen]
            seen |= {one[0] for one in fresh}
            made += fresh
            if fresh:
                standing.append(fresh)
        return made

    def stands(self) -> dict[str, tuple[str, str | None]]:
        """This person's last word on each photo."""
        words, undone = dict[str, tuple[str, str | None]](), set[str]()
        events = self.events(self.done)
        for event in events:
            if event[0] == "undo":
                undone |= set(event[2])
        for event in events:
            if event[0] != "undo" and event[0] not in undone:
                words[event[1]] = event[2:]
        return words


class Server:
    """A server in a process of its own, which may be killed."""

    def __init__(self, context: Any, folder: Path, point: str, turn: int, landed: Path) -> None:
        hears, tells = context.Pipe(duplex=False)
        self.process = context.Process(target=serve, args=(str(folder), point, turn, str(landed), tells), daemon=True)
        self.process.start()
        tells.close()
        assert hears.poll(120), "the server did not come up"
        self.port = int(hears.recv().rpartition(":")[2])

    def ask(self, method: str, path: str, who: str, value: Any = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {"Content-Type": "application/json", "Cookie": f"modiste_who={who.encode().hex()}"}
            connection.request(method, path, None if value is None else json.dumps(value), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def end(self, how: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, how)
        self.process.join(60)
        assert not self.process.is_alive()


def do(server: Server, person: Person, step: Step) -> bool:
    """Have a step saved, as a page has; False where no answer came."""
    person.cut_off = step
    try:
        if "undo" in step:
            status, text = server.ask("POST", "/api/undo", person.who, {"id": step["undo"]})
        else:
            status, text = server.ask("POST", "/api/decisions", person.who, {"decisions": step["decisions"]})
    except (OSError, http.client.HTTPException):
        return False
    assert status == 200, (status, text)
    said = json.loads(text)
    person.done.append(step)
    if "undo" in step:
        taken = person.events(person.done)[-1][2]
        assert tuple(one for one in said["undone"] if "-" in one) == taken, (said["undone"], taken)
    else:
        assert said["saved"] == [one["id"] for one in step["decisions"]]
    person.cut_off = None
    return True


def next_step(person: Person, chance: random.Random, photos: list[str], name: str) -> Step:
    if chance.random() < 0.3:
        return {"undo": f"u{name}"}
    known = [step for step in person.done if "decisions" in step]
    if known and chance.random() < 0.15:  # the page did not hear that it was saved, and sends it again
        return dict(chance.choice(known))
    many = chance.randint(2, 6) if chance.random() < 0.3 else 1
    batch = f"b{name}" if many > 1 else None
    decisions = []
    for number, photo in enumerate(chance.sample(photos, many)):
        kind = chance.choices(("label", "unsure", "bad"), (8, 1, 1))[0]
        label = chance.choice(LABELS) if kind == "label" else None
        how = "grid" if batch else "single"
        decisions.append(
            {"id": f"d{name}-{number}", "photo": photo, "kind": kind, "label": label, "how": how, "batch": batch, "seconds": 1.5}
        )
    return {"decisions": decisions}


def work(server: Server, person: Person, seed: str, photos: list[str], steps: int, failed: list[BaseException]) -> None:
    """One person's work in one life."""
    chance = random.Random(seed)
    try:
        if person.cut_off is not None and not do(server, person, person.cut_off):
            return
        for number in range(steps):
            if not do(server, person, next_step(person, chance, photos, f"{seed}-{number}")):
                return
    except BaseException as error:
        failed.append(error)


def logged(folder: Path, ids: dict[str, str]) -> dict[str, list[tuple[Any, ...]]]:
    """What the log has of each, copies' own rows left out once they were seen to be there."""
    found: dict[str, list[tuple[Any, ...]]] = {who: [] for who in PEOPLE}
    with log.open_log(folder / "decisions.sqlite") as opened:
        batches = Counter(one.batch for one in opened.each() if not isinstance(one, log.Undo) and one.photo in COPIES)
        assert not [batch for batch, many in batches.items() if many % len(COPIES)], "a copy was left out"
        for one in opened.each():
            if isinstance(one, log.Undo):
                found[one.who].append(("undo", one.id, tuple(each.id for each in one.decisions if "-" in each.id)))
            elif "-" in one.id:
                found[one.who].append((one.id, ids[one.photo], one.kind, one.label))
    return found


def compare(folder: Path, ids: dict[str, str], people: list[Person]) -> str:
    """Check the log against what was reported; whether something that was cut off is in it."""
    kept, found = "nothing was cut off", logged(folder, ids)
    for person in people:
        reported = person.events(person.done)
        if person.cut_off is None:
            assert found[person.who] == reported, (person.who, found[person.who], reported)
        elif found[person.who] == reported:
            kept = kept if "saved" in kept else "cut off, not saved"
        else:
            assert found[person.who] == person.events([*person.done, person.cut_off]), (person.who, found[person.who], reported)
            kept = "cut off, but saved"
    return kept


def history(context: Any, seed: int, place: Path, model: Path, tally: Counter[tuple[str, str]]) -> None:
    chance, photos = random.Random(seed), place / "shop"
    folder = project_at(place / f"{seed}.project", photos=photos, model=model)
    (folder / "looks").symlink_to(place / "looks")  # what the network says is known: it is not asked in each life
    people, ids = [Person(who) for who in PEOPLE], dict[str, str]()
    for life in range(chance.randint(1, 3)):
        point, landed = POINTS[(seed + life) % len(POINTS)], place / "landed"
        landed.unlink(missing_ok=True)
        turn = chance.randint(1, 25)
        server = Server(context, folder, point, turn + (life == 0), landed)  # the first transaction of all makes the tables
        status, text = server.ask("GET", "/api/photos?limit=1000", "ada")
        assert status == 200, text
        ids = {one["name"]: one["id"] for one in json.loads(text)["photos"]}
        some = [name for path, name in ids.items() if path != COPIES[1]]  # of copies, one is spoken of
        failed: list[BaseException] = []
        threads = [threading.Thread(target=work, args=(server, one, f"{seed}-{life}-{one.who[0]}", some, 15, failed)) for one in people]
        for thread in threads:
            thread.start()
        if point == "by the clock":
            time.sleep(chance.uniform(0.0, 0.6))
            server.end(signal.SIGKILL)
        for thread in threads:
            thread.join()
        assert not failed, failed
        server.end(signal.SIGTERM if point == "never" else signal.SIGKILL)
        if point not in ("by the clock", "never"):
            assert landed.read_text() == point, (seed, life, point)
            assert server.process.exitcode == -signal.SIGKILL
        tally[point, compare(folder, ids, people)] += 1
    shown(context, folder, people, ids, place / "landed")


def shown(context: Any, folder: Path, people: list[Person], ids: dict[str, str], landed: Path) -> None:
    """What pages show at last is what a plain list of all that was done says."""
    server = Server(context, folder, "never", 0, landed)
    for person in people:
        if person.cut_off is not None:
            assert do(server, person, person.cut_off)
    compared = compare_shown(server, people, ids)
    server.end(signal.SIGTERM)
    assert compared == len(PEOPLE)
    compare(folder, ids, people)


def compare_shown(server: Server, people: list[Person], ids: dict[str, str]) -> int:
    for person in people:
        expected = person.stands()
        if ids[COPIES[0]] in expected:
            expected[ids[COPIES[1]]] = expected[ids[COPIES[0]]]
        status, text = server.ask("GET", "/api/photos?limit=1000", person.who)
        said = {one["id"]: (one["said"]["kind"], one["said"]["label"]) for one in json.loads(text)["photos"] if one["said"]}
        assert (status, said) == (200, expected), person.who
    return len(people)


def prepared(context: Any, place: Path) -> Path:
    """A shop of 14 photos, two of them copies, and a network that was asked about all of them."""
    photos = shop(place / "shop", 12)
    for name in COPIES:
        (photos / name).write_bytes(png("Red", 500))
    model = network(place / "colours.onnx")
    first = Server(context, project_at(place / "first.project", photos=photos, model=model), "never", 0, place / "landed")
    ends = time.monotonic() + 120
    while (said := json.loads(first.ask("GET", "/api/state", "ada")[1]))["job"] is not None or said["last"] is None:
        assert time.monotonic() < ends
        time.sleep(0.1)
    first.end(signal.SIGTERM)
    (place / "first.project" / "looks").rename(place / "looks")
    return model


def histories(count: int, first: int = 0) -> Counter[tuple[str, str]]:
    """So many of them; how often which life came to which end."""
    context, tally = multiprocessing.get_context("forkserver"), Counter[tuple[str, str]]()
    context.set_forkserver_preload(["onnx", "onnxruntime", "PIL.Image", "jinja2.ext", "uvicorn.lifespan.off", "modiste.web.pages.server"])
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        model = prepared(context, place)
        for seed in range(first, first + count):
            history(context, seed, place, model, tally)
    return tally


def main() -> None:
    count, first = (int(word) for word in (*sys.argv[1:], *("10", "0")[len(sys.argv) - 1 :]))
    tally = histories(count, first)
    for (point, kept), times in sorted(tally.items()):
        print(f"{point}: {kept}: {times}")
    print(f"{count} histories, {sum(tally.values())} lives: none lost, none invented")


if __name__ == "__main__":
    main()
