"""Reproducing: a finished run trained again from what stands in its folder, and whether the numbers agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modiste.data.describe import Contents
from modiste.data.layouts.readers import read
from modiste.evaluation.compared import in_words
from modiste.evaluation.metrics import metric
from modiste.evaluation.statistics.estimates import estimate
from modiste.records.catalogue import TEST, TRAIN, VALIDATION, Catalogue
from modiste.records.disk import digest
from modiste.records.errors import ModisteError, UsageError
from modiste.records.predictions import Predictions
from modiste.records.recipe import Recipe
from modiste.records.run import Run, run_folder
from modiste.records.table import Cell, Table
from modiste.training.fit import USUAL, Manner, divided, fit, used_contents

BITS, CALLS, WITHIN, BEYOND = "the same bits", "the same calls", "within the interval", "beyond the interval"
MEASURES = ("accuracy", "macro_f1", "macro_precision", "macro_recall")


@dataclass(frozen=True)
class Repeated:
    """What one split's predictions are, then and now: one of the four words, and the table that shows it."""

    split: str
    agreement: str
    photos: int  # that both tell of
    called_otherwise: int  # of these
    table: Table

    @property
    def words(self) -> str:
        if self.agreement == BITS:
            return f"{self.split}: the same bits for all {self.photos} photos."
        if self.agreement == CALLS:
            return f"{self.split}: the same calls for all {self.photos} photos, with other scores."
        return f"{self.split}: {self.called_otherwise} of {self.photos} photos called otherwise; the measures are {self.agreement}."


@dataclass(frozen=True)
class Reproduced:
    """A run and its repeat, how their predictions compare, and what was other when they were trained."""

    run: Run
    repeat: Run
    trained: bool  # now; else the repeat stood there, finished
    splits: tuple[Repeated, ...]
    data: str  # what differs in the photos, in words; empty where their hash is the same
    circumstances: Mapping[str, tuple[str, str]]  # what differs in versions and machine: then, now

    @property
    def promised(self) -> bool:
        """Whether the same bits were promised: the same photos, versions and machine, on a processor."""
        return not self.data and not self.circumstances and self.repeat.about["made_with"]["device"] == "cpu"

    @property
    def agrees(self) -> bool:
        """Whether every split says the same: the same bits where they were promised, else calls or measures that cannot be told apart."""
        enough = (BITS,) if self.promised else (BITS, CALLS, WITHIN)
        return all(split.agreement in enough for split in self.splits)

    @property
    def tables(self) -> list[Table]:
        """The measures of each split, and what was other."""
        rows = [(name, *values) for name, values in self.circumstances.items()]
        other = [Table("What was other", ("", "Then", "Now"), tuple(rows))] if rows else []
        return [*(split.table for split in self.splits), *other]

    @property
    def verdict(self) -> str:
        """The answer in words."""
        lines = [f"{'It agrees' if self.agrees else 'It does not agree'}: {' '.join(split.words for split in self.splits)}"]
        if self.data:
            lines.append(f"The photos are not those of the run: {self.data}")
        if self.promised and not self.agrees:
            lines.append("Photos, versions and machine are the same, so the same bits were to be expected.")
        if not self.circumstances:
            lines.append("Versions and machine are the same.")
        if not self.trained:
            lines.append(f"The repeat stood in {self.repeat.folder}, finished, and was not trained again.")
        return "\n".join(lines)

    def plain(self) -> dict[str, Any]:
        """The answer as plain values, for JSON."""
        splits = {
            one.split: {"agreement": one.agreement, "photos": one.photos, "called_otherwise": one.called_otherwise, **one.table.plain()}
            for one in self.splits
        }
        other = {name: list(values) for name, values in self.circumstances.items()}
        found = {"agrees": self.agrees, "run": str(self.run.folder), "repeat": str(self.repeat.folder), "trained": self.trained}
        return {**found, "data": self.data, "splits": splits, "circumstances": other}


def reproduce(
    run: Run | Path | str,
    catalogue: Catalogue | Path | str,
    runs: Path | str = "reproduced",
    manner: Manner = USUAL,
    *,
    weights: Path | str | None = None,
    anyway: bool = False,
) -> Reproduced:
    """Train a finished run again into `runs`, another folder than its own, and compare what the two say of each photo.

    Photos whose hash is another, or starting weights whose SHA-256 is, are refused, unless `anyway`. `weights` is where the file that
    the run began from lies now. The run itself is only read.
    """
    run = run if isinstance(run, Run) else Run(Path(run))
    runs = Path(runs)
    catalogue = catalogue if isinstance(catalogue, Catalogue) else read(catalogue)
    about = run.about  # refused where the run is not finished, or its seal is broken
    if not run.splits:
        raise ModisteError(f"{run.folder} has no predictions to compare with.")
    recipe = begun_alike(run, weights, anyway)
    contents = used_contents(catalogue, manner.tell)
    data = other_photos(run, catalogue, recipe, contents)
    if data and not anyway:
        raise ModisteError(f"{catalogue.root}: not the photos of {run.folder.name}: {data}\n--anyway trains on these and compares.")
    repeat = Run(run_folder(runs, recipe, contents.data_hash))
    if runs.resolve() == run.folder.parent.resolve() or repeat.folder.resolve() == run.folder.resolve():
        raise UsageError(f"{runs} is where the run itself stands; a repeat needs a folder of its own: give another one.")
    finished = repeat.finished
    repeat = fit(recipe, catalogue, runs, manner, contents)
    splits = [compared(name, run.predictions(name), repeat.predictions(name)) for name in run.splits if name in repeat.splits]
    if not splits:
        raise ModisteError(f"{catalogue.root}: the run told of {', '.join(run.splits)}, and these photos have no such split to compare.")
    return Reproduced(run, repeat, not finished, tuple(splits), data, differing(about, repeat.about))


