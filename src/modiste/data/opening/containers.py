"""Files that hold photos without being unpacked: zip, tar, Parquet and IDX; each is indexed once and read where it stands."""

from __future__ import annotations

import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from modiste.data.opening.idx import bmp, idx_values
from modiste.data.opening.parquet_file import Held, opened_parquet, photo_bytes, picture_column, stored_names
from modiste.data.opening.refusals import MOST_BYTES, PhotoRefused
from modiste.records.errors import ModisteError

COUNTED = struct.Struct("<4s6xH10x")  # the end of a zip file, before its comment: how many members there are
SAYS_UTF8 = 0x800  # the flag of a member of a zip file whose name is UTF-8
Names = tuple[list[str], list[str]]  # the files of a folder and its folders, in order


@dataclass(frozen=True, eq=False)
class Container:
    """What one file holds: each member's path with what it takes to find it, and how it is fetched."""

    members: Mapping[str, Any]
    fetch: Callable[[Any, str], bytes]  # (what it takes, path for errors) -> bytes
    outside: int = 0  # members that are none of its, as their names lead out of it

    def read(self, path: str) -> bytes:
        """The bytes of a member; a `PhotoRefused` says why not."""
        if path in self.members:
            return self.fetch(self.members[path], path)
        outer = self.leads_into(path)
        if not outer:
            raise PhotoRefused(path, "missing", "in its archive")
        return unpacked(self, outer).read(path.removeprefix(f"{outer}/"))

    def leads_into(self, path: str) -> str:
        """The member that a path leads into, for a container inside this one; else ''."""
        parts = path.split("/")
        outer = ("/".join(parts[:depth]) for depth in range(1, len(parts)) if parts[depth - 1].lower().endswith(tuple(INSIDE)))
        return next((member for member in outer if member in self.members), "")

    @cached_property
    def tree(self) -> dict[str, Names]:
        """The files and folders of each folder; '' is the outermost."""
        files: dict[str, list[str]] = {"": []}
        folders: dict[str, set[str]] = {"": set()}
        for path in self.members:
            folder, _, name = path.rpartition("/")
            files.setdefault(folder, []).append(name)
            while folder:
                outer, _, name = folder.rpartition("/")
                folders.setdefault(outer, set()).add(name)
                folder = outer
        return {folder: (sorted(files.get(folder, [])), sorted(folders.get(folder, ()))) for folder in files.keys() | folders.keys()}


def container_in(place: Path) -> tuple[Path, str] | None:
    """The container that a place is or leads into, and the path inside it; None for what stands in plain folders.

    >>> container_in(Path("photos/1.jpg"))
    """
    for depth, part in enumerate(place.parts, 1):
        if part.lower().endswith(tuple(CONTAINERS)):
            file = Path(*place.parts[:depth])
            if os.path.isfile(file):  # noqa: PTH113  (a name that no file can have is none; Path complains of it)
                return file, "/".join(place.parts[depth:])
    return None


def is_packed(place: Path) -> bool:
    """Whether a place is a file inside a container."""
    found = container_in(place)
    if found is None or not found[1]:
        return False
    holder = opened(found[0])
    return found[1] in holder.members or bool(holder.leads_into(found[1]))


def opened(file: Path) -> Container:
    """A container's index, made once a process for as long as the file does not change."""
    try:
        now = file.stat()
    except OSError as error:
        raise ModisteError(f"{file}: {error.strerror}.") from error
    return indexed(file, now.st_size, now.st_mtime_ns)


@lru_cache(maxsize=64)
def indexed(file: Path, _size: int, _mtime_ns: int) -> Container:
    return next(index for ending, index in CONTAINERS.items() if file.name.lower().endswith(ending))(file)


@lru_cache(maxsize=4)
def unpacked(container: Container, member: str) -> Container:
    """The index of a container inside another, whose bytes are held in memory."""
    return next(index for ending, index in INSIDE.items() if member.lower().endswith(ending))(member, container.read(member))


