"""From labels to a bundle: better where labels carry it, never by chance, the same however it was stopped, and honest about all that."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from modiste import cli
from modiste.data.opening.images import to_pixels
from modiste.evaluation.statistics.power import photos_needed
from modiste.learning.bundles import check_output, report_path, write
from modiste.learning.labels import read_labels
from modiste.learning.learnt import groups_of, heat_of, learn, learnt_from
from modiste.learning.seen import Seen, see
from modiste.learning.task import Task
from modiste.learning.verdict import verdict
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import Busy, ModisteError, Stopped, UsageError
from modiste.records.labels import Classes
from modiste.records.lock import locked
from modiste.records.predictions import Predictions
from modiste.records.progress import silent
from modiste.serving.labeller import load

SAME = {"Red": "Red", "Green": "Green", "Blue": "Blue"}
OTHERWISE = {**SAME, "Orange": "Green", "Grey": "Blue"}  # the network calls Orange red, and Grey anything
HOLD = 5


def learnt(base, where: Path, kept: Path, declared: str | None = None, seed: int = 0):
    classes = Classes.parse(declared) if declared else None
    found = read_labels(where, where.parent / "photos", base.card.classes, classes=classes)
    return learn(found, base, kept, declared=classes is not None, threads=1, seed=seed)


def calls(bundle: Path, photos: Path) -> dict[str, str]:
    return {Path(one.path).name: one.label for one in load(bundle, threads=1).label(sorted(photos.iterdir()))}


def test_labels_that_the_network_got_wrong_make_a_better_bundle_and_it_says_so(base, painted, tmp_path) -> None:
    found = learnt(base, painted(OTHERWISE, 30), tmp_path / "kept")
    written = write(found, tmp_path / "better.onnx")
    assert written.words[0].startswith("Verdict: better: +")
    fresh = painted(OTHERWISE, 10, folder="fresh", seed=1).parent / "photos"
    new, old = calls(tmp_path / "better.onnx", fresh), calls(tmp_path / "colours.onnx", fresh)
    right, before = (sum(OTHERWISE[name.partition("-")[0]] == label for name, label in some.items()) for some in (new, old))
    assert right >= 0.95 * len(new)
    assert before <= 0.8 * len(old)


def test_a_bundle_says_what_its_head_says_and_knows_where_it_comes_from(base, painted, tmp_path) -> None:
    found = learnt(base, painted(OTHERWISE, 20), tmp_path / "kept")
    write(found, tmp_path / "better.onnx")
    labeller = load(tmp_path / "better.onnx", threads=1)
    photo = next((tmp_path / "shop" / "photos").iterdir())
    said = labeller.score(to_pixels(photo.read_bytes(), 32, "rgb", "squash", "it")[None])
    was = load(tmp_path / "colours.onnx", threads=1).score(to_pixels(photo.read_bytes(), 32, "rgb", "squash", "it")[None])
    np.testing.assert_allclose(said.scores, found.head.scores(was.features, was.scores), atol=1e-4)
    np.testing.assert_array_equal(said.strangeness, was.strangeness)
    card = labeller.card
    assert card.facts["learnt"]["base"] == base.id
    assert card.facts["licence"] == "free"
    assert card.temperature == found.temperature
    assert len(card.evidence.called) == 100
    assert card.evidence.right == tuple((found.left_out.called == found.left_out.truth).tolist())
    assert card.reject_above >= base.card.reject_above


def test_new_classes_are_learnt_and_there_is_nothing_to_compare_with(base, painted, tmp_path) -> None:
    where = painted({"Red": "warm", "Orange": "warm", "Blue": "cold", "Green": "cold"}, 12)
    found = learnt(base, where, tmp_path / "kept", declared="warm,cold")
    written = write(found, tmp_path / "temper.onnx")
    assert found.verdict.difference is None
    assert "nothing to compare with" in written.words[0]
    assert set(calls(tmp_path / "temper.onnx", where.parent / "photos").values()) == {"warm", "cold"}
    assert load(tmp_path / "temper.onnx").classes.names == ("warm", "cold")


def test_a_class_without_labels_is_still_known_afterwards(base, painted, tmp_path) -> None:
    found = learnt(base, painted({"Red": "Red", "Green": "Green", "Orange": "Green"}, 25), tmp_path / "kept")
    assert write(found, tmp_path / "better.onnx").bundle is not None
    blue = painted({"Blue": "Blue"}, 10, folder="blue", seed=2).parent / "photos"
    assert set(calls(tmp_path / "better.onnx", blue).values()) == {"Blue"}


def test_where_nothing_is_better_the_network_stays_as_it_is_and_the_report_says_so(base, painted, tmp_path) -> None:
    where = painted({"Red": "Red", "Green": "Green"}, 6)
    arguments = ["train", "--from", str(where), "--data", str(where.parent / "photos"), "--model", str(tmp_path / "colours.onnx")]
    with pytest.raises(SystemExit) as ended:
        cli.app([*arguments, "-o", str(tmp_path / "better.onnx")])
    assert ended.value.code == 3
    assert not (tmp_path / "better.onnx").exists()
    assert "no bundle is written" in (tmp_path / "better.report.md").read_text()
    assert json.loads((tmp_path / "better.report.json").read_text())["written"] is None


def test_an_earlier_bundle_in_the_place_of_one_that_is_not_written_is_not_taken_for_it(base, painted, tmp_path) -> None:
    """A report that speaks of no bundle stands beside one that other labels made."""
    to = tmp_path / "better.onnx"
    assert "stands as it was" not in write(learnt(base, painted(OTHERWISE, 20), tmp_path / "kept"), to).report.read_text()
    earlier = to.read_bytes()
    written = write(learnt(base, painted({"Red": "Red", "Green": "Green"}, 6, folder="few"), tmp_path / "kept"), to)
    assert (written.bundle, to.read_bytes()) == (None, earlier)
    assert "better.onnx was learnt at another time, and stands as it was: this is not of it." in written.report.read_text()


def test_the_same_labels_give_the_same_bytes_after_a_stop_too(base, painted, tmp_path) -> None:
    where = painted(OTHERWISE, 10)
    write(learnt(base, where, tmp_path / "kept"), tmp_path / "a" / "better.onnx")
    found = read_labels(where, where.parent / "photos", base.card.classes)
    asked = list[int]()

    def stop() -> None:
        asked.append(1)
        if len(asked) == len(found) + 33:  # each photo is read, then looked at
            raise Stopped("enough", 130)

    with pytest.raises(Stopped):
        see(load(tmp_path / "colours.onnx", threads=1), found, tmp_path / "other" / "features.bin", silent, stop)
    assert (tmp_path / "other" / "features.bin").stat().st_size > 1000
    told = []
    learn(found, base, tmp_path / "other", threads=1, tell=told.append)
    assert next(one.total for one in told if one.stage == "looking at photos") == len(found) - 32
    write(learnt(base, where, tmp_path / "other"), tmp_path / "b" / "better.onnx")
    assert (tmp_path / "a" / "better.onnx").read_bytes() == (tmp_path / "b" / "better.onnx").read_bytes()


def test_a_stop_is_heard_while_photos_are_read(base, painted, tmp_path) -> None:
    where = painted(SAME, 4)
    told, found = [], read_labels(where, where.parent / "photos", base.card.classes)

    def stop() -> None:
        raise Stopped("enough", 130)

    with pytest.raises(Stopped):
        see(load(tmp_path / "colours.onnx", threads=1), found, tmp_path / "features.bin", told.append, stop)
    assert {one.stage for one in told} <= {"reading photos"}


@pytest.mark.parametrize("harm", ["cut", "changed", "another network"])
def test_features_that_were_harmed_on_disk_are_computed_again(base, painted, tmp_path, harm) -> None:
    where, labeller = painted(SAME, 8), load(tmp_path / "colours.onnx", threads=1)
    found, kept = read_labels(where, where.parent / "photos", base.card.classes), tmp_path / "features.bin"
    first = see(labeller, found, kept, silent, lambda: None)
    data = kept.read_bytes()
    harmed = {
        "cut": data[:-9],
        "changed": data[:-200] + bytes([data[-200] ^ 1]) + data[-199:],
        "another network": data.replace(b"colours-", b"colourz-"),
    }
    kept.write_bytes(harmed[harm])
    again = see(labeller, found, kept, silent, lambda: None)
    np.testing.assert_array_equal(first.features, again.features)
    assert sorted(kept.read_bytes()) == sorted(data)


def test_photos_that_cannot_be_read_are_named_and_left_out(base, painted, tmp_path) -> None:
    where = painted(OTHERWISE, 8)
    (where.parent / "photos" / "Red-3.png").write_bytes(b"no picture")
    (where.parent / "photos" / "Red-4.png").write_bytes(b"%PDF-1.7")
    found = learnt(base, where, tmp_path / "kept")
    assert len(found.seen) == 38
    assert "Red-3.png: not_an_image" in found.refused[0]
    assert found.refused[1].endswith("Export the photo as JPEG. (this is PDF)")


def test_labels_of_mistakes_alone_are_refused(base, painted, tmp_path) -> None:
    where = painted({"Red": "Blue", "Green": "Red", "Blue": "Green"}, 5)
    with pytest.raises(ModisteError, match="right on 0 of the 15 labelled photos: were its mistakes alone labelled"):
        learnt(base, where, tmp_path / "kept")


def test_two_cannot_learn_into_one_place(base, painted, tmp_path) -> None:
    with locked(tmp_path / "kept" / ".lock", "it"), pytest.raises(Busy):
        learnt(base, painted(SAME, 5), tmp_path / "kept")


def test_nothing_that_others_made_is_written_over(base, tmp_path) -> None:
    model = tmp_path / "colours.onnx"
    with pytest.raises(UsageError, match="never written over"):
        check_output(model, model)
    with pytest.raises(ModisteError, match="did not write it"):
        check_output(model, None)
    report = report_path(tmp_path / "new.onnx")
    for place in (report, report.with_suffix(".json")):
        for mine in ("mine", f"{'mine ' * 1000}, and once I wrote `modiste train --from`"):
            place.write_text(mine)
            with pytest.raises(ModisteError, match="did not write it"):
                check_output(tmp_path / "new.onnx", model)
        place.write_text("")
    check_output(tmp_path / "new.onnx", model)  # the control
    with pytest.raises(UsageError, match=r"called NAME\.onnx"):
        check_output(tmp_path / "new.zip", model)


@pytest.mark.parametrize("option", [["--epochs", "3"], ["--set", "lr=1"], ["--device", "cpu"], ["--preset", "sound"], ["--max-time", "1h"]])
def test_options_of_another_way_of_training_are_refused(option) -> None:
    with pytest.raises(UsageError, match=f"leave out .*{option[0]}"):
        cli.app(["train", "--from", "labels.csv", *option])
    with pytest.raises(UsageError, match="VARIANT"):
        cli.app(["train", "--from", "labels.csv", "3Conv_SVM"])
    with pytest.raises(UsageError, match="give a VARIANT"):
        cli.app(["train"])


def drawn(seed: int, base, photos: int = 80, told: float = 0.0) -> tuple[Seen, Task]:
    """Photos whose features tell nothing beside the network's scores, unless `told`; it is right on about three of four."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, photos)
    called = np.where(rng.random(photos) < 0.65, labels, rng.integers(0, 3, photos))
    scores = 2.0 * np.eye(3)[called] + rng.normal(0, 0.2, (photos, 3))
    features = rng.normal(size=(photos, 6)) + told * np.eye(3, 6)[labels]
    rows = tuple(Photo(f"{number}.jpg", int(label)) for number, label in enumerate(labels))
    seen = Seen(rows, tuple(f"{number:064x}" for number in range(photos)), scores.astype("f4"), features.astype("f4"), None)
    classes = base.card.classes
    return seen, Task(Catalogue(Path(), classes, rows), classes, np.arange(3))


