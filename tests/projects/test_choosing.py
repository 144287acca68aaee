"""Which photos are shown: queues, the grid, filters and orders, each beside a plain reading of what it promises."""

import random

import numpy as np
import pytest
from shops import fill, open_studio, paths, png, say, shop

from modiste.annotating.queues import QUEUES
from modiste.projects import choosing
from modiste.projects.choosing import SAID, SORTS, Wanted, alike, following, those
from modiste.records.errors import UsageError
from modiste.serving.deciding import DECISIONS

OTHER = "0f" * 32  # the SHA-256 of bytes that no photo here has
COPIES = ["w1.png", "w2.png", "deep/w3.png"]


@pytest.fixture
def made(colours, tmp_path):
    """80 photos, some of them copies, two unreadable; 16 of them are the honest sample."""
    photos = shop(tmp_path / "shop", 75)
    (photos / "deep").mkdir()
    for name in COPIES:
        (photos / name).write_bytes(png("Red", 1000))
    for name in ("broken1.jpg", "broken2.jpg"):
        (photos / name).write_bytes(b"no picture " + name.encode())
    with open_studio(photos, model=colours) as studio:
        yield studio


def queue(made, by="uncertainty", n=20, who="ada", label=None, skip=()):
    return following(made, made.found, Wanted(by, n, who, label, frozenset(skip)))


def grid(made, label, n, by, skip=()):
    return alike(made, made.found, Wanted(by, n, "ada", label, frozenset(skip)))


def groups_of(made, rows):
    return [int(made.found.looked.places[row]) for row in rows]


@pytest.mark.parametrize("by", QUEUES)
def test_a_queue_never_gives_what_somebody_spoke_of_nor_two_copies_nor_what_cannot_be_read(made, by):
    chance, seen = random.Random(by), set()
    for _ in range(8):
        rows = queue(made, by, 12)
        assert rows
        places = groups_of(made, rows)
        assert -1 not in places
        assert len(set(places)) == len(places)
        spoken = {int(made.found.looked.places[made.found.by_path[path]]) for path in made.standing.photos()}
        assert not spoken & set(places)
        for row in rows[:8]:
            for path in made.found.copies_of(paths(made.found)[row]):
                say(made, path, chance.choice(["Red", "Green", None]))
        seen |= set(places)
    assert len(seen) > 60


def test_a_queue_comes_to_its_end_with_everything_labelled_once(made):
    labelled = []
    while rows := queue(made, n=7):
        labelled += rows
        for row in rows:
            for path in made.found.copies_of(paths(made.found)[row]):
                say(made, path, "Red")
    assert sorted(groups_of(made, labelled)) == list(range(76))  # 75 and one of the copies


def test_every_fifth_is_of_the_honest_sample_in_its_order_until_that_is_whole(made):
    sample = [path for path in made.drawn if made.found.looked.places[made.found.by_path[path]] >= 0]
    expected, drawn = list(dict.fromkeys(made.found.looked.places[made.found.by_path[path]] for path in sample)), []
    for _ in range(20):
        rows = queue(made, n=10)
        is_drawn = [made.is_sample(paths(made.found)[row]) for row in rows]
        fifths = [is_drawn[4], is_drawn[9]] if len(rows) == 10 else []
        left = len(expected) - len(drawn)
        if len(rows) == 10 and left >= 2 and sum(is_drawn) == 2:
            assert fifths == [True, True]
        drawn += groups_of(made, [row for row, one in zip(rows, is_drawn, strict=True) if one])
        for row in rows:
            for path in made.found.copies_of(paths(made.found)[row]):
                say(made, path, "Blue")
        if not rows:
            break
    assert drawn == expected
    assert len(drawn) > 8


def test_no_queue_but_the_random_one_picks_from_the_sample_by_what_the_network_says(made):
    """Were the doubtful ones of the sample labelled first, the estimate would be of doubtful photos."""
    for by in QUEUES:
        rows = queue(made, by, 15)
        in_sample = [place for place, row in enumerate(rows) if made.is_sample(paths(made.found)[row])]
        assert by == "random" or in_sample == [4, 9, 14]
    assert not any(made.is_sample(paths(made.found)[row]) for row in queue(made, n=100, label="Red"))


def test_the_sample_is_asked_about_twice_where_two_people_label(made):
    first = [row for row in queue(made, n=10, who="ada") if made.is_sample(paths(made.found)[row])]
    for row in first:
        say(made, paths(made.found)[row], "Red", "ada")
    assert set(first) <= set(queue(made, n=100, who="bob"))
    assert not set(first) & set(queue(made, n=100, who="ada"))


@pytest.mark.parametrize("by", QUEUES)
def test_two_people_at_the_same_time_are_asked_about_different_photos_while_there_are_any(made, by):
    drawn = {made.found.by_path[path] for path in made.sample}
    ada, bob = queue(made, by, 10, "ada"), queue(made, by, 10, "bob")
    assert len(ada) == len(bob) == 10
    assert not (set(ada) & set(bob)) - drawn
    if by == "random":  # which the sample is not kept apart in
        return
    assert len(drawn & set(ada)) == len(drawn & set(bob)) == 2
    everything = set(queue(made, by, 100, "ada"))
    assert len(everything) > 40
    assert set(queue(made, by, 100, "cleo")) & everything - drawn  # there is nothing else: better twice than not at all


