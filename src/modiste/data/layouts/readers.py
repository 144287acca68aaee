"""From a folder, an archive or a label file of someone's own to a catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from modiste.data.layouts.a100 import question_files, read_a100
from modiste.data.layouts.deepfashion import has_lists, read_deepfashion
from modiste.data.layouts.fashion_mnist_files import is_fashion_mnist, read_fashion_mnist
from modiste.data.layouts.fiftyone import export_file, read_fiftyone
from modiste.data.layouts.folders import read_folders, told_links
from modiste.data.layouts.kaggle import is_kaggle, read_kaggle
from modiste.data.layouts.label_studio import read_label_studio, task_files
from modiste.data.layouts.metadata_files import metadata_files, read_metadata
from modiste.data.layouts.names import SPLITS, is_picture
from modiste.data.layouts.paper_csv import is_paper, label_files, read_paper
from modiste.data.layouts.parquet import is_parquet, read_parquet
from modiste.data.layouts.photos import has_pictures, read_photos
from modiste.data.layouts.products import read_products, tables
from modiste.data.opening.stores import Store, is_visible, open_store
from modiste.data.suggest import Taxonomy
from modiste.records.catalogue import Catalogue
from modiste.records.errors import ModisteError, unknown
from modiste.records.labels import Classes

SHOWN = 5  # names of what stands where no catalogue was found


@dataclass(frozen=True)
class Reader:
    """One layout: what it looks like in words, whether a store has it, and how it is read."""

    looks_like: str
    fits: Callable[[Store], object]  # true where the store has this layout, by names alone or by a file's first line
    read: Callable[[Store, Classes | None, Taxonomy | None], Catalogue]


def read(
    where: Path | str,
    format: str | None = None,  # noqa: A002  (the word users know)
    classes: Classes | Sequence[str] | str | None = None,
    taxonomy: Taxonomy | None = None,
) -> Catalogue:
    """The catalogue at a place, all of it or an error that lists what is wrong; pictures are listed, not decoded.

    A place is a folder, a zip, tar or parquet file, a folder inside one, or a label file.
    `classes` are declared in the order of their codes; `taxonomy` suggests classes where ids or columns name product types.
    """
    store = innermost(open_store(Path(where).expanduser()))
    if format is not None and format not in READERS:
        raise unknown("format", format, READERS)
    declared = None if classes is None else Classes.of(classes)
    return READERS[format or detect(store)].read(store, declared, taxonomy)


def root_of(where: Path) -> Path:
    """The root of the catalogue at a place, which paths of its photos go on from."""
    return innermost(open_store(where.expanduser())).root


def detect(store: Store) -> str:
    """Which reader fits a store: the first whose layout it has."""
    found = fitting(store)
    if found is None and label_files(store):
        return "paper"  # whose error says what its first line lacks
    if found is None:
        raise ModisteError(
            f"{store.where}: {'' if store.chosen else 'no pictures in it, and '}no labels in a layout that modiste knows.{held(store)} "
            "Give a folder with pictures, an archive of one, or a table that names them: `modiste data formats` lists all that is read."
        )
    return found


def fitting(store: Store) -> str | None:
    """The first reader whose layout a store has; None where there is none."""
    return next((name for name, reader in READERS.items() if reader.fits(store)), None)


def held(store: Store) -> str:
    """What stands there instead, in words."""
    names = [] if store.chosen else [*(f"{folder}/" for folder in store.folders()), *filter(is_visible, store.names())]
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    words = [f"It holds {', '.join(names[:SHOWN])}{more}."] if names else []
    return "".join(f" {word[0].upper()}{word[1:]}" for word in (*words, *told_links(store.links)))


def innermost(store: Store) -> Store:
    """The store, or the only folder in it, and so on, where that alone holds more than pictures: archives are often packed so."""
    while not store.chosen and not store.root.name.lower().endswith(".parquet") and not any(map(is_visible, store.names())):
        folders = store.folders()
        if len(folders) != 1 or folders[0].casefold() in SPLITS:
            return store
        inner = open_store(store.root / folders[0], store.lenient)
        if not inner.folders() and all(map(is_picture, inner.names())):
            return store
        store = inner
    return store


def has_pictures_in_folders(store: Store) -> bool:
    """Whether pictures stand in folders and no label file says more."""
    return (
        not store.chosen and not label_files(store) and any(is_picture(path) for folder in store.folders() for path in store.below(folder))
    )


READERS: dict[str, Reader] = {  # tried in this order
    "paper": Reader("the paper's CSV: Image_Name,Label,Attribute, pictures beside it or under images/", is_paper, read_paper),
    "a100": Reader("the A100 question files: JSON with AAT or LAT in the name", question_files, read_a100),
    "deepfashion": Reader("DeepFashion's category benchmark: Anno/, Eval/ and img/", has_lists, read_deepfashion),
    "fiftyone": Reader("a FiftyOne export: data/ with labels.json or samples.json", export_file, read_fiftyone),
    "label-studio": Reader("a Label Studio export, JSON or JSON-MIN, with its pictures", task_files, read_label_studio),
    "kaggle": Reader("Kaggle's Fashion Product Images: styles.csv and images/<id>.jpg", is_kaggle, read_kaggle),
    "metadata": Reader("Hugging Face's image folder: metadata.csv or .jsonl with a column file_name", metadata_files, read_metadata),
    "fashion-mnist": Reader("Fashion-MNIST's four files, -ubyte or -ubyte.gz", is_fashion_mnist, read_fashion_mnist),
    "parquet": Reader("Parquet with pictures inside, as Hugging Face writes it: one file, or shards under data/", is_parquet, read_parquet),
    "products": Reader(
        "a shop's table, CSV or Parquet, with a column of pictures: image, photo, Shopify's Image Src ...", tables, read_products
    ),
    "folders": Reader("a folder a class, also under train/ and test/", has_pictures_in_folders, read_folders),
    "photos": Reader("pictures in any folders, without labels", has_pictures, read_photos),
}
