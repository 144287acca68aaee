"""Runs compared: seeds of a recipe belong together, strangers from CSV files may join, mistakes are told in words."""

import json
from dataclasses import replace

import pytest

from modiste.cli.runs import compare as command
from modiste.cli.runs import runs as command_runs
from modiste.comparisons import compare, runs_table
from modiste.evaluation.metrics import metric
from modiste.records.errors import Damaged, ModisteError, UsageError
from modiste.records.recipe import Network, Recipe
from modiste.records.run import Run, run_folder


@pytest.fixture
def made(tmp_path, guesses):
    def make(recipe=None, seed=0, data="abc", photos=80, sharp=1.5, finished=True):
        """A finished run's folder with predictions of its own."""
        recipe = replace(recipe or Recipe(), seed=seed)
        run = Run(run_folder(tmp_path, recipe, data))
        run.write_recipe(recipe)
        guesses(seed, photos=photos, sharp=sharp).write(run.folder / "predictions" / "test.csv")
        if finished:
            run.write_about({"data": {"hash": data}})
        return run

    return make


SVM = Recipe(network=Network(head="svm"))


def test_runs_that_differ_in_the_seed_alone_are_seeds_of_one_model(made):
    found = compare([made(seed=2), made(SVM), made(seed=0)])
    assert {name: len(runs) for name, runs in found.results.items()} == {"alexnet": 2, "alexnet-svm": 1}


def test_the_seeds_stand_in_their_order(made):
    one, other = made(seed=1), made(seed=0)
    assert compare([one, other]).results["alexnet"][0].scores.tolist() == other.predictions().scores.tolist()


def test_equal_names_tell_what_sets_them_apart(made):
    small = Recipe().changed({"pixels.side": 112})
    assert list(compare([made(), made(small)]).results) == ["alexnet (pixels.side 224)", "alexnet (pixels.side 112)"]
    assert set(compare([made(data="abc"), made(data="xyz")]).results) == {"alexnet (data abc)", "alexnet (data xyz)"}


def test_predictions_from_elsewhere_may_join_and_a_name_groups_them(made, guesses, tmp_path):
    for seed in (5, 6):
        guesses(seed).write(tmp_path / f"clip{seed}.csv")
    found = compare([made().folder, f"clip={tmp_path / 'clip5.csv'}", f"clip={tmp_path / 'clip6.csv'}"])
    assert {name: len(runs) for name, runs in found.results.items()} == {"alexnet": 1, "clip": 2}
    assert list(compare([tmp_path / "clip5.csv"]).results) == ["clip5"]


def test_an_unfinished_run_is_told(made):
    with pytest.raises(ModisteError, match="is not a finished run"):
        compare([made(), made(SVM, finished=False)])


def test_a_damaged_run_is_told(made):
    run = made(SVM)
    path = run.folder / "predictions" / "test.csv"
    path.write_text(path.read_text().replace("Shoes", "Bags", 1))
    with pytest.raises(Damaged, match="SHA-256"):
        compare([made(), run])


def test_other_photos_are_refused(made):
    with pytest.raises(ModisteError, match="only what answered the same questions") as told:
        compare([made(), made(SVM, photos=84)])
    assert "80 photos" in str(told.value)
    assert "84" in str(told.value)


def test_the_same_run_twice_is_refused(made, tmp_path):
    run = made()
    with pytest.raises(ModisteError, match="the same seed of the same recipe"):
        compare([run, run])


def test_one_name_for_two_networks_is_refused(made):
    """Their difference would be taken for what seeds vary."""
    one, other = made(seed=0), made(Recipe(lr=0.01), seed=1)
    with pytest.raises(ModisteError, match="they differ in lr"):
        compare([f"mine={one.folder}", f"mine={other.folder}"])
    assert len(compare([f"mine={one.folder}", f"mine={made(seed=2).folder}"]).results["mine"]) == 2


