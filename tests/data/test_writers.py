"""What was written reads back equal, and nothing of the user's is ever written over."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from modiste.data.layouts.croissant import full_name, write_croissant
from modiste.data.layouts.label_studio_tasks import write_label_studio
from modiste.data.layouts.parquet_shards import write_parquet
from modiste.data.layouts.readers import READERS, innermost, read
from modiste.data.layouts.rows import COLUMNS, escaped, restored
from modiste.data.layouts.writers import WRITERS, write, write_folders, write_paper
from modiste.data.opening.stores import open_store, read_photo
from modiste.records.catalogue import Catalogue, Photo, Suggestion
from modiste.records.errors import MachineError, ModisteError
from modiste.records.labels import PAPER_CLASSES, Classes

BUFFER = io.BytesIO()
Image.new("L", (2, 2)).save(BUFFER, "PNG")
PICTURE = BUFFER.getvalue()

letters = st.one_of(
    st.sampled_from("=+-@'\",;\t\r\n #.%é衣\u202e\udc80"), st.characters(exclude_categories=("Cs",), exclude_characters="/\\\0")
)
names = st.text(letters, min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..") and len(name.encode("utf-8", "surrogateescape")) < 200
)
texts = st.text(st.one_of(st.sampled_from("=+-@'\",;\t\r\n"), st.characters(exclude_categories=("Cs",))), max_size=12)
trimmed = texts.map(str.strip)


@st.composite
def photo_rows(draw: st.DrawFn) -> list[Photo]:
    folders = st.sampled_from(["", "images/", "images/a/", "images/images/", "b c/"])
    paths = draw(st.lists(st.builds("{}{}.png".format, folders, names), min_size=1, max_size=6, unique_by=str.casefold))
    labels = st.one_of(st.none(), st.integers(0, 3))
    suggestions = st.one_of(st.none(), st.builds(Suggestion, st.integers(0, 3), texts))
    splits = st.sampled_from(["train", "validation", "test", "extra", "other", ""])
    details = st.dictionaries(trimmed.filter(lambda key: key and key.casefold() not in COLUMNS), texts.filter(bool), max_size=2)
    return [Photo(path, draw(labels), draw(suggestions), draw(trimmed), draw(trimmed), draw(splits), draw(details)) for path in paths]


def on_disk(root: Path, photos: list[Photo]) -> Catalogue:
    for photo in photos:
        (root / photo.path).parent.mkdir(parents=True, exist_ok=True)
        (root / photo.path).write_bytes(PICTURE + photo.path.encode("utf-8", "surrogateescape"))
    return Catalogue(root, PAPER_CLASSES, tuple(photos))


@given(photo_rows(), st.booleans())
@settings(max_examples=100, deadline=None)
def test_the_paper_s_format_gives_an_equal_catalogue_back(photos, copy):
    """Names with newlines, quotes, formulas, right-to-left marks and bytes that are not UTF-8 among them."""
    with tempfile.TemporaryDirectory() as folder:
        root, to = Path(folder) / "from", Path(folder) / "to"
        catalogue = on_disk(root, photos)
        again = read(write_paper(catalogue, to, copy), "paper")
        assert again.photos == catalogue.photos
        assert again.classes == catalogue.classes
        assert all((to / photo.path).read_bytes() == (root / photo.path).read_bytes() for photo in photos)


@given(photo_rows(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_label_studio_s_tasks_give_an_equal_catalogue_back(photos, copy):
    """Also through addresses: names with %, ?, #, & and bytes that are not UTF-8 among them."""
    with tempfile.TemporaryDirectory() as folder:
        root, to = Path(folder) / "from", Path(folder) / "to"
        catalogue = on_disk(root, photos)
        again = read(write_label_studio(catalogue, to, copy), "label-studio")
        assert again.photos == catalogue.photos
        assert again.classes == catalogue.classes
        assert all((to / photo.path).read_bytes() == (root / photo.path).read_bytes() for photo in photos)


@given(photo_rows())
@settings(max_examples=60, deadline=None)
def test_parquet_gives_all_that_is_known_of_each_photo_back_with_its_bytes(photos):
    """A photo's path begins with its file's; the rest of it, and all else, is equal."""
    photos = [photo for photo in photos if "\udc80" not in photo.path]
    with tempfile.TemporaryDirectory() as folder:
        root, to = Path(folder) / "from", Path(folder) / "to"
        catalogue = on_disk(root, photos)
        if not photos:
            return
        again = read(write_parquet(catalogue, to), "parquet")
        by_path = {photo.path.split(".parquet/", 1)[1]: photo for photo in again.photos}
        assert {path: replace(photo, path=path) for path, photo in by_path.items()} == {photo.path: photo for photo in photos}
        assert again.classes == catalogue.classes
        for path, photo in by_path.items():
            assert read_photo(again.root, photo.path) == (root / path).read_bytes()


