"""Tasks for Label Studio: labels as annotations, suggestions as predictions, and the question that is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from modiste.data.layouts.declared import write_classes
from modiste.data.layouts.placing import checked_split, place, start
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.disk import write_text
from modiste.records.labels import Classes
from modiste.records.progress import Tell, following, silent

QUESTION, PICTURE = "label", "image"  # what the question and the picture are called in tasks and interface


def write_label_studio(catalogue: Catalogue, to: Path, copy: bool = True, tell: Tell = silent) -> Path:
    """Write the photos, classes.txt, interface.xml and tasks.json into a new folder; `read` gives an equal catalogue back.

    In Label Studio the folder is the document root of local files, and interface.xml the labelling interface.
    """
    tasks = [json.dumps(task_of(photo, catalogue.classes), ensure_ascii=False) for photo in catalogue.photos]
    start(to)
    for photo in following(catalogue.photos, tell, "writing"):
        place(catalogue, photo, to / photo.path, copy)
    write_classes(to, catalogue.classes)
    write_text(to / "interface.xml", interface(catalogue.classes))
    write_text(to / "tasks.json", "[\n{}\n]\n".format(",\n".join(tasks)))
    return to


def task_of(photo: Photo, classes: Classes) -> dict[str, Any]:
    """One photo as a task; what Label Studio has no word for stands beside the picture in its data."""
    ours = {"product": photo.product, "source": photo.source, "split": checked_split(photo), "details": dict(photo.details)}
    task: dict[str, Any] = {"data": {PICTURE: address(photo.path), **ours}, "annotations": [], "predictions": []}
    if photo.label is not None:
        task["annotations"] = [{"result": [chosen(classes.names[photo.label])], "was_cancelled": False, "ground_truth": False}]
    if photo.suggestion is not None:
        task["predictions"] = [{"model_version": photo.suggestion.by, "result": [chosen(classes.names[photo.suggestion.label])]}]
    return task


def chosen(name: str) -> dict[str, Any]:
    return {"from_name": QUESTION, "to_name": PICTURE, "type": "choices", "value": {"choices": [name]}}


def address(path: str) -> str:
    """How Label Studio asks for a local file.

    >>> address("images/a b.jpg")
    '/data/local-files/?d=images/a%20b.jpg'
    """
    return f"/data/local-files/?d={quote(path, errors='surrogateescape')}"


def interface(classes: Classes) -> str:
    """The labelling interface: the picture, and the classes to choose one of."""
    choices = "".join(f"    <Choice value={quoteattr(name)}/>\n" for name in classes.names)
    asked = f'  <Choices name="{QUESTION}" toName="{PICTURE}" choice="single">\n{choices}  </Choices>\n'
    return f'<View>\n  <Image name="{PICTURE}" value="${PICTURE}"/>\n{asked}</View>\n'
