"""Weights to start from: torchvision's give torchvision's answers, a file can do no harm, and an error helps."""

import http.client
import io
import pickle
import shutil
import urllib.error
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import alexnet, resnet18

from modiste.models.backbones import AlexNet, ResNet18
from modiste.models.tensors import write_tensors
from modiste.models.variants import build
from modiste.models.weights import IMAGENET, TOLD, fill, loader, our_names, read_weights
from modiste.records.disk import digest
from modiste.records.errors import Damaged, MachineError, ModisteError
from modiste.records.recipe import Network


@pytest.fixture(scope="module")
def theirs():
    """torchvision's networks, random, with batch-norm statistics that are not those of a fresh one."""
    torch.manual_seed(0)
    networks = {"alexnet": alexnet().eval(), "resnet18": resnet18().eval()}
    for module in networks["resnet18"].modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return networks


@pytest.fixture(scope="module")
def files(theirs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    for name, network in theirs.items():
        torch.save(network.state_dict(), folder / f"{name}.pth")
        save_file(network.state_dict(), folder / f"{name}.safetensors")
    return folder


def features_of(network, x):
    """torchvision's features: all but the last linear layer."""
    layers = nn.Sequential(*list(network.children())[:-1], nn.Flatten())
    return nn.Sequential(layers, *list(network.classifier)[:-1])(x) if hasattr(network, "classifier") else layers(x)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("name", ["alexnet", "resnet18"])
@torch.inference_mode()
def test_torchvision_s_weights_give_torchvision_s_features_exactly(theirs, files, name, suffix):
    network = build(Network(backbone=name, weights=str(files / f"{name}{suffix}")), 4).eval()
    x = torch.rand(2, 3, 96, 96)
    assert torch.equal(network.backbone(x), features_of(theirs[name], x))


@torch.inference_mode()
def test_with_torchvision_s_last_layer_too_the_answers_are_torchvision_s(theirs, files):
    network = build(Network(weights=str(files / "alexnet.pth")), 1000).eval()
    network.head.load_state_dict(theirs["alexnet"].classifier[-1].state_dict())
    x = torch.rand(2, 3, 96, 96)
    assert torch.equal(network(x), theirs["alexnet"](x))


@torch.inference_mode()
def test_a_kernel_for_colour_becomes_one_for_grey_that_answers_alike(theirs, files):
    """grey1 on one channel is grey3 on three equal ones, where the normalisation is the same for each."""
    network = Network(backbone="resnet18", weights=str(files / "resnet18.pth"))
    grey1, grey3 = build(network, 4, channels=1).eval().backbone, build(network, 4, channels=3).eval().backbone
    x = torch.rand(2, 1, 64, 64)
    torch.testing.assert_close(grey1.body.conv1(x), grey3.body.conv1(x.expand(-1, 3, -1, -1)), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(grey1(x), grey3(x.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["alexnet", "resnet18"])
@torch.inference_mode()
def test_attention_does_not_stand_in_the_way_of_weights(theirs, files, name):
    """Attention that starts as the identity leaves torchvision's features as they are."""
    settings = {"attention": "cbam", "identity_at_init": True}
    network = build(Network(backbone=name, weights=str(files / f"{name}.safetensors"), **settings), 4).eval()
    x = torch.rand(2, 3, 96, 96)
    assert torch.equal(network.backbone(x), features_of(theirs[name], x))


def test_weights_of_a_run_of_ours_fit_and_so_do_those_in_wrappers(tmp_path):
    """A checkpoint of ours, of Lightning ('state_dict') and of DataParallel ('module.')."""
    trained = build(Network(backbone="resnet18"), 7)
    forms = {"run": trained.state_dict(), "lightning": {"state_dict": trained.state_dict(), "epoch": 3}}
    forms["parallel"] = {f"module.{name}": value for name, value in trained.backbone.body.state_dict().items()}
    for form, stored in forms.items():
        torch.save(stored, tmp_path / f"{form}.pth")
        if form == "lightning":  # only a state dict may hold numbers beside tensors
            assert set(read_weights(tmp_path / "lightning.pth")) == set(trained.state_dict())
        made = build(Network(backbone="resnet18", weights=str(tmp_path / f"{form}.pth")), 4)
        assert torch.equal(made.backbone.body.layer4[1].conv2.weight, trained.backbone.body.layer4[1].conv2.weight), form


@pytest.mark.parametrize(
    "names, kept",
    [
        (["conv1.weight", "fc.weight", "fc.bias"], ["conv1.weight"]),
        (["module.conv1.weight", "module.fc.weight"], ["conv1.weight"]),
        (["features.0.bias", "classifier.4.bias", "classifier.6.bias"], ["features.conv1.bias", "fc7.bias"]),
        (["backbone.body.conv1.weight", "head.weight"], ["conv1.weight"]),
        (["backbone.fc6.weight", "head.support", "head.gamma"], ["fc6.weight"]),
    ],
)
def test_the_last_layer_is_always_fresh(names, kept):
    assert list(our_names(dict.fromkeys(names, torch.zeros(1)))) == kept


def test_a_network_without_weights_is_left_as_it_is():
    backbone = nn.Linear(2, 2)
    before = backbone.weight.clone()
    loader(Network())(backbone)
    assert torch.equal(backbone.weight, before)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_missing_file_is_named(tmp_path, suffix):
    with pytest.raises(MachineError, match=f"no file '.*mine{suffix}'. Give 'none', 'imagenet', or a"):
        read_weights(tmp_path / f"mine{suffix}")


def test_weights_of_another_network_are_refused_and_the_names_told(files):
    alexnet_file, resnet_file = read_weights(files / "alexnet.pth"), read_weights(files / "resnet18.pth")
    with pytest.raises(ModisteError, match=r"not those of this ResNet18: the file lacks conv1.weight, .* and \d+ more"):
        fill(ResNet18(3), our_names(alexnet_file), "alexnet.pth")
    with torch.device("meta"):
        three = AlexNet(Network(convs=3), 3)
    with pytest.raises(
        ModisteError, match=r"weights 'alexnet.pth' are not those of this AlexNet: the file holds what this network has not: features.conv4"
    ):
        fill(three, our_names(alexnet_file), "alexnet.pth")
    odd = {**resnet_file, "layer1.0.conv1.weight": torch.zeros(64, 64, 5, 5)}
    with pytest.raises(ModisteError, match=r"has another shape for layer1.0.conv1.weight"):
        fill(ResNet18(3), our_names(odd), "odd.pth")


class Harmful:
    """What a pickle may do when it is loaded without care."""

    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return (type(self.witness).touch, (self.witness,))


@pytest.mark.parametrize("how", ["torch", "torch, old format", "pickle"])
def test_a_file_that_would_run_code_is_refused_and_does_not_run(tmp_path, how):
    path, witness = tmp_path / "evil.pth", tmp_path / "harmed"
    content = {"conv1.weight": torch.zeros(1), "more": Harmful(witness)}
    if how == "pickle":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=how == "torch")
    with pytest.raises(ModisteError, match="not weights that can be read safely") as error:
        read_weights(path)
    assert "weights_only" not in str(error.value), "torch's advice would run it"
    assert not witness.exists()
    if how == "torch":  # the bait is live: read without care it does harm
        torch.load(path, weights_only=False)
        assert witness.exists()


def bytes_of(value):
    data = io.BytesIO()
    torch.save(value, data)
    return data.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"\x80\x02.", b"PK\x03\x04", bytes_of({"a": torch.zeros(3)})[:200], bytes_of([1, 2]), bytes_of({"a": 1}),
     bytes_of({1: torch.zeros(1)}), bytes_of(torch.zeros(1))],
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_something_else_is_refused_in_words(tmp_path, content, suffix):
    path = tmp_path / f"odd{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModisteError, match=r"not weights that can be read safely \(.+\)|holds no table of named tensors"):
        read_weights(path)


@pytest.mark.parametrize(
    "trouble", [urllib.error.URLError("Name or service not known"), TimeoutError("timed out"), http.client.IncompleteRead(b"")]
)
@pytest.mark.parametrize("backbone", ["alexnet", "resnet18"])
def test_where_the_network_is_closed_the_error_says_how_to_bring_weights(monkeypatch, tmp_path, trouble, backbone):
    def closed(*_args, **_kwargs):
        raise trouble

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "urlopen", closed)
    with pytest.raises(MachineError, match=rf"ImageNet weights of {backbone} could not be downloaded") as told:
        build(Network(backbone=backbone, weights="imagenet"), 4)
    assert f"--weights {backbone}.safetensors" in str(told.value)
    assert "--weights none" in str(told.value)


