"""Disturb `modiste label` and compare: kills at named points, a disk that is full, photos that are damaged; the table must be the same.

    python benchmarks/label_faults.py                  5,000 photos, 250 of them damaged, 25 kills, 20 full disks
    python benchmarks/label_faults.py --photos 80 --damaged 8 --kills 14 --full 6

Each command runs in a process forked from this one. A kill is SIGKILL that the process sends itself at the named call, after it wrote
down that it came there. A disk is full where a small tmpfs is (as root), or where the system lets a process write no more than some
bytes a file. The photos' own bytes are compared before and after.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from PIL import Image, ImageEnhance

from modiste import cli
from modiste.data.samples.drawn import draw
from modiste.labelling import asking, doubts, files, labelled, plan
from modiste.labelling.book import Answers, Listing
from modiste.records.labels import PAPER_CLASSES
from modiste.records.recipe import Pixels
from modiste.records.table import Table
from modiste.serving import labeller
from modiste.serving.bundle import Card, Evidence, write_bundle

DRAWN = 200  # pictures that photos are made from
HELD = (doubts, plan, labeller)  # imported here once, for all the processes that are forked
Point = tuple[str, Any, str, int, bool]  # in words, whose function, its name, which call (-N: at N answers), after it was done


def tiny_bundle(path: Path, side: int = 64) -> Path:
    """A network of four classes that looks at a photo's mean colours alone."""
    rng = np.random.default_rng(0)
    weights, evidence = rng.normal(0, 0.05, (3, 4)).astype(np.float32), rng.uniform(0.3, 1, 3000)
    nodes = [
        helper.make_node("Cast", ["pixels"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["real", "axes"], ["features"], keepdims=0),
        helper.make_node("MatMul", ["features", "weights"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        helper.make_node("ReduceMax", ["features", "last"], ["strangeness"], keepdims=0),
    ]
    given = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", side, side, 3])
    shapes = {"probabilities": ["N", 4], "scores": ["N", 4], "features": ["N", 3], "strangeness": ["N"]}
    gives = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    held = [
        helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
        helper.make_tensor("last", TensorProto.INT64, [1], [1]),
        helper.make_tensor("weights", TensorProto.FLOAT, [3, 4], weights.ravel()),
    ]
    graph = helper.make_graph(nodes, "tiny", [given], gives, held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    said = Evidence(
        tuple(int(code) for code in rng.integers(0, 4, len(evidence))),
        tuple(bool(sure > 0.5) for sure in evidence),
        tuple(map(float, evidence)),
        tuple(float(value) for value in rng.uniform(100, 240, len(evidence))),
    )
    write_bundle(path, model.SerializeToString(), Card("tiny", PAPER_CLASSES, Pixels(side=side, colour="rgb"), 1.0, said, 235.0))
    return path


def make_photos(folder: Path, count: int, damaged: int) -> None:
    """Photos that all differ, some of them damaged in one way or another, in folders of 500."""
    with tempfile.TemporaryDirectory() as scratch:
        catalogue = draw(Path(scratch) / "drawn", photos=min(DRAWN, max(32, count // 4)), side=80)
        pictures = [Image.open(catalogue.root / photo.path).convert("RGB") for photo in catalogue.photos]
    rng = np.random.default_rng(0)
    broken = set(rng.permutation(count)[:damaged].tolist())
    for number in range(count):
        picture = ImageEnhance.Brightness(pictures[number % len(pictures)]).enhance(0.5 + rng.uniform())
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=int(rng.integers(60, 95)), comment=str(number).encode())
        path = folder / f"{number // 500:03d}" / f"{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(DAMAGE[number % len(DAMAGE)](data.getvalue(), rng) if number in broken else data.getvalue())


def flipped(data: bytes, rng: np.random.Generator) -> bytes:
    """A bit changed in each of twenty places behind the header."""
    changed = bytearray(data)
    for place in rng.integers(len(data) // 2, len(data), 20):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


DAMAGE: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (
    lambda data, rng: data[: int(len(data) * rng.uniform(0.1, 0.9))],
    flipped,
    lambda _data, _rng: b"",
    lambda _data, rng: b"<html>404 Not Found " + rng.bytes(8).hex().encode() + b"</html>",
    lambda data, _rng: data[:20],
)


def points(count: int, photos: int) -> list[Point]:
    """So many places to die at, all over a job; those in the middle of it in the order in which a job comes there."""
    few = max(2, photos // 25)
    early: list[Point] = [
        ("while photos are listed", labelled, "own_label", few, False),
        ("the list is whole", Listing, "fill", 1, True),
        ("a photo is to be refused", asking, "refuse", 1, False),
        ("a photo was refused", asking, "refuse", 2, True),
        ("before the first answer", Answers, "add", 1, False),
        ("some answers, perhaps not committed", Answers, "add", few, True),
        ("a photo was marked", Listing, "mark", 2 * few, True),
        ("before a commit", Answers, "commit", 1, False),
        ("after a commit", Answers, "commit", 1, True),
    ]
    late: list[Point] = [
        ("the first rows are to be written", Listing, "judged", 1, True),
        ("the table is to be renamed", Path, "replace", 1, False),
        ("the table was renamed, its folder not flushed", files, "sync_folder", 1, False),
        ("the list of what to review is written", doubts, "line_of", 1, False),
        ("the list of what to review is to be renamed", Path, "replace", 2, False),
        ("the list of what to review was renamed", Path, "replace", 2, True),
    ]
    others = count - len(early) - len(late)
    middle: list[Point] = [
        (
            "when so many answers are to be committed" if one % 2 else "when so many answers are committed",
            Answers,
            "commit",
            -many,
            not one % 2,
        )
        for one in range(others)
        for many in [photos * (one + 1) // (others + 1)]
    ]
    return [*early, *middle, *late] if others >= 0 else [*early, *late][:count]


@dataclass(frozen=True)
class Trial:
    """What every command is given, where files of the trial go, and what must come of it."""

    bundle: Path
    photos: Path
    work: Path
    expected: tuple[bytes, bytes] = (b"", b"")

    def command(self, output: Path) -> list[str]:
        given = ["--output", str(output), "--model", str(self.bundle), "--precision", "0.9", "--review", "--threads", "2"]
        return ["modiste", "label", str(self.photos), *given]

    def run(self, output: Path, arm: Callable[[], None] = lambda: None) -> tuple[int, str]:
        """How the command ended, and what it said."""
        err = self.work / "err.txt"
        return forked(self.command(output), err, arm), err.read_text()

    def finish(self, output: Path) -> None:
        """The command left alone, and all that it wrote as it must be."""
        code, said = self.run(output)
        assert code == 3, (code, said)
        assert whole(output) == self.expected, f"{output}: other bytes"


def forked(arguments: Sequence[str], err: Path, arm: Callable[[], None]) -> int:
    """How a command ended in a process of its own, which `arm` prepared: the exit code, or minus the signal."""
    child = os.fork()
    if not child:
        code = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(os.open(err, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
            sys.argv = list(arguments)
            arm()
            cli.main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def dying(point: Point, mark: Path) -> Callable[[], None]:
    """What makes a process kill itself at a point, and write down before that it came there."""
    words, owner, name, call, after = point

    def arm() -> None:
        real, calls = getattr(owner, name), 0

        def function(*args: Any, **settings: Any) -> Any:
            nonlocal calls
            calls += 1
            here = calls == call or (call < 0 and len(args[0]) >= -call)
            made = real(*args, **settings) if after or not here else None
            if here:
                mark.write_text(words)
                os.kill(os.getpid(), signal.SIGKILL)
            return made

        setattr(owner, name, function)

    return arm


def limited(most_bytes: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))


def at_the_table(most_bytes: int) -> Callable[[], None]:
    """The same from when the table is written."""

    def arm() -> None:
        write_rows = labelled.write_rows

        def limited_then(*args: Any, **settings: Any) -> Any:
            limited(most_bytes)()
            return write_rows(*args, **settings)

        labelled.write_rows = limited_then  # type: ignore[assignment]

    return arm


def whole(output: Path) -> tuple[bytes, bytes]:
    """The table and the list of what to review, after a look that nothing else was left behind."""
    review = output.with_suffix(".review.csv")
    left = sorted(path.name for path in output.parent.iterdir())
    assert left == [output.name, f"{output.name}.state", review.name], left
    assert [path.name for path in (output.parent / f"{output.name}.state").iterdir()] == ["answers.sqlite"]
    return output.read_bytes(), review.read_bytes()


def tree_hash(folder: Path) -> str:
    """One hash of all names, bytes and times of change below a folder."""
    made = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        made.update(f"{path.relative_to(folder)} {path.stat().st_mtime_ns} {path.stat().st_mode}".encode())
        made.update(path.read_bytes() if path.is_file() else b"")
    return made.hexdigest()


def answered(output: Path) -> int:
    """How many answers stand on the disk: of a copy, since to look may write."""
    state = output.with_name(f"{output.name}.state")
    with tempfile.TemporaryDirectory() as scratch:
        for path in state.glob("answers.sqlite*"):
            shutil.copy(path, scratch)
        if not (Path(scratch) / "answers.sqlite").exists():
            return 0
        base = sqlite3.connect(Path(scratch) / "answers.sqlite")
        try:
            return int(base.execute("SELECT count(*) FROM answers").fetchone()[0])
        except sqlite3.OperationalError:  # no table yet
            return 0
        finally:
            base.close()


def killed(kills: int, photos: int, trial: Trial) -> Table:
    """One job that is killed again and again, and then left alone."""
    output, mark, rows = trial.work / "killed" / "labels.csv", trial.work / "mark", list[tuple[str, str, int]]()
    for number, point in enumerate(points(kills, photos), 1):
        mark.unlink(missing_ok=True)
        code, said = trial.run(output, dying(point, mark))
        landed = mark.read_text() if mark.exists() else "finished before it came there"
        assert (code, landed) == (-signal.SIGKILL, point[0]), (code, landed, point, said)
        rows.append((str(number), f"{point[0]} ({-point[3]:,})" if point[3] < 0 else f"{point[0]} (call {point[3]})", answered(output)))
    trial.finish(output)
    note = f"Then left alone: the same {len(trial.expected[0]):,} bytes as undisturbed, and the same list of what to review."
    return Table(f"{len(rows)} kills of one job", ("kill", "where it landed", "answers on disk"), tuple(rows), (note,))


def filled(tries: int, photos: int, trial: Trial) -> Table:
    """Jobs whose disk is full, gone on with once there is room."""
    rows, mounts = list[tuple[str, str, int, str]](), tries // 2 if can_mount(trial.work) else 0
    for number in range(tries):
        share = (number % max(1, mounts) if number < mounts else number - mounts) / max(1, (mounts or tries) - 1)
        kb = max(16, int((sum(map(len, trial.expected)) + 330 * photos) * (0.02 + 0.75 * share) / 1024))
        output = trial.work / f"full-{number}" / "labels.csv"
        if number < mounts:
            row = on_small_disk(kb, output, trial)
        elif number % 2:
            row = with_limit(int(len(trial.expected[0]) * (0.02 + 0.9 * share) / 1024), output, trial, at_the_table)
        else:
            row = with_limit(kb * 2 // 5, output, trial, limited)  # the largest file is less than half of all
        rows.append((str(number + 1), *row))
    notes = ("Each said so in words and ended with 5; the same command, given once there was room, wrote the same bytes as undisturbed.",)
    return Table(f"{len(rows)} full disks", ("try", "what was full", "answers kept", "said"), tuple(rows), notes)


def system(*command: str) -> bool:
    """Whether the system did it."""
    return not subprocess.run(command, capture_output=True, check=False).returncode  # noqa: S603


def can_mount(work: Path) -> bool:
    folder = work / "trial"
    folder.mkdir()
    done = system("mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder))
    if done:
        assert system("umount", "-l", str(folder))
    folder.rmdir()
    return done


def on_small_disk(kb: int, output: Path, trial: Trial) -> tuple[str, int, str]:
    """A disk of so many kB, which is made larger when it is full."""
    output.parent.mkdir()
    assert system("mount", "-t", "tmpfs", "-o", f"size={kb}k", "none", str(output.parent))
    try:
        said, kept = refused(output, trial, lambda: None)
        assert system("mount", "-o", "remount,size=1g", str(output.parent))
        trial.finish(output)
    finally:
        assert system("umount", "-l", str(output.parent))
    return f"a disk of {kb:,} kB", kept, said


def with_limit(kb: int, output: Path, trial: Trial, limit: Callable[[int], Callable[[], None]]) -> tuple[str, int, str]:
    """A system that lets a process write no more than so many kB a file."""
    said, kept = refused(output, trial, limit(1024 * kb))
    trial.finish(output)
    return f"{kb:,} kB a file" + (", from when the table is written" if limit is at_the_table else ""), kept, said


def refused(output: Path, trial: Trial, arm: Callable[[], None]) -> tuple[str, int]:
    """What a command says that cannot write all, in its words and no others; and how many answers it kept."""
    code, text = trial.run(output, arm)
    assert code == 5, (code, text)
    assert not output.exists()
    assert "Traceback" not in text, text
    said = re.search(r"modiste: (\S+ could not be [^.]*)\.", text)
    assert said, text
    return said[1].replace(f"{output.parent}/", ""), answered(output)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=5000)
    parser.add_argument("--damaged", type=int, default=250)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--full", type=int, default=20)
    asked, began = parser.parse_args(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="label-faults-") as scratch:
        work, photos = Path(scratch), Path(scratch) / "photos"
        make_photos(photos, asked.photos, asked.damaged)
        before, trial = tree_hash(photos), Trial(tiny_bundle(work / "tiny.onnx"), photos, work)
        code, said = trial.run(work / "undisturbed" / "labels.csv")
        assert code == 3, said
        trial = replace(trial, expected=whole(work / "undisturbed" / "labels.csv"))
        lines = trial.expected[0].decode().splitlines()
        assert [line.partition(",")[0] for line in lines[1:]] == [str(path.relative_to(photos)) for path in sorted(photos.rglob("*.jpg"))]
        damaged = sum(",reject," in line and ",strange," not in line for line in lines)
        print(f"{len(lines) - 1:,} rows for {asked.photos:,} photos, {damaged:,} of them not readable\n")
        print(killed(asked.kills, asked.photos, trial).markdown())
        print(filled(asked.full, asked.photos, trial).markdown())
        assert tree_hash(photos) == before, "the photos were touched"
    print(f"The photos are as they were, to the last byte and time of change. All of it took {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    main()
