"""The network that comes with modiste: small, whole, with its card; and right on real photos where they are at hand."""

import csv
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import modiste
from modiste.data.opening.stores import read_photo
from modiste.records.labels import PAPER_CLASSES
from modiste.serving.bundle import read_bundle
from modiste.serving.deciding import expected, thresholds

BUNDLED = Path(str(files("modiste.serving") / "bundled" / "modiste.onnx"))
CATALOGUE = Path(__file__).parents[3] / "shared" / "data" / "catalog.tar"


@pytest.fixture(scope="module")
def labeller():
    return modiste.load(threads=1)


def test_it_is_small_and_says_what_it_is(labeller):
    card = read_bundle(BUNDLED).card
    assert BUNDLED.stat().st_size <= 12e6
    assert labeller.classes == PAPER_CLASSES
    assert labeller.id.startswith("modiste-")
    for word in ("licence", "Kaggle", "Limits", "Shoes", "seed", *card.classes.names):
        assert word in card.text, word
    assert card.facts["recipe"]["network"]["backbone"]
    assert card.facts["gate"]["passed"]


def test_its_evidence_carries_a_promise(labeller):
    chosen = thresholds(labeller.card, 0.95)
    assert chosen.proven
    assert all(least is not None for least in chosen.least)
    assert expected(labeller.card, chosen).overall.share > 0.5


def test_blank_pictures_and_noise_are_rejected(labeller):
    noise = np.random.default_rng(0).integers(0, 256, (4, 300, 200, 3), np.uint8)
    blank = np.full((1, 300, 200, 3), 255, np.uint8)
    assert {label.decision for label in labeller.label([*noise, *blank])} == {"reject"}


@pytest.mark.skipif(not CATALOGUE.is_file(), reason="the catalogue of real photos is not on this machine")
def test_it_is_right_on_photos_it_never_saw(labeller):
    rows = list(csv.DictReader(read_photo(CATALOGUE, "catalog/labels.csv").decode().splitlines()))
    tested = [row for row in rows if row["split"] == "test"][::8]
    said = labeller.label(photos(tested))
    right = [label.label == row["Attribute"] for label, row in zip(said, tested, strict=True)]
    assert np.mean(right) > 0.95
    assert np.mean([label.decision == "reject" for label in said]) < 0.06
    others = [row for row in rows if row["split"] == "other"]
    rejected = [label.decision == "reject" for label in labeller.label(photos(others))]
    assert np.mean(rejected) > 0.6


def photos(rows):
    return [read_photo(CATALOGUE, f"catalog/images/{row['Image_Name']}") for row in rows]