@pytest.fixture
def cached(monkeypatch, tmp_path, theirs):
    """ImageNet weights where torchvision keeps them, under a name that holds their hash, on a machine without a network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(theirs["resnet18"].state_dict(), folder / "resnet18.pth")
    path = (folder / "resnet18.pth").rename(folder / f"resnet18-{digest(folder / 'resnet18.pth')[:8]}.pth")
    known = SimpleNamespace(url=f"https://elsewhere/{path.name}", get_state_dict=lambda **_: pytest.fail("the network was used"))
    monkeypatch.setitem(IMAGENET, "resnet18", known)
    return path


def test_imagenet_weights_in_torchvision_s_cache_need_no_network(cached, theirs):
    """A closed machine may also bring the file to where torchvision looks."""
    network = build(Network(backbone="resnet18", weights="imagenet"), 4)
    assert torch.equal(network.backbone.body.conv1.weight, theirs["resnet18"].conv1.weight)


def test_torchvision_s_names_hold_eight_digits_that_are_looked_at():
    """Its own files, as their addresses name them."""
    assert [TOLD.search(known.url)[1] for known in IMAGENET.values()] == ["7be5be79", "f37072fd"]


def flipped(path, place, bit=1):
    with path.open("r+b") as file:
        file.seek(place)
        (old,) = file.read(1)
        file.seek(place)
        file.write(bytes([old ^ bit]))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_flipped_bit_in_torchvision_s_cache_is_noticed(cached, share):
    """PyTorch reads most such files without a word."""
    flipped(cached, int(share * cached.stat().st_size))
    torch.load(cached, weights_only=True)
    with pytest.raises(Damaged, match=r"its name says that its SHA-256 begins with [0-9a-f]{8}, but it begins with"):
        build(Network(backbone="resnet18", weights="imagenet"), 4)


def test_a_date_in_a_name_is_no_hash(files, tmp_path):
    path = Path(shutil.copy(files / "resnet18.pth", tmp_path / "resnet18-20240131.pth"))
    assert len(read_weights(path)) == 122
    with pytest.raises(Damaged, match=r"begins with 00000000, but .* Where the name means something else, give the file another"):
        read_weights(path.rename(tmp_path / "resnet18-00000000.pth"))


def test_one_flipped_bit_in_weights_of_ours_is_noticed_wherever_it_is(tmp_path):
    """In the marker that says they are ours, in the seal, in names, in numbers."""
    tensors = {"backbone.conv1.weight": torch.rand(4, 3), "head.bias": torch.rand(4)}
    path = write_tensors(tmp_path / "weights.safetensors", tensors)
    assert all(torch.equal(value, tensors[name]) for name, value in read_weights(path).items())
    content = path.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    for place in (*range(header), *range(header, len(content), 5)):
        for bit in range(8):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :])
            with pytest.raises(ModisteError, match=r"is damaged|has no seal|not weights that can be read safely"):
                read_weights(path)
    path.write_bytes(content)
    assert len(read_weights(path)) == 2


def test_alexnet_with_cbam_starts_from_a_plain_alexnet_s_weights(tmp_path):
    """The file fills the convolutions and fc6, fc7; attention, which no file holds, keeps its own first values."""
    plain = build(Network(), 4)
    path = tmp_path / "alexnet.safetensors"
    save_file(plain.state_dict(), path)
    network = build(Network(attention="cbam", weights=str(path)), 4)
    for name, value in plain.backbone.state_dict().items():
        assert torch.equal(network.backbone.state_dict()[name], value), name
    assert any("attention" in name for name in network.backbone.state_dict())
