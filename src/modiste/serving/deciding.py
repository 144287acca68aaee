"""What is done with a photo's answer: labelled automatically, reviewed by people, or rejected; thresholds come from evidence.

Decisions are taken in this order; the first that holds stands:

1. a photo that gives no pixels is rejected (nobody asks the network);
2. a photo stranger than the card allows is rejected;
3. a photo of a class without a threshold is reviewed: its evidence does not carry the precision that was asked for;
4. a photo less confident than its class's threshold is reviewed;
5. any other is labelled automatically.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isfinite, log
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from modiste.records.errors import UsageError
from modiste.records.labels import Classes
from modiste.serving.bundle import Card, Evidence
from modiste.serving.graphs import Answers

DECISIONS = AUTO, REVIEW, REJECT = ("auto", "review", "reject")
WHY = {  # reason of a decision that is not auto -> in words; a photo without pixels has a word of data.opening.refusals.REASONS
    "strange": "it is unlike the photos that the network learnt from",
    "too_little_evidence": "too few photos of the class called were right to promise the precision that was asked for",
    "unsure": "the probability of the class called is below its threshold",
}
DOUBT = 0.05  # the share of calibrations in which a class may miss the precision that was asked for
STARTS = {0.2: 0.25, 0.5: 0.75}  # share of a class's photos from which on ranks are tested -> part of the doubt that is spent there
STEPS = 20  # ranks that are tested in a class
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Thresholds:
    """From which confidence on a photo is labelled automatically, a class; None: never."""

    classes: Classes
    precision: float  # that was asked for, in (0, 1)
    least: tuple[float | None, ...]  # (K,): confidence, in [0, 1]
    reject_above: float | None  # strangeness; None: nothing is strange
    proven: bool  # from evidence; else the confidence is believed as it is

    def decide(self, answers: Answers) -> list[str]:
        """A word of DECISIONS for each photo."""
        return [self.decision(reason) for reason in self.reasons(answers)]

    def decision(self, reason: str) -> str:
        """The decision that a reason stands for."""
        return {"": AUTO, "strange": REJECT}.get(reason, REVIEW)

    def reasons(self, answers: Answers) -> list[str]:
        """Why each photo is not labelled automatically, a word of WHY; '' for one that is."""
        least = np.array([np.nan if one is None else one for one in self.least])[answers.called]  # (N,)
        reasons = np.where(np.isnan(least), "too_little_evidence", np.where(answers.confidence >= least, "", "unsure"))
        if self.reject_above is not None and answers.strangeness is not None:
            reasons = np.where(answers.strangeness > self.reject_above, "strange", reasons)
        return [str(reason) for reason in reasons]


@dataclass(frozen=True)
class Share:
    """Of `photos` of the evidence (called one class, or all), those labelled automatically, and how many of them are right."""

    name: str
    photos: int
    auto: int
    right: int

    @property
    def share(self) -> float:
        """Of the photos, those labelled automatically, in [0, 1]."""
        return self.auto / self.photos if self.photos else 0.0

    @property
    def precision(self) -> float | None:
        """Of those, the right ones, in [0, 1]; None where there are none."""
        return self.right / self.auto if self.auto else None

    @property
    def interval(self) -> tuple[float, float]:
        """Where the precision lies with 95 % confidence, (Clopper & Pearson 1934)."""
        return bounds(self.right, self.auto)


@dataclass(frozen=True)
class Expected:
    """What thresholds gave on the evidence: what they will give on photos like those, and on no others."""

    overall: Share
    classes: tuple[Share, ...]
    never: tuple[str, ...]  # classes that are never labelled automatically

    def words(self) -> str:
        """The whole in a sentence or two.

        >>> Expected(Share("all", 200, 150, 149), (), ("Bags",)).words()
        'Of photos like those it was tried on, 75.0 % are labelled automatically, 99.3 % of them right (96.3 to 100.0 %). Never: Bags.'
        """
        one, never = self.overall, f" Never: {', '.join(self.never)}." if self.never else ""
        if one.precision is None:
            return f"Of photos like those it was tried on, none are labelled automatically.{never}"
        low, high = one.interval
        right = f"{100 * one.precision:.1f} % of them right ({100 * low:.1f} to {100 * high:.1f} %)"
        return f"Of photos like those it was tried on, {100 * one.share:.1f} % are labelled automatically, {right}.{never}"


def check_precision(precision: float) -> None:
    """Refuse what is no share, or more than can be promised."""
    if not (isinstance(precision, Real) and isfinite(precision) and 0 < precision < 1):
        raise UsageError(f"precision = {precision!r}: a share, a number above 0 and below 1, such as 0.95; no evidence can promise 1.")


def thresholds(card: Card, precision: float) -> Thresholds:
    """For each class the lowest confidence from which on photos called so are right with at least `precision`, in (0, 1).

    Holds for each class in 95 of 100 calibrations, for photos like those of the evidence. Without evidence in the card the confidence
    is believed as it is, and `proven` is False.
    """
    check_precision(precision)
    if card.evidence is None:
        return Thresholds(card.classes, precision, (precision,) * len(card.classes), card.reject_above, proven=False)
    called, right, confidence = kept(card, card.evidence)
    least = tuple(threshold(confidence[called == code], right[called == code], precision) for code in range(len(card.classes)))
    return Thresholds(card.classes, precision, least, card.reject_above, proven=True)


def expected(card: Card, chosen: Thresholds) -> Expected | None:
    """What the thresholds give on the card's evidence; None where it has none."""
    if card.evidence is None:
        return None
    called, right, confidence = kept(card, card.evidence)
    least = np.array([np.inf if one is None else one for one in chosen.least])[called]
    auto, every = confidence >= least, np.array(card.evidence.called)
    shares = [
        Share(name, int((every == code).sum()), int(auto[called == code].sum()), int((auto & right)[called == code].sum()))
        for code, name in enumerate(card.classes.names)
    ]
    overall = Share("all", len(every), int(auto.sum()), int((auto & right).sum()))
    return Expected(overall, tuple(shares), tuple(name for name, one in zip(card.classes.names, chosen.least, strict=True) if one is None))


