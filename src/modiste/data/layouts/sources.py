"""What there is to label at a place: its photos in order, one after another, and what the place itself says of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from modiste.data.layouts.cells import CODE, shop_details, suggested
from modiste.data.layouts.declared import Undeclared, read_classes
from modiste.data.layouts.folders import OUTSIDE, told_links
from modiste.data.layouts.names import NOT_READ, PICTURES
from modiste.data.layouts.parquet import opened_shards, rows_of
from modiste.data.layouts.photos import said_by
from modiste.data.layouts.readers import READERS, detect, innermost, read
from modiste.data.layouts.shop_tables import Said, named_columns, rows_in, tables_of
from modiste.data.layouts.tables import is_table_name
from modiste.data.layouts.unnamed import WHAT, hashes, unnamed
from modiste.data.opening.containers import container_in
from modiste.data.opening.stores import Store, is_visible, joined, not_listed, open_store
from modiste.data.suggest import Taxonomy
from modiste.records.catalogue import Catalogue
from modiste.records.errors import BadRows, ModisteError, unknown
from modiste.records.labels import PAPER_CLASSES, Classes, folded

TELLING = (".csv", ".tsv", ".json", ".jsonl", ".parquet", ".txt", ".gz", "-ubyte")  # files that may say more than pictures do
MOST_CODES = 100_000  # numbers from there on are no codes of classes
SHOWN = 20  # folders that could not be listed are named, then only counted
STREAMED = ("paper", "products")  # layouts whose tables are read row by row


@dataclass(frozen=True, eq=False)
class Source:
    """Photos under one root. `photos` gives them anew each time it is called; `notes` says afterwards what was passed over, and
    `unlisted` which folders the system refused to list.
    """

    root: Path
    where: Path  # as it was asked for
    photos: Callable[[], Iterator[Said]]
    sort: bool = False  # whether rows go by path, not by the order in which the photos come
    is_one: bool = False
    notes: dict[str, int] = field(default_factory=dict)
    unlisted: list[str] = field(default_factory=list)

    def passed_over(self) -> tuple[str, ...]:
        """What the photos were without, in words."""
        counted = [f"{what}: {many:,}." if many else what for what, many in self.notes.items()]
        first = [f"{folder} Its photos are left out." for folder in self.unlisted[:SHOWN]]
        more = [f"{len(self.unlisted) - SHOWN:,} more folders could not be listed either."] if len(self.unlisted) > SHOWN else []
        return (*counted, *first, *more)


def source_at(
    where: Path,
    format: str | None = None,  # noqa: A002  (the word users know)
    taxonomy: Taxonomy | None = None,
    lenient: bool = False,
) -> Source:
    """The source at a place: a folder, an archive, a table, a catalogue in any layout, or one photo.

    In a folder of pictures, one that the system refuses to list is refused, or with `lenient` left out, and told.
    """
    if format is not None and format not in READERS:
        raise unknown("format", format, READERS)
    where = where.expanduser()
    store = open_store(where, lenient)
    if store.chosen and not is_label_file(store.chosen):
        return one_photo(where, store)
    if not store.chosen and format is None and not is_parquet_name(store.root.name) and not any(telling(store, where)):
        return pictures(where, store)
    inner = innermost(store)
    layout = "products" if store.chosen and is_table_name(store.chosen) and format is None else format or detect(inner)
    if layout in ("folders", "photos"):
        return pictures(where, store)
    if layout in STREAMED and not is_shards(inner):
        return tables(where, inner, layout)
    return shards(where, inner) if is_shards(inner) else catalogue(where, format, taxonomy)


def is_label_file(name: str) -> bool:
    return name.lower().endswith(TELLING)


def is_parquet_name(name: str) -> bool:
    return name.lower().endswith(".parquet")


def one_photo(where: Path, store: Store) -> Source:
    """A single photo, called what it was asked for by."""
    return Source(store.root, where, lambda: iter([Said(str(where), store.chosen, said_by(store.chosen))]), is_one=True)


def telling(store: Store, where: Path) -> Iterator[str]:
    """Files, in a folder or in the folders in it, that may describe photos."""
    if container_in(where):
        yield from (name for folder in ("", *store.folders()) for name in store.names(folder) if is_label_file(name))
        return
    folders = [where]
    for depth in (0, 1):
        inner: list[Path] = []
        for folder in folders:
            for entry in entries(folder, [] if store.lenient and depth else None):
                if entry.is_dir(follow_symlinks=False):
                    inner += [Path(entry.path)] if depth == 0 and is_visible(entry.name) else []
                elif is_label_file(entry.name) and is_visible(entry.name):
                    yield entry.name
        folders = inner


def pictures(where: Path, store: Store) -> Source:
    """Every file at any depth that is a picture by its name, whatever it turns out to be."""
    notes, unlisted = dict[str, int](), list[str]()

    def photos() -> Iterator[Said]:
        notes.clear()
        unlisted.clear()
        links: list[str] = []
        for path in store.below() if container_in(where) else below(where, unlisted if store.lenient else None):
            if not is_visible(path.rpartition("/")[2]):
                count(notes, "hidden files and side-cars passed over")
            elif path.lower().endswith((*PICTURES, *NOT_READ)):
                yield Said(path, path, said_by(path))
            elif not container_in(where) and (where / path).is_dir():
                links.append(path)
            else:
                count(notes, "files passed over, as they are no pictures by their name")
        notes.update({OUTSIDE: store.outside} if store.outside else {})
        notes.update(dict.fromkeys(told_links(links), 0))

    return Source(where, where, photos, sort=True, notes=notes, unlisted=unlisted)


def visible_below(store: Store) -> Iterator[str]:
    """The path of every file below a store's root, unsorted, without hidden ones, and without what cannot be listed."""
    if container_in(store.root):
        return store.below()
    return (path for path in below(store.root, []) if is_visible(path.rpartition("/")[2]))