def test_runs_are_listed_with_what_sets_them_apart_and_what_is_wrong_with_them(made, tmp_path):
    good, half = made(Recipe(lr=0.01), data="abcdefgh12"), made(SVM, finished=False)
    broken = made(seed=3)
    (broken.folder / "recipe.json").write_text("{")
    table = runs_table(tmp_path)
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows[good.folder.name][:5] == ("lr 0.01", "abcdefgh", "finished", "test", 80)
    assert rows[good.folder.name][5] == pytest.approx(metric("macro_f1", good.predictions()))
    assert rows[half.folder.name][2] == "epoch 0 of 19"
    assert rows[broken.folder.name][2].startswith("cannot be read: ")
    assert "1 of 3 not finished" in table.notes[1]
    command_runs(tmp_path)
    with pytest.raises(ModisteError, match="no such folder of runs"):
        runs_table(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModisteError, match="no runs in it"):
        runs_table(tmp_path / "empty")


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"measure": "macro_f2"}, UsageError, "Did you mean 'macro_f1'"),
        ({"level": 95}, UsageError, "such as 0"),
        ({"split": "train"}, ModisteError, "no predictions for 'train'"),
    ],
)
def test_mistakes_are_told(options, error, words, made):
    with pytest.raises(error, match=words):
        compare([made()], **{"measure": "macro_f1", **options})


def test_nothing_and_nowhere_are_told(tmp_path):
    with pytest.raises(UsageError, match="nothing to compare"):
        compare([])
    with pytest.raises(ModisteError, match="nothing is there"):
        compare([tmp_path / "nowhere"])


def test_the_command_prints_the_verdict_after_the_tables(made, capsys):
    command((str(made().folder), str(made(SVM, seed=1, sharp=4).folder)))
    out = capsys.readouterr().out
    assert [title for title in ("95 % intervals", "Ranks by Macro F1", "Pairs by Macro F1", "What 80 photos") if title not in out] == []
    assert "alexnet-svm has the highest macro F1" in out


def test_json_is_json(made, capsys):
    command((str(made().folder), str(made(seed=1).folder), str(made(SVM).folder)), json=True)
    plain = json.loads(capsys.readouterr().out)
    assert plain["seeds"] == {"alexnet": 2, "alexnet-svm": 1}
    assert 0 < plain["pairs"][0]["difference"]["p"] <= 1
    assert set(plain["tables"]) == {"intervals", "ranks", "pairs", "power", "seeds"}


def test_tables_and_figures_are_written(made, tmp_path):
    folder = compare([made(), made(SVM, seed=1)]).write(tmp_path / "out")
    names = {path.name for path in folder.iterdir()}
    assert {f"{table}.{ending}" for table in ("intervals", "pairs", "ranks", "power") for ending in ("md", "csv", "tex", "html")} <= names
    assert {f"{figure}.{ending}" for figure in ("ranking", "forest") for ending in ("svg", "png")} <= names


def test_a_comparison_goes_to_a_new_folder_or_over_an_earlier_one(made, tmp_path):
    run, folder = made(), tmp_path / "out"
    found = compare([run, made(SVM, seed=1)])
    assert json.loads((found.write(folder) / "comparison.json").read_text())["measure"] == "macro_f1"
    found.write(folder)
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "ranks.csv").write_text("by hand\n")
    with pytest.raises(ModisteError, match="not an empty folder"):
        found.write(tmp_path / "ours")
    assert (tmp_path / "ours" / "ranks.csv").read_text() == "by hand\n"
    with pytest.raises(ModisteError, match="never written to"):
        found.write(run.folder / "predictions")
    assert "intervals" not in run.splits


def test_a_name_that_is_no_text_can_be_drawn(guesses, tmp_path):
    assert (compare({"B\udce4r": [guesses()], "other": [guesses(1)]}).write(tmp_path / "out") / "ranking.png").stat().st_size


def test_one_run_alone_has_its_interval(made):
    assert list(compare([made()]).tables) == ["intervals"]


def test_a_network_without_predictions_is_left_out(guesses, tmp_path):
    found = compare({"mine": [guesses()], "not trained yet": []})
    assert list(found.tables) == ["intervals"]
    assert found.write(tmp_path) == tmp_path
