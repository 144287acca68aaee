"""A tiny network and photos to label."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from modiste.data.layouts.sources import source_at
from modiste.labelling.labelled import Wanted, label
from modiste.serving.labeller import load


@pytest.fixture(scope="session")
def tiny(tiny_bundle):
    return load(tiny_bundle, threads=1)


@pytest.fixture(scope="session")
def made(faults, tmp_path_factory) -> Path:
    """40 photos, 5 of them damaged."""
    folder = tmp_path_factory.mktemp("made") / "photos"
    faults.make_photos(folder, 40, 5)
    return folder


@pytest.fixture
def photos(made, tmp_path) -> Path:
    """The same, to change."""
    return Path(shutil.copytree(made, tmp_path / "photos"))


@pytest.fixture
def labelled(tiny, tmp_path):
    """What comes of a source, labelled into labels.csv or another file."""

    def made(where, output="labels.csv", labeller=tiny, layout=None, **wanted):
        to = None if output is None else tmp_path / output
        return label(source_at(Path(where), layout), to, labeller, Wanted(**{"workers": 1, "threads": 1, **wanted}))

    return made


@pytest.fixture
def jpeg():
    """A JPEG of one colour."""

    def painted(colour) -> bytes:
        data = io.BytesIO()
        Image.new("RGB", (70, 70), colour).save(data, "JPEG")
        return data.getvalue()

    return painted


@pytest.fixture
def locked(tmp_path, jpeg, monkeypatch):
    """A shop of three folders, one of which the system refuses to list, also to whoever may list all."""
    for name in ("a/1.jpg", "b/locked/2.jpg", "c/3.jpg"):
        (tmp_path / "shop" / name).parent.mkdir(parents=True)
        (tmp_path / "shop" / name).write_bytes(jpeg("red"))
    scandir = os.scandir

    def refusing(folder):
        if Path(folder).name == "locked":
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    return tmp_path / "shop"
