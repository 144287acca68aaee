"""The decoded store: found by content, decoded once whoever asks, whole after any kill, bounded, and never trusted blindly."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modiste.data import decoded, slots
from modiste.data.decoded import Pictures, decode, slots_of
from modiste.data.describe import contents
from modiste.data.opening.refusals import PhotoRefused
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import MachineError, ModisteError
from modiste.records.labels import PAPER_CLASSES
from modiste.records.recipe import FITS, Pixels

SMALL = Pixels(side=32)
SLOT_BYTES = 32 * 32

# builds the store of the catalogue in argv[1] in argv[2]; what comes before it decides how it dies
BUILDING = """
import os, sys
from pathlib import Path
from modiste.data import decoded
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.labels import PAPER_CLASSES
from modiste.records.recipe import Pixels
root, cache = map(Path, sys.argv[1:3])
photos = tuple(Photo(path.name, 0) for path in sorted(root.iterdir()))
def build():
    return decoded.decode(Catalogue(root, PAPER_CLASSES, photos), Pixels(side=32), cache)
"""


def paint(path, seed):
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 60, 3), np.uint8)).save(path)


@pytest.fixture
def shelf(tmp_path):
    """Six photos of random dots, wider than high."""
    (tmp_path / "photos").mkdir()
    for number in range(6):
        paint(tmp_path / "photos" / f"{number}.png", number)
    return Catalogue(tmp_path / "photos", PAPER_CLASSES, tuple(Photo(f"{number}.png", number % 4) for number in range(6)))


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def asked(monkeypatch):
    """The photos that are decoded, in the order in which they are asked for."""
    paths = []

    def each_photo(root, names, *rest, **named):
        paths.extend(names)
        return whole(root, names, *rest, **named)

    whole = decoded.each_photo
    monkeypatch.setattr(decoded, "each_photo", each_photo)
    return paths


def right(catalogue, pixels=SMALL):
    """The pixels as they come without a cache."""
    return decode(catalogue, pixels, None).at(slice(None))


def lines(cache, pixels=SMALL):
    return slots_of(cache, pixels).index.read_text().splitlines()


def test_a_photo_is_decoded_once_and_then_mapped_to_be_read(shelf, cache, asked):
    first = decode(shelf, SMALL, cache)
    assert asked == [f"{number}.png" for number in range(6)]
    again = decode(shelf, SMALL, cache)
    assert len(asked) == 6
    assert isinstance(again.store, np.memmap)
    assert not again.store.flags.writeable
    assert (again.at(slice(None)) == first.at(slice(None))).all()
    assert (again.paths, list(again.labels)) == (tuple(f"{n}.png" for n in range(6)), [0, 1, 2, 3, 0, 1])


def test_the_cache_changes_no_pixel_and_digests_change_nothing(shelf, cache):
    expected = right(shelf)
    assert (decode(shelf, SMALL, cache).at(slice(None)) == expected).all()
    digests = contents(shelf).digests
    for where in (cache, cache / "other", None):
        assert (decode(shelf, SMALL, where, digests).at(slice(None)) == expected).all()


def test_rows_are_given_as_a_copy_of_plain_memory(shelf, cache):
    for pictures in (decode(shelf, SMALL, cache), decode(shelf, SMALL, None)):
        for rows in (np.array([3, 1, 3]), slice(1, 4)):
            made = pictures.at(rows)
            assert type(made) is np.ndarray
            assert made.flags.writeable
            assert made.flags.c_contiguous
            assert made.shape == (3, 32, 32, 1)
            made[:] = 0
            assert pictures.at(rows).any()
    assert (pictures.at(np.array([3, 1, 3]))[0] == pictures.at(slice(3, 4))[0]).all()


def test_pictures_of_plain_arrays_are_those_arrays():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 1), np.uint8)
    pictures = Pictures.of(["a", "b", "c"], pixels, np.array([0, 1, 2]))
    assert len(pictures) == 3
    assert (pictures.at(np.array([2, 0])) == pixels[[2, 0]]).all()


def test_another_split_label_name_order_or_photo_more_decodes_nothing_twice(shelf, cache, asked):
    decode(shelf, SMALL, cache)
    asked.clear()
    split = shelf.with_photos([replace(photo, split="train", label=None) for photo in shelf.photos[:3]])
    assert list(decode(split, SMALL, cache).labels) == [-1] * 3
    turned = decode(shelf.with_photos(shelf.photos[::-1]), SMALL, cache)
    (shelf.root / "5.png").rename(shelf.root / "new name.png")
    renamed = shelf.with_photos([*shelf.photos[:5], Photo("new name.png", 1)])
    assert (decode(renamed, SMALL, cache).at(slice(None)) == turned.at(slice(None))[::-1]).all()
    assert asked == []
    paint(shelf.root / "6.png", 6)
    more = renamed.with_photos([Photo("6.png", 2), *renamed.photos])
    assert (decode(more, SMALL, cache).at(slice(None)) == right(more)).all()
    assert asked[:1] == ["6.png"]
    assert asked[1:] == [photo.path for photo in more.photos]  # the second is ours, without a cache


def test_photos_of_equal_bytes_share_a_place(shelf, cache, asked):
    shutil.copy(shelf.root / "2.png", shelf.root / "twin.png")
    both = shelf.with_photos([*shelf.photos, Photo("twin.png", 3)])
    pictures = decode(both, SMALL, cache)
    assert len(asked) == len(lines(cache)) == len(pictures.store) == 6
    assert pictures.places[2] == pictures.places[6]
    assert list(pictures.labels) == [0, 1, 2, 3, 0, 1, 3]


def test_changed_bytes_are_another_photo(shelf, cache):
    before = decode(shelf, SMALL, cache).at(slice(None))
    paint(shelf.root / "2.png", 99)
    after = decode(shelf, SMALL, cache).at(slice(None))
    assert [bool((one == other).all()) for one, other in zip(before, after, strict=True)] == [True, True, False, True, True, True]
    assert (after == right(shelf)).all()


@pytest.mark.parametrize("cached", [True, False])
def test_a_photo_that_changes_behind_its_digest_is_refused_and_never_found_by_it(shelf, cache, cached):
    digests = contents(shelf).digests
    paint(shelf.root / "2.png", 99)
    with pytest.raises(ModisteError, match=r"2\.png .* was changed since it was first read"):
        decode(shelf, SMALL, cache if cached else None, digests)
    assert not cached or digests["2.png"] not in " ".join(lines(cache) if slots_of(cache, SMALL).index.exists() else [])


def test_greys_share_one_store_and_everything_else_has_its_own(shelf, cache):
    for colour in ("grey1", "grey3"):
        decode(shelf, replace(SMALL, colour=colour), cache)
    assert [path.name for path in cache.iterdir()] == ["pixels-32-grey-squash-strict-3"]
    for other in (
        {"side": 33},
        {"colour": "rgb"},
        {"strict": False},
        *({"fit": fit} for fit in FITS if fit != SMALL.fit),
    ):
        changed = replace(SMALL, **other)
        assert (decode(shelf, changed, cache).at(slice(None)) == right(shelf, changed)).all()
    assert len([*cache.iterdir()]) == 4 + len(FITS) - 1


def test_a_cut_photo_is_used_as_far_as_it_goes_where_the_recipe_allows_it(shelf, cache):
    whole = (shelf.root / "3.png").read_bytes()
    rgb = Pixels(side=32, colour="rgb")
    full = right(shelf, rgb)[3]
    (shelf.root / "3.png").write_bytes(whole[: len(whole) * 3 // 4])
    with pytest.raises(ModisteError, match=r"3\.png: truncated"):
        decode(shelf, rgb, cache)
    part = decode(shelf, replace(rgb, strict=False), cache).at(slice(3, 4))[0]
    assert (part[:20] == full[:20]).all()
    assert (part[-4:] == 0).all()
    with pytest.raises(ModisteError, match=r"3\.png: truncated"):  # what was kept is not taken for a sound photo
        decode(shelf, rgb, cache)


@pytest.mark.parametrize("cached", [True, False])
def test_all_bad_photos_are_named_at_once_and_the_good_ones_are_kept(shelf, cache, cached, asked):
    (shelf.root / "1.png").write_bytes(b"")
    (shelf.root / "4.png").unlink()
    (shelf.root / "5.png").write_bytes(b"")  # the same bytes as 1.png, and named too
    with pytest.raises(ModisteError, match=r"3 of 6 photos in .* cannot be used") as told:
        decode(shelf, SMALL, cache if cached else None)
    named = [line.split(":")[:2] for line in str(told.value).splitlines()[1:-1]]
    assert sorted(named) == [["1.png", " empty"], ["4.png", " missing"], ["5.png", " empty"]]
    assert str(told.value).splitlines()[-1] == f"`modiste data audit {shelf.root} --fix CLEAN` writes a catalogue without them."
    if cached:
        asked.clear()
        good = shelf.with_photos([shelf.photos[number] for number in (0, 2, 3)])
        decode(good, SMALL, cache)
        assert asked == []


def test_many_bad_photos_are_counted_beyond_twenty(shelf):
    photos = [Photo(f"gone {number}.png", 0) for number in range(23)]
    with pytest.raises(ModisteError, match=r"23 of 23 photos(.|\n)*and 3 more"):
        decode(shelf.with_photos(photos), SMALL, None)


def test_decoding_tells_how_far_it_is(shelf, cache):
    for where in (None, cache):
        told = []
        decode(shelf, SMALL, where, tell=told.append)
        assert (told[-1].stage, told[-1].done, told[-1].total) == ("decoding", 6, 6)


@pytest.mark.skipif(os.name != "posix", reason="such names are posix's")
def test_a_name_that_is_not_utf_8_is_decoded_and_cached(shelf, cache):
    odd = shelf.with_photos([Photo("\udcff.png", 0)])
    (shelf.root / "0.png").rename(shelf.root / odd.photos[0].path)
    assert (decode(odd, SMALL, cache).at(slice(None)) == right(odd)).all()


def test_two_processes_may_build_one_store_and_each_photo_is_decoded_once(shelf, cache):
    """The second waits for the first, then finds its photos; both are right."""
    code = BUILDING + "print(build().at(slice(None)).sum(), flush=True)"
    both = [subprocess.Popen([sys.executable, "-c", code, shelf.root, cache], stdout=subprocess.PIPE) for _ in range(2)]
    assert {int(child.communicate(timeout=100)[0]) for child in both} == {int(right(shelf).sum())}
    assert len({line[:64] for line in lines(cache)}) == len(lines(cache)) == 6
    assert slots_of(cache, SMALL).pixels.stat().st_size == 6 * SLOT_BYTES
    assert [path.name for path in cache.iterdir()] == ["pixels-32-grey-squash-strict-3"]


@pytest.mark.parametrize("portion", [1, 2])
@pytest.mark.parametrize("when", ["before", "after", "half"])
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5])
def test_a_killed_builder_leaves_what_the_next_goes_on_with(shelf, cache, asked, when, nth, portion):
    """kill -9 before, after, or with half the file written at its nth flush: pixels and lines in turn."""
    killing = f"""