@given(photo_rows())
@settings(max_examples=60, deadline=None)
def test_croissant_gives_an_equal_catalogue_back(photos):
    paths = {photo.path for photo in photos}
    photos = [photo for photo in photos if photo.path == escaped(photo.path) == full_name(photo.path, paths) and "\udc80" not in photo.path]
    with tempfile.TemporaryDirectory() as folder:
        catalogue = on_disk(Path(folder) / "from", photos)
        if photos:
            again = read(write_croissant(catalogue, Path(folder) / "to"))
            assert (again.photos, again.classes) == (catalogue.photos, catalogue.classes)


@given(photo_rows())
@settings(max_examples=60, deadline=None)
def test_folders_keep_label_split_and_bytes_of_every_photo(photos):
    with tempfile.TemporaryDirectory() as folder:
        root, to = Path(folder) / "from", Path(folder) / "to"
        catalogue = on_disk(root, photos)
        again = read(write_folders(catalogue, to), "folders")

        def content(catalogue: Catalogue) -> list[tuple[object, ...]]:
            rows = [(photo.label, photo.split, (catalogue.root / photo.path).read_bytes()) for photo in catalogue.photos]
            return sorted(rows, key=repr)

        assert content(again) == content(catalogue)
        assert again.classes == catalogue.classes


@given(texts)
def test_no_cell_reaches_a_spreadsheet_as_a_formula(cell):
    assert not escaped(cell).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert restored(escaped(cell)) == cell


def small(root: Path) -> Catalogue:
    return on_disk(
        root, [Photo("images/1.png", 0, split="train"), Photo("images/2.png", 1, split="test"), Photo("images/3.png", split="test")]
    )


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_writes_what_its_reader_reads(name, tmp_path):
    catalogue = small(tmp_path / "from")
    again = READERS.get(name, READERS["paper"]).read(innermost(open_store(WRITERS[name](catalogue, tmp_path / "to", True))), None, None)
    assert again == read(tmp_path / "to")
    assert again.counts() == catalogue.counts()
    assert {photo.split for photo in again.photos} == {"train", "test"}


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_that_holds_something_is_left_alone(name, tmp_path):
    catalogue = small(tmp_path / "from")
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "mine.txt").write_text("mine")
    with pytest.raises(ModisteError, match="not an empty folder"):
        WRITERS[name](catalogue, tmp_path / "to", True)
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["mine.txt"]


