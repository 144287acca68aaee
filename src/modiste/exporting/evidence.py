"""What is known of a network from photos it did not learn from: its temperature, and what it called each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modiste.evaluation.statistics.calibration import probabilities, temperature
from modiste.exporting.strangeness import Floats
from modiste.records.predictions import Predictions
from modiste.serving.bundle import Evidence

PLACES = 6  # decimals of the numbers that are kept
STEPS = 10**PLACES


@dataclass(frozen=True, eq=False)
class Judged:
    """How the network did, and what follows from that for its bundle."""

    predictions: Predictions | None  # of the photos that evidence comes from
    temperature: float = 1.0
    evidence: Evidence | None = None
    reject_above: float | None = None


def judge(predictions: Predictions | None, strange: Floats | None, usual: float) -> Judged:
    """Temperature and evidence from predictions and the strangeness (M,) of the same photos.

    `usual` is the share of them that are not to be rejected as strange.
    """
    if predictions is None or not len(predictions):
        return Judged(None)
    heat = temperature(predictions)
    evidence = Evidence(
        called=tuple(predictions.called.tolist()),
        right=tuple((predictions.called == predictions.truth).tolist()),
        confidence=tuple((np.floor(probabilities(predictions, heat).max(1) * STEPS) / STEPS).tolist()),  # never surer than it was
        strangeness=() if strange is None else tuple(strange.round(PLACES).tolist()),
    )
    return Judged(predictions, heat, evidence, None if strange is None else round(float(np.quantile(strange, usual)), PLACES))
