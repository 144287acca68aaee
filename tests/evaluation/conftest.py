"""Results painted in the test: predictions of a known number of photos, right more often the sharper the model."""

import numpy as np
import pytest

from modiste.records.labels import PAPER_CLASSES
from modiste.records.predictions import Predictions
from modiste.records.run import Epoch


@pytest.fixture
def guesses():
    def make(seed=0, classes=PAPER_CLASSES.names, photos=80, sharp=1.5):
        """Predictions on one and the same test set for every seed."""
        truth = np.arange(photos) % len(classes)
        scores = np.random.default_rng(seed).normal(size=(photos, len(classes)))
        scores[np.arange(photos), truth] += sharp
        return Predictions(tuple(classes), tuple(f"{n}.jpg" for n in range(photos)), truth.astype(np.int64), scores)

    return make


@pytest.fixture
def history():
    def make(epochs=3, watched="validation"):
        return [Epoch(n, 1 / n, 1 - 0.5 / n, watched, 1.2 / n, 1 - 0.6 / n, 0.5, 100.0, 1.0) for n in range(1, epochs + 1)]

    return make
