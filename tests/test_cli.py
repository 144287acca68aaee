"""The door: what is typed, what is printed, how it ends."""

import importlib
import json
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import modiste
from modiste import cli, doctor
from modiste.records.errors import MachineError


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "modiste", *arguments], capture_output=True, text=True, check=False, cwd=cwd)


@pytest.mark.parametrize(
    "code",
    [
        "import modiste; modiste.Catalogue, modiste.read, modiste.Predictions, modiste.report",
        "import sys; sys.argv = ['modiste', '--help']; from modiste.cli import main; main()",
        "import sys; sys.argv = ['modiste', 'study', '--help']; from modiste.cli import main; main()",
        "import sys; sys.argv = ['modiste', 'data', 'describe', 'PHOTOS']; from modiste.cli import main; main()",
    ],
)
def test_no_torch_and_no_scikit_learn_before_they_are_needed(code: str, drawn_folder: Path) -> None:
    check = (
        code.replace("PHOTOS", str(drawn_folder))
        + "\nimport sys; print([m for m in ('torch', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "command", [*(name for name in cli.app if not name.startswith("-")), *(f"data {name}" for name in cli.data if not name.startswith("-"))]
)
def test_every_command_has_help_that_says_what_it_does(command: str) -> None:
    done = run(*command.split(), "--help")
    assert done.returncode == 0
    assert "Usage: modiste " + command in done.stdout
    assert not done.stderr


@pytest.mark.parametrize("wrong", [("--precision", "95"), ("--token-file", "nowhere.txt")])
def test_a_wrong_option_of_the_app_leaves_no_project_behind(wrong: tuple[str, str], drawn_folder: Path, tmp_path: Path) -> None:
    photos = shutil.copytree(drawn_folder, tmp_path / "photos")
    done = run("app", str(photos), *wrong, cwd=tmp_path)
    assert done.returncode in (2, 4), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


