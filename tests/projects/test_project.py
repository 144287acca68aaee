"""A project on disk: where one may stand, what it remembers, and who may open it."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from shops import OWN, network, open_studio, say, shop

from modiste.data.opening.hashed import content_hash
from modiste.projects.project import ABOUT, MODELS, Model, Models, about_in, is_project, opened, project_at
from modiste.records.errors import Busy, Damaged, ModisteError, UsageError
from modiste.records.labels import Classes
from modiste.serving.bundle import read_bundle


@pytest.fixture
def photos(tmp_path):
    return shop(tmp_path / "shop", 3)


def test_photos_have_their_project_beside_them(photos, colours):
    folder = project_at(photos, model=colours)
    assert folder == photos.with_name("shop.project")
    assert is_project(folder)
    about = about_in(folder)
    assert (about.source, about.classes, about.model) == (str(photos), OWN.names, str(colours))
    assert sorted(path.name for path in photos.iterdir()) == ["000-Red.png", "001-Green.png", "002-Blue.png"]


def test_a_project_is_found_again_by_its_photos_or_itself(photos, colours, tmp_path):
    folder = project_at(photos, model=colours)
    before = (folder / ABOUT).read_bytes()
    assert project_at(photos) == project_at(folder) == project_at(folder, photos=photos, model=colours) == folder
    assert project_at(photos / ".." / "shop") == folder
    assert (folder / ABOUT).read_bytes() == before
    elsewhere = project_at(tmp_path / "else" / "where", photos=photos, model=colours)
    assert about_in(elsewhere).source == str(photos)


def test_its_classes_are_those_asked_for_or_the_networks(photos, colours, tmp_path):
    assert about_in(project_at(photos, model=colours)).classes == OWN.names
    named = project_at(tmp_path / "named.project", photos=photos, model=colours, classes=Classes(("Hats", "Gloves")))
    assert about_in(named).classes == ("Hats", "Gloves")


def test_a_project_inside_its_photos_is_refused(photos, colours):
    for inside in (photos / "project", photos, photos / "deep" / "er"):
        with pytest.raises(ModisteError, match="never written to"):
            project_at(inside, photos=photos, model=colours)
    link = photos.with_name("link")
    link.symlink_to(photos)
    with pytest.raises(ModisteError, match="never written to"):
        project_at(link / "project", photos=photos, model=colours)
    assert len(list(photos.iterdir())) == 3


def test_another_network_other_classes_other_photos_are_refused(photos, colours, tmp_path):
    folder = project_at(photos, model=colours)
    other, others = network(tmp_path / "other.onnx", (1, 0, 2)), shop(tmp_path / "others", 2)
    for place, given, option in (
        (photos, {"model": other}, "--model"),
        (folder, {"model": other}, "--model"),
        (folder, {"classes": Classes(("Hats", "Gloves"))}, "--classes"),
        (folder, {"photos": others}, "--photos"),
        (folder, {"format": "folders"}, "--format"),
    ):
        with pytest.raises(UsageError, match=option) as refused:
            project_at(place, **given)
        assert str(folder) in str(refused.value)
    assert about_in(folder).model == str(colours)


def test_a_folder_that_is_no_project_is_left_alone(photos, colours, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear diary")
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "mine", tmp_path / "file"):
        with pytest.raises(ModisteError, match="no project"):
            project_at(place, photos=photos, model=colours)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["diary.txt"]
    (tmp_path / "empty").mkdir()
    assert is_project(project_at(tmp_path / "empty", photos=photos, model=colours))  # the control


def test_photos_that_are_not_there_are_said_to_be_missing(colours, tmp_path):
    with pytest.raises(ModisteError, match="is not there"):
        project_at(tmp_path / "nowhere", model=colours)
    with pytest.raises(ModisteError, match="is not there"):
        project_at(tmp_path / "new.project", photos=tmp_path / "nowhere", model=colours)
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_cannot_be_read_leaves_no_project_behind(photos, tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    for model in (tmp_path / "broken.onnx", tmp_path / "missing.onnx"):
        with pytest.raises(ModisteError, match=model.name):
            project_at(photos, model=model)
    assert not is_project(photos.with_name("shop.project"))


def test_photos_that_went_away_later_are_said_to_be_missing(photos, colours):
    folder = project_at(photos, model=colours)
    shutil.move(photos, photos.with_name("moved"))
    assert project_at(folder) == folder
    with opened(folder) as project, pytest.raises(ModisteError, match=str(photos)):
        project.source()


def test_what_a_project_is_about_and_its_networks_are_sealed(photos, colours):
    folder = project_at(photos, model=colours)
    with opened(folder) as project:
        written = Models(0, (Model(0, read_bundle(colours).id), Model(1, "b", "models/1.onnx", words=("better",))), 7)
        project.write_models(written)
        assert project.models() == written
    for name, read in ((ABOUT, about_in), (MODELS, models_in)):
        data = (folder / name).read_bytes()
        for place in range(0, len(data), 7):
            (folder / name).write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            with pytest.raises(ModisteError, match=name):
                read(folder)
            (folder / name).write_bytes(data[:place])
            with pytest.raises(ModisteError, match=name):
                read(folder)
        (folder / name).write_bytes(data)
        read(folder)  # the control


def test_the_network_that_a_project_began_with_is_called_what_it_is_now(photos, tmp_path):
    """It was exported anew, or came with a newer modiste: what is said beside its suggestions is said of a network of the project."""
    first = network(tmp_path / "first.onnx")
    folder = project_at(photos, model=first)
    with opened(folder) as project:
        project.write_models(project.models().with_model(Model(1, "b", "models/1.onnx")))
    before = read_bundle(first).id
    network(first, sharp=3.0)
    assert [one.id for one in models_in(folder).models] == [read_bundle(first).id, "b"] != [before, "b"]


def models_in(folder: Path) -> Models:
    with opened(folder) as project:
        return project.models()


def test_a_project_of_a_later_version_is_not_guessed_at(photos, colours):
    from modiste.records.seal import write_sealed

    folder = project_at(photos, model=colours)
    said = json.loads((folder / ABOUT).read_text())
    said.pop("seal")
    write_sealed(folder / ABOUT, {**said, "version": 99})
    with pytest.raises(ModisteError, match="another version"):
        about_in(folder)


def test_what_people_said_is_there_when_models_json_is_gone(photos, colours):
    with open_studio(photos, model=colours) as made:
        say(made, "000-Red.png", "Blue")
    folder = photos.with_name("shop.project")
    (folder / MODELS).unlink(missing_ok=True)
    (folder / ABOUT).write_bytes(b"{}")
    with pytest.raises((Damaged, ModisteError), match="kept beside it"):
        about_in(folder)
    (folder / ABOUT).unlink()  # as the words say
    with open_studio(photos, model=colours) as made:
        assert made.standing.settled("000-Red.png") == "Blue"


def test_two_processes_cannot_open_one_project(photos, colours):
    folder = project_at(photos, model=colours)
    program = (
        "import sys\nfrom pathlib import Path\nfrom modiste.projects.project import opened\n"
        "with opened(Path(sys.argv[1])):\n    print('open', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(Busy, match=str(folder)), opened(folder):
            pytest.fail("two have it")
        other.kill()
    with opened(folder) as project:  # whoever dies gives it up
        assert project.name == "shop"


def test_a_network_that_is_not_there_is_named(photos, colours):
    with opened(project_at(photos, model=colours)) as project, pytest.raises(UsageError, match="no network number 7"):
        project.models()[7]


def test_a_folder_that_cannot_be_listed_is_left_out_and_told(photos, colours, monkeypatch):
    shut = photos / "shut"
    shut.mkdir()
    listed = os.scandir

    def refused(folder):
        if Path(os.fsdecode(folder)) == shut:
            raise PermissionError(errno.EACCES, "Permission denied")
        return listed(folder)

    monkeypatch.setattr(os, "scandir", refused)
    with open_studio(photos, model=colours) as made:
        assert len(made.found) == 3
        assert made.left_out == (f"{shut} cannot be listed: Permission denied. Check its permissions. Its photos are left out.",)


def test_a_project_follows_its_photos_where_they_went(photos, colours, tmp_path):
    with open_studio(photos, model=colours) as made:
        say(made, "000-Red.png", "Blue")
    folder, moved = photos.with_name("shop.project"), photos.with_name("moved")
    photos.rename(moved)
    with opened(folder) as project, pytest.raises(ModisteError, match=f"modiste app {folder} --photos FOLDER"):
        project.source()
    others = shop(tmp_path / "others" / "deep", 3).parent
    with pytest.raises(UsageError, match=r"none of the 3 photos .* is there, such as '000-Red\.png'"):
        project_at(folder, photos=others)
    with pytest.raises(ModisteError, match="is not there"):
        project_at(folder, photos=tmp_path / "nowhere")
    assert project_at(folder, photos=moved) == folder
    assert about_in(folder).source == str(moved)
    with open_studio(folder) as made:
        assert made.standing.settled("000-Red.png") == "Blue"
        assert len(made.found) == 3


def test_a_project_that_was_moved_beside_its_photos_is_found_by_them(photos, colours, tmp_path):
    project_at(photos, model=colours)
    (tmp_path / "disk").mkdir()
    for name in ("shop", "shop.project"):
        (tmp_path / name).rename(tmp_path / "disk" / name)
    folder, moved = tmp_path / "disk" / "shop.project", tmp_path / "disk" / "shop"
    with pytest.raises(UsageError, match=f"modiste app {folder} --photos {moved}"):
        project_at(moved)  # photos of another shop may be called the same
    assert about_in(folder).source == str(photos)
    assert about_in(project_at(folder, photos=moved)).source == str(moved)


def test_where_the_old_photos_are_there_a_project_follows_none_but_the_same(photos, colours, tmp_path):
    with open_studio(photos, model=colours):
        pass
    folder, copy = photos.with_name("shop.project"), shutil.copytree(photos, tmp_path / "copy")
    with pytest.raises(UsageError, match=r"not .*others.*Leave --photos out"):
        project_at(folder, photos=shop(tmp_path / "others", 3, seed=9))
    with opened(folder), pytest.raises(Busy):
        project_at(folder, photos=copy)
    assert about_in(folder).source == str(photos)
    assert about_in(project_at(folder, photos=copy)).source == str(copy)


def test_where_the_old_photos_are_gone_a_project_follows_none_but_the_same_and_goes_back_always(photos, colours, tmp_path):
    with open_studio(photos, model=colours):
        pass
    folder, away = photos.with_name("shop.project"), tmp_path / "away"
    photos.rename(away)
    others = shop(tmp_path / "others", 3, seed=9)  # the names are the same
    with pytest.raises(UsageError, match=r"of 3 photos .*, 0 are the same"):
        project_at(folder, photos=others)
    assert about_in(project_at(folder, photos=away)).earlier == (str(photos),)
    shop(photos, 3, seed=9)
    with pytest.raises(UsageError, match="--photos"):
        project_at(photos)  # nobody asked
    assert about_in(project_at(folder, photos=photos)).source == str(photos)
    assert about_in(project_at(folder, photos=away)).earlier == (str(photos),)


def test_photos_that_could_not_be_read_have_no_bytes_that_are_the_same(photos, colours, tmp_path):
    def know(**hashes):
        monkey.setattr("modiste.projects.project.hashes_before", lambda _looks: {f"{name}.png": sha for name, sha in hashes.items()})

    folder, moved = project_at(photos, model=colours), tmp_path / "moved"
    photos.rename(moved)
    sha = content_hash(moved, "000-Red.png")
    (moved / "bent.png").symlink_to("nowhere")
    with pytest.MonkeyPatch.context() as monkey:
        know(**{"000-Red": bytes(32), "gone": sha})
        with pytest.raises(UsageError, match=r"none of the 1 photos"):
            project_at(folder, photos=moved)
        know(gone=bytes(32))
        with pytest.raises(UsageError, match=r"none of the 1 photos"):
            project_at(folder, photos=moved)
        know(**{"000-Red": sha, "001-Green": bytes(32), "bent": bytes(32)})
        assert about_in(project_at(folder, photos=moved)).source == str(moved)
        moved = moved.rename(tmp_path / "moved-on")
        know(bent=bytes(32))  # of no photo's bytes anything is known
        assert about_in(project_at(folder, photos=moved)).source == str(moved)