from modiste.data import slots
decoded.PORTION, flushes, whole = {portion}, [0], os.fsync
def fsync(handle):
    if not (os.readlink(f"/proc/self/fd/{{handle}}").endswith((".bin", ".txt"))):
        return whole(handle)
    flushes[0] += 1
    if flushes[0] == {nth}:
        if "{when}" == "after":
            whole(handle)
        if "{when}" == "half":
            os.truncate(handle, os.fstat(handle).st_size - 30)
        print("landed", flush=True)
        os.kill(os.getpid(), 9)
    whole(handle)
os.fsync = fsync
build()
"""
    if sys.platform != "linux":
        pytest.skip("tells files apart by /proc")
    child = subprocess.run([sys.executable, "-c", BUILDING + killing, shelf.root, cache], capture_output=True, timeout=100)
    assert (child.returncode, child.stdout) == (-signal.SIGKILL, b"landed\n"), child.stderr.decode()
    lined = nth // 2 - (when == "half" and nth % 2 == 0)  # of a cut line, nothing counts but those before it
    assert (decode(shelf, SMALL, cache).at(slice(None)) == right(shelf)).all()
    assert asked[:-6] == [f"{number}.png" for number in range(lined * portion + (portion - 1) * (nth % 2 == 0 and when == "half"), 6)]
    assert len(lines(cache)) == 6
    assert slots_of(cache, SMALL).pixels.stat().st_size == 6 * SLOT_BYTES


def test_pixels_are_on_disk_before_a_line_tells_of_them(shelf, cache, monkeypatch):
    """What a power loss may take away: whatever was not flushed."""
    monkeypatch.setattr(decoded, "PORTION", 2)
    where, whole, flushed = slots_of(cache, SMALL), os.fsync, [0]

    def fsync(handle):
        told = where.index.stat().st_size // slots.LINE_BYTES if where.index.exists() else 0
        assert told * SLOT_BYTES <= flushed[-1]
        if os.path.samestat(os.fstat(handle), where.pixels.stat()):
            flushed.append(where.pixels.stat().st_size)
        whole(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    decode(shelf, SMALL, cache)
    assert flushed == [0, *(photos * SLOT_BYTES for photos in (2, 4, 6))]


def test_photos_are_appended_in_portions_of_time_too(shelf, cache, monkeypatch):
    monkeypatch.setattr(decoded, "PORTION_SECONDS", 0.0)
    appended = []
    monkeypatch.setattr(decoded, "append", lambda where, photos: (appended.append(len(photos)), slots.append(where, photos)))
    decode(shelf, SMALL, cache)
    assert appended == [1] * 6


def test_a_full_disk_is_said_in_words_and_what_was_decoded_is_kept(shelf, cache, asked, monkeypatch):
    monkeypatch.setattr(decoded, "PORTION", 2)
    flushes = []

    def full(handle):
        flushes.append(handle)
        if len(flushes) == 7:  # pixels, folder, lines, folder; pixels, folder, lines
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(MachineError, match=r"index\.txt could not be written: No space left on device"):
            decode(shelf, SMALL, cache)
    asked.clear()
    assert (decode(shelf, SMALL, cache).at(slice(None)) == right(shelf)).all()
    assert len(asked[:-6]) in (2, 4)  # the lines of the second portion may have reached the disk or not


@pytest.mark.skipif(sys.platform != "linux", reason="a limit of the kernel")
def test_a_file_that_may_not_grow_is_an_error_in_words_and_never_a_signal(shelf, cache, asked):
    """The kernel itself refuses the write, in the middle of a slot; the slot's beginning is given back."""
    limited = f"""
import resource
from modiste.records.errors import MachineError
decoded.PORTION = 2
resource.setrlimit(resource.RLIMIT_FSIZE, ({3 * SLOT_BYTES + 100}, {3 * SLOT_BYTES + 100}))
try:
    build()
except MachineError as error:
    print(error)
    sys.exit(error.exit_code)
"""
    child = subprocess.run([sys.executable, "-c", BUILDING + limited, shelf.root, cache], capture_output=True, text=True, timeout=100)
    assert child.returncode == 5, child.stderr
    assert "pixels.bin could not be written: File too large" in child.stdout
    assert slots_of(cache, SMALL).pixels.stat().st_size == 2 * SLOT_BYTES
    assert (decode(shelf, SMALL, cache).at(slice(None)) == right(shelf)).all()
    assert asked[:-6] == ["2.png", "3.png", "4.png", "5.png"]


