"""There is one place where photos are opened and one where they are decoded: the holes that were mended have no siblings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import modiste

SOURCE = Path(modiste.__file__).parent
OPENS = {"open", "read_bytes", "read_text", "fdopen", "fromfile", "imread"}
ALLOWED = {  # who opens files by name, and what those are
    "data/opening/stores.py",  # photos and label files
    "data/opening/containers.py",  # archives
    "data/opening/parquet_file.py",
    "data/opening/idx.py",
    "data/taxonomy.py",  # our own and the user's taxonomy
    "data/auditing/lookbook.py",  # the audit's own cache
    "data/slots.py",  # the decoded cache
    "data/decoded.py",  # how much memory is free
    "data/samples/fashion_mnist.py",  # what was downloaded
}


def calls(file: Path) -> Iterator[tuple[str, str]]:
    """(what it is called on, its name) of every call in a file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func.value), node.func.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield "", node.func.id


def files() -> list[str]:
    return [file.relative_to(SOURCE).as_posix() for file in sorted(SOURCE.rglob("*.py"))]


@pytest.mark.parametrize("file", [file for file in files() if file.startswith("data/")])
def test_only_the_opening_opens_photos_and_label_files(file):
    if file in ALLOWED:
        return
    found = {
        (on, name) for on, name in calls(SOURCE / file) if name in OPENS and "store" not in on and not on.startswith(("Image", "tarfile"))
    }
    written = {(on, name) for on, name in found if file.endswith(("parquet_shards.py", "worker.py", "crew.py"))}  # they write, or talk
    assert found - written == set()


def test_pillow_and_simplejpeg_decode_in_one_room_only():
    sources = {file: (SOURCE / file).read_text(encoding="utf-8") for file in files()}
    assert {file for file, text in sources.items() if "ImagePlugin" in text} == {"data/opening/images.py"}
    assert {file for file, text in sources.items() if "simplejpeg.decode" in text} == {"data/opening/jpeg.py"}
    assert not [file for file in sources if ("Image", "open") in set(calls(SOURCE / file))]


def test_the_search_sees_what_it_looks_for():
    assert set(files()) >= ALLOWED
    assert any(name in OPENS for _, name in calls(SOURCE / "data/opening/stores.py"))
