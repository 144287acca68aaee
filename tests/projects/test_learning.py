"""From labels to a better network: learnt, compared, put in use; the honest sample only judges."""

import json
from collections import Counter

import numpy as np
import pytest
from shops import Counted, network, never, open_studio, paths, png, say, shop, truth

from modiste.projects.learning import differences, labelled, learnt_from_labels
from modiste.projects.looked import Look
from modiste.projects.project import MODELS, Model
from modiste.records.catalogue import TEST
from modiste.records.errors import ModisteError, Stopped, UsageError
from modiste.records.progress import silent


@pytest.fixture(scope="module")
def swapped(tmp_path_factory):
    """A network that takes red for green and green for red, and is right about blue."""
    return network(tmp_path_factory.mktemp("network") / "swapped.onnx", (1, 0, 2))


@pytest.fixture
def photos(tmp_path):
    return shop(tmp_path / "shop", 75)


def label_all(made, who="ada"):
    for path in (path for path in paths(made.found) if path != "broken.jpg"):
        say(made, path, truth(path), who)


def right(found):
    """The share of photos that are called what they are."""
    return np.mean(
        [found.classes.names[found.labels[row]] == truth(path) for row, path in enumerate(paths(found)) if found.looked.places[row] >= 0]
    )


def test_labels_that_correct_a_network_lead_to_a_better_one_that_is_there_the_next_time(swapped, photos):
    (photos / "broken.jpg").write_bytes(b"no picture")
    with open_studio(photos, model=swapped) as made:
        before = right(made.found)
        assert before < 0.5
        say(made, "broken.jpg", "Red")
        label_all(made)
        version = made.version
        words = learnt_from_labels(made, silent, never)
        assert words.startswith("Network 1 is there:")
        assert made.models.in_use == 0  # until somebody says so
        assert made.version > version
        assert right(made.others[1]) > 0.95
        made.promote(1)
        assert right(made.found) > 0.95
        assert right(made.others[0]) == before
        guesses, model = made.found.labels.tolist(), made.model
        assert model.number == 1
        assert model.labels == 75 - len(made.sample)  # those that judge it, and those that cannot be read, were not learnt from
        assert made.models.tried == model.labels + 1
        assert model.verdict.startswith("on the honest sample: ")
        assert words.endswith(f" {model.verdict[0].upper()}{model.verdict[1:]}.")
    with open_studio(photos, look=False) as made:
        assert made.model == model
        assert made.labeller.id == model.id
        assert made.found.labels.tolist() == guesses
        made.promote(0)
        assert right(made.found) == before
    with open_studio(photos, look=False) as made:
        assert made.models.in_use == 0


def test_a_network_whose_mistakes_alone_are_labelled_says_why_it_is_not_learnt_from(tmp_path, photos):
    wrong = network(tmp_path / "wrong.onnx", (1, 2, 0))
    with open_studio(photos, model=wrong) as made:
        label_all(made)
        with pytest.raises(ModisteError, match="mistakes alone"):
            learnt_from_labels(made, silent, never)
        assert len(made.models.models) == 1


def test_a_network_that_is_right_is_best_left_as_it_is(tmp_path, photos):
    good = network(tmp_path / "good.onnx", sharp=20.0)
    with open_studio(photos, model=good) as made:
        label_all(made)
        words = learnt_from_labels(made, silent, never)
        assert "as it is" in words
        assert len(made.models.models) == 1
        assert not list((made.project.folder / "models").glob("*.onnx"))
        assert made.models.tried == 75 - len(made.sample)  # the same labels are not to be tried again
    with open_studio(photos, look=False) as made:
        assert made.models.tried == 75 - len(made.sample)


def test_without_labels_or_with_one_class_it_says_what_to_do(swapped, photos):
    with open_studio(photos, model=swapped) as made:
        with pytest.raises(ModisteError, match="nothing is labelled"):
            learnt_from_labels(made, silent, never)
        for path in paths(made.found):
            if truth(path) == "Red":
                say(made, path, "Red")
        with pytest.raises(ModisteError, match="two classes"):
            learnt_from_labels(made, silent, never)