def test_a_changed_byte_is_never_trusted(shelf, cache, asked):
    """In the pixels: the one photo is decoded again. In a line: the same. What others have mapped is not touched."""
    expected, where = right(shelf), slots_of(cache, SMALL)
    for file, at, behind in ((where.pixels, 2 * SLOT_BYTES + 77, 2), (where.index, 3 * slots.LINE_BYTES + 70, 3)):
        shutil.rmtree(cache, ignore_errors=True)
        decode(shelf, SMALL, cache)
        asked.clear()
        data = bytearray(file.read_bytes())
        data[at] ^= 1
        file.write_bytes(data)
        assert (decode(shelf, SMALL, cache).at(slice(None)) == expected).all()
        assert asked == [f"{behind}.png"]
        assert (decode(shelf, SMALL, cache).at(slice(None)) == expected).all()
        assert len(asked) == 1


@pytest.mark.parametrize("file", ["pixels.bin", "index.txt"])
@pytest.mark.parametrize("left", [0, 2 * SLOT_BYTES + 5, 100, None])
def test_a_store_cut_by_hand_is_built_again_as_far_as_it_is_lost(shelf, cache, file, left):
    decode(shelf, SMALL, cache)
    path = slots_of(cache, SMALL).folder / file
    path.unlink() if left is None else os.truncate(path, left)
    assert (decode(shelf, SMALL, cache).at(slice(None)) == right(shelf)).all()
    assert (decode(shelf, SMALL, cache).at(slice(None)) == right(shelf)).all()


