"""From a folder or a label file of someone's own to a catalogue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from modiste.data.a100 import question_files, read_a100
from modiste.data.folders import read_folders
from modiste.data.listing import PICTURES, files_below, visible_folders
from modiste.data.paper_csv import label_files, read_paper
from modiste.data.taxonomy import Taxonomy
from modiste.records.catalogue import Catalogue
from modiste.records.errors import ModisteError, unknown
from modiste.records.labels import Classes

Reader = Callable[[Path, Classes | None, Taxonomy | None], Catalogue]


def read(
    where: Path | str,
    format: str | None = None,  # noqa: A002  (the word users know)
    classes: Classes | None = None,
    taxonomy: Taxonomy | None = None,
) -> Catalogue:
    """The catalogue at a place, all of it or an error that lists what is wrong; pictures are listed, not decoded.

    `classes` are declared in the order of their codes; `taxonomy` suggests classes where ids name product types.
    """
    place = Path(where).expanduser()
    if not place.exists():
        raise ModisteError(f"{place}: no such file or folder (looked in {Path.cwd()}).")
    name = format or detect(place)
    if name not in READERS:
        raise unknown("format", name, READERS)
    return READERS[name](place, classes, taxonomy)


def detect(where: Path) -> str:
    """Which reader fits a place: by its label files, else its question files, else its folders of pictures.

    >>> detect(Path("nowhere/labels.xlsx"))
    Traceback (most recent call last):
    modiste.records.errors.ModisteError: nowhere/labels.xlsx: neither a CSV file of labels nor a JSON file of A100 questions.
    """
    if label_files(where):
        return "paper"
    if question_files(where):
        return "a100"
    if not where.is_dir():
        raise ModisteError(f"{where}: neither a CSV file of labels nor a JSON file of A100 questions.")
    if visible_folders(where) and any(file.suffix.lower() in PICTURES for file in files_below(where)):
        return "folders"
    raise ModisteError(
        f"{where}: found no catalogue. modiste reads a folder with labels.csv (Image_Name,Label,Attribute) and the pictures under images/, "
        "a folder a class, or the A100 question files (JSON)."
    )


READERS: dict[str, Reader] = {"paper": read_paper, "folders": read_folders, "a100": read_a100}
