#!/usr/bin/env python3
"""How right a bundle is, and on what it gives up: benchmarks/bundled.py BUNDLE... --catalogue FOLDER --gathered FOLDER --out FOLDER

Beside them the floor: ImageNet's EfficientNet-Lite0, frozen, with a logistic regression on its features of the catalogue's train split.

Photos of the catalogue's test split as they are; the same cut out, laid on floors, walls, cloth and landscapes that no network has seen,
and photographed badly; and pictures that show no fashion product. FOLDER gathered is what script/gather makes.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from modiste.data.batches import HALF_MEAN, HALF_STD, to_input
from modiste.data.opening.images import to_pixels
from modiste.data.scenes import badly_taken, in_scene
from modiste.evaluation.statistics.estimates import estimate
from modiste.models.variants import build
from modiste.records.disk import write_json, write_text
from modiste.records.labels import PAPER_CLASSES
from modiste.records.predictions import Predictions
from modiste.records.recipe import Network
from modiste.records.table import Table
from modiste.serving.graphs import Answers
from modiste.serving.labeller import Labeller, load

SIDE, CLASSES = 224, PAPER_CLASSES.names
torch.set_num_threads(1)  # with more, sums round otherwise, and the pictures laid elsewhere differ
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Shown:
    """Pictures (N, S, S, 3) of one kind, and the class of each; None: no product."""

    name: str
    pictures: Pixels
    labels: tuple[str | None, ...]


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def opened(folder: Path, rows: Sequence[dict[str, str]]) -> Pixels:
    names = [row["Image_Name"] for row in rows]
    return np.stack([to_pixels((folder / "images" / name).read_bytes(), SIDE, "rgb", "squash", name) for name in names])


def test_photos(catalogue: Path) -> Shown:
    rows = [row for row in rows_of(catalogue) if row["split"] == "test"]
    return Shown("test", opened(catalogue, rows), tuple(row["Attribute"] for row in rows))


def no_products(catalogue: Path, gathered: Path) -> list[Shown]:
    """Pictures of no product, by where they come from: the catalogue's own, the small ones, faces, everything else."""
    own = [row for row in rows_of(catalogue) if row["split"] == "other"]
    found = [Shown("catalogue's Other", opened(catalogue, own), (None,) * len(own))]
    rows = [row for row in rows_of(gathered) if row["split"] == "test" and row["Attribute"] == "Other" and row["source"] != "studio"]
    names = {"small": "perfume, make-up, gifts, home", "faces": "faces", "others": "landscapes, textures, things, animals"}
    for source, name in names.items():
        some = [row for row in rows if row["source"] == source]
        found.append(Shown(name, opened(gathered, some), (None,) * len(some)))
    blank = np.stack([np.full((SIDE, SIDE, 3), shade, np.uint8) for shade in np.linspace(0, 255, 16)])
    noise = np.random.default_rng(0).integers(0, 256, (16, SIDE, SIDE, 3), np.uint8)
    return [*found, Shown("blank and noise", np.concatenate([blank, noise]), (None,) * 32)]


def at_home(shown: Shown, landscapes: Pixels, seed: int = 0) -> Shown:
    """The same products in other surroundings, badly taken."""
    torch.manual_seed(seed)
    behind = torch.from_numpy(landscapes).permute(0, 3, 1, 2)
    made = []
    for number, picture in enumerate(torch.from_numpy(shown.pictures).permute(0, 3, 1, 2)):
        laid = in_scene(picture, behind[number % len(behind)])
        made.append(badly_taken(laid).permute(1, 2, 0).numpy())
    return Shown(f"{shown.name}, laid elsewhere", np.stack(made), shown.labels)


def answered(labeller: Labeller, pictures: Pixels) -> Answers:
    side = labeller.pixels.side
    if side != pictures.shape[1]:
        size = (side, side)
        pictures = np.stack([np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BILINEAR, reducing_gap=2)) for one in pictures])
    return labeller.score(pictures)