def test_the_settings_used_longest_ago_make_room(shelf, cache, asked):
    for age, side in enumerate((34, 33, 32)):
        decode(shelf, Pixels(side=side), cache)
        os.utime(slots_of(cache, Pixels(side=side)).index, (age, age))
    decode(shelf, Pixels(side=34), cache)  # the oldest, but used just now
    limit = slots.size(cache) + 6 * 35 * 35 - 6 * 33 * 33
    decode(shelf, Pixels(side=35), cache, limit_bytes=limit)
    assert sorted(path.name.split("-")[1] for path in cache.iterdir()) == ["32", "34", "35"]
    assert slots.size(cache) <= limit + 6 * slots.LINE_BYTES


def test_photos_no_longer_asked_for_make_room_and_what_is_mapped_stays(shelf, cache):
    old = decode(shelf, SMALL, cache)
    before = old.at(slice(None))
    for number in range(6):
        paint(shelf.root / f"{number}.png", 10 + number)
    new = decode(shelf, SMALL, cache, limit_bytes=7 * SLOT_BYTES)
    assert isinstance(new.store, np.memmap)
    assert (new.at(slice(None)) == right(shelf)).all()
    assert len(lines(cache)) == 6
    assert os.name != "posix" or (old.at(slice(None)) == before).all()


