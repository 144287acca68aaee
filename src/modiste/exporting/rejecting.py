"""A class that stands for what is no product: in a bundle it is no class any more, and its score is the photo's strangeness."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor, nn

from modiste.models.variants import Classifier
from modiste.records.catalogue import Catalogue
from modiste.records.errors import ModisteError, UsageError, unknown
from modiste.records.labels import Classes
from modiste.records.predictions import Predictions
from modiste.training.model import Model


class Rejecting(nn.Module):
    """A head without one of its classes: features (B, F) -> scores of the others (B, K - 1)."""

    def __init__(self, head: nn.Module, classes: int, code: int) -> None:
        super().__init__()
        self.head, self.code = head, code
        self.kept = [other for other in range(classes) if other != code]

    def forward(self, x: Tensor) -> Tensor:
        return self.both(x)[0]

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The scores, and by how much the class that is left out outbids the others together, in log-odds: (B,)."""
        scores = self.head(x)
        kept = scores[:, self.kept]
        return kept, scores[:, self.code] - kept.logsumexp(1)


def rejecting(model: Model, name: str, margins: bool = False) -> Model:
    """The model with the class `name` left out of its answers; refused where its scores are margins, which are no log-odds."""
    names = model.classes.names
    if name not in names:
        raise unknown("class", name, names)
    if len(names) < 3:
        raise UsageError(f"--reject {name}: the model knows {len(names)} classes; two must be left.")
    if margins or not isinstance(model.network.head, nn.Linear):
        raise ModisteError(f"--reject {name}: its score is taken as log-odds, which an SVM's margins are not. Export a softmax run.")
    code = names.index(name)
    network = Classifier(model.network.backbone, Rejecting(model.network.head, len(names), code), frozen=False)
    return Model(Classes(tuple(other for other in names if other != name)), model.eyes, network)


def without_class(catalogue: Catalogue, name: str) -> Catalogue:
    """The photos of the other classes; codes close up over the gap."""
    names = catalogue.classes.names
    if name not in names:
        return catalogue  # what it declares instead is compared, and refused, where photos are asked for
    code = names.index(name)
    photos = (
        photo if photo.label is None else replace(photo, label=photo.label - (photo.label > code))
        for photo in catalogue.photos
        if photo.label != code
    )
    return replace(catalogue, classes=Classes(tuple(other for other in names if other != name)), photos=tuple(photos))


def answers_without(predictions: Predictions, name: str) -> Predictions:
    """What was said of the photos of the other classes, among those."""
    names = predictions.classes
    code = names.index(name)
    rows = np.flatnonzero(predictions.truth != code)
    truth, columns = predictions.truth[rows], [other for other in range(len(names)) if other != code]
    return Predictions(
        tuple(names[other] for other in columns),
        tuple(predictions.photos[row] for row in rows),
        truth - (truth > code),
        predictions.scores[rows][:, columns],
    )
