"""What a bundle keeps of its evidence is what was found."""

import numpy as np

from modiste.evaluation.statistics.calibration import probabilities
from modiste.exporting.evidence import judge
from modiste.records.predictions import Predictions


def test_no_photo_is_surer_in_the_evidence_than_it_was_or_its_own_threshold_would_keep_it_out():
    rng = np.random.default_rng(0)
    gaps = rng.uniform(0, 18, 4000)  # between two scores: half a million to one, and surer
    truth = (rng.random(4000) < 1 / (1 + np.exp(gaps))).astype(np.int64)
    said = Predictions(("Shoes", "Bags"), tuple(map(str, range(4000))), truth, np.stack([gaps, np.zeros(4000)], 1))
    judged = judge(said, None, 0.99)
    kept, was = np.array(judged.evidence.confidence), probabilities(said, judged.temperature).max(1)
    assert (was.round(6) > was).any()
    assert (kept <= was).all()
    assert (was - kept < 1.01e-6).all()