def test_photos_that_go_with_those_no_longer_asked_for_are_decoded_again(shelf, cache, asked):
    """Half of what is asked for lies among what must go."""
    decode(shelf, SMALL, cache)
    for number in range(3):
        paint(shelf.root / f"{number}.png", 10 + number)
    asked.clear()
    made = decode(shelf, SMALL, cache, limit_bytes=7 * SLOT_BYTES)
    assert asked == [f"{number}.png" for number in range(6)]
    assert isinstance(made.store, np.memmap)
    assert (made.at(slice(None)) == right(shelf)).all()
    assert len(lines(cache)) == 6


def test_what_no_cache_can_hold_is_decoded_into_memory_and_nothing_makes_room_in_vain(shelf, cache):
    other = Pixels(side=33)
    decode(shelf, other, cache)
    told = []
    pictures = decode(shelf, SMALL, cache, tell=told.append, limit_bytes=5 * SLOT_BYTES)
    assert not isinstance(pictures.store, np.memmap)
    assert (pictures.at(slice(None)) == right(shelf)).all()
    assert any(f"into memory: {cache} has no room" in progress.note for progress in told)
    assert [path.name for path in cache.iterdir()] == [slots_of(cache, other).folder.name]


def test_a_nearly_full_disk_is_left_alone(shelf, cache, monkeypatch):
    usage = shutil.disk_usage(shelf.root)
    spare = min(slots.SPARE_BYTES, int(slots.SPARE_SHARE * usage.total))
    monkeypatch.setattr(slots.shutil, "disk_usage", lambda _path: usage._replace(free=spare + 5 * SLOT_BYTES))
    assert not isinstance(decode(shelf, SMALL, cache).store, np.memmap)
    monkeypatch.setattr(slots.shutil, "disk_usage", lambda _path: usage._replace(free=spare + 6 * SLOT_BYTES))
    assert isinstance(decode(shelf, SMALL, cache).store, np.memmap)


@pytest.mark.parametrize("cached", [True, False])
def test_what_fits_neither_disk_nor_memory_is_refused_with_what_to_do(shelf, cache, cached, asked, monkeypatch):
    monkeypatch.setattr(decoded, "free_memory_bytes", lambda: 6 * SLOT_BYTES - 1)
    with pytest.raises(MachineError, match=r"6 photos at 32 px .* set a smaller pixels\.side, or give a disk with more room with --runs"):
        decode(shelf, SMALL, cache if cached else None, limit_bytes=0)
    assert asked == []


def test_memory_is_measured():
    assert 1 << 20 < decoded.free_memory_bytes() < 1 << 50


def test_caches_of_the_former_format_are_swept(shelf, cache):
    cache.mkdir()
    (cache / "pixels-32-grey-squash-0123.npy").write_bytes(b"old")
    (cache / ".pixels-32-grey-squash-0123.npy.7-7.part").write_bytes(b"old")
    (cache / "something else").write_bytes(b"kept")
    decode(shelf, SMALL, cache)
    assert sorted(path.name for path in cache.iterdir()) == ["pixels-32-grey-squash-strict-3", "something else"]


def test_a_disk_that_gives_back_other_bytes_is_named(shelf, cache, monkeypatch):
    def bent(where, photos):
        slots.append(where, photos)
        with where.pixels.open("r+b") as file:
            file.write(b"\0\0\0\0")

    monkeypatch.setattr(decoded, "append", bent)
    with pytest.raises(MachineError, match="gives back other bytes than were written"):
        decode(shelf, SMALL, cache)


def test_a_cache_that_may_only_be_read_is_read(shelf, cache, asked, monkeypatch):
    decode(shelf, SMALL, cache)

    def refused(*_args, **_named):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "utime", refused)
    asked.clear()
    assert len(decode(shelf, SMALL, cache)) == 6
    assert asked == []


def test_what_a_photo_is_refused_for_reaches_the_message(shelf):
    (shelf.root / "1.png").write_bytes(b"")
    with pytest.raises(ModisteError) as told:
        decode(shelf, SMALL, None)
    assert str(PhotoRefused("1.png", "empty")) in str(told.value)


def test_the_store_lies_where_it_was_asked_for(shelf, tmp_path):
    decode(shelf, SMALL, tmp_path / "a" / "b")
    assert [path.name for path in Path(tmp_path / "a" / "b").iterdir()] == ["pixels-32-grey-squash-strict-3"]
