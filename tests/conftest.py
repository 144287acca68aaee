"""Pictures for all tests: a small catalogue that modiste draws itself, once a test run."""

import importlib.util
import signal
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from modiste.data.samples.drawn import draw
from modiste.records.catalogue import Catalogue

FAULTS = Path(__file__).parents[1] / "benchmarks" / "label_faults.py"
settings.register_profile("busy", deadline=None)  # a machine that is busy takes its time, and that is no fault
settings.load_profile("busy")
torch.set_num_threads(1)  # the networks are tiny: a second thread only waits, above all on a busy machine


# a shell that starts the tests in the background has them ignore Ctrl-C, and so would every program that they start
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def faults():
    """benchmarks/label_faults.py, which knows how to make photos, a tiny network, and trouble."""
    if not FAULTS.is_file():
        pytest.skip("no benchmarks beside these tests")
    spec = importlib.util.spec_from_file_location("label_faults", FAULTS)
    module = sys.modules["label_faults"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiny_bundle(faults, tmp_path_factory) -> Path:
    return faults.tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny.onnx")


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """64 photos of 72 px: 48 train, 16 test, all four classes in both."""
    return draw(tmp_path_factory.mktemp("photos") / "drawn", photos=64, side=72)


@pytest.fixture(scope="session")
def drawn_folder(drawn: Catalogue) -> Path:
    return drawn.root


@pytest.fixture(scope="module")
def narrow():
    """AlexNet as it is, but for its widths: 57 million parameters become 25 thousand."""
    from modiste.models import backbones

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(backbones.ALEXNET_WIDTHS, "torchvision", (8, 16, 16, 16, 16, 16))
        patch.setattr(backbones, "ALEXNET_FEATURES", 32)
        patch.setattr(backbones.AlexNet, "width", 32)
        yield
