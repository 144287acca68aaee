"""Photos painted on the spot, and folders of them."""

from __future__ import annotations

import io
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))  # jobs and odd files are imported by name, in workers too
Paint = Callable[..., Path]


@pytest.fixture
def jpeg() -> Callable[[str], bytes]:
    """A photo's bytes, another colour for another name."""

    def made(name: str) -> bytes:
        seed = zlib.crc32(name.encode("utf-8", "surrogateescape"))
        data = io.BytesIO()
        Image.new("RGB", (32, 32), (seed & 255, seed >> 8 & 255, seed >> 16 & 255)).save(data, "JPEG")
        return data.getvalue()

    return made


@pytest.fixture
def paint(jpeg: Callable[[str], bytes]) -> Paint:
    """Put photos under a root: paint(root, 'images/1.jpg', ...)."""

    def painted(root: Path, *paths: str) -> Path:
        for path in paths:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(jpeg(path))
        return root

    return painted


@pytest.fixture
def shop(tmp_path: Path, paint: Paint) -> Callable[..., Path]:
    """A folder with labels.csv and the pictures it names under images/."""

    def made(text: str | bytes, name: str = "labels.csv", pictures: tuple[str, ...] = ("1.jpg", "2.jpg", "3.jpg", "4.jpg")) -> Path:
        paint(tmp_path, *(f"images/{picture}" for picture in pictures))
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path

    return made
