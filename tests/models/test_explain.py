"""Maps of where a network looks: laws that hold exactly, and nothing of the network moved by looking."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from modiste.models import explain
from modiste.models.explain import (
    EXPLANATIONS,
    attention_maps,
    enlarged,
    grad_cam,
    grad_cam_plus_plus,
    occlusion,
    score_of,
    starts_of,
)
from modiste.models.heads import RBF
from modiste.models.variants import VARIANTS, Classifier, cbam, sketch
from modiste.records.errors import ModisteError
from modiste.records.recipe import Network


@pytest.fixture(scope="module", autouse=True)
def narrowed(narrow):
    """Every network here is narrow, its weights the same in every run."""
    torch.manual_seed(0)


RESNET, ATTENDED = Network(backbone="resnet18"), Network(backbone="resnet18", attention="cbam")
PICTURES, CLASSES = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 3, 1])


def largest_at_1(maps: torch.Tensor) -> torch.Tensor:
    return maps / maps.amax((1, 2), keepdim=True).clamp_min(1e-30)


@pytest.mark.parametrize("network", [RESNET, ATTENDED])
def test_grad_cam_of_a_network_that_ends_in_a_mean_and_a_linear_layer_is_its_class_activation_map(network):
    """CAM (Zhou et al. 2016) needs no gradient: the class's weights times the features behind the mean."""
    made = sketch(network, 4).eval()
    made.head.weight.data += torch.tensor([[0.05], [0.02], [0.0], [-0.02]])
    with torch.no_grad():
        features = nn.Sequential(*made.stages()[:-3])(PICTURES)  # without the mean, the flattening and the head
        cam = torch.einsum("bchw,bc->bhw", features, made.head.weight[CLASSES]).relu()
    assert (cam.amax((1, 2)) > 0).any()
    torch.testing.assert_close(grad_cam(made, PICTURES, CLASSES), largest_at_1(cam))


@pytest.mark.parametrize("head", ["linear", "rbf"])
def test_grad_cam_agrees_with_gradients_caught_by_hooks_in_the_whole_network(head):
    made = sketch(cbam(16, 7), 4).eval()
    if head == "rbf":
        made.head = RBF(32, 4, 5)
        for name, value in made.head.named_buffers():
            value.copy_(torch.rand_like(value) / 32 if name == "gamma" else torch.rand_like(value) + 0.1)
    caught = {}
    at = made.backbone.features.attention5
    handle = at.register_forward_hook(lambda _module, _given, made: caught.update(features=made) or made.retain_grad())
    score_of(made(PICTURES), CLASSES).sum().backward()
    handle.remove()
    features = caught["features"]
    expected = (features * features.grad.mean((2, 3), keepdim=True)).sum(1).relu()
    assert features.grad.abs().sum() > 0
    torch.testing.assert_close(grad_cam(made, PICTURES, CLASSES), largest_at_1(expected.detach()))


class Ending(Classifier):
    """The end of a network whose last feature map is given as the picture: a mean and a linear layer."""

    def __init__(self, channels: int) -> None:
        super().__init__(nn.Identity(), nn.Linear(channels, 4), frozen=False)

    def stages(self) -> list[nn.Module]:
        return [self.backbone, nn.AdaptiveAvgPool2d(1), nn.Flatten(), self.head]


def test_grad_cam_plus_plus_weighs_by_the_true_higher_derivatives_of_the_exponential_of_the_score():
    """Equation 19 as it stands, its second and third derivatives taken by autograd, place by place."""
    made = Ending(6).double()
    features = torch.rand(1, 6, 2, 2, dtype=torch.float64, requires_grad=True)
    outcome = nn.Sequential(*made.stages())(features)[0, 3].exp()
    first = torch.autograd.grad(outcome, features, create_graph=True)[0]
    weights = torch.zeros(6, dtype=torch.float64)
    for at in [(0, channel, y, x) for channel in range(6) for y in (0, 1) for x in (0, 1)]:
        second = torch.autograd.grad(first[at], features, create_graph=True)[0][at]
        third = torch.autograd.grad(second, features, retain_graph=True)[0][at]
        alpha = second / (2 * second + features[0, at[1]].sum() * third)
        weights[at[1]] += (alpha * first[at].relu()).detach()
    expected = torch.einsum("c,chw->hw", weights, features[0].detach()).relu()[None]
    assert expected.max() > 0
    torch.testing.assert_close(grad_cam_plus_plus(made, features.detach(), torch.tensor([3])), largest_at_1(expected))


