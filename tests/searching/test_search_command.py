"""The command: what it prints, the page it writes, how it ends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile

import pytest

from modiste import cli

from .conftest import jpeg, painted


@pytest.fixture
def command(bundle, tmp_path, monkeypatch, capsys):
    """The command on the photos, in their parent folder: exit code and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, where="photos"):
        monkeypatch.setattr(sys, "argv", ["modiste", "search", *map(str, arguments), "--in", str(where), "--model", str(bundle)])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_neighbours_are_printed_and_are_those_of_python(photos, command, indexed):
    code, out, _ = command("a/06.jpg", "-k", 3)
    assert code == 0
    near = indexed().search("a/06.jpg", k=3)
    assert re.findall(r"^([ab]/\d+\.jpg) +([\d.-]+)", out, re.MULTILINE) == [(one.path, f"{one.similarity:.3f}") for one in near]
    code, out, _ = command("a/06.jpg", "b/07.jpg", "-k", 2, "--label", "Bags", "--json", "--as-it-is")
    found = json.loads(out)["found"]
    assert [one["photo"] for one in found] == ["a/06.jpg", "b/07.jpg"]
    assert {near["label"] for one in found for near in one["neighbours"]} == {"Bags"}


def test_without_a_photo_the_index_is_made_and_what_could_not_be_read_is_said(photos, command, tmp_path):
    code, out, _ = command()
    assert code == 0
    assert "22 photos in" in out
    assert "2 could not be read and are not in it" in out
    assert "a/04.jpg: empty" in out
    assert json.loads(command("--json")[1])["scored"] == 0