def judged(labeller: Labeller, products: Sequence[Shown], others: Sequence[Shown]) -> dict[str, Any]:
    """Accuracy and macro F1 with intervals, recall a class, and the area under the curve for each kind of picture of no product."""
    names, found, usual = labeller.classes.names, {}, []
    for shown in products:
        answers = answered(labeller, shown.pictures)
        truth = np.array([names.index(label) for label in shown.labels])
        said = Predictions(names, tuple(str(number) for number in range(len(truth))), truth, answers.probabilities.astype(float))
        recall = {name: float((said.called[truth == code] == code).mean()) for code, name in enumerate(names)}
        f1 = f1_score(truth, said.called, average=None)
        one = {measure: interval(said, measure) for measure in ("accuracy", "macro_f1")}
        found[shown.name] = {**one, "f1": dict(zip(names, map(float, f1), strict=True)), "recall": recall, "photos": len(truth)}
        usual.append((shown.name, answers))
    rejecting: dict[str, Any] = {}
    for shown in others:
        answers = answered(labeller, shown.pictures)
        row: dict[str, Any] = {"photos": len(shown.labels)}
        for name, real in usual:
            if real.strangeness is not None and answers.strangeness is not None:
                row[f"AUROC against {name}"] = auroc(real.strangeness, answers.strangeness)
            row[f"AUROC of 1 - confidence against {name}"] = auroc(1 - real.confidence, 1 - answers.confidence)
        above = labeller.card.reject_above
        if above is not None and answers.strangeness is not None:
            row["rejected"] = float((answers.strangeness > above).mean())
        rejecting[shown.name] = row
    above = labeller.card.reject_above
    kept = {name: float((real.strangeness > above).mean()) for name, real in usual if above is not None and real.strangeness is not None}
    return {"bundle": labeller.id, "products": found, "others": rejecting, "products rejected": kept}


def floor(catalogue: Path, products: Sequence[Shown]) -> dict[str, Any]:
    """Macro F1 of a frozen network with another last layer, learnt from the catalogue's own train split alone."""
    network = build(Network("efficientnet_lite0", weights="imagenet", dropout=0.2), len(CLASSES)).backbone.eval()

    def features(pictures: Pixels) -> NDArray[np.float32]:
        with torch.inference_mode():
            parts = [to_input(pictures[start : start + 32], 3, [HALF_MEAN] * 3, [HALF_STD] * 3) for start in range(0, len(pictures), 32)]
            return np.concatenate([network(part).numpy() for part in parts])

    rows = [row for row in rows_of(catalogue) if row["split"] == "train"]
    learnt = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=500))
    learnt.fit(features(opened(catalogue, rows)), [row["Attribute"] for row in rows])
    return {shown.name: float(f1_score(shown.labels, learnt.predict(features(shown.pictures)), average="macro")) for shown in products}


def interval(said: Predictions, measure: str) -> list[float]:
    found = estimate([said], measure)
    return [found.value, found.low, found.high]


def auroc(usual: NDArray[np.float32], strange: NDArray[np.float32]) -> float:
    truth = np.r_[np.zeros(len(usual)), np.ones(len(strange))]
    return float(roc_auc_score(truth, np.r_[usual, strange]))


def products_table(found: Sequence[dict[str, Any]]) -> Table:
    """Right answers on products."""
    columns = ("Bundle", "Photos of", "Photos", "Accuracy", "low", "high", "Macro F1", "low", "high", *CLASSES, "Rejected")
    rows = []
    for one in found:
        for name, row in one["products"].items():
            ends = [*row["accuracy"], *row["macro_f1"]]
            rows.append((one["bundle"], name, row["photos"], *ends, *(row["f1"][c] for c in CLASSES), one["products rejected"].get(name)))
    return Table("How right it is on products; F1 a class", columns, tuple(rows))


def others_table(found: Sequence[dict[str, Any]]) -> Table:
    """What it gives up."""
    columns = ("Bundle", "Pictures of", "Pictures", "Rejected", "AUROC against test", "AUROC against test, laid elsewhere")
    keys = ("photos", "rejected", *columns[4:])
    rows = [(one["bundle"], name, *(row.get(key) for key in keys)) for one in found for name, row in one["others"].items()]
    return Table("What it does with pictures that show no fashion product", columns, tuple(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="+", type=Path)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--gathered", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the folder for bundled.json and bundled.md")
    asked = parser.parse_args()
    test, others = test_photos(asked.catalogue), no_products(asked.catalogue, asked.gathered)
    landscapes = next(shown for shown in others if shown.name.startswith("landscapes")).pictures
    products = [test, at_home(test, landscapes)]
    found = [judged(load(bundle), products, others) for bundle in asked.bundles]
    least = floor(asked.catalogue, products)
    words = "; ".join(f"{name} {value:.4f}" for name, value in least.items())
    tables = [
        replace(products_table(found), notes=(f"A frozen ImageNet network with logistic regression, macro F1: {words}.",)),
        others_table(found),
    ]
    write_json(asked.out / "bundled.json", {"bundles": found, "frozen, logistic regression": least})
    print(write_text(asked.out / "bundled.md", "\n\n".join(table.markdown() for table in tables) + "\n").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
