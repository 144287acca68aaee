"""How fast folders of photos are labelled beside other tools, all with one ResNet-18, each a program of its own, in turns.

    python benchmarks/labelling_peers.py --out OUT --photos FOLDER --peers PEERS/bin/python --rounds 3

FOLDER holds JPEGs: so many of them are labelled as they are, some once more enlarged to 1500 x 2000 px. The network has weights by
chance behind a head that tells photos apart, so labels mean nothing but can be compared with those of torch. The peers
(benchmarks/requirements.txt) live in an environment of their own. Every way is a program from start to end: what one photo takes is its
cold start, and photos a second are those beyond the first. Memory is that of all its processes together, shared pages shared out (Linux).
A stopped benchmark goes on where it was. OUT/labelling.md and OUT/labelling.json hold the result.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from measured import busy_seconds, command_line, keep, kept, machine, same_settings
from numpy.typing import NDArray
from PIL import Image

import modiste
from modiste.data.opening.images import to_pixels
from modiste.records.labels import Classes
from modiste.records.recipe import Pixels
from modiste.records.table import Table
from modiste.serving.bundle import Card, write_bundle

PEER = Path(__file__).parent / "peers" / "labelling.py"
OURS, API, FIRST = "modiste label, int8", "modiste.load().label(), int8", "naive torch, one by one"
BUNDLES = {OURS: "int8.onnx", "modiste label, fp32": "fp32.onnx", API: "int8.onnx"}
PEERS = {
    FIRST: "naive",
    "torch at its best": "best-torch",
    "timm's inference loop": "timm",
    "Hugging Face pipeline": "pipeline",
    "Hugging Face pipeline, batches of 16": "pipeline-batches",
    "Ultralytics": "ultralytics",
}
SETS = {"as they are": None, "1500 x 2000 px": (1500, 2000)}
SIDE, SEED, LEARNT = 224, 0, 64
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ASK = """
import json, modiste, sys
from pathlib import Path
paths = sorted(Path(sys.argv[2]).glob("*.jpg"))
labels = modiste.load(sys.argv[1]).label(paths)
Path(sys.argv[3]).write_text(json.dumps({path.name: label.label for path, label in zip(paths, labels)}))
"""
REST = ("cold start s", "of processors s", "peak MB", "same label %")
CLASSES = Classes(("0", "1", "2", "3"))


# --- what is labelled, and by what


def folders(photos: Path, out: Path, counts: dict[str, int]) -> dict[str, Path]:
    """The photos of each set, and of each set its first alone."""
    found = sorted(path for path in photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    made = {}
    for number, (name, size) in enumerate(SETS.items()):
        if len(found) < counts[name]:
            raise SystemExit(f"{photos} has {len(found)} JPEGs, and {counts[name]} are asked for.")
        made[name] = out / "photos" / str(number)
        if not made[name].is_dir():
            fill(made[name], spread(found, counts[name]), size)
            fill(made[name].with_name(f"{number}-first"), spread(found, counts[name])[:1], size)
    return made


def spread(found: Sequence[Path], count: int) -> list[Path]:
    chosen = np.random.default_rng(SEED).permutation(len(found))[:count]
    return [found[place] for place in sorted(chosen)]


def fill(folder: Path, photos: Sequence[Path], size: tuple[int, int] | None) -> None:
    """Copies of photos, or enlarged ones, in a folder that appears when it is whole."""
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for photo in photos:
        if size is None:
            shutil.copy(photo, part / f"{photo.stem}.jpg")
        else:
            Image.open(photo).convert("RGB").resize(size, Image.Resampling.BICUBIC).save(part / f"{photo.stem}.jpg", quality=90)
    part.rename(folder)


def make_networks(out: Path, photos: Path) -> None:
    """One ResNet-18 as torch's weights and as bundles in fp32 and int8."""
    import torch
    from torchvision.models import resnet18

    torch.manual_seed(SEED)
    pixels = np.stack([to_pixels(path.read_bytes(), SIDE, "rgb", "squash", path.name) for path in sorted(photos.glob("*.jpg"))[:LEARNT]])
    network = resnet18(weights=None, num_classes=len(CLASSES)).eval()
    tell_apart(network, torch.from_numpy(pixels))
    torch.save(network.state_dict(), out / "weights.pt")
    write_bundles(out, network, pixels)


