"""Photos are read alike from folders, zips and tars, and nothing outside a root is ever opened."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import unicodedata
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from modiste.data.layouts.readers import read
from modiste.data.layouts.sources import source_at
from modiste.data.opening.containers import CONTAINERS
from modiste.data.opening.hashed import content_hash, nothing
from modiste.data.opening.refusals import MOST_BYTES, PhotoRefused
from modiste.data.opening.stores import Store, open_store, read_photo
from modiste.data.opening.workers import each_photo
from modiste.records.errors import ModisteError


def zipped(folder: Path, to: Path) -> Path:
    with zipfile.ZipFile(to, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return to


def tarred(folder: Path, to: Path) -> Path:
    with tarfile.open(to, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.add(file, f"./{file.name}")
    return to


@pytest.fixture
def places(tmp_path: Path, paint) -> list[Path]:
    """The same catalogue as a folder, a zip, a tar, and a zip with all of it in one folder."""
    paint(tmp_path / "plain", "images/1.jpg", "images/deep/2.jpg", "images/._1.jpg", "Thumbs.db")
    (tmp_path / "plain" / "labels.csv").write_text("Image_Name,Label,Attribute,split\n1.jpg,0,Shoes,train\ndeep/2.jpg,3,Bags,test\n")
    (tmp_path / "outer").mkdir()
    (tmp_path / "plain").rename(tmp_path / "outer" / "plain")
    plain = tmp_path / "outer" / "plain"
    return [plain, zipped(plain, tmp_path / "a.zip"), tarred(plain, tmp_path / "a.TAR"), zipped(tmp_path / "outer", tmp_path / "b.zip")]


def test_a_catalogue_is_the_same_in_a_folder_and_in_every_archive(places):
    first, *others = [read(place) for place in places]
    for other in others:
        assert other.photos == first.photos
        assert [read_photo(other.root, photo.path) for photo in other.photos] == [
            read_photo(first.root, photo.path) for photo in first.photos
        ]


def test_a_label_file_or_folder_inside_an_archive_may_be_named(places):
    whole = read(places[1])
    assert read(places[1] / "labels.csv").photos == whole.photos
    assert read(places[3] / "plain").photos == whole.photos
    with pytest.raises(ModisteError, match=r"a\.zip holds no file or folder 'nothing'"):
        read(places[1] / "nothing")


def test_a_walk_passes_over_hidden_files_and_side_cars_and_counts_them(places):
    for place in places[:3]:
        store = open_store(place)
        assert sorted(store.below()) == ["images/1.jpg", "images/deep/2.jpg", "labels.csv"]
        assert store.passed_over == 2


def reason(root: Path, path: str) -> str:
    with pytest.raises(PhotoRefused) as refused:
        read_photo(root, path)
    return refused.value.reason


def test_what_an_archive_holds_of_links_devices_and_ways_out_is_never_followed(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, kind, target in (("link.jpg", tarfile.SYMTYPE, "/etc/passwd"), ("pipe.jpg", tarfile.FIFOTYPE, "")):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
        for name in ("../out.jpg", "/root.jpg", "good.jpg"):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"good"))
    store = open_store(tmp_path / "a.tar")
    assert list(store.below()) == ["good.jpg", "link.jpg", "pipe.jpg", "root.jpg"]  # unpacking takes away the '/' in front
    assert store.outside == 1
    assert reason(tmp_path / "a.tar", "link.jpg") == reason(tmp_path / "a.tar", "pipe.jpg") == "not_a_regular_file"
    assert reason(tmp_path / "a.tar", "../out.jpg") == "outside_root"
    assert reason(tmp_path / "a.tar", "none.jpg") == "missing"
    assert read_photo(tmp_path / "a.tar", "good.jpg") == b"good"


def packed(folder: Path, names: list[str], jpeg) -> list[Path]:
    """Photos under some names, in a zip and in a tar."""
    with zipfile.ZipFile(folder / "a.zip", "w") as archive, tarfile.open(folder / "a.tar", "w") as tar:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), jpeg(name))
            member = tarfile.TarInfo(name)
            member.size = len(jpeg(name))
            tar.addfile(member, io.BytesIO(jpeg(name)))
    return [folder / "a.zip", folder / "a.tar"]


def test_members_whose_names_lead_from_the_root_are_taken_and_those_that_lead_out_are_counted(tmp_path, jpeg):
    said = "members of the archive passed over, as their names lead out of it: 2."
    for place in packed(tmp_path, ["/Shoes/1.jpg", "Shoes/2.jpg", "../3.jpg", "/../4.jpg"], jpeg):
        catalogue, source = read(place), source_at(place)
        assert [photo.path for photo in catalogue.photos] == [each.path for each in source.photos()] == ["Shoes/1.jpg", "Shoes/2.jpg"]
        assert read_photo(place, "Shoes/1.jpg") == jpeg("/Shoes/1.jpg")
        assert said in catalogue.notes
        assert said in source.passed_over()


def without_the_flag(place: Path) -> Path:
    """A zip as Macs and Linux write it: names in UTF-8, and no flag that says so."""
    data = bytearray(place.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + flags + 1] &= ~8
            at = data.find(signature, at + 1)
    place.write_bytes(data)
    return place


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_in_a_zip_that_does_not_say_that_they_are_utf_8_are_read_as_such(tmp_path, jpeg, form):
    names = [unicodedata.normalize(form, name) for name in ("shop/Gürtel_1.jpg", "shop/帽子.jpg", "shop/plain.jpg")]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in names:
            archive.writestr(name, jpeg(name))
        archive.writestr("shop/labels.csv", "Image_Name,Label,Attribute\nGürtel_1.jpg,2,Accessories\n帽子.jpg,2,Accessories\n")
    where = without_the_flag(tmp_path / "a.zip")
    assert zipfile.ZipFile(where).namelist()[0] != names[0]
    catalogue = read(where)
    assert [f"shop/{photo.path}" for photo in catalogue.photos] == names[:2]
    assert [read_photo(where, name) for name in names] == list(map(jpeg, names))


def test_names_in_a_zip_of_dos_stay_as_dos_wrote_them(tmp_path, jpeg):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("G_rtel.jpg", jpeg("a"))
    data = (tmp_path / "a.zip").read_bytes().replace(b"G_rtel", "Gürtel".encode("cp437"))
    (tmp_path / "a.zip").write_bytes(data)
    assert list(open_store(tmp_path / "a.zip").below()) == ["Gürtel.jpg"]
    assert read_photo(tmp_path / "a.zip", "Gürtel.jpg") == jpeg("a")


@pytest.mark.parametrize("layout", ["folders", "photos"])
def test_links_to_folders_are_not_followed_and_are_named(tmp_path, paint, layout):
    paint(tmp_path, "shop/Shoes/1.jpg", "elsewhere/2.jpg")
    (tmp_path / "shop" / "Bags").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "shop" / "Shoes" / "more").symlink_to("../../elsewhere")
    (tmp_path / "shop" / ".hidden").symlink_to(tmp_path / "elsewhere")
    said = "links to folders are not followed: Bags, Shoes/more."
    catalogue, source = read(tmp_path / "shop", layout), source_at(tmp_path / "shop")
    assert [photo.path for photo in catalogue.photos] == [each.path for each in source.photos()] == ["Shoes/1.jpg"]
    assert catalogue.notes == (said,)
    assert said in source.passed_over()
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModisteError, match="Links to folders are not followed: a"):
        read(tmp_path / "links")


def test_a_zip_with_links_a_lie_about_sizes_damage_or_a_password_refuses_that_photo_alone(tmp_path):
    link = zipfile.ZipInfo("link.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("good.jpg", b"good")
        archive.writestr("torn.jpg", b"torn-content")
        archive.writestr("locked.jpg", b"x")
        archive.writestr(link, "/etc/passwd")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    place = data.index(b"torn-content")
    data[place] ^= 255
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the third member says that it is encrypted
        start = -1
        for _ in range(3):
            start = data.index(signature, start + 1)
        data[start + flags] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    assert read_photo(tmp_path / "a.zip", "good.jpg") == b"good"
    assert reason(tmp_path / "a.zip", "torn.jpg") == "corrupt"
    assert reason(tmp_path / "a.zip", "locked.jpg") == "unreadable"
    assert reason(tmp_path / "a.zip", "link.jpg") == "not_a_regular_file"


def test_a_bomb_in_a_zip_is_refused_by_the_size_it_states(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb.jpg", "w") as bomb:
        for _ in range(MOST_BYTES // (1 << 24) + 1):
            bomb.write(bytes(1 << 24))
    assert (tmp_path / "a.zip").stat().st_size < 1_000_000
    assert reason(tmp_path / "a.zip", "bomb.jpg") == "file_too_big"


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "sparse.jpg").open("wb") as file:
        file.truncate(20 << 30)
    assert reason(tmp_path, "sparse.jpg") == "file_too_big"


def test_an_archive_that_lies_outside_the_root_is_not_opened_through_a_link(tmp_path, paint):
    paint(tmp_path / "secret", "1.jpg")
    zipped(tmp_path / "secret", tmp_path / "secret.zip")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "in.zip").symlink_to(tmp_path / "secret.zip")
    assert reason(tmp_path / "root", "in.zip/1.jpg") == "outside_root"
    zipped(tmp_path / "secret", tmp_path / "root" / "own.zip")
    assert read_photo(tmp_path / "root", "own.zip/1.jpg") == (tmp_path / "secret" / "1.jpg").read_bytes()


@pytest.mark.parametrize("name", [name for name in CONTAINERS if name not in (".parquet",)])
def test_what_only_claims_to_be_an_archive_is_refused_in_words(tmp_path, name):
    (tmp_path / f"photos{name}").write_bytes(b"no archive")
    with pytest.raises(ModisteError, match="photos"):
        read(tmp_path / f"photos{name}")


def test_a_broken_archive_among_photos_refuses_its_own_photos_alone(tmp_path, paint):
    paint(tmp_path / "shop", "1.jpg")
    (tmp_path / "shop" / "more.zip").write_bytes(b"no archive")
    _, refused = each_photo(tmp_path / "shop", ["1.jpg", "more.zip/2.jpg"], nothing)
    assert (refused.where, refused.reason) == ("more.zip/2.jpg", "corrupt")
    assert "more.zip cannot be read as a zip file" in refused.detail
    with pytest.raises(ModisteError, match="cannot be read as a zip file"):  # where it is all there is, that is said once
        read_photo(tmp_path / "shop" / "more.zip", "2.jpg")


def test_a_changed_archive_is_read_anew(tmp_path, paint):
    paint(tmp_path / "a", "1.jpg")
    file = zipped(tmp_path / "a", tmp_path / "a.zip")
    assert list(open_store(file).below()) == ["1.jpg"]
    paint(tmp_path / "a", "2.jpg")
    zipped(tmp_path / "a", file)
    os.utime(file, ns=(1, 1))
    assert list(open_store(file).below()) == ["1.jpg", "2.jpg"]


def test_a_folder_deeper_than_python_recurses_is_walked(tmp_path):
    deep = {"": ([], ["d"])} | {"/".join(["d"] * depth): (["1.jpg"], ["d"] if depth < 3000 else []) for depth in range(1, 3001)}
    assert sum(1 for _ in Store(tmp_path, "", lambda folder: deep[folder]).below()) == 3000


PACKED = {
    "stored.zip": lambda to: zip_of(to, zipfile.ZIP_STORED),
    "deflate.zip": lambda to: zip_of(to, zipfile.ZIP_DEFLATED),
    "bz2.zip": lambda to: zip_of(to, zipfile.ZIP_BZIP2),
    "lzma.zip": lambda to: zip_of(to, zipfile.ZIP_LZMA),
    "gnu.tar": lambda to: tar_of(to, tarfile.GNU_FORMAT),
    "pax.tar": lambda to: tar_of(to, tarfile.PAX_FORMAT),
}
MEMBERS = {"1.jpg": bytes(range(200)), "ä.jpg": b"hello" * 40, f"{'long' * 30}.jpg": b"long" * 9}


def zip_of(to: io.BytesIO, how: int) -> None:
    with zipfile.ZipFile(to, "w", how) as archive:
        for name, data in MEMBERS.items():
            archive.writestr(name, data)


def tar_of(to: io.BytesIO, how: int) -> None:
    with tarfile.open(fileobj=to, mode="w", format=how) as archive:
        for name, data in MEMBERS.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


@pytest.mark.parametrize("name", PACKED)
def test_a_byte_that_changed_anywhere_in_an_archive_is_told_and_no_photo_is_lost_for_it(tmp_path, name):
    """Each archive is read whole, or its photos one by one (a reason for what cannot be read), or it is refused in words."""
    made, outcomes = io.BytesIO(), Counter[str]()
    PACKED[name](made)
    whole = made.getvalue()
    for place in range(0, len(whole), 3 if name.endswith("zip") else 31):
        bent = bytearray(whole)
        bent[place] ^= 255
        file = tmp_path / f"{place}-{name}"
        file.write_bytes(bent)
        try:
            paths = list(open_store(file).below())
        except ModisteError as refused:
            outcomes["whole" if file.name in str(refused) else str(refused)] += 1
            continue
        assert len(paths) == len(MEMBERS), place
        hashes = [content_hash(file, path) for path in paths]
        outcomes["one by one" if None in hashes else "read"] += 1
    assert set(outcomes) == {"whole", "read", *(["one by one"] if name.endswith("zip") else [])}