def container_at(place: Path) -> Container:
    """The container that stands at a place, itself perhaps inside another."""
    found = container_in(place)
    if found is None:
        raise ModisteError(f"{place}: no such archive.")
    file, inside = found
    return unpacked(opened(file), inside) if inside else opened(file)


def is_table(file: Path) -> bool:
    """Whether a file is Parquet without pictures of its own: a table, like a CSV file."""
    return file.name.lower().endswith(".parquet") and picture_column(opened_parquet(str(file), file)) is None


def zip_index(file: Path) -> Container:
    """The members of a zip file; read under their own checksums. One whose directory lists fewer than it counts is refused."""
    try:
        archive = zipfile.ZipFile(file)
        check_count(file, archive)
    except ModisteError:
        raise
    except Exception as error:  # whatever damage makes of it: NotImplementedError, UnicodeDecodeError ... as well as BadZipFile
        raise ModisteError(f"{file} cannot be read as a zip file ({told(error)}). Copy or make it again.") from error

    def fetch(member: zipfile.ZipInfo, path: str) -> bytes:
        if member.file_size > MOST_BYTES:
            raise PhotoRefused(path, "file_too_big", f"{member.file_size:,} bytes in {file.name}")
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
            raise PhotoRefused(path, "not_a_regular_file")
        try:
            with archive.open(member) as opened_member:
                data = opened_member.read(MOST_BYTES + 1)  # the size that stands in the index may lie
        except MemoryError as error:
            raise PhotoRefused(path, "out_of_memory", f"in {file.name}") from error
        except Exception as error:  # whatever damage makes of it: LZMAError, UnicodeDecodeError ... as well as BadZipFile
            system = isinstance(error, OSError) and error.errno is not None  # bz2 calls damage an OSError, without a number
            locked = isinstance(error, RuntimeError)  # encrypted, or packed in a way Python does not know
            raise PhotoRefused(path, "unreadable" if system or locked else "corrupt", f"in {file.name}: {told(error)}") from error
        return within_size(data, path)

    return holding(((name_in_zip(member), member) for member in archive.infolist() if not member.is_dir()), fetch)


def name_in_zip(member: zipfile.ZipInfo) -> str:
    """A member's name: Macs and Linux write UTF-8 and do not say so, and it is read as the letters of DOS."""
    if member.flag_bits & SAYS_UTF8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def holding(files: Iterable[tuple[str, Any]], fetch: Callable[[Any, str], bytes]) -> Container:
    """An archive's files by their paths; one that leads from the root is taken as unpacking takes it, one that leads out is counted."""
    named = [(tidy(name.lstrip("/")), member) for name, member in files]
    return Container({path: member for path, member in named if path}, fetch, sum(not path for path, _ in named))


def check_count(file: Path, archive: zipfile.ZipFile) -> None:
    """Refuse a zip file whose directory was damaged so that a member seems to be part of the one before: zipfile does not count them."""
    with file.open("rb") as handle:
        handle.seek(-(COUNTED.size + len(archive.comment)), os.SEEK_END)
        signature, count = COUNTED.unpack(handle.read(COUNTED.size))
    listed = sum(member.filename != "" for member in archive.filelist)
    if signature == b"PK\5\6" and count not in (listed % 65536, 65535):  # 65535: it is counted elsewhere
        raise ModisteError(f"{file} is damaged: its directory counts {count:,} files and lists {listed:,}. Copy or make it again.")