def tell_apart(network: Any, pixels: Any) -> None:
    """A head that calls the photos of each half of two directions differently: features of a network by chance hardly differ."""
    import torch

    mean, std = (255 * torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    head, network.fc = network.fc, torch.nn.Identity()
    with torch.inference_mode():
        features = network((pixels.permute(0, 3, 1, 2).float() - mean) / std)
    middle = features.mean(0)
    _, spread_, ways = torch.linalg.svd(features - middle, full_matrices=False)
    plain = torch.diag(len(features) ** 0.5 / spread_[:2]) @ ways[:2]  # (2, F): two directions, each of deviation 1
    corners = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]) * 3
    with torch.no_grad():
        head.weight.copy_(corners @ plain)
        head.bias.copy_(-(head.weight @ middle))
    network.fc = head


def write_bundles(out: Path, network: Any, pixels: NDArray[np.uint8]) -> None:
    """The network exported and quantised as `modiste export` does it."""
    import torch

    from modiste.exporting.graph import OPSET, cleaned
    from modiste.exporting.quantise import quantised
    from modiste.exporting.tail import finished

    class Shown(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, network.fc = network.fc, torch.nn.Identity()
            self.body = network
            self.register_buffer("mean", 255 * torch.tensor(MEAN).view(3, 1, 1))
            self.register_buffer("std", 255 * torch.tensor(STD).view(3, 1, 1))

        def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            features = self.body((pixels.permute(0, 3, 1, 2).contiguous().float() - self.mean) / self.std)
            return self.head(features), features

    shown, names = Shown().eval(), {"input_names": ["pixels"], "output_names": ["scores", "features"]}
    shapes = ({0: torch.export.Dim("N", min=1)},)
    program = torch.onnx.export(
        shown, (torch.zeros((2, SIDE, SIDE, 3), dtype=torch.uint8),), dynamic_shapes=shapes, opset_version=OPSET, dynamo=True, **names
    )
    graph = cleaned(program.model_proto)
    eyes = Pixels(side=SIDE, colour="rgb")
    for name, made in (("int8", quantised(graph, Shots(pixels))), ("fp32", graph)):
        write_bundle(out / f"{name}.onnx", finished(made, 1.0), Card(name, CLASSES, eyes))


class Shots:
    """Pictures as the quantiser takes them."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def at(self, rows: slice) -> NDArray[np.uint8]:
        return self.pixels[rows]


# --- one program at a time


def command(way: str, photos: Path, out: Path, python: Path, scratch: Path) -> list[str]:
    """What labels a folder, and leaves its answer in the scratch folder."""
    if way == API:
        return [sys.executable, "-c", ASK, str(out / BUNDLES[way]), str(photos), str(scratch / "answer.json")]
    if way in BUNDLES:
        single = sorted(photos.glob("*.jpg"))[0] if photos.name.endswith("-first") else photos
        return [
            sys.executable,
            "-m",
            "modiste",
            "label",
            str(single),
            "-o",
            str(scratch / "labels.csv"),
            "--model",
            str(out / BUNDLES[way]),
        ]
    weights, answer = str(out / "weights.pt"), str(scratch / "answer.json")
    return [str(python), str(PEER), PEERS[way], "--photos", str(photos), "--weights", weights, "--answer", answer]


def measured(way: str, photos: Path, out: Path, python: Path) -> dict[str, Any]:
    """Seconds of a whole program, those of processors, and the most memory of its processes together; what it said."""
    with tempfile.TemporaryDirectory(prefix="labelling-") as folder:
        scratch, busy = Path(folder), busy_seconds() or 0.0
        around = os.environ | {"YOLO_CONFIG_DIR": folder, "YOLO_OFFLINE": "true", "HF_HUB_OFFLINE": "1", "MPLCONFIGDIR": folder}
        begun = time.perf_counter()
        with (scratch / "said").open("wb") as said:
            process = subprocess.Popen(  # noqa: S603
                command(way, photos, out, python, scratch), stdout=said, stderr=said, stdin=subprocess.DEVNULL, cwd=folder, env=around
            )
            watch = Watch(process.pid)
            _, status, spent = os.wait4(process.pid, 0)
            process.returncode = status
        seconds = time.perf_counter() - begun
        peak = watch.end()
        if status:
            raise SystemExit(f"{way} failed:\n" + (scratch / "said").read_text(errors="replace")[-2000:])
        own = spent.ru_utime + spent.ru_stime
        others = max(0.0, (busy_seconds() or 0.0) - busy - own)
        return {"seconds": seconds, "processor_seconds": own, "others_busy_seconds": others, "peak_mb": peak, **answer(scratch)}


def answer(scratch: Path) -> dict[str, Any]:
    """The class of each photo, and versions where they were told."""
    if (table := scratch / "labels.csv").is_file():
        with table.open(encoding="utf-8", newline="") as file:
            return {"called": {Path(row["photo"]).name: int(row["label"]) for row in csv.DictReader(file)}}
    found = json.loads((scratch / "answer.json").read_text(encoding="utf-8"))
    return found if "called" in found else {"called": {name: int(label) for name, label in found.items()}}


class Watch:
    """Looks at a program's memory, that of all it started included, ten times a second."""

    def __init__(self, pid: int) -> None:
        self.pid, self.peak, self.over = pid, 0.0, threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self) -> None:
        while not self.over.wait(0.1):
            self.peak = max(self.peak, sum(map(own_mb, tree(self.pid))))

    def end(self) -> float | None:
        self.over.set()
        self.thread.join()
        return round(self.peak, 1) or None