def test_a_page_that_is_loaded_anew_shows_the_same_photos(made):
    assert queue(made, "margin", 10, "ada") == queue(made, "margin", 10, "ada")


def test_two_people_at_the_same_grid_see_different_photos_and_the_same_counts(made):
    label, left, ada = grid(made, None, 6, "sure")
    again = alike(made, made.found, Wanted("sure", 6, "bob", label))
    assert again[:2] == (label, left)
    assert len(again[2]) == 6
    assert not set(ada) & set(again[2])


def test_what_was_before_somebody_long_ago_is_given_to_others(made, monkeypatch):
    ada = queue(made, "margin", 10, "ada")
    monkeypatch.setattr("modiste.projects.studio.LENT_SECONDS", -1.0)
    assert queue(made, "margin", 10, "bob") == ada


def test_what_is_before_somebody_already_is_not_given_again(made):
    rows = queue(made, n=10)
    ids = [made.found.ids[row] for row in rows]
    more = queue(made, n=10, skip=[*ids, "no such photo", ""])
    assert not set(groups_of(made, rows)) & set(groups_of(made, more))
    copies = [made.found.by_path[path] for path in COPIES]
    for row in copies:  # any of them stands for all
        assert not set(copies) & set(queue(made, n=100, skip=[made.found.ids[row]]))
    assert set(copies) & set(queue(made, n=100))


def test_a_queue_by_a_guess_gives_that_guess_alone(made):
    for label in made.classes.names:
        rows = queue(made, n=100, label=label)
        assert rows
        assert {made.classes.names[made.found.labels[row]] for row in rows} == {label}


def test_names_that_there_are_not_are_refused_with_those_that_there_are(made):
    for wrong in (
        lambda: queue(made, "uncertainy"),
        lambda: queue(made, label="Rde"),
        lambda: grid(made, "Rde", 5, "sure"),
        lambda: grid(made, None, 5, "surest"),
        lambda: those(made, made.found, "ada", lane="autos"),
        lambda: those(made, made.found, "ada", said="labels"),
        lambda: those(made, made.found, "ada", sort="doubtful"),
        lambda: those(made, made.found, "ada", label="Rde"),
    ):
        with pytest.raises(UsageError, match="There are"):
            wrong()


@pytest.mark.parametrize("by", ["sure", "doubtful"])
def test_the_grid_gives_one_guess_and_neither_the_sample_nor_what_was_spoken_of(made, by):
    found = made.found
    for path in random.Random(0).sample(paths(found), 20):
        for copy in found.copies_of(path):
            say(made, copy, "Red", "bob")
    heads = found.looked.heads
    free = [
        row
        for row, (path, place) in enumerate(zip(paths(found), found.looked.places.tolist(), strict=True))
        if not made.is_sample(path) and not made.standing.of(path) and place >= 0 and heads[place] == row
    ]
    for code, label in enumerate(made.classes.names):
        own = [row for row in free if found.labels[row] == code]
        told, left, rows = grid(made, label, 6, by)
        order = sorted(own, key=lambda row: (-found.confidence[row] if by == "sure" else found.confidence[row], row))
        assert told == label
        assert rows == order[:6]
        assert left == {name: sum(found.labels[row] == one for row in free) for one, name in enumerate(made.classes.names)}
    most = max(left, key=lambda name: left[name])
    assert grid(made, None, 6, by)[0] == most


def test_a_grid_without_the_photos_that_are_before_somebody_gives_the_next_ones(made):
    ids, label = made.found.ids, grid(made, None, 1, "sure")[0]
    whole = grid(made, label, 100, "sure")[2]
    assert len(whole) > 2
    assert grid(made, label, 100, "sure", [ids[row] for row in whole[:2]])[2] == whole[2:]


def test_a_grid_of_nothing_says_so(made):
    for path in paths(made.found):
        say(made, path, "Red")
    assert grid(made, None, 6, "sure") == (None, dict.fromkeys(made.classes.names, 0), [])
    assert grid(made, "Red", 6, "sure")[2] == []
    assert queue(made) == []


def test_photos_that_cannot_be_read_may_be_all_there_is(colours, tmp_path):
    (tmp_path / "shop").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "shop" / name).write_bytes(b"no picture")
    with open_studio(tmp_path / "shop", model=colours) as made:
        say(made, "a.jpg", None, kind="bad")
        for by in QUEUES:
            assert queue(made, by) == []
        assert grid(made, None, 6, "sure")[2] == []
        assert len(those(made, made.found, "ada")) == 2


def spoken(made):
    """Labels, doubts and contradictions of two people."""
    chance, all_paths = random.Random(3), paths(made.found)
    for path in chance.sample(all_paths, 30):
        kind = chance.choice(["label", "label", "unsure", "bad"])
        say(made, path, chance.choice(made.classes.names) if kind == "label" else None, chance.choice(["ada", "bob"]), kind)
    for path in made.standing.photos()[:12]:
        say(made, path, chance.choice(made.classes.names), "bob")
    for path in made.standing.photos()[:4]:
        say(made, path, "Green", "ada", how="adjudicated")
    made.undo("bob")
    say(made, next(path for path in all_paths if not made.standing.of(path)), "Blue", "bob", sha256=OTHER)