def tar_index(file: Path) -> Container:
    """The members of a tar file; refused where damage hides those behind it."""
    try:
        with tarfile.open(file, "r:") as archive:
            members = [(member.name, member) for member in archive if not member.isdir()]
            check_end(file, archive.offset)
    except ModisteError:
        raise
    except Exception as error:  # whatever damage makes of it: OverflowError, RecursionError ... as well as TarError
        raise ModisteError(f"{file} cannot be read as a tar file ({told(error)}). Copy or make it again.") from error

    def fetch(member: tarfile.TarInfo, path: str) -> bytes:
        if not member.isreg() or member.issparse():
            raise PhotoRefused(path, "not_a_regular_file")
        if member.size > MOST_BYTES:
            raise PhotoRefused(path, "file_too_big", f"{member.size:,} bytes in {file.name}")
        try:
            with file.open("rb") as handle:
                handle.seek(member.offset_data)
                data = handle.read(member.size)
        except (OSError, ValueError, OverflowError) as error:  # ValueError, OverflowError: a place that no file has
            raise PhotoRefused(path, "unreadable", f"in {file.name}: {error}") from error
        if len(data) < member.size:
            raise PhotoRefused(path, "truncated", f"{file.name} ends in the middle of it")
        return data

    return holding(members, fetch)


def check_end(file: Path, offset: int) -> None:
    """Refuse a tar file whose list of members ends, at `offset`, where no end is: tarfile stops at damage as if all had been read."""
    with file.open("rb") as handle:
        handle.seek(offset)
        block = handle.read(tarfile.BLOCKSIZE)
    if block.strip(b"\0"):
        raise ModisteError(
            f"{file} is damaged {offset:,} bytes from its beginning, and what stands behind cannot be read. Copy or make it again."
        )


def told(error: Exception) -> str:
    return str(error) or type(error).__name__


def compressed_tar(file: Path) -> Container:
    """Refused: each photo would cost reading all before it."""
    raise ModisteError(
        f"{file} is a compressed tar file: reading one photo would cost unpacking all before it. "
        f"Unpack the compression alone (gunzip, unxz, bunzip2) to a .tar, or make it a .zip; both are read as they stand."
    )


def parquet_index(name: str, held: Held) -> Container:
    """The pictures of a Parquet file, by their stored names where all have one of their own, else by their rows."""
    names = [tidy(path) for path in stored_names(name, held)]
    if not all(names) or len(set(names)) < len(names) or any("\0" in path for path in names):
        names = [f"row-{row:07d}.jpg" for row in range(len(names))]
    return Container({path: row for row, path in enumerate(names)}, photo_bytes(name, held))


def idx_index(name: str, held: Held) -> Container:
    """The pictures of an IDX file by their places; a file of labels holds none."""
    pictures = idx_values(name, held)
    if pictures.ndim != 3:
        return Container({}, lambda _place, _path: b"")
    return Container({f"{place:05d}.bmp": place for place in range(len(pictures))}, lambda place, _path: bmp(pictures[place]))


def on_disk(index: Callable[[str, Held], Container]) -> Callable[[Path], Container]:
    return lambda file: index(str(file), file)


def tidy(name: str) -> str:
    r"""A member's path as a catalogue writes it; '' for one that leads out of the archive.

    >>> tidy("./images\\1.jpg"), tidy("../../etc/passwd")
    ('images/1.jpg', '')
    """
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    return "" if ".." in parts or name.startswith("/") else "/".join(parts)


def within_size(data: bytes, path: str) -> bytes:
    if len(data) > MOST_BYTES:
        raise PhotoRefused(path, "file_too_big", f"more than {MOST_BYTES:,} bytes")
    return data


INSIDE: dict[str, Callable[[str, Held], Container]] = {  # read also inside a zip or a tar
    ".parquet": parquet_index,
    "-ubyte": idx_index,
    "-ubyte.gz": idx_index,
}
CONTAINERS: dict[str, Callable[[Path], Container]] = {  # how a file's name ends -> what indexes it
    ".zip": zip_index,
    ".tar": tar_index,
    ".tar.gz": compressed_tar,
    ".tgz": compressed_tar,
    ".tar.xz": compressed_tar,
    ".tar.bz2": compressed_tar,
    **{ending: on_disk(index) for ending, index in INSIDE.items()},
}