@pytest.mark.parametrize("method", EXPLANATIONS)
@pytest.mark.parametrize("name", ["3Conv_Softmax", "6Conv_SVM", "Alex-CBAM(8&5)", "Resnet-CBAM"])
def test_every_explanation_of_every_kind_of_variant_lies_in_0_to_1_and_moves_nothing(name, method, monkeypatch):
    monkeypatch.setattr(explain, "WINDOWS", 2)
    network = VARIANTS[name]
    made = sketch(replace(network, weights="file") if network.frozen else network, 4)
    made.train()
    before = {key: value.clone() for key, value in made.state_dict().items()}
    modes = [module.training for module in made.modules()]
    wanted = [weight.requires_grad for weight in made.parameters()]
    if method == "attention" and network.attention == "none":
        with pytest.raises(ModisteError, match="no CBAM"):
            EXPLANATIONS[method](made, PICTURES, CLASSES)
        return
    maps = EXPLANATIONS[method](made, PICTURES, CLASSES)
    assert maps.shape[0] == 3
    assert maps.ndim == 3
    assert (maps >= 0).all()
    assert (maps <= 1).all()
    assert not maps.requires_grad
    assert torch.equal(EXPLANATIONS[method](made, PICTURES, CLASSES), maps), "dropout must not speak here"
    assert all(torch.equal(value, before[key]) for key, value in made.state_dict().items())
    assert [module.training for module in made.modules()] == modes
    assert [weight.requires_grad for weight in made.parameters()] == wanted
    assert all(weight.grad is None for weight in made.parameters())
    assert enlarged(maps, 64).shape == (3, 64, 64)


@pytest.mark.parametrize("network, modules", [(cbam(16, 7), 3), (ATTENDED, 8), (replace(ATTENDED, identity_at_init=True), 8)])
def test_the_gates_of_every_cbam_are_those_that_it_applied(network, modules):
    made = sketch(network, 4).eval()
    gates = attention_maps(made, PICTURES)
    assert len(gates) == modules
    caught = {}
    for name in gates:
        made.get_submodule(name).register_forward_hook(lambda _module, given, out, name=name: caught.update({name: (given[0], out)}))
    with torch.no_grad():
        made(PICTURES)
    for name, (given, out) in caught.items():
        torch.testing.assert_close(given * gates[name].channels[:, :, None, None] * gates[name].places[:, None], out)
        assert 0 < gates[name].places.min() <= gates[name].places.max() < 1


def test_a_gate_that_is_the_same_everywhere_does_not_change_the_map_of_attention():
    """The gates are multiplied: a module whose convolution of places is 0 gates every place by a half."""
    made = sketch(cbam(16, 7), 4).eval()
    last = made.backbone.features.attention5
    with torch.no_grad():
        last.place_conv.weight.zero_()
        kept = EXPLANATIONS["attention"](made, PICTURES, CLASSES)
        gates = [*attention_maps(made, PICTURES).values()]
    together = gates[0].places * gates[1].places
    torch.testing.assert_close(kept, largest_at_1(together - together.amin((1, 2), keepdim=True)), rtol=1e-3, atol=1e-4)


class Corner(Classifier):
    """A network whose score is the brightness of one corner."""

    def __init__(self) -> None:
        super().__init__(nn.Identity(), nn.Identity(), frozen=False)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.stack([pictures[:, 0, :8, :8].mean((1, 2)), -pictures[:, 0, :8, :8].mean((1, 2))], 1)


def test_occlusion_finds_the_only_corner_that_counts():
    pictures = torch.ones(2, 1, 40, 40)
    maps = occlusion(Corner(), pictures, torch.tensor([0, 1]), window_px=8, stride_px=4)
    assert maps[0, 12:, :].max() == maps[0, :, 12:].max() == 0
    assert maps[0, :4, :4].min() == 1, "the windows that cover the corner whole"
    assert maps[1].max() == 0, "greying raises the other class's score: no place speaks for it"


def test_every_pixel_is_under_a_window():
    for side, window, stride in ((10, 4, 4), (64, 9, 4), (224, 32, 16), (5, 5, 5)):
        covered = {place for start in starts_of(side, window, stride) for place in range(start, start + window)}
        assert covered == set(range(side))
    with pytest.raises(ModisteError, match="does not cover"):
        starts_of(10, 4, 5)
