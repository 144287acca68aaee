"""How a project stands, beside a plain reading of what was said."""

import random
from collections import Counter

import pytest
from shops import open_studio, paths, png, say, shop, truth

from modiste.annotating.estimates import accuracy
from modiste.projects import looked
from modiste.projects.jobs import Jobs
from modiste.projects.state import state_of
from modiste.records.progress import silent


@pytest.fixture
def made(colours, tmp_path):
    photos = shop(tmp_path / "shop", 98, spread=90)
    for name in ("broken1.jpg", "broken2.jpg"):
        (photos / name).write_bytes(b"no picture")
    with open_studio(photos, model=colours) as studio:
        yield studio


@pytest.fixture
def jobs():
    made = Jobs(lambda: None, print)
    made.close()
    return made


def test_counts_are_what_a_plain_count_says(made, jobs):
    chance = random.Random(0)
    for path in chance.sample(paths(made.found)[:98], 60):
        kind = chance.choice(["label", "label", "unsure", "bad"])
        say(made, path, chance.choice(made.classes.names) if kind == "label" else None, chance.choice(["ada", "bob"]), kind)
    for path in made.standing.photos()[:20]:
        say(made, path, chance.choice(made.classes.names), "cleo")
    state = state_of(made, jobs, "ada")
    settled = Counter(made.standing.settled(path) for path in paths(made.found))
    settled.pop(None)
    counts = state["counts"]
    assert counts["classes"] == {name: settled[name] for name in made.classes.names}
    assert counts["labelled"] == settled.total()
    assert counts["conflicts"] == sum(made.standing.conflict(path) for path in paths(made.found)) > 0
    assert counts["left"] == 98 - len(made.standing.photos())
    assert sum(counts["lanes"].values()) == 100
    assert state["annotators"] == ["ada", "bob", "cleo"]
    assert (state["project"]["photos"], state["project"]["readable"]) == (100, 98)


def test_a_photo_that_was_replaced_since_people_spoke_of_it_is_told_until_they_see_it(colours, tmp_path):
    photos = shop(tmp_path / "shop", 30)
    one, other = "003-Red.png", "004-Green.png"
    with open_studio(photos, model=colours) as studio:
        shas = {path: studio.found.looked.shas[row].tobytes().hex() for path, row in studio.found.by_path.items()}
        for path in (one, other):
            say(studio, path, truth(path), sha256=shas[path])
        say(studio, "005-Blue.png", "Blue", how="import")  # of whatever bytes
        assert studio.replaced() == []
    for path in (one, "005-Blue.png", "006-Red.png"):
        (photos / path).write_bytes(png("Blue", 700))
    with open_studio(photos, model=colours) as studio:
        assert studio.replaced() == [one]
        assert studio.standing.settled(one) == "Red"
        now = studio.found.looked.shas[studio.found.by_path[one]].tobytes().hex()
        say(studio, one, "Blue", sha256=now)
        assert studio.replaced() == []
        studio.undo("ada")
        assert studio.replaced() == [one]
        say(studio, one, "Blue", "bob", how="adjudicated", sha256=now)
        assert studio.replaced() == []
    (photos / one).unlink()
    with open_studio(photos, model=colours) as studio:
        assert studio.replaced() == []


def test_the_estimate_is_of_the_sample_in_its_turn(made, jobs):
    """What of the sample is labelled out of its turn was picked by somebody: it does not count before those in front of it do."""
    assert len(made.drawn) == 98 // 5
    assert not [path for path in made.drawn if path.startswith("broken")]
    assert state_of(made, jobs, "ada")["estimate"]["accuracy"] is None
    for path in made.drawn[3:]:
        say(made, path, truth(path))
    assert state_of(made, jobs, "ada")["estimate"]["sampled"] == 0
    for path in made.drawn[:2]:
        say(made, path, truth(path))
    assert state_of(made, jobs, "ada")["estimate"]["sampled"] == 2
    say(made, made.drawn[2], None)  # nobody can tell
    rest = [path for path in made.drawn if path != made.drawn[2]]
    for path in rest[:4]:
        say(made, path, "Blue")
    guesses = {path: made.classes.names[made.found.labels[made.found.by_path[path]]] for path in rest}
    right = sum(guesses[path] == made.standing.settled(path) for path in rest)
    assert 0 < right < len(rest)
    found = state_of(made, jobs, "ada")["estimate"]
    plainly = accuracy(right, len(rest), 98, 1)
    assert (found["accuracy"], found["low"], found["high"], found["words"]) == (plainly.value, plainly.low, plainly.high, plainly.words)
    assert found["sampled"] == found["sample"] == len(made.drawn)


def test_the_sample_is_drawn_of_all_photos_before_all_are_looked_at(colours, tmp_path, monkeypatch):
    """Else what was labelled with a guess in sight, while the first were there, would come to be of the sample."""
    monkeypatch.setattr(looked, "FIRST", 10)
    monkeypatch.setattr(looked, "GROWTH", 1)
    with open_studio(shop(tmp_path / "shop", 60), model=colours, look=False) as studio:
        seen = []
        for some in studio.looks(studio.labeller, silent, lambda: None):
            studio.show(studio.guessed(some, studio.labeller))
            seen.append((paths(studio.found), studio.drawn))
    assert [len(there) for there, _ in seen] == [10, 20, 40, 60]
    whole = seen[-1][1]
    assert len(whole) == 12
    for there, drawn in seen:
        assert drawn == tuple(path for path in whole if path in there)


def test_photos_that_come_later_leave_most_of_the_sample_as_it_is(made, tmp_path):
    before = made.drawn
    for number in range(5):
        (tmp_path / "shop" / f"new{number}.png").write_bytes(png("Red", 900 + number))
    made.look(silent, lambda: None)
    assert len(set(before) - set(made.drawn)) <= 5


def test_each_change_is_another_version(made, jobs):
    seen = [state_of(made, jobs, "ada")["version"]]
    for change in (
        lambda: say(made, paths(made.found)[0], "Red"),
        lambda: made.undo("ada"),
        lambda: made.show(made.found),
    ):
        change()
        seen.append(state_of(made, jobs, "ada")["version"])
    assert seen == sorted(set(seen))


def test_labels_that_can_be_learnt_from_are_those_outside_the_sample(made, jobs):
    for path in paths(made.found)[:40]:
        say(made, path, "Red")
    counts = state_of(made, jobs, "ada")["counts"]
    assert counts["labelled"] == 40
    assert counts["learnable"] == sum(not made.is_sample(path) for path in paths(made.found)[:40]) < 40
    assert counts["judging"] == {"Red": 40 - counts["learnable"], "Green": 0, "Blue": 0}


def test_what_is_reached_is_said_to_be_whatever_the_network_was_learnt_from(colours, tmp_path):
    """Until then the one that a project begins with, learnt from none of its labels, would leave it untold for good."""
    with open_studio(shop(tmp_path / "shop", 400), model=colours) as studio:
        jobs = Jobs(lambda: None, print)
        jobs.close()
        words = []
        for many in (20, len(studio.drawn)):
            for path in studio.drawn[:many]:
                say(studio, path, truth(path))
            words.append(state_of(studio, jobs, "ada")["estimate"])
    few, all_of_it = words
    assert (few["accuracy"], all_of_it["accuracy"]) == (1, 1)
    assert few["low"] < 0.95 <= all_of_it["low"]
    assert few["more_words"] == "how many more labels 95 % takes cannot be told yet"
    assert all_of_it["more_words"] == "95 % is reached"