@pytest.mark.parametrize(("told", "least", "most"), [(0.0, 0, 1), (3.0, 10, 10)])
def test_better_is_said_where_there_is_something_to_learn_and_not_by_chance(base, told, least, most) -> None:
    """Ten shops each: features that tell nothing, and features that tell the class."""
    better = 0
    for seed in range(10):
        seen, task = drawn(seed, base, told=told)
        with threadpool_limits(1, "blas"):
            found = learnt_from(seen, seen[np.arange(0)], task, base, seed, silent, lambda: None, seen)
        better += found.head is not None and found.verdict.words.startswith("better")
    assert least <= better <= most


def test_what_is_judged_by_is_not_learnt_from_under_another_name_nor_as_another_view(base, painted, tmp_path) -> None:
    """Of each colour three photos stand in split test: a copy of one, a view of a second's product, a twin of a third."""
    where = painted(OTHERWISE, 20)
    found = read_labels(where, where.parent / "photos", base.card.classes)
    photos = {photo.path: photo for photo in found.photos}
    for colour in OTHERWISE:
        shutil.copy(found.root / f"{colour}-0.png", found.root / f"{colour}-copy.png")
        photos[f"{colour}-copy.png"] = replace(photos[f"{colour}-0.png"], path=f"{colour}-copy.png", split="test")
        for pair, bound in ((2, {"product": colour}), (4, {"details": {"twin_group": colour}})):
            photos |= {f"{colour}-{number}.png": replace(photos[f"{colour}-{number}.png"], **bound) for number in (pair, pair + 1)}
            photos[f"{colour}-{pair}.png"] = replace(photos[f"{colour}-{pair}.png"], split="test")
    done = learn(found.with_photos(photos.values()), base, tmp_path / "kept", threads=1)
    bound = {f"{colour}-{number}.png" for colour in OTHERWISE for number in (0, 3, 5)}
    judged = {f"{colour}-{name}.png" for colour in OTHERWISE for name in ("copy", 2, 4)}
    assert {photo.path for photo in done.seen.photos} == photos.keys() - bound - judged
    assert "On 15 photos of split test" in done.test.networks.title
    assert "Not learnt from, as photos of split test have their bytes, product or twins: 15." in done.notes


