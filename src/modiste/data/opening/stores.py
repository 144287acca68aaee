"""From a catalogue's root and a photo's path to its bytes: the one place where a photo's file is opened."""

from __future__ import annotations

import errno
import os
import stat
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from modiste.data.opening.containers import Names, container_in, is_table, opened
from modiste.data.opening.refusals import MOST_BYTES, PhotoRefused
from modiste.records.errors import MachineError, ModisteError, nearest

SIDE_CARS = ("thumbs.db", "desktop.ini", "ehthumbs.db", "__macosx")
NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL)  # what the system says of a folder that is none
HEAD = 1 << 16  # bytes of a file that are looked at to tell what it is
LOOKED_FOR = 100  # near names are offered for so many missing pictures, then only counted


@dataclass
class Store:
    """What stands under a root, whether that is a folder, a container or a folder inside one: names in order, and bytes.

    Each folder is listed once, when first asked for. `chosen` is the one label file that was asked for, or ''. A folder that the
    system refuses to list is an error, or with `lenient` an empty one, but for the root.
    """

    root: Path
    chosen: str
    scan: Callable[[str], Names]
    lenient: bool = False
    passed_over: int = 0  # hidden files and side-cars that `below` met
    links: set[str] = field(default_factory=set)  # links to folders that were met, which are not followed
    outside: int = 0  # members of an archive whose names lead out of it
    listed: dict[str, Names] = field(default_factory=dict)
    known: dict[str, frozenset[str]] = field(default_factory=dict)
    backwards: dict[str, list[str]] = field(default_factory=dict)
    looked_for: int = 0

    @property
    def where(self) -> Path:
        """What was asked for, to open an error with."""
        return self.root / self.chosen if self.chosen else self.root

    def listing(self, folder: str) -> Names:
        if folder not in self.listed:
            try:
                self.listed[folder] = self.scan(folder)
            except ModisteError:
                if not (folder and self.lenient):
                    raise
                self.listed[folder] = [], []
        return self.listed[folder]

    def names(self, folder: str = "") -> list[str]:
        """The files of one folder in order; none when it does not exist."""
        return self.listing(folder)[0]

    def folders(self, folder: str = "") -> list[str]:
        """The folders in a folder, in order, without hidden ones, side-cars' and links."""
        return [name for name in self.listing(folder)[1] if is_visible(name)]

    def has(self, path: str) -> bool:
        """Whether a file stands at a path, its capitals as written."""
        folder, _, name = path.rpartition("/")
        if folder not in self.known:
            self.known[folder] = frozenset(self.names(folder))
        return name in self.known[folder]

    def below(self, folder: str = "") -> Iterator[str]:
        """The path of every file at any depth below a folder, in order; hidden files and side-cars are passed over and counted."""
        waiting = [folder]
        while waiting:
            here = waiting.pop()
            for name in self.names(here):
                if is_visible(name):
                    yield joined(here, name)
                else:
                    self.passed_over += 1
            waiting += [joined(here, name) for name in reversed(self.folders(here))]

    def read(self, path: str) -> bytes:
        return read_photo(self.root, path)

    def beginning(self, path: str) -> bytes:
        """The first bytes of a file, of which no more is read unless it stands in an archive."""
        inside = container_in(self.root / path)
        if inside and inside[1]:
            return self.read(path)[:HEAD]
        return read_file(find_photo(self.root, path), path, HEAD)

    def near(self, path: str) -> str | None:
        """The file that was probably meant. Only neighbours in the alphabet, read from either end, are compared."""
        self.looked_for += 1
        folder, _, name = path.rpartition("/")
        if self.looked_for > LOOKED_FOR or not self.names(folder):
            return None
        if folder not in self.backwards:
            self.backwards[folder] = sorted(known[::-1] for known in self.names(folder))
        same_end = [known[::-1] for known in around(self.backwards[folder], name[::-1])]
        return nearest(name, [*around(self.names(folder), name), *same_end])


def open_store(where: Path, lenient: bool = False) -> Store:
    """The store at a place: a folder, a container (a zip file ...), a folder inside one, or one label file in any of these."""
    inside = container_in(where)
    if inside and (inside[1] or not is_table(inside[0])):
        return container_store(where, *inside)
    if not where.exists():
        raise ModisteError(f"{where}: no such file or folder (looked in {Path.cwd()}).")
    root, chosen = (where, "") if where.is_dir() else (where.parent, where.name)
    links = set[str]()
    return Store(root, chosen, lambda folder: scanned(root, folder, links), lenient, links=links)


