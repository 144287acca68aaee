"""How `modiste serve` holds under ten times what it can do, and beside clients that drip: `python benchmarks/serve_overload.py`.

    python benchmarks/serve_overload.py --model shop.onnx --photos catalog/images
    python benchmarks/serve_overload.py --seconds 3 --drippers 20          a look whether all works

The server is a process of its own. Its capacity is what it answers when as many ask as it has threads, each once it was answered. Then
requests come by the clock, ten times as many as that, whether answered or not: of the answers only 200 and 503 may be, each 503 with
Retry-After, and the photos labelled a second are to be 80 % of the capacity or more. Capacity and overload are measured in turn, and the
load comes from this machine too: it takes processors from the server that a load from elsewhere would not (how long a request). What the
server makes of the processors that it gets, whatever else runs, is how many photos it labels a second of their time, its decoders' too.
Drippers send a byte a second: of headers, or of a body. Memory is that of the server and all its decoders, resident, ten times a second.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from modiste.data.opening.crew import processors
from modiste.records.table import Table

HEAD = "POST /v1/label HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n"
DRIPPED = (b"POST /v1/label HTTP/1.1\r\nHost: localhost\r\nX: ", HEAD.format(100_000).encode())
LONGEST_SECONDS = 30.0


@dataclass
class Seen:
    """What came of a load: answers by status, how long those with labels took, and in what time all of it was sent."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    took: float = 0.0
    labelled: int = 0  # while requests were sent, where that is not all
    peak_mb: float = 0.0
    served_seconds: float = 0.0  # of processors, of the server and its decoders
    asked_seconds: float = 0.0  # of processors, of this process

    @property
    def a_second(self) -> float:
        return (self.labelled or self.statuses["200"]) / self.took

    def row(self, name: str, capacity: float) -> tuple[object, ...]:
        cuts = statistics.quantiles(self.seconds, n=100) if len(self.seconds) > 1 else [0.0] * 99
        others = sum(count for status, count in self.statuses.items() if status not in ("200", "503"))
        sent = sum(self.statuses.values())
        share = 100 * self.a_second / capacity
        rates = (sent / self.took, self.a_second, share)
        costs = (self.peak_mb, 1e6 * self.asked_seconds / sent, self.statuses["200"] / self.served_seconds)
        return (name, *rates, self.statuses["503"], others, 1000 * cuts[49], 1000 * cuts[98], *costs)


async def ask(port: int, photo: bytes, seen: Seen) -> None:
    """One request on a connection of its own, and what came of it."""
    begun, loop = time.monotonic(), asyncio.get_running_loop()
    try:
        with socket.socket() as there:  # without asyncio's streams, which take nearly twice as much of the server's processors
            there.setblocking(False)
            async with asyncio.timeout(LONGEST_SECONDS):
                await loop.sock_connect(there, ("127.0.0.1", port))
                await loop.sock_sendall(there, HEAD.format(len(photo)).encode() + photo)
                head, status = await answered(there)
    except (OSError, TimeoutError, EOFError) as error:
        seen.statuses[type(error).__name__] += 1
        return
    seen.statuses[status if status != "503" or "retry-after: " in head else "503 without Retry-After"] += 1
    if status == "200":
        seen.seconds.append(time.monotonic() - begun)


async def answered(there: socket.socket) -> tuple[str, str]:
    """The head of a whole answer, and its status."""
    loop, seen = asyncio.get_running_loop(), b""
    while True:
        head, end, body = seen.partition(b"\r\n\r\n")
        words = head.decode().lower()
        if end and len(body) >= int(words.partition("content-length: ")[2].partition("\r\n")[0]):
            return words, words.split(" ", 2)[1]
        part = await loop.sock_recv(there, 65536)
        if not part:
            raise EOFError
        seen += part


async def closed(port: int, photos: list[bytes], seconds: float, at_once: int) -> Seen:
    """So many ask, each again once it was answered."""
    seen, begun = Seen(), time.monotonic()

    async def one(number: int) -> None:
        while time.monotonic() < begun + seconds:
            number += at_once
            await ask(port, photos[number % len(photos)], seen)

    await asyncio.gather(*map(one, range(at_once)))
    seen.took = time.monotonic() - begun
    return seen


async def by_the_clock(port: int, photos: list[bytes], seconds: float, rate: float) -> Seen:
    """`rate` requests a second, whatever becomes of them."""
    seen, begun, tasks, sent = Seen(), time.monotonic(), set(), 0
    while (now := time.monotonic() - begun) < seconds:
        while sent < now * rate:
            task = asyncio.create_task(ask(port, photos[sent % len(photos)], seen))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            sent += 1
        await asyncio.sleep(0.005)
    seen.took, seen.labelled = time.monotonic() - begun, seen.statuses["200"]
    await asyncio.gather(*tasks)
    return seen


