"""From photos to labels: `load` opens a network, a `Labeller` answers.

    labeller = modiste.load("shop.onnx")
    for label in labeller.label(["1.jpg", "2.jpg"], precision=0.98):
        print(label.path, label.decision, label.label, label.confidence)

No torch is imported on the way.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from modiste.data.opening.crew import processors
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.threads import in_threads
from modiste.records.errors import ModisteError, UsageError
from modiste.records.labels import Classes
from modiste.records.recipe import Pixels
from modiste.records.seal import WITHIN, has_seal
from modiste.serving.bundle import Bundle, Card, read_bundle
from modiste.serving.deciding import REJECT, Thresholds, check_precision, thresholds
from modiste.serving.foreign import open_foreign, shown_as
from modiste.serving.graphs import Answers, Ask, Bytes, answering, joined, open_graph
from modiste.serving.photos import Photo, each_of, pixels_of

__all__ = ["Answers", "Label", "Labeller", "load"]
BUNDLED = "bundled/modiste.onnx"
DECIDE = ("onnxruntime", "numpy", "pillow", "simplejpeg")  # another version of these may give other numbers
PRECISION = 0.95  # of the photos labelled automatically, where nobody asks for another


@dataclass(frozen=True)
class Label:
    """What was found out about one photo, and what to do with it. A photo that gives no pixels has no label, and a reason."""

    label: str | None  # the most probable class, whatever was decided
    confidence: float | None  # its probability, in [0, 1]
    probabilities: dict[str, float]  # class -> probability
    decision: str  # a word of deciding.DECISIONS: auto, review, reject
    reason: str = ""  # why it is not automatic: a word of deciding.WHY, or of data.opening.refusals.REASONS
    strangeness: float | None = None  # the higher, the less like the photos learnt from; None where the network cannot tell
    path: str | None = None  # as it was given; None for bytes, pictures and arrays


@dataclass(frozen=True, eq=False)
class Labeller:
    """A network that answers, and what belongs to it."""

    card: Card
    id: str  # the network's name and 12 digits of its file's SHA-256: it stands in every result
    ask: Ask
    threads: int

    def __repr__(self) -> str:
        return f"<Labeller {self.id}: {', '.join(self.classes.names)}>"

    @property
    def classes(self) -> Classes:
        return self.card.classes

    @property
    def pixels(self) -> Pixels:
        """How a photo becomes what the network is given."""
        return self.card.pixels

    @property
    def shown(self) -> str:
        """In words how photos are shown to another maker's network, which somebody had to say; '' for a bundle."""
        return shown_as(self.card)

    @property
    def identity(self) -> str:
        """What must be the same for a photo's bytes to have the same answer: the network, how it sees, what decodes and computes."""
        from importlib import metadata  # slow to import, for one photo's answer

        sees = [repr(self.pixels), *self.classes.names]  # another maker's file does not say them itself
        sees += [self.shown] if self.shown else []
        return " ".join([self.id, *sees, *(f"{name} {metadata.version(name)}" for name in DECIDE)])

    def thresholds(self, precision: float) -> Thresholds:
        """From which confidence on each class is labelled automatically, found once a precision: that takes as long as half a photo."""
        check_precision(precision)
        return self.found(float(precision))

    @cached_property
    def found(self) -> Callable[[float], Thresholds]:
        return lru_cache(64)(partial(thresholds, self.card))

    def label(self, photos: Photo | Iterable[Photo], *, precision: float = PRECISION) -> list[Label]:
        """One label a photo, in order, for one photo or many: paths, bytes, Pillow's pictures, arrays uint8 (H, W, 3) or (H, W).

        `precision` is the share of automatic labels that shall be right, a class. Photos are decoded in this process, in threads: nothing
        is started or copied, and all limits on size hold, but a file made to crash or hang a decoder can do so. For folders of strangers'
        files take `modiste label`, which decodes in processes that may die.
        """
        chosen = self.thresholds(precision)

        def labelled(numbered: tuple[int, Photo]) -> Label:
            place, photo = numbered
            path = os.fspath(photo) if isinstance(photo, str | os.PathLike) else None
            try:
                pixels = pixels_of(photo, self.pixels, path or f"photo {place}")
            except PhotoRefused as refused:
                return Label(None, None, {}, REJECT, refused.reason, None, path)
            return self.labels(self.score(pixels[None]), chosen, [path])[0]

        return list(in_threads(labelled, enumerate(each_of(photos)), self.threads))

    def labels(self, answers: Answers, chosen: Thresholds, paths: Sequence[str | None]) -> list[Label]:
        """Answers in words, with what the thresholds decide, for N photos."""
        names = self.classes.names
        strange = [None] * len(answers) if answers.strangeness is None else answers.strangeness.tolist()
        columns = (answers.called, answers.confidence.tolist(), answers.probabilities.tolist(), chosen.reasons(answers), strange, paths)
        return [
            Label(names[called], confidence, dict(zip(names, row, strict=True)), chosen.decision(reason), reason, strangeness, path)
            for called, confidence, row, reason, strangeness, path in zip(*columns, strict=True)
        ]

    def score(self, pixels: Bytes) -> Answers:
        """What the network says of N photos, their pixels uint8 (N, S, S, C) as `to_pixels` gives them.

        Each is asked about alone: its answer depends on none beside it, and more at once leave a processor's caches and are slower.
        """
        side, channels = self.pixels.side, 3 if self.pixels.colour == "rgb" else 1
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (side, side, channels):
            raise UsageError(f"{self.id} is given photos as uint8 (N, {side}, {side}, {channels}), not {pixels.dtype} {pixels.shape}.")
        if len(pixels) <= 1:
            answers = self.ask(pixels if len(pixels) else np.zeros((1, *pixels.shape[1:]), np.uint8))[: len(pixels)]
        else:
            answers = joined(list(in_threads(self.ask, (pixels[row : row + 1] for row in range(len(pixels))), self.threads)))
        self.refuse_broken(answers)
        return answers

    def refuse_broken(self, answers: Answers) -> None:
        """An answer that is no number is an error, never a label."""
        if answers.probabilities.shape[1:] != (len(self.classes),):
            raise ModisteError(
                f"{self.id} gives probabilities {answers.probabilities.shape} for {len(self.classes)} classes: export it again."
            )
        if self.card.reject_above is not None and answers.strangeness is None:
            raise ModisteError(f"{self.id} is to reject strange photos and does not tell which are strange. Export it again.")
        given = (answers.probabilities, answers.scores, answers.features, answers.strangeness)
        if not all(values is None or np.isfinite(values).all() for values in given):
            raise ModisteError(f"{self.id} gives values that are no numbers: its weights are broken. Export or copy it again.")