def container_store(where: Path, file: Path, inside: str) -> Store:
    """The store of a container, or of what stands at a path inside it."""
    container = opened(file)
    tree, outside = container.tree, container.outside
    if inside in tree:
        return Store(where, "", lambda folder: tree.get(joined(inside, folder), ([], [])), outside=outside)
    folder, _, name = inside.rpartition("/")
    if name in tree.get(folder, ([], []))[0]:
        return Store(where.parent, name, lambda inner: tree.get(joined(folder, inner), ([], [])), outside=outside)
    raise ModisteError(f"{where}: {file.name} holds no file or folder '{inside}'.")


def read_photo(root: Path, path: str) -> bytes:
    """The bytes of a photo under a catalogue's root; a `PhotoRefused` says why there are none."""
    if Path(path).is_absolute() or ".." in Path(path).parts or "\0" in path:
        raise PhotoRefused(path, "outside_root")
    inside = container_in(root / path)
    if inside is None or not inside[1]:  # a path that ends at a container means the file itself
        return read_file(find_photo(root, path), path)
    file, member = inside
    if not file.resolve().is_relative_to(root.resolve()) and not root.is_relative_to(file):
        raise PhotoRefused(path, "outside_root", f"a link to {file.resolve()}")
    try:
        return opened(file).read(member)
    except (PhotoRefused, MachineError):
        raise
    except ModisteError as error:
        if root.is_relative_to(file):
            raise
        raise PhotoRefused(path, "corrupt", str(error)) from error  # one archive among many photos: its own are refused alone


def find_photo(root: Path, path: str) -> Path:
    """The regular file at `path` ('/' between folders) under `root`, links followed; refused when it is not inside."""
    if Path(path).is_absolute() or ".." in Path(path).parts or "\0" in path:
        raise PhotoRefused(path, "outside_root")
    try:
        real = (root / path).resolve()
        if not real.is_relative_to(root.resolve()):
            raise PhotoRefused(path, "outside_root", f"a link to {real}")
        kind = real.stat().st_mode
    except FileNotFoundError as error:
        raise PhotoRefused(path, "missing", f"in {root}") from error
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead to each other
        raise PhotoRefused(path, "unreadable", str(error)) from error
    if not stat.S_ISREG(kind):
        raise PhotoRefused(path, "not_a_regular_file")
    return real


def as_needed(root: Path, path: str, look: Callable[[bytes], object]) -> TextIO:
    """A label file as text that is read when it is needed, its first bytes looked at before."""
    real = find_photo(root, path)
    with real.open("rb") as file:
        look(file.read(4))
    return real.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def read_file(real: Path, path: str, most: int | None = None) -> bytes:
    """A regular file's bytes, or the first so many, its kind and size looked at again once it is open: nothing is waited for, nothing
    huge is read.
    """
    try:
        handle = os.open(real, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            now = os.fstat(handle)
            if not stat.S_ISREG(now.st_mode):
                raise PhotoRefused(path, "not_a_regular_file")
            if most is None and now.st_size > MOST_BYTES:
                raise PhotoRefused(path, "file_too_big", f"{now.st_size:,} bytes")
            return file.read(now.st_size if most is None else most)
    except OSError as error:
        raise PhotoRefused(path, "unreadable", str(error)) from error


def scanned(root: Path, folder: str, links: set[str]) -> Names:
    """The regular files of a folder and its folders, links to folders told in `links`; nothing when there is no such folder."""
    files, folders = [], []
    try:
        with os.scandir(root / folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif is_file(entry):
                    files.append(entry.name)
                elif is_visible(entry.name) and os.path.isdir(entry):  # noqa: PTH112  (an entry is none of Path's)
                    links.add(joined(folder, entry.name))
    except ValueError:  # a name that no folder can have
        return [], []
    except OSError as error:
        if error.errno in NOT_THERE:
            return [], []
        raise not_listed(root / folder, error) from error
    return sorted(files), sorted(folders)


def not_listed(folder: Path, error: OSError) -> ModisteError:
    return ModisteError(f"{folder} cannot be listed: {error.strerror}. Check its permissions.")


def is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False


def joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder and name else folder or name


def is_visible(name: str) -> bool:
    return not name.startswith(".") and name.casefold() not in SIDE_CARS


def around(names: list[str], name: str, reach: int = 20) -> list[str]:
    """The names that stand nearest in a sorted list."""
    place = bisect_left(names, name)
    return names[max(0, place - reach) : place + reach]