async def drip(port: int, number: int) -> None:
    """A client that sends a byte a second, and comes again when it is turned out."""
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(DRIPPED[number % 2])
                while True:
                    await writer.drain()
                    await asyncio.sleep(1)
                    writer.write(b"x")
            finally:
                writer.close()
        await asyncio.sleep(0.2)


async def beside_drippers(port: int, photos: list[bytes], seconds: float, at_once: int, drippers: int) -> Seen:
    """What `closed` sees while others drip."""
    tasks = [asyncio.create_task(drip(port, number)) for number in range(drippers)]
    await asyncio.sleep(2)
    seen = await closed(port, photos, seconds, at_once)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return seen


@contextlib.contextmanager
def watched(process: int) -> Iterator[list[float]]:
    """MB resident of a process and its children, at most, in the one value of a list."""
    peak, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            peak[0] = max(peak[0], sum(map(resident_mb, family(process))))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def family(process: int) -> list[int]:
    """A process and its children (Linux)."""
    text = ""
    with contextlib.suppress(OSError):
        text = " ".join(path.read_text() for path in Path(f"/proc/{process}/task").glob("*/children"))
    return [process, *map(int, text.split())]


def resident_mb(process: int) -> float:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6
    return 0.0


def cpu_seconds(process: int) -> float:
    """What a process took of processors so far (Linux)."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


@contextlib.contextmanager
def server(model: Path, scratch: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`modiste serve`, as it comes, and its port; it is to end with 0."""
    command = [sys.executable, "-m", "modiste", "serve", "--model", str(model), "--port", "0", "--quiet"]
    with (scratch / "errors").open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)  # noqa: S603
    assert process.stdout is not None
    said = process.stdout.readline()
    assert " at http" in said, (scratch / "errors").read_text()
    try:
        yield process, int(said.partition("/v1/")[0].rpartition(":")[2])
    finally:
        process.terminate()
        code = process.wait(60)
    assert code == 0, (scratch / "errors").read_text()


def beside(name: str) -> ModuleType:
    """Another file of this folder."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def given(asked: argparse.Namespace, scratch: Path) -> tuple[Path, list[bytes]]:
    """The bundle and the photos, made where none were named."""
    if asked.model is None or asked.photos is None:
        faults = beside("label_faults")
        faults.make_photos(scratch / "photos", 60, 0)
    model = asked.model or faults.tiny_bundle(scratch / "tiny.onnx")
    found = sorted((asked.photos or scratch / "photos").rglob("*.jpg"))[:200]
    return model, [path.read_bytes() for path in found]


def measured(asked: argparse.Namespace, scratch: Path) -> list[tuple[object, ...]]:
    model, photos = given(asked, scratch)
    rows: list[tuple[object, ...]] = []
    with server(model, scratch) as (process, port):
        at_once = processors()
        asyncio.run(closed(port, photos, 2, at_once))
        for _ in range(asked.rounds):
            found = {}
            for name in ("capacity", "load x 10", f"beside {asked.drippers} drippers"):
                mine, its = time.process_time(), sum(map(cpu_seconds, family(process.pid)))
                with watched(process.pid) as peak:
                    if name == "capacity":
                        found[name] = asyncio.run(closed(port, photos, asked.seconds, at_once))
                    elif name == "load x 10":
                        found[name] = asyncio.run(by_the_clock(port, photos, asked.seconds, 10 * found["capacity"].a_second))
                    else:
                        found[name] = asyncio.run(beside_drippers(port, photos, asked.seconds, at_once, asked.drippers))
                found[name].peak_mb = peak[0]
                found[name].asked_seconds = time.process_time() - mine
                found[name].served_seconds = sum(map(cpu_seconds, family(process.pid))) - its
            rows += [seen.row(name, found["capacity"].a_second) for name, seen in found.items()]
            print(json.dumps({name: seen.statuses for name, seen in found.items()}), file=sys.stderr)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a bundle; a tiny one when left away")
    parser.add_argument("--photos", type=Path, help="a folder of JPEGs; drawn when left away")
    parser.add_argument("--seconds", type=float, default=15, help="of each part")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--drippers", type=int, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="serve-overload-") as scratch:
        rows = measured(asked, Path(scratch))
    seen = ("load", "asked/s", "labelled/s", "% of capacity", "503", "others", "median ms", "99 % ms", "peak MB")
    header = (*seen, "load us/request", "labelled/CPU s")
    print(Table("Served", header, tuple(rows), (f"{asked.rounds} rounds in turn, {asked.seconds:g} s each part.",), digits=1).text(200))


if __name__ == "__main__":
    main()