def begun_alike(run: Run, weights: Path | str | None, anyway: bool) -> Recipe:
    """The run's recipe, which starts from the file that it began from, wherever that lies now; another content is refused."""
    recipe, (began, _, sha) = run.recipe, str(run.about.get("started_from", "")).rpartition(" sha256:")
    if not began:
        if weights is not None:
            raise UsageError(f"{run.folder} did not begin from a file of weights: leave the weights away.")
        return recipe
    path = Path(weights if weights is not None else recipe.network.weights)
    if not path.is_file():
        raise ModisteError(f"{run.folder} began from {began}, which is not at {path}. Say where it lies now: --weights FILE.")
    if not anyway and digest(path) != sha:
        raise ModisteError(f"{path} is not the file that {run.folder} began from: its SHA-256 is another. Give that one: --weights FILE.")
    return replace(recipe, network=replace(recipe.network, weights=str(path)))


def other_photos(run: Run, catalogue: Catalogue, recipe: Recipe, contents: Contents) -> str:
    """What differs between a run's photos and a catalogue's, as far as the run remembers, in words; nothing where the hash is one.

    A run keeps the number of photos of each split, and the paths and classes of those that it was tested on.
    """
    if contents.data_hash == run.about["data"]["hash"]:
        return ""
    if tuple(run.about["classes"]) != catalogue.classes.names:
        return f"its classes are {', '.join(run.about['classes'])}; these are {', '.join(catalogue.classes.names)}."
    now, then = divided(catalogue, recipe, contents).named(), run.about["data"]["photos"]
    said = [said_of(run, name, now[name]) for name in (VALIDATION, TEST) if name in run.splits and name in now]
    said += [
        f"{name} has {len(now.get(name, ())):,} photos instead of {then.get(name, 0):,}"
        for name in (TRAIN, VALIDATION, TEST)
        if len(now.get(name, ())) != then.get(name, 0)
    ]
    found = [words for words in said if words]
    return (
        f"{'; '.join(found)}." if found else "their number is the same, but the bytes, paths, products or training labels of some are not."
    )


def said_of(run: Run, name: str, now: Catalogue) -> str:
    """How the photos of one split differ from those that the run was asked about: missing, added, labelled otherwise."""
    asked = run.predictions(name)
    then = {photo: asked.classes[code] for photo, code in zip(asked.photos, asked.truth, strict=True)}
    here = {photo.path: now.classes.names[code] for photo, code in zip(now.photos, now.labels(), strict=True)}
    counts = {
        "missing": len(then.keys() - here.keys()),
        "added": len(here.keys() - then.keys()),
        "labelled otherwise": sum(here[path] != then[path] for path in then.keys() & here.keys()),
    }
    found = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    return f"of {name}'s photos {found}" if found else ""


def compared(split: str, then: Predictions, now: Predictions) -> Repeated:
    """Two predictions of one split: the same bits, the same calls, or measures within or beyond the interval of the first."""
    then, now = shared(then, now)
    otherwise = int((named(then, then.called) != named(now, now.called)).sum())
    rows: list[tuple[Cell, ...]] = []
    within = True
    for name in MEASURES:
        known, found = estimate([then], name), metric(name, now)
        rows.append((in_words(name, inside=True), known.value, found, found - known.value, known.low, known.high))
        within = within and known.low <= found <= known.high
    same_calls = otherwise == 0 and np.array_equal(named(then, then.truth), named(now, now.truth))
    same_scores = then.classes == now.classes and np.array_equal(then.scores, now.scores)
    agreement = BITS if same_calls and same_scores else CALLS if same_calls else WITHIN if within else BEYOND
    columns = ("Measure", "Then", "Now", "Δ", "Low", "High")
    note = "Low and high are the 95 % interval of what the run measured then, over other photos of the kind."
    return Repeated(split, agreement, len(then), otherwise, Table(f"Repeated: {split}", columns, tuple(rows), (note,)))


def named(predictions: Predictions, codes: NDArray[np.int64]) -> NDArray[np.str_]:
    """The names of some classes: two catalogues may number them otherwise."""
    return np.array(predictions.classes)[codes]


def shared(then: Predictions, now: Predictions) -> tuple[Predictions, Predictions]:
    """Both for the photos that both tell of, in the order of the first."""
    place = {photo: row for row, photo in enumerate(now.photos)}
    rows = [row for row, photo in enumerate(then.photos) if photo in place]
    if not rows:
        raise ModisteError("the run and its repeat tell of no photo in common, so there is nothing to compare.")
    return at(then, rows), at(now, [place[then.photos[row]] for row in rows])


def at(predictions: Predictions, rows: list[int]) -> Predictions:
    photos = tuple(predictions.photos[row] for row in rows)
    return Predictions(predictions.classes, photos, predictions.truth[rows], predictions.scores[rows])


def differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """What of versions, machine, arithmetic and starting weights is not the same: name -> then, now."""
    one, other = (
        {**about["made_with"], "precision": about.get("precision", ""), "starting weights": started(about)} for about in (then, now)
    )
    names = dict.fromkeys([*one, *other])
    return {name: (str(one.get(name, "")), str(other.get(name, ""))) for name in names if one.get(name) != other.get(name)}


def started(about: Mapping[str, Any]) -> str:
    """Where a run's first weights came from; of a file its SHA-256, wherever it lies.

    >>> started({"started_from": "stand-in.safetensors sha256:0f3a"}), started({"started_from": "none"})
    ('0f3a', 'none')
    """
    return str(about.get("started_from", "")).rpartition(" sha256:")[2]
