"""Backbones: their width, where attention stands in them, and what is built for what is asked."""

import pytest
import torch
from torch import nn

from modiste.models.attention import CBAM
from modiste.models.backbones import BACKBONES, AlexNet, AttendedBlock, ResNet18, attend
from modiste.models.variants import build, check, restore, width
from modiste.records.errors import ModisteError, UsageError
from modiste.records.recipe import Network


def of_kind(network, kind):
    return [name for name, module in network.named_modules() if isinstance(module, kind)]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_gives_as_many_features_as_it_says(name, channels):
    backbone = BACKBONES[name](Network(backbone=name), channels, lambda _backbone: None).eval()
    with torch.inference_mode():
        assert backbone(torch.rand(2, channels, 64, 64)).shape == (2, width(backbone))


@pytest.mark.parametrize("convs", [3, 4, 5, 6])
def test_alexnet_has_the_convolutions_asked_for_and_three_pools(convs):
    """Pools after the first, the second and the last (docs/decisions/0006)."""
    with torch.device("meta"):
        network = AlexNet(Network(convs=convs), 3)
    names = [name for name, _ in network.features.named_children()]
    assert [name for name in names if name.startswith("conv")] == [f"conv{n}" for n in range(1, convs + 1)]
    assert [name for name in names if name.startswith("pool")] == ["pool1", "pool2", f"pool{convs}"]
    assert names[-1] == f"pool{convs}"


def test_attention_in_alexnet_stands_after_the_relu_and_before_the_pool():
    with torch.device("meta"):
        network = AlexNet(Network(attention="cbam"), 3)
    names = [name for name, _ in network.features.named_children()]
    assert [names[names.index(f"attention{n}") - 1] for n in (3, 4, 5)] == ["relu3", "relu4", "relu5"]
    assert names[names.index("attention5") + 1] == "pool5"


def test_the_widths_of_2012_are_krizhevsky_s():
    with torch.device("meta"):
        network = AlexNet(Network(widths="2012"), 3)
    assert [module.out_channels for module in network.features if isinstance(module, nn.Conv2d)] == [96, 256, 384, 384, 256]
    assert len(of_kind(network, nn.LocalResponseNorm)) == 2


@pytest.mark.parametrize(
    "place, count, channels", [("after", 8, [64, 64, 128, 128, 256, 256, 512, 512]), ("inside", 8, None), ("stages", 4, None)]
)
def test_every_place_has_its_number_of_modules(place, count, channels):
    backbone = ResNet18(3)
    attend(backbone, Network(backbone="resnet18", attention="cbam", place=place))
    assert len(of_kind(backbone, CBAM)) == count
    assert len(of_kind(backbone, AttendedBlock)) == (0 if place == "stages" else 8)
    if channels:
        assert [module.channel_mlp[0].in_channels for module in backbone.modules() if isinstance(module, CBAM)] == channels


def test_attention_behind_a_stage_is_the_last_thing_in_it():
    backbone = ResNet18(3)
    attend(backbone, Network(backbone="resnet18", attention="cbam", place="stages"))
    for stage in (backbone.body.layer1, backbone.body.layer4):
        assert [name for name, _ in stage.named_children()] == ["0", "1", "attention"]


class Nothing(nn.Module):
    """Attention that lets nothing through."""

    def forward(self, x):
        return torch.zeros_like(x)


@pytest.mark.parametrize("stage, channels", [("layer1", 64), ("layer2", 64)])
def test_inside_acts_before_the_addition_and_after_behind_it(stage, channels):
    """With nothing let through, a block with attention inside is relu(shortcut), and one with attention after it is 0."""
    block, x = getattr(ResNet18(3).eval().body, stage)[0], torch.randn(2, channels, 8, 8)
    shortcut = x if block.downsample is None else block.downsample(x)
    assert torch.equal(AttendedBlock(block, Nothing(), inside=True)(x), shortcut.relu())
    assert not AttendedBlock(block, Nothing(), inside=False)(x).any()


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("stage, channels", [("layer1", 64), ("layer2", 64)])
def test_attention_that_does_nothing_leaves_the_block_as_it_was(stage, channels, inside):
    block, x = getattr(ResNet18(3).eval().body, stage)[0], torch.randn(2, channels, 8, 8)
    assert torch.equal(AttendedBlock(block, nn.Identity(), inside)(x), block(x))


@pytest.mark.parametrize("place", ["after", "inside", "stages"])
def test_identity_at_init_leaves_the_whole_network_as_it_was(place):
    torch.manual_seed(0)
    plain = BACKBONES["resnet18"](Network(backbone="resnet18"), 3, lambda _backbone: None).eval()
    settings = Network(backbone="resnet18", attention="cbam", place=place, identity_at_init=True)
    attended = BACKBONES["resnet18"](settings, 3, lambda fresh: fresh.load_state_dict(plain.state_dict())).eval()
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(attended(x), plain(x))


@pytest.mark.parametrize(
    "network, words",
    [
        (Network(backbone="resnet"), "no backbone called 'resnet'.*Did you mean 'resnet18'"),
        (Network(attention="cbm"), "no attention called 'cbm'.*Did you mean 'cbam'"),
        (Network(head="svn"), "no head called 'svn'.*Did you mean 'svm'"),
        (Network(frozen=True), "a frozen backbone without weights never learns to see"),
    ],
)
def test_a_network_that_cannot_be_meant_is_refused_in_words(network, words):
    with pytest.raises(ModisteError, match=words):
        check(network)


def test_widths_and_places_that_alexnet_has_not_are_refused_in_words():
    with pytest.raises(UsageError, match=r"network.widths = '2013': there are torchvision, 2012"):
        build(Network(widths="2013"), 4)
    with pytest.raises(UsageError, match=r"network.after_convs = \[3, 4, 5\]: there is no convolution 5 among 4"):
        build(Network(attention="cbam", convs=4), 4)
    with pytest.raises(UsageError, match="there is no convolution 0 among 5"):
        build(Network(attention="cbam", after_convs=(0,)), 4)


def test_weights_of_another_network_are_not_restored():
    stored = build(Network(backbone="resnet18"), 4).state_dict()
    with pytest.raises(ModisteError, match="these weights are not those of the recipe beside them"):
        restore(Network(backbone="resnet18"), 3, 3, stored)
    with pytest.raises(ModisteError, match="these weights are not those"):
        restore(Network(backbone="resnet18", attention="cbam"), 4, 3, stored)
