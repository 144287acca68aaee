"""What never changes is computed once, and nothing else is: the same training, sooner."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision.models import resnet18

from modiste.data.decoded import Pictures
from modiste.models.backbones import FirstConv2d
from modiste.models.variants import VARIANTS, build, sketch, still_part, without_norms
from modiste.records.progress import silent
from modiste.records.recipe import Network, Pixels, Recipe
from modiste.training import fit as fitting
from modiste.training import given, machine
from modiste.training.fit import Manner, fit
from modiste.training.given import Eyes, computed, cut_off, folds, pictures_of, unchanging
from modiste.training.team import Team

ALONE = Team(torch.device("cpu"))
FROZEN = Network(backbone="resnet18", weights="imagenet", frozen=True)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    save_file(resnet18().state_dict(), path)
    return str(path)


@pytest.mark.parametrize("attention", ["none", "cbam"])
@pytest.mark.parametrize("place", ["after", "inside", "stages"])
def test_features_computed_once_train_the_same_network(attention, place, weights, short_resnet, drawn, tmp_path, monkeypatch):
    """As the whole network in each step, but for rounding, which Adam would blow up where a gradient is all but zero."""
    network = replace(FROZEN, weights=weights, attention=attention, place=place)
    recipe = replace(short_resnet, network=network, epochs=1, optimiser="sgd", lr=0.01)
    once = fit(recipe, drawn, tmp_path / "once")
    assert once.about["features_seconds"] > 0
    monkeypatch.setattr(fitting, "cut_off", lambda *_: None)
    each = fit(recipe, drawn, tmp_path / "each")
    assert "features_seconds" not in each.about
    one, two = (load_file(run.folder / "weights.safetensors") for run in (once, each))
    for name, value in one.items():
        torch.testing.assert_close(value, two[name], rtol=1e-4, atol=2e-5, msg=name)
    np.testing.assert_allclose(once.predictions().scores, each.predictions().scores, atol=1e-3)
    torch.manual_seed(recipe.seed)
    assert (one["head.bias"] - build(network, 4).head.bias).abs().max() > 1e-3  # it was trained


def test_the_still_part_is_all_that_never_changes():
    """Of a frozen ResNet-18 all but the head; with attention behind each block, what comes before the first."""
    lengths = {
        name: len(still_part(sketch(network, 4)))
        for name, network in {**VARIANTS, "inside": replace(VARIANTS["Resnet-CBAM"], place="inside")}.items()
    }
    resnets = {"Resnet (baseline)": 14, "Resnet-CBAM": 5, "inside": 4}  # stem 4, blocks 8, pool, flatten
    assert lengths == {name: resnets.get(name, 0) for name in lengths}


@pytest.mark.parametrize("name", ["Resnet (baseline)", "Resnet-CBAM"])
def test_convolutions_that_do_the_work_of_batch_norms_give_the_same_features(name):
    torch.manual_seed(0)
    still = still_part(sketch(VARIANTS[name], 4)).double().eval()
    for module in still.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    quick = without_norms(still)
    assert not [module for module in quick.modules() if isinstance(module, nn.BatchNorm2d)]
    assert [module for module in still.modules() if isinstance(module, nn.BatchNorm2d)]  # a copy
    for channels in (1, 3):
        pictures = torch.randn(2, channels, 64, 64, dtype=torch.double)
        torch.testing.assert_close(quick(pictures), still(pictures))


def test_a_frozen_alexnet_is_cut_before_its_dropout():
    network = sketch(Network(weights="imagenet", frozen=True), 4)
    still = still_part(network)
    assert len(still) == len(network.backbone.features) + 2
    assert isinstance(network.stages()[len(still)], nn.Dropout)


@pytest.mark.parametrize("settings", [{"augment": ("flip",)}, {"mixup": 0.2}, {"cutmix": 1.0}, {"first_side": 64}])
def test_nothing_is_computed_once_where_pictures_change(settings):
    assert unchanging(Recipe())
    recipe = replace(Recipe(pixels=Pixels(side=96)), **settings)
    assert not unchanging(recipe)
    assert cut_off(sketch(FROZEN, 4), recipe, 8, 3, ALONE) is None


def test_features_that_memory_cannot_hold_are_computed_in_each_step(monkeypatch):
    recipe = Recipe(pixels=Pixels(side=64))
    assert cut_off(sketch(FROZEN, 4), recipe, 1000, 3, ALONE) is not None
    monkeypatch.setattr(given, "memory_bytes", lambda: 4 * 512 * 1000 - 1)
    assert cut_off(sketch(FROZEN, 4), recipe, 1000, 3, ALONE) is None


def test_processes_of_one_machine_share_its_memory(monkeypatch):
    """Each holds all the features."""
    recipe, size = Recipe(pixels=Pixels(side=64)), 4 * 512 * 1000
    monkeypatch.setattr(given, "memory_bytes", lambda: 8 * size)  # a quarter of it holds them twice
    for name, here, found in (("2", "2", True), ("4", "4", False), ("4", "2", True)):
        monkeypatch.setenv("WORLD_SIZE", name)
        monkeypatch.setenv("LOCAL_WORLD_SIZE", here)
        assert (cut_off(sketch(FROZEN, 4), recipe, 1000, 3, ALONE) is not None) == found


def test_where_one_process_of_a_team_lacks_the_memory_none_holds_features(monkeypatch):
    """Or the others would wait for it for ever."""
    asked = []
    monkeypatch.setattr(Team, "total", lambda self, *values: (asked.append(values), [1.0])[1])
    assert cut_off(sketch(FROZEN, 4), Recipe(pixels=Pixels(side=64)), 8, 3, ALONE) is None
    assert asked == [(0.0,)]


@pytest.mark.parametrize(
    "own, limits, found",
    [
        ("0::/\n", {"memory.max": "4096\n"}, [4096]),
        ("0::/\n", {"memory.max": "max\n"}, []),
        ("0::/jobs/7/step\n", {"jobs/7/step/memory.max": "max", "jobs/7/memory.max": "8192", "jobs/memory.max": "9000"}, [8192, 9000]),
        ("0::/../elsewhere\n", {"memory.max": "4096"}, [4096]),
        ("5:cpu:/x\n4:cpuset,memory:/x\n0::/\n", {"memory/x/memory.limit_in_bytes": "512", "cpu/x/memory.limit_in_bytes": "1"}, [512]),
        ("4:memory:/not/seen/here\n", {"memory/memory.limit_in_bytes": "512"}, [512]),
        ("", {"memory.max": "4096"}, []),
        (None, {}, []),
    ],
)
def test_a_limit_of_memory_is_found_where_the_system_sets_it(own, limits, found, tmp_path):
    for name, text in limits.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(text)
    if own is not None:
        (tmp_path / "own").write_text(own)
    assert machine.group_limits(tmp_path / "own", tmp_path / "groups") == found


def test_memory_is_no_more_than_a_limit_of_it(monkeypatch):
    monkeypatch.setattr(machine, "group_limits", list)
    whole = machine.memory_bytes()
    for limit, found in ((whole // 2, whole // 2), (1 << 62, whole)):
        monkeypatch.setattr(machine, "group_limits", lambda limit=limit: [limit])
        assert machine.memory_bytes() == found


@pytest.mark.parametrize("name", ["AlexNet (baseline)", "Resnet (baseline)"])
def test_one_channel_stands_for_three_equal_ones_in_answers_and_in_gradients(name):
    torch.manual_seed(0)
    network = sketch(replace(VARIANTS[name], frozen=False, dropout=0.0), 4).double()
    one = torch.randn(2, 1, 64, 64, dtype=torch.double)
    three = one.expand(-1, 3, -1, -1)
    assert folds(network)
    torch.testing.assert_close(network(one), network(three))
    found = []
    for given_ in (one, three):
        network.zero_grad()
        network(given_).pow(2).sum().backward()
        found.append([weight.grad.clone() for weight in network.parameters()])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    "colour, mean, std, channels",
    [
        ("grey3", (0.5,) * 3, (0.2,) * 3, 1),
        ("grey3", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 3),  # ImageNet's: three greys that differ
        ("grey1", (0.5,), (0.2,), 1),
        ("rgb", (0.5,) * 3, (0.2,) * 3, 3),
    ],
)
def test_channels_are_folded_only_where_they_are_equal(colour, mean, std, channels):
    pixels = np.zeros((2, 64, 64, 3 if colour == "rgb" else 1), np.uint8)
    network = sketch(Network(), 4, 1 if colour == "grey1" else 3)
    seen = pictures_of(Pictures.of("ab", pixels, np.zeros(2, np.int64)), Eyes(Pixels(64, colour), mean, std), network)
    assert seen.see(np.arange(2)).shape == (2, channels, 64, 64)


def test_a_network_that_cannot_fold_is_given_all_channels():
    assert folds(nn.Sequential(nn.Sequential(FirstConv2d(3, 4, 3)), nn.ReLU()))
    assert not folds(nn.Sequential(nn.Conv2d(3, 4, 3)))


def test_computing_divides_photos_into_batches_and_loses_none():
    rows = np.arange(10, dtype=np.int64)
    some = given.Given(tuple("abcdefghij"), rows, lambda few: torch.from_numpy(few).float()[:, None])
    told = []
    found = computed(nn.Identity(), some, ALONE, told.append, "counting", batch=4)
    assert found[:, 0].tolist() == rows.tolist()
    assert [(event.done, event.total) for event in told] == [(4, 10), (8, 10), (10, 10)]


def test_fp32_has_all_its_digits_where_photos_are_computed_and_where_a_run_is_trained(short, drawn, tmp_path):
    """On a GPU torch computes convolutions of fp32 in TF32 by itself; what others set is as it was afterwards."""
    convolutions, seen = torch.backends.cudnn.conv, set()
    usual = convolutions.fp32_precision
    assert usual != "ieee"
    some = given.Given(("a",), np.zeros(1, np.int64), lambda few: (seen.add(convolutions.fp32_precision), torch.zeros(1, 1))[1])
    computed(nn.Identity(), some, ALONE, silent, "looking")
    assert convolutions.fp32_precision == usual
    fit(replace(short, epochs=1), drawn, tmp_path, Manner(tell=lambda told: seen.add((told.stage, convolutions.fp32_precision))))
    assert convolutions.fp32_precision == usual
    assert {"ieee", ("training", "ieee"), ("predicting test", "ieee")} <= seen
    assert usual not in seen


def test_a_resumed_frozen_run_takes_its_features_anew(weights, short_resnet, drawn, tmp_path, outcome):
    recipe = replace(short_resnet, network=replace(FROZEN, weights=weights), ema=0.9)
    whole = outcome(fit(recipe, drawn, tmp_path / "whole"))
    steps = []

    def tell(told):
        if told.stage == "training":
            steps.append(told)
            if len(steps) == 8:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(recipe, drawn, tmp_path / "stopped", Manner(tell=tell, checkpoint_seconds=0))
    assert outcome(fit(recipe, drawn, tmp_path / "stopped")) == whole
