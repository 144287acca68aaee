"""What stands: settled labels, conflicts, counts and pace, whatever was said and taken back."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from modiste.annotating.decisions import LABEL, UNSURE
from modiste.annotating.ledger import open_ledger
from modiste.annotating.standing import Standing


def standing_of(*decisions) -> Standing:
    made = Standing()
    made.add(decisions)
    return made


def test_one_alone_counts_all_must_agree_and_the_unsure_are_not_asked(said):
    one = standing_of(said("1.jpg", "Shoes"))
    assert one.settled("1.jpg") == "Shoes"
    one.add([said("1.jpg", kind="unsure", who="bob"), said("1.jpg", "Shoes", who="cy")])
    assert (one.settled("1.jpg"), one.conflict("1.jpg")) == ("Shoes", False)
    one.add([said("1.jpg", "Bags", who="dan")])
    assert (one.settled("1.jpg"), one.conflict("1.jpg"), one.conflicts()) == (None, True, ["1.jpg"])
    assert one.settled("2.jpg") is None


def test_a_bad_picture_and_a_label_contradict(said):
    one = standing_of(said("1.jpg", "Shoes"), said("1.jpg", kind="bad", who="bob"))
    assert one.conflict("1.jpg")
    one.add([said("1.jpg", kind="bad")])
    assert (one.conflict("1.jpg"), one.settled("1.jpg"), one.counts().bad) == (False, None, 1)


def test_an_adjudication_wins_stands_beside_and_can_be_taken_back(said):
    one = standing_of(said("1.jpg", "Shoes"), said("1.jpg", "Bags", who="bob"))
    ruling = said("1.jpg", "Clothing", how="adjudicated")
    one.add([ruling])
    assert (one.settled("1.jpg"), one.conflicts()) == ("Clothing", [])
    assert one.said("1.jpg", "ada").label == "Shoes"  # what the adjudicator had said as one of two is kept
    one.add([said("1.jpg", "Shoes", who="bob")])
    assert one.settled("1.jpg") == "Clothing"
    second = said("1.jpg", "Bags", how="adjudicated", who="cy")
    one.add([second])
    one.undo([second])
    assert one.settled("1.jpg") == "Clothing"
    one.undo([ruling])
    assert one.settled("1.jpg") == "Shoes"


def test_who_takes_back_an_adjudication_takes_back_their_own(said):
    first, second = said("1.jpg", "Shoes", how="adjudicated"), said("1.jpg", "Bags", how="adjudicated", who="bob")
    one = standing_of(first, second)
    one.undo([first])
    assert one.settled("1.jpg") == "Bags"
    one.undo([second])
    assert one.settled("1.jpg") is None


def test_what_is_taken_back_uncovers_what_was_said_before(said):
    words = [said("1.jpg", label) for label in ("Shoes", "Bags", "Shoes", "Clothing")]
    one = standing_of(*words)
    for last, before in zip(words[::-1], [*words[-2::-1], None], strict=True):
        assert one.said("1.jpg", "ada") == last
        one.undo([last])
        assert one.said("1.jpg", "ada") == before
    assert (one.photos(), one.counts().labelled, one.counts().people) == ([], 0, {})


@pytest.mark.parametrize("seed", range(20))
def test_counts_are_what_counting_anew_gives(seed, said):
    """However decisions come and go, and no photo is counted twice."""
    chance, one, stood = random.Random(seed), Standing(), []
    for _ in range(300):
        if stood and chance.random() < 0.3:
            who = chance.choice(stood).who
            last = next(said for said in reversed(stood) if said.who == who)
            stood.remove(last)
            one.undo([last])
        else:
            kind = chance.choice(("label", "label", "unsure", "bad"))
            label = chance.choice(("Shoes", "Bags")) if kind == "label" else None
            how = chance.choice(("single", "single", "adjudicated"))
            stood.append(said(f"{chance.randint(0, 9)}.jpg", label, who=chance.choice("abc"), kind=kind, how=how))
            one.add(stood[-1:])
    photos, counts = one.photos(), one.counts()
    settled = [label for photo in photos if (label := one.settled(photo)) is not None]
    assert (counts.labelled, counts.classes) == (len(settled), Counter(settled))
    assert counts.conflicts == len(one.conflicts())
    assert counts.labelled + counts.unsure + counts.bad + counts.conflicts == len(photos)
    assert counts.people == Counter(who for photo in photos for who in one.of(photo))
    fresh = standing_of(*stood)
    assert {photo: one.of(photo) for photo in photos} == {photo: fresh.of(photo) for photo in fresh.photos()}
    assert counts == fresh.counts()
    for photo in photos:
        sure = {(said.kind, said.label) for said in one.of(photo).values() if said.kind != UNSURE}
        if one.adjudicated(photo) is None:
            assert one.conflict(photo) == (len(sure) > 1)
            assert one.settled(photo) == (next(iter(sure))[1] if len(sure) == 1 else None)


def at(seconds: float) -> str:
    return f"2026-11-28T{int(seconds // 3600):02d}:{int(seconds // 60) % 60:02d}:{seconds % 60:06.3f}Z"


def test_the_pace_is_of_the_time_that_was_worked(said):
    quick = [said(f"{n}.jpg", "Shoes", at=at(n * 2)) for n in range(31)]  # 30 in a minute, and the first that took who knows how long
    later = [said(f"{n}.jpg", "Shoes", at=at(1000 + n * 2)) for n in range(31)]  # after a pause
    pace = standing_of(*quick, *later).pace("ada", at(1070))
    assert pace.per_minute == pytest.approx(30)
    assert pace.minutes == pytest.approx(2)


def test_a_grid_counts_each_of_its_photos_and_an_import_none(said):
    grid = [said(f"{n}.jpg", "Shoes", batch="g", at=at(12)) for n in range(24)]
    one = standing_of(said("x.jpg", "Bags", at=at(0)), *grid, *[said(f"i{n}.jpg", "Bags", how="import", at=at(13)) for n in range(900)])
    assert one.pace("ada", at(20)).per_minute == pytest.approx(24 * 5)
    assert one.recent(2) == grid[:-3:-1]


def test_the_pace_is_not_told_where_nobody_works(said):
    one = standing_of(said("1.jpg", "Shoes", at=at(0)))
    assert one.pace("bob", at(5)) is None
    assert one.pace("ada", at(5)) is None  # one decision, and nobody knows how long it took
    one = standing_of(said("1.jpg", "Shoes", at=at(0), seconds=4.0))
    assert one.pace("ada", at(5)).per_minute == pytest.approx(15)
    assert one.pace("ada", at(4000)) is None


def test_what_was_taken_back_is_neither_recent_nor_work(said):
    ones = [said(f"{n}.jpg", "Shoes", at=at(n), seconds=1.0) for n in range(5)]
    one = standing_of(*ones)
    one.undo(ones[:2:-1])
    assert one.recent() == ones[2::-1]
    assert one.pace("ada", at(9)).minutes == pytest.approx(3 / 60)


def test_log_and_standing_change_together(tmp_path, said):
    with open_ledger(tmp_path / "d.sqlite") as ledger:
        first = ledger.add([said("1.jpg", "Shoes")])
        assert ledger.add([replace(first[0], at="")]) == []  # sent again
        ledger.add([said("1.jpg", "Bags")])
        assert [one.label for one in ledger.undo("ada", "u1")] == [one.label for one in ledger.undo("ada", "u1")] == ["Bags"]
        assert ledger.standing.settled("1.jpg") == "Shoes"
        before = ledger.standing.counts()
    with open_ledger(tmp_path / "d.sqlite") as ledger:
        assert ledger.standing.counts() == before
        assert ledger.standing.of("1.jpg")["ada"].kind == LABEL