def test_the_honest_sample_is_never_learnt_from(swapped, photos):
    for name in ("copy1.png", "copy2.png"):
        (photos / name).write_bytes(png("Red", 0))  # of 000-Red.png
    hashes = []
    for lie in (False, True):
        with open_studio(photos, model=swapped) as made:
            assert len(made.drawn) == 77 // 5
            for path in paths(made.found):
                label = truth(path) if path.startswith("0") else "Red"
                say(made, path, "Blue" if lie and made.is_sample(path) else label)
            catalogue = labelled(made)
            for photo in catalogue.photos:
                assert (photo.split == TEST) == made.is_sample(photo.path)
                group = {made.is_sample(copy) for copy in made.found.copies_of(photo.path)}
                assert len(group) == 1  # a copy would give the sample away
            number = len(made.models.models)
            learnt_from_labels(made, silent, never)
            report = json.loads((made.project.folder / "models" / f"{number}.report.json").read_text())
            assert sum(report["learnt"]["photos"].values()) == len(catalogue.photos) - len(made.sample)
            assert report["test"] is not None
            hashes.append((report["learnt"]["labels_hash"], report["learnt"]["how"]))
    assert hashes[0] == hashes[1]


def test_photos_in_conflict_unsure_or_bad_are_not_learnt_from(swapped, photos):
    with open_studio(photos, model=swapped) as made:
        label_all(made)
        one, two, three = [path for path in paths(made.found) if not made.is_sample(path)][:3]
        say(made, one, "Blue" if truth(one) != "Blue" else "Red", "bob")
        say(made, two, None)
        say(made, three, None, kind="bad")
        assert {photo.path for photo in labelled(made).photos} == set(paths(made.found)) - {one, two, three}


def test_a_training_that_is_stopped_leaves_everything_as_it_was(swapped, photos):
    with open_studio(photos, model=swapped) as made:
        label_all(made)

        def tell(told):
            if told.stage == "learning":
                raise Stopped("it was asked to stop.", 0)

        with pytest.raises(Stopped):
            learnt_from_labels(made, tell, never)
        assert len(made.models.models) == 1
        assert not (made.project.folder / MODELS).exists()
        learnt_from_labels(made, silent, never)
        assert [one.number for one in made.models.models] == [0, 1]


def test_another_network_is_learnt_from_the_one_in_use(swapped, photos):
    with open_studio(photos, model=swapped) as made:
        rows = [path for path in paths(made.found) if not made.is_sample(path)]
        for path in rows[:40]:
            say(made, path, truth(path))
        learnt_from_labels(made, silent, never)
        made.promote(1)
        for path in rows[40:]:
            say(made, path, "Blue" if truth(path) == "Red" else truth(path))
        words = learnt_from_labels(made, silent, never)
        assert words
        assert all(one.number == place for place, one in enumerate(made.models.models))


def test_what_differs_is_listed_exactly(colours, swapped, photos):
    with open_studio(photos, model=swapped) as made:
        made.models = made.models.with_model(Model(1, "other", str(colours)))
        one, two = made.found, made.look_with(1, silent, never)
        found = differences(one, two)
        plainly = [row for row in range(len(one)) if one.labels[row] != two.labels[row]]
        assert sorted(found.rows) == plainly
        assert found.same == len(one) - len(plainly)
        assert found.same > 0
        counted = Counter((int(one.labels[row]), int(two.labels[row])) for row in plainly)
        assert {(a, b): n for a, b, n in found.pairs} == counted
        assert [n for _, _, n in found.pairs] == sorted(counted.values(), reverse=True)
        sure = [min(one.confidence[row], two.confidence[row]) for row in found.rows]
        assert sure == sorted(sure, reverse=True)
        back = differences(two, one)
        assert sorted(back.rows) == plainly
        assert differences(one, one).rows == []


def test_photos_that_came_went_or_cannot_be_read_differ_in_nothing(swapped, tmp_path, photos):
    with open_studio(photos, model=swapped) as made:
        other = network(tmp_path / "other.onnx", (0, 2, 1))
        made.models = made.models.with_model(Model(1, "other", str(other)))
        two = made.look_with(1, silent, never)
        (photos / "000-Red.png").unlink()
        (photos / "003-Red.png").write_bytes(b"no picture")
        (photos / "999-Red.png").write_bytes(png("Red", 999))
        made.look(silent, never)
        one = made.found
        found = differences(one, two)
        names, others = paths(one), two.by_path
        plainly = [
            row
            for row, path in enumerate(names)
            if path in others and one.labels[row] >= 0 and two.labels[others[path]] not in (-1, one.labels[row])
        ]
        assert sorted(found.rows) == plainly
        assert "003-Red.png" not in {names[row] for row in found.rows}
        both = sum(path in others and one.labels[row] >= 0 and two.labels[others[path]] >= 0 for row, path in enumerate(names))
        assert found.same + len(found.rows) == both