def test_copies_with_two_labels_are_told_of(base, painted, tmp_path) -> None:
    """Three of one picture, of which one is labelled otherwise: one of the labels is wrong."""
    where = painted(OTHERWISE, 20)
    found = read_labels(where, where.parent / "photos", base.card.classes)
    one = found.photos[0]
    for name in ("again.png", "otherwise.png"):
        shutil.copy(found.root / one.path, found.root / name)
    copies = replace(one, path="again.png"), replace(one, path="otherwise.png", label=(one.label + 1) % len(found.classes))
    told = "Learnt from, though a copy of the same bytes has another label: 3."
    for some, said in ((copies, True), (copies[:1], False)):
        assert (told in learn(found.with_photos([*found.photos, *some]), base, tmp_path / "kept", threads=1).notes) is said


def test_photos_of_split_test_are_judged_by_and_not_learnt_from(base, painted, tmp_path) -> None:
    where = painted(OTHERWISE, 20)
    found = read_labels(where, where.parent / "photos", base.card.classes)
    found = found.with_photos(replace(photo, split="test" if number % 4 == 0 else "") for number, photo in enumerate(found.photos))
    done = learn(found, base, tmp_path / "kept", threads=1)
    assert len(done.seen) == 75
    assert "25 photos of split test" in done.test.networks.title
    assert done.test.difference.photos == 25


