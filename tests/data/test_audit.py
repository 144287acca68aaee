"""The audit finds what was planted, says nothing of what is sound, and changes nothing."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from modiste.data.auditing.audit import Audit, audit, together, with_groups
from modiste.data.auditing.audits import AUDITS, KINDS, at_odds, class_shift
from modiste.data.auditing.fix import fixed
from modiste.data.auditing.twins import Pair
from modiste.data.layouts.readers import read
from modiste.data.layouts.writers import write_paper
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.labels import Classes


def noise(seed: int, size: tuple[int, int] = (160, 160)) -> Image.Image:
    """Coarse blocks of colour with sharp edges: no two seeds look alike."""
    blocks = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST)


PLANTED = {  # name -> picture, label, split, product, title
    "sound1": (noise(1), 0, "train", "", "Red shoes"),
    "sound2": (noise(2), 1, "test", "P1", ""),
    "tiny": (noise(3, (20, 40)), 0, "train", "", ""),
    "blank": (Image.new("RGB", (160, 160), "white"), 1, "train", "", ""),
    "blurred": (noise(4).filter(ImageFilter.GaussianBlur(12)), 2, "train", "", ""),
    "long": (noise(5, (40, 400)), 3, "train", "", ""),
    "twin": (noise(6), 0, "train", "", ""),
    "twin_again": (noise(6), 0, "train", "", ""),
    "leak": (noise(7), 0, "train", "", ""),
    "leak_again": (noise(7), 0, "test", "", ""),
    "both": (noise(8), 0, "extra", "", ""),
    "both_again": (noise(8), 3, "extra", "", ""),
    "view": (noise(9), 1, "train", "P1", ""),
    "words": (noise(10), 0, "train", "", "Nike blue shirt"),
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    root = tmp_path_factory.mktemp("planted")
    lines = ["Image_Name,Label,split,product_id,title", "torn.png,0,train,,"]
    (root / "images").mkdir()
    for name, (picture, label, split, product, title) in PLANTED.items():
        picture.save(root / "images" / f"{name}.png")
        lines.append(f"{name}.png,{label},{split},{product},{title}")
    (root / "images" / "torn.png").write_bytes((root / "images" / "sound1.png").read_bytes()[:300])
    (root / "labels.csv").write_text("\n".join(lines))
    (root / "classes.txt").write_text("Shoes\nClothing\nAccessories\nBags\n")
    return read(root)


@pytest.fixture(scope="module")
def audited(planted: Catalogue) -> Audit:
    return audit(planted, label_errors=False)


def names(found: Audit, kind: str) -> set[frozenset[str]]:
    """Which photos a kind of finding is about, by name."""
    about = [(finding.path, finding.other) for finding in found.findings if finding.kind == kind]
    return {frozenset(Path(path).stem for path in paths if path) for paths in about}


def test_each_fault_is_found_where_it_was_planted_and_nowhere_else(audited):
    pairs = {frozenset({"twin", "twin_again"}), frozenset({"leak", "leak_again"}), frozenset({"both", "both_again"})}
    expected = {
        "unreadable": {frozenset({"torn"})},
        "tiny": {frozenset({"tiny"})},
        "blank": {frozenset({"blank"})},
        "blurred": {frozenset({"blurred"})},
        "odd_aspect": {frozenset({"long"})},
        "exact_duplicate": pairs,
        "two_labels": {frozenset({"both", "both_again"})},
        "leaked": {frozenset({"leak", "leak_again"}), frozenset({"sound2", "view"})},
        "text_disagrees": {frozenset({"words"})},
    }
    assert {kind: names(audited, kind) for kind in expected} == expected
    assert {finding.kind for finding in audited.findings} == set(expected)
    assert all("sound1" not in finding.path for finding in audited.findings)


def test_every_audit_gives_kinds_that_are_explained(audited):
    for look_for in AUDITS.values():
        for finding in look_for(audited.seen):
            assert finding.kind in KINDS
            assert 0 <= finding.score <= 1
            assert finding.path or finding.kind == "class_shift"


def test_the_findings_of_one_pair_are_dismissed_together(planted, audited):
    leak = next(finding for finding in audited.findings if finding.kind == "leaked" and "leak" in finding.path)
    again = audit(planted, label_errors=False, dismissed={leak.id})
    assert again.dismissed == 2  # as a leak and as a duplicate
    assert {finding.id for finding in again.findings} == {finding.id for finding in audited.findings} - {leak.id}


def test_an_id_follows_the_content_not_the_place(planted, audited, tmp_path):
    shutil.copytree(planted.root, tmp_path / "moved")
    labels = (tmp_path / "moved" / "labels.csv").read_text()
    for name in (*PLANTED, "torn"):
        (tmp_path / "moved" / "images" / f"{name}.png").rename(tmp_path / "moved" / "images" / f"new-{name}.png")
        labels = labels.replace(f"\n{name}.png", f"\nnew-{name}.png")
    (tmp_path / "moved" / "labels.csv").write_text(labels)
    moved = audit(read(tmp_path / "moved"), label_errors=False)
    named = {finding.id for finding in audited.findings if finding.kind != "unreadable"}  # what cannot be read goes by its path
    assert {finding.id for finding in moved.findings if finding.kind != "unreadable"} == named


def test_an_audit_writes_nothing_among_the_photos(planted, tmp_path):
    def state() -> dict[str, str]:
        return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(planted.root.rglob("*")) if file.is_file()}

    before = state()
    found = audit(planted, tmp_path / "cache", label_errors=False)
    write_paper(fixed(found).catalogue, tmp_path / "fixed", copy=False)
    assert state() == before


def test_an_audit_says_the_same_again_from_its_cache(planted, audited, tmp_path):
    for _ in range(2):
        assert audit(planted, tmp_path, label_errors=False).findings == audited.findings


def test_a_mended_catalogue_has_none_of_what_was_mended(audited, tmp_path):
    mended = fixed(audited)
    assert {change.path for change in mended.changes} > {"images/torn.png", "images/tiny.png", "images/blank.png"}
    again = audit(read(write_paper(mended.catalogue, tmp_path / "fixed")), label_errors=False)
    assert {finding.kind for finding in again.findings} == {"blurred", "odd_aspect", "leaked", "text_disagrees"}
    assert names(again, "leaked") == {frozenset({"sound2", "view"})}  # two views of one product: `data split` keeps them together
    kept = {Path(photo.path).stem: photo for photo in mended.catalogue.photos}
    assert "leak_again" in kept  # the photo of the test split stays
    assert "leak" not in kept
    assert kept["both"].label is None
    assert kept["both"].suggestion.by == "one of its labels: Bags, Shoes"
    assert (kept["words"].label, kept["words"].suggestion.label) == (0, 1)


def test_a_dismissed_duplicate_is_not_mended(planted, audited):
    twin = next(finding for finding in audited.findings if finding.kind == "exact_duplicate" and "twin" in finding.path)
    mended = fixed(audit(planted, label_errors=False, dismissed={twin.id}))
    assert {"images/twin.png", "images/twin_again.png"} <= {photo.path for photo in mended.catalogue.photos}


def test_photos_that_belong_together_get_one_group_and_the_others_none(planted):
    grouped = {Path(photo.path).stem: photo.details.get("twin_group") for photo in together(planted).photos}
    assert grouped["twin"] == grouped["twin_again"] == "images/twin.png"
    assert grouped["leak"] == grouped["leak_again"] != grouped["twin"]
    assert grouped["sound1"] is grouped["torn"] is None


def test_groups_that_stand_there_already_are_kept_and_joined_by_twins(planted):
    words = ["b", "b", "a", "", "", "", "c"]
    photos = [replace(photo, details={"twin_group": word} if word else {}) for photo, word in zip(planted.photos, words, strict=False)]
    pairs = [Pair(1, 2, "near", 0.9), Pair(3, 4, "recoloured", 0.9)]
    for order in (range(7), range(6, -1, -1)):  # the order of rows changes nothing
        place = {original: new for new, original in enumerate(order)}
        moved = [Pair(*sorted((place[pair.one], place[pair.other])), pair.kind, pair.likeness) for pair in pairs]
        made = with_groups(planted.with_photos(photos[original] for original in order), moved).photos
        found = [made[place[original]].details.get("twin_group") for original in range(7)]
        assert found == ["a", "a", "a", min(photos[3].path, photos[4].path), min(photos[3].path, photos[4].path), None, "c"]


@pytest.mark.parametrize("test, found", [((70, 30), 0), ((66, 34), 0), ((30, 70), 1), ((7, 3), 0), ((3, 7), 0)])
def test_a_shift_of_classes_is_told_only_where_chance_would_not_make_it(audited, test, found):
    """700 and 300 in train: ten photos of another mix prove nothing, a hundred do."""
    counts = {("train", 0): 700, ("train", 1): 300, ("test", 0): test[0], ("test", 1): test[1]}
    photos = [Photo(f"{split}/{label}/{number}", label, split=split) for (split, label), many in counts.items() for number in range(many)]
    seen = replace(audited.seen, catalogue=Catalogue(Path(), Classes(("Hats", "Gloves")), tuple(photos)))
    assert len(list(class_shift(seen))) == found


def standing(root: Path, *rows: tuple[str, Image.Image, int | None, str]) -> Catalogue:
    """Photos by name, picture, label and split."""
    for name, picture, _, _ in rows:
        picture.save(root / name)
    return Catalogue(root, Classes(("Shoes", "Bags")), tuple(Photo(name, label, split=split) for name, _, label, split in rows))


SHOE = noise(20)


@pytest.mark.parametrize("first", ["extra", "other", ""])
@pytest.mark.parametrize("of_first", [SHOE, SHOE.resize((150, 150))], ids=["the same file", "a near twin"])
def test_copies_leak_whatever_split_the_first_of_them_is_in(tmp_path, first, of_first):
    found = audit(
        standing(tmp_path, ("a.png", of_first, 0, first), ("b.png", SHOE, 0, "train"), ("c.png", SHOE, 0, "test")), label_errors=False
    )
    assert names(found, "leaked") == {frozenset("bc")}


def test_twins_by_way_of_another_leak_and_two_splits_are_told_once(tmp_path):
    """Three sizes of one shot and a copy of each: every two splits are told of, none that a pair tells of is told again."""
    rows = [(f"{number}.png", SHOE.resize((side, side)), 0, "") for number, side in enumerate((160, 160, 150, 150, 140))]
    seen = audit(standing(tmp_path, *rows), label_errors=False).seen
    pairs = [Pair(0, 1, "exact", 1.0), Pair(1, 2, "near", 0.95), Pair(2, 3, "mirrored", 0.9), Pair(3, 4, "recoloured", 0.93)]
    for splits, told in (
        (("train", "extra", "extra", "test", "extra"), [Pair(0, 3, "near", 0.9)]),
        (("train", "extra", "", "", "test"), [Pair(0, 4, "recoloured", 0.9)]),
        (("train", "test", "extra", "test", "extra"), pairs[:1]),
        (("train", "train", "train", "train", "train"), []),
    ):
        assert at_odds(replace(seen, pairs=pairs), [split if split in ("train", "test") else None for split in splits]) == told


def test_copies_have_two_labels_though_the_first_of_them_has_none(tmp_path):
    found = audit(standing(tmp_path, ("a.png", SHOE, None, ""), ("b.png", SHOE, 0, ""), ("c.png", SHOE, 1, "")), label_errors=False)
    assert names(found, "two_labels") == {frozenset("bc")}


@pytest.mark.parametrize(
    "large, small, label, what",
    [
        (None, 1, 1, ["small.png left out", "large.png labelled Bags"]),
        (0, 1, None, ["small.png left out", "large.png label taken away"]),
        (0, None, 0, ["small.png left out"]),
        (None, None, None, ["small.png left out"]),
    ],
)
def test_the_label_of_a_tiny_twin_passes_to_the_copy_that_stays(tmp_path, large, small, label, what):
    rows = ("large.png", noise(21, (224, 56)), large, ""), ("small.png", noise(22, (124, 31)), small, "")
    found = audit(standing(tmp_path, *rows), label_errors=False)
    seen = replace(found.seen, pairs=[Pair(0, 1, "near", 0.95)])
    mended = fixed(replace(found, seen=seen, findings=(*found.findings, seen.of_pair("near_duplicate", seen.pairs[0], ""))))
    assert [(photo.path, photo.label) for photo in mended.catalogue.photos] == [("large.png", label)]
    assert [f"{change.path} {change.what}" for change in mended.changes] == what


def test_of_twins_one_of_which_is_tiny_the_other_is_kept(tmp_path):
    """Though the tiny one is in the test split, whose photos are else the ones to keep."""
    rows = ("large.png", noise(21, (224, 56)), 0, "train"), ("small.png", noise(22, (124, 31)), 1, "test")
    found = audit(standing(tmp_path, *rows), label_errors=False)
    assert names(found, "tiny") == {frozenset({"small"})}
    pair = Pair(0, 1, "near", 0.95)
    seen = replace(found.seen, pairs=[pair])
    found = replace(found, seen=seen, findings=(*found.findings, seen.of_pair("near_duplicate", pair, "")))
    mended = fixed(found)
    assert [(photo.path, photo.label) for photo in mended.catalogue.photos] == [("large.png", None)]  # nobody knows which label is right
    assert [(change.path, change.what) for change in mended.changes] == [("small.png", "left out"), ("large.png", "label taken away")]
