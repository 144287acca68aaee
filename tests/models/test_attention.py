"""Attention: the paper's CBAM, agreeing with another implementation, keeping its bounds and its shape."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.layers.cbam import CbamModule

from modiste.models.attention import ATTENTION, CBAM, FromIdentity, attention
from modiste.records.recipe import Network


def twins(channels, ratio, kernel, gate_norm):
    """Ours and timm's with the same weights; without a gate norm timm's is made to do nothing."""
    ours, theirs = CBAM(channels, ratio, kernel, gate_norm).eval(), CbamModule(channels, 1 / ratio, spatial_kernel_size=kernel).eval()
    norm = theirs.spatial.conv.bn
    with torch.no_grad():
        theirs.channel.fc1.weight.copy_(ours.channel_mlp[0].weight)
        theirs.channel.fc2.weight.copy_(ours.channel_mlp[2].weight)
        theirs.spatial.conv.conv.weight.copy_(ours.place_conv.weight)
        if gate_norm:
            for value in (*norm.state_dict().values(), *ours.place_norm.state_dict().values()):
                value.copy_(torch.rand(value.shape) + 0.5)
            norm.load_state_dict(ours.place_norm.state_dict())
        else:
            norm.running_var.fill_(1 - norm.eps)
    return ours, theirs


@pytest.mark.parametrize("gate_norm", [False, True])
@pytest.mark.parametrize("kernel", [1, 3, 5, 7, 9])
@pytest.mark.parametrize("channels, ratio", [(64, 16), (32, 8), (32, 1), (8, 16)])
def test_cbam_agrees_with_timm(channels, ratio, kernel, gate_norm):
    ours, theirs = twins(channels, ratio, kernel, gate_norm)
    x = torch.randn(3, channels, 9, 6)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize("gate_norm", [False, True])
def test_cbam_only_ever_dims(gate_norm):
    """Both gates lie in (0, 1): no value may grow or change sign."""
    x = 5 * torch.randn(4, 32, 7, 7)
    module = CBAM(32, gate_norm=gate_norm)
    y = module(x)
    assert (y.abs() <= x.abs()).all()
    assert (x * y >= 0).all()
    assert module.channel_gate(x).shape == (4, 32, 1, 1)
    assert module.place_gate(x).shape == (4, 1, 7, 7)


def test_places_are_weighed_after_channels():
    """The order of the paper's Fig. 3: the spatial gate sees what the channel gate left."""
    module, x = CBAM(16, 4), torch.randn(2, 16, 5, 5)
    weighed = x * module.channel_gate(x)
    torch.testing.assert_close(module(x), weighed * module.place_gate(weighed))
    assert not torch.allclose(module(x), x * module.place_gate(x) * module.channel_gate(x))


def test_the_channel_gate_does_not_know_places():
    module, x = CBAM(16, 4), torch.randn(1, 16, 4, 4)
    shuffled = x.flatten(2)[..., torch.randperm(16)].view_as(x)
    torch.testing.assert_close(module.channel_gate(shuffled), module.channel_gate(x))


@pytest.mark.parametrize("identity_at_init", [False, True])
@pytest.mark.parametrize("name", ATTENTION)
@settings(max_examples=20, deadline=None)
@given(channels=st.integers(1, 20), height=st.integers(1, 7), width=st.integers(1, 7))
def test_attention_keeps_the_shape(name, identity_at_init, channels, height, width):
    module = attention(channels, Network(attention=name, ratio=4, identity_at_init=identity_at_init))
    assert module(torch.randn(2, channels, height, width)).shape == (2, channels, height, width)


@pytest.mark.parametrize("name", ATTENTION)
def test_identity_at_init_is_exactly_the_identity(name):
    x = torch.randn(2, 32, 6, 6)
    assert torch.equal(attention(32, Network(attention=name, identity_at_init=True))(x), x)


def test_identity_at_init_learns_to_attend():
    """The strength gets a gradient at once; after one step of it the gates get theirs."""
    module, x = FromIdentity(CBAM(16, 4)), torch.randn(2, 16, 6, 6)
    (module(x) ** 2).sum().backward()
    assert module.strength.grad.abs() > 0
    with torch.no_grad():
        module.strength -= 1e-3 * module.strength.grad
    assert module.strength > 0, "dimming lowers this loss, so the strength must grow"
    module.zero_grad()
    (module(x) ** 2).sum().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in module.parameters())


def test_at_strength_one_nothing_is_left_of_the_identity():
    module, x = FromIdentity(CBAM(16, 4)), torch.randn(2, 16, 6, 6)
    torch.nn.init.ones_(module.strength)
    torch.testing.assert_close(module(x), module.module(x))
