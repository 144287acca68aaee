"""Labels that may be wrong: photos whose label disagrees with what all other photos teach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modiste.data.looks import Looks
from modiste.records.errors import missing_extra
from modiste.records.progress import Progress, Tell, silent

MOST = 20_000  # photos that one fold learns from
AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class Doubts:
    """What the photos say about their labels; of those left out, quality and confidence are NaN and suggested is -1."""

    order: NDArray[np.int64]  # photos that were judged, the most doubtful first
    quality: NDArray[np.float64]  # (N,) how well the label fits, 0 to 1
    suggested: NDArray[np.int64]  # (N,) the code that fits best, the label's own where there is no doubt
    confidence: NDArray[np.float64]  # (N,) how sure the suggestion is, 0 to 1
    estimated_errors: int  # about how many of the first in order are errors
    notes: tuple[str, ...] = ()  # what was left out, in words


def doubts(
    looks: Looks,
    labels: Sequence[int | None],
    groups: NDArray[np.int64],
    seed: int = 0,
    tell: Tell = silent,
    folds: int = 5,
    features: NDArray[np.floating[Any]] | None = None,
) -> Doubts:
    """Each label (None: has none) judged by classifiers that saw neither the photo nor any other of its group."""
    try:
        from cleanlab.rank import get_label_quality_scores
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedGroupKFold
    except ImportError as error:
        raise missing_extra(str(error.name), "audit", "finding label errors") from error
    codes = np.array([-1 if label is None else label for label in labels])
    judged = np.flatnonzero(looks.seen & (codes >= 0))
    x = looks.thumbs(judged)[:, ::4, ::4].reshape(len(judged), -1) / 255.0 if features is None else np.asarray(features)[judged]
    classes, y = np.unique(codes[judged], return_inverse=True)
    scores = np.zeros((len(judged), len(classes)))
    for number, (train, test) in enumerate(StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(x, y, groups[judged])):
        model = LogisticRegression(max_iter=200, class_weight="balanced").fit(x[train], y[train])
        scores[np.ix_(test, model.classes_)] = model.predict_proba(x[test])
        tell(Progress("doubting", number + 1, folds, "folds"))
    worth = get_label_quality_scores(y, scores)
    quality, confidence = np.full(len(looks), np.nan), np.full(len(looks), np.nan)
    suggested = np.full(len(looks), -1)
    quality[judged], confidence[judged], suggested[judged] = worth, scores.max(1), classes[scores.argmax(1)]
    return Doubts(judged[np.argsort(worth, kind="stable")], quality, suggested, confidence, int((suggested[judged] != codes[judged]).sum()))
