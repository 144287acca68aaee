"""The command from the door: what is typed, what is printed, how it ends."""

from __future__ import annotations

import json
import signal
import sys

import pytest

from modiste import cli
from modiste.serving import labeller


@pytest.fixture
def typed(tiny_bundle, photos, tmp_path, monkeypatch, capsys):
    """Exit code, standard output and standard error of `modiste label`, with the tiny network where no other is named."""
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)

    def run(*arguments):
        model = () if "--model" in arguments else ("--model", str(tiny_bundle))
        monkeypatch.setattr(sys, "argv", ["modiste", "label", *arguments, *model])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code
        return code, *capsys.readouterr()

    yield run
    signal.signal(signal.SIGTERM, before)


MISTAKES = [  # what is typed, the exit code, words that must be said
    (["photos", "-o", "a.txt"], 2, "must end in .csv"),
    (["photos", "--precision", "1.5"], 2, "1.5"),
    (["photos", "--precision", "0"], 2, "precision = 0"),
    (["photos", "--limit", "0"], 2, "--limit 0: must be 1 or more"),
    (["photos", "--threads", "-1"], 2, "--threads -1: must be 1 or more"),
    (["photos", "--report", "--photos", "0"], 2, "--photos 0"),
    (["photos", "--format", "phtos"], 2, "Did you mean 'photos'?"),
    (["photos/000/000001.jpg", "--review"], 2, "give one with --output"),
    (["photos", "-o", "photos/a.csv"], 4, "never written to"),
    (["nowhere"], 4, "no such file or folder"),
    (["photos", "--model", "nowhere.onnx"], 4, "nowhere.onnx"),
    (["photos", "--model", "photos"], 4, "photos is a folder"),
    (["photos", "-o", "photos/000/000001.jpg/a.csv"], 4, "never written to"),
]


@pytest.mark.parametrize("arguments, code, words", MISTAKES)
def test_a_mistake_is_told_in_words_by_exit_code_and_nothing_is_written(arguments, code, words, typed, tmp_path):
    ended, out, err = typed(*arguments)
    assert (ended, out) == (code, "")
    assert words in err
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_it_ends_with_3_and_says_what_came_of_it_where_it_is_and_what_to_do_next(typed, tmp_path):
    code, out, _ = typed("photos", "--precision", "0.9")
    assert code == 3
    assert "40 photos: " in out
    assert "validation photos), " in out
    assert " rejected: " in out
    assert "\n  not_an_image: Its content is no picture." in out
    assert "Table: labels.csv" in out
    assert "Next: the same command with --report --review" in out
    code, out, _ = typed("photos", "--precision", "0.9", "--report", "--review")
    assert code == 3
    assert "40 of them answered before" in out
    assert "Page: labels.html" in out
    assert "fill in the column right_label of labels.review.csv" in out


def test_as_json_the_answer_is_one_object_and_progress_an_object_a_line(typed):
    code, out, err = typed("photos", "--json", "-o", "made/here.jsonl")
    plain = json.loads(out)
    assert (code, plain["photos"], plain["output"]) == (3, 40, "made/here.jsonl")
    stages = [json.loads(line) for line in err.splitlines()]
    assert {"stage", "done", "total", "unit"} == set(stages[-1])
    assert {"labelling", "writing"} <= {told["stage"] for told in stages}


def test_without_unreadable_photos_it_ends_with_0(typed, photos, jpeg, tmp_path):
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "1.jpg").write_bytes(jpeg("red"))
    assert typed("good")[0] == 0


def test_a_run_is_exported_into_its_folder_once(typed, tiny_bundle, tmp_path, monkeypatch):
    """The export itself is another room's; here it is asked for the bundle, which is then used and kept."""
    from modiste.exporting import export

    asked = []

    def made(run, to, output, **_settings):
        asked.append((run, to))
        output.write_bytes(tiny_bundle.read_bytes())
        return type("Made", (), {"written": output, "words": ()})

    monkeypatch.setattr(export, "export", made)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.json").write_text("{}")
    for _ in range(2):
        assert typed("photos", "--model", "run")[0] == 3
    assert [(str(run), to) for run, to in asked] == [("run", "onnx")]
    assert labeller.load(tmp_path / "run" / "bundle.onnx").id == labeller.load(tiny_bundle).id


def test_a_folder_that_cannot_be_listed_is_named_the_rest_labelled_and_the_end_is_3(typed, locked):
    code, out, _ = typed(locked.name)
    assert code == 3
    assert "2 photos: " in out
    assert "shop/b/locked cannot be listed: Permission denied. Check its permissions. Its photos are left out." in out
