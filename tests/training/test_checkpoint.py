"""A checkpoint gives back network, optimiser and place, bit for bit and laid out alike."""

import numpy as np
import pytest
import torch

from modiste.models.variants import build
from modiste.records.errors import ModisteError, TrainingDiverged
from modiste.records.recipe import Network, Recipe
from modiste.records.run import Epoch
from modiste.training.checkpoint import Learner, Position, load_checkpoint, save_checkpoint
from modiste.training.loop import OPTIMISERS, optimiser_of

CPU = torch.device("cpu")
NETWORK = Network(backbone="resnet18", attention="cbam", gate_norm=True, identity_at_init=True)


def pupil(name, seed=0):
    torch.manual_seed(seed)
    network = build(NETWORK, 3).to(memory_format=torch.channels_last).train()
    return network, optimiser_of(Recipe(optimiser=name, lr=1e-3, weight_decay=1e-3), network, CPU)


def taught(network, optimiser, steps, first=0):
    for number in range(first, first + steps):
        torch.manual_seed(number)
        pictures = torch.rand(4, 3, 32, 32).contiguous(memory_format=torch.channels_last)
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(pictures), torch.tensor([0, 1, 2, 0])).backward()
        optimiser.step()


def moments(optimiser):
    states = sorted(optimiser.state_dict()["state"].items())
    return [value for _, state in states for _, value in sorted(state.items()) if value is not None]


@pytest.mark.parametrize("name", OPTIMISERS)
def test_what_is_saved_is_loaded_and_goes_on_alike(tmp_path, name):
    network, optimiser = pupil(name)
    taught(network, optimiser, 2)
    place = Position(3, 7, 0.1 + 0.2, 5, 56, 1 / 3)
    epochs = [Epoch(1, 0.1, 1 / 3, "test", 0.2, 0.3, 0.1 + 0.2, 9.0, 1.0)]
    save_checkpoint(tmp_path / "c.safetensors", place, epochs, Learner(network, optimiser))
    other, its_optimiser = pupil(name, seed=9)
    assert load_checkpoint(tmp_path / "c.safetensors", Learner(other, its_optimiser)) == (place, epochs)
    for one, two in zip(moments(optimiser), moments(its_optimiser), strict=True):
        assert torch.equal(one, two)
        assert one.stride() == two.stride()
    taught(network, optimiser, 2, first=2)
    taught(other, its_optimiser, 2, first=2)
    for (key, one), two in zip(network.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(one, two), key


def test_moments_of_channels_last_weights_are_channels_last(tmp_path):
    """A fused step that walked them in another order would mix them up without a word."""
    network, optimiser = pupil("adam")
    taught(network, optimiser, 1)
    save_checkpoint(tmp_path / "c.safetensors", Position(), [], Learner(network, optimiser))
    other, its_optimiser = pupil("adam")
    load_checkpoint(tmp_path / "c.safetensors", Learner(other, its_optimiser))
    first = its_optimiser.state[other.backbone.body.layer1[0].block.conv1.weight]["exp_avg"]
    assert first.is_contiguous(memory_format=torch.channels_last)
    assert not first.is_contiguous()


def test_a_checkpoint_before_any_step_holds_no_moments(tmp_path):
    network, optimiser = pupil("adam")
    save_checkpoint(tmp_path / "c.safetensors", Position(), [], Learner(network, optimiser))
    assert load_checkpoint(tmp_path / "c.safetensors", Learner(network, optimiser)) == (Position(), [])
    assert moments(optimiser) == []


@pytest.mark.parametrize("damage", ["cut", "empty", "no position", "text"])
def test_a_damaged_checkpoint_is_refused_in_words(tmp_path, damage):
    network, optimiser = pupil("sgd")
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, Position(), [], Learner(network, optimiser))
    whole = path.read_bytes()
    altered = whole.replace(b"position", b"positron", 1)
    path.write_bytes({"cut": whole[:5000], "empty": b"", "no position": altered, "text": b"hats" * 99}[damage])
    with pytest.raises(ModisteError, match=r"c.safetensors .*damaged.* Delete it, and the run starts from its first epoch"):
        load_checkpoint(path, Learner(network, optimiser))


def test_a_checkpoint_of_another_network_is_refused_in_words(tmp_path):
    network, optimiser = pupil("sgd")
    save_checkpoint(tmp_path / "c.safetensors", Position(), [], Learner(build(Network(backbone="resnet18"), 3), optimiser))
    with pytest.raises(ModisteError, match=r"c.safetensors is not a checkpoint of this run \(.* Delete it, and the run starts"):
        load_checkpoint(tmp_path / "c.safetensors", Learner(network, optimiser))


def test_positions_keep_their_floats_to_the_last_bit(tmp_path):
    learner = Learner(*pupil("sgd"))
    for value in np.random.default_rng(0).random(5) * 1e3:
        save_checkpoint(tmp_path / "c.safetensors", Position(loss_sum=float(value)), [], learner)
        assert load_checkpoint(tmp_path / "c.safetensors", learner)[0].loss_sum == value


def test_weights_that_are_no_numbers_are_never_kept(tmp_path):
    network, optimiser = pupil("sgd")
    with torch.no_grad():
        network.head.weight[0, 0] = float("nan")
    with pytest.raises(TrainingDiverged):
        save_checkpoint(tmp_path / "c.safetensors", Position(), [], Learner(network, optimiser))
    assert not list(tmp_path.iterdir())