def test_a_network_that_was_changed_or_is_not_there_is_not_put_in_use(swapped, tmp_path, photos):
    with open_studio(photos, model=swapped) as made:
        label_all(made)
        learnt_from_labels(made, silent, never)
        with pytest.raises(UsageError, match="no network number 5"):
            made.promote(5)
        bundle = made.project.folder / "models" / "1.onnx"
        data = bundle.read_bytes()
        bundle.write_bytes(data[:-1])
        with pytest.raises(ModisteError, match=r"1\.onnx"):
            made.promote(1)
        network(bundle, (2, 1, 0))
        with pytest.raises(ModisteError, match="no longer"):
            made.promote(1)
        assert made.models.in_use == 0
        assert made.labeller.id == made.model.id
        bundle.write_bytes(data)
        made.promote(1)  # the control


def test_a_network_put_in_use_during_a_look_is_the_one_that_goes_on(swapped, tmp_path, photos, monkeypatch):
    monkeypatch.setattr("modiste.projects.looked.FIRST", 20)
    monkeypatch.setattr("modiste.projects.looked.GROWTH", 1)
    with open_studio(photos, model=swapped) as made:
        other = network(tmp_path / "other.onnx", (0, 2, 1))
        model = Model(1, Counted(other).labeller.id, str(other))
        made.models = made.models.with_model(model)
        real, at = Look.asked, []

        def asked(look, *given):
            at.append(look.labeller.id)
            if len(at) == 2:
                made.promote(1)
            return real(look, *given)

        monkeypatch.setattr(Look, "asked", asked)
        made.look(silent, never)
        assert at[0] != at[-1] == model.id
        assert made.found.looked.model == model.id
        assert len(made.found) == 75


def test_a_look_again_never_shows_less_than_was_known(swapped, photos, monkeypatch):
    with open_studio(photos, model=swapped) as made:
        monkeypatch.setattr("modiste.projects.looked.FIRST", 20)
        (photos / "new.png").write_bytes(png("Red", 500))
        shown, real = [], made.show
        monkeypatch.setattr(made, "show", lambda found: shown.append(len(found)) or real(found))
        made.look(silent, never)
        assert shown == [76]


def test_a_network_that_knows_fewer_photos_forgets_none_when_it_is_put_in_use(colours, swapped, photos):
    """Photos that came since it was asked are still to come: they are no strangers, and the honest sample stays what it was."""
    with open_studio(photos, model=swapped) as made:
        other = Model(1, Counted(colours).labeller.id, str(colours))
        made.models = made.models.with_model(other)
        made.look_with(1, silent, never)
        assert made.said_by(1) is made.others[1]
        for number in range(60):
            (photos / f"new{number:02d}.png").write_bytes(png("Red", 500 + number))
        made.look(silent, never)
        sample, every = set(made.drawn), set(paths(made.found))
        assert made.said_by(1) is None  # it is to be asked about the new ones first
        made.promote(1)
        assert (len(made.found), made.found.looked.total) == (75, 135)
        assert set(made.drawn) == {path for path in sample if path in made.found.by_path}
        assert {*paths(made.found), *made.found.looked.waiting} == every
        assert made.said_by(0) is made.others[0]
        made.look(silent, never)
        assert set(made.drawn) == sample
        assert set(paths(made.found)) == every


def test_what_another_network_said_the_last_time_is_not_compared_where_it_lacks_photos(colours, swapped, photos):
    with open_studio(photos, model=swapped) as made:
        made.models = made.models.with_model(Model(1, Counted(colours).labeller.id, str(colours)))
        made.look_with(1, silent, never)
        made.others.clear()  # as after a restart: it is on the disk
        assert len(made.said_by(1)) == 75
        made.others.clear()
        (photos / "new.png").write_bytes(png("Red", 500))
        made.look(silent, never)
        assert made.said_by(1) is None
        (photos / "new.png").unlink()
        made.look_with(1, silent, never)
        assert len(made.said_by(1)) == 75  # one that is gone is not asked about for ever
