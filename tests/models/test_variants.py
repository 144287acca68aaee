"""The networks of Table 7: how many parameters each has, counted by arithmetic, and what learns in them."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torchvision.models import alexnet, resnet18

from modiste.models import weights
from modiste.models.attention import CBAM
from modiste.models.variants import PAPER_VARIANTS, VARIANTS, build, parameters, still_modules
from modiste.records.recipe import Network

WIDTHS, SIDES = (64, 192, 384, 256, 256, 256), (11, 5, 3, 3, 3, 3)


def of_alexnet(convs, classes=4):
    """Weights and biases of so many convolutions and three linear layers."""
    inputs = (3, *WIDTHS)
    body = sum(WIDTHS[n] * (inputs[n] * SIDES[n] ** 2 + 1) for n in range(convs))
    return body + 4096 * (WIDTHS[convs - 1] * 36 + 1) + 4096 * 4097 + classes * 4097


def of_cbam(channels, ratio, kernel):
    return 2 * channels * (channels // ratio) + 2 * kernel**2


def of_cbams(ratio, kernel, widths):
    return sum(of_cbam(channels, ratio, kernel) for channels in widths)


AFTER_CONVS, BLOCKS = WIDTHS[2:5], (64, 64, 128, 128, 256, 256, 512, 512)
RESNET = sum(weight.numel() for weight in resnet18(num_classes=4).parameters())
GOLDEN = {
    "AlexNet (baseline)": (57_020_228, of_alexnet(5)),
    "3Conv_Softmax": (74_419_524, of_alexnet(3)),
    "3Conv_SVM": (74_419_524, of_alexnet(3)),
    "4Conv_Softmax": (56_430_148, of_alexnet(4)),
    "4Conv_SVM": (56_430_148, of_alexnet(4)),
    "6Conv_Softmax": (57_610_308, of_alexnet(6)),
    "6Conv_SVM": (57_610_308, of_alexnet(6)),
    "Alex-CBAM(16&7)": (57_055_338, of_alexnet(5) + of_cbams(16, 7, AFTER_CONVS)),
    "Alex-CBAM(8&7)": (57_090_154, of_alexnet(5) + of_cbams(8, 7, AFTER_CONVS)),
    "Alex-CBAM(8&5)": (57_090_010, of_alexnet(5) + of_cbams(8, 5, AFTER_CONVS)),
    "Resnet (baseline)": (11_178_564, RESNET),
    "Resnet-CBAM": (11_266_388, RESNET + of_cbams(16, 7, BLOCKS)),
    "5Conv_SVM": (57_020_228, of_alexnet(5)),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_has_as_many_parameters_as_arithmetic_gives(name):
    with torch.device("meta"):
        network = build(replace(VARIANTS[name], weights="none", frozen=False), 4)
    written, counted = GOLDEN[name]
    assert sum(parameters(network)) == written == counted


def test_arithmetic_and_torchvision_agree_on_alexnet():
    with torch.device("meta"):
        assert sum(weight.numel() for weight in alexnet(num_classes=4).parameters()) == of_alexnet(5)


def test_the_paper_s_twelve_are_table_7_and_the_thirteenth_fills_its_hole():
    assert len(PAPER_VARIANTS) == 12
    assert set(VARIANTS) - set(PAPER_VARIANTS) == {"5Conv_SVM"}
    assert {network.weights for network in VARIANTS.values() if network.backbone == "alexnet"} == {"none"}
    assert all(VARIANTS[name].frozen and VARIANTS[name].weights == "imagenet" for name in ("Resnet (baseline)", "Resnet-CBAM"))


@pytest.fixture
def imagenet(monkeypatch):
    """ResNet-18 weights that nobody has to download."""
    torch.manual_seed(1)
    found = resnet18().state_dict()
    monkeypatch.setattr(weights, "imagenet", lambda _network: found)
    return found


def frozen(**settings):
    return Network(backbone="resnet18", weights="imagenet", frozen=True, **settings)


@pytest.mark.parametrize("attention", ["none", "cbam"])
def test_what_is_frozen_is_counted_apart(imagenet, attention):
    trainable, still = parameters(build(frozen(attention=attention), 4))
    assert still == RESNET - 513 * 4
    assert trainable == 513 * 4 + (of_cbams(16, 7, BLOCKS) if attention == "cbam" else 0)


@pytest.mark.parametrize("settings", [{}, {"place": "inside", "gate_norm": True}, {"place": "stages", "identity_at_init": True}])
def test_frozen_means_that_only_attention_and_head_change(imagenet, settings):
    """In training mode, after two steps: no weight and no running statistic of the backbone has moved (decision 0009)."""
    network = build(frozen(attention="cbam", **settings), 4).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.Adam([weight for weight in network.parameters() if weight.requires_grad], 1e-2, weight_decay=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(torch.rand(4, 3, 32, 32)), torch.tensor([0, 1, 2, 3])).backward()
        optimiser.step()
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    expected = {name for name in before if "attention" in name or name.startswith("head.")}
    assert moved == expected
    assert any("attention" in name for name in moved)


def test_frozen_batch_norms_answer_in_training_as_in_use(imagenet):
    """One photo's answer does not hang on the others of its batch."""
    network = build(frozen(), 4).train()
    x = torch.rand(4, 3, 32, 32)
    torch.testing.assert_close(network(x)[:1], network(x[:1]))
    assert not any(module.training for module in still_modules(network.backbone))
    assert network.head.training


def test_a_network_that_is_not_frozen_learns_everywhere():
    network = build(Network(backbone="resnet18", attention="cbam"), 4)
    assert parameters(network)[1] == 0
    assert all(module.training for module in network.train().modules())


def test_batch_norm_inside_attention_is_not_frozen(imagenet):
    network = build(frozen(attention="cbam", gate_norm=True), 4).train()
    norms = [module.place_norm for module in network.modules() if isinstance(module, CBAM)]
    assert len(norms) == 8
    assert all(norm.training and norm.weight.requires_grad for norm in norms)