def test_the_page_holds_photo_and_neighbours_and_asks_no_network_for_anything(photos, command, tmp_path):
    (tmp_path / "<b>odd.jpg").write_bytes(jpeg(painted(6), 60))
    code, _, _ = command("<b>odd.jpg", "b/07.jpg", "-k", 4, "--report", "found.html")
    assert code == 0
    page = (tmp_path / "found.html").read_text(encoding="utf-8")
    assert page.count("<img ") == 10
    assert page.count("data:image/jpeg;base64,") == 10
    assert "&lt;b&gt;odd.jpg" in page
    assert "<b>odd" not in page
    assert not re.search(r"https?://|<script|src=\"(?!data:)", page)
    assert command("b/07.jpg", "--report", "found.html")[0] == 0  # its own it writes anew
    (tmp_path / "study.html").write_text(page.replace("<title>Photos", "<title>Study of photos"))  # another command's
    assert command("b/07.jpg", "--report", "study.html")[0] == 4
    (tmp_path / "mine.html").write_text("<p>mine</p>")
    code, _, err = command("b/07.jpg", "--report", "mine.html")
    assert (code, "mine.html is there already" in err) == (4, True)
    assert (tmp_path / "mine.html").read_text() == "<p>mine</p>"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["a/06.jpg", "-k", "0"], 2, "-k 0: must be 1 or more"),
        (["a/06.jpg", "--label", "Shoe"], 2, "Did you mean 'Shoes'"),
        (["nowhere.jpg"], 4, "nowhere.jpg: missing"),
        (["a/06.jpg", "photos/a/04.jpg"], 4, "empty: the file has no bytes"),
        (["--evaluate"], 2, "--by article_type"),
        (["--evaluate", "--by", "titel"], 2, "Did you mean 'title'"),
        (["--evaluate", "--by", "x", "a/06.jpg"], 2, "leave out the photos"),
        (["--evaluate", "--by", "x", "-k", "3"], 2, "leave out the photos, -k"),
        (["-k", "3"], 2, "name a photo to look for"),
        (["--by", "x"], 2, "go with --evaluate"),
        (["--report", "x.html"], 2, "name a photo to look for"),
        (["--evaluate", "--by", "x", "--only", "split"], 2, "write column=value"),
        (["a/06.jpg", "-o", "photos/index"], 4, "never written to"),
        (["a/06.jpg", "--report", "photos/found.html"], 4, "never written to"),
        (["a/06.jpg", "-o", "nothing", "--as-it-is"], 4, "is no index of photos"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback(arguments, code, words, photos, command):
    ended, out, err = command(*arguments)
    assert (ended, words in err) == (code, True), err
    assert not out


def test_a_photo_that_is_nowhere_is_told_before_an_index_is_made(photos, command, tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "1.jpg").write_bytes(jpeg(painted(1)))
    (tmp_path / "shop" / "shop.csv").write_text("path,title\n1.jpg,Bag\n")
    assert [command("nowhere.jpg", where=where)[0] for where in ("photos", "shop")] == [4, 4]
    assert not list(tmp_path.glob("*.index*"))
    command()
    assert list(tmp_path.glob("photos.index*"))  # where it would have been


@pytest.mark.parametrize("arguments", [["a/06.jpg", "--label", "Shoe"], ["--evaluate", "--by", "titel"]])
def test_a_class_or_column_that_is_nowhere_is_told_before_an_index_is_made(arguments, photos, command, tmp_path):
    assert command(*arguments)[0] == 2
    assert not list(tmp_path.glob("*.index"))


def test_what_comes_next_searches_with_the_network_that_made_the_index(photos, command, bundle):
    """Another one would look at all photos anew."""
    _, out, _ = command("-o", "here", "--format", "photos")
    assert f"Next: modiste search PHOTO --in SOURCE -o here --model {bundle} --format photos" in out


def test_the_end_of_a_path_is_enough_where_no_other_ends_so(photos, command, tmp_path):
    (photos / "b" / "06.jpg").write_bytes(jpeg(painted(60)))
    code, _, err = command("8.jpg", "06.jpg")
    assert (code, "8.jpg: missing" in err) == (4, True), err
    code, _, err = command("06.jpg")
    assert (code, "06.jpg: 2 photos of photos end so, such as a/06.jpg and b/06.jpg. Name more" in err) == (4, True)
    assert not list(tmp_path.glob("*.index"))  # all of it before an index is made
    code, out, err = command("08.jpg", "a/06.jpg", "--json")
    assert (code, [one["photo"] for one in json.loads(out)["found"]]) == (0, ["a/08.jpg", "a/06.jpg"]), err
    code, _, err = command("04.jpg")
    assert (code, "a/04.jpg: empty" in err) == (4, True)


def test_a_photo_in_an_archive_is_found_by_its_place_and_by_the_end_of_its_path(command, tmp_path):
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        for number in range(4):
            archive.writestr(f"images/{number}.jpg", jpeg(painted(number)))
        archive.writestr("top.jpg", jpeg(painted(9)))
    assert command("nowhere.jpg", where="shop.zip")[0] == command("shop.zip/9.jpg", where="shop.zip")[0] == 4
    assert not list(tmp_path.glob("*.index"))
    code, out, err = command("shop.zip/images/1.jpg", "2.jpg", "shop.zip/top.jpg", "--json", where="shop.zip")
    assert code == 0, err
    found = json.loads(out)["found"]
    assert [one["photo"] for one in found] == ["images/1.jpg", "images/2.jpg", "top.jpg"]  # each as one of its own, which it leaves out
    assert [len(one["neighbours"]) for one in found] == [4, 4, 4]


def test_quality_is_printed_as_a_table_with_intervals(command, tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    rows = [f"{number}.jpg,{'Shirts' if number % 2 else 'Shoes'}" for number in range(10)]
    for number in range(10):
        (folder / f"{number}.jpg").write_bytes(jpeg(painted(number % 2)) + bytes([number]))
    (folder / "shop.csv").write_text("\n".join(["path,article_type", *rows]) + "\n")
    code, out, _ = command("--evaluate", "--by", "article_type", where="shop")
    assert code == 0
    assert re.search(r"recall@1 +1\.0000 +1\.0000 +1\.0000", out)
    assert re.search(r"mAP +1\.0000", out)
    tables = json.loads(command("--evaluate", "--by", "article_type", "--json", where="shop")[1])["tables"]
    assert [row[0] for row in tables[1]["rows"]] == ["Shirts", "Shoes"] or [row[0] for row in tables[1]["rows"]] == ["Shoes", "Shirts"]


def test_no_torch_scipy_or_sklearn_is_imported(photos, bundle, tmp_path):
    code = (
        "import sys; sys.argv = ['modiste', 'search', 'a/06.jpg', '--in', sys.argv[1], '--model', sys.argv[2], '--report', sys.argv[3]]\n"
        "from modiste.cli import main\nmain()\n"
        "print([name for name in ('torch', 'sklearn', 'matplotlib', 'scipy', 'fastapi') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, photos, bundle, tmp_path / "a.html"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no names that are not UTF-8")
def test_a_name_that_is_not_utf_8_is_printed_as_it_is_written(photos, bundle, tmp_path):
    odd = os.fsencode(photos / "b") + b"/odd\xff.jpg"
    (photos / "b" / "07.jpg").rename(os.fsdecode(odd))
    command = [sys.executable, "-m", "modiste", "search", odd, "--in", photos, "--model", bundle, "--report", tmp_path / "odd.html"]
    for more in ([], ["--json"]):
        done = subprocess.run([*command, *more], capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"})
        assert done.returncode == 0, done.stderr
        assert (b"b/odd\\udcff.jpg" if more else b"b/odd\xff.jpg") in done.stdout  # JSON is UTF-8, which has no such byte
