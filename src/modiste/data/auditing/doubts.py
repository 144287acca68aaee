"""Labels that may be wrong: photos whose label disagrees with what all other photos teach."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modiste.data.auditing.features import features as edge_features
from modiste.data.auditing.looks import Looks
from modiste.records.errors import missing_extra
from modiste.records.progress import Progress, Tell, silent

TEACHERS = 8_000  # photos that the classifiers learn from, at most
AXES = 128  # that are kept of the features
AT_ONCE = 2_048
Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Doubts:
    """What the photos say about their labels; of those left out, quality and confidence are NaN and suggested is -1."""

    order: NDArray[np.int64]  # photos that were judged, the most doubtful first
    quality: NDArray[np.float64]  # (N,) how likely the label is, 0 to 1
    suggested: NDArray[np.int64]  # (N,) the likeliest code, the label's own where there is no doubt
    confidence: NDArray[np.float64]  # (N,) how likely that is, 0 to 1
    estimated_errors: int  # about how many labels are wrong
    notes: tuple[str, ...] = ()  # what was left out, in words


def doubts(
    looks: Looks,
    labels: Sequence[int | None],
    groups: NDArray[np.int64],
    seed: int = 0,
    tell: Tell = silent,
    folds: int = 5,
    features: Numbers | None = None,
    names: Sequence[str] = (),
) -> Doubts:
    """Each label (None: has none) judged by classifiers that saw neither the photo nor any other of its group.

    `features` (N, D), such as a trained network's, stand in for the directions of edges; `names` are the classes', for the notes.
    The same seed gives the same doubts.
    """
    require()
    codes = np.array([-1 if label is None else label for label in labels], np.int64)
    judged, notes = judgeable(np.flatnonzero(looks.seen & (codes >= 0)), codes, groups, folds, names)
    nothing = np.full(len(looks), np.nan)
    if not len(judged):
        return Doubts(judged, nothing, np.full(len(looks), -1), nothing, 0, notes)
    rng = np.random.default_rng(seed)
    x = axes(looks, judged, features, rng, tell)
    classes, y = np.unique(codes[judged], return_inverse=True)
    likely = judge(x, y, dealt(y, groups[judged], folds, rng), rng, tell)
    quality, confidence, suggested = nothing.copy(), nothing.copy(), np.full(len(looks), -1)
    quality[judged], errors = ranked(y, likely)
    confidence[judged], suggested[judged] = likely.max(1), classes[likely.argmax(1)]
    return Doubts(judged[np.argsort(quality[judged], kind="stable")], quality, suggested, confidence, errors, notes)


def require() -> None:
    """The optional packages, or the line that installs them."""
    for package, name in (("sklearn", "scikit-learn"), ("cleanlab", "cleanlab")):
        try:
            __import__(package)
        except ImportError as error:
            raise missing_extra(name, "audit", "finding label errors") from error


def judgeable(
    places: NDArray[np.int64], codes: NDArray[np.int64], groups: NDArray[np.int64], folds: int, names: Sequence[str]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The photos whose class has enough groups to learn from without the photo's own, and which classes have not."""
    pairs = np.unique(np.stack([codes[places], groups[places]], 1), axis=0)
    found, counts = np.unique(pairs[:, 0], return_counts=True)
    few = found[counts < folds]
    notes = tuple(
        f"{names[code] if code < len(names) else f'class {code}'}: too few independent photos to judge its labels, {count} of {folds}."
        for code, count in zip(found, counts, strict=True)
        if count < folds
    )
    kept = places[~np.isin(codes[places], few)]
    if len(found) - len(few) < 2:
        return places[:0], (*notes, "labels were not judged: that needs two classes or more.")
    return kept, notes


