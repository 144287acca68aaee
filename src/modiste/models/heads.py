"""Heads: the last step, from features to a score a class, (B, F) -> (B, K).

Softmax and hinge train the linear layer with the network. The SVMs are fitted in a second stage on the trained network's
features and then stand in the network as layers, so that there is one network to export, serve and explain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.metrics import f1_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from torch import Tensor, nn

from modiste.records.errors import ModisteError

CHOICES_OF_C = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
FOLDS = 3
ROUGH, FINE = 1e-2, 1e-4  # liblinear's tolerance: to choose C, and to fit

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Fitted:
    """A fitted second stage: the layer that goes into the network, scikit-learn's own scores for comparison, and C."""

    layer: nn.Module
    decide: Callable[[Floats], Floats]  # (N, F) -> (N, K), by scikit-learn
    c: float


class RBF(nn.Module):
    """One-vs-rest SVMs with a Gaussian kernel: (B, F) -> (B, K) margins, from S support vectors."""

    mean: Tensor
    scale: Tensor
    support: Tensor
    dual: Tensor
    bias: Tensor
    gamma: Tensor

    def __init__(self, width: int, classes: int, vectors: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.register_buffer("support", torch.zeros(vectors, width))  # (S, F)
        self.register_buffer("dual", torch.zeros(classes, vectors))  # (K, S)
        self.register_buffer("bias", torch.zeros(classes))
        self.register_buffer("gamma", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.mean) / self.scale
        near = (-self.gamma * torch.cdist(x, self.support, compute_mode="donot_use_mm_for_euclid_dist") ** 2).exp()
        margins: Tensor = near @ self.dual.T + self.bias
        return margins


def fit_svm(features: Floats, labels: Codes, weights: Floats, c: float | None, seed: int) -> Fitted:
    """Standardise, fit a linear SVM a class against the rest, and fold both into one linear layer: W/s, b - W(m/s)."""
    scaler = StandardScaler().fit(features)
    flat = scaler.transform(features)

    def fit(c: float, x: Floats, rows: Codes, tolerance: float) -> LinearSVC:  # the primal converges where the dual crawls
        svm = LinearSVC(C=c, dual=False, tol=tolerance, max_iter=10_000, random_state=seed)
        return svm.fit(x[rows], labels[rows], weights[rows])

    def decide(svm: LinearSVC, x: Floats) -> Floats:
        margins: Floats = svm.decision_function(x)  # (N,) where there are two classes
        return margins if margins.ndim == 2 else np.stack([-margins, margins], 1)

    if c is None:  # C is chosen on the few directions that hold all but a ten-thousandth of the variance: twenty times faster
        solver = "full" if len(flat) < 1000 else "covariance_eigh"  # the same result; which is faster turns on the number of rows
        few = PCA(0.9999, svd_solver=solver).fit_transform(flat)
        c = choose_c(lambda c, rest, fold: decide(fit(c, few, rest, ROUGH), few[fold]), labels, seed)
    svm = fit(c, flat, np.arange(len(labels)), FINE)
    bias = decide(svm, np.zeros((1, features.shape[1])))[0]
    coef = svm.coef_ if len(svm.coef_) > 1 else np.concatenate([-svm.coef_, svm.coef_])
    layer = nn.Linear(features.shape[1], len(coef))
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(coef / scaler.scale_))
        layer.bias.copy_(torch.from_numpy(bias - coef @ (scaler.mean_ / scaler.scale_)))
    return Fitted(layer, lambda x: decide(svm, scaler.transform(x)), c)


def fit_rbf_svm(features: Floats, labels: Codes, weights: Floats, c: float | None, seed: int) -> Fitted:
    """Standardise and fit a Gaussian-kernel SVM a class against the rest; gamma is scikit-learn's 'scale'."""
    scaler = StandardScaler().fit(features)
    flat = scaler.transform(features)
    if not flat.var():
        raise ModisteError("the network gives the same features for every photo: it has learnt nothing. Try a smaller lr.")
    gamma = 1 / (flat.shape[1] * flat.var())
    alike = rbf_kernel(flat, gamma=gamma)  # (N, N), once for every C and fold

    def fit(c: float, rows: Codes) -> list[SVC]:
        machines = [SVC(C=c, kernel="precomputed") for _ in np.unique(labels)]
        return [svm.fit(alike[np.ix_(rows, rows)], labels[rows] == code, weights[rows]) for code, svm in enumerate(machines)]

    def decide(machines: list[SVC], kernel: Floats) -> Floats:
        return np.stack([svm.decision_function(kernel) for svm in machines], 1)

    chosen = c or choose_c(lambda c, rest, fold: decide(fit(c, rest), alike[np.ix_(fold, rest)]), labels, seed)
    machines = fit(chosen, np.arange(len(labels)))
    layer = rbf_layer(machines, flat, scaler, gamma)
    return Fitted(layer, lambda x: decide(machines, rbf_kernel(scaler.transform(x), flat, gamma=gamma)), chosen)


def rbf_layer(machines: list[SVC], flat: Floats, scaler: StandardScaler, gamma: float) -> RBF:
    """K fitted machines as one layer over the support vectors that any of them uses."""
    used = np.unique(np.concatenate([machine.support_ for machine in machines]))
    dual = np.zeros((len(machines), len(used)))
    for row, machine in zip(dual, machines, strict=True):
        row[np.searchsorted(used, machine.support_)] = machine.dual_coef_[0]
    bias = np.array([machine.intercept_[0] for machine in machines])
    parts = {"mean": scaler.mean_, "scale": scaler.scale_, "support": flat[used], "dual": dual, "bias": bias, "gamma": np.array(gamma)}
    layer = RBF(flat.shape[1], len(machines), len(used))
    layer.load_state_dict({name: torch.from_numpy(np.asarray(part, np.float32)) for name, part in parts.items()})
    return layer


def choose_c(scores: Callable[[float, Codes, Codes], Floats], labels: Codes, seed: int) -> float:
    """The C with the best macro F1 in cross-validation on train; of equals, the smallest (decision 0007).

    `scores(c, rest, fold)` fits on the rows `rest` and gives the scores of the rows `fold`.
    """
    folds = min(FOLDS, int(np.bincount(labels).min()))
    if folds < 2:
        raise ModisteError("C cannot be chosen by cross-validation: a class has a single photo in train. Set network.svm_c.")
    parts = list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels))

    def quality(c: float) -> float:
        called = [scores(c, rest, fold).argmax(1) for rest, fold in parts]
        return float(np.mean([f1_score(labels[fold], guess, average="macro") for (_, fold), guess in zip(parts, called, strict=True)]))

    return max(CHOICES_OF_C, key=lambda c: (round(quality(c), 6), -c))


# a second stage fitted on the trained network's features, or None where the layer learns with the network
HEADS: dict[str, Callable[[Floats, Codes, Floats, float | None, int], Fitted] | None] = {
    "softmax": None,
    "hinge": None,
    "svm": fit_svm,
    "rbf_svm": fit_rbf_svm,
}