@pytest.mark.skipif(os.name != "posix", reason="files are kept small by the system's own limit")
@pytest.mark.parametrize("name", WRITERS)
def test_a_disk_that_takes_no_more_is_said_in_words_and_leaves_nothing_that_looks_whole(name, tmp_path):
    import resource

    catalogue = small(tmp_path / "from")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, before[1]))
    try:
        with pytest.raises(MachineError, match=r"could not be written: .*File too large") as refused:
            WRITERS[name](catalogue, tmp_path / "to", True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(tmp_path / "to") in str(refused.value)
    whole = {"labels.csv", "classes.txt", "tasks.json", "croissant.json"}
    assert not [path for path in (tmp_path / "to").rglob("*") if path.name in whole or path.suffix in (".parquet", ".part")]


def test_labels_are_plain_numbers_and_the_rest_is_escaped(tmp_path):
    on_disk(tmp_path / "from", [Photo("images/=1.png", None, details={"Attribute": "+x", "@note": "-5"})])
    catalogue = Catalogue(tmp_path / "from", PAPER_CLASSES, (Photo("images/=1.png", None, details={"Attribute": "+x", "@note": "-5"}),))
    header, row = (write_paper(catalogue, tmp_path / "to") / "labels.csv").read_text().splitlines()
    assert header.endswith(",'@note")
    assert row == "'=1.png,-1,'+x,,,,,,'-5"


def test_a_photo_beside_the_label_file_is_not_taken_for_its_namesake_under_images(tmp_path):
    catalogue = on_disk(tmp_path / "from", [Photo("1.png", 0), Photo("images/1.png", 1), Photo("images/images/1.png", 2)])
    assert read(write_paper(catalogue, tmp_path / "to")).photos == catalogue.photos


def test_without_copy_photos_are_linked_and_with_it_they_are_apart(tmp_path):
    catalogue = small(tmp_path / "from")
    linked, copied = write_paper(catalogue, tmp_path / "a", copy=False), write_paper(catalogue, tmp_path / "b")
    assert (linked / "images/1.png").samefile(tmp_path / "from/images/1.png")
    assert not (copied / "images/1.png").samefile(tmp_path / "from/images/1.png")


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("packing", ["zip", "tar"])
def test_photos_come_out_of_archives_as_they_are(name, packing, tmp_path):
    catalogue = small(tmp_path / "from")
    write_paper(catalogue, tmp_path / "plain")
    packed = read(shutil.make_archive(str(tmp_path / "packed"), packing, tmp_path / "plain"))
    for copy in (True, False):
        again = read(WRITERS[name](packed, tmp_path / f"{name}-{copy}", copy))
        assert contents(again) == contents(catalogue)


def test_photos_come_out_of_parquet_as_they_are(tmp_path):
    catalogue = small(tmp_path / "from")
    shards = read(write_parquet(catalogue, tmp_path / "shards"))
    assert contents(read(write_paper(shards, tmp_path / "paper"))) == contents(catalogue)


def contents(catalogue: Catalogue) -> list[tuple[str, str, bytes]]:
    """Label, split and bytes of each photo, whatever it is called."""
    return sorted((str(photo.label), photo.split, read_photo(catalogue.root, photo.path)) for photo in catalogue.photos)


def test_classes_that_no_row_has_survive(tmp_path):
    hats = Classes(("Hats", "Gloves", "Ties"))
    catalogue = Catalogue(tmp_path / "from", hats, (Photo("images/1.png", 1),))
    on_disk(tmp_path / "from", list(catalogue.photos))
    assert read(write_paper(catalogue, tmp_path / "a")).classes == hats
    assert read(write_folders(catalogue, tmp_path / "b")).classes == hats


@pytest.mark.parametrize(
    "photo, said",
    [
        (Photo("images/1.png", 0, split="mine"), "split 'mine' cannot be written"),
        (Photo("images/1.png", 0, details={"Label": "x"}), "details must not be called 'Label'"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path, photo, said):
    on_disk(tmp_path / "from", [photo])
    with pytest.raises(ModisteError, match=said):
        write_paper(Catalogue(tmp_path / "from", PAPER_CLASSES, (photo,)), tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_photos_outside_the_root_are_not_copied(tmp_path):
    on_disk(tmp_path, [Photo("secret.png")])
    (tmp_path / "from").mkdir()
    for name, writer in WRITERS.items():
        with pytest.raises(ModisteError, match="outside_root"):
            writer(Catalogue(tmp_path / "from", PAPER_CLASSES, (Photo("../secret.png", 0),)), tmp_path / name, True)


def test_a_class_that_cannot_be_a_folder_is_refused(tmp_path):
    on_disk(tmp_path, [Photo("1.png")])
    with pytest.raises(ModisteError, match="cannot be a folder's name"):
        write_folders(Catalogue(tmp_path, Classes(("a/b", "c")), (Photo("1.png", 0),)), tmp_path / "to")


def test_a_folder_is_not_called_as_a_file_is(tmp_path):
    on_disk(tmp_path, [Photo("1.png")])
    with pytest.raises(ModisteError, match=r"all\.parquet: what is written is a folder"):
        write(Catalogue(tmp_path, PAPER_CLASSES, (Photo("1.png", 0),)), tmp_path / "all.parquet", "parquet")


# Written whole or not at all


@pytest.mark.parametrize("name", WRITERS)
def test_a_new_folder_is_there_when_all_of_it_is_and_leaves_nothing_where_writing_fails(name, tmp_path):
    catalogue = small(tmp_path / "from")
    seen = []
    assert write(catalogue, tmp_path / "good", name, tell=lambda _: seen.append((tmp_path / "good").exists())) == tmp_path / "good"
    assert seen
    assert not any(seen)
    (tmp_path / "from" / "images" / "2.png").unlink()
    with pytest.raises(ModisteError, match="missing"):
        write(catalogue, tmp_path / "bad", name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["from", "good"]


def test_what_a_killed_program_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path):
    catalogue = small(tmp_path / "from")
    (tmp_path / ".modiste-part-999999999-to").mkdir()
    (tmp_path / ".modiste-part-1-to").mkdir()
    write(catalogue, tmp_path / "to")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".modiste-part-1-to", "from", "to"]


def test_an_empty_folder_that_is_there_stays_what_it_is(tmp_path, monkeypatch):
    """The current folder, and a link to a folder on another disk."""
    catalogue = small(tmp_path / "from")
    (tmp_path / "here").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    before = (tmp_path / "here").stat().st_ino
    monkeypatch.chdir(tmp_path / "here")
    write(catalogue, Path())
    write(catalogue, tmp_path / "link")
    assert (tmp_path / "here").stat().st_ino == before
    assert (tmp_path / "link").is_symlink()
    assert read(tmp_path / "here").photos == read(tmp_path / "elsewhere").photos == catalogue.photos
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".modiste")]


def test_nothing_is_written_among_the_photos_of_the_catalogue(tmp_path):
    catalogue = small(tmp_path / "from")
    with pytest.raises(ModisteError, match="never written to"):
        write(catalogue, tmp_path / "from" / "to")
    with pytest.raises(ModisteError, match="Did you mean 'paper'"):
        write(catalogue, tmp_path / "to", "papers")
    assert not (tmp_path / "to").exists()
