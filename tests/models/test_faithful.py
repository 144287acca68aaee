"""Checks of maps: a map that knows beats one that does not, and a network without knowledge gives another map."""

from __future__ import annotations

import torch
from torch import nn

from modiste.models.explain import attention_maps, grad_cam
from modiste.models.faithful import cascade, centre, chance, deletion, insertion, ranked, shuffle, shuffled_gates
from modiste.models.variants import Classifier, sketch
from modiste.records.recipe import Network

ATTENDED = Network(backbone="resnet18", attention="cbam")


class Quarter(Classifier):
    """Scores that see the upper left quarter alone."""

    def __init__(self) -> None:
        super().__init__(nn.Identity(), nn.Identity(), frozen=False)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        seen = pictures[:, 0, :16, :16].square().mean((1, 2))
        return torch.stack([4 * seen, 0 * seen], 1)


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_map_of_what_counts_loses_the_class_first_and_finds_it_first():
    pictures, classes = torch.randn(6, 1, 32, 32, generator=noise()), torch.zeros(6, dtype=torch.int64)
    known = torch.zeros(6, 32, 32)
    known[:, :16, :16] = 1
    by = {"known": known, "missed": 1 - known, "chance": chance(known, noise(1))}
    gone = {name: deletion(Quarter(), pictures, classes, maps, noise()).mean() for name, maps in by.items()}
    come = {name: insertion(Quarter(), pictures, classes, maps, noise()).mean() for name, maps in by.items()}
    assert gone["known"] < gone["chance"] < gone["missed"]
    assert come["known"] > come["chance"] > come["missed"]


def test_curves_begin_and_end_at_whole_pictures():
    pictures, classes = torch.randn(3, 1, 32, 32, generator=noise()), torch.zeros(3, dtype=torch.int64)
    maps = torch.rand(3, 4, 4, generator=noise())
    whole = Quarter()(pictures).softmax(1)[:, 0]
    gone = deletion(Quarter(), pictures, classes, maps, noise(), steps=4)
    assert gone.shape == (3, 5)
    torch.testing.assert_close(gone[:, 0], whole)
    torch.testing.assert_close(gone[:, -1], torch.full((3,), 0.5))
    torch.testing.assert_close(insertion(Quarter(), pictures, classes, maps, noise(), steps=4)[:, -1], whole)


def test_ranks_follow_the_map_and_equal_places_fall_by_chance():
    maps = torch.rand(5, 8, 8, generator=noise())
    order = ranked(maps, noise()).flatten(1).argsort(1)
    assert torch.equal(order, maps.flatten(1).argsort(1, descending=True))
    flat = torch.stack([ranked(torch.zeros(1, 8, 8), noise(seed))[0] for seed in range(200)])
    assert (flat.mean(0) - 63 / 128).abs().max() < 0.1, "no place comes first by where it stands"


def test_baselines_keep_the_shape_and_know_no_picture():
    for maps in (chance(torch.zeros(4, 7, 9), noise()), centre(torch.zeros(4, 7, 9))):
        assert maps.shape == (4, 7, 9)
        assert ((maps >= 0) & (maps <= 1)).all()
    assert torch.equal(centre(torch.zeros(2, 7, 7)).flatten(1).argmax(1), torch.tensor([24, 24]))


def test_shuffling_keeps_every_value_and_leaves_no_place():
    layer = nn.Conv2d(8, 16, 3)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    shuffle(layer, noise())
    for name, value in layer.state_dict().items():
        assert torch.equal(value.flatten().sort()[0], before[name].flatten().sort()[0])
        assert not torch.equal(value, before[name])


def test_the_cascade_runs_from_the_head_to_the_first_convolution_and_leaves_the_network_alone():
    network = sketch(ATTENDED, 4).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    names = []
    for name, copy in cascade(network, noise()):
        names.append(name)
        assert copy is not network
        if name == "head":
            kept = {key for key, value in copy.state_dict().items() if torch.equal(value, before[key])}
            assert set(before) - kept == {"head.weight", "head.bias"}
    assert names[0] == "head"
    assert names[-1] == "conv1"
    assert len(names) == 1 + 8 * 2 + 2
    changed = [key for key, value in copy.state_dict().items() if not torch.equal(value, before[key])]
    assert {key for key in before if key.endswith("weight") and before[key].ndim > 1} <= set(changed)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_cascade_changes_the_map_of_a_class():
    network, pictures, classes = sketch(ATTENDED, 4).eval(), torch.randn(2, 3, 64, 64, generator=noise()), torch.tensor([0, 1])
    first = grad_cam(network, pictures, classes)
    _, copy = next(iter(cascade(network, noise())))
    assert not torch.allclose(grad_cam(copy, pictures, classes), first)


def test_each_cbam_is_shuffled_alone():
    """A module's own gate changes; it was computed from the very input that the trained one got."""
    network, pictures = sketch(ATTENDED, 4).eval(), torch.randn(2, 3, 64, 64, generator=noise())
    gates = shuffled_gates(network, pictures, noise())
    trained = attention_maps(network, pictures)
    assert list(gates) == list(trained)
    for name, (kept, other) in gates.items():
        assert torch.equal(kept, trained[name].places)
        assert not torch.equal(kept, other)