def test_photos_of_one_product_and_equal_bytes_are_left_out_together() -> None:
    photos = (Photo("a", 0, product="1"), Photo("b", 0, product="1"), Photo("c", 1), Photo("d", 1), Photo("e", 1))
    seen = Seen(photos, ("1", "2", "3", "2", "4"), *[np.zeros((5, 1), "f4")] * 2, None)
    groups = groups_of(seen)
    assert len({*groups[[0, 1, 3]]}) == 1
    assert len({*groups}) == 3


def test_photos_that_hang_together_by_way_of_others_are_left_out_together() -> None:
    photos = (Photo("a", 0, product="1"), Photo("b", 0, product="2"), Photo("c", 1, product="2"), Photo("d", 1, product="3"), Photo("e", 1))
    seen = Seen(photos, ("1", "1", "2", "2", "3"), *[np.zeros((5, 1), "f4")] * 2, None)
    *hang_together, alone = groups_of(seen)  # a and b have the same bytes, b and c one product, c and d the same bytes
    assert len({*hang_together}) == 1
    assert alone not in hang_together


def test_a_temperature_is_drawn_towards_one_where_no_mistake_was_made() -> None:
    rng = np.random.default_rng(0)

    def temperature(photos: int, mistakes: float) -> float:
        truth = rng.integers(0, 3, photos)
        called = np.where(rng.random(photos) < mistakes, (truth + 1) % 3, truth)
        return heat_of(Predictions(("a", "b", "c"), tuple(map(str, range(photos))), truth, 3.0 * np.eye(3)[called]))

    assert 0.3 < temperature(20, 0.0) < 1
    assert temperature(5000, 0.3) > 1.5  # it claims 91 % and is right on 70 %


def test_how_many_more_labels_would_tell_is_what_the_exact_test_needs() -> None:
    rng = np.random.default_rng(5)
    truth = np.zeros(200, np.int64)
    before = np.where(np.arange(200) < 24, 1, 0)
    after = np.where((np.arange(200) < 14) | (np.arange(200) >= 194), 1, 0)
    rng.shuffle(truth)
    found = verdict(Predictions.of(truth.tolist(), after.tolist()), Predictions.of(truth.tolist(), before.tolist()), "")
    assert found.words.startswith("cannot be told yet: +0.020")
    assert found.more == pytest.approx(photos_needed(0.02, 16 / 200) - 200, rel=0.1)
