"""Costs of a network: parameters and FLOPs that can be counted by hand, times that are kept."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from modiste.models.variants import VARIANTS, parameters, sketch
from modiste.records.recipe import Network, Pixels, Recipe
from modiste.studies import costs as studied
from modiste.studies.costs import costs, counted, filled, latencies, shape_of

RESNET = Recipe(network=Network(backbone="resnet18"), pixels=Pixels(side=32))


def test_flops_of_a_linear_layer_are_two_a_weight_and_photo() -> None:
    """Two classes more are two rows more in the last layer: 2 x 2 x 512 FLOPs, 2 x 513 parameters."""
    four, six = counted(RESNET, 4), counted(RESNET, 6)
    assert six[2] - four[2] == 2 * 2 * 512
    assert six[0] - four[0] == 2 * 513


def test_flops_of_alexnet_are_those_of_its_layers() -> None:
    def conv(out: int, into: int, kernel: int, side: int) -> int:
        return 2 * out * into * kernel**2 * side**2

    convolutions = conv(64, 3, 11, 55) + conv(192, 64, 5, 27) + conv(384, 192, 3, 13) + conv(256, 384, 3, 13) + conv(256, 256, 3, 13)
    linear = 2 * (256 * 36 * 4096 + 4096 * 4096 + 4096 * 4)
    assert counted(Recipe(), 4)[2] == convolutions + linear


def test_counted_parameters_are_those_of_the_network() -> None:
    frozen = Recipe(network=VARIANTS["Resnet-CBAM"])
    trainable, still = parameters(sketch(frozen.network, 4))
    assert counted(frozen, 4)[:2] == (trainable + still, trainable)


def test_an_svm_is_its_networks_last_layer_and_is_timed_with_it() -> None:
    svm, softmax = (Recipe(network=VARIANTS[name]) for name in ("5Conv_SVM", "AlexNet (baseline)"))
    assert shape_of(svm) == shape_of(softmax)
    assert shape_of(softmax) != shape_of(replace(softmax, pixels=Pixels(side=112)))


def test_a_filled_network_answers_with_numbers() -> None:
    network = filled(RESNET.network, 3, 4, torch.device("cpu"))
    assert network(torch.rand(1, 3, 32, 32)).isfinite().all()
    assert not network.training


def test_networks_are_timed_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def clocked(_network: object, picture: torch.Tensor) -> float:
        asked.append(picture.shape[-1])
        return picture.shape[-1] / 1000

    monkeypatch.setattr(studied, "timed", clocked)
    shapes = [(RESNET.network, 3, side) for side in (32, 64)]
    assert latencies(shapes, 4, torch.device("cpu")) == {shapes[0]: 32.0, shapes[1]: 64.0}
    assert asked == [32, 64] * (len(asked) // 2)


def test_what_was_timed_on_this_machine_is_kept_and_on_another_timed_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ran:
        about = {"seconds": 60.0}  # noqa: RUF012

    def slower(*_: object) -> float:
        return 1.0

    runs = {"a": [Ran()], "not trained": []}
    first = costs({"a": RESNET, "not trained": RESNET}, runs, 4, tmp_path)  # type: ignore[arg-type]
    assert list(first) == ["a"]
    monkeypatch.setattr(studied, "timed", slower)
    assert costs({"a": RESNET}, runs, 4, tmp_path) == first  # type: ignore[arg-type]
    kept = json.loads((tmp_path / "costs.json").read_text())
    kept["machine"]["cores"] += 1
    (tmp_path / "costs.json").write_text(json.dumps(kept))
    assert costs({"a": RESNET}, runs, 4, tmp_path)["a"].latency_ms == 1000.0  # type: ignore[arg-type]
    (tmp_path / "costs.json").write_text("{")
    assert costs({"a": RESNET}, runs, 4, tmp_path)["a"].latency_ms == 1000.0  # type: ignore[arg-type]
