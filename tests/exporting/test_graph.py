"""The graph says what the network says: every variant, every side, every colour; the same bytes each time, and nothing of this machine."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import modiste
from modiste.exporting.graph import export_graph, onnx_modules
from modiste.models.heads import RBF
from modiste.models.variants import VARIANTS
from modiste.records.errors import MachineError
from modiste.records.recipe import Network

UNEQUAL = {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.25)}


def agree(model, graph, photos=3):
    """Scores and features of some noise, by both ways, with the batch the graph was not made with."""
    side, channels = model.eyes.pixels.side, 3 if model.eyes.pixels.colour == "rgb" else 1
    pixels = np.random.default_rng(1).integers(0, 256, (photos, side, side, channels), np.uint8)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    scores, features = session.run(["scores", "features"], {"pixels": pixels})
    with torch.inference_mode():
        expected = model.network.backbone(model.eyes.see(pixels))
        torch.testing.assert_close(torch.from_numpy(features), expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(torch.from_numpy(scores), model.network.head(expected), rtol=1e-4, atol=1e-4)
    assert np.abs(scores).max() > 0.01
    return session


@pytest.mark.parametrize("name", [name for name, network in VARIANTS.items() if network.backbone == "alexnet"])
def test_every_alexnet_says_the_same(made, name):
    model = made(VARIANTS[name])
    agree(model, export_graph(model))


@pytest.mark.parametrize("name", [name for name, network in VARIANTS.items() if network.backbone == "resnet18"])
def test_every_resnet_says_the_same_without_batch_norms(made, name):
    model = made(VARIANTS[name])
    graph = export_graph(model)
    agree(model, graph)
    assert "BatchNormalization" not in Counter(node.op_type for node in graph.graph.node)


@pytest.mark.parametrize("side", [63, 112, 200, 224, 320])
def test_pooling_to_six_is_exact_at_any_side(made, side):
    """Maps of 1, 2, 5, 6 and 9 px: pooled inside the next layer, not at all, or by products."""
    model = made(Network(), side)
    agree(model, export_graph(model))


def test_small_pictures_have_a_small_linear_layer(made):
    """Of 36 places, pictures of 112 px fill 4."""
    sizes = {
        tensor.name: tensor.dims for tensor in export_graph(made(Network(), 112)).graph.initializer if tensor.name == "backbone.fc6.weight"
    }
    assert list(sizes["backbone.fc6.weight"]) == [32, 16 * 2 * 2]


@pytest.mark.parametrize(
    "network, settings",
    [
        (Network(), {"colour": "rgb", **UNEQUAL}),
        (Network(), {"colour": "grey3", **UNEQUAL}),
        (Network(), {"colour": "grey1"}),
        (Network(attention="cbam", gate_norm=True, identity_at_init=True), {}),
        (Network(widths="2012"), {}),
    ],
    ids=["rgb", "grey in three unequal channels", "one channel", "gate norm", "2012"],
)
def test_other_colours_and_settings_say_the_same(made, network, settings):
    model = made(network, **settings)
    agree(model, export_graph(model))


def test_a_gaussian_kernel_says_the_same(made):
    torch.manual_seed(1)
    head = RBF(32, 4, 7)
    parts = {"mean": torch.randn(32), "scale": torch.rand(32) + 0.5, "support": torch.randn(7, 32), "dual": torch.randn(4, 7)}
    head.load_state_dict({**parts, "bias": torch.randn(4), "gamma": torch.tensor(1 / 32)})
    model = made(Network(), head=head)
    agree(model, export_graph(model))


def test_the_contract_of_a_bundle_is_kept(made):
    graph = export_graph(made(Network(), 64))
    session = agree(made(Network(), 64), graph, photos=1)
    (given,) = session.get_inputs()
    assert (given.name, given.type, given.shape) == ("pixels", "tensor(uint8)", ["N", 64, 64, 1])
    assert [(output.name, output.shape) for output in session.get_outputs()] == [("scores", ["N", 4]), ("features", ["N", 32])]


def test_grey_is_one_channel_where_that_is_exact(made):
    first = {
        "equal": next(iter(export_graph(made(Network())).graph.initializer)).dims[1],
        "unequal": next(iter(export_graph(made(Network(), **UNEQUAL)).graph.initializer)).dims[1],
    }
    assert first == {"equal": 1, "unequal": 3}


def test_the_same_model_gives_the_same_bytes_that_name_nothing_of_this_machine(made):
    one, other = (export_graph(made(Network(attention="cbam"))).SerializeToString(deterministic=True) for _ in range(2))
    assert one == other
    for word in (str(Path(modiste.__file__).parent), str(Path.cwd()), "stack_trace", ".py"):
        assert word.encode() not in one


def test_weights_keep_the_names_they_have_in_a_run(made):
    model = made(Network(attention="cbam"))
    graph = export_graph(model)
    held = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.graph.initializer}
    for name, value in model.network.state_dict().items():
        if name not in ("backbone.features.conv1.weight", "backbone.fc6.weight"):  # folded: one channel, pooled before
            np.testing.assert_array_equal(held[name], value.numpy(), err_msg=name)


def test_the_model_that_was_given_is_left_as_it_was(made):
    model = made(Network())
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    export_graph(model)
    after = model.network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_a_missing_package_comes_with_the_line_that_installs_it(package, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(MachineError, match=rf"'{package}'.*pip install \"modiste\[export\]\""):
        onnx_modules()
