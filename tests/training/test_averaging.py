"""The running mean: the formula by hand, timm's by another way, and a mean that is put back goes on to the same bits."""

import numpy as np
import pytest
import torch
from torch import nn

from modiste.models.variants import build
from modiste.records.recipe import Network
from modiste.training.averaging import Average, warmed


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def resnet():
    torch.manual_seed(0)
    return build(Network(backbone="resnet18"), 3).to(memory_format=torch.channels_last).train()


def stepped(network, seed):
    """The network after a step that moves weights and batch-norm's memory, each its own way."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.add_(0.1 * torch.rand(value.shape, generator=generator))
            else:
                value.add_(1)
    return network


def test_the_mean_is_the_formula_s_by_hand():
    """After the first step the weights themselves; then d * mean + (1 - d) * weights, in double precision by NumPy."""
    network = nn.Linear(3, 2)
    average, mean = Average(network, decay=0.5), None
    for step in range(12):
        average.update(stepped(network, step))
        value, decay = network.weight.detach().double().numpy(), min(0.5, (1 + step) / (10 + step))
        mean = value if mean is None else decay * mean + (1 - decay) * value
        np.testing.assert_allclose(average.network.weight.numpy(), mean, rtol=1e-6)
    assert decay == 0.5  # the warm-up is over


def test_a_whole_network_s_mean_is_timm_s(monkeypatch):
    timm = pytest.importorskip("timm.utils.model_ema")
    network = resnet()
    average, theirs = Average(network, 0.9), timm.ModelEmaV3(network, 0.9)
    for step in range(4):
        stepped(network, step)
        average.update(network)
        theirs.set(network) if step == 0 else monkeypatch.setattr(theirs, "decay", warmed(0.9, step))
        theirs.update(network)
    torch.testing.assert_close(average.network.state_dict(), theirs.module.state_dict(), rtol=1e-6, atol=1e-7)


def test_batch_norm_s_memory_is_averaged_and_its_counter_copied():
    network = resnet()
    average = Average(network, 0.999)
    for step in range(5):
        average.update(stepped(network, step))
    for name, mean in average.network.state_dict().items():
        now = network.state_dict()[name]
        assert mean.dtype == now.dtype
        assert torch.equal(mean, now) == name.endswith("num_batches_tracked"), name


def test_the_mean_of_a_network_that_stands_still_is_that_network_bit_for_bit():
    network = resnet()
    average = Average(network, 0.99)
    for _ in range(5):
        average.update(network)
    assert all(torch.equal(mean, network.state_dict()[name]) for name, mean in average.network.state_dict().items())


@pytest.mark.parametrize("stop", [0, 1, 3])
def test_a_mean_that_is_put_back_goes_on_to_the_same_bits(stop):
    network, whole = resnet(), None
    whole = Average(network, 0.99)
    for step in range(5):
        if step == stop:
            kept = {name: value.clone().contiguous() for name, value in whole.tensors().items()}  # as a file would have them
            weights = {name: value.clone().contiguous() for name, value in network.state_dict().items()}
        whole.update(stepped(network, step))
    resumed = resnet()
    resumed.load_state_dict(weights)
    average = Average(resumed, 0.99)
    average.put_back(kept)
    for step in range(stop, 5):
        average.update(stepped(resumed, step))
    found, wanted = average.tensors(), whole.tensors()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert all(found[name].stride() == wanted[name].stride() for name in wanted)


def test_the_mean_neither_learns_nor_shares_memory_with_the_network():
    network = resnet()
    average = Average(network, 0.9)
    average.update(network)
    before = {name: value.clone() for name, value in average.tensors().items()}
    stepped(network, 0)
    assert not any(weight.requires_grad for weight in average.network.parameters())
    assert all(weight.requires_grad for weight in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in average.tensors().items())


def test_another_network_s_mean_is_refused():
    average = Average(nn.Linear(3, 2), 0.9)
    with pytest.raises(RuntimeError, match="size mismatch"):
        average.put_back(Average(nn.Linear(4, 2), 0.9).tensors())