def tree(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from tree(int(child))
    except OSError:  # it has ended meanwhile
        return


def own_mb(pid: int) -> float:
    """Memory of a process, pages that it shares with others counted in part."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


# --- the benchmark


def rounds(asked: argparse.Namespace, sets: dict[str, Path], ways: Sequence[str], file: Path) -> None:
    """Measure what is lacking, the ways in turn: each a folder and one photo alone."""
    done = {(one["round"], one["set"], one["way"]) for one in kept(file)}
    for number in range(asked.rounds):
        for name, photos in sets.items():
            for way in ways:
                if (number, name, way) in done:
                    continue
                first = measured(way, photos.with_name(f"{photos.name}-first"), asked.out, asked.peers)
                all_ = measured(way, photos, asked.out, asked.peers)
                cold = {f"cold_{what}": first[what] for what in ("seconds", "processor_seconds", "peak_mb")}
                keep(file, {"round": number, "set": name, "way": way, **cold, **all_})
                print(f"round {number + 1}, {name}, {way}: {rate(kept(file)[-1]):.1f} photos/s, cold {first['seconds']:.2f} s", flush=True)


def rate(one: dict[str, Any]) -> float:
    """Photos a second: those beyond the first, for which its cold start is taken off; all of them, where others made that take longer."""
    beyond = one["seconds"] - one["cold_seconds"]
    return (len(one["called"]) - 1) / beyond if beyond > 0.1 * one["seconds"] else len(one["called"]) / one["seconds"]


def work(one: dict[str, Any]) -> float:
    """Milliseconds of processors that a photo takes beyond the first: others who use the machine change it less than they change rates."""
    return 1000 * max(1e-6, one["processor_seconds"] - one["cold_processor_seconds"]) / (len(one["called"]) - 1)


def table(name: str, answers: Sequence[dict[str, Any]], ways: Sequence[str]) -> Table:
    """Each way's photos a second, and how many times as fast modiste label with int8 is: medians of the rounds, and the ratios' spread."""
    here = {way: {one["round"]: one for one in answers if one["set"] == name and one["way"] == way} for way in ways}
    told, rows = next(iter(here[FIRST].values()))["called"], []
    for way, found in here.items():
        both = [(here[OURS][number], one) for number, one in found.items() if number in here[OURS]]
        ratios = [rate(ours) / rate(one) for ours, one in both]
        less = statistics.median(work(one) / work(ours) for ours, one in both)
        middle = [statistics.median(some) for some in zip(*(measures(one, told) for one in found.values()), strict=True)]
        rows.append((way, middle[0], statistics.median(ratios), min(ratios), max(ratios), middle[1], less, *middle[2:]))
    columns = ("way", "photos/s", "modiste is x as fast", "from", "to", "processor ms a photo", "x modiste's", *REST)
    notes = (
        f"{len(told)} photos, {len(here[OURS])} rounds; ratios are taken inside a round, modiste is '{OURS}'.",
        f"Same label: as '{FIRST}' says. The network's weights are by chance.",
        *busy_note(answers, name),
    )
    return Table(f"Labelling a folder of JPEGs, {name}, ResNet-18 at {SIDE} px", columns, tuple(rows), notes, digits=2)


def measures(one: dict[str, Any], told: dict[str, int]) -> tuple[float, ...]:
    same = 100 * statistics.mean(one["called"].get(photo) == called for photo, called in told.items())
    return rate(one), work(one), one["cold_seconds"], one["cold_processor_seconds"], one["peak_mb"] or 0.0, same


def busy_note(answers: Sequence[dict[str, Any]], name: str) -> tuple[str, ...]:
    """How much others worked on this machine meanwhile."""
    some = [one for one in answers if one["set"] == name]
    others = sum(one["others_busy_seconds"] for one in some) / sum(one["seconds"] for one in some)
    shared = "The machine was shared: " if others > 0.1 else ""
    return (f"{shared}other programs took {others:.2f} of {os.cpu_count()} processors meanwhile.",)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the folder for what is measured; what stands there is not measured again")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of JPEGs")
    parser.add_argument("--peers", type=Path, required=True, help="the Python of an environment with benchmarks/requirements.txt")
    parser.add_argument("--count", type=int, default=600, help="photos that are labelled as they are")
    parser.add_argument("--large", type=int, default=150, help="photos that are enlarged")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", choices=[*BUNDLES, *PEERS], default=[*BUNDLES, *PEERS])
    asked = parser.parse_args()
    asked.out, asked.peers = asked.out.absolute(), asked.peers.absolute()
    if not {OURS, FIRST} <= set(asked.ways):
        raise SystemExit(f"--ways must hold '{OURS}' and '{FIRST}', which the others are compared with.")
    return asked


def main() -> None:
    asked = parsed()
    counts = dict(zip(SETS, (asked.count, asked.large), strict=True))
    settings = {"photos": asked.photos.name, "counts": counts, "machine": machine()}
    same_settings(asked.out / "settings.json", settings)
    sets = folders(asked.photos, asked.out, counts)
    if not (asked.out / "fp32.onnx").is_file():
        make_networks(asked.out, next(iter(sets.values())))
    file = asked.out / "rounds.jsonl"
    rounds(asked, sets, asked.ways, file)
    tables = [table(name, kept(file), asked.ways) for name in sets]
    (asked.out / "labelling.md").write_text("\n\n".join(one.markdown() for one in tables) + f"\n\n`{command_line()}`\n", encoding="utf-8")
    record = [{key: value for key, value in one.items() if key != "called"} for one in kept(file)]
    whole = {"command": command_line(), "modiste": modiste.__version__, **settings, "rounds": record}
    (asked.out / "labelling.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    for one in tables:
        print(one.text())


if __name__ == "__main__":
    main()
