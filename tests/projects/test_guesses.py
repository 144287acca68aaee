"""Guesses: what `modiste label` says of the same photos, in the classes of the project."""

import json
from itertools import pairwise

import numpy as np
import pytest
from shops import OWN, Counted, never, png, shop

from modiste.data.layouts.sources import source_at
from modiste.data.taxonomy import read_taxonomy
from modiste.labelling.labelled import Wanted, label
from modiste.projects.guesses import guesses, id_of
from modiste.projects.looked import Look
from modiste.records.labels import Classes
from modiste.records.progress import silent
from modiste.serving.deciding import DECISIONS
from modiste.serving.labeller import load


@pytest.fixture(scope="module")
def photos(faults, tmp_path_factory):
    """40 photos, 5 of them damaged."""
    folder = tmp_path_factory.mktemp("made") / "photos"
    faults.make_photos(folder, 40, 5)
    return folder


def looked_at(photos, to, labeller):
    *_, found = Look(source_at(photos), labeller, labeller.classes, read_taxonomy(None), to, silent, never).taken()
    return found


@pytest.mark.parametrize("precision", [0.5, 0.95, 0.9999])
def test_guesses_are_what_modiste_label_says(tiny_bundle, photos, tmp_path, precision):
    network = load(tiny_bundle, threads=1)
    label(source_at(photos), tmp_path / "labels.jsonl", network, Wanted(precision, workers=1, threads=1))
    rows = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
    found = guesses(looked_at(photos, tmp_path / "looks", network), network.card, network.classes, precision)
    assert len(rows) == len(found) == 40
    for row, one in enumerate(rows):
        code = int(found.labels[row])
        assert found.looked.photos[row].path == one["photo"]
        assert (None if code < 0 else network.classes.names[code]) == one["label"]
        assert DECISIONS[found.decisions[row]] == one["decision"]
        assert (found.reasons[row] or None) == one["reason"]
        if code < 0:
            assert np.isnan([found.confidence[row], found.margin[row]]).all()
        else:
            assert found.confidence[row] == pytest.approx(one["confidence"], abs=1e-6)
            assert found.probabilities[row].tolist() == pytest.approx([one[f"p_{name}"] for name in network.classes.names], abs=1e-6)
    decisions = {one["decision"] for one in rows}
    assert "reject" in decisions
    assert ("review" if precision > 0.99 else "auto") in decisions


def test_a_project_with_other_classes_is_guessed_for_by_name(colours, tmp_path):
    photos, network = shop(tmp_path / "shop", 9), Counted(colours).labeller
    looked = looked_at(photos, tmp_path / "looks", network)
    whole = guesses(looked, network.card, OWN, 0.5)
    other = guesses(looked, network.card, Classes(("Hats", "BLUE", "red")), 0.5)
    assert other.probabilities[:, 0].tolist() == [0] * 9
    assert (other.probabilities[:, 1] == whole.probabilities[:, 2]).all()
    assert (other.probabilities[:, 2] == whole.probabilities[:, 0]).all()
    for row in range(9):
        assert other.labels[row] == other.probabilities[row].argmax()
        assert other.confidence[row] == other.probabilities[row].max()


def test_what_is_called_a_class_that_the_project_has_not_is_for_people(colours, tmp_path):
    """A network that is sure of green is not sure of the red that is left of it."""
    photos, network = shop(tmp_path / "shop", 12), Counted(colours).labeller
    looked = looked_at(photos, tmp_path / "looks", network)
    whole, other = (guesses(looked, network.card, classes, 0.5) for classes in (OWN, Classes(("Red", "Blue"))))
    green = whole.labels == OWN.code("Green")
    assert (whole.decisions[green] == DECISIONS.index("auto")).any()
    assert not (other.decisions[green] == DECISIONS.index("auto")).any()
    assert all(other.reasons[row] for row in np.flatnonzero(green))
    assert (other.decisions[~green] == whole.decisions[~green]).all()
    assert [other.reasons[row] for row in np.flatnonzero(~green)] == [whole.reasons[row] for row in np.flatnonzero(~green)]


def test_a_project_that_shares_no_class_with_the_network_has_no_guesses(colours, tmp_path):
    photos, network = shop(tmp_path / "shop", 6), Counted(colours).labeller
    found = guesses(looked_at(photos, tmp_path / "looks", network), network.card, Classes(("Hats", "Gloves")), 0.5)
    assert found.labels.tolist() == [-1] * 6
    assert found.probabilities.tolist() == [[0, 0]] * 6
    assert not (found.decisions == DECISIONS.index("auto")).any()


def test_the_order_of_doubt_is_that_of_margins_and_the_unreadable_come_last(colours, tmp_path):
    photos = shop(tmp_path / "shop", 12)
    for name in ("000-Red.png", "007-Green.png"):
        (photos / name).write_bytes(b"no picture")
    network = Counted(colours).labeller
    found = guesses(looked_at(photos, tmp_path / "looks", network), network.card, OWN, 0.9)
    margins = [float(found.margin[row]) for row in found.doubt]
    assert np.isnan(margins[-2:]).all()
    assert all(one <= other for one, other in pairwise(margins[:-2]))
    for row in range(12):
        first, second = sorted(found.probabilities[row], reverse=True)[:2]
        assert np.isnan(first) or found.margin[row] == pytest.approx(first - second)


def test_ids_say_nothing_of_paths_and_lead_to_their_photo(colours, tmp_path):
    photos, network = shop(tmp_path / "shop", 6), Counted(colours).labeller
    found = guesses(looked_at(photos, tmp_path / "looks", network), network.card, OWN, 0.9)
    assert len(set(found.ids)) == 6
    for name, row in found.rows.items():
        assert name == id_of(found.looked.photos[row].path)
        assert len(name) == 16
        assert set(name) <= set("0123456789abcdef")


def test_copies_stand_together(colours, tmp_path):
    photos = shop(tmp_path / "shop", 4)
    for name in ("x.png", "y.png"):
        (photos / name).write_bytes(png("Red", 99))
    network = Counted(colours).labeller
    found = guesses(looked_at(photos, tmp_path / "looks", network), network.card, OWN, 0.9)
    assert found.copies_of("y.png") == ["y.png", "x.png"]
    assert found.copies_of("000-Red.png") == ["000-Red.png"]