def below(root: Path, unlisted: list[str] | None) -> Iterator[str]:
    """Every path below a folder but what is in hidden folders, unsorted; links to folders are not followed."""
    waiting = [""]
    while waiting:
        here = waiting.pop()
        for entry in entries(root / here, unlisted if here else None):
            if not entry.is_dir(follow_symlinks=False):
                yield joined(here, entry.name)
            elif is_visible(entry.name):
                waiting.append(joined(here, entry.name))


def entries(folder: Path, unlisted: list[str] | None) -> Iterator[os.DirEntry[str]]:
    """What stands in a folder. Where it cannot be listed, that is an error, or a line more in `unlisted`."""
    try:
        with os.scandir(folder) as found:
            yield from found
    except OSError as error:
        if unlisted is None:
            raise not_listed(folder, error) from error
        unlisted.append(str(not_listed(folder, error)))


def tables(where: Path, store: Store, layout: str) -> Source:
    """A shop's or the paper's tables, row by row; one that names no pictures is refused before any row is read."""
    files, notes = tables_of(store, layout), dict[str, int]()
    for file in files:
        named_columns(store, file)

    def photos() -> Iterator[Said]:
        notes.clear()
        named = hashes(())
        for file in files:
            for said in rows_in(store, file, notes):
                named.append(hash(said.path))
                yield said
        if many := 0 if store.chosen else unnamed(visible_below(store), named):
            notes[WHAT] = many

    return Source(store.root, where, photos, notes=notes)


def is_shards(store: Store) -> bool:
    """Whether Parquet with pictures inside stands there, as Hugging Face writes it."""
    return any(True for _ in opened_shards(store))


def shards(where: Path, store: Store) -> Source:
    """The rows of Parquet files with pictures inside."""

    def photos() -> Iterator[Said]:
        for shard in opened_shards(store):
            for row in rows_of(shard):
                yield Said(row.cells["name"], row.cells["name"], shop_details(row.details), row.cell("product"), (row.cell("label"),))

    return Source(store.root, where, photos)


def catalogue(where: Path, format: str | None, taxonomy: Taxonomy | None) -> Source:  # noqa: A002
    """Any other layout, read whole by its reader; labels whose classes nobody declared are the words that stand there, codes are none."""
    found, undeclared = read_in_words(where, format, taxonomy)
    worded = undeclared is None or not undeclared.coded
    inside = found.root.relative_to(where).as_posix() if found.root.is_relative_to(where) else "."
    names = found.classes.names
    return Source(
        found.root,
        where,
        lambda: (
            Said(
                joined("" if inside == "." else inside, photo.path),
                photo.path,
                photo.details,
                photo.product,
                (names[photo.label],) if worded and photo.label is not None else (),
            )
            for photo in found.photos
        ),
        notes=dict.fromkeys(found.notes, 0),
    )


def read_in_words(where: Path, format: str | None, taxonomy: Taxonomy | None) -> tuple[Catalogue, Undeclared | None]:  # noqa: A002
    """The catalogue at a place whatever its labels say: a word that is none of its classes becomes one, behind them.

    Where nobody declared its classes, with what stands there in their stead, and the error that says so.
    """
    undeclared, classes = None, None
    while True:
        try:
            return read(where, format, classes, taxonomy), undeclared
        except Undeclared as error:
            undeclared, classes = error, in_their_stead(error, where)
        except BadRows as error:
            known = classes or read_classes(innermost(open_store(where))) or PAPER_CLASSES
            classes = with_words(known, (row.value for row in error.rows if not CODE.fullmatch(row.value)))
            if classes == known:
                raise


def in_their_stead(undeclared: Undeclared, where: Path) -> Classes:
    """Classes to read a catalogue with whose own nobody declared: the words that stand there, or its codes."""
    return words_as_classes(undeclared.names) if undeclared.largest is None else codes_as_classes(undeclared.largest, where)


def words_as_classes(names: Iterable[str]) -> Classes:
    """Words as classes, whoever's they are; the paper's four stand behind them, as two are needed."""
    return Classes(distinct((*names, *PAPER_CLASSES.names)))


def with_words(classes: Classes, words: Iterable[str]) -> Classes:
    """Classes whose codes stay what they are, and words behind them."""
    return Classes(distinct((*classes.names, *words)))


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Names that differ, in order."""
    spelled: dict[str, str] = {}
    for name in names:
        if name.strip():
            spelled.setdefault(folded(name), name)
    return tuple(spelled.values())


def codes_as_classes(largest: int, where: Path) -> Classes:
    """Codes as classes of no meaning; two are needed."""
    if largest >= MOST_CODES:
        raise ModisteError(f"{where}: a label is {largest}, which is no code of a class. Call the column of these numbers something else.")
    return Classes(tuple(f"code {code}" for code in range(max(largest, 1) + 1)))


def own_label(said: Said, classes: Classes, taxonomy: Taxonomy) -> int | None:
    """The class that a photo's own row, folder or name speaks of: a label in words first, else what the taxonomy makes of it."""
    named = next((code for word in said.words if (code := classes.find(word)) is not None), None)
    if named is not None:
        return named
    found = suggested(taxonomy, said.details, classes, said.product)
    return None if found is None else found.label


def count(notes: dict[str, int], what: str) -> None:
    notes[what] = notes.get(what, 0) + 1
