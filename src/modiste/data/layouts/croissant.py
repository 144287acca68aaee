"""Croissant: the paper's layout with croissant.json beside it, which says in a machine's words what each column holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

from modiste.data.layouts.labels_csv import label_lines, write_labels
from modiste.data.layouts.names import is_picture
from modiste.data.layouts.placing import place, start
from modiste.data.layouts.rows import encodable, restored
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.disk import digest, write_json
from modiste.records.errors import ModisteError
from modiste.records.labels import Classes
from modiste.records.progress import Tell, following, silent

STANDARD = "http://mlcommons.org/croissant/1.0"
TERMS = (
    *("citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet", "format", "includes"),
    *("isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated", "replace"),
    *("samplingRate", "separator", "source", "subField", "transform"),
)
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
} | {word: f"cr:{word}" for word in TERMS}
UNQUOTED = r"(?:'(?='*[=+\-@\t\r]))?"  # the ' that keeps a cell from being a formula
MEANS = {
    "Image_Name": "The picture's path in this folder.",
    "Label": "The code of the class; -1 for none of them.",
    "Attribute": "The name of the class.",
    "split": "train, validation, test, extra or other.",
    "source": "Which test a product comes from.",
    "product_id": "The product that a picture shows.",
    "suggested_label": "The code of a class that nobody has confirmed.",
    "suggested_by": "What proposed it.",
}


def write_croissant(catalogue: Catalogue, to: Path, copy: bool = True, tell: Tell = silent) -> Path:
    """Write the paper's layout and croissant.json into a new folder; `read` gives an equal catalogue back.

    croissant.json comes last: where it stands, all is there, and labels.csv has the SHA-256 that it names.
    """
    lines = label_lines(catalogue, full_name)
    check(catalogue.photos, lines)
    start(to)
    for photo in following(catalogue.photos, tell, "writing"):
        place(catalogue, photo, to / photo.path, copy)
    write_labels(lines, catalogue.classes, to)
    write_json(to / "croissant.json", description(catalogue, lines, digest(to / "labels.csv")))
    return to


def check(photos: Sequence[Photo], lines: Sequence[Sequence[str]]) -> None:
    """Refuse what the tools that read Croissant would not find: they join a row and its picture by the name alone."""
    if not photos:
        raise ModisteError("a catalogue without photos cannot be described. Add some.")
    for photo, cells in zip(photos, lines[1:], strict=True):
        odd = next((cell for cell in cells if not encodable(cell)), None)
        if odd is not None:
            raise ModisteError(f"{odd!r} is not UTF-8, and Croissant holds nothing else. Rename it, or write the format 'paper'.")
        if cells[0] != photo.path or not is_picture(photo.path):
            raise ModisteError(
                f"{photo.path!r}: Croissant finds pictures by names that end as pictures do, begin with none of = + - @ "
                "and have no namesake under images/. Rename it, or write the format 'paper'."
            )


def full_name(path: str, paths: Set[str]) -> str:
    """How labels.csv names a path here: as the picture's file is named, so that both can be joined.

    >>> full_name("images/1.jpg", {"images/1.jpg"})
    'images/1.jpg'
    """
    return f"./{path}" if f"images/{path}" in paths else path


def description(catalogue: Catalogue, lines: Sequence[Sequence[str]], sha256: str) -> dict[str, Any]:
    """What croissant.json holds."""
    name = re.sub(r"[^\w.-]+", "-", catalogue.root.name, flags=re.ASCII).strip("-") or "photos"
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": name,
        "description": f"{len(catalogue):,} photos of fashion products in {len(catalogue.classes)} classes: {catalogue.classes}.",
        "conformsTo": STANDARD,
        "version": "1.0.0",
        "datePublished": date.today().isoformat(),
        "license": "that of its photos, which whoever publishes this folder must name here",
        "citeAs": "what whoever publishes this folder names here",
        "distribution": [labels_file(sha256), pictures(catalogue.photos)],
        "recordSet": [class_records(catalogue.classes), photo_records(lines)],
    }


def labels_file(sha256: str) -> dict[str, Any]:
    named = {"@type": "cr:FileObject", "@id": "labels.csv", "name": "labels.csv", "contentUrl": "labels.csv"}
    return named | {"encodingFormat": "text/csv", "sha256": sha256}


def pictures(photos: Sequence[Photo]) -> dict[str, Any]:
    """The set of picture files; a tool that opens JPEGs by content opens the other formats too, so that one comes first."""
    named = {"@type": "cr:FileSet", "@id": "pictures", "name": "pictures"}
    formats = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/tiff", "image/bmp", "image/avif"]
    return named | {"encodingFormat": formats, "includes": sorted({pattern(photo.path) for photo in photos})}


def pattern(path: str) -> str:
    """The files that a picture is one of: all of its ending, below its outermost folder.

    >>> pattern("images/1.jpg"), pattern("images/a/b/1.jpg"), pattern("1.jpg")
    ('images/*.jpg', 'images/**/*.jpg', '*.jpg')
    """
    folders, suffix = PurePosixPath(path).parts[:-1], PurePosixPath(path).suffix
    outer = re.sub(r"[*?[]", r"[\g<0>]", f"{folders[0]}/") if folders else ""
    return f"{outer}{'**/' if len(folders) > 1 else ''}*{suffix}"


def class_records(classes: Classes) -> dict[str, Any]:
    """The classes and their codes, as records of their own."""
    fields = [
        {"@type": "cr:Field", "@id": "classes/code", "name": "code", "dataType": "sc:Integer"},
        {"@type": "cr:Field", "@id": "classes/name", "name": "name", "dataType": "sc:Text"},
    ]
    data = [{"classes/code": code, "classes/name": name} for code, name in enumerate(classes.names)]
    named = {"@type": "cr:RecordSet", "@id": "classes", "name": "classes", "dataType": "sc:Enumeration", "key": {"@id": "classes/code"}}
    return named | {"field": fields, "data": data}


def photo_records(lines: Sequence[Sequence[str]]) -> dict[str, Any]:
    """A record a photo: every column of labels.csv, and the picture."""
    image = {
        "@type": "cr:Field",
        "@id": "photos/image",
        "name": "image",
        "description": "The picture.",
        "dataType": "sc:ImageObject",
        "source": {"fileSet": {"@id": "pictures"}, "extract": {"fileProperty": "content"}},
    }
    named = {"@type": "cr:RecordSet", "@id": "photos", "name": "photos", "key": {"@id": "photos/Image_Name"}}
    return named | {"field": [*columns(lines), image]}


def columns(lines: Sequence[Sequence[str]]) -> Iterator[dict[str, Any]]:
    """The columns of labels.csv; cells that are kept from being formulas are given as they were."""
    for number, column in enumerate(lines[0]):
        source: dict[str, Any] = {"fileObject": {"@id": "labels.csv"}, "extract": {"column": column}}
        field: dict[str, Any] = {"@type": "cr:Field", "@id": f"photos/{identity(column, number)}", "name": restored(column)}
        is_code = column in ("Label", "suggested_label")
        field |= {"dataType": "sc:Integer", "references": {"field": {"@id": "classes/code"}}} if is_code else {"dataType": "sc:Text"}
        field |= {"description": MEANS[column]} if column in MEANS else {}
        if column == "Image_Name":
            field["references"] = source
            source = {"fileSet": {"@id": "pictures"}, "extract": {"fileProperty": "fullpath"}, "transform": {"regex": r"^([\s\S]*)$"}}
        elif any(line[number].startswith("'") for line in lines[1:]):
            source["transform"] = {"regex": rf"^{UNQUOTED}([\s\S]*)$"}
        yield field | {"source": source}


def identity(column: str, number: int) -> str:
    """A column's name where it can stand in an address and means nothing else, else its number."""
    return column if re.fullmatch(r"[\w.-]+", column, re.ASCII) and column != "image" else f"column-{number}"