def plainly(made, said, row, who):
    """What a filter of SAID promises, read plainly."""
    path, found = paths(made.found)[row], made.found
    people, settled = made.standing.of(path), made.standing.settled(path)
    guess = None if found.labels[row] < 0 else made.classes.names[found.labels[row]]
    kinds = {one.kind for person, one in people.items() if person == who or who not in people}
    ruled = made.standing.adjudicated(path)
    return {
        "any": bool(people or ruled),
        "none": not (people or ruled),
        "label": "label" in kinds,
        "unsure": "unsure" in kinds,
        "bad": "bad" in kinds,
        "conflict": made.standing.conflict(path),
        "replaced": bool(people) and all(one.sha256 == OTHER for one in people.values()),
        "corrected": settled is not None and settled != guess,
        "disagrees": found.looked.photos[row].own >= 0 and guess is not None and made.classes.names[found.looked.photos[row].own] != guess,
    }[said]


@pytest.mark.parametrize("who", ["ada", "bob", "nobody"])
@pytest.mark.parametrize("said", SAID)
def test_filters_of_what_was_said_are_what_their_names_say(made, said, who):
    spoken(made)
    rows = those(made, made.found, who, said=said).tolist()
    expected = {row for row in range(len(made.found)) if plainly(made, said, row, who)}
    assert set(rows) == expected
    assert len(rows) == len(expected)
    assert said == "disagrees" or 0 < len(rows) < len(made.found)


def test_filters_of_lane_label_and_text_leave_what_agrees_with_all_of_them(made):
    found, chance = made.found, random.Random(1)
    for _ in range(60):
        lane, label = chance.choice([None, *DECISIONS]), chance.choice([None, *made.classes.names])
        text = chance.choice([None, "red", "RED", "0", "deep/", "1.png", "nothing at all"])
        rows = those(made, found, "ada", lane=lane, label=label, text=text).tolist()
        assert sorted(rows) == [
            row
            for row, path in enumerate(paths(found))
            if lane in (None, DECISIONS[found.decisions[row]])
            and (label is None or (found.labels[row] >= 0 and made.classes.names[found.labels[row]] == label))
            and (label is None or not made.is_sample(path) or made.standing.said(path, "ada") is not None)  # no filter tells its guess
            and (text is None or text.lower() in path.lower())
        ]


def test_a_text_is_found_however_its_accents_are_written(colours, tmp_path):
    photos = fill(tmp_path / "shop", ["Gu\u0308rtel.png", "Hut.png"])
    with open_studio(photos, model=colours) as made:
        rows = those(made, made.found, "ada", text="G\u00dcR").tolist()
        assert [paths(made.found)[row] for row in rows] == ["Gu\u0308rtel.png"]


def test_every_order_has_every_photo_once(made):
    spoken(made)
    for sort in SORTS:
        assert sorted(those(made, made.found, "ada", sort=sort).tolist()) == list(range(len(made.found)))
    assert those(made, made.found, "ada").tolist() == those(made, made.found, "ada", sort="doubt").tolist()


def test_orders_are_what_their_names_say(made):
    spoken(made)
    found = made.found
    order = {sort: those(made, found, "ada", sort=sort).tolist() for sort in SORTS}
    assert [paths(found)[row] for row in order["path"]] == sorted(paths(found))
    strange = [found.looked.strangeness[row] for row in order["strange"]]
    assert strange[:-2] == sorted(strange[:-2], reverse=True)
    assert np.isnan(strange[-2:]).all()
    margins = [found.margin[row] for row in order["doubt"]]
    assert margins[:-2] == sorted(margins[:-2])
    newest = list(dict.fromkeys(one.photo for one in made.standing.recent(10_000)))
    assert [paths(found)[row] for row in order["recent"]][: len(newest)] == newest


def test_a_photo_that_is_spoken_of_again_is_recent_again(made):
    for path in paths(made.found)[:5]:
        say(made, path, "Red")
    say(made, paths(made.found)[0], "Blue")
    assert those(made, made.found, "ada", sort="recent").tolist()[:5] == [0, 4, 3, 2, 1]


def test_mixed_gives_none_twice_and_all_there_is():
    assert choosing.mixed([1, 2, 3, 4, 5, 6], [9, 8], 7) == [1, 2, 3, 4, 9, 5, 6]
    assert choosing.mixed([1, 9, 2], [9, 8], 10) == [1, 2, 9, 8]
    assert choosing.mixed([], [], 5) == []


@pytest.mark.parametrize("by", QUEUES)
def test_a_filter_of_guesses_gives_no_photo_of_the_sample(made, by):
    """Whoever filters by a guess has been told it."""
    for label in made.classes.names:
        rows = queue(made, by, n=100, label=label)
        assert rows
        assert not any(made.is_sample(paths(made.found)[row]) for row in rows)
