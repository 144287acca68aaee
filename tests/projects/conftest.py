"""Shops, networks and open projects; shops.py makes them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # shops.py is imported by name


@pytest.fixture(scope="session")
def colours(tmp_path_factory) -> Path:
    """A bundle that knows red, green and blue."""
    import shops

    return shops.network(tmp_path_factory.mktemp("network") / "colours.onnx")
