"""A run's own answers, by torch: what exports are held against."""

from __future__ import annotations

import torch

from modiste.serving.graphs import Answers, Ask, Bytes
from modiste.training.given import folds
from modiste.training.model import Model


def by_torch(model: Model) -> Ask:
    """Ask a run's model in full precision on the processor; probabilities are not calibrated."""
    network, fold = model.network.cpu().float().eval(), folds(model.network)

    def ask(pixels: Bytes) -> Answers:
        with torch.inference_mode():
            features = network.backbone(model.eyes.see(pixels, fold=fold))
            scores = network.head(features)
        return Answers(scores.softmax(1).numpy(), scores.numpy(), features.numpy())

    return ask
