"""An audit from the door: what is typed, what is written, how it ends, what is remembered."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from modiste import audits
from modiste.audits import audit
from modiste.data.layouts.readers import read
from modiste.data.layouts.sources import source_at
from modiste.records.catalogue import Catalogue
from modiste.records.errors import MachineError, ModisteError, UsageError


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "modiste", *arguments], capture_output=True, text=True, check=False, cwd=cwd)


@pytest.fixture
def shop(drawn: Catalogue, tmp_path: Path) -> Path:
    """Drawn photos, one of them twice under two labels, one torn, one with a name that a page would run."""
    shutil.copytree(drawn.root, tmp_path / "shop")
    shop = tmp_path / "shop"
    labels = (shop / "labels.csv").read_text().splitlines()
    name = labels[1].split(",")[0]
    (shop / "images" / "<script>alert(1)<'>.jpg").write_bytes((shop / "images" / name).read_bytes())
    (shop / "images" / "torn.jpg").write_bytes((shop / "images" / name).read_bytes()[:500])
    other = "Bags" if labels[1].split(",")[2] != "Bags" else "Shoes"
    rest = "," * (labels[0].count(",") - 2)
    lines = [*labels, f"<script>alert(1)<'>.jpg,{'3' if other == 'Bags' else '0'},{other}{rest}", f"torn.jpg,0,Shoes{rest}"]
    (shop / "labels.csv").write_text("\n".join(lines) + "\n")
    return shop


def test_an_audit_writes_findings_a_page_and_a_mended_catalogue_and_ends_with_3_for_unreadable_photos(shop, tmp_path):
    done = run("data", "audit", "shop", "--fix", "clean", "--seed", "1", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    for said in ("audit/shop/findings.csv", "audit/shop/report.html", "Mended: clean", "unreadable", "two_labels"):
        assert said in done.stdout
    page = (tmp_path / "audit/shop/report.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;&#x27;&gt;.jpg" in page
    about = json.loads((tmp_path / "audit/shop/about.json").read_text())
    assert about["Command"] == "modiste data audit shop --fix clean --seed 1"
    clean = read(tmp_path / "clean")
    assert "images/torn.jpg" not in {photo.path for photo in clean.photos}
    changes = (tmp_path / "clean/changes.csv").read_text()
    assert "images/torn.jpg,left out,unreadable: t" in changes
    assert changes.startswith("path,change,why\n")
    assert [said.path for said in source_at(tmp_path / "clean").photos()] == [photo.path for photo in clean.photos]


def test_what_is_dismissed_is_not_shown_again(shop, tmp_path):
    done = json.loads(run("data", "audit", "shop", "--no-label-errors", "--json", cwd=tmp_path).stdout)
    rows = (tmp_path / "audit/shop/findings.csv").read_text().splitlines()[1:]
    ids = {row.split(",")[0] for row in rows if ",two_labels," in row}
    assert len(ids) == 1
    assert run("data", "dismiss", "audit/shop", *ids, "--note", "one shoe, two names", cwd=tmp_path).returncode == 0
    again = json.loads(run("data", "audit", "shop", "--no-label-errors", "--json", cwd=tmp_path).stdout)
    assert [row[0] for row in done["rows"] if row not in again["rows"]] == ["two_labels", "exact_duplicate"]
    assert "2 more were dismissed earlier." in again["notes"]


def test_an_audit_does_not_write_among_the_photos(shop, tmp_path):
    done = run("data", "audit", "shop", "--output", "shop/audit", cwd=tmp_path)
    assert done.returncode == 4
    assert "which is never written to" in done.stderr
    assert not (shop / "audit").exists()


def test_an_audit_writes_over_an_earlier_audit_of_the_same_place_alone(shop, tmp_path):
    once = audit(shop, tmp_path / "audit", label_errors=False)
    assert audit(shop, tmp_path / "audit", label_errors=False).report == once.report
    page = once.report.read_text()
    for name, text in (
        ("about.json", '{"format": 1, "sha256": {}}'),  # a run's
        ("report.html", page.replace("<title>Audit of", "<title>Study of")),
        ("findings.csv", "photo,truth,called\n"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(text)
        with pytest.raises(ModisteError, match=f"{name} is there already, and `modiste data audit` did not write it"):
            audit(shop, tmp_path / name)
        assert [(path.name, path.read_text()) for path in (tmp_path / name).iterdir()] == [(name, text)]


def test_two_folders_of_one_name_are_not_audited_into_one_place(shop, tmp_path, monkeypatch):
    shutil.copytree(shop, tmp_path / "b" / "shop")
    monkeypatch.chdir(tmp_path)
    first = audit("shop", label_errors=False).report.read_text()
    with pytest.raises(ModisteError, match=r"audit/shop holds the audit of .*Give another folder"):
        audit("b/shop", label_errors=False)
    assert (tmp_path / "audit/shop/report.html").read_text() == first
    assert audit("b/shop", "audit/shop", label_errors=False).folder == Path("audit/shop")  # on purpose


def test_an_audit_of_an_archive_says_what_the_audit_of_its_folder_says(shop, tmp_path):
    shutil.make_archive(str(tmp_path / "packed"), "zip", shop)
    one = json.loads(run("data", "audit", "shop", "--no-label-errors", "--json", cwd=tmp_path).stdout)
    other = json.loads(run("data", "audit", "packed.zip", "--no-label-errors", "--json", cwd=tmp_path).stdout)
    assert one["rows"] == other["rows"]


def test_an_unknown_finding_is_answered_in_words(shop, tmp_path):
    run("data", "audit", "shop", "--no-label-errors", cwd=tmp_path)
    done = run("data", "dismiss", "audit/shop", "nothing", cwd=tmp_path)
    assert (done.returncode, "no finding 'nothing'" in done.stderr) == (4, True)
    assert run("data", "dismiss", "audit/shop", cwd=tmp_path).returncode == 2


def test_folders_that_are_no_classes_are_audited_without_labels(drawn, tmp_path):
    photos = sorted((drawn.root / "images").iterdir())
    for number, photo in enumerate(photos[:6]):
        (tmp_path / "shop" / f"2024-{number % 3}").mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, tmp_path / "shop" / f"2024-{number % 3}" / photo.name)
    done = json.loads(run("data", "audit", "shop", "--json", cwd=tmp_path).stdout)
    assert "6 photos of shop" in done["title"]
    assert "The folders were not taken for classes, which nobody declared: --classes declares them." in done["notes"]
    assert run("data", "audit", "shop", "--format", "folders", cwd=tmp_path).returncode == 4


def test_a_folder_for_the_mended_catalogue_may_be_given_as_text(shop, tmp_path):
    found = audit(tmp_path / "shop", str(tmp_path / "audit"), fix=str(tmp_path / "clean"), label_errors=False)
    assert found.fixed_at == tmp_path / "clean"
    assert (tmp_path / "clean" / "changes.csv").is_file()


def test_a_mended_catalogue_comes_to_be_with_its_changes_or_not_at_all(shop, tmp_path, monkeypatch):
    """Its name is looked at before any photo is; a disk that fills up while the changes are written leaves no catalogue without them."""
    with pytest.raises(UsageError, match=r"clean\.zip: what is written is a folder"):
        audit(shop, tmp_path / "audit", fix=tmp_path / "clean.zip")
    assert not (tmp_path / "audit").exists()
    write = audits.write_text

    def full(path: Path, text: str) -> Path:
        if path.name == "changes.csv":
            raise MachineError(f"{path} could not be written: No space left on device.")
        return write(path, text)

    monkeypatch.setattr(audits, "write_text", full)
    with pytest.raises(MachineError, match="No space left"):
        audit(shop, tmp_path / "audit", fix=tmp_path / "clean", label_errors=False)
    assert not (tmp_path / "clean").exists()
    monkeypatch.setattr(audits, "write_text", write)
    assert audit(shop, tmp_path / "audit", fix=tmp_path / "clean", label_errors=False).fixed_at == tmp_path / "clean"