MISTAKES = [  # what is typed, the exit code, words that must be said
    (["stdy", "paper"], 2, 'Did you mean "study"?'),
    (["study", "papr", "--data", "PHOTOS"], 2, "Did you mean 'paper'?"),
    (["study", "paper"], 2, "--data"),
    (["study", "paper", "--data", "PHOTOS", "--epoch", "3"], 2, "--epochs"),
    (["study", "paper", "--data", "PHOTOS", "--epochs", "three"], 2, "three"),
    (["study", "paper", "--data", "PHOTOS", "--set", "lrr=1"], 2, "Did you mean 'lr'?"),
    (["study", "paper", "--data", "PHOTOS", "--set", "lr"], 2, "key=value"),
    (["study", "paper", "--data", "PHOTOS", "--seeds", "one"], 2, "--seeds one"),
    (["explain", "runs/one", "--data", "PHOTOS", "-o", "page.html"], 2, "page.html names a file"),
    (["compare", "one.csv", "two.csv", "--write", "table.md"], 2, "table.md names a file"),
    (["data", "audit", "PHOTOS", "-o", "report.html"], 2, "report.html names a file"),
    (["train", "3Conv_SVM", "--data", "PHOTOS", "--auto-batch", "--set", "batch=64"], 2, "--set batch=64 gives it"),
    (["find-lr", "3Conv_SVM", "--data", "PHOTOS", "--set", "recipe.lr=1"], 2, "--set recipe.lr=1 gives it"),
    (["study", "paper", "--data", "PHOTOS", "--seeds", "2024"], 2, "write '2024,' with the comma"),
    (["study", "paper", "--data", "PHOTOS", "--image-size", "40", "--weights", "none"], 4, "63 px or more"),
    (["study", "paper", "--data", "PHOTOS", "--weights", "nowhere.pth"], 5, "no file 'nowhere.pth'"),
    (["study", "paper", "--data", "PHOTOS", "--device", "tpu", "--weights", "none"], 5, "device 'tpu'"),
    (["train", "3Conv_SVM", "--data", "PHOTOS", "--weights", "own.pth"], 2, "no variant here starts from pretrained weights"),
    (["study", "paper", "--data", "PHOTOS", "--report-only"], 4, "nothing to report"),
    (["study", "paper", "--data", "PHOTOS", "--set", "seed=5"], 2, "Give --seeds"),
    (["study", "paper", "--data", "PHOTOS", "--seeds", ","], 2, "--seeds ,"),
    (["study", "paper", "--data", "PHOTOS", "--limit", "0"], 4, "must be 1 or more"),
    (["study", "paper", "--data", "PHOTOS", "--weights", "none", "--limit", "8", "--image-size", "64"], 4, "Set network.svm_c"),
    (["study", "sound", "--data", "PHOTOS", "--weights", "none", "--limit", "1", "--image-size", "64"], 4, "so few photos"),
    (["train", "Resnet-CBAM", "--data", "PHOTOS", "--weights", "none", "--runs", "PHOTOS/labels.csv"], 5, "labels.csv"),
    (["train", "Resnet-CBAM", "--data", "PHOTOS", "--weights", "none", "--seed", "99999999999999999999"], 4, "below 2**32"),
    (["train", "Resnet-CBAM", "--data", "PHOTOS", "--weights", "none", "--set", "batch=1"], 4, "2 photos or more"),
    (["train", "Resnet-CBAM", "--data", "PHOTOS", "--weights", "none", "--device", "cpu:abc"], 5, "device 'cpu:abc'"),
    (["train", "Resnet-CBAM", "--data", "PHOTOS", "--set", "network.kernel=99999999999"], 4, "kernel must be odd"),
    (["evaluate", "."], 4, "folder of one run"),
    (["data", "split", "PHOTOS", "new", "--shares", "train=nan,test=0.2"], 2, "shares must be"),
    (["data", "split", "PHOTOS", "new", "--seed", "-1"], 4, "a seed of -1"),
    (["data", "split", "PHOTOS", "new", "--by-source", "--shares", "train=1"], 2, "leave --shares, --within, --seed and --no-twins away"),
    (["data", "split", "PHOTOS", "new", "--by-source", "--seed", "0"], 2, "divides by source alone"),
    (["data", "split", "PHOTOS", "new", "--by-source", "--no-twins"], 2, "divides by source alone"),
    (["data", "taxonomy", "Hat", "--copy-to", "new.toml"], 2, "leave the words away"),
    (["data", "taxonomy", "--level", "group"], 2, "--level goes with words to look up"),
    (["label", "PHOTOS", "--photos", "20"], 2, "--photos goes with --report"),
    (["export", "run", "--usual", "0.9", "--limit", "0"], 2, "--usual and --limit go with --data"),
    (["benchmark", "one.onnx", "--label", "colour", "--format", "paper"], 2, "--label and --format go with --data"),
    (["evaluate", "nowhere", "--device", "cpu"], 2, "--device goes with --data"),
    (["compare", "PHOTOS/labels.csv", "--split", "test"], 2, "--split goes with the folder of a run"),
    (["data", "split", "PHOTOS", "new", "--within", "extra"], 4, "splits are: test, train"),
    (["data", "taxonomy", "Hat", "--level", "groups"], 2, "Did you mean 'group'"),
    (["data", "audit", "PHOTOS", "--output", "PHOTOS/audit"], 4, "never written to"),
    (["data", "dismiss", "nowhere", "a1"], 4, "modiste data audit"),
    (["data", "draw", "new", "--seed", "-1"], 4, "a seed of -1"),
    (["study", "nowhere.toml", "--data", "PHOTOS"], 4, "no such study file"),
    (["train", "3Conv", "--data", "PHOTOS"], 2, "Did you mean '3Conv_SVM'?"),
    (["train", "3Conv_SVM", "--data", "PHOTOS", "--preset", "papper"], 2, "Did you mean 'paper'?"),
    (["train", "3Conv_SVM", "--data", "nowhere"], 4, "nowhere"),
    (["evaluate", "nowhere"], 4, "nowhere: nothing is there"),
    (["evaluate", "nowhere", "--classes", "Hats,Gloves"], 2, "--classes Hats,Gloves: without --data"),
    (["evaluate", "nowhere", "--by", "colour"], 2, "--by colour: without --data"),
    (["evaluate", "run", "-o", "run/predictions/test.csv"], 4, "never written to"),
    (["evaluate", "run", "-o", "PHOTOS/labels.csv"], 4, "did not write it"),
    (["evaluate", "run", "--data", "PHOTOS", "--split", "tset"], 4, "Splits there: test, train"),
    (["compare", "nowhere"], 4, "nowhere: nothing is there. `modiste train`"),
    (["robustness", "run", "--data", "PHOTOS", "--output", "PHOTOS/corrupted"], 4, "never written to"),
    (["robustness", "run", "--data", "PHOTOS", "--split", "tset"], 4, "Splits there: test, train"),
    (["study", "paper", "--data", "PHOTOS", "--epochs", "1", "--set", "epochs=2"], 2, "Give one of them"),
    (["study", "paper", "--data", "PHOTOS", "--set", "lr=1", "--set", "lr=2"], 2, "--set lr=2 and --set lr=1: they are one setting"),
    (["train", "3Conv_SVM", "--data", "PHOTOS", "--image-size", "64", "--set", "pixels.side=96"], 2, "Give one of them"),
    (["data", "describe", "nowhere"], 4, "nowhere"),
    (["data", "describe", "PHOTOS", "--classes", "Hats,Gloves"], 4, "row 1"),
    (["data", "convert", "PHOTOS", "PHOTOS"], 4, "never written to"),
    (["data", "convert", "PHOTOS/labels.csv", "PHOTOS/to"], 4, "never written to"),
    (["data", "convert", "PHOTOS", "new", "--write", "papr"], 2, "Did you mean 'paper'?"),
    (["data", "split", "PHOTOS", "new", "--shares", "half"], 2, "--shares half"),
    (["data", "fetch", "imagenet", "new"], 2, "fashion-mnist"),
]