def kept(card: Card, evidence: Evidence) -> tuple[NDArray[np.int64], NDArray[np.bool_], Floats]:
    """Class called, right or not, and confidence of the evidence's photos that are not rejected for being strange, (M,) each."""
    called, right, confidence = np.array(evidence.called, np.int64), np.array(evidence.right, np.bool_), np.array(evidence.confidence)
    if card.reject_above is None or not evidence.strangeness:
        return called, right, confidence
    like = np.array(evidence.strangeness) <= card.reject_above
    return called[like], right[like], confidence[like]


def threshold(confidence: Floats, right: NDArray[np.bool_], precision: float, doubt: float = DOUBT) -> float | None:
    """The lowest confidence from which on so many are right, for M photos of one class; None where the evidence does not carry any.

    Ranks chosen beforehand are tested from the surest photos down, each by the exact binomial test of the photos down to it. One that
    passes hands its doubt on to the next, one that fails loses it (Wiens 2003's fallback procedure, on thresholds as in Learn then Test,
    Angelopoulos et al. 2021). So all tests share one `doubt`, as long as less confidence does not mean more precision.
    """
    order = np.argsort(-confidence, kind="stable")
    sure, wrong = confidence[order], np.cumsum(~right[order])
    found, held = None, 0.0
    for rank, own in ranks(len(sure), precision, doubt).items():
        down_to = int((sure >= sure[rank - 1]).sum())  # more than `rank` where several are equally sure
        held += own
        if held and at_most(int(wrong[down_to - 1]), down_to, 1 - precision) <= held:
            found = float(sure[rank - 1])
        else:
            held = 0.0
    return found


def ranks(photos: int, precision: float, doubt: float) -> dict[int, float]:
    """How many of the surest photos are tested, in order, and the doubt that each test has of its own."""
    own: dict[int, float] = {}
    for share, part in STARTS.items():
        fewest = ceil(log(part * doubt) / log(precision))  # fewer can pass no test, be they all right
        rank = min(photos, max(fewest, round(share * photos)))
        own[rank] = own.get(rank, 0.0) + part * doubt
    between = np.linspace(min(own), photos, STEPS).round().astype(int).tolist() if photos else []
    return {rank: own.get(rank, 0.0) for rank in sorted({*own, *between}) if rank}


def at_most(wrong: int, photos: int, share: float) -> float:
    """The chance that so many of `photos`, or fewer, are wrong where each is with probability `share`: the binomial's lower tail.

    >>> round(at_most(1, 3, 0.5), 6)
    0.5
    """
    if wrong >= photos:
        return 1.0
    count = np.arange(wrong + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(photos - count[:-1]) - np.log(count[1:]))])  # of "photos choose count"
    return float(min(1.0, np.exp(logs + count * log(share) + (photos - count) * np.log1p(-share)).sum()))


def bounds(right: int, photos: int, doubt: float = DOUBT) -> tuple[float, float]:
    """The two-sided Clopper-Pearson interval of a share, in [0, 1], with confidence 1 - `doubt`.

    >>> [round(bound, 4) for bound in bounds(9, 10)]
    [0.555, 0.9975]
    """
    high = 1 - lowest(photos - right, photos, doubt / 2)
    return lowest(right, photos, doubt / 2), high


def lowest(right: int, photos: int, doubt: float) -> float:
    """The share at which so many right ones, or more, have the chance `doubt`; found by halving."""
    if right == 0:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if at_most(photos - right, photos, 1 - middle) < doubt else (low, middle)
    return (low + high) / 2
