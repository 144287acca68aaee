"""From photos to labels: `load` opens a network, a `Labeller` answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from modiste.records.errors import ModisteError, UsageError
from modiste.records.labels import Classes
from modiste.records.recipe import Pixels
from modiste.serving.bundle import Bundle, Card, read_bundle
from modiste.serving.graphs import BATCH, Answers, Bytes, answering, joined, open_graph

__all__ = ["Answers", "Labeller", "load"]
BUNDLED = "bundled/modiste.onnx"


@dataclass(frozen=True, eq=False)
class Labeller:
    """A network that answers, and what belongs to it."""

    card: Card
    id: str  # the network's name and 12 digits of its file's SHA-256: it stands in every result
    ask: Callable[[Bytes], Answers]

    @property
    def classes(self) -> Classes:
        return self.card.classes

    @property
    def pixels(self) -> Pixels:
        """How a photo becomes what the network is given."""
        return self.card.pixels

    def score(self, pixels: Bytes) -> Answers:
        """What the network says of N photos, their pixels uint8 (N, S, S, C) as `to_pixels` gives them; some photos at a time."""
        side, channels = self.pixels.side, 3 if self.pixels.colour == "rgb" else 1
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (side, side, channels):
            raise UsageError(f"{self.id} is given photos as uint8 (N, {side}, {side}, {channels}), not {pixels.dtype} {pixels.shape}.")
        parts = [self.ask(pixels[start : start + BATCH]) for start in range(0, len(pixels), BATCH)]
        answers = joined(parts or [self.ask(np.zeros((1, side, side, channels), np.uint8))])[: len(pixels)]
        if not (np.isfinite(answers.probabilities).all() and np.isfinite(answers.scores).all()):
            raise ModisteError(f"{self.id} gives values that are no numbers: its weights are broken. Export it again.")
        return answers


def load(model: Path | str | None = None, *, threads: int | None = None) -> Labeller:
    """The network of a bundle, or the one that comes with modiste, on so many threads (None: one a processor)."""
    if model is not None:
        return labeller_of(bundle_at(Path(model)), str(model), threads)
    with as_file(files("modiste.serving") / BUNDLED) as path:
        if not path.is_file():
            raise ModisteError("this modiste comes without a network of its own. Name one: a bundle that `modiste export RUN` made.")
        return labeller_of(read_bundle(path), "the bundled network", threads)


def bundle_at(path: Path) -> Bundle:
    if path.is_dir():
        raise ModisteError(f"{path} is a folder. Is it a run? `modiste export {path}` makes a bundle of it, which is loaded.")
    return read_bundle(path)


def labeller_of(bundle: Bundle, where: str, threads: int | None) -> Labeller:
    return Labeller(bundle.card, bundle.id, answering(open_graph(bundle.data, where, threads), where))