def axes(looks: Looks, judged: NDArray[np.int64], given: Numbers | None, rng: np.random.Generator, tell: Tell) -> NDArray[np.float32]:
    """Features (J, AXES at most) along the axes in which photos differ most, found from a part of the photos."""
    from sklearn.decomposition import PCA

    def raw(places: NDArray[np.int64]) -> Numbers:
        return edge_features(looks, places) if given is None else np.asarray(given[places], np.float32)

    some = np.sort(rng.permutation(judged)[:TEACHERS])
    sample = np.concatenate([raw(part) for part in parts(some)])
    with np.errstate(invalid="ignore"):  # photos that all look the same differ along no axis
        model = PCA(min(AXES, *sample.shape), svd_solver="randomized", random_state=int(rng.integers(1 << 31))).fit(sample)
    found = np.empty((len(judged), model.n_components_), np.float32)
    for number, part in enumerate(parts(judged)):
        found[number * AT_ONCE : number * AT_ONCE + len(part)] = model.transform(raw(part))
        tell(Progress("describing", min(len(judged), (number + 1) * AT_ONCE), len(judged)))
    return found


def parts(places: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [places[start : start + AT_ONCE] for start in range(0, len(places), AT_ONCE)]


def dealt(y: NDArray[np.int64], groups: NDArray[np.int64], folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(J,) the fold of each photo: groups stay whole and are dealt out class by class, so that every fold has every class."""
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    order = rng.permutation(len(first))
    order = order[np.argsort(y[first][order], kind="stable")]
    fold = np.empty(len(first), np.int64)
    fold[order] = np.arange(len(first)) % folds
    return fold[group]


def judge(x: Numbers, y: NDArray[np.int64], fold: NDArray[np.int64], rng: np.random.Generator, tell: Tell) -> Numbers:
    """How likely each class is for each photo, (J, K): taught by photos of other folds, twice, without those that the first doubts.

    Few photos teach, rare classes with all they have, so that a million photos take not much longer than a few thousand.
    """
    from sklearn.linear_model import LogisticRegression

    teachers = chosen(y, rng)
    marks = marked(x, y, fold, teachers, teachers, lambda done: tell(Progress("doubting", done, 2 * (fold.max() + 1), "folds")))
    trusted = teachers[believed(marks.argmax(1) == y[teachers], y[teachers])]
    everyone, half = np.arange(len(y)), fold.max() + 1
    marks = marked(x, y, fold, trusted, everyone, lambda done: tell(Progress("doubting", half + done, 2 * half, "folds")))
    likely: Numbers = LogisticRegression(C=10, max_iter=1000).fit(marks[teachers], y[teachers]).predict_proba(marks)
    return likely


def believed(agree: NDArray[np.bool_], y: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Those that agree; of a class where fewer than half do, all: it is hard to tell, not wrongly labelled."""
    share = np.bincount(y, agree) / np.maximum(1, np.bincount(y))
    return agree | (share < 0.5)[y]


def chosen(y: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """At most TEACHERS photos: of every class as many, and where one has fewer, more of the others."""
    order = rng.permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    counts = np.bincount(y)
    turn = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)  # a photo's number in its class
    return np.sort(order[np.argsort(turn, kind="stable")][:TEACHERS])


def marked(
    x: Numbers,
    y: NDArray[np.int64],
    fold: NDArray[np.int64],
    teachers: NDArray[np.int64],
    pupils: NDArray[np.int64],
    tell: Callable[[int], None],
) -> Numbers:
    """What support vector machines with a radial kernel say of the pupils (P, K), each taught without the pupil's fold."""
    from sklearn.svm import SVC

    marks = np.zeros((len(pupils), int(y.max()) + 1))
    for number in range(int(fold.max()) + 1):
        taught = teachers[fold[teachers] != number]
        asked = np.flatnonzero(fold[pupils] == number)
        model = SVC(C=3, gamma="scale", class_weight="balanced", decision_function_shape="ovr").fit(x[taught], y[taught])
        for part in parts(asked):
            said = model.decision_function(x[pupils[part]])
            marks[part[:, None], model.classes_] = np.stack([-said, said], 1) if said.ndim == 1 else said
        tell(number + 1)
    return marks


def ranked(y: NDArray[np.int64], likely: Numbers) -> tuple[NDArray[np.float64], int]:
    """The quality (J,) of each label, and how many are probably wrong (cleanlab: confident learning, Northcutt et al. 2021)."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it speaks to programmers, of arguments that nobody chose
        quality = get_label_quality_scores(y, likely, method="self_confidence")
        return quality, int(find_label_issues(y, likely, n_jobs=1).sum())