@pytest.mark.parametrize(("typed", "code", "words"), MISTAKES, ids=[" ".join(typed) for typed, _, _ in MISTAKES])
def test_a_mistake_is_told_in_words_with_its_exit_code(
    typed: list[str],
    code: int,
    words: str,
    drawn_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["modiste", *(word.replace("PHOTOS", str(drawn_folder)) for word in typed)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == code, said.err
    assert words in said.err
    assert "Traceback" not in said.err
    assert not said.out
    assert not list(tmp_path.glob("runs/*/about.json"))


def test_json_errors_hold_every_bad_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "\n".join(f"{number}.jpg,1,Clothing" for number in range(30))
    (tmp_path / "labels.csv").write_text(f"Image_Name,Label,Attribute\n{rows}\n")
    monkeypatch.setattr(sys, "argv", ["modiste", "data", "describe", str(tmp_path), "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = json.loads(capsys.readouterr().out)
    assert ended.value.code == 4
    assert [row["row"] for row in said["rows"]] == list(range(1, 31))


@pytest.mark.parametrize(
    ("package", "typed", "extra"),
    [("torch", ["variants"], "train"), ("scipy", ["compare", "a.csv", "b.csv"], "learn"), ("scipy", ["runs"], "learn")],
)
def test_a_missing_package_is_answered_with_the_pip_line(package: str, typed: list[str], extra: str) -> None:
    program = f"import sys; sys.modules[{package!r}] = None; from modiste import cli; cli.main()"
    done = subprocess.run([sys.executable, "-c", program, *typed], capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert f'pip install "modiste[{extra}]"' in done.stderr


def test_data_commands_convert_and_split_without_touching_the_original(drawn_folder: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in drawn_folder.rglob("*") if path.is_file()}
    assert run("data", "convert", str(drawn_folder), str(tmp_path / "folders"), "--write", "folders").returncode == 0
    assert (
        run(
            "data", "split", str(tmp_path / "folders"), str(tmp_path / "split"), "--shares", "train=0.5,validation=0.25,test=0.25"
        ).returncode
        == 0
    )
    said = json.loads(run("data", "describe", str(tmp_path / "split"), "--json").stdout)
    assert said["classes"] == ["Shoes", "Clothing", "Accessories", "Bags"]
    assert said["rows"][-1][-1] == 64
    assert {path: path.read_bytes() for path in drawn_folder.rglob("*") if path.is_file()} == before


def test_evaluate_takes_all_photos_of_a_catalogue_without_splits(drawn_folder: Path, tmp_path: Path) -> None:
    small = ["--weights", "none", "--image-size", "32", "--epochs", "1"]
    run("train", "Resnet-CBAM", "--data", str(drawn_folder), "--runs", str(tmp_path), *small)
    folder = next(path for path in tmp_path.iterdir() if path.name != "cache")
    rows = (drawn_folder / "labels.csv").read_text().splitlines()
    flat = tmp_path / "flat"
    shutil.copytree(drawn_folder / "images", flat / "images")
    (flat / "labels.csv").write_text("\n".join(",".join(row.split(",")[:3]) for row in rows))
    said = json.loads(run("evaluate", str(folder), "--data", str(flat), "--json").stdout)
    assert sum(map(sum, said["confusion"])) == 64


def test_doctor_names_versions_and_finds_this_machine_healthy(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    monkeypatch.setattr(sys, "argv", ["modiste", "doctor", "--json"])
    cli.main()
    said = json.loads(capsys.readouterr().out)
    assert said["healthy"] is True
    assert ["torch", torch.__version__, ""] in said["rows"] or any(row[0] == "torch" for row in said["rows"])


def test_doctor_looks_for_a_package_of_every_extra() -> None:
    extras = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {extra for _, extra, _ in doctor.EXTRAS} == set(extras) - {"dev"}
    own = {re.split(r"[>=]", line)[0] for extra, lines in extras.items() if extra != "dev" for line in lines if "modiste" not in line}
    assert own - {package for package, _, _ in doctor.EXTRAS} == set()
    for package, extra, _ in doctor.EXTRAS:
        assert any(line.startswith(package) for line in extras[extra]), package


def test_the_app_says_which_line_installs_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.app_commands, "find_spec", lambda _package: None)
    with pytest.raises(MachineError, match=r'^modiste app needs the package .fastapi.\. Install it with: pip install "modiste\[app\]"$'):
        cli.app_commands.app()


def test_every_public_word_is_what_it_says_also_after_every_room_was_imported() -> None:
    """A room of the same name would hide the word: `modiste.train` must stay a function."""
    for module in pkgutil.walk_packages(modiste.__path__, "modiste."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in modiste.__all__:
        assert not isinstance(getattr(modiste, name), ModuleType), name
        assert name in dir(modiste)
    assert all(callable(word) for word in (modiste.read, modiste.train, modiste.evaluate, modiste.study, modiste.report))


def test_an_unknown_public_word_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_here"):
        _ = modiste.nothing_here


def test_every_decision_that_the_code_cites_has_a_page() -> None:
    root = Path(__file__).parent.parent
    pages = {page.name[:4] for page in (root / "docs" / "decisions").glob("0*.md")}
    cited = {number for source in (root / "src").rglob("*.py") for number in re.findall(r"decision (\d{4})", source.read_text())}
    listed = set(re.findall(r"^- \[(\d{4})\]", (root / "docs" / "decisions" / "README.md").read_text(), re.MULTILINE))
    assert cited
    assert cited <= pages
    assert pages == listed


def test_a_command_whose_outputs_were_closed_before_it_began_ends_as_ever() -> None:
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "modiste", "data", "taxonomy", "Belt"]
    done = subprocess.run(closed, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    closed[2] = 'exec "$@" 2>&-'
    assert subprocess.run([*closed[:-2], "describe", "nowhere"], capture_output=True, check=False).returncode == 4
