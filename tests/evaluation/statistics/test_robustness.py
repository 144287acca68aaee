"""What is left on corrupted photos: means that add up, and a corruption error as its paper prints it."""

from dataclasses import replace

import numpy as np
import pytest

from modiste.evaluation.metrics import metric
from modiste.evaluation.statistics.estimates import difference, estimate
from modiste.evaluation.statistics.robustness import Robustness, corruption_error, left, robustness_table, severities_table
from modiste.records.errors import ModisteError


@pytest.fixture
def tried(guesses):
    def make(seed=0, names=("blur", "jpeg"), severities=(1, 3, 5), costs=0.3):
        clean = guesses(seed, sharp=3.0)
        worse = {name: {one: guesses(seed + one, sharp=3.0 - costs * one) for one in severities} for name in names}
        return Robustness(clean, worse)

    return make


def test_the_mean_is_over_all_corruptions_and_severities(tried):
    found = tried()
    one = left(found, "accuracy")
    cells = [metric("accuracy", run) for runs in found.corrupted.values() for run in runs.values()]
    assert one.mean.value == pytest.approx(np.mean(cells))
    assert one.fall.value == pytest.approx(np.mean(cells) - metric("accuracy", found.clean))
    assert one.corruptions["blur"] == pytest.approx(np.mean(cells[:3]))
    assert one.fall.value < 0


def test_one_corruption_at_one_severity_is_an_estimate_and_a_difference(tried):
    found = tried(names=("blur",), severities=(5,))
    one, run = left(found, rounds=500), found.corrupted["blur"][5]
    assert one.cells["blur", 5] == one.mean == estimate([run], "macro_f1", rounds=500)
    assert one.fall == difference([run], [found.clean], "macro_f1", rounds=500)


def test_photos_that_corruption_changes_nothing_of_cost_nothing(guesses):
    clean = guesses()
    one = left(Robustness(clean, {"blur": {1: clean, 2: clean}}))
    assert one.fall.value == 0
    assert one.mean.value == one.clean.value


def test_the_corruption_error_is_that_of_its_paper(tried):
    ours, theirs = tried(costs=0.2), tried(seed=9, costs=0.5)
    errors = [[[1 - metric("accuracy", run) for run in runs.values()] for runs in one.corrupted.values()] for one in (ours, theirs)]
    wanted = np.mean([sum(a) / sum(b) for a, b in zip(*errors, strict=True)])
    assert corruption_error(ours, theirs) == pytest.approx(wanted)
    assert corruption_error(theirs, theirs) == 1
    right = replace(ours.clean, scores=np.eye(4)[ours.clean.truth])
    never = Robustness(right, {name: dict.fromkeys(runs, right) for name, runs in ours.corrupted.items()})
    assert (corruption_error(never, never), corruption_error(ours, never)) == (1, float("inf"))


def test_tables_show_every_corruption_and_severity(tried):
    models = {"A": tried(names=("colour_cast", "jpeg")), "B": tried(4, names=("colour_cast", "jpeg"))}
    table = robustness_table(models)
    assert table.columns[-3:] == ("mCE", "Colour cast", "JPEG")
    assert [row[8] for row in table.rows] == [1.0, corruption_error(models["B"], models["A"])]
    assert "mCE" not in robustness_table({"A": models["A"]}).columns
    assert "means over severities 1, 3, 5;" in table.notes[0]
    assert "; severity 5;" in robustness_table({"A": tried(severities=(5,))}).notes[0]
    detail = severities_table("A", models["A"])
    assert [row[0] for row in detail.rows] == ["Colour cast", "JPEG"]
    assert detail.rows[1][7] == metric("macro_f1", models["A"].corrupted["jpeg"][5])


def test_a_corruption_stands_under_its_own_heading_in_whatever_order_it_was_tried(tried):
    found = tried()
    turned = Robustness(found.clean, dict(reversed(found.corrupted.items())))
    one, other = robustness_table({"one": found, "other": turned}).rows
    assert one[1:] == other[1:]


def test_models_that_were_not_corrupted_alike_are_not_compared(tried):
    with pytest.raises(ModisteError, match="same corruptions and severities"):
        robustness_table({"A": tried(), "B": tried(severities=(1, 2))})
    with pytest.raises(ModisteError, match="nothing was corrupted"):
        tried(names=())
    with pytest.raises(ModisteError, match="no model"):
        robustness_table({})
