"""Models to export: with chance weights, batch-norms and attention that do something, and one run that was trained a little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from modiste.models.variants import sketch
from modiste.records.labels import PAPER_CLASSES
from modiste.records.recipe import Network, Pixels, Recipe
from modiste.training.fit import fit
from modiste.training.given import Eyes
from modiste.training.model import Model


@pytest.fixture(scope="module", autouse=True)
def narrowed(narrow):
    """Every AlexNet here is narrow."""


@pytest.fixture(scope="session")
def made() -> Callable[..., Model]:
    """A model of a network with chance weights that give scores of some size."""

    def of(
        network: Network, side: int = 64, colour: str = "grey3", mean=(0.7,) * 3, std=(0.3,) * 3, head: nn.Module | None = None
    ) -> Model:
        torch.manual_seed(0)
        pixels = Pixels(side=side, colour=colour)
        classifier = sketch(replace(network, frozen=False), 4, pixels.channels)
        classifier.head = head or classifier.head
        for module in classifier.modules():
            if isinstance(module, nn.BatchNorm2d):
                for values, low, high in ((module.running_mean, -0.1, 0.1), (module.running_var, 0.5, 1.5)):
                    values.uniform_(low, high)
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.1, 0.1)
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=2 / module.in_features**0.5)
        constants = mean[: pixels.channels], std[: pixels.channels]
        return Model(PAPER_CLASSES, Eyes(pixels, *constants), classifier.eval())

    return of


@pytest.fixture(scope="module")
def run(drawn, tmp_path_factory, narrowed):
    """An AlexNet with CBAM after two epochs on 40 drawn photos; it kept what it said of validation and of test."""
    recipe = Recipe(Network(attention="cbam"), Pixels(side=64), batch=8, epochs=2, lr=1e-3, validation=0.3, precision="fp32")
    return fit(recipe, drawn, tmp_path_factory.mktemp("runs"))