def load(
    model: Path | str | None = None,
    *,
    classes: Classes | Sequence[str] | str | None = None,
    pixels: Pixels | Mapping[str, Any] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    threads: int | None = None,
) -> Labeller:
    """The network that comes with modiste, that of a bundle, or of another's ONNX file, on so many threads (None: one a processor).

    `classes` (a list, or 'Shoes,Bags') and `pixels` (or a mapping of what the file does not say: colour, fit, normalise, perhaps side) are
    given for another's file alone, as are `mean` and `std` a channel, for pixels in [0, 1], where they are none that `pixels.normalise` can
    name; serving/foreign.py has what such a file must be like.
    """
    threads = processors() if threads is None else threads
    if threads < 1:
        raise UsageError(f"threads = {threads}: must be 1 or more.")
    if model is None:
        lent = bundled()
        refuse_said(lent.id, classes, pixels, mean, std)
        return labeller_of(lent, lent.id, threads)
    path = Path(model)
    if not is_bundle(path):
        return Labeller(*open_foreign(path, classes, pixels, mean, std, threads), threads)
    refuse_said(str(path), classes, pixels, mean, std)
    return labeller_of(read_bundle(path), str(path), threads)


def is_bundle(path: Path) -> bool:
    """Whether a file has our seal, be it broken."""
    if path.is_dir():
        raise ModisteError(f"{path} is a folder. Is it a run? `modiste export {path}` makes a bundle of it, which can be loaded.")
    try:
        with path.open("rb") as file:
            return has_seal(file.read(WITHIN))
    except OSError as error:
        raise ModisteError(f"{path} cannot be read: {error.strerror}.") from error


def refuse_said(where: str, *said: object) -> None:
    """A bundle knows its classes and pixels: what is said beside it would be ignored."""
    if any(one is not None for one in said):
        raise UsageError(
            f"{where} is a bundle, which knows its classes, pixels and constants: leave out --classes and --set "
            "(in Python classes, pixels, mean and std)."
        )


def bundled() -> Bundle:
    from importlib.resources import as_file, files  # takes 25 ms to import

    with as_file(files("modiste.serving") / BUNDLED) as path:
        if not path.is_file():
            raise ModisteError("this modiste comes without a network of its own. Name one: a bundle that `modiste export RUN` made.")
        return read_bundle(path)


def labeller_of(bundle: Bundle, where: str, threads: int) -> Labeller:
    return Labeller(bundle.card, bundle.id, answering(open_graph(bundle.data, where, threads), where), threads)
